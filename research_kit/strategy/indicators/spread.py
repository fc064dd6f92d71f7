"""How far values lie apart: standard deviation, z-score, Bollinger bands, average true range."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from research_kit.bars.frame import FloatArray
from research_kit.compiled import compiled
from research_kit.errors import OptionError
from research_kit.strategy.indicators.averages import sma
from research_kit.strategy.indicators.inputs import aligned, series, window
from research_kit.strategy.indicators.memory import remembered

BLOCK = 2_048  # bars after which running sums are taken afresh
CANCELLATION = 1e-4  # a variance this far below the sums it is the difference of has lost digits: take them afresh


class Bollinger(NamedTuple):
    """Three arrays of shape (n,), in the unit of the values."""

    lower: FloatArray
    middle: FloatArray
    upper: FloatArray


@remembered
def rolling_std(values: ArrayLike, length: int, *, ddof: int = 1) -> FloatArray:
    """Return the standard deviation of the last ``length`` values, divisor ``length - ddof``.

    Running sums around a value near the window, taken afresh every 2,048 bars and whenever digits were lost, so
    that tiny moves of a large price are seen, also after a jump. On equal values it is exactly 0.

    Parameters
    ----------
    values
        One number for each bar, shape (n,). NaN and infinity mean missing.
    length
        Bars in the window, more than ``ddof``.
    ddof
        1 for the sample's deviation, 0 for the population's.

    Returns
    -------
    array of shape (n,), in the unit of ``values``; NaN for the first ``length - 1`` bars and wherever the window
    holds a missing value.

    Examples
    --------
    >>> rolling_std([1.0, 3.0, 3.0, 3.0], 2).round(4).tolist()
    [nan, 1.4142, 0.0, 0.0]
    """
    return _spread(values, length, ddof, as_score=False)


@remembered
def zscore(values: ArrayLike, length: int, *, ddof: int = 1) -> FloatArray:
    """Return how many standard deviations each value lies above the mean of the last ``length``, itself included.

    Parameters
    ----------
    values
        One number for each bar, shape (n,). NaN and infinity mean missing.
    length
        Bars in the window, more than ``ddof``.
    ddof
        1 for the sample's deviation, 0 for the population's.

    Returns
    -------
    array of shape (n,), without unit; NaN for the first ``length - 1`` bars, wherever the window holds a missing
    value, and where all values of the window are equal (0 / 0).

    Examples
    --------
    >>> zscore([1.0, 2.0, 3.0, 3.0, 3.0], 3).round(4).tolist()
    [nan, nan, 1.0, 0.5774, nan]
    """
    return _spread(values, length, ddof, as_score=True)


@remembered
def bollinger(values: ArrayLike, length: int = 20, width: float = 2.0) -> Bollinger:
    """Return Bollinger bands: the simple average, and ``width`` population deviations (ddof 0) below and above it.

    Source: J. Bollinger, Bollinger on Bollinger Bands, 2001.

    Parameters
    ----------
    values
        One number for each bar, shape (n,), usually closes. NaN and infinity mean missing.
    length
        Bars in the window, at least 1.
    width
        Standard deviations between the middle and a band.

    Returns
    -------
    (lower, middle, upper), each of shape (n,), in the unit of ``values``; NaN for the first ``length - 1`` bars and
    wherever the window holds a missing value.

    Examples
    --------
    >>> bands = bollinger([1.0, 3.0, 3.0], 2)
    >>> bands.lower.tolist(), bands.upper.tolist()
    ([nan, 0.0, 3.0], [nan, 4.0, 3.0])
    """
    middle = sma(values, length)
    distance = rolling_std(values, length, ddof=0) * width
    return Bollinger(middle - distance, middle, middle + distance)


@remembered
def atr(high: ArrayLike, low: ArrayLike, close: ArrayLike, length: int = 14) -> FloatArray:
    """Return Wilder's average true range.

    True range = max(high, previous close) - min(low, previous close); of the first bar high - low. The first value
    is the mean of the first ``length`` true ranges; from there ``a += (range - a) / length``. A bar on which one of
    the three is missing is NaN and is skipped, as if it did not exist.
    Source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978.

    Parameters
    ----------
    high, low, close
        Prices of each bar, shape (n,). NaN and infinity mean missing.
    length
        Bars, at least 1.

    Returns
    -------
    array of shape (n,), in the unit of the prices, not negative; NaN for the first ``length - 1`` bars.

    Examples
    --------
    >>> atr([10.0, 12.0, 13.0], [9.0, 11.0, 10.0], [9.5, 11.5, 11.0], 2).tolist()
    [nan, 1.75, 2.375]
    """
    highs, lows, closes = aligned(high=high, low=low, close=close)
    out = np.empty(len(closes))
    _atr(highs, lows, closes, window(length, len(closes)), out)
    return out


def _spread(values: ArrayLike, length: int, ddof: int, *, as_score: bool) -> FloatArray:
    x = series(values)
    if ddof not in (0, 1):
        raise OptionError(f"ddof must be 0 (population) or 1 (sample); it is {ddof!r}.")
    out = np.empty(len(x))
    _deviations(x, window(length, len(x), least=ddof + 1), ddof, as_score, out)
    return out


@compiled
def _deviations(x: FloatArray, length: int, ddof: int, as_score: bool, out: FloatArray) -> None:
    block, share = max(BLOCK, 4 * length), 1.0 / length
    missing, age = -1, block
    anchor, plain, squared, largest, about_mean = 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(len(x)):
        if not np.isfinite(x[t]):
            missing = t
        if t - missing < length:
            out[t], age = np.nan, block
            continue
        if age < block:
            age += 1
            newest, oldest = x[t] - anchor, x[t - length] - anchor
            plain += newest - oldest
            squared += (newest - oldest) * (newest + oldest)
            largest = max(largest, squared)
            about_mean = squared - plain * plain * share
        if age == block or not about_mean >= CANCELLATION * largest:
            anchor = x[t - length + 1]
            plain, squared = _sums(x, length, t, anchor)
            about_mean = max(squared - plain * plain * share, 0.0)
            largest, age = squared, 0
        deviation = np.sqrt(about_mean / (length - ddof))
        out[t] = (x[t] - anchor - plain * share) / deviation if as_score else deviation


@compiled
def _sums(x: FloatArray, length: int, at: int, anchor: float) -> tuple[float, float]:
    plain, squared = 0.0, 0.0
    for i in range(at - length + 1, at + 1):
        value = x[i] - anchor
        plain += value
        squared += value * value
    return plain, squared


@compiled
def _atr(high: FloatArray, low: FloatArray, close: FloatArray, length: int, out: FloatArray) -> None:
    seen, average, previous, share = 0, 0.0, 0.0, 1.0 / length
    for t in range(len(close)):
        out[t] = np.nan
        if not (np.isfinite(high[t]) and np.isfinite(low[t]) and np.isfinite(close[t])):
            continue
        spread = high[t] - low[t] if seen == 0 else max(high[t], previous) - min(low[t], previous)
        previous = close[t]
        seen += 1
        average += share * (spread if seen <= length else spread - average)
        if seen >= length:
            out[t] = average
