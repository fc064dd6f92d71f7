"""Checks of the times of bars: doubts about their zone, stamps of days, and mixed timeframes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.findings import Finding, Tally, counted
from research_kit.bars.frame import Bars
from research_kit.bars.sessions import OpenHours, clock_offsets
from research_kit.bars.timeframe import DAY, HOUR, MINUTE, format_timeframe
from research_kit.bars.windows import WINDOW, Runs, Window, windows

OUTSIDE_LEAST, OUTSIDE_LEAST_BARS, OUTSIDE_LEAST_DAYS = 0.002, 10, 5
"""Share of bars in closed hours, their number, and days of data, from which another zone is tried."""
SHIFTS = tuple(sorted((half * 30 * MINUTE for half in range(-28, 29) if half), key=abs))
"""By how much a zone may be wrong: up to 14 hours, the smallest first."""
EXPLAINED = 0.1
"""A shift explains bars in closed hours where it leaves at most a tenth of them there."""
FEW = 0.2
"""Share of them that one state of the clock may have without an explanation: weeks in which clocks change."""
MIXED_SHORT, MIXED_LONG = 3, 20
"""Equal steps in a row that make another timeframe: shorter ones than the timeframe, and longer ones."""
MIXED_LEAST, MIXED_SHARE = 20, 0.02
"""Least number of such steps; shorter ones also need to be 2 % of all, or 20 in a row."""
_MOST_KINDS = 32
_LOOKED_AT = 8  # windows in which another zone is tried
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Hours:
    """Finds bars in hours in which the session is closed, and whether another zone would explain them."""

    def __init__(self, bars: Bars, hours: OpenHours) -> None:
        self._bars, self._hours = bars, hours
        self._known = len(hours.opens) > 0 and (bars.session != "weekdays" or bars.timeframe_ns >= DAY)
        words = (
            f"Bars lie wholly in hours in which {bars.session} is closed: trading before and after hours, another "
            "session, or a wrong time zone. They count as bars; give session= or timezone= if that is wrong."
        )
        self._outside = Tally("outside_hours", "note", words)

    def look(self, window: Window) -> None:
        if self._known and window.closed.any():
            self._outside.add(window, window.closed & ~window.filled)

    def findings(self) -> Iterator[Finding]:
        yield from self._outside.finding()
        shifts = self._shifts() if self._is_doubtful() else []
        if shifts:
            words = _zone_words(self._bars.session, shifts)
            yield Finding("time_zone", "warning", len(self._bars), words, tuple(self._outside.examples))

    def _is_doubtful(self) -> bool:
        """Return whether so many bars lie in closed hours, over days enough, that their zone may be the reason."""
        outside, times = self._outside.count, self._bars.time_ns
        if outside < OUTSIDE_LEAST_BARS or self._bars.timeframe_ns > HOUR:
            return False
        return outside > OUTSIDE_LEAST * len(self._bars) and int(times[-1] - times[0]) > OUTSIDE_LEAST_DAYS * DAY

    def _shifts(self) -> list[_Shift]:
        """Return by how much times seem wrong, for each state of the session's clock; none where it is unclear."""
        closes, ends = self._hours.closes, self._bars.time_ns[[0, -1]]
        inside = (closes > ends[0]) & (closes < ends[1])
        offsets = clock_offsets(closes, self._bars.session)
        states = np.unique(offsets[inside])
        if not len(states):
            return []
        state_of = np.searchsorted(states, offsets).clip(0, len(states) - 1)
        counts = self._outside_by_shift(state_of, len(states))
        best = counts[1:].argmin(axis=0) + 1
        doubtful = np.flatnonzero(counts[0] > FEW * counts[0].sum())
        if any(counts[best[at], at] > EXPLAINED * counts[0, at] for at in doubtful):
            return []
        names = ("winter", "summer") if len(states) > 1 else ("",)
        return [
            _Shift(SHIFTS[best[at] - 1], self._usual_opening(inside & (state_of == at)), names[min(at, 1)])
            for at in doubtful.tolist()
        ]

    def _outside_by_shift(self, state_of: NDArray[np.int64], states: int) -> NDArray[np.int64]:
        """Return how many moving bars lie in closed hours: as they are (row 0) and by each shift, by clock's state."""
        counts = np.zeros((1 + len(SHIFTS), states), dtype=np.int64)
        every = -(-len(self._bars) // (_LOOKED_AT * WINDOW))
        for window in islice(windows(self._bars, self._hours), 0, None, every):
            moving = np.concatenate([[0], np.cumsum(~window.filled)])
            for row, shift in enumerate((0, *SHIFTS)):
                which, begin, end = self._hours.closings(window.time_ns, self._bars.timeframe_ns, shift)
                np.add.at(counts[row], state_of[which], moving[end] - moving[begin])
        return counts

    def _usual_opening(self, closings: NDArray[np.bool_]) -> int:
        """Return when in a week the session usually opens after the longer ones of some closings."""
        lengths = np.where(closings[:-1], self._hours.opens[1:] - self._hours.closes[:-1], 0)
        openings, counts = np.unique(
            self._hours.opens[1:][2 * lengths >= lengths.max()] % (7 * DAY), return_counts=True
        )
        return int(openings[counts.argmax()])


class _Shift(NamedTuple):
    """That times seem late by some nanoseconds, when the session opened then, and in which state of its clock."""

    shift: int
    opening_ns: int
    season: str


def _zone_words(session: str, shifts: list[_Shift]) -> str:
    if len({shift.shift for shift in shifts}) == 1 and len(shifts) > 1:
        shifts = [shifts[0]._replace(season="")]
    by = " and ".join(
        f"{abs(shift.shift) / HOUR:g} h {'late' if shift.shift > 0 else 'early'}"
        + (f" in {shift.season}" if shift.season else "")
        for shift in shifts
    )
    seen, said = (_clock(shifts[0].opening_ns + by_ns, session) for by_ns in (shifts[0].shift, 0))
    return (
        f"Times look {by}: in this data {session} opens {seen} UTC{_when(shifts[0])}, where it opens {said}. The zone "
        "may be wrong by as much: import again with timezone= the zone of the source's clock."
    )


def _when(shift: _Shift) -> str:
    return f" in {shift.season}" if shift.season else ""


def _clock(time_ns: int, session: str) -> str:
    """Return a time of the week as text, or of the day for an exchange.

    >>> _clock(0, "24/5"), _clock(0, "XNYS")
    ('on Thursday at 00:00', 'at 00:00')
    """
    minute = time_ns % DAY // MINUTE
    day = f"on {_WEEKDAYS[(time_ns // DAY + 3) % 7]} " if session == "24/5" else ""
    return f"{day}at {minute // 60:02}:{minute % 60:02}"


class DayStamps:
    """Finds days that are not stamped at midnight UTC, and weeks that run from Sunday or to Saturday."""

    def __init__(self, bars: Bars, hours: OpenHours) -> None:
        self._bars = bars
        self._minutes, self._weekdays = np.zeros(1440, dtype=np.int64), np.zeros(7, dtype=np.int64)

    def look(self, window: Window) -> None:
        if self._bars.timeframe_ns != DAY:
            return
        day = window.time_ns // DAY
        self._minutes += np.bincount((window.time_ns - day * DAY) // MINUTE, minlength=1440)
        self._weekdays += np.bincount((day + 3) % 7, minlength=7)

    def findings(self) -> Iterator[Finding]:
        off = int(self._minutes[1:].sum())
        if off:
            usual = [at for at in np.argsort(-self._minutes, kind="stable")[:3] if self._minutes[at]]
            shown = ", ".join(f"{at // 60:02}:{at % 60:02}" for at in usual)
            words = (
                f"Days are stamped at {shown} UTC, not at midnight: gaps and days go by the date in UTC. If that is "
                "the day before, the zone of the source is in doubt."
            )
            yield Finding("day_stamps", "note", off, words)
        week = self._week()
        if week:
            words = (
                f"The days run from {week}: each is stamped with the day before or after, as by a wrong time zone, or "
                "the exchange keeps another week. Gaps by weekday mean little until that is settled."
            )
            yield Finding("time_zone", "warning", len(self._bars), words)

    def _week(self) -> str:
        few, many = (share * len(self._bars) for share in (0.02, 0.12))
        monday, friday, saturday, sunday = (self._weekdays[day] for day in (0, 4, 5, 6))
        if len(self._bars) < MIXED_LEAST:
            return ""
        if sunday > many and max(friday, saturday) < few:
            return "Sunday to Thursday"
        return "Tuesday to Saturday" if saturday > many and max(sunday, monday) < few else ""


class Spacing:
    """Finds stretches of bars at another regular spacing than the timeframe, and bars that come too early."""

    def __init__(self, bars: Bars, hours: OpenHours) -> None:
        self._bars, self._step = bars, bars.timeframe_ns
        self._own = int(_spacing(np.array([self._step]))[0])
        self._runs = Runs()
        self._kinds: dict[int, _Kind] = {}
        # clocks change by an hour, weeks begin on the first day that is no holiday, months differ
        slack = 3 * DAY if self._step >= 7 * DAY else HOUR if self._step >= DAY else 0
        self._least = self._step - slack
        words = (
            f"Bars begin before the one before them has ended: they are shorter than {bars.timeframe}. Some vendors "
            "cut the first or last bar of a day short; else give timeframe= or resample."
        )
        self._early = Tally("short_steps", "note", words)

    def look(self, window: Window) -> None:
        start = max(1, window.start)
        times = self._bars.time_ns[start - 1 : window.stop]
        steps = times[1:] - times[:-1]
        other = steps != self._step
        if not other.any():
            self._runs_end(start)
            return
        early = steps < self._least
        if early.any():
            self._early.add(window, early if start == window.start else np.concatenate([[False], early]))
        labels = np.where(other, _spacing(steps), 0)
        labels[labels == self._own] = 0
        self._note(self._runs.add(labels, start))

    def _runs_end(self, at: int) -> None:
        self._note(self._runs.add(np.zeros(1, dtype=np.int64), at))

    def _note(self, runs: tuple[NDArray[np.int64], ...]) -> None:
        """Keep what is known of the spacings that come in runs."""
        labels, starts, lengths = runs
        long = lengths >= np.where(labels < self._own, MIXED_SHORT, MIXED_LONG)
        labels, starts, lengths = labels[long], starts[long], lengths[long]
        found, first = np.unique(labels, return_index=True)
        for label, at in sorted(zip(found.tolist(), first.tolist(), strict=True), key=lambda kind: kind[1]):
            if label in self._kinds or len(self._kinds) < _MOST_KINDS:
                kind = self._kinds.setdefault(label, _Kind(int(self._bars.time_ns[starts[at] - 1])))
                kind.steps += int(lengths[labels == label].sum())
                kind.longest = max(kind.longest, int(lengths[labels == label].max()))

    def findings(self) -> Iterator[Finding]:
        self._note(self._runs.rest())
        few = max(MIXED_LEAST, MIXED_SHARE * len(self._bars))
        mixed = {
            label: kind
            for label, kind in self._kinds.items()
            if kind.longest >= MIXED_LONG or (label < self._own and kind.steps > few)
        }
        if mixed:
            names = ", ".join(format_timeframe(label) for label in mixed)
            words = (
                f"Stretches of bars are {names} apart, though the timeframe is {self._bars.timeframe}: two timeframes "
                "in one source. Import each part by itself, or resample the finer one."
            )
            tally = Tally("mixed_timeframes", "warning", words)
            for label, kind in mixed.items():
                tally.tell(kind.first_ns, f"{counted(kind.steps, 'step')} of {format_timeframe(label)}", kind.steps)
            yield from tally.finding()
        yield from self._early.finding()


@dataclass
class _Kind:
    """A spacing that comes in runs: since when, how often, and how often in a row."""

    first_ns: int
    steps: int = 0
    longest: int = 0


def _spacing(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return steps as spacings: a day or a weekend is a day, about a week a week, 28 to 31 days a month."""
    days = steps / DAY
    spacing = np.where((days > 0.95) & (days < 4.05), DAY, steps)
    spacing = np.where((days > 5.9) & (days < 8.1), 7 * DAY, spacing)
    return np.where((days > 27.9) & (days < 31.1), 30 * DAY, spacing)
