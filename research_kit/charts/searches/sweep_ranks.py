"""Which sets of a parameter search are good: medians of groups, the best of all, an even sample by rank."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from research_kit.errors import OptionError, did_you_mean

Best = Literal["highest", "lowest"]
Reduce = Literal["median", "max", "min", "mean"]


def grouped(codes: NDArray[np.int64], values: NDArray[np.float64], size: int, reduce: Reduce) -> NDArray[np.float64]:
    """Return one number for each code from 0 to `size` - 1, of the values that are defined; NaN where there is none.

    >>> grouped(np.array([0, 0, 2]), np.array([1.0, 3.0, 5.0]), 3, "median")
    array([ 2., nan,  5.])
    """
    if reduce not in ("median", "max", "min", "mean"):
        raise OptionError(
            f"There is no reduce={reduce!r}. {did_you_mean(str(reduce), ['median', 'max', 'min', 'mean'])}"
        )
    defined = ~np.isnan(values)
    order = np.lexsort((values[defined], codes[defined]))
    codes, values = codes[defined][order], values[defined][order]
    result = np.full(size, np.nan)
    if len(codes) == 0:
        return result
    groups, first, count = np.unique(codes, return_index=True, return_counts=True)
    if reduce == "mean":
        result[groups] = np.add.reduceat(values, first) / count
    else:
        low = {"median": (count - 1) // 2, "min": np.zeros_like(count), "max": count - 1}[reduce]
        high = count // 2 if reduce == "median" else low
        result[groups] = values[first + low] / 2 + values[first + high] / 2
    return result


def best_place(values: NDArray[np.float64], best: Best) -> int | None:
    """Return the place of the best value in a flat array, the first of equals; None where none is defined.

    >>> best_place(np.array([np.nan, 2.0, 1.0]), "lowest")
    2
    """
    if best not in ("highest", "lowest"):
        raise OptionError(f"There is no best={best!r}. {did_you_mean(str(best), ['highest', 'lowest'])}")
    if np.isnan(values).all():
        return None
    return int(np.nanargmax(values.ravel()) if best == "highest" else np.nanargmin(values.ravel()))


def sampled(values: NDArray[np.float64], most: int, top: int, best: Best) -> NDArray[np.int64]:
    """Return at most `most` places from worst to best: the `top` ones, the others evenly among the ranks below.

    Undefined values are left out.

    >>> sampled(np.array([0.3, np.nan, 0.1, 0.2]), 10, 2, "highest")
    array([2, 3, 0])
    """
    goodness = values if best == "highest" else -values
    order = np.argsort(goodness, kind="stable")[: int((~np.isnan(goodness)).sum())]  # NaN is sorted to the end
    if len(order) <= most:
        return order.astype(np.int64)
    below = np.linspace(0, len(order) - top - 1, most - top).round().astype(np.int64)
    places = np.concatenate([below, np.arange(len(order) - top, len(order))])
    return np.asarray(order[places], dtype=np.int64)
