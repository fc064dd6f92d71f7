"""Bars looked at in windows: as many at a time as a processor's cache holds, so that any length fits in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.mapped import forget
from research_kit.bars.timeframe import DAY

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars, FloatArray, TimeArray
    from research_kit.bars.sessions import OpenHours

WINDOW = 1 << 17
"""Bars of a window: a megabyte for each column."""
_BLOCKS, _BLOCK = 400, 500
_GOLDEN = 0.6180339887498949


def spans(*arrays: NDArray[Any], size: int = WINDOW) -> Iterator[slice]:
    """Yield the windows of arrays of one length; behind each, the pages of mapped arrays are given back.

    >>> list(spans(np.zeros(5), size=2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    length = len(arrays[0])
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))
        if length > size:
            forget(*arrays)


def samples(array: NDArray[Any]) -> Iterator[slice]:
    """Yield where to look for what 200,000 values can tell: everywhere, or at 400 places spread over a longer array.

    The places keep no beat, so that a day or a week has no part that is never looked at.

    >>> list(samples(np.zeros(1_000))), len(list(samples(np.zeros(300_000))))
    ([slice(0, 1000, None)], 400)
    """
    length = len(array)
    if length <= _BLOCKS * _BLOCK:
        yield slice(0, length)
        return
    width = length // _BLOCKS
    for at in range(_BLOCKS):
        start = at * width + int((width - _BLOCK) * (at * _GOLDEN % 1))
        yield slice(start, start + _BLOCK)
        forget(array)


def count_before(time_ns: TimeArray, moments: TimeArray, size: int = WINDOW) -> NDArray[np.int64]:
    """Return how many of some rising times lie before each of some rising moments.

    >>> count_before(np.array([10, 20, 30]), np.array([5, 20, 21, 99]))
    array([0, 1, 2, 3])
    """
    counts = np.full(len(moments), len(time_ns), dtype=np.int64)
    done = 0
    for part in spans(time_ns, size=size):
        times = time_ns[part]
        upto = int(np.searchsorted(moments, times[-1], side="right"))
        counts[done:upto] = part.start + np.searchsorted(times, moments[done:upto])
        done = upto
    return counts


@dataclass(frozen=True)
class Window:
    """The bars from one position up to another, within all bars: what stands beside them is in reach.

    Parameters
    ----------
    bars, start, stop
        All bars, and which of them are looked at.
    hours
        When their session is open.
    """

    bars: Bars
    start: int
    stop: int
    hours: OpenHours

    def __len__(self) -> int:
        return self.stop - self.start

    def __contains__(self, name: str) -> bool:
        return name in self.bars

    def __getitem__(self, name: str) -> FloatArray:
        return self.bars[name][self.start : self.stop]

    @property
    def time_ns(self) -> TimeArray:
        """Opening times of the window's bars."""
        return self.bars.time_ns[self.start : self.stop]

    @cached_property
    def flat(self) -> NDArray[np.bool_]:
        """Where nothing moved: all prices are the close of the bar before. Bars filled in on request are left out."""
        close = self["close"]
        flat = np.empty(len(self), dtype=np.bool_)
        flat[0] = self.start > 0 and close[0] == self.bars.close[self.start - 1]
        np.equal(close[1:], close[:-1], out=flat[1:])
        for name in ("open", "high", "low"):
            if name in self and flat.any():
                flat &= self[name] == close
        if self.bars.synthetic is not None:
            flat &= ~self.bars.synthetic[self.start : self.stop]
        return flat

    @cached_property
    def closed(self) -> NDArray[np.bool_]:
        """Where a bar lies wholly in hours in which its session is closed."""
        step = self.bars.timeframe_ns
        moments = self.time_ns // DAY * DAY if step == DAY else self.time_ns
        return self.hours.closed(moments, step)

    @cached_property
    def filled(self) -> NDArray[np.bool_]:
        """Where nothing moved and no volume is told: what a vendor fills in looks like this."""
        return self.flat & ~(self["volume"] > 0) if "volume" in self else self.flat


def windows(bars: Bars, hours: OpenHours, size: int = WINDOW) -> Iterator[Window]:
    """Yield all bars, window by window; the pages of mapped ones are given back behind each."""
    for part in spans(bars.time_ns, *bars.columns.values(), size=size):
        yield Window(bars, part.start, part.stop, hours)


class Runs:
    """Runs of equal labels, found in pieces: a run that crosses the edge of two pieces is one.

    Examples
    --------
    >>> runs = Runs()
    >>> [part.tolist() for part in runs.add(np.array([0, 7, 7]), 0)]
    [[], [], []]
    >>> [part.tolist() for part in runs.add(np.array([7, 0, 5]), 3)], runs.rest()
    ([[7], [1], [3]], (array([5]), array([5]), array([1])))
    """

    def __init__(self) -> None:
        self._held = (0, 0, 0)  # label, start and length of the run that reaches the last piece's end

    def add(
        self, labels: NDArray[Any], position: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return label, start and length of the runs that ended; ``labels`` begin at a position, 0 marks none."""
        edges = np.flatnonzero(labels[1:] != labels[:-1]) + 1
        starts = np.concatenate([[0], edges])
        lengths = np.diff(starts, append=len(labels))
        found = np.array([labels[starts].astype(np.int64), starts + position, lengths])
        label, start, length = self._held
        if label and label == found[0, 0]:
            found[1:, 0] = start, length + found[2, 0]
        elif label:
            found = np.column_stack([self._held, found])
        self._held = (int(found[0, -1]), int(found[1, -1]), int(found[2, -1]))
        ended = found[:, :-1]
        label_of, start_of, length_of = ended[:, ended[0] != 0]
        return label_of, start_of, length_of

    def rest(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return the run that reached the end of the last piece, if there is one."""
        label, start, length = (np.array([value] if self._held[0] else [], dtype=np.int64) for value in self._held)
        self._held = (0, 0, 0)
        return label, start, length
