"""Columns into and out of PostgreSQL as whole arrays: no row becomes a Python object.

In by a binary COPY (https://www.postgresql.org/docs/current/sql-copy.html): a row is the number of its fields, then for
each field its length (-1 is NULL) and its bytes, numbers and times with the highest byte first. Out as the same bytes,
which the server joins for each column: thousands of values in one, so that a row costs nothing on its way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_EPOCH = np.datetime64("2000-01-01", "us")  # PostgreSQL counts microseconds from here
_NEVER = np.iinfo(np.int64).max  # the time 'infinity'
_BLOCK = 10_000  # rows at a time: they stay in the processor's cache
_PACKED_ROWS = 50_000
_PACKED = {
    "time": "timestamptz_send(coalesce({}, 'infinity'))",
    "number": "float8send(coalesce({}, 'NaN'))",
    "text": "int4send(coalesce(octet_length({}), -1))",
}

Bytes = NDArray[np.uint8]


def encode(columns: Sequence[NDArray[Any]]) -> Iterator[bytes]:
    """Yield the file of these columns in parts; NaN, NaT and None are NULL.

    float64 is double precision, int32 integer, datetime64 timestamptz (UTC), object text.
    """
    yield HEADER
    for start in range(0, len(columns[0]), _BLOCK):
        yield _encode_rows([column[start : start + _BLOCK] for column in columns])
    yield TRAILER


def packed_query(kinds: Mapping[str, str], table: str, condition: str) -> str:
    """Return a query for what ``unpack`` takes, in the order of ids; a kind is ``time``, ``number`` or ``text``."""
    packed = [f"string_agg({_PACKED[kind].format(name)}, '')" for name, kind in kinds.items()]
    packed += [f"string_agg(convert_to({name}, 'UTF8'), '')" for name, kind in kinds.items() if kind == "text"]
    block = f"(row_number() OVER (ORDER BY id) - 1) / {_PACKED_ROWS} AS block"
    rows = f"SELECT {', '.join(kinds)}, {block} FROM {table} WHERE {condition} ORDER BY block, id"
    return f"SELECT {', '.join(packed)} FROM ({rows}) AS mine GROUP BY block ORDER BY block"


def unpack(row: Sequence[bytes | None], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return a part of the columns from one row of ``packed_query``: float64, datetime64[us], texts Arrow's."""
    types = {"time": ">i8", "number": ">f8", "text": ">i4"}
    texts = iter(row[len(kinds) :])
    columns: dict[str, Any] = {}
    for (name, kind), data in zip(kinds.items(), row, strict=False):
        values = np.frombuffer(data or b"", dtype=types[kind]).astype(types[kind][1:])
        if kind == "time":
            columns[name] = _moments(values)
        else:
            columns[name] = values if kind == "number" else _unpack_texts(values, next(texts) or b"")
    return columns


def _encode_rows(columns: Sequence[NDArray[Any]]) -> bytes:
    n = len(columns[0])
    count = np.full(n, len(columns), dtype=">i2").view(np.uint8).reshape(n, 2)
    parts, there = [count], [np.ones((n, 2), dtype=bool)]
    for values, lengths in map(_field, columns):
        parts += [lengths.astype(">i4").view(np.uint8).reshape(n, 4), values]
        there += [np.ones((n, 4), dtype=bool), np.arange(values.shape[1]) < lengths[:, None]]
    return bytes(np.hstack(parts)[np.hstack(there)])


def _field(column: NDArray[Any]) -> tuple[Bytes, NDArray[np.int64]]:
    """Return the bytes of each value, shape (rows, the most that one has), and how many each has, -1 for NULL."""
    if column.dtype.kind == "O":
        return _texts(column)
    if column.dtype.kind == "M":
        gaps, column = np.isnat(column), (column - _EPOCH).astype(np.int64)
    else:
        gaps = np.isnan(column)
    size = column.dtype.itemsize
    values = column.astype(column.dtype.newbyteorder(">")).view(np.uint8).reshape(-1, size)
    return values, np.where(gaps, -1, size)


def _texts(column: NDArray[Any]) -> tuple[Bytes, NDArray[np.int64]]:
    import pyarrow as pa

    texts = pa.array(column, pa.large_string())
    _, ends, data = texts.buffers()
    sizes = np.diff(np.frombuffer(ends, dtype=np.int64, count=len(column) + 1))
    values = np.zeros((len(column), int(sizes.max())), dtype=np.uint8)
    if data is not None:
        values[np.arange(values.shape[1]) < sizes[:, None]] = np.frombuffer(data, np.uint8, count=int(sizes.sum()))
    return values, np.where(texts.is_null().to_numpy(zero_copy_only=False), -1, sizes)


def _moments(numbers: NDArray[np.int64]) -> NDArray[np.datetime64]:
    times = _EPOCH + numbers.view("timedelta64[us]")
    times[numbers == _NEVER] = np.datetime64("NaT")
    return np.asarray(times)


def _unpack_texts(lengths: NDArray[np.int32], data: bytes) -> Any:
    import pyarrow as pa

    ends = np.concatenate([[0], np.cumsum(np.maximum(lengths, 0), dtype=np.int64)]).astype(np.int64)
    there = np.packbits(lengths >= 0, bitorder="little")
    buffers = [pa.py_buffer(there), pa.py_buffer(ends), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_string(), len(lengths), buffers)
