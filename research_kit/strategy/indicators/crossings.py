"""Where one series crosses another, and the value of an earlier bar."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from research_kit.bars.frame import FloatArray
from research_kit.errors import OptionError
from research_kit.strategy.indicators.inputs import series, window
from research_kit.strategy.indicators.memory import remembered


@remembered
def crossed_above(a: ArrayLike, b: ArrayLike) -> NDArray[np.bool_]:
    """Return True on each bar where ``a`` is above ``b`` and was not on the bar before: a[t-1] <= b[t-1], a[t] > b[t].

    Parameters
    ----------
    a
        One number for each bar, shape (n,).
    b
        The same, or one number for all bars (a level).

    Returns
    -------
    bool array of shape (n,); False on the first bar and where one of the four values is NaN.

    Examples
    --------
    >>> crossed_above([1.0, 3.0, 4.0, 1.0], 2).tolist()
    [False, True, False, False]
    """
    left, right = _pair(a, b)
    return _turned(left > right, left <= right)


@remembered
def crossed_below(a: ArrayLike, b: ArrayLike) -> NDArray[np.bool_]:
    """Return True on each bar where ``a`` is below ``b`` and was not on the bar before: a[t-1] >= b[t-1], a[t] < b[t].

    The rest is as in ``crossed_above``.

    Examples
    --------
    >>> crossed_below([1.0, 3.0, 2.0, 1.0], 2).tolist()
    [False, False, False, True]
    """
    left, right = _pair(a, b)
    return _turned(left < right, left >= right)


@remembered
def previous(values: ArrayLike, bars: int = 1) -> FloatArray:
    """Return the value of ``bars`` bars before, NaN for the first ``bars`` bars.

    Parameters
    ----------
    values
        One number for each bar, shape (n,).
    bars
        How many bars back, at least 1: a later bar cannot be asked for.

    Returns
    -------
    array of shape (n,), in the unit of ``values``.

    Examples
    --------
    >>> previous([1.0, 2.0, 3.0]).tolist()
    [nan, 1.0, 2.0]
    """
    x = series(values)
    back = window(bars, len(x), "bars")
    out = np.full(len(x), np.nan)
    out[back:] = x[: max(len(x) - back, 0)]
    return out


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[FloatArray, FloatArray | float]:
    left = series(a, "a")
    if np.ndim(b) == 0:
        return left, float(b)  # type: ignore[arg-type]
    right = series(b, "b")
    if len(left) != len(right):
        raise OptionError(f"a and b must have the same length; a has {len(left)}, b has {len(right)}.")
    return left, right


def _turned(now: NDArray[np.bool_], before: NDArray[np.bool_]) -> NDArray[np.bool_]:
    now[1:] &= before[:-1]
    now[:1] = False
    return now
