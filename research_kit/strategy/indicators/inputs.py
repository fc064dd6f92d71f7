"""What every indicator checks before it computes: a series of numbers, and a whole number of bars."""

from __future__ import annotations

import operator

import numpy as np
from numpy.typing import ArrayLike

from research_kit.bars.frame import FloatArray
from research_kit.errors import OptionError


def series(values: ArrayLike, name: str = "values") -> FloatArray:
    """Return ``values`` as a contiguous, read-only float64 array of one dimension; copied only where it must be.

    Raises
    ------
    OptionError
        They are not numbers, or not one-dimensional.
    """
    try:
        array = np.asarray(values, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise OptionError(f"{name} must be numbers, one for each bar: {error}.") from None
    if array.ndim != 1:
        raise OptionError(f"{name} must have one dimension, one number for each bar; its shape is {array.shape}.")
    if array.flags.writeable:  # numba compiles once for each kind of array, so there is only the read-only kind
        array = array.view()
        array.flags.writeable = False
    return array


def aligned(**named: ArrayLike) -> list[FloatArray]:
    """Return several series that must have the same length, in the order given."""
    arrays = [series(values, name) for name, values in named.items()]
    if len({len(array) for array in arrays}) > 1:
        lengths = ", ".join(f"{name} {len(array)}" for name, array in zip(named, arrays, strict=True))
        raise OptionError(f"These series must have the same length; they have: {lengths}.")
    return arrays


def window(length: int, bars: int, name: str = "length", least: int = 1) -> int:
    """Return ``length`` checked, cut to ``bars + 1``: no longer window can ever be full.

    Raises
    ------
    OptionError
        It is not a whole number, or below ``least``.
    """
    try:
        whole = operator.index(length)
    except TypeError:
        whole = least - 1
    if whole < least:
        raise OptionError(f"{name} must be a whole number of bars, at least {least}; it is {length!r}.")
    return min(whole, bars + 1)
