"""Bars of crypto exchanges, through the library ccxt."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

import numpy as np

from research_kit.errors import DataError, NotFoundError, OptionError, did_you_mean
from research_kit.sources.fetching import (
    DAY_MS,
    Fetched,
    FetchOptions,
    Moment,
    Table,
    frame_of,
    iso,
    library,
    moment_ms,
    notes_of,
    origin_of,
    shown,
    vendor_timeframe,
)
from research_kit.sources.pages import FORGOTTEN_AFTER, Page, PageCache, collect, teller
from research_kit.sources.patience import Transient, patiently, retry_after

T = TypeVar("T")
COLUMNS = ("open", "high", "low", "close", "volume")
_FEWEST_ROWS = 100  # a page that every exchange grants, where ccxt does not know how long its pages may be
_UNITS = {"s": "s", "m": "min", "h": "h", "d": "d", "w": "w", "M": "mo"}


def ccxt(
    exchange: str,
    symbol: str,
    *,
    timeframe: str = "1h",
    since: Moment,
    until: Moment | None = None,
    **options: Any,
) -> Fetched:
    """Return the complete bars of a market on a crypto exchange.

    Pages are asked for one after another, again where the exchange did not answer (with pauses that grow, or as long
    as it asks for), and with ``cache=`` a folder they survive an interruption: the same call goes on from there.

    Parameters
    ----------
    exchange
        ccxt's name of it, such as ``"binance"``, ``"kraken"``, ``"coinbase"``.
    symbol
        ccxt's name of the market: ``"BTC/USDT"``, of perpetual futures ``"BTC/USDT:USDT"``.
    timeframe
        The exchange's or ours: ``"1m"`` or ``"1min"``, ``"1h"``, ``"1d"``, ``"1M"`` or ``"1mo"``.
    since, until
        From which time on, and up to but not including which; UTC where they have no zone. Without ``until``, up to
        the last bar that has ended.
    options
        The fields of ``FetchOptions``; ``settings`` goes to ccxt's constructor.

    Raises
    ------
    NotFoundError
        There is no such exchange or market, or ccxt is not installed.
    OptionError
        The exchange has no bars of this timeframe, or the times are not a span.
    DataError
        The exchange refused, did not answer after all tries, or has no bars in the span.

    Examples
    --------
    ::

        fetched = rk.sources.ccxt("binance", "BTC/USDT", timeframe="1h", since="2024-01-01")
        ws.import_dataset(fetched.frame, name=fetched.name, **fetched.options)
    """
    chosen = FetchOptions(**options)
    market = _open_market(exchange, symbol, timeframe, chosen)
    first = moment_ms(since, "since")
    stop = min(moment_ms(until, "until") if until is not None else chosen.now_ms, chosen.now_ms - market.longest + 1)
    if until is not None and moment_ms(until, "until") <= first:
        raise OptionError(f"until={until!r} must be later than since={since!r}.")
    if stop <= first:
        raise OptionError(f"No bar of {timeframe} that opened at or after since={since!r} has ended yet.")
    rows = market.rows(first, stop)
    if not len(rows):
        raise DataError(f"{exchange} has no bars of {symbol} from {shown(first)} to {shown(stop)}.")
    return _fetched(market, rows, first, until)


def _fetched(market: _Market, rows: Table, first: int, until: Moment | None) -> Fetched:
    left = f"{market.exchange} listed {market.symbol} then, or keeps no older bars of {market.timeframe}"
    facts: dict[str, Any] = {
        "exchange": market.exchange,
        "symbol": market.symbol,
        "timeframe": market.timeframe,
        "since": iso(first),
        "until": None if until is None else iso(moment_ms(until, "until")),
    }
    return Fetched(
        frame=frame_of(rows, COLUMNS),
        name=f"{market.symbol} {market.timeframe} {market.exchange}",
        symbol=market.symbol,
        exchange=market.exchange,
        options={
            "symbol": market.symbol,
            "exchange": market.exchange,
            "session": "24/7",
            "timeframe": our_timeframe(market.timeframe),
        },
        origin=origin_of("ccxt", market.options, **facts),
        notes=tuple(notes_of(rows, first, our_timeframe(market.timeframe), "since", left)),
        added=len(rows),
    )


def our_timeframe(timeframe: str) -> str:
    """Return our name of one of ccxt's timeframes; ``""`` where we have none.

    >>> our_timeframe("1m"), our_timeframe("1M"), our_timeframe("4h"), our_timeframe("1y")
    ('1min', '1mo', '4h', '')
    """
    match = re.fullmatch(r"(\d+)([smhdwM])", timeframe)
    return f"{match[1]}{_UNITS[match[2]]}" if match else ""


@dataclass(frozen=True)
class _Market:
    """A market of an exchange, its timeframe, and how it is asked for bars.

    ``shortest`` and ``longest`` are the lengths of a bar in milliseconds: they differ for months.
    """

    vendor: Any
    exchange: str
    symbol: str
    timeframe: str
    limit: int
    shortest: int
    longest: int
    options: FetchOptions

    def rows(self, first: int, stop: int) -> Table:
        """Return the bars that open from a time up to but not including another."""
        request = {"library": "ccxt", "exchange": self.exchange, "symbol": self.symbol, "timeframe": self.timeframe}
        cache = PageCache({**request, "first": first}, self.options, width=6, max_age=FORGOTTEN_AFTER)
        tell, waits = teller(self.options, first, stop)
        return collect(lambda cursor: self.page(cursor, stop, waits), first, stop, cache, tell)

    def page(self, cursor: int, stop: int, waits: Callable[[str], None]) -> Page:
        rows = self.ask(self.timeframe, cursor, waits)
        newer = rows[rows[:, 0] >= cursor]  # some exchanges give what they have, whatever they are asked for
        if len(newer):
            return Page(rows, int(newer[:, 0].max()) + self.shortest)
        return Page(rows, self.after_a_hole(cursor, stop, waits))

    def after_a_hole(self, cursor: int, stop: int, waits: Callable[[str], None]) -> int:
        """Return where to go on after an empty page: many exchanges answer for a window of time, empty or not.

        Days are looked up to jump to the next one with bars, otherwise years of empty minutes would be asked for.
        """
        past = cursor + self.limit * self.shortest
        if past >= stop or self.shortest >= DAY_MS or "1d" not in (self.vendor.timeframes or {}):
            return past
        day = past // DAY_MS * DAY_MS
        while day < stop:
            days = self.ask("1d", day, waits)[:, 0]
            days = days[days >= day]
            if len(days):
                return max(past, int(days.min()))
            day += self.limit * DAY_MS
        return stop

    def ask(self, timeframe: str, cursor: int, waits: Callable[[str], None]) -> Table:
        def once() -> Table:
            return _table(
                _heard(
                    self.vendor,
                    self.options,
                    lambda: self.vendor.fetch_ohlcv(self.symbol, timeframe, since=cursor, limit=self.limit),
                )
            )

        what = f"{self.symbol} {timeframe} from {shown(cursor)} of {self.exchange}"
        return patiently(once, self.options, what, waits)


def _open_market(exchange: str, symbol: str, timeframe: str, options: FetchOptions) -> _Market:
    """Return a market after looking that exchange, timeframe and symbol are there."""
    vendors = library("ccxt")
    if exchange not in vendors.exchanges:
        near = get_close_matches(str(exchange).lower(), vendors.exchanges, n=1)
        raise NotFoundError(
            f"ccxt knows no exchange {exchange!r}. "
            f"{did_you_mean(near[0], near) if near else 'ccxt.exchanges lists those that it knows.'}"
        )
    vendor = getattr(vendors, exchange)({**options.settings, "timeout": int(options.timeout * 1000)})
    if vendor.has.get("fetchOHLCV") is not True:
        raise OptionError(f"{exchange} offers no bars through ccxt.")
    offered = {name: our_timeframe(name) for name in vendor.timeframes or {} if our_timeframe(name)}
    chosen = vendor_timeframe(timeframe, offered, "timeframe")
    patiently(lambda: _heard(vendor, options, vendor.load_markets), options, f"The list of markets of {exchange}")
    if symbol not in vendor.markets:
        raise NotFoundError(f"{exchange} has no market {symbol!r}. {_near_markets(symbol, list(vendor.markets))}")
    length = int(vendor.parse_timeframe(chosen)) * 1000
    months = int(chosen[:-1]) if chosen.endswith("M") else 0
    return _Market(
        vendor=vendor,
        exchange=exchange,
        symbol=symbol,
        timeframe=chosen,
        limit=int(vendor.feature_value(symbol, "fetchOHLCV", "limit") or _FEWEST_ROWS),
        shortest=28 * DAY_MS * months or length,
        longest=31 * DAY_MS * months or length,
        options=options,
    )


def _near_markets(symbol: str, markets: list[str]) -> str:
    """Return the markets that may be meant: those with the same letters first."""

    def letters(name: str) -> str:
        return re.sub(r"[^A-Z0-9]", "", name.upper())

    same = [name for name in markets if letters(name) == letters(symbol)]
    near = get_close_matches(symbol.upper(), markets, n=3, cutoff=0.5)
    found = list(dict.fromkeys([*same, *near]))[:3]
    return f"Did you mean {' or '.join(map(repr, found))}?" if found else f"It has {len(markets):,} others."


def _heard(vendor: Any, options: FetchOptions, call: Callable[[], T]) -> T:
    """Return what a call to ccxt returns; what may pass becomes ``Transient``, anything else one sentence."""
    vendors = library("ccxt")
    try:
        found = call()
    except vendors.BaseError as error:
        raise _judged(vendor, options, error) from error
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:  # ccxt reading what is no answer
        _check_body(vendor)
        raise DataError(f"ccxt could not read the answer of {vendor.id} ({type(error).__name__}: {error}).") from error
    _check_body(vendor)
    return found


def _judged(vendor: Any, options: FetchOptions, error: Exception) -> Exception:
    vendors = library("ccxt")
    answer = getattr(error.__cause__ or error.__context__, "response", None)
    status = None if answer is None else int(answer.status_code)
    wait = None if answer is None else retry_after(answer.headers, options.now())
    if status == 429 or isinstance(error, vendors.RateLimitExceeded | vendors.DDoSProtection):
        return Transient(f"{vendor.id} limits how often it is asked", wait)
    if status is not None and (status >= 500 or status == 408):
        return Transient(f"{vendor.id} answered with HTTP {status}", wait)
    if isinstance(error, vendors.OperationFailed) and (status is None or status < 400):
        return Transient(f"{vendor.id} did not answer ({type(error).__name__})", wait)
    kind = NotFoundError if isinstance(error, vendors.BadSymbol) else DataError
    return kind(f"{vendor.id} refused: {_short(error)}")


def _short(error: Exception) -> str:
    text = re.sub(r"\?\S*", "", " ".join(str(error).split()))  # addresses of signed requests hold what is secret
    return text if len(text) <= 300 else f"{text[:300]} …"


def _check_body(vendor: Any) -> None:
    """Refuse an answer that is no JSON, such as a page of HTML: ccxt would make no bars or empty ones of it."""
    body = vendor.last_http_response
    if not isinstance(body, str):
        return
    try:
        json.loads(body)
    except ValueError:
        raise Transient(f"{vendor.id} answered with what is no JSON, or cut off ({body[:40]!r})") from None


def _table(rows: Any) -> Table:
    if not rows:
        return np.empty((0, 1 + len(COLUMNS)))
    table = np.array([row[: 1 + len(COLUMNS)] for row in rows], dtype=np.float64)  # None becomes NaN
    if not np.isfinite(table[:, 0]).all():
        raise Transient("some bars came without a time")
    return table
