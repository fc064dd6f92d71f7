"""The sha256 of numbers: what identifies a dataset, whatever file, machine or memory layout it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from research_kit.bars.frame import CANONICAL_ORDER, Bars
from research_kit.bars.mapped import forget
from research_kit.errors import DataError

CHUNK = 1 << 16  # values hashed at a time: half a megabyte, so that no column is ever copied whole
MAPPED = 256 * CHUNK  # values of a mapped column that stay in memory meanwhile
RESERVED = ("time_ns", "synthetic")  # what stands beside the columns in the hash and in the file

_INTEGER, _FLOAT = np.dtype("<i8"), np.dtype("<f8")


def canonical_sha256(time_ns: ArrayLike, columns: Mapping[str, ArrayLike]) -> str:
    """Return the sha256 of bars as 64 hexadecimal digits.

    Hashed are a header (format, number of rows, names of the columns), the times as int64 nanoseconds UTC, then each
    column as float64, all little-endian: open, high, low, close, volume, then the others by name. The order of the
    mapping and the layout in memory change nothing; every NaN counts as the same NaN, and -0.0 as 0.0.

    Raises
    ------
    DataError
        The times are not integers, or a column has another length.

    Examples
    --------
    >>> canonical_sha256([0, 60], {"close": [1.0, 2.0]})[:8]
    '3775da1b'
    """
    names = [name for name in CANONICAL_ORDER if name in columns]
    names += sorted(name for name in columns if name not in CANONICAL_ORDER)
    return _sha256("research_kit bars 1", {"time_ns": time_ns, **{name: columns[name] for name in names}}, ("time_ns",))


def bars_sha256(bars: Bars) -> str:
    """Return the canonical sha256 of bars, with the marks of synthetic bars as one more column where there are any."""
    columns: dict[str, ArrayLike] = dict(bars.columns)
    for name in RESERVED:
        if name in columns:
            raise DataError(f"A column of bars cannot be named {name!r}: the word has a meaning of its own; rename it.")
    if bars.synthetic is not None and bars.synthetic.any():
        columns["synthetic"] = bars.synthetic
    return canonical_sha256(bars.time_ns, columns)


def series_sha256(series: Mapping[str, NDArray[Any]]) -> str:
    """Return the sha256 of named series of one length, sorted by name: integers as int64, the rest as float64."""
    if not series:
        raise DataError("There is no series to hash; give at least one.")
    integers = tuple(name for name, values in series.items() if np.asarray(values).dtype.kind in "iu")
    return _sha256("research_kit series 1", {name: series[name] for name in sorted(series)}, integers)


def _sha256(title: str, arrays: Mapping[str, ArrayLike], integers: tuple[str, ...]) -> str:
    rows = np.asarray(next(iter(arrays.values()))).size
    digest = hashlib.sha256()
    types = {name: _INTEGER if name in integers else _FLOAT for name in arrays}
    header = {"format": title, "rows": rows, "columns": [[name, dtype.str] for name, dtype in types.items()]}
    digest.update(json.dumps(header).encode() + b"\n")
    for name, values in arrays.items():
        array = np.asarray(values)
        _check(name, array, rows, types[name])
        for start in range(0, rows, CHUNK):
            digest.update(_canonical(array[start : start + CHUNK], types[name]).data)
            if start % MAPPED == 0:
                forget(array)
        forget(array)
    return digest.hexdigest()


def _check(name: str, array: NDArray[Any], rows: int, dtype: np.dtype[Any]) -> None:
    if array.shape != (rows,):
        raise DataError(f"Column {name!r} has shape {array.shape}; every column must have {rows} values.")
    kinds, wanted = ("iu", "integers") if dtype == _INTEGER else ("iufb", "numbers")
    if rows and array.dtype.kind not in kinds:
        raise DataError(f"Column {name!r} holds {array.dtype}; it must hold {wanted}.")


def _canonical(chunk: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    values = np.ascontiguousarray(chunk, dtype=dtype)
    if dtype == _INTEGER:
        return values
    values = values + 0.0  # -0.0 + 0.0 is 0.0
    values[np.isnan(values)] = np.nan
    return values
