"""Falls of an equity curve, followed piece by piece: what a scan of the whole curve would tell, at any point of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from research_kit.compiled import inlined, inlined_extremes
from research_kit.metrics.values import FloatArray, TimeArray

CHUNK = 64  # values that are looked at together while all of them lie below the peak

FALLS = np.dtype(
    [
        ("peak", np.float64),
        ("per_peak", np.float64),  # 1 / peak: a division at every bar would cost more than all else
        ("trough", np.float64),  # of the fall from this peak
        ("peak_time", np.int64),
        ("trough_time", np.int64),
        ("money", np.float64),  # the deepest fall that has ended, and so for the next three
        ("fraction", np.float64),
        ("longest", np.int64),
        ("recovery", np.int64),  # of the deepest; -1: none
        ("squares", np.float64),  # of the depths at each bar
    ],
    align=True,
)


@inlined
def begin_falls(falls: Any, initial: float, time: int) -> None:
    """Begin with the money at the start as the peak."""
    falls.peak, falls.per_peak, falls.trough = initial, 1.0 / initial, initial
    falls.peak_time, falls.trough_time = time, 0
    falls.money = falls.fraction = falls.squares = 0.0
    falls.longest, falls.recovery = 0, -1


@inlined
def follow_falls(falls: Any, values: FloatArray, time_ns: TimeArray) -> None:
    """Go on with the next values and their times."""
    at, n = 0, len(values)
    while at < n:
        stop = min(at + CHUNK, n)
        part = values[at:stop]
        lowest, highest = _extremes(part)
        if highest < falls.peak:
            falls.squares += _squared_depths(part, falls.per_peak)
            if lowest < falls.trough:
                falls.trough, falls.trough_time = lowest, time_ns[at + _first(part, lowest)]
        else:
            for i in range(at, stop):
                _follow(falls, values[i], time_ns[i])
        at = stop


@inlined
def follow_flat(falls: Any, value: float, count: int, first_time: int, last_time: int) -> None:
    """Go on with ``count`` values that are all the same."""
    _follow(falls, value, first_time)
    if value < falls.peak:
        depth = value * falls.per_peak - 1.0
        falls.squares += (count - 1) * depth * depth
    else:
        falls.peak_time = last_time


@inlined
def end_falls(falls: Any, time: int) -> tuple[float, float, int, bool, int, float]:
    """Return the deepest fall in money and as a fraction, the longest, whether that ended, the recovery, the squares.

    Nothing is changed, so that the falls may be followed further.
    """
    money, fraction, recovery, lasting = falls.money, falls.fraction, falls.recovery, -1
    if falls.trough < falls.peak:
        lasting = time - falls.peak_time
        money = min(money, falls.trough - falls.peak)
        depth = falls.trough / falls.peak - 1.0
        if depth < fraction:
            fraction, recovery = depth, -1
    return money, fraction, max(falls.longest, lasting), lasting < falls.longest, recovery, falls.squares


@inlined
def _follow(falls: Any, value: float, now: int) -> None:
    if value < falls.peak:
        depth = value * falls.per_peak - 1.0
        falls.squares += depth * depth
        if value < falls.trough:
            falls.trough, falls.trough_time = value, now
        return
    if falls.trough < falls.peak:
        falls.longest = max(falls.longest, now - falls.peak_time)
        falls.money = min(falls.money, falls.trough - falls.peak)
        depth = falls.trough / falls.peak - 1.0
        if depth < falls.fraction:
            falls.fraction, falls.recovery = depth, now - falls.trough_time
    if value > falls.peak or falls.trough < falls.peak:
        falls.peak, falls.per_peak, falls.trough = value, 1.0 / value, value
    falls.peak_time = now


@inlined_extremes
def _extremes(values: FloatArray) -> tuple[float, float]:
    lowest = highest = values[0]
    for value in values:
        lowest = min(lowest, value)
        highest = max(highest, value)
    return lowest, highest


@inlined
def _first(values: FloatArray, wanted: float) -> int:
    at = 0
    while at < len(values) - 1 and values[at] != wanted:
        at += 1
    return at


@inlined
def _squared_depths(values: FloatArray, per_peak: float) -> float:
    """Return the sum of squares in four lanes: their order is fixed, and they run side by side."""
    a = b = c = d = 0.0
    whole = len(values) - len(values) % 4
    for i in range(0, whole, 4):
        one, two = values[i] * per_peak - 1.0, values[i + 1] * per_peak - 1.0
        three, four = values[i + 2] * per_peak - 1.0, values[i + 3] * per_peak - 1.0
        a += one * one
        b += two * two
        c += three * three
        d += four * four
    for i in range(whole, len(values)):
        depth = values[i] * per_peak - 1.0
        a += depth * depth
    return (a + b) + (c + d)
