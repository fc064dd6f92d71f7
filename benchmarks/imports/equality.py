"""Did two tools do the same import? Asked before any time counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from equality import UnequalWorkError
from numpy.typing import NDArray
from pyarrow import feather, parquet

from imports.work import COLUMNS, Counts

TOLERANCE = 1e-14  # a reader may err in the last digit of a float


def check_counts(tool: str, found: Counts, expected: Counts) -> None:
    """Raise UnequalWorkError where a tool's counts are not those of the defects in the file."""
    for name, count in expected.items():
        if found.get(name) != count:
            shown = f"{found[name]:,}" if name in found else "no"
            raise UnequalWorkError(f"{tool} found {shown} {name}, and there are {count:,}.")


def check_stored(tool: str, theirs: NDArray[np.float64], ours: NDArray[np.float64]) -> None:
    """Raise UnequalWorkError where what a tool stored is not what this project stored."""
    if theirs.shape != ours.shape:
        raise UnequalWorkError(f"{tool} stored an array of shape {theirs.shape}, ours is {ours.shape}.")
    differs = ~np.isclose(theirs, ours, rtol=TOLERANCE, atol=0.0, equal_nan=True)
    if differs.any():
        row = int(np.argmax(differs.any(axis=0)))
        raise UnequalWorkError(f"{tool} stored {theirs[:, row].tolist()} as row {row}, ours {ours[:, row].tolist()}.")


def read_stored(path: Path) -> NDArray[np.float64]:
    """Return the times (seconds) and columns of a stored file, shape (6, n)."""
    table = parquet.read_table(path) if path.suffix == ".parquet" else feather.read_table(path)
    return np.array([_seconds(table.column(0)), *(table[name].to_numpy() for name in COLUMNS)])


def _seconds(times: pa.ChunkedArray) -> NDArray[np.float64]:
    nanoseconds = times if pa.types.is_integer(times.type) else times.cast(pa.timestamp("ns"))
    seconds: NDArray[np.float64] = nanoseconds.to_numpy().astype(np.int64) / 1e9
    return seconds
