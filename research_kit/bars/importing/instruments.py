"""The instruments that a source holds: one, or several in a column of names or in a set of columns each."""

from __future__ import annotations

from typing import Any

from research_kit.bars.columns.assign import assign_columns
from research_kit.bars.importing.opening import Part, open_tables
from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.readers.wide import symbols
from research_kit.errors import DataError


def instruments(source: Any, options: ImportOptions) -> list[str]:
    """Return the names of the instruments that a source holds, in the order of their first rows; none for one unnamed.

    Raises
    ------
    DataError
        The source cannot be read.
    """
    found: dict[str, None] = {}
    for part in open_tables(source, options).parts:
        wide = symbols(part.source if part.source is not None else source) if _may_be_wide(part, source) else []
        found |= dict.fromkeys(wide)
        if not wide:
            for raw in part.read():
                found |= dict.fromkeys(_named(raw, options))
    return list(found)


def _may_be_wide(part: Part, source: Any) -> bool:
    return part.source is not None or hasattr(source, "columns")


def _named(raw: Any, options: ImportOptions) -> list[str]:
    import pyarrow.compute as pc

    try:
        assigned = assign_columns(raw.table, has_header=raw.has_header, given=options.columns)
    except DataError:
        return []
    if not assigned.symbol:
        return [raw.symbol] if raw.symbol else []
    return [str(name) for name in pc.unique(raw.table[assigned.symbol]).to_pylist() if name is not None]
