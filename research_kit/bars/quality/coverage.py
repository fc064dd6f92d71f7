"""What a chart of a quality report is drawn from: bars by period, the longest gaps, the largest outliers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.findings import shown_time
from research_kit.bars.frame import FloatArray, TimeArray
from research_kit.bars.sessions import MissingBars, OpenHours
from research_kit.bars.timeframe import DAY

Unit = Literal["day", "week", "month", "year"]
Kind = Literal["spike", "split", "jump"]

MOST_PERIODS, MOST_GAPS, MOST_OUTLIERS = 400, 200, 200
_KINDS: tuple[Kind, ...] = ("spike", "split", "jump")
_MONDAY = np.datetime64("1970-01-05", "D")


class Gap(NamedTuple):
    """A gap: when the bar before it ended, when the bar after it begins, and how many bars are missing."""

    start: str
    end: str
    missing: int


class Outlier(NamedTuple):
    """A bar that stands apart: its time, what it looks like, and the change as a fraction (-0.5 is -50 %)."""

    time: str
    kind: Kind
    change: float


@dataclass(frozen=True)
class Coverage:
    """How many bars there are and should be, by period, and what stands out; at most a few hundred of each.

    Parameters
    ----------
    unit
        Length of a period, in UTC; weeks begin on Monday. The shortest of which there are at most 400.
    start
        Day on which the first period begins; the others follow without a break.
    bars, expected
        Of each period: bars that are there, and those plus the missing ones. A gap over several periods is shared out
        by the time for which the session is open in each. They add up to those of the report.
    gaps
        The longest, at most 200, in the order of time.
    outliers
        The largest, at most 200, in the order of time.
    """

    unit: Unit
    start: str
    bars: tuple[int, ...]
    expected: tuple[int, ...]
    gaps: tuple[Gap, ...] = ()
    outliers: tuple[Outlier, ...] = ()

    @property
    def starts(self) -> NDArray[np.datetime64]:
        """The day on which each period begins."""
        return period_starts(np.datetime64(self.start, "D"), len(self.bars), self.unit)

    def to_dict(self) -> dict[str, Any]:
        """Return the coverage as JSON values."""
        return {
            "unit": self.unit,
            "start": self.start,
            "bars": list(self.bars),
            "expected": list(self.expected),
            "gaps": [list(gap) for gap in self.gaps],
            "outliers": [list(outlier) for outlier in self.outliers],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Coverage:
        """Return the coverage that ``to_dict`` gave."""
        return cls(
            values["unit"],
            values["start"],
            tuple(values["bars"]),
            tuple(values["expected"]),
            tuple(Gap(*gap) for gap in values["gaps"]),
            tuple(Outlier(*outlier) for outlier in values["outliers"]),
        )


def period_starts(first: np.datetime64, count: int, unit: Unit) -> NDArray[np.datetime64]:
    """Return the days on which some periods begin, the first of which holds a day.

    >>> period_starts(np.datetime64("2024-02-29"), 2, "month").astype(str).tolist()
    ['2024-02-01', '2024-03-01']
    """
    if unit == "week":
        monday = _MONDAY + 7 * ((first - _MONDAY) // np.timedelta64(7, "D"))
        return np.asarray(monday + 7 * np.arange(count), dtype="datetime64[D]")
    code = {"day": "D", "month": "M", "year": "Y"}[unit]
    return np.asarray(first.astype(f"datetime64[{code}]") + np.arange(count), dtype="datetime64[D]")


def choose_unit(first: np.datetime64, last: np.datetime64) -> tuple[Unit, int]:
    """Return the shortest period of which at most 400 reach from one day to another, and how many they are.

    >>> choose_unit(np.datetime64("2024-01-01"), np.datetime64("2024-01-10"))
    ('day', 10)
    """
    weeks = [int((day - _MONDAY) // np.timedelta64(7, "D")) for day in (first, last)]
    counts: dict[Unit, int] = {"day": int((last - first).astype(int)) + 1, "week": weeks[1] - weeks[0] + 1}
    for unit, code in (("month", "M"), ("year", "Y")):
        begin, end = (int(day.astype(f"datetime64[{code}]").astype(int)) for day in (first, last))
        counts[unit] = end - begin + 1  # type: ignore[index]
    return next(((unit, count) for unit, count in counts.items() if count <= MOST_PERIODS), ("year", counts["year"]))


class Outliers:
    """Keeps the largest outliers of all that it is told, whatever the order."""

    def __init__(self) -> None:
        self._time_ns = np.empty(0, dtype=np.int64)
        self._kind = np.empty(0, dtype=np.int64)
        self._move = np.empty(0)

    def add(self, kind: Kind, time_ns: TimeArray, moves: FloatArray) -> None:
        """Take notice of outliers of a kind: times and log returns."""
        if not len(time_ns):
            return
        self._time_ns = np.concatenate([self._time_ns, time_ns])
        self._kind = np.concatenate([self._kind, np.full(len(time_ns), _KINDS.index(kind))])
        self._move = np.concatenate([self._move, moves])
        best = np.lexsort((self._kind, self._time_ns, -np.abs(self._move)))[:MOST_OUTLIERS]
        self._time_ns, self._kind, self._move = self._time_ns[best], self._kind[best], self._move[best]

    def kept(self) -> tuple[Outlier, ...]:
        """Return the largest, in the order of time."""
        changes = np.expm1(np.minimum(self._move, 700.0))
        return tuple(
            Outlier(shown_time(int(self._time_ns[at])), _KINDS[self._kind[at]], float(f"{changes[at]:.4g}"))
            for at in np.lexsort((self._kind, self._time_ns))
        )


class GapTally:
    """Counts gaps and bars by period, stretch by stretch, and keeps the longest gaps."""

    def __init__(self, first_ns: int, last_ns: int, hours: OpenHours) -> None:
        first, last = (np.datetime64(at // DAY, "D") for at in (first_ns, last_ns))
        self._unit, count = choose_unit(first, last)
        self._hours = hours
        self._days = period_starts(first, count + 1, self._unit)
        self._starts = self._days.astype(np.int64) * DAY
        self._starts[[0, -1]] = np.iinfo(np.int64).min, np.iinfo(np.int64).max  # whole years may reach beyond
        self._bars, self._missing = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        self._longest = (np.empty(0, dtype=np.int64),) * 3
        self.gaps = self.missing = 0

    def add(self, time_ns: TimeArray, found: MissingBars) -> None:
        """Count bars, and the gaps that end at them."""
        edges = np.searchsorted(time_ns, self._starts)
        self._bars += np.diff(edges)
        if not len(found.counts):
            return
        self.gaps += len(found.counts)
        self.missing += found.missing
        self._share_out(found)
        starts, ends, counts = (
            np.concatenate([kept, new])
            for kept, new in zip(self._longest, (found.starts_ns, found.ends_ns, found.counts), strict=True)
        )
        best = np.lexsort((starts, -counts))[:MOST_GAPS]
        self._longest = starts[best], ends[best], counts[best]

    def _share_out(self, found: MissingBars) -> None:
        """Count missing bars in the periods that they would stand in."""
        first = np.searchsorted(self._starts, found.starts_ns, side="right") - 1
        last = np.searchsorted(self._starts, found.ends_ns, side="left") - 1
        np.add.at(self._missing, first[first >= last], found.counts[first >= last])
        for at in np.flatnonzero(first < last):  # a border of periods lies in one gap at most
            inner = self._starts[first[at] + 1 : last[at] + 1]
            moments = np.concatenate([found.starts_ns[at : at + 1], inner, found.ends_ns[at : at + 1]])
            opened = self._hours.before(moments) - self._hours.before(moments[:1])
            upto = np.round(found.counts[at] * (opened / max(1, int(opened[-1])))).astype(np.int64)
            upto[-1] = found.counts[at]
            self._missing[first[at] : last[at] + 1] += np.diff(upto)

    def longest(self, most: int = MOST_GAPS) -> tuple[Gap, ...]:
        """Return the longest gaps, in the order of time."""
        starts, ends, counts = (values[:most] for values in self._longest)
        return tuple(
            Gap(shown_time(int(starts[at])), shown_time(int(ends[at])), int(counts[at]))
            for at in np.argsort(starts, kind="stable")
        )

    def coverage(self, outliers: tuple[Outlier, ...]) -> Coverage:
        """Return what was counted, with the outliers that others found."""
        expected = self._bars + self._missing
        return Coverage(self._unit, str(self._days[0]), _ints(self._bars), _ints(expected), self.longest(), outliers)


def _ints(values: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)
