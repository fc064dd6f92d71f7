"""Spans of bars: one cut out, several made one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Literal

import numpy as np

from research_kit.bars.derive.days import session_dates, session_days
from research_kit.bars.derive.gather import MEMORY, bars_of, rows_of, windows
from research_kit.bars.findings import Finding, counted, shown_time
from research_kit.bars.frame import PRICE_COLUMNS, Bars
from research_kit.bars.importing.rows import Rows
from research_kit.bars.importing.spool import Spool
from research_kit.bars.timeframe import DAY, timeframe_ns
from research_kit.errors import DataError, OptionError, did_you_mean

Overlap = Literal["error", "first", "last"]
Moment = str | date | datetime | np.datetime64

_DATE = re.compile(r"\d{4}(-\d{2}){0,2}")
_LAST_DAY = np.iinfo(np.int64).max // DAY


def slice_bars(bars: Bars, start: Moment | None = None, end: Moment | None = None) -> Bars:
    """Return the bars from ``start`` up to but not including ``end``, without copying them.

    Parameters
    ----------
    start, end
        A date (``"2020-01-31"``, ``"2020-01"`` and ``"2020"`` for their first days, ``datetime.date``) is the beginning
        of the session's day: midnight UTC, of the exchange's clock, or 17:00 in New York the evening before
        (``"24/5"``). A time (``"2020-01-31 14:30"``, ``datetime``, ``numpy.datetime64`` finer than days) is one in UTC
        unless it carries a zone or an offset. None is the first bar, or behind the last.

    Raises
    ------
    DataError
        There is no bar between the two.
    OptionError
        One of them cannot be read, or the end is not after the start.

    Examples
    --------
    >>> bars = Bars(np.arange(48) * 3_600_000_000_000, {"close": np.arange(1.0, 49.0)}, session="24/7")
    >>> slice_bars(bars, "1970-01-01 22:00", "1970-01-02").close.tolist()
    [23.0, 24.0]
    """
    first = 0 if start is None else position_of(bars, start, "start")
    stop = len(bars) if end is None else position_of(bars, end, "end")
    if first < stop:
        return bars.window(first, stop)
    span = f"from {start} " if start is not None else ""
    span += f"up to {end} " if end is not None else ""
    if not len(bars):
        raise DataError(f"There are no bars {span}: these bars are empty.".replace(" :", ":"))
    raise DataError(
        f"There are no bars {span}(the end does not count): they reach from {shown_time(int(bars.time_ns[0]))} to "
        f"{shown_time(int(bars.time_ns[-1]))} UTC."
    )


def position_of(bars: Bars, moment: Moment, name: str) -> int:
    """Return how many bars come before a moment: a date is the beginning of its session day, a time is UTC."""
    read = read_moment(moment, name)
    if read.dtype == np.dtype("datetime64[D]"):
        day = int(np.clip(read.astype(np.int64), -_LAST_DAY, _LAST_DAY))
        if bars.timeframe_ns >= DAY:
            return int(np.searchsorted(session_dates(bars), day))
        if not len(bars) or not int(bars.time_ns[0]) // DAY - 1 <= day <= int(bars.time_ns[-1]) // DAY + 1:
            time_ns = day * DAY
        else:
            days = session_days(day * DAY, day * DAY, bars.session)
            time_ns = int(days.starts_ns[np.searchsorted(days.dates, day)])
    else:
        time_ns = int(read.astype(np.int64))
    return int(np.searchsorted(bars.time_ns, time_ns))


def read_moment(moment: Moment, name: str) -> np.datetime64:
    """Return a moment as a day (datetime64[D]) or a time in UTC (datetime64[ns])."""
    try:
        if isinstance(moment, np.datetime64):
            return moment.astype("datetime64[D]") if moment.dtype == np.dtype("datetime64[D]") else _time(moment)
        if isinstance(moment, str):
            if _DATE.fullmatch(moment.strip()):
                return np.datetime64(moment.strip(), "D")
            moment = datetime.fromisoformat(moment.strip())
        if isinstance(moment, datetime):
            aware = moment.tzinfo is not None
            return _time(np.datetime64(moment.astimezone(UTC).replace(tzinfo=None) if aware else moment))
        if isinstance(moment, date):
            return np.datetime64(moment, "D")
    except (ValueError, OverflowError):
        pass
    raise OptionError(
        f"{name}={moment!r} is no date or time; write '2020-01-31' for the session's day, or '2020-01-31 14:30' (UTC) "
        "or with an offset, '2020-01-31 09:30-05:00'."
    )


def _time(moment: np.datetime64) -> np.datetime64:
    """Return a time in nanoseconds. Raises OverflowError where they do not reach."""
    if not 1678 <= moment.astype("datetime64[Y]").astype(np.int64) + 1970 <= 2261:
        raise OverflowError(moment)
    read: np.datetime64 = moment.astype("datetime64[ns]")
    return read


def merge(parts: Sequence[Bars], *, overlap: Overlap = "error") -> Bars:
    """Return several spans, or several sources, of one symbol as one: sorted, one bar for each time.

    Parameters
    ----------
    parts
        Bars of one symbol (or without a name), one timeframe, one session and with the same price columns, in any
        order. A column of another kind that some lack is NaN there.
    overlap
        What becomes of bars of one time that are not equal: ``"error"`` refuses them; ``"first"`` and ``"last"`` keep
        the bar of the part that comes first or last among the given ones. Equal bars are one.

    Raises
    ------
    DataError
        The parts do not belong together, or bars contradict each other and ``overlap`` is ``"error"``.
    OptionError
        ``overlap`` is unknown.

    Examples
    --------
    >>> days = np.arange(4) * 86_400_000_000_000
    >>> bars = Bars(days, {"close": np.arange(1.0, 5.0)})
    >>> merge([bars.window(2, 4), bars.window(0, 3)]).close.tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    return merge_with_findings(parts, overlap=overlap)[0]


