"""Numbers in and out: one array layout for compiled code, and None where a number would not mean anything."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
TimeArray = NDArray[np.int64]

NOISE = 1e-13  # a spread this small against values around 1 is rounding, not risk

DAY_NS = 86_400_000_000_000
YEAR_NS = 365.25 * DAY_NS

Number = TypeVar("Number", int, float)
Scalar = TypeVar("Scalar", bound=np.generic)


def as_floats(values: ArrayLike) -> FloatArray:
    """Return a contiguous read-only float64 view or copy: compiled code then sees one type, and can change nothing."""
    return _frozen(np.ascontiguousarray(values, dtype=np.float64))


def as_times(values: ArrayLike) -> TimeArray:
    """Return a contiguous read-only int64 view or copy."""
    return _frozen(np.ascontiguousarray(values, dtype=np.int64))


def finite(value: Number | None) -> Number | None:
    """Return ``value``, or None where it is NaN or infinite.

    >>> finite(1.5), finite(float("nan")), finite(None)
    (1.5, None, None)
    """
    return value if value is not None and math.isfinite(value) else None


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """Return the quotient, or None where a part is undefined, the denominator is 0 or the result is not finite.

    >>> ratio(3.0, 2.0), ratio(3.0, 0.0), ratio(None, 2.0)
    (1.5, None, None)
    """
    numerator, denominator = finite(numerator), finite(denominator)
    if numerator is None or not denominator:
        return None
    return finite(float(numerator) / float(denominator))


def _frozen(array: NDArray[Scalar]) -> NDArray[Scalar]:
    view = array.view()
    view.flags.writeable = False
    return view
