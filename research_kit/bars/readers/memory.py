"""What is in memory already: frames and tables of any library, and rows and columns as lists, dicts and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from research_kit.bars.columns.assign import plain_name
from research_kit.bars.columns.tick_names import recognise_ticks, tick_roles
from research_kit.bars.readers.base import RawTable
from research_kit.bars.readers.json_shapes import payload_of
from research_kit.bars.readers.records import Payload, Records
from research_kit.bars.readers.wide import narrowed
from research_kit.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

INDEX_NAMES = ("time", "date", "datetime", "timestamp")
_PRICES = frozenset({"open", "high", "low", "close", "adj_close", "volume"})


def table_of(source: Any, symbol: str = "") -> RawTable | None:
    """Return what is in memory as a raw table, None when it is nothing that holds rows.

    Parameters
    ----------
    source
        A DataFrame of pandas, or of any library that speaks Arrow (polars, pyarrow, duckdb); rows of time, open, high,
        low, close, volume as ccxt returns them; dicts of cells; a dict of columns; a numpy array, structured or not.
    symbol
        Which one, where several stand side by side.

    Raises
    ------
    DataError
        There are no rows, several symbols, or cells that cannot be told apart.

    Examples
    --------
    >>> table_of([[1577836800000, 7200.0, 7250.5, 7175.0, 7210.0, 42.5]]).table.column_names
    ['time', 'open', 'high', 'low', 'close', 'volume']
    """
    if _is_frame(source):
        return table_of_frame(source, symbol)
    if hasattr(source, "__arrow_c_stream__"):
        return narrowed(_named_ticks(_arrow_table(source)), symbol, _kind_of(source))
    payload = _payload(source, symbol)
    if payload is None:
        return None
    if payload.is_empty:
        raise DataError(f"The {type(source).__name__} has no rows.")
    name = _kind_of(source)
    return narrowed(Records(name).table(payload), symbol, name)


def table_of_frame(frame: pd.DataFrame, symbol: str = "") -> RawTable:
    """Return the columns of a DataFrame; an index of times becomes the column ``time``.

    Column names of two levels, as yfinance returns them for several symbols in either order, are read for the symbol
    that is asked for, or for the only one. An index of times and symbols gives the columns ``time`` and ``symbol``.

    Raises
    ------
    DataError
        Two columns have one name; there are several symbols and ``symbol`` is none of them; an index or columns have
        levels of which none are times or prices.
    """
    return narrowed(_named_ticks(unpicked(frame)), symbol, "The frame")


def unpicked(frame: pd.DataFrame) -> pa.Table:
    """Return a DataFrame as a table with the columns of all symbols, where there are several side by side."""
    import pyarrow as pa

    columns = _flat_names(frame)
    if len(set(columns)) != len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise DataError(f"The frame has more than one column {twice!r}; rename or drop one.")
    arrays = {name: _arrow(frame.iloc[:, at]) for at, name in enumerate(columns)}
    index = _index_columns(frame)
    if "time" in index:
        for name in [name for name in arrays if name.lower() == "time"]:
            arrays[f"{name}_column"] = arrays.pop(name)
    return pa.table({**{name: _arrow(level.to_series()) for name, level in index.items()}, **arrays})


def _is_frame(source: Any) -> bool:
    return type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "columns")


def _kind_of(source: Any) -> str:
    return "The " + {"Table": "table", "DataFrame": "frame"}.get(type(source).__name__, type(source).__name__)


def _arrow_table(source: Any) -> pa.Table:
    import pyarrow as pa

    return source if isinstance(source, pa.Table) else pa.table(source)


def _named_ticks(table: pa.Table) -> RawTable:
    names = table.column_names
    return RawTable(table, ticks=recognise_ticks(names), roles=tick_roles(names))


def _payload(source: Any, symbol: str) -> Payload | None:
    if isinstance(source, np.ndarray):
        if source.dtype.names:
            return Payload("a structured array", columns={name: source[name] for name in source.dtype.names})
        return Payload("an array", rows=source.tolist()) if source.ndim == 2 else None
    if isinstance(source, Mapping):
        if source and all(map(_is_column, source.values())):
            return Payload("a dict of columns", columns={str(name): _column(source[name]) for name in source})
        return payload_of(source, symbol, "The dict")
    if isinstance(source, Sequence) and not isinstance(source, str | bytes):
        rows = [row.tolist() if isinstance(row, np.ndarray) else row for row in source]
        are_rows = all(isinstance(row, Mapping | Sequence) and not isinstance(row, str | bytes) for row in rows)
        return Payload("a list of rows", rows=rows) if are_rows else None
    return None


def _is_column(values: Any) -> bool:
    """Return whether a value of a dict is a column of cells, and neither one cell nor a list of rows."""
    if hasattr(values, "__array__"):
        return True
    listed = isinstance(values, Sequence) and not isinstance(values, str | bytes)
    return listed and not any(isinstance(cell, list | tuple | Mapping) for cell in values[:1])


def _column(values: Any) -> Any:
    return np.asarray(values) if hasattr(values, "__array__") else values


def _flat_names(frame: pd.DataFrame) -> list[str]:
    """Return a name for each column: of two levels, of prices and of symbols, both, as a wide table has them."""
    columns: Any = frame.columns
    if columns.nlevels == 1:
        return [str(name) for name in columns]
    levels = [[str(name) for name in columns.get_level_values(level)] for level in range(columns.nlevels)]
    prices = next((level for level in levels if _PRICES & set(map(plain_name, level))), None)
    others = [level for level in levels if level is not prices]
    free = [level for level in others if len(set(level)) > 1]
    if prices is None and len(free) == 1:
        return free[0]
    if prices is None or len(free) > 1:
        raise DataError(
            f"The frame's columns have {columns.nlevels} levels ({columns[0]!r} ...), of which none, or not only one "
            "beside the prices, tells columns apart; select one symbol first."
        )
    symbols = next((level for level in free or others if any(level)), None)
    if symbols is None:
        return prices
    return [str(pair) for pair in zip(symbols, prices, strict=True)]


def _index_columns(frame: pd.DataFrame) -> dict[str, pd.Index[Any]]:
    """Return the index as columns: ``time`` when it holds times, and ``symbol`` when a second level names them."""
    import pandas as pd

    index = frame.index
    if not isinstance(index, pd.MultiIndex):
        times = _time_index(index, frame)
        return {} if times is None else {"time": times}
    levels = [index.get_level_values(at) for at in range(index.nlevels)]
    free = [level for level in levels if level.nunique() > 1]
    times = next((level for level in levels if _time_index(level, frame, alone=False) is not None), None)
    names = [level for level in (free if len(levels) > 2 else levels) if level is not times]
    if times is None or len(names) > 1:
        raise DataError(
            f"The frame's index has {index.nlevels} levels ({list(index.names)}), not one of times and one of symbols; "
            "select one symbol first."
        )
    out = {"time": times}
    if names and not any(plain_name(str(name)) == "symbol" for name in frame.columns):
        out["symbol"] = names[0].astype(str)
    return out


def _time_index(index: pd.Index[Any], frame: pd.DataFrame, *, alone: bool = True) -> pd.Index[Any] | None:
    """Return an index when it holds times, None when it only counts rows or names symbols."""
    import pandas as pd

    if isinstance(index, pd.PeriodIndex):
        return index.to_timestamp()
    if isinstance(index, pd.DatetimeIndex):
        return index
    named = str(index.name or "").lower() in INDEX_NAMES
    has_column = any(str(name).lower() in INDEX_NAMES for name in frame.columns)
    textual = alone and bool(pd.api.types.is_string_dtype(index.dtype)) and len(index) > 0 and not has_column
    return index if named or textual else None


def _arrow(values: pd.Series[Any]) -> pa.Array:
    import pyarrow as pa

    try:
        array = pa.Array.from_pandas(values)
    except (pa.ArrowException, TypeError, ValueError):
        array = pa.Array.from_pandas(values.astype("string"))
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