def merge_with_findings(parts: Sequence[Bars], *, overlap: Overlap = "error") -> tuple[Bars, tuple[Finding, ...]]:
    """Return what ``merge`` returns, and what was done: bars of one time, columns that some parts lack."""
    if overlap not in ("error", "first", "last"):
        raise OptionError(f"overlap={overlap!r} is unknown. {did_you_mean(str(overlap), ('error', 'first', 'last'))}")
    if not parts:
        raise DataError("There is nothing to merge; give at least one set of bars.")
    used = [part for part in parts if len(part)] or [parts[0]]
    for part in used[1:]:
        _check_like(used[0], part)
    names = list(dict.fromkeys(name for part in used for name in part.columns))
    spool = Spool(duplicates="last" if overlap == "last" else "first", memory=MEMORY)
    for part in used:
        for rows in _rows(part, names, synthetic=any(other.synthetic is not None for other in used)):
            spool.add(rows)
    if not len(spool):
        return used[0], ()
    rows, done = spool.settle("What was merged")
    findings = [*_overlaps(done, overlap), *_missing_columns(used, names)]
    like = replace(
        used[0],
        symbol=next((part.symbol for part in used if part.symbol), ""),
        allow_nonpositive=any(part.allow_nonpositive for part in used),
        check=False,
    )
    return bars_of(like, rows), tuple(findings)


def _rows(bars: Bars, names: Sequence[str], *, synthetic: bool) -> Iterator[Rows]:
    for part in windows(bars):
        columns = {name: part[name] if name in part else np.full(len(part), np.nan) for name in names}
        marks = part.synthetic if part.synthetic is not None else np.zeros(len(part), dtype=np.bool_)
        yield rows_of(part.time_ns, columns, marks if synthetic else None)


def _check_like(one: Bars, other: Bars) -> None:
    """Refuse two parts that are not of one kind."""
    if one.symbol and other.symbol and one.symbol != other.symbol:
        raise DataError(f"Bars of {one.symbol} and of {other.symbol} cannot be merged: merge bars of one symbol.")
    if timeframe_ns(one.timeframe) != timeframe_ns(other.timeframe):
        raise DataError(
            f"Bars of {one.timeframe} and of {other.timeframe} cannot be merged: resample the shorter ones, or import "
            "with timeframe= where the spacing of few bars misled."
        )
    if one.session != other.session:
        raise DataError(
            f"Bars of session {one.session!r} and of {other.session!r} cannot be merged: import both with one "
            "session=, which says when bars are missing."
        )
    prices = [[name for name in PRICE_COLUMNS if name in part] for part in (one, other)]
    if prices[0] != prices[1]:
        raise DataError(
            f"Bars with {', '.join(prices[0])} and bars with {', '.join(prices[1])} cannot be merged: prices that are "
            "not there are not made up; import both with the same price columns."
        )


def _overlaps(done: Sequence[Finding], overlap: Overlap) -> Iterator[Finding]:
    """Return what was found of bars of one time. Raises DataError where they contradict each other and none wins."""
    for found in done:
        if found.name == "duplicate_exact":
            words = "Bars are in more than one part, equal in every column; each was taken once."
            yield Finding("merged_equal", "note", found.count, words, found.examples)
        elif found.name == "duplicate_conflicting":
            if overlap == "error":
                raise DataError(
                    f"{counted(found.count, 'bar')} of one part contradict those of another at the same time (first: "
                    f"{found.examples[0]}); say overlap='first' or 'last' for the part that wins."
                )
            words = (
                f"Bars of several parts contradict each other; those of the {overlap} part that was given were kept."
            )
            yield Finding("merged_conflicting", "warning", found.count, words, found.examples)


def _missing_columns(parts: Sequence[Bars], names: Sequence[str]) -> Iterator[Finding]:
    """Yield for each column that some parts lack how many bars are without."""
    for name in names:
        lacking = [part for part in parts if name not in part]
        if lacking:
            words = f"Some parts have no {name!r}; it is missing (NaN) in their bars."
            firsts = tuple(f"from {shown_time(int(part.time_ns[0]))}" for part in lacking[:10])
            yield Finding("column_missing", "warning", sum(map(len, lacking)), words, firsts)
