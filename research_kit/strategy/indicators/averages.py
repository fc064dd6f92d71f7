"""Moving averages: simple, exponential, linearly weighted."""

from __future__ import annotations

from threading import Thread

import numpy as np
from numpy.typing import ArrayLike

from research_kit.bars.frame import FloatArray
from research_kit.buffers import empty_floats
from research_kit.compiled import compiled
from research_kit.strategy.indicators.inputs import series, window
from research_kit.strategy.indicators.memory import remembered

BLOCK = 2_048  # bars after which a running sum is taken afresh, so that rounding errors cannot pile up
LONG = 1_000_000  # bars from which on a second thread is worth starting


@remembered
def sma(values: ArrayLike, length: int) -> FloatArray:
    """Return the simple moving average: the mean of the last ``length`` values.

    Where all values of a window are equal the result is exactly that value, so that averages of different lengths
    agree on a market that stands still. Elsewhere its error stays below about 1e-12 of the largest of the last few
    thousand values: the running sum is taken afresh every 2,048 bars (four windows, when that is longer).

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
    >>> sma([1.0, 2.0, 6.0, 4.0], 2).tolist()
    [nan, 1.5, 4.0, 5.0]
    """
    x = series(values)
    out, bars = empty_floats(len(x)), window(length, len(x))
    block = max(BLOCK, 4 * bars)
    blocks = -(-(len(x) - bars + 1) // block)
    out[: bars - 1] = np.nan
    if len(x) < LONG:
        _sma(x, bars, (block, 0, blocks), out)
        return out
    other = Thread(target=_sma, args=(x, bars, (block, blocks // 2, blocks), out))  # no block knows of another
    other.start()
    _sma(x, bars, (block, 0, blocks // 2), out)
    other.join()
    return out


@remembered
def ema(values: ArrayLike, length: int) -> FloatArray:
    """Return the exponential moving average with alpha = 2 / (length + 1).

    The first value is the mean of the first ``length`` values; from there ``e += alpha * (value - e)``. A missing
    value is skipped: its bar is NaN and the average goes on behind it, as if that bar did not exist.

    Parameters
    ----------
    values
        One number for each bar, shape (n,). NaN and infinity mean missing.
    length
        Bars, at least 1; two thirds to seven eighths of the weight lie within them.

    Returns
    -------
    array of shape (n,), in the unit of ``values``; NaN before the bar with the ``length``-th value.

    Examples
    --------
    >>> ema([1.0, 3.0, 5.0, 9.0], 3).tolist()
    [nan, nan, 3.0, 6.0]
    """
    x = series(values)
    out = empty_floats(len(x))
    _ema(x, window(length, len(x)), out)
    return out


@remembered
def wma(values: ArrayLike, length: int) -> FloatArray:
    """Return the linearly weighted average: weights 1, 2, … ``length``, the newest value the heaviest.

    On equal values the result is exactly that value.

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
    >>> wma([1.0, 2.0, 5.0, 5.0], 2).round(3).tolist()
    [nan, 1.667, 4.0, 5.0]
    """
    x = series(values)
    out = empty_floats(len(x))
    _wma(x, window(length, len(x)), out)
    return out


@compiled
def _sma(x: FloatArray, length: int, blocks: tuple[int, int, int], out: FloatArray) -> None:
    """Write the averages of some blocks of bars: their length, the first of them, and the one behind the last."""
    block, begin, end = blocks
    for at in range(begin, end):
        first = length - 1 + at * block
        last = min(first + block, len(x))
        total = _sma_block(x, length, first, last, out)
        if not np.isfinite(total):  # a missing value sticks in the sum, so one look at the end is enough
            _sma_with_gaps(x, length, first, last, out)
        _settle(x, length, first, last, out)


@compiled
def _window_sum(x: FloatArray, length: int, at: int) -> float:
    total = 0.0
    for i in range(at - length + 1, at + 1):
        total += x[i]
    return total


@compiled
def _sma_block(x: FloatArray, length: int, first: int, last: int, out: FloatArray) -> float:
    """Write the averages of bars ``first`` to ``last - 1`` and return the last sum.

    The sum changes by one difference, so each bar waits for one addition only.
    """
    total = _window_sum(x, length, first)
    out[first] = total / length
    newest, oldest, part = x[first + 1 : last], x[first + 1 - length : last - length], out[first + 1 : last]
    for i in range(len(part)):
        total += newest[i] - oldest[i]
        part[i] = total / length
    return total


@compiled
def _sma_with_gaps(x: FloatArray, length: int, first: int, last: int, out: FloatArray) -> None:
    """Write the same averages as ``_sma_block`` up to the first missing value, and the right ones after it."""
    missing = first - length
    for i in range(first - length + 1, first):
        if not np.isfinite(x[i]):
            missing = i
    total = np.nan
    for t in range(first, last):
        if not np.isfinite(x[t]):
            missing = t
        if t - missing < length:
            total = np.nan
        elif np.isfinite(total):
            total += x[t] - x[t - length]
        else:
            total = _window_sum(x, length, t)
        out[t] = total / length


@compiled
def _settle(x: FloatArray, length: int, first: int, last: int, out: FloatArray) -> None:
    """Give windows of equal values exactly that value.

    Such a window holds two equal neighbours at some multiple of ``length - 1``: only those are looked at.
    """
    if length == 1:
        for t in range(first, last):
            out[t] = x[t] if np.isfinite(x[t]) else np.nan
        return
    at = first - length + 1
    while at + 1 < last:
        value = x[at]
        if value == x[at + 1] and np.isfinite(value):
            start = at
            while start > first - length + 1 and x[start - 1] == value:
                start -= 1
            at += 1
            while at + 1 < last and x[at + 1] == value:
                at += 1
            out[start + length - 1 : at + 1] = value
        at += length - 1


@compiled
def _ema(x: FloatArray, length: int, out: FloatArray) -> None:
    alpha = 2.0 / (length + 1.0)
    seen, anchor, average = 0, 0.0, 0.0
    for t in range(len(x)):
        if not np.isfinite(x[t]):
            out[t] = np.nan
            continue
        seen += 1
        if seen == 1:
            anchor = x[t]
        if seen <= length:  # the mean of what was seen, around the first value: exact on equal values
            average += (x[t] - anchor) / length
            out[t] = np.nan
            if seen == length:
                average += anchor
                out[t] = average
        else:
            average += alpha * (x[t] - average)
            out[t] = average


@compiled
def _wma(x: FloatArray, length: int, out: FloatArray) -> None:
    block = max(BLOCK, 4 * length)
    weights = 0.5 * length * (length + 1.0)
    missing, equal, age = -1, 0, block
    anchor, plain, weighted = 0.0, 0.0, 0.0
    for t in range(len(x)):
        equal = equal + 1 if t > 0 and x[t] == x[t - 1] else 1
        if not np.isfinite(x[t]):
            missing = t
        if t - missing < length:
            out[t], age = np.nan, block
            continue
        if age == block:
            anchor, plain, weighted, age = x[t], 0.0, 0.0, 0
            for i in range(length):
                value = x[t - length + 1 + i] - anchor
                plain += value
                weighted += (i + 1.0) * value
        else:
            weighted += length * (x[t] - anchor) - plain
            plain += x[t] - x[t - length]
            age += 1
        out[t] = x[t] if equal >= length else anchor + weighted / weights
