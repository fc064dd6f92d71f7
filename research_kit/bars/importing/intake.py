"""The way in: raw tables, block by block, become the rows of bars, and what is to be said about them is gathered."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.columns.assign import (
    Assigned,
    assign_columns,
    check_assumed_order,
    contradicted_share,
    doubts_about_order,
)
from research_kit.bars.columns.numbers import NumberReader, number_hint
from research_kit.bars.columns.tick_names import named_as_bars
from research_kit.bars.findings import Finding, counted
from research_kit.bars.frame import PRICE_COLUMNS, FloatArray
from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.importing.rows import Fault, Rows, Sieve
from research_kit.bars.importing.spool import Spool
from research_kit.bars.importing.tick_intake import TickIntake
from research_kit.bars.readers.base import RawTable
from research_kit.bars.times.reader import TimeReader, Times
from research_kit.errors import DataError, listed

if TYPE_CHECKING:
    import pyarrow as pa


class Intake:
    """Takes raw tables and gives the rows of bars: times in UTC, prices as floats, sorted, one row for each time.

    What the first table of a file decides (which column is which, what its times are) holds for the rest of the file.

    Parameters
    ----------
    options
        How the source is to be read.
    name
        What it is called in messages.
    scratch
        Folder for the numbers of sources that are larger than memory should be.
    """

    def __init__(self, options: ImportOptions, name: str, scratch: Path | None = None) -> None:
        self.options, self.name = options, name
        self.symbols: Counter[str] = Counter()
        self.doubts: dict[str, None] = {}
        self.columns: tuple[str, ...] = ()
        self.assigned: Assigned | None = None
        self.times: TimeReader | None = None
        self._fixed_symbol = ""
        self._sieve = Sieve(allow_nonpositive=options.allow_nonpositive)
        self._ticks: TickIntake | None = None
        self._spool = Spool(scratch, duplicates=options.drop_duplicates)
        self._ragged, self._first_ragged = 0, ""
        self._time_findings: list[Finding] = []
        self._readers: dict[str, NumberReader] = {}
        self._fields: tuple[str, ...] = ()
        self._missing: Counter[str] = Counter()
        self._left_out: dict[str, None] = {}

    @property
    def rows(self) -> int:
        """Rows of the source so far."""
        return self._sieve.rows

    @property
    def symbol(self) -> str:
        """What was traded: given, fixed by the layout, or named by a column."""
        return self.options.symbol or self._fixed_symbol or next(iter(self.symbols), "")

    def begin_file(self) -> None:
        """Forget what the file before decided."""
        self._end_file()
        self.assigned, self.times, self._readers = None, None, {}

    def add(self, raw: RawTable, marks: NDArray[np.bool_] | None = None) -> None:
        """Take the next table of a file; ``marks`` are kept as the column ``synthetic``."""
        raw = replace(raw, table=_plain(raw.table))
        self._note(raw)
        if not raw.table.num_rows:
            return
        is_first = self.assigned is None
        assigned = self.assigned = self.assigned or self._assign(raw)
        raw = self._of_one_symbol(raw, assigned)
        times = self._read_times(raw, assigned)
        columns, texts = self._numbers(raw, assigned)
        if is_first:
            self._check_order(times, columns, assigned)
        if marks is not None:
            columns["synthetic"] = marks.astype(np.float64)
        if raw.ticks:
            self._add_ticks(raw.ticks, Rows(times.ns, columns), times, texts)
        else:
            self._spool.add(self._sieve.sift(Rows(times.ns, columns), times.bad, texts))

    def settle(self) -> tuple[Rows, list[Finding]]:
        """Return all rows, sorted and one for each time, and what was found and done on the way.

        Raises
        ------
        DataError
            Rows cannot be bars, contradict each other or are damaged, and the options do not say what to do.
        """
        self._end_file()
        options = self.options
        if not self._sieve.rows:
            raise DataError(f"{self.name} has columns ({listed(self.columns)}) and no rows.")
        findings = [*self._ragged_findings(options), *self._time_findings, *self._left_out_findings()]
        findings += self._sieve.settle(drop=options.drop_bad, source=self.name)
        rows, found = self._ticks.settle() if self._ticks else self._spool.settle(self.name, sort=options.sort)
        findings += found
        findings += [Finding("doubt", "note", 1, doubt) for doubt in self.doubts]
        empty = [name for name, count in self._missing.items() if 2 * count > self._sieve.rows]
        return Rows(rows.time_ns, {name: rows.columns[name] for name in rows.columns if name not in empty}), findings

    def complaints(self, options: ImportOptions) -> list[str]:
        """Return what other options would have refused of the rows that were settled, one sentence each."""
        found = []
        for check in (
            lambda: self._ragged_findings(options),
            lambda: self._sieve.settle(drop=options.drop_bad, source=self.name),
            lambda: self._spool.check(options.drop_duplicates, self.name),
        ):
            try:
                check()
            except DataError as error:
                found.append(str(error))
        return found

    def _add_ticks(self, kind: str, rows: Rows, times: Times, texts: dict[str, Fault]) -> None:
        self._ticks = self._ticks or TickIntake(kind, self.options.timeframe, self.name)
        if kind == "quotes":  # one side may be missing for a while
            sides = {"bid": rows.columns["close"], "ask": rows.columns["ask"]}
            good = self._sieve.sift(Rows(rows.time_ns, sides), times.bad, {})
            self._ticks.add(good.time_ns, {"close": good.columns["bid"], "ask": good.columns["ask"]})
        else:
            good = self._sieve.sift(rows, times.bad, texts)
            self._ticks.add(good.time_ns, good.columns)

    def _note(self, raw: RawTable) -> None:
        self.columns = self.columns or tuple(raw.table.column_names)
        self.doubts |= dict.fromkeys(raw.doubts)
        self._fixed_symbol = self._fixed_symbol or raw.symbol
        self._ragged += raw.ragged
        self._first_ragged = self._first_ragged or raw.first_ragged

    def _assign(self, raw: RawTable) -> Assigned:
        given = self.options.columns
        if raw.ticks and given is not None and not isinstance(given, dict):
            given = named_as_bars(given)
        if raw.roles and (given is None or isinstance(given, dict)):
            given = {**raw.roles, **(given or {})}
        return assign_columns(raw.table, has_header=raw.has_header, given=given, source=self.name)

    def _of_one_symbol(self, raw: RawTable, assigned: Assigned) -> RawTable:
        """Return the rows of the instrument that is wanted, where a column names it; refuse several in one source."""
        if not assigned.symbol:
            return raw
        import pyarrow.compute as pc

        names = [str(name) for name in pc.unique(raw.table[assigned.symbol]).to_pylist() if name is not None]
        self.symbols.update(names)
        wanted = self.options.symbol
        if len(self.symbols) > 1 and wanted not in self.symbols:
            raise DataError(
                f"{self.name} holds several instruments in its column {assigned.symbol!r} "
                f"({listed(self.symbols, most=5)}); say symbol={next(iter(self.symbols))!r} to take one, or take all "
                "with ws.import_all(...)."
            )
        if len(names) > 1 or (wanted in self.symbols and names != [wanted]):
            chosen = pc.equal(raw.table[assigned.symbol].cast("string"), wanted)
            return replace(raw, table=raw.table.filter(chosen))
        return raw

    def _read_times(self, raw: RawTable, assigned: Assigned) -> Times:
        options = self.options
        if self.times is None:
            self.times = TimeReader(
                options.timezone or raw.timezone or None,
                day_first=options.day_first,
                ambiguous=options.ambiguous,
                nonexistent=options.nonexistent,
                question=raw.zone_question,
            )
        return self.times.read([raw.table[name] for name in assigned.time])

    def _numbers(self, raw: RawTable, assigned: Assigned) -> tuple[dict[str, FloatArray], dict[str, Fault]]:
        """Return the columns as numbers, and where prices are text instead."""
        columns: dict[str, FloatArray] = {}
        texts: dict[str, Fault] = {}
        for name, source_name in assigned.fields.items():
            column = raw.table[source_name]
            reader = self._readers.setdefault(name, NumberReader(raw.decimal, whole=name == "volume"))
            columns[name], text = reader.read(column)
            if name in PRICE_COLUMNS and text.any():
                cell = str(column[int(np.argmax(text))].as_py())
                texts[name] = Fault(
                    "price_not_a_number", f"whose {name!r} is no number", text, number_hint(cell) or repr(cell)[:40]
                )
            elif name not in (*PRICE_COLUMNS, "volume"):
                self._missing[name] += int(np.isnan(columns[name]).sum())
        return self._aligned(columns, raw.table.num_rows), texts

    def _aligned(self, columns: dict[str, FloatArray], rows: int) -> dict[str, FloatArray]:
        """Return the columns of the first table: what another file lacks is missing there, what it adds is left out."""
        self._fields = self._fields or tuple(columns)
        lacking = [name for name in self._fields if name not in columns]
        if any(name in PRICE_COLUMNS for name in lacking):
            raise DataError(
                f"{self.name}: one file has no column {lacking[0]!r}, which those before it have; import it by itself, "
                "or say which column it is with columns=."
            )
        self._left_out |= dict.fromkeys(name for name in columns if name not in self._fields)
        self._missing.update(dict.fromkeys(lacking, rows))
        return {name: columns[name] if name in columns else np.full(rows, np.nan) for name in self._fields}

    def _check_order(self, times: Times, columns: dict[str, FloatArray], assigned: Assigned) -> None:
        """Refuse columns whose order or names the prices contradict; note what only looks so."""
        order = np.argsort(times.ns, kind="stable")
        prices = {name: columns[name][order] for name in PRICE_COLUMNS if name in columns}
        if assigned.assumed:
            if len(prices) == len(PRICE_COLUMNS):
                check_assumed_order(prices, assigned, self.name)
            return
        doubts = doubts_about_order(prices, assigned)
        if doubts and contradicted_share(prices) > 0.5 and self.options.columns is None:  # the user's word stands
            raise DataError(f"{self.name}: {doubts[0]}")
        self.doubts |= dict.fromkeys((*doubts, *assigned.doubts))

    def _end_file(self) -> None:
        if self.times is not None:
            self._time_findings += self.times.findings()

    def _ragged_findings(self, options: ImportOptions) -> list[Finding]:
        if not self._ragged:
            return []
        if not options.drop_bad:
            raise DataError(
                f"{self.name} has {counted(self._ragged, 'line')} with the wrong number of cells (the first: "
                f"{self._first_ragged!r}); say drop_bad=True to leave them out (the quality report counts them)."
            )
        words = "Lines with the wrong number of cells were left out, because drop_bad=True."
        return [Finding("ragged_lines", "error", self._ragged, words, (self._first_ragged,))]

    def _left_out_findings(self) -> list[Finding]:
        source_names = dict(self.assigned.fields) if self.assigned else {}
        empty = (name for name, count in self._missing.items() if 2 * count > self._sieve.rows)
        names = [repr(source_names.get(name, name)) for name in (*empty, *self._left_out)]
        words = "Columns that are not numbers, or mostly empty, were left out."
        return [Finding("columns_left_out", "note", len(names), words, tuple(names[:10]))] if names else []


def _plain(table: pa.Table) -> pa.Table:
    """Return a table without dictionaries and other encodings of columns."""
    import pyarrow as pa

    def plain(kind: Any) -> Any:
        return kind.value_type if pa.types.is_dictionary(kind) else kind

    for at, field in enumerate(table.schema):
        if plain(field.type) != field.type:
            table = table.set_column(at, field.name, table[field.name].cast(plain(field.type)))
    return table
