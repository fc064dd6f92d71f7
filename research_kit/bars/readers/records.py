"""Rows and columns as Python values (lists, dicts) become raw tables: what JSON holds, and what libraries return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from research_kit.bars.columns.assign import is_common_name, plain_name
from research_kit.bars.columns.tick_names import recognise_ticks, tick_roles
from research_kit.bars.readers.base import RawTable
from research_kit.bars.readers.lists import choose_layout, is_moment
from research_kit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_SIDES = ("mid", "bid", "ask")
_SHORT = {"o": "open", "h": "high", "l": "low", "c": "close"}


@dataclass(frozen=True)
class Payload:
    """The rows or columns that a source holds, and what stands beside them.

    Parameters
    ----------
    words
        What was recognised.
    rows
        Lists or dicts, one for each row; None where there are columns.
    columns
        Lists by name; None where there are rows.
    names
        Names of the cells of rows that are lists, where the source gives them.
    symbol, timezone, doubts
        As in ``RawTable``.
    is_top
        Whether the rows are the source itself, not inside of something: they can then be read in blocks.
    """

    words: str
    rows: Sequence[Any] | None = None
    columns: Mapping[str, Sequence[Any]] | None = None
    names: tuple[str, ...] = ()
    symbol: str = ""
    timezone: str = ""
    doubts: tuple[str, ...] = ()
    is_top: bool = False

    @property
    def is_empty(self) -> bool:
        if self.columns is not None:
            return not any(len(column) for column in self.columns.values())
        return not self.rows


@dataclass
class Records:
    """Makes raw tables of the blocks of one source: what the first block decides holds for all.

    Parameters
    ----------
    source
        What it is called in messages.
    given
        Names that the user gave for the cells, in order; the cells are then called ``column_1`` ...
    """

    source: str
    given: tuple[str, ...] | None = None
    _names: tuple[str, ...] = field(default=(), init=False)
    _ticks: str = field(default="", init=False)
    _words: str = field(default="", init=False)

    def table(self, payload: Payload) -> RawTable:
        """Return a block as a raw table. Raises DataError where rows are not all lists, or not all dicts."""
        raw = self._of_columns(payload.columns) if payload.columns is not None else self._of_rows(payload)
        return replace(
            raw,
            symbol=payload.symbol,
            timezone=payload.timezone,
            doubts=(*raw.doubts, *payload.doubts),
        )

    def _of_rows(self, payload: Payload) -> RawTable:
        rows = payload.rows or ()
        kind = dict if isinstance(rows[0], Mapping) else list
        odd = next(
            (at for at, row in enumerate(rows) if not isinstance(row, Mapping if kind is dict else Sequence)), -1
        )
        if odd >= 0 or isinstance(rows[0], str):
            raise DataError(
                f"{self.source} is a list whose items are not all rows: item {odd + 1:,} is {str(rows[odd])[:60]!r}."
            )
        return self._of_dicts(rows) if kind is dict else self._of_lists(rows, payload.names)

    def _of_lists(self, rows: Sequence[Sequence[Any]], names: tuple[str, ...]) -> RawTable:
        width = len(rows[0])
        if not self._names:
            self._decide(rows, names, width)
        whole = [row for row in rows if len(row) == len(self._names)]
        first = next((row for row in rows if len(row) != len(self._names)), None)
        columns = list(zip(*whole, strict=True)) or [()] * len(self._names)
        raw = _raw(dict(zip(self._names, columns, strict=True)))
        ragged = "" if first is None else f"{len(first)} cells instead of {len(self._names)}: {list(first)}"[:120]
        doubts = (f"Its rows have no names; their prices show that they are {self._words}.",) if self._words else ()
        return replace(
            raw,
            has_header=self.given is None,
            ragged=len(rows) - len(whole),
            first_ragged=ragged,
            ticks=self._ticks or raw.ticks,
            doubts=doubts,
        )

    def _decide(self, rows: Sequence[Sequence[Any]], names: tuple[str, ...], width: int) -> None:
        if self.given is not None and len(self.given) == width:
            self._names = tuple(f"column_{at}" for at in range(1, width + 1))
        elif len(names) == width:
            self._names = names
        else:
            layout = choose_layout(rows, self.source)
            self._names, self._ticks = layout.names, layout.ticks
            self._words = layout.shown() if layout.is_one_of_several else ""

    def _of_dicts(self, rows: Sequence[Mapping[str, Any]]) -> RawTable:
        if any(isinstance(cell, Mapping) for cell in rows[0].values()):
            rows = [_flat(row) for row in rows]
        fresh = [str(name) for name in dict.fromkeys(name for row in rows for name in row)]
        self._names = self._names or tuple(fresh)
        return _raw({name: [row.get(name) for row in rows] for name in self._names})

    def _of_columns(self, columns: Mapping[str, Sequence[Any]]) -> RawTable:
        lengths = {str(name): len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
            raise DataError(f"{self.source} has columns of different lengths ({shown[:200]}).")
        return _raw({str(name): column for name, column in columns.items()})


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without dicts in its cells: ``{"mid": {"o": 1}}`` becomes ``{"mid_open": 1}``."""
    out: dict[str, Any] = {}
    for name, cell in row.items():
        if isinstance(cell, Mapping):
            out |= {f"{name}_{_SHORT.get(inner, inner)}": value for inner, value in cell.items()}
        else:
            out[str(name)] = cell
    return out


def _raw(columns: Mapping[str, Sequence[Any]]) -> RawTable:
    """Return columns as a raw table, with the roles that their names alone would not give."""
    import pyarrow as pa

    table = pa.table({name: _array(column) for name, column in columns.items()})
    ticks = recognise_ticks(columns)
    return RawTable(table, ticks=ticks, roles={**_moment_role(columns), **_side_roles(columns), **tick_roles(columns)})


def _moment_role(columns: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    """Return the only column of times, where no name says which it is."""
    prices = {"open", "high", "low", "close"}
    if any(is_common_name(name) and plain_name(name) not in prices and _are_moments(columns[name]) for name in columns):
        return {}
    found = [name for name, column in columns.items() if _are_moments(column)]
    return {"time": found[0]} if len(found) == 1 else {}


def _are_moments(column: Sequence[Any]) -> bool:
    cells = [cell for cell in column[:50] if cell is not None]
    return bool(cells) and all(is_moment(cell) for cell in cells)


def _side_roles(columns: Mapping[str, Any]) -> dict[str, str]:
    """Return the prices of bars that have a mid, bid and ask: the mid where it is there, else the bid."""
    if any(plain_name(name) == "close" for name in columns):
        return {}
    side = next((side for side in _SIDES if f"{side}_close" in columns), "")
    return {part: f"{side}_{part}" for part in _SHORT.values() if f"{side}_{part}" in columns} if side else {}


def _array(values: Sequence[Any]) -> pa.Array:
    """Return values as an arrow array; what has no common type, or is itself a list or dict, becomes text."""
    import pyarrow as pa

    try:
        array = pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        array = None
    if array is None or pa.types.is_nested(array.type) or pa.types.is_null(array.type):
        return pa.array([None if value is None else str(value) for value in values], type=pa.string())
    return array
