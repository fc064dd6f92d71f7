"""Daily returns in compact form: float32, quick to pack and to read, days without a position left out.

Returns are noise that no compressor shortens, and trying takes longer than everything else; what is worth it is to
leave out the days that are exactly zero. A packed row is one of

* a zlib stream of float32, little-endian, one a day;
* ``S`` and a zlib stream of: the number of days (uint32), a bit for each day that is not zero (lowest first), and the
  float32 of those days.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.errors import StoreError

ReturnRows = NDArray[np.floating[Any]] | Sequence[NDArray[np.floating[Any]] | None]

_SPARSE = b"S"
_WORTH_IT = 0.1  # share of zeros from which on they are left out


def pack_returns(returns: NDArray[np.floating[Any]]) -> bytes:
    """Return one row of daily returns, shape (days,), in compact form.

    >>> unpack_returns(pack_returns(np.array([0.5, 0.0, -0.25]))).tolist()
    [0.5, 0.0, -0.25]
    """
    return _pack(_as_floats(returns)[None, :])[0]


def pack_rows(rows: ReturnRows) -> list[bytes | None]:
    """Return rows of daily returns in compact form, None for a row that is None or NaN throughout.

    Parameters
    ----------
    rows
        Fractions, a matrix of shape (sets, days) or one array of shape (days,) for each set.

    Raises
    ------
    StoreError
        A row holds an infinity, or NaN among numbers, or is no row.
    """
    if isinstance(rows, np.ndarray):
        return _pack_matrix(rows, 0)
    return [None if row is None else _pack_matrix(np.asarray(row)[None, ...], i)[0] for i, row in enumerate(rows)]


def unpack_returns(packed: bytes) -> NDArray[np.float32]:
    """Return what was packed, float32 of shape (days,)."""
    if not packed.startswith(_SPARSE):
        return np.frombuffer(zlib.decompress(packed), dtype="<f4").astype(np.float32, copy=False)
    content = zlib.decompress(packed[1:])
    days = int.from_bytes(content[:4], "little")
    start = 4 + (days + 7) // 8
    traded = np.unpackbits(np.frombuffer(content[4:start], np.uint8), count=days, bitorder="little").view(np.bool_)
    returns = np.zeros(days, dtype=np.float32)
    returns[traded] = np.frombuffer(content[start:], dtype="<f4")
    return returns


def _pack_matrix(rows: NDArray[np.floating[Any]], first: int) -> list[bytes | None]:
    floats = _as_floats(rows)
    whole = np.asarray(np.isfinite(floats).all(axis=-1))
    absent = ~whole & np.isnan(floats).all(axis=-1)
    if floats.ndim != 2 or not (whole | absent).all():
        place = first + int(np.argmin((whole | absent).ravel()))
        raise StoreError(
            f"The daily returns of a trial must be one row of finite numbers; those of set {place} are not."
        )
    packed = iter(_pack(floats if whole.all() else floats[whole]))
    return [next(packed) if there else None for there in whole]


def _as_floats(values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and refused
        return np.ascontiguousarray(values, dtype="<f4")


def _pack(rows: NDArray[np.float32]) -> list[bytes]:
    days = rows.shape[1]
    traded = rows.view(np.uint32) != 0  # minus zero stays
    sparse = (np.count_nonzero(~traded, axis=1) > _WORTH_IT * days).tolist()
    bits = np.packbits(traded, axis=1, bitorder="little")
    head = days.to_bytes(4, "little")
    return [
        _SPARSE + zlib.compress(head + bits[i].tobytes() + row[traded[i]].tobytes(), level=0)
        if sparse[i]
        else zlib.compress(row.tobytes(), level=0)
        for i, row in enumerate(rows)
    ]
