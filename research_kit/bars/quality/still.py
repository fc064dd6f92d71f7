"""Checks of bars that do not move: stale runs, what vendors fill in, and prices that never change."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.findings import MOST_EXAMPLES, Finding, Tally, counted
from research_kit.bars.frame import Bars
from research_kit.bars.sessions import OpenHours
from research_kit.bars.timeframe import DAY, HOUR
from research_kit.bars.windows import Runs, Window

STALE_DAYS, STALE_BARS = 5, 30
"""Bars in a row with one and the same price that are reported as stale: of a day or longer, and shorter ones."""
FILLED_BARS = 10
"""Flat bars in a row, shorter than a day, in closed hours, that a vendor must have filled in."""
_CONSTANT = 20
_WEEKEND = 40 * HOUR

_STALE = "Bars do not move at all for a long time; a feed that stood still looks like this. Do not trade on them."
_WEEKENDS = " {} of the runs last a whole weekend: leave those bars out, and give session='24/5' if it is closed then."
_FILLERS = (
    "Bars repeat the close before them with a volume of zero, as vendors fill in where nothing was traded. No order "
    "could have been filled there; leave them out for a strategy that counts bars."
)
_SYNTHETIC = "Bars were filled in on request: they are marked, and no order is filled on them."
_CLOSED = (
    "Flat bars in hours in which the market is closed (weekends, nights, holidays): the vendor filled them in. Leave "
    "them out, or indicators count them as bars."
)


class Still:
    """Finds long runs of bars without any movement, and bars that a vendor filled in where nothing was traded."""

    def __init__(self, bars: Bars, hours: OpenHours) -> None:
        self._bars = bars
        self._least = STALE_DAYS if bars.timeframe_ns >= DAY else STALE_BARS
        self._moved = len(bars) < _CONSTANT
        self._told = False  # whether the source tells volumes
        self._weekends = 0
        self._synthetic = Tally("synthetic", "note", _SYNTHETIC)
        self._tallies = {
            "stale": (Runs(), Tally("stale", "warning", _STALE)),
            "flat_fillers": (Runs(), Tally("flat_fillers", "warning", _FILLERS)),
            "weekend_fillers": (Runs(), Tally("weekend_fillers", "note", _CLOSED)),
        }

    def look(self, window: Window) -> None:
        self._moved = self._moved or bool((window["close"] != self._bars.close[0]).any())
        if "volume" in window:
            self._told = self._told or bool((window["volume"] > 0).any())
        if self._bars.synthetic is not None:
            self._synthetic.add(window, self._bars.synthetic[window.start : window.stop])
        flat, closed, filled = window.flat, window.closed, window.filled
        self._add("stale", flat & ~(closed & filled), window)
        self._add("flat_fillers", filled & (window["volume"] == 0) if "volume" in window else filled & False, window)
        self._add("weekend_fillers", filled & closed, window)

    def _add(self, name: str, marks: NDArray[np.bool_], window: Window) -> None:
        self._tell(name, self._tallies[name][0].add(marks, window.start))

    def _tell(self, name: str, runs: tuple[NDArray[np.int64], ...]) -> None:
        _, starts, lengths = runs
        tally = self._tallies[name][1]
        if name == "stale":
            starts, lengths = self._with_first(starts, lengths)
            long = lengths >= self._least
            starts, lengths = starts[long], lengths[long]
            self._weekends += int(self._spans_weekend(starts, lengths).sum())
        if name == "weekend_fillers" and self._bars.timeframe_ns < DAY:
            long = lengths >= FILLED_BARS  # a quiet bar after hours is none
            starts, lengths = starts[long], lengths[long]
        for start, length in zip(starts[: MOST_EXAMPLES - len(tally.examples)], lengths, strict=False):
            tally.tell(int(self._bars.time_ns[start]), counted(int(length), "bar"), 0)
        tally.count += int(lengths.sum())

    def _with_first(
        self, starts: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return runs with the bar before each, where that did not move within itself: it has the run's price."""
        if not ("high" in self._bars and "low" in self._bars):
            return starts, lengths
        before = np.maximum(starts - 1, 0)
        first = (starts > 0) & (self._bars.high[before] == self._bars.low[before])
        return starts - first, lengths + first

    def _spans_weekend(self, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which runs last from some hour of Friday or Saturday for at least 40 hours."""
        first, last = self._bars.time_ns[starts], self._bars.time_ns[starts + lengths - 1]
        weekday = (first // DAY + 3) % 7
        lasting = (last - first >= _WEEKEND) & (last - first <= 2 * _WEEKEND)
        spanning: NDArray[np.bool_] = lasting & ((weekday == 4) | (weekday == 5))
        return spanning

    def findings(self) -> Iterator[Finding]:
        yield from self._synthetic.finding()
        for name, (runs, _) in self._tallies.items():
            self._tell(name, runs.rest())
        if not self._moved:
            words = (
                "The price never changes: the column is no price, or the feed stood still. Nothing can be tested on it."
            )
            yield Finding("constant_price", "error", len(self._bars), words)
            return
        stale, fillers, closed = (self._tallies[name][1] for name in self._tallies)
        if self._weekends > 1:
            stale.meaning = _STALE + _WEEKENDS.format(f"{self._weekends:,}")
        yield from stale.finding()
        if self._told:
            yield from fillers.finding()
        yield from closed.finding()
