"""What every source has in common: the options of a fetch, what it gives back, and what its times mean."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from research_kit.bars.timeframe import timeframe_ns
from research_kit.errors import NotFoundError, OptionError, did_you_mean
from research_kit.validation import CheckedModel

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.bars.frame import Bars

Moment = str | date | datetime
Table = NDArray[np.float64]
"""Rows of bars: opening times in milliseconds since 1970 UTC (exact in a float64), then one column for each name."""

DAY_MS = 86_400_000
MONTH_DAYS = 31  # the longest: a bar of a month is never taken for complete too early


@dataclass(frozen=True)
class FetchProgress:
    """How far a fetch is.

    Parameters
    ----------
    step
        ``"fetch"``, or ``"wait"`` with the reason in ``detail``.
    fraction
        Share of the asked span that is there, 0 to 1.
    rows
        Bars that are there.
    detail
        The time that was reached, or how long is waited and why.
    """

    step: str
    fraction: float
    rows: int
    detail: str


class FetchOptions(CheckedModel):
    """How a vendor is asked: frozen, validated; any field may be given to a source as a keyword.

    Examples
    --------
    >>> FetchOptions(tries=3).timeout
    30.0
    >>> FetchOptions(trys=3)
    Traceback (most recent call last):
    research_kit.errors.OptionError: A fetch has no option 'trys'. Did you mean 'tries'?
    """

    _subject: ClassVar[str] = "A fetch"

    cache: Path | None = Field(None, description="Folder that keeps the pages of a fetch until it is whole")
    progress: Callable[[FetchProgress], object] | None = Field(None, description="Called after each page and pause")
    timeout: float = Field(30.0, gt=0, description="Seconds for each request")
    tries: int = Field(8, ge=1, description="How often one page is asked for, at most")
    first_wait: float = Field(1.0, ge=0, description="Seconds before the second try; doubled for each further one")
    longest_wait: float = Field(300.0, ge=0, description="Seconds; who asks for a longer pause ends the fetch")
    settings: dict[str, Any] = Field({}, description="What the vendor's library is set up with; never stored")
    now: Callable[[], float] = Field(time.time, description="Seconds since 1970 UTC")
    sleep: Callable[[float], object] = Field(time.sleep, description="Waits for some seconds")
    jitter: Callable[[], float] = Field(random.random, description="Between 0 and 1: spreads the waits")

    @property
    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return int(self.now() * 1000)


@dataclass(frozen=True, eq=False)
class Fetched:
    """Bars from a vendor, complete ones only, with what is to be remembered of where they came from.

    Parameters
    ----------
    frame
        Column ``time`` (opening times, aware UTC; midnight for bars of a day or more) and the usual names.
    name
        What a dataset of it may be called, such as ``"BTC/USDT 1h binance"``.
    symbol, exchange
        What was traded, and where, in the vendor's words.
    options
        Fields of ``ImportOptions`` that go with it: symbol, exchange, timeframe and, where it is known, session.
    origin
        As JSON holds it: library, version, exchange, symbol, timeframe, since, until, fetched_at and, from Yahoo,
        timezone, currency, adjusted, prepost. ``update`` takes it; it never holds settings, so no keys.
    notes
        What is to be known, one sentence each: bars left out, a history that begins later than asked.
    added
        Rows that an update added; all of them after a first fetch.
    """

    frame: pd.DataFrame
    name: str
    symbol: str
    exchange: str
    options: dict[str, Any]
    origin: dict[str, Any]
    notes: tuple[str, ...] = ()
    added: int = 0

    def __repr__(self) -> str:
        times = self.frame["time"]
        return f"Fetched({self.name}, {len(times):,} bars, {times.iloc[0]} to {times.iloc[-1]})"

    @property
    def bars(self) -> Bars:
        """The bars as importing them makes them."""
        from research_kit.bars.importing.options import ImportOptions
        from research_kit.bars.importing.reading import read_bars

        return read_bars(self.frame, ImportOptions(**self.options)).bars


def library(name: str) -> Any:
    """Return a vendor's library, or say in one sentence how to install it.

    >>> library("yfinanze")
    Traceback (most recent call last):
    research_kit.errors.NotFoundError: yfinanze is not installed. Install it with: pip install 'research_kit[sources]'
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise NotFoundError(f"{name} is not installed. Install it with: pip install 'research_kit[sources]'") from None


def moment_ms(value: Moment, name: str) -> int:
    """Return a time as milliseconds since 1970 UTC; what has no zone is UTC.

    >>> moment_ms("2024-01-31", "since"), moment_ms("2024-01-31T01:00+01:00", "since")
    (1706659200000, 1706659200000)
    """
    stamp = _datetime(value, name)
    if not 1900 <= stamp.year <= 2100:
        raise OptionError(f"{name}={value!r} lies outside of 1900 to 2100.")
    return int(stamp.astimezone(UTC).timestamp() * 1000)


