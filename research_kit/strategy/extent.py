"""How large the values of a target are, in one pass and without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.compiled import compiled


def largest_size(values: NDArray[Any]) -> float:
    """Return the greatest absolute value, NaN left out; 0 where there is none.

    >>> largest_size(np.array([0.5, np.nan, -2.0]))
    2.0
    """
    if values.dtype.kind == "i":
        return float(max(-int(values.min(initial=0)), int(values.max(initial=0))))
    return _largest(values)


@compiled
def _largest(values: NDArray[np.float64]) -> float:
    largest = 0.0
    for value in values:
        size = abs(value)
        if size > largest:  # noqa: PLR1730 - max() would let a NaN win
            largest = size
    return largest
