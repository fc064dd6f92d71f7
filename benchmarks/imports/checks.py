"""The checks of W5 in NumPy, for the tools that hand their columns over as arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from imports.measuring import MINUTE_S, PRICES


def check(
    seconds: NDArray[np.int64], columns: Mapping[str, NDArray[np.float64]]
) -> tuple[dict[str, int], NDArray[np.bool_]]:
    """Return the counts, and which rows are kept."""
    empty = [np.isnan(columns[name]) for name in PRICES]
    keep = ~np.logical_or.reduce(empty)
    rows = np.flatnonzero(keep)
    steps = np.diff(seconds[rows])
    keep[rows[1:][steps == 0]] = False
    gaps = steps[steps > MINUTE_S]
    counts = {
        "bars": int(keep.sum()),
        "duplicates": int((steps == 0).sum()),
        "unsorted": int((steps < 0).sum()),
        "missing_prices": sum(int(missing.sum()) for missing in empty),
        "inconsistent": int((_inconsistent(columns) & keep).sum()),
        "gaps": len(gaps),
        "missing_bars": int((gaps // MINUTE_S - 1).sum()),
    }
    return counts, keep


def _inconsistent(columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    opens, high, low, close = (columns[name] for name in PRICES)
    outside = (high < np.maximum(opens, close)) | (low > np.minimum(opens, close))
    return outside | (low <= 0) | (columns["volume"] < 0)
