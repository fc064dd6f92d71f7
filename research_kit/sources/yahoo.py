"""Bars of Yahoo, through the library yfinance."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from research_kit.errors import DataError, NotFoundError, OptionError, ResearchKitError, did_you_mean
from research_kit.sources.fetching import (
    DAY_MS,
    Fetched,
    FetchOptions,
    Moment,
    Table,
    complete_rows,
    day_ms,
    frame_of,
    iso,
    moment_ms,
    notes_of,
    origin_of,
    shown,
    vendor_timeframe,
)
from research_kit.sources.pages import Page, PageCache, collect, teller
from research_kit.sources.patience import Transient, patiently
from research_kit.sources.yahoo_ear import Ear, listening

if TYPE_CHECKING:
    import pandas as pd

INTERVALS = {
    **{"1m": "1min", "2m": "2min", "5m": "5min", "15m": "15min", "30m": "30min", "60m": "1h", "90m": "90min"},
    **{"1h": "1h", "1d": "1d", "1wk": "1w", "1mo": "1mo", "3mo": "3mo"},
}
_KEPT_DAYS = {"1m": 30, "2m": 60, "5m": 60, "15m": 60, "30m": 60, "90m": 60, "60m": 730, "1h": 730}
_PAGE_DAYS = {"1m": 7}
_SPAN_YEARS = 99
_FRESH = 3600.0  # seconds that a page may be used again: a dividend or split changes the whole history
_LEEWAY_MS = 600_000  # how much later than Yahoo's limit a fetch begins, so that a slow clock is not refused

_PRICES = ("Open", "High", "Low", "Close")
_ACTIONS = ("Dividends", "Stock Splits", "Capital Gains")
_PAYS = ("EQUITY", "ETF", "MUTUALFUND")
_SESSIONS = {
    **{"NMS": "XNAS", "NGM": "XNAS", "NCM": "XNAS", "NYQ": "XNYS", "ASE": "XASE", "PCX": "ARCX", "BTS": "BATS"},
    **{"LSE": "XLON", "GER": "XETR", "FRA": "XFRA", "PAR": "XPAR", "AMS": "XAMS", "BRU": "XBRU", "LIS": "XLIS"},
    **{"MIL": "XMIL", "MCE": "XMAD", "EBS": "XSWX", "STO": "XSTO", "HEL": "XHEL", "CPH": "XCSE", "OSL": "XOSL"},
    **{"VIE": "XWBO", "TOR": "XTSE", "HKG": "XHKG", "JPX": "XTKS", "ASX": "XASX", "KSC": "XKRX", "TAI": "XTAI"},
    **{"BSE": "XBOM", "SHH": "XSHG", "JNB": "XJSE", "SAO": "BVMF", "MEX": "XMEX", "SES": "XSES", "NZE": "XNZE"},
    **{"CCC": "24/7", "CCY": "24/5"},
}
_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")


def yfinance(
    symbol: str,
    *,
    interval: str = "1d",
    start: Moment | None = None,
    end: Moment | None = None,
    adjusted: bool = False,
    prepost: bool = False,
    **options: Any,
) -> Fetched:
    """Return the complete bars of a symbol at Yahoo.

    Yahoo's prices are always adjusted for splits. ``adjusted=False`` leaves them so and keeps ``adj_close``, dividends
    and splits beside them; ``adjusted=True`` adjusts all four prices for dividends as well.

    Parameters
    ----------
    symbol
        Yahoo's name of it: ``"SPY"``, ``"BRK-B"``, ``"^GSPC"``, ``"BTC-USD"``, ``"EURUSD=X"``, ``"SAP.DE"``.
    interval
        1m 2m 5m 15m 30m 60m 90m 1h 1d 1wk 1mo 3mo, or ours (``"5min"``).
    start, end
        From which time on, and up to but not including which. Of bars of a day or more they are dates at the exchange,
        otherwise UTC where they have no zone. Without ``start`` all that Yahoo keeps: 30 days of 1m, 60 days of 2m to
        30m and 90m, 730 days of 1h, otherwise everything. Without ``end`` up to the last bar that has ended.
    prepost
        Also bars from before the opening and after the close.
    options
        The fields of ``FetchOptions``; ``settings={"base_url": ...}`` asks another server than Yahoo's.

    Raises
    ------
    NotFoundError
        Yahoo knows no such symbol, or yfinance is not installed.
    OptionError
        The interval is unknown, or Yahoo no longer keeps bars from that far back.
    DataError
        Yahoo refused, limits how often it is asked, did not answer after all tries, or has no bars in the span.

    Examples
    --------
    ::

        fetched = rk.sources.yfinance("SPY", start="2000-01-01")
        ws.import_dataset(fetched.frame, name=fetched.name, **fetched.options)
    """
    chosen = FetchOptions(**options)
    for given in chosen.settings:
        if given != "base_url":
            raise OptionError(f"Yahoo has no setting {given!r}. {did_you_mean(given, ['base_url'])}")
    if not isinstance(symbol, str) or not symbol.strip():
        raise NotFoundError(f"{symbol!r} is no symbol; Yahoo's look like 'SPY', 'BRK-B' or 'BTC-USD'.")
    if _ISIN.fullmatch(symbol.strip().upper()):
        raise NotFoundError(f"{symbol!r} is an ISIN, which several listings share; give Yahoo's symbol of one.")
    name = vendor_timeframe(interval, INTERVALS, "interval")
    asked = _Asked(symbol.strip().upper(), name, adjusted, prepost, chosen)
    first, stop = asked.span(start, end)
    with listening(asked.symbol, asked.interval, chosen) as (ticker, ear):
        desk = _Desk(asked, ticker, ear)
        rows = desk.rows(first, stop)
    return _fetched(desk, rows, start, end)


@dataclass(frozen=True)
class _Asked:
    """What is asked for."""

    symbol: str
    interval: str
    adjusted: bool
    prepost: bool
    options: FetchOptions

    @property
    def dated(self) -> bool:
        """Whether its bars are dates: those of a day or more."""
        return self.interval not in _KEPT_DAYS

    @property
    def timeframe(self) -> str:
        return INTERVALS[self.interval]

    @property
    def columns(self) -> tuple[str, ...]:
        """Yahoo's columns, in order."""
        return (*_PRICES, *(() if self.adjusted else ("Adj Close",)), "Volume", *_ACTIONS)

    def span(self, start: Moment | None, end: Moment | None) -> tuple[int, int]:
        """Return from which time to which, in milliseconds; of dated bars the midnights of dates in UTC."""
        to_ms = day_ms if self.dated else moment_ms
        now = self.options.now_ms
        oldest = earliest(self.interval, now)
        first = oldest if start is None else to_ms(start, "start")
        tomorrow = now // DAY_MS * DAY_MS + 2 * DAY_MS  # the exchange's date may be one ahead of that in UTC
        stop = (tomorrow if self.dated else now) if end is None else to_ms(end, "end")
        if not self.dated and first < oldest:
            raise OptionError(
                f"Yahoo keeps {self.interval} bars for {_KEPT_DAYS[self.interval]} days: start={shown(first)} is too "
                f"long ago, the earliest is {shown(oldest)}. Longer bars ('1h', '1d') reach further back."
            )
        if stop <= first:
            raise OptionError(f"end={shown(stop)} must be later than start={shown(first)}, which must not lie ahead.")
        return first, stop


