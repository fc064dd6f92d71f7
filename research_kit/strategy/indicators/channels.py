"""Highest and lowest values of a window, and the channels made of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from research_kit.bars.frame import FloatArray
from research_kit.compiled import compiled
from research_kit.strategy.indicators.averages import sma
from research_kit.strategy.indicators.inputs import aligned, series, window
from research_kit.strategy.indicators.memory import remembered


class Donchian(NamedTuple):
    """Three arrays of shape (n,), in the unit of the prices."""

    lower: FloatArray
    middle: FloatArray
    upper: FloatArray


class Stochastic(NamedTuple):
    """Two arrays of shape (n,), percent."""

    k: FloatArray
    d: FloatArray


@remembered
def rolling_min(values: ArrayLike, length: int) -> FloatArray:
    """Return the lowest of the last ``length`` values.

    Parameters
    ----------
    values
        One number for each bar, shape (n,). NaN and infinity mean missing.
    length
        Bars in the window, at least 1.

    Returns
    -------
    array of shape (n,), in the unit of ``values``; NaN for the first ``length - 1`` bars and wherever the window
    holds a missing value.

    Examples
    --------
    >>> rolling_min([3.0, 1.0, 2.0, 4.0], 2).tolist()
    [nan, 1.0, 1.0, 2.0]
    """
    return _rolling(values, length, sign=-1.0)


@remembered
def rolling_max(values: ArrayLike, length: int) -> FloatArray:
    """Return the highest of the last ``length`` values; the rest is as in ``rolling_min``.

    Examples
    --------
    >>> rolling_max([3.0, 1.0, 2.0, 4.0], 2).tolist()
    [nan, 3.0, 2.0, 4.0]
    """
    return _rolling(values, length, sign=1.0)


@remembered
def donchian(high: ArrayLike, low: ArrayLike, length: int = 20) -> Donchian:
    """Return Donchian's channel: the lowest low and the highest high of the last ``length`` bars, and their middle.

    The current bar is one of them, so that no close lies outside its own channel: a breakout compares the close with
    the channel of the bar before, ``previous(channel.upper)``.

    Parameters
    ----------
    high, low
        Prices of each bar, shape (n,). NaN and infinity mean missing.
    length
        Bars in the window, at least 1.

    Returns
    -------
    (lower, middle, upper), each of shape (n,), in the unit of the prices; NaN for the first ``length - 1`` bars and
    wherever the window holds a missing value.

    Examples
    --------
    >>> channel = donchian([2.0, 3.0, 4.0], [1.0, 2.0, 3.0], 2)
    >>> channel.lower.tolist(), channel.upper.tolist()
    ([nan, 1.0, 2.0], [nan, 3.0, 4.0])
    """
    highs, lows = aligned(high=high, low=low)
    lower, upper = rolling_min(lows, length), rolling_max(highs, length)
    return Donchian(lower, lower + (upper - lower) / 2.0, upper)


@remembered
def stochastic(high: ArrayLike, low: ArrayLike, close: ArrayLike, length: int = 14, *, smooth: int = 3) -> Stochastic:
    """Return Lane's stochastic oscillator: where the close lies in the range of the last ``length`` bars.

    k = 100 × (close - lowest low) / (highest high - lowest low), d = the simple average of k over ``smooth`` bars
    (the "fast" pair; the "slow" one is d and its own average).

    Parameters
    ----------
    high, low, close
        Prices of each bar, shape (n,). NaN and infinity mean missing.
    length, smooth
        Bars in the window of k and of d, at least 1.

    Returns
    -------
    (k, d), each of shape (n,), percent, 0 to 100; NaN for the first ``length - 1`` bars of k and ``smooth - 1`` more
    of d, wherever a window holds a missing value, and where the range is 0.

    Examples
    --------
    >>> stochastic([3.0, 5.0], [1.0, 2.0], [2.0, 4.0], 2, smooth=1).k.tolist()
    [nan, 75.0]
    """
    highs, lows, closes = aligned(high=high, low=low, close=close)
    lowest, highest = rolling_min(lows, length), rolling_max(highs, length)
    spread = highest - lowest
    share = np.full(len(closes), np.nan)
    np.divide(closes - lowest, spread, out=share, where=spread > 0.0)
    k = 100.0 * share
    return Stochastic(k, sma(k, smooth))


def _rolling(values: ArrayLike, length: int, sign: float) -> FloatArray:
    x = series(values)
    out = np.empty(len(x))
    _highest(x, window(length, len(x)), sign, out)
    return out


@compiled
def _highest(x: FloatArray, length: int, sign: float, out: FloatArray) -> None:
    """Write the highest of ``sign * x`` over each window, times ``sign``.

    The bars are cut into blocks of ``length``. A window is the end of one block and the beginning of the next, so its
    highest is the higher of the two running highests (van Herk 1992, Gil and Werman 1993): three steps for each bar,
    whatever the length. A missing value counts as infinity, and an infinite result as NaN.
    """
    behind = np.full(length + 1, np.inf)  # highest from each bar of the block before to its end
    behind[length] = -np.inf
    for first in range(0, len(x), length):
        part, result = x[first : first + length], out[first : first + length]
        ahead = -np.inf
        for i in range(len(part)):
            ahead = max(ahead, sign * part[i] if np.isfinite(part[i]) else np.inf)
            highest = max(ahead, behind[i + 1])
            result[i] = sign * highest if highest < np.inf else np.nan
        ahead = -np.inf
        for i in range(len(part) - 1, 0, -1):
            ahead = max(ahead, sign * part[i] if np.isfinite(part[i]) else np.inf)
            behind[i] = ahead
