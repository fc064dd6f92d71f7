"""Bars of a longer timeframe: by session, labelled at their opening times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.derive.days import SessionDays, session_dates, session_days
from research_kit.bars.derive.fields import kind_of
from research_kit.bars.derive.gather import WINDOW, bars_of, gathered, rows_of, taken
from research_kit.bars.frame import Bars, FloatArray, TimeArray
from research_kit.bars.importing.rows import Rows
from research_kit.bars.mapped import forget
from research_kit.bars.timeframe import DAY, format_timeframe, timeframe_ns
from research_kit.errors import DataError


def resample(bars: Bars, timeframe: str) -> Bars:
    """Return bars of a longer timeframe, labelled at their opening times.

    Shorter than a day, they are counted from the beginning of the session's day: midnight UTC (``"24/7"``,
    ``"weekdays"``), 17:00 in New York (``"24/5"``), or the exchange's opening, so that hours of New York's exchange are
    09:30, 10:30, ... and the last is short. Bars before the opening and after the close belong to the exchange's
    day and are counted from the opening too, backwards and forwards; no bar reaches over the end of a day.
    Days end where the session's do and are labelled at 00:00 UTC of the session's date; weeks begin on Monday, months
    on the 1st; several days, weeks or months are counted from 1970, whatever bar comes first.

    A bar belongs where it opens. There is no bar where there was none. The first open, the highest high, the lowest
    low, the last close and the sum of the volumes count; other columns go by their names (``fields.kind_of``). Missing
    numbers are passed over. Bars that were filled in count only where there are no others, and a bar is synthetic
    only if all of its bars are.

    Parameters
    ----------
    timeframe
        Such as ``"1h"``: the bars' own or a multiple of it.

    Raises
    ------
    DataError
        The timeframe is unknown, shorter than that of the bars, or no multiple of it.

    Examples
    --------
    >>> minutes = Bars(np.arange(90) * 60_000_000_000, {"close": np.arange(1.0, 91.0), "volume": np.ones(90)})
    >>> hours = resample(minutes, "1h")
    >>> hours.close.tolist(), hours.volume.tolist()
    ([60.0, 90.0], [60.0, 30.0])
    """
    target = _target(bars, timeframe)
    return gathered(bars, _buckets(bars, target), target.name)


@dataclass(frozen=True)
class _Timeframe:
    """A length in months, in days, or in nanoseconds where it is shorter than a day."""

    name: str
    length: int
    unit: str

    @classmethod
    def of(cls, timeframe: str) -> _Timeframe:
        step = timeframe_ns(timeframe)
        if timeframe.endswith("mo"):
            months = step // (30 * DAY)
            return cls(f"{months}mo", months, "months")
        if step < DAY:
            return cls(format_timeframe(step), step, "ns")
        if step % DAY:
            raise DataError(f"Bars longer than a day must be whole days; {timeframe!r} is not: use '1d' or '2d'.")
        days = step // DAY
        return cls(f"{days // 7}w" if days % 7 == 0 else f"{days}d", days, "days")


def _target(bars: Bars, timeframe: str) -> _Timeframe:
    """Return the timeframe asked for. Raises DataError where bars of this length cannot be made of these."""
    own, target = _Timeframe.of(bars.timeframe), _Timeframe.of(timeframe)
    if timeframe_ns(target.name) < timeframe_ns(own.name):
        raise DataError(
            f"Bars of {own.name} cannot become bars of {target.name}: what happened within a bar is not known; ask for "
            f"{own.name} or longer, or import shorter bars."
        )
    if own.unit == target.unit:
        fits = target.length % own.length == 0
    else:
        fits = own.unit == "ns" or (own.unit, own.length) == ("days", 1)
    if not fits:
        near = own.length * max(1, round(target.length / own.length))
        shown = format_timeframe(near) if own.unit == "ns" else f"{near}{'d' if own.unit == 'days' else 'mo'}"
        remedy = f"ask for {shown}" if own.unit == target.unit else "start from bars of a day or shorter"
        raise DataError(f"Bars of {own.name} do not fit into bars of {target.name}: {remedy}.")
    return target


def _buckets(bars: Bars, target: _Timeframe) -> Iterator[Rows]:
    """Yield the longer bars, window after window; a window ends where a longer bar does."""
    if not len(bars):
        return
    days = session_days(int(bars.time_ns[0]), int(bars.time_ns[-1]), bars.session)
    start, width = 0, WINDOW
    while start < len(bars):
        part = bars.window(start, start + width)
        labels = _labels(part, target, days)
        firsts = np.append(0, np.flatnonzero(labels[1:] != labels[:-1]) + 1)
        if start + width < len(bars):
            if len(firsts) == 1:  # one bar longer than a window: look further
                width *= 2
                continue
            part, firsts = part.window(0, int(firsts[-1])), firsts[:-1]
        yield _put_together(part, labels[firsts], firsts)
        forget(part.time_ns, *part.columns.values())
        start, width = start + len(part), WINDOW


def _labels(bars: Bars, target: _Timeframe, days: SessionDays) -> TimeArray:
    """Return for each bar the opening time of the longer bar that it belongs to."""
    if target.unit != "ns":
        if bars.timeframe_ns >= DAY:
            return _first_days(session_dates(bars), target) * DAY
        days = days.between(int(bars.time_ns[0]), int(bars.time_ns[-1]))
        return np.repeat(_first_days(days.dates, target) * DAY, days.counts(bars.time_ns))
    days = days.between(int(bars.time_ns[0]), int(bars.time_ns[-1]))
    counts = days.counts(bars.time_ns)
    after = bars.time_ns - np.repeat(days.anchors_ns, counts)
    # a bar that would begin on the day before begins with the day
    labels: TimeArray = np.maximum(bars.time_ns - after % target.length, np.repeat(days.starts_ns, counts))
    return labels


def _first_days(dates: NDArray[np.int64], target: _Timeframe) -> NDArray[np.int64]:
    """Return the first day of the days, weeks or months in which dates lie, in days since 1970."""
    if target.unit == "months":
        months = dates.view("datetime64[D]").astype("datetime64[M]").view(np.int64)
        firsts = (months // target.length * target.length).view("datetime64[M]")
        return firsts.astype("datetime64[D]").view(np.int64)
    shift = 3 if target.length % 7 == 0 else 0  # 1970-01-01 was a Thursday
    days: NDArray[np.int64] = (dates + shift) // target.length * target.length - shift
    return days


def _put_together(bars: Bars, labels: TimeArray, firsts: NDArray[np.int64]) -> Rows:
    """Return one row for each run of bars; ``firsts`` are the positions at which runs begin."""
    marks = None
    if bars.synthetic is not None:
        marks = np.logical_and.reduceat(bars.synthetic, firsts)
        counting = ~bars.synthetic | np.repeat(marks, np.diff(np.append(firsts, len(bars))))
        bars = bars_of(bars, taken(bars, counting))
        firsts = np.searchsorted(np.flatnonzero(counting), firsts)
    columns = {name: _one_each(name, bars, firsts) for name in bars.columns}
    return rows_of(labels, columns, marks)


def _one_each(name: str, bars: Bars, firsts: NDArray[np.int64]) -> FloatArray:
    column, kind = bars[name], kind_of(name)
    if kind == "open":
        return _first_known(column, firsts)
    if kind in ("high", "low"):
        return (np.fmax if kind == "high" else np.fmin).reduceat(column, firsts)
    if kind == "sum":
        return _sums(column, firsts)
    if kind == "mean" and "volume" in bars:
        return _means(column, bars.volume, firsts)
    return _last_known(column, firsts)


def _first_known(column: FloatArray, firsts: NDArray[np.int64]) -> FloatArray:
    """Return the first number of each run, NaN where there is none."""
    values = column[firsts]
    if not np.isnan(values).any():
        return values
    backwards = len(column) - np.append(firsts[1:], len(column))[::-1]
    return _last_known(column[::-1], backwards)[::-1]


def _last_known(column: FloatArray, firsts: NDArray[np.int64]) -> FloatArray:
    """Return the last number of each run, NaN where there is none."""
    lasts = np.append(firsts[1:], len(column)) - 1
    values: FloatArray = column[lasts]
    if np.isnan(values).any():
        known = np.maximum.accumulate(np.where(np.isnan(column), -1, np.arange(len(column))))[lasts]
        values = np.where(known >= firsts, column[known], np.nan)
    return values


def _sums(column: FloatArray, firsts: NDArray[np.int64]) -> FloatArray:
    """Return the sum of the numbers of each run, NaN where there is none."""
    sums = np.add.reduceat(column, firsts)
    if np.isnan(sums).any():
        unknown = np.isnan(column)
        sums = np.add.reduceat(np.where(unknown, 0.0, column), firsts)
        sums[np.logical_and.reduceat(unknown, firsts)] = np.nan
    return sums


def _means(column: FloatArray, weights: FloatArray, firsts: NDArray[np.int64]) -> FloatArray:
    """Return the weighted mean of each run, its last number where nothing weighs."""
    weighed = np.isfinite(column) & (weights > 0)
    weight = np.add.reduceat(np.where(weighed, weights, 0.0), firsts)
    total = np.add.reduceat(np.where(weighed, column * weights, 0.0), firsts)
    with np.errstate(divide="ignore", invalid="ignore"):
        means: FloatArray = np.where(weight > 0, total / weight, _last_known(column, firsts))
    return means
