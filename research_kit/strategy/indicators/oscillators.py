"""Momentum: Wilder's relative strength index, and the MACD."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from research_kit.bars.frame import FloatArray
from research_kit.compiled import compiled
from research_kit.errors import OptionError
from research_kit.strategy.indicators.averages import ema
from research_kit.strategy.indicators.inputs import series, window
from research_kit.strategy.indicators.memory import remembered


class Macd(NamedTuple):
    """Three arrays of shape (n,), in the unit of the values."""

    line: FloatArray
    signal: FloatArray
    histogram: FloatArray


@remembered
def rsi(values: ArrayLike, length: int = 14) -> FloatArray:
    """Return Wilder's relative strength index: 100 × average gain / (average gain + average loss).

    The first averages are the means of the first ``length`` changes; from there ``a += (change - a) / length``. A
    missing value is skipped: its bar is NaN, and the next change is taken from the last value that was there.
    Source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978.

    Parameters
    ----------
    values
        One number for each bar, shape (n,), usually closes. NaN and infinity mean missing.
    length
        Changes in the first average, at least 1.

    Returns
    -------
    array of shape (n,), 0 (only losses) to 100 (only gains); NaN for the first ``length`` bars, and as long as nothing
    has changed at all (0 / 0).

    Examples
    --------
    >>> rsi([1.0, 2.0, 1.0, 4.0], 2).tolist()
    [nan, nan, 50.0, 87.5]
    """
    x = series(values)
    out = np.empty(len(x))
    _rsi(x, window(length, len(x)), out)
    return out


@remembered
def macd(values: ArrayLike, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    """Return the MACD: line = ema(fast) - ema(slow), signal = ema(line), histogram = line - signal.

    Missing values are skipped as in ``ema``. Source: G. Appel, Technical Analysis: Power Tools, 2005.

    Parameters
    ----------
    values
        One number for each bar, shape (n,), usually closes. NaN and infinity mean missing.
    fast, slow, signal
        Bars of the three averages, at least 1, fast below slow.

    Returns
    -------
    (line, signal, histogram), each of shape (n,), in the unit of ``values``; NaN for the first ``slow - 1`` bars, of
    signal and histogram for ``signal - 1`` more.

    Examples
    --------
    >>> macd([1.0, 2.0, 4.0, 8.0], fast=1, slow=2, signal=1).line.round(4).tolist()
    [nan, 0.5, 0.8333, 1.6111]
    """
    x = series(values)
    if window(fast, len(x), "fast") and fast >= slow:
        raise OptionError(f"fast must be below slow; fast is {fast}, slow is {slow}.")
    window(slow, len(x), "slow")
    window(signal, len(x), "signal")
    line = ema(x, fast) - ema(x, slow)
    average = ema(line, signal)
    return Macd(line, average, line - average)


@compiled
def _rsi(x: FloatArray, length: int, out: FloatArray) -> None:
    seen, previous, gain, loss, share = -1, 0.0, 0.0, 0.0, 1.0 / length
    for t in range(len(x)):
        out[t] = np.nan
        if not np.isfinite(x[t]):
            continue
        change = x[t] - previous
        previous = x[t]
        seen += 1  # changes so far: the first value has none
        if seen == 0:
            continue
        up, down = max(change, 0.0), max(-change, 0.0)
        if seen <= length:
            gain += share * up
            loss += share * down
        else:
            gain += share * (up - gain)
            loss += share * (down - loss)
        if seen >= length:
            out[t] = 100.0 * (gain / (gain + loss))