def day_ms(value: Moment, name: str) -> int:
    """Return the date of a time, as it was written, as milliseconds of its midnight in UTC.

    >>> day_ms("2024-01-31T23:00-05:00", "start") == day_ms("2024-01-31", "start")
    True
    """
    return moment_ms(_datetime(value, name).date(), name)


def _datetime(value: Moment, name: str) -> datetime:
    allowed = f"{name}= takes '2024-01-31', '2024-01-31T09:30+00:00', a date or a datetime"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise OptionError(f"{value!r} is no time: {allowed}.") from None
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise OptionError(f"{value!r} is no time: {allowed}; a bare number could be seconds or milliseconds.")


def iso(time_ms: int) -> str:
    """Return milliseconds since 1970 as ISO text in UTC.

    >>> iso(0)
    '1970-01-01T00:00:00+00:00'
    """
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)).isoformat()


def shown(time_ms: int) -> str:
    """Return milliseconds since 1970 as it stands in sentences: without midnight and zone.

    >>> shown(0), shown(60_000)
    ('1970-01-01', '1970-01-01 00:01')
    """
    return iso(time_ms)[:16].replace("T", " ").removesuffix(" 00:00")


def bar_end(time_ms: int, timeframe: str, timezone: str | None = None) -> int:
    """Return when a bar has surely ended, in milliseconds since 1970 UTC.

    With a zone, bars of a day or more are dates there: they end at the midnight that begins the next one. Without,
    they last as long as their timeframe says, a month 31 days.

    >>> iso(bar_end(moment_ms("2024-01-31", "t"), "1d", "America/New_York"))
    '2024-02-01T05:00:00+00:00'
    >>> iso(bar_end(moment_ms("2024-01-01", "t"), "1mo", "UTC")), iso(bar_end(moment_ms("2024-02-01", "t"), "1mo"))
    ('2024-02-01T00:00:00+00:00', '2024-03-03T00:00:00+00:00')
    """
    length_ms = timeframe_ns(timeframe) // 1_000_000
    months = length_ms // (30 * DAY_MS) if timeframe.endswith("mo") else 0
    if timezone is None or length_ms < DAY_MS:
        return time_ms + (months * MONTH_DAYS * DAY_MS if months else length_ms)
    day = datetime.fromtimestamp(time_ms / 1000, UTC).date()
    if months:
        day = date(day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1, 1)
    else:
        day += timedelta(milliseconds=length_ms)
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone)).timestamp() * 1000)


def complete_rows(rows: Table, timeframe: str, now_ms: int, timezone: str | None = None) -> Table:
    """Return rows without those whose bar ends after now.

    >>> complete_rows(np.array([[0.0, 1.0], [60_000.0, 2.0]]), "1min", now_ms=119_999).tolist()
    [[0.0, 1.0]]
    """
    kept = len(rows)
    while kept and bar_end(int(rows[kept - 1, 0]), timeframe, timezone) > now_ms:
        kept -= 1
    return rows[:kept]


def vendor_timeframe(given: str, names: Mapping[str, str], argument: str) -> str:
    """Return a vendor's name of a timeframe, given as the vendor's or as ours.

    >>> vendor_timeframe("5min", {"5m": "5min", "1wk": "1w"}, "interval")
    '5m'
    >>> vendor_timeframe("1week", {"5m": "5min", "1wk": "1w"}, "interval")
    Traceback (most recent call last):
    research_kit.errors.OptionError: interval='1week' is not offered. Did you mean '1wk'?
    """
    ours = {our: theirs for theirs, our in names.items()}
    if given in names:
        return given
    if given in ours:
        return ours[given]
    raise OptionError(f"{argument}={given!r} is not offered. {did_you_mean(str(given), names)}")


def frame_of(rows: Table, names: tuple[str, ...]) -> pd.DataFrame:
    """Return rows as a frame with aware UTC times."""
    import pandas as pd

    columns = {name: rows[:, at] for at, name in enumerate(names, start=1)}
    stamps = rows[:, 0].astype(np.int64).view("datetime64[ms]").astype("datetime64[ns]")
    return pd.DataFrame({"time": pd.DatetimeIndex(stamps).tz_localize("UTC"), **columns})


def origin_of(name: str, options: FetchOptions, **facts: Any) -> dict[str, Any]:
    """Return what is to be remembered of a fetch."""
    return {"library": name, "version": version(name), **facts, "fetched_at": iso(options.now_ms)}


def notes_of(rows: Table, first_ms: int, timeframe: str, asked: str, left: str) -> list[str]:
    """Return what is to be said when a history begins later than it was asked for."""
    begins = int(rows[0, 0])
    if begins <= bar_end(first_ms, timeframe) + 4 * DAY_MS * (timeframe_ns(timeframe) >= DAY_MS * 1_000_000):
        return []
    return [f"The first bar is of {shown(begins)}, later than {asked}={shown(first_ms)}: {left}."]
