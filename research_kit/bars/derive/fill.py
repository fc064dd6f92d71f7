"""Missing bars filled in on request, and marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.derive.days import SessionDays, session_days
from research_kit.bars.derive.fields import close_beside, kind_of
from research_kit.bars.derive.gather import gathered, rows_of, windows
from research_kit.bars.findings import shown_time
from research_kit.bars.frame import Bars, FloatArray, TimeArray
from research_kit.bars.importing.rows import Rows
from research_kit.bars.sessions import GENERIC, GapJudge, MissingBars
from research_kit.bars.timeframe import DAY
from research_kit.errors import DataError, OptionError

MOST, ALWAYS = 20, 10_000
"""More bars than 20 for each one that is there are not filled in; 10,000 always are."""


def fill_flat(bars: Bars, *, limit: int | None = None) -> Bars:
    """Return the bars with each missing one filled in at the close before it, marked ``synthetic``.

    Missing are the bars of the gaps that the quality report counts (``sessions.missing_bars``): absences while the
    session was open. Bars are filled in at the times at which the others stand in their session's day. Their open,
    high, low and close are the close before, volumes and counts are 0, any other column keeps its last value (an
    ``ask_open`` is the ``ask_close`` before). Without the synthetic ones, the bars are the given ones, bit by bit.

    Parameters
    ----------
    limit
        At most this many bars in a row after one that is there; None fills all.

    Raises
    ------
    DataError
        More than 20 bars would be made for each one that is there (10,000 always may); or nobody can say when bars are
        missing: those of months, those of ``"weekdays"`` within a day, daily ones that are not labelled with dates.
    OptionError
        The limit is below 1.

    Examples
    --------
    >>> bars = Bars(np.array([0, 60, 240]) * 10**9, {"close": np.array([1.0, 2.0, 3.0]), "volume": np.ones(3)})
    >>> filled = fill_flat(bars)
    >>> filled.close.tolist(), filled.volume.tolist(), filled.synthetic.tolist()
    ([1.0, 2.0, 2.0, 2.0, 3.0], [1.0, 1.0, 0.0, 0.0, 1.0], [False, False, True, True, False])
    """
    if limit is not None and limit < 1:
        raise OptionError(f"limit={limit} fills nothing; give the most bars to fill in a row, at least 1, or None.")
    _check(bars)
    return gathered(bars, _filled(bars, limit)) if len(bars) > 1 else bars


def _check(bars: Bars) -> None:
    step, session = bars.timeframe_ns, bars.session
    if bars.timeframe.endswith("mo"):
        raise DataError("Missing months cannot be filled in; fill in the bars of a shorter timeframe and resample.")
    if session == "weekdays" and step < DAY:
        raise DataError(
            "The hours of session 'weekdays' are not known, so it cannot be said which bars are missing; name the "
            "exchange: session='XNYS'."
        )
    if step > DAY and step % (7 * DAY) and session != "24/7":
        raise DataError(
            f"Bars of {bars.timeframe} cannot be filled in by session; fill in the daily bars and resample."
        )
    if step == DAY and session != "24/7":
        clocks = np.flatnonzero(bars.time_ns % DAY)
        if len(clocks):
            raise DataError(
                f"These daily bars are not labelled with dates (first: {shown_time(int(bars.time_ns[clocks[0]]))} "
                "UTC); resample them to '1d' first, which does."
            )


@dataclass(frozen=True)
class _Hours:
    """When a session is open, piece by piece, and from where bars are counted within each piece."""

    opens: TimeArray
    closes: TimeArray
    anchors: TimeArray

    def crossed(self, gaps: MissingBars) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return each pair of a gap and a piece of open time that it crosses."""
        low = np.searchsorted(self.closes, gaps.starts_ns, side="right")
        counts = np.maximum(np.searchsorted(self.opens, gaps.ends_ns) - low, 0)
        gap = np.repeat(np.arange(len(low)), counts)
        return gap, np.repeat(low - (np.cumsum(counts) - counts), counts) + np.arange(len(gap))


def _hours(days: SessionDays, session: str, *, daily: bool) -> _Hours:
    """Return when a session is open on some days; whole dates where bars are days."""
    if session not in GENERIC:
        from research_kit.bars.exchanges import exchange_times

        opens, closes = exchange_times(session, int(days.starts_ns[0]), int(days.starts_ns[-1]), daily=daily)
        day = np.maximum(np.searchsorted(days.starts_ns, opens, side="right") - 1, 0)
        return _Hours(opens, closes, opens if daily else days.anchors_ns[day])
    edges = days.dates * DAY if daily else days.starts_ns
    week = (days.dates[:-1] + 3) % 7 < (7 if session == "24/7" else 5)
    return _Hours(edges[:-1][week], edges[1:][week], edges[:-1][week])


