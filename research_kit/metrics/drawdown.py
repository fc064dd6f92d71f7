"""Drawdowns: how far equity fell below its highest point, how long that lasted, how long it took to come back."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from research_kit.compiled import compiled
from research_kit.metrics.falls import FALLS, begin_falls, end_falls, follow_falls
from research_kit.metrics.values import DAY_NS, FloatArray, TimeArray, as_floats, as_times


class Drawdowns(NamedTuple):
    """What one scan of an equity curve tells about its falls; depths are <= 0, times in days."""

    money: float  # the deepest fall in money
    fraction: float  # the deepest fall as a fraction of the peak; not always the same fall
    longest_days: float  # from the peak to the first value that is as high again, or to the end
    recovered: bool  # False where the longest had not ended
    recovery_days: float | None  # of the deepest (fraction), from its lowest point; None: no fall, or not recovered
    ulcer_index: float  # root of the mean squared drawdown, a fraction


def drawdown_series(equity: ArrayLike, initial: float) -> FloatArray:
    """Return equity / peak - 1 at each point, <= 0, shape (n,); the peak includes the money at the start.

    >>> drawdown_series([90.0, 120.0, 60.0], initial=100.0).round(6)
    array([-0.1,  0. , -0.5])
    """
    values = as_floats(equity)
    peak = np.maximum.accumulate(values)
    np.maximum(peak, initial, out=peak)
    return np.subtract(np.divide(values, peak, out=peak), 1.0, out=peak)


def drawdowns(equity: ArrayLike, time_ns: ArrayLike, initial: float) -> Drawdowns | None:
    """Return the deepest and the longest drawdown, the recovery and the ulcer index; None for an empty curve.

    A drawdown lasts from the point of the peak to the first point that is as high again. ``initial`` must be positive;
    it is a peak at the time of the first point.

    Parameters
    ----------
    equity, time_ns
        Money at each point, and its time in nanoseconds, both of shape (n,).
    initial
        Money at the start, above 0.

    Examples
    --------
    >>> day = 86_400_000_000_000
    >>> falls = drawdowns([120.0, 90.0, 108.0, 120.0, 110.0], [0, day, 2 * day, 3 * day, 4 * day], initial=100.0)
    >>> falls.money, falls.fraction, falls.longest_days, falls.recovery_days, falls.recovered
    (-30.0, -0.25, 3.0, 2.0, True)
    """
    values, times = as_floats(equity), as_times(time_ns)
    if not len(values):
        return None
    money, fraction, longest, recovered, recovery, squares = _scan(values, times, float(initial))
    return Drawdowns(
        money=money,
        fraction=fraction,
        longest_days=longest / DAY_NS,
        recovered=recovered,
        recovery_days=recovery / DAY_NS if recovery >= 0 else None,
        ulcer_index=math.sqrt(squares / len(values)),
    )


def max_drawdown(equity: ArrayLike, initial: float) -> float | None:
    """Return the deepest drawdown as a fraction of the peak, <= 0; 0 where equity never fell; None when empty.

    >>> max_drawdown([120.0, 90.0, 108.0], initial=100.0)
    -0.25
    """
    values = as_floats(equity)
    falls = drawdowns(values, np.zeros(len(values), dtype=np.int64), initial)
    return None if falls is None else falls.fraction


@compiled
def _scan(equity: FloatArray, time_ns: TimeArray, initial: float) -> tuple[float, float, int, bool, int, float]:
    falls = np.zeros(1, FALLS)[0]
    begin_falls(falls, initial)
    follow_falls(falls, equity, 0, time_ns)
    return end_falls(falls, time_ns)
