"""The JSON of many rows at once: columns of values become one text a row, and back, much quicker than row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.store.json_values import dump_json, load_json

Numbers = NDArray[np.floating[Any]] | NDArray[np.integer[Any]] | Sequence[float]

_BLOCK = 4 * 2**20  # bytes that are read at once


def write_numbers(columns: Mapping[str, Numbers]) -> list[str | None]:
    """Return a JSON object of numbers for each row; what is not finite is null, a row without a number is None.

    >>> write_numbers({"sharpe_ratio": [0.5, float("nan")], "trades": [3, 0]})
    ['{"sharpe_ratio": 0.5, "trades": 3}', '{"sharpe_ratio": null, "trades": 0}']
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not columns:
        return []
    table = np.stack([np.asarray(values, dtype=np.float64) for values in columns.values()])
    finite = np.isfinite(table)
    parts: list[Any] = []
    for name, numbers, there in zip(columns, table, finite, strict=True):
        texts = pc.fill_null(pa.array(numbers, mask=~there).cast(pa.string()), "null")
        parts += [f"{', ' if parts else '{'}{dump_json(name)}: ", texts]
    objects = pc.binary_join_element_wise(*parts, "}", "").to_pylist()
    some = np.asarray(finite.any(axis=0))
    return [text if there else None for text, there in zip(objects, some, strict=True)]


def read_numbers(texts: Sequence[str | None], names: Sequence[str] | None = None) -> dict[str, NDArray[np.float64]]:
    """Return the numbers of a JSON object for each row, by name: all that there are, or those asked for.

    Each has shape (rows,), NaN where a row has no such number.

    >>> read_numbers(['{"a": 1}', None, '{"a": null, "b": 2.5}'])
    {'a': array([ 1., nan, nan]), 'b': array([nan, nan, 2.5])}
    """
    import pyarrow as pa

    try:
        columns = _read_together(texts, names)
    except pa.ArrowInvalid:  # other programs write NaN, or text where others have a number
        columns = None
    return _read_each(texts, names) if columns is None else columns


def write_objects(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return each mapping as JSON text.

    >>> write_objects([{"fast": 5, "mode": "a"}, {"fast": 9, "mode": "a"}])
    ['{"fast": 5, "mode": "a"}', '{"fast": 9, "mode": "a"}']
    """
    names = list(rows[0]) if rows else []
    if not names or any(list(row) != names for row in rows):
        return [dump_json(row) for row in rows]
    members = [_write_members(name, [row[name] for row in rows]) for name in names]
    return [f"{{{', '.join(parts)}}}" for parts in zip(*members, strict=True)]


def read_objects(texts: Sequence[str | None]) -> list[Any]:
    """Return what each JSON text holds, None for None."""
    return list(load_json(f"[{','.join('null' if text is None else text for text in texts)}]"))


def _write_members(name: str, values: list[Any]) -> list[str]:
    """Return ``"name": value`` for each value; a grid has few different ones, each is converted once."""
    kinds = {value.__class__ for value in values}
    if len(kinds) > 1 or not kinds <= {int, float, str} or (kinds == {float} and 0.0 in values):  # 0.0 == -0.0
        return [_write_member(name, value) for value in values]
    known = {value: _write_member(name, value) for value in set(values)}
    return [known[value] for value in values]


def _write_member(name: str, value: Any) -> str:
    return dump_json({name: value})[1:-1]


def _read_together(texts: Sequence[str | None], names: Sequence[str] | None) -> dict[str, NDArray[np.float64]] | None:
    """Return the numbers of all rows from one reading, None where a text is not one object on one line."""
    import pyarrow as pa
    from pyarrow import json as arrow_json

    data = "\n".join(text or "{}" for text in texts).encode()
    longest = max((len(text) for text in texts if text), default=0)
    wanted = arrow_json.ParseOptions()
    if names is not None:
        schema = pa.schema([(name, pa.float64()) for name in names])
        wanted = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    table = arrow_json.read_json(
        pa.BufferReader(data), arrow_json.ReadOptions(block_size=max(_BLOCK, 8 * longest)), wanted
    )
    if table.num_rows != len(texts):
        return None
    return {name: _floats(table[name]) for name in table.column_names}


def _floats(column: Any) -> NDArray[np.float64]:
    import pyarrow as pa

    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return np.full(len(column), np.nan)
    return _finite(column.to_numpy().astype(np.float64))


def _read_each(texts: Sequence[str | None], names: Sequence[str] | None) -> dict[str, NDArray[np.float64]]:
    rows = [load_json(text) if text else {} for text in texts]
    found = list(dict.fromkeys(chain.from_iterable(rows))) if names is None else names
    return {name: _finite(np.array([_number(row.get(name)) for row in rows], dtype=np.float64)) for name in found}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else np.nan


def _finite(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(numbers), numbers, np.nan)
