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
        ("peak_at", np.int64),  # their bars; times are looked up where a fall ends
        ("trough_at", np.int64),
        ("money", np.float64),  # the deepest fall that has ended, and so for the next three
        ("fraction", np.float64),
        ("longest", np.int64),
        ("recovery", np.int64),  # of the deepest; -1: none
        ("squares", np.float64),  # of the depths at each bar
    ],
    align=True,
)


@inlined
def begin_falls(falls: Any, initial: float) -> None:
    """Begin with the money at the start as the peak, at the time of the first bar."""
    falls.peak, falls.per_peak, falls.trough = initial, 1.0 / initial, initial
    falls.peak_at = falls.trough_at = 0
    falls.money = falls.fraction = falls.squares = 0.0
    falls.longest, falls.recovery = 0, -1


@inlined
def follow_falls(falls: Any, values: FloatArray, first: int, time_ns: TimeArray) -> None:
    """Go on with the next values, of the bars from ``first`` on; ``time_ns`` are the times of all bars."""
    at, n = 0, len(values)
    while at < n:
        stop = min(at + CHUNK, n)
        part = values[at:stop]
        lowest, highest = _extremes(part)
        if highest < falls.peak:
            falls.squares += _squared_depths(part, falls.per_peak)
            if lowest < falls.trough:
                falls.trough, falls.trough_at = lowest, first + at + _first(part, lowest)
        else:
            for i in range(at, stop):
                _follow(falls, values[i], first + i, time_ns)
        at = stop


@inlined
def follow_flat(falls: Any, value: float, first: int, end: int, time_ns: TimeArray) -> None:
    """Go on with the same value on the bars from ``first`` up to but not including ``end``."""
    _follow(falls, value, first, time_ns)
    if value < falls.peak:
        depth = value * falls.per_peak - 1.0
        falls.squares += (end - first - 1) * depth * depth
    else:
        falls.peak_at = end - 1


@inlined
def end_falls(falls: Any, time_ns: TimeArray) -> tuple[float, float, int, bool, int, float]:
    """Return the deepest fall in money and as a fraction, the longest, whether that ended, the recovery, the squares.

    Nothing is changed, so that the falls may be followed further.
    """
    money, fraction, recovery, lasting = falls.money, falls.fraction, falls.recovery, -1
    if falls.trough < falls.peak:
        lasting = time_ns[-1] - time_ns[falls.peak_at]
        money = min(money, falls.trough - falls.peak)
        depth = falls.trough / falls.peak - 1.0
        if depth < fraction:
            fraction, recovery = depth, -1
    return money, fraction, max(falls.longest, lasting), lasting < falls.longest, recovery, falls.squares


@inlined
def _follow(falls: Any, value: float, at: int, time_ns: TimeArray) -> None:
    if value < falls.peak:
        depth = value * falls.per_peak - 1.0
        falls.squares += depth * depth
        if value < falls.trough:
            falls.trough, falls.trough_at = value, at
        return
    if falls.trough < falls.peak:
        falls.longest = max(falls.longest, time_ns[at] - time_ns[falls.peak_at])
        falls.money = min(falls.money, falls.trough - falls.peak)
        depth = falls.trough / falls.peak - 1.0
        if depth < falls.fraction:
            falls.fraction, falls.recovery = depth, time_ns[at] - time_ns[falls.trough_at]
    if value > falls.peak or falls.trough < falls.peak:
        falls.peak, falls.per_peak, falls.trough = value, 1.0 / value, value
    falls.peak_at = at


@inlined_extremes
def _extremes(values: FloatArray) -> tuple[float, float]:
    lowest = highest = values[0]
    for value in values:
        lowest = min(lowest, value)
        highest = max(highest, value)
    return lowest, highest


@inlined
def _first(values: FloatArray, wanted: float) -> int:
    """Return the first position of a value; all are looked at, since a loop that ends early does not run in vectors."""
    last = len(values) - 1
    at = last
    for k in range(last):
        at = min(at, k if values[k] == wanted else last)
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
