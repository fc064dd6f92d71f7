"""What one workload's comparison left: runs by engine and case, what is missing, and what else its text tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from page import Run, cell, machine, median_of, today

OURS = "research_kit"


@dataclass(frozen=True)
class Measure:
    """A figure of each run: its heading, its key in the run, how it is shown, and whether as times ours too."""

    heading: str
    name: str
    scale: float = 1.0
    is_compared: bool = True


@dataclass
class Row:
    """One engine on one case: its runs."""

    engine: str
    case: str
    runs: list[Run] = field(default_factory=list)

    def median_of(self, name: str) -> float | None:
        return median_of(self.runs, name)


@dataclass
class Sheet:
    """All runs of one workload, as they are kept in ``results.json``."""

    rows: list[Row] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)  # engine, or engine and case: why
    faults: list[str] = field(default_factory=list)  # unequal work, or a failure of this project
    facts: dict[str, Any] = field(default_factory=dict)  # what else the page tells, as JSON values
    date: str = field(default_factory=today)
    machine: str = field(default_factory=machine)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Sheet:
        return cls(**{**values, "rows": [Row(**row) for row in values["rows"]]})

    @property
    def runs(self) -> list[Run]:
        return [run for row in self.rows for run in row.runs]

    @property
    def cases(self) -> list[str]:
        return list(dict.fromkeys(row.case for row in self.rows))

    def engines(self, case: str = "") -> list[str]:
        """Return the engines that ran a case; without one, those that ran any."""
        return list(dict.fromkeys(row.engine for row in self.rows if not case or row.case == case))

    def row(self, engine: str, case: str) -> Row:
        """Return the row of an engine on a case, made where it is not there yet."""
        for row in self.rows:
            if (row.engine, row.case) == (engine, case):
                return row
        self.rows.append(Row(engine, case))
        return self.rows[-1]

    def value(self, engine: str, case: str, name: str) -> float | None:
        """Return the median of a figure; None where the engine did not run the case."""
        runs = [run for row in self.rows if (row.engine, row.case) == (engine, case) for run in row.runs]
        return median_of([run for run in runs if run.get(name) is not None], name)

    def miss(self, what: str, why: str, *, is_fault: bool = False) -> None:
        """Note in one line what is missing, and say so now."""
        self.absent[what] = why
        if is_fault:
            self.faults.append(f"{what}: {why}")
        print(f"without {what}: {why}", flush=True)

    def missing(self) -> str:
        return "".join(f"\n**{what}** is missing: {why}\n" for what, why in self.absent.items())


def table_of_cases(sheet: Sheet, measure: Measure) -> str:
    """Return one measure as a table: a line for each engine, a column for each case; in brackets, times ours."""
    cases = sheet.cases
    lines = ["| engine | " + " | ".join(cases) + " |", "|---|" + "--:|" * len(cases)]
    for engine in sheet.engines():
        values = [sheet.value(engine, case, measure.name) for case in cases]
        ours = [sheet.value(OURS, case, measure.name) for case in cases]
        if any(value is not None for value in values):
            cells = (_cell(measure, value, own) for value, own in zip(values, ours, strict=True))
            lines.append(f"| {engine} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def tables_of_cases(sheet: Sheet, measures: Iterable[Measure]) -> str:
    """Return a table for each measure that was taken, its heading above it."""
    return "".join(
        f"\n{measure.heading}\n\n{table_of_cases(sheet, measure)}"
        for measure in measures
        if any(measure.name in run for run in sheet.runs)
    )


def table_of_measures(sheet: Sheet, case: str, measures: list[Measure], ours: str = OURS) -> str:
    """Return one case as a table: a line for each engine, a column for each measure; in brackets, times ours."""
    lines = ["| engine | " + " | ".join(measure.heading for measure in measures) + " |"]
    lines.append("|---|" + "--:|" * len(measures))
    for engine in sheet.engines(case):
        found = ((one, sheet.value(engine, case, one.name), sheet.value(ours, case, one.name)) for one in measures)
        lines.append(f"| {engine} | {' | '.join(_cell(*values) for values in found)} |")
    return "\n".join(lines) + "\n"


def _cell(measure: Measure, value: float | None, ours: float | None) -> str:
    return cell(value, ours if measure.is_compared else None, measure.scale)