def earliest(interval: str, now_ms: int) -> int:
    """Return the earliest time to ask Yahoo for, in milliseconds; a midnight for bars of a day or more."""
    if interval in _KEPT_DAYS:
        return now_ms - _KEPT_DAYS[interval] * DAY_MS + _LEEWAY_MS
    return (now_ms // DAY_MS - _SPAN_YEARS * 365) * DAY_MS


def _fetched(desk: _Desk, rows: Table, start: Moment | None, end: Moment | None) -> Fetched:
    asked, meta = desk.asked, desk.ear.meta
    first, _ = asked.span(start, end)
    rows, notes = _whole_bars(rows, asked, str(meta.get("exchangeTimezoneName") or "UTC"))
    if start is not None:
        notes += notes_of(rows, first, asked.timeframe, "start", f"Yahoo has no older bars of {asked.symbol}")
    exchange = str(meta.get("fullExchangeName") or meta.get("exchangeName") or "Yahoo")
    facts: dict[str, Any] = {
        "exchange": exchange,
        "symbol": asked.symbol,
        "timeframe": asked.interval,
        "since": None if start is None else iso(first),
        "until": None if end is None else iso(asked.span(start, end)[1]),
        "timezone": meta.get("exchangeTimezoneName") or "UTC",
        "currency": meta.get("currency"),
        "adjusted": asked.adjusted,
        "prepost": asked.prepost,
    }
    frame = frame_of(rows, tuple(column.lower().replace(" ", "_") for column in asked.columns))
    session = None if asked.prepost else _SESSIONS.get(str(meta.get("exchangeName")))
    return Fetched(
        frame=frame.drop(columns=_without_meaning(frame, meta)),
        name=f"{asked.symbol} {asked.interval} Yahoo{' adjusted' if asked.adjusted else ''}",
        symbol=asked.symbol,
        exchange=exchange,
        options={"symbol": asked.symbol, "exchange": exchange, "timeframe": asked.timeframe}
        | ({} if session is None else {"session": session}),
        origin=origin_of("yfinance", asked.options, **facts),
        notes=tuple(notes),
        added=len(rows),
    )


def _whole_bars(rows: Table, asked: _Asked, timezone: str) -> tuple[Table, list[str]]:
    """Return the bars that have ended and have prices, and what is said about the others."""
    notes = []
    whole = complete_rows(rows, asked.timeframe, asked.options.now_ms, timezone)
    if len(whole) < len(rows):
        at = shown(int(whole[-1, 0] if len(whole) == len(rows) else rows[len(whole), 0]))
        notes.append(f"The bar of {at} had not ended yet and was left out.")
    empty = np.isnan(whole[:, 1 : 1 + len(_PRICES)]).all(axis=1)
    if empty.any() and asked.interval != "30m":  # yfinance makes these of 15m, with an empty bar for each closed hour
        at = shown(int(whole[int(np.argmax(empty)), 0]))
        notes.append(f"{int(empty.sum()):,} bars came without any price and were left out, the first of {at}.")
    if empty.all():
        raise DataError(f"Yahoo has no complete bars of {asked.symbol} {asked.interval} in that span.")
    return whole[~empty], notes


def _without_meaning(frame: pd.DataFrame, meta: dict[str, Any]) -> list[str]:
    """Return the columns that say nothing: what does not pay has no dividends; capital gains are a fund's."""
    pays = meta.get("instrumentType") in _PAYS
    gains = bool(frame["capital_gains"].fillna(0.0).any())
    names = [] if pays else ["adj_close", "dividends", "stock_splits"]
    return [name for name in [*names, *([] if gains else ["capital_gains"])] if name in frame]


@dataclass(frozen=True)
class _Desk:
    """Where Yahoo is asked: a ticker of yfinance, and who listens to the answers."""

    asked: _Asked
    ticker: Any
    ear: Ear

    def rows(self, first: int, stop: int) -> Table:
        """Return the bars that open from a time up to but not including another, complete or not."""
        asked, options = self.asked, self.asked.options
        facts = (asked.adjusted, asked.prepost, first)
        request = {"library": "yfinance", "symbol": asked.symbol, "timeframe": asked.interval, "facts": facts}
        cache = PageCache(request, options, width=1 + len(asked.columns), max_age=_FRESH)
        tell, waits = teller(options, first, stop)
        return collect(lambda cursor: self.page(cursor, stop, waits), first, stop, cache, tell)

    def page(self, cursor: int, stop: int, waits: Callable[[str], None]) -> Page:
        longest = _PAGE_DAYS.get(self.asked.interval, _SPAN_YEARS * 366) * DAY_MS
        # what Yahoo gives late belongs to the last page, which therefore is never short
        following = stop if stop - cursor <= longest else min(cursor + longest, stop - DAY_MS)
        what = f"{self.asked.symbol} {self.asked.interval} from {shown(cursor)} of Yahoo"
        frame = patiently(lambda: self.history(cursor, following), self.asked.options, what, waits)
        return Page(_table(frame, self.asked), following)

    def history(self, first: int, stop: int) -> pd.DataFrame | None:
        """Return what yfinance makes of Yahoo's answer, None where it has no bars in the span."""
        asked = self.asked
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the library's own, on how it calls pandas
                frame: pd.DataFrame = self.ticker.history(
                    interval=asked.interval,
                    start=_for_library(first, asked.interval),
                    end=_for_library(stop, asked.interval),
                    auto_adjust=asked.adjusted,
                    prepost=asked.prepost,
                    actions=True,
                    keepna=True,
                    timeout=asked.options.timeout,
                )
        except (Transient, ResearchKitError):
            raise
        except Exception as error:
            self.ear.explain(error)
            return None
        self.ear.check_granularity()
        return frame


def _for_library(time_ms: int, interval: str) -> date | datetime:
    """Return a time as yfinance takes it: a date, which it reads at the exchange, or an aware datetime.

    Weeks, months and quarters are asked for from their beginning: Yahoo would begin them anywhere.
    """
    stamp = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    if interval in _KEPT_DAYS:
        return stamp
    day = stamp.date()
    if interval == "1wk":
        return day - timedelta(days=day.weekday())
    months = {"1mo": 1, "3mo": 3}.get(interval)
    return day if months is None else date(day.year, (day.month - 1) // months * months + 1, 1)


def _table(frame: pd.DataFrame | None, asked: _Asked) -> Table:
    """Return a frame of yfinance as rows; bars of a day or more keep the date that they have at the exchange."""
    if frame is None or not len(frame):
        return np.empty((0, 1 + len(asked.columns)))
    index: Any = frame.index
    index = index.tz_localize(None).normalize() if asked.dated else index.tz_convert("UTC").tz_localize(None)
    times = index.to_numpy().astype("datetime64[ms]").astype(np.int64)
    values = frame.reindex(columns=list(asked.columns), fill_value=0.0).to_numpy(dtype=np.float64)
    return np.column_stack([times.astype(np.float64), values])
