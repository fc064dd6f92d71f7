"""Returns in: what every statistic of this room checks before it begins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from research_kit.errors import DataError, OptionError
from research_kit.metrics.values import FloatArray, as_floats


def as_returns(returns: ArrayLike, name: str = "returns") -> FloatArray:
    """Return a series of shape (n,) as read-only float64.

    Raises
    ------
    DataError
        It has another shape, or a number is not finite.
    """
    values = as_floats(returns)
    if values.ndim != 1:
        raise DataError(f"{name} must have one dimension; the shape given is {values.shape}.")
    if not np.isfinite(values).all():
        at = int(np.argmin(np.isfinite(values)))
        raise DataError(f"{name} must be finite numbers; number {at} is {values[at]}.")
    return values


def as_rows(returns: NDArray[Any]) -> tuple[NDArray[np.floating[Any]], NDArray[np.int64]]:
    """Return the rows of a matrix (sets, days) that have numbers, and their positions; rows of NaN are left out.

    Raises
    ------
    DataError
        It is no matrix of floats, or a row has numbers and NaN, or an infinity.
    """
    matrix = np.asarray(returns)
    if matrix.ndim != 2 or not np.issubdtype(matrix.dtype, np.floating):
        raise DataError(
            f"Daily returns of many sets are a matrix of floats, one row for each set; "
            f"given were {matrix.dtype} of shape {matrix.shape}."
        )
    absent = np.isnan(matrix[:, 0]) if matrix.shape[1] else np.zeros(len(matrix), dtype=np.bool_)
    positions = np.flatnonzero(~absent)
    rows = matrix if len(positions) == len(matrix) else matrix[positions]
    with np.errstate(invalid="ignore"):
        sums = rows.sum(axis=1, dtype=np.float64)  # not finite where a number is not: no mask as large as the matrix
    if not np.isfinite(sums).all():
        at = int(positions[int(np.argmin(np.isfinite(sums)))])
        raise DataError(f"Daily returns must be finite, or NaN for a whole set; those of set {at} are not.")
    if not np.isnan(matrix[absent]).all():
        raise DataError("Daily returns must be finite, or NaN for a whole set; a set has both.")
    return rows, positions


def check_share(name: str, value: float) -> None:
    """Raise an OptionError unless ``value`` lies between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise OptionError(f"{name} lies between 0 and 1, such as 0.95; given was {value!r}.")


def check_count(name: str, value: float, least: int = 1) -> None:
    """Raise an OptionError unless ``value`` is a number from ``least`` on."""
    if not (math.isfinite(value) and value >= least):
        raise OptionError(f"{name} must be at least {least}; given was {value!r}.")