def _filled(bars: Bars, limit: int | None) -> Iterator[Rows]:
    """Yield the bars with those that are missing, window after window."""
    judge = GapJudge(bars.time_ns, bars.timeframe, bars.session)
    days = session_days(int(bars.time_ns[0]), int(bars.time_ns[-1]), bars.session)
    hours = _hours(days, bars.session, daily=bars.timeframe_ns >= DAY)
    start, room = 0, max(ALWAYS, MOST * len(bars))
    for part in windows(bars):
        gaps = judge.gaps(start, start + len(part))
        gap, first, counts = _slots(bars, gaps, days, hours)
        counts = counts if limit is None else np.minimum(counts, limit)
        room -= int(counts.sum())
        if room < 0:
            raise DataError(
                f"Filling in would make more than {max(ALWAYS, MOST * len(bars)):,} bars out of {len(bars):,}; set a "
                "limit, resample to a longer timeframe, or fill in a shorter span."
            )
        gap, times = _expanded(gap, first, counts, bars.timeframe_ns)
        if limit is not None:
            near = np.arange(len(gap)) - np.searchsorted(gap, gap) < limit
            gap, times = gap[near], times[near]
        yield _with(bars, part, start, np.searchsorted(part.time_ns, gaps.ends_ns[gap]), times)
        start += len(part)


def _slots(
    bars: Bars, gaps: MissingBars, days: SessionDays, hours: _Hours
) -> tuple[NDArray[np.int64], TimeArray, NDArray[np.int64]]:
    """Return in which gap, from when on, and how many bars are missing: once for each piece of open time in a gap."""
    step, starts, ends = bars.timeframe_ns, gaps.starts_ns, gaps.ends_ns
    if step > DAY:
        return np.arange(len(starts)), starts, (ends - starts) // step
    gap, piece = hours.crossed(gaps)
    phase = starts % DAY if step == DAY else _phase(starts - step, days, step)
    origin, opens, closes = hours.anchors[piece] + phase[gap], hours.opens[piece], hours.closes[piece]
    first = np.maximum(0, np.maximum((opens - origin) // step, _ceiling(starts[gap] - origin, step)))
    # the last bar of a session may be short, but no bar reaches over the one after the gap
    stop = np.where(closes > ends[gap], (ends[gap] - origin) // step, _ceiling(closes - origin, step))
    return gap, origin + first * step, np.maximum(stop - first, 0)


def _ceiling(values: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    rounded: NDArray[np.int64] = -(-values // step)
    return rounded


def _phase(times: TimeArray, days: SessionDays, step: int) -> NDArray[np.int64]:
    """Return how far some bars stand from where bars are counted in their days."""
    day = np.searchsorted(days.starts_ns, times, side="right") - 1
    return (times - days.anchors_ns[day]) % step


def _expanded(
    gap: NDArray[np.int64], first: TimeArray, counts: NDArray[np.int64], step: int
) -> tuple[NDArray[np.int64], TimeArray]:
    """Return ``counts`` times, a step apart, from each first one on, and the gap of each."""
    before = np.cumsum(counts) - counts
    times = np.repeat(first - before * step, counts) + np.arange(int(counts.sum())) * step
    fresh = np.diff(times, prepend=times[:1] - 1) > 0  # a bar over a break of the session is crossed twice
    return np.repeat(gap, counts)[fresh], times[fresh]


def _with(bars: Bars, part: Bars, start: int, at: NDArray[np.int64], times: TimeArray) -> Rows:
    """Return a part of the bars with bars filled in before some positions of it."""
    marks = np.zeros(len(part), dtype=np.bool_) if part.synthetic is None else part.synthetic
    before = start + at - 1
    columns = {name: np.insert(part[name], at, _flat(bars, name, before)) for name in part.columns}
    return rows_of(np.insert(part.time_ns, at, times), columns, np.insert(marks, at, True))


def _flat(bars: Bars, name: str, before: NDArray[np.int64]) -> FloatArray:
    kind = kind_of(name)
    if kind == "sum":
        return np.zeros(len(before))
    source = close_beside(name) if kind != "last" else name
    return bars[source if source in bars else name][before]
