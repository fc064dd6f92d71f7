"""Fewer points for a line, so that a chart of millions of bars stays small and true to its extremes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.errors import OptionError

LIMIT = 2000  # a line of 2,000 points is finer than the screen that shows it


@dataclass(frozen=True, eq=False)
class Points:
    """The points of one line, and how many there were before they were reduced."""

    x: NDArray[Any]
    y: NDArray[np.float64]
    total: int


def reduce_points(x: NDArray[Any], y: NDArray[Any], limit: int = LIMIT) -> Points:
    """Return at most `limit` of the points of a line, chosen so that its picture stays the same.

    First, last, highest and lowest point are always kept, exactly. Points that are not finite are left out, so that
    the line is drawn across them; few points come back as they are. The choice is made by MinMaxLTTB (Van Der Donckt
    and others, 2023), which by itself may lose an extreme: it is put back.

    Parameters
    ----------
    x : array
        Rising numbers or times.
    y : array
        Values, as many as `x`.
    limit : int
        At least 8.

    >>> points = reduce_points(np.arange(10_000), np.sin(np.arange(10_000) / 500), limit=100)
    >>> len(points.x) <= 100, points.total
    (True, 10000)
    """
    if limit < 8:
        raise OptionError(f"limit is {limit}; a reduced line needs at least 8 points.")
    if len(x) != len(y):
        raise OptionError(f"A line needs as many x as y; there are {len(x)} and {len(y)}.")
    values = np.asarray(y, dtype=np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        x, values = x[finite], values[finite]
    if len(values) > limit:
        kept = _kept(values, limit)
        x, values = x[kept], values[kept]
    return Points(x, values, total=len(y))


def _kept(y: NDArray[np.float64], limit: int) -> NDArray[np.int64]:
    from tsdownsample import MinMaxLTTBDownsampler

    # Equal numbers of bars to each bin, not equal spans of time: given x, the library panics where times as float64
    # fall together.
    reducer: Any = MinMaxLTTBDownsampler
    chosen = reducer().downsample(np.ascontiguousarray(y), n_out=limit - 2).astype(np.int64)
    return np.union1d(chosen, [np.argmin(y), np.argmax(y)])
