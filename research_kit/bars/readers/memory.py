"""Tables that are in memory already: pandas DataFrames and pyarrow Tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from research_kit.bars.readers.base import RawTable
from research_kit.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

INDEX_NAMES = ("time", "date", "datetime", "timestamp")


def table_of_frame(frame: pd.DataFrame) -> RawTable:
    """Return the columns of a DataFrame; an index of times becomes the column ``time``.

    Column names of two levels, as some vendors' libraries return them, are taken when one level holds a single name.

    Raises
    ------
    DataError
        The frame has an index or columns of several levels, or two columns of one name.
    """
    import pyarrow as pa

    columns = _flat_names(frame)
    if len(set(columns)) != len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise DataError(f"The frame has more than one column {twice!r}; rename or drop one.")
    arrays = {name: _arrow(frame.iloc[:, at]) for at, name in enumerate(columns)}
    index = _time_index(frame)
    if index is not None:
        for name in [name for name in arrays if name.lower() == "time"]:
            arrays[f"{name}_column"] = arrays.pop(name)
        arrays = {"time": _arrow(index.to_series()), **arrays}
    return RawTable(pa.table(arrays))


def _flat_names(frame: pd.DataFrame) -> list[str]:
    columns: Any = frame.columns
    if columns.nlevels == 1:
        return [str(name) for name in columns]
    free = [level for level in range(columns.nlevels) if columns.get_level_values(level).nunique() > 1]
    if len(free) > 1:
        raise DataError(
            f"The frame's columns have {columns.nlevels} levels ({columns[0]!r} ...), as for several symbols; "
            "select one symbol first."
        )
    return [str(name) for name in columns.get_level_values(free[0] if free else 0)]


def _time_index(frame: pd.DataFrame) -> pd.Index[Any] | None:
    """Return the frame's index when it holds times, None when it only counts rows."""
    import pandas as pd

    index = frame.index
    if isinstance(index, pd.MultiIndex):
        raise DataError(f"The frame's index has {index.nlevels} levels ({list(index.names)}); select one symbol first.")
    if isinstance(index, pd.PeriodIndex):
        return index.to_timestamp()
    named = str(index.name or "").lower() in INDEX_NAMES
    has_column = any(str(name).lower() in INDEX_NAMES for name in frame.columns)
    textual = bool(pd.api.types.is_string_dtype(index.dtype)) and len(index) > 0 and not has_column
    return index if isinstance(index, pd.DatetimeIndex) or named or textual else None


def _arrow(values: pd.Series[Any]) -> pa.Array:
    import pyarrow as pa

    try:
        array = pa.Array.from_pandas(values)
    except (pa.ArrowException, TypeError, ValueError):
        array = pa.Array.from_pandas(values.astype("string"))
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
