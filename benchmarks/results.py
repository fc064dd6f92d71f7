"""From single runs to ``results.json`` and ``RESULTS.md``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from environments import OURS
from import_results import ImportResults
from page import cell, load, machine, median_of, today, versions
from workloads import SIZES, STOP_HEAVY, Case

HERE = Path(__file__).parent
TITLES = {
    "W1": "W1: averages of 10 and 50 bars, long only, 0.1 % a side, next open; all in, at 1M and 5M bars one unit",
    "W2": "W2: the same averages, long and short, stop 2 %, target 4 %, one unit",
}
STOP_HEAVY_TITLE = ", ten times the volatility"
MEASURES = (
    ("Warm run, ms", "warm_s", 1e3),
    ("Warm run, ms of processor time", "warm_cpu_s", 1e3),
    ("Peak memory of the first run over data and imports, MB", "peak_mb", 1.0),
    ("Cold process to first result, s", "cold_s", 1.0),
    ("Cold process to first result, s of processor time", "cold_cpu_s", 1.0),
)
INTRODUCTION = """# Side by side with peers

Made by `make bench` on {date}: {machine}; {versions}. Load of the machine while it ran: {load}.

Each number is the median over fresh processes that took turns; in brackets, how many times ours. The same trades
(bars, and prices to 1e-9) and the same final equity (to 1e-9; backtesting.py to 1e-6, since its units are whole
millionths) were asserted before any time was taken. `limit` is one compiled loop that knows the workload and nothing
else. Ours computes every metric of its registry, the others total return, Sharpe ratio, drawdown and number of trades
(backtesting.py: all its statistics).
"""


@dataclass
class Row:
    """One engine on one case: its runs, or why there are none."""

    engine: str
    workload: str
    size: str
    sigma: float
    common_trades: float = 1.0  # share of trades that are the same as ours
    runs: list[dict[str, Any]] = field(default_factory=list)

    def median_of(self, name: str) -> float | None:
        return median_of(self.runs, name)


@dataclass
class Results:
    """A whole comparison: of backtests, and of imports."""

    rows: list[Row] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)  # engine, or engine and case: why
    date: str = field(default_factory=today)
    machine: str = field(default_factory=machine)
    imports: ImportResults | None = None

    @classmethod
    def read(cls, folder: Path = HERE) -> Results:
        """Return what ``write`` left there, or nothing yet."""
        path = folder / "results.json"
        if not path.exists():
            return cls()
        record = json.loads(path.read_text())
        rows, imports = [Row(**row) for row in record["rows"]], record.get("imports")
        kept = ImportResults.from_dict(imports) if imports else None
        return cls(rows, record["absent"], record["date"], record["machine"], kept)

    def rows_of(self, case: Case) -> list[Row]:
        key = (case.workload, case.size, case.sigma)
        return [row for row in self.rows if (row.workload, row.size, row.sigma) == key]

    def row(self, engine: str, case: Case) -> Row:
        for row in self.rows_of(case):
            if row.engine == engine:
                return row
        self.rows.append(Row(engine, case.workload, case.size, case.sigma))
        return self.rows[-1]

    def write(self, folder: Path = HERE) -> None:
        (folder / "results.json").write_text(json.dumps(asdict(self), indent=1) + "\n")
        (folder / "RESULTS.md").write_text(self.markdown())

    def markdown(self) -> str:
        """Return the page: for each workload, times, memory and cold start by engine and size."""
        runs = [run for row in self.rows for run in row.runs]
        text = INTRODUCTION.format(date=self.date, machine=self.machine, versions=versions(runs), load=load(runs))
        text += "".join(f"\n**{what}** is missing: {why}\n" for what, why in self.absent.items())
        for workload, sigma in dict.fromkeys((row.workload, row.sigma) for row in self.rows):
            rows = [row for row in self.rows if (row.workload, row.sigma) == (workload, sigma)]
            text += f"\n## {TITLES[workload]}{STOP_HEAVY_TITLE if sigma == STOP_HEAVY else ''}\n{_other_rules(rows)}"
            text += "".join(f"\n{heading}\n\n{_table(rows, name, scale)}" for heading, name, scale in MEASURES)
        return text + (self.imports.markdown() if self.imports else "")


def _other_rules(rows: list[Row]) -> str:
    """Say where an engine made other trades."""
    shares = [f"{row.engine} {row.common_trades:.0%} at {row.size}" for row in rows if row.common_trades < 1.0]
    why = "Other rules for bars that hold a stop and an entry or a signal; share of trades that are the same as ours"
    return f"\n{why}: {', '.join(shares)}.\n" if shares else ""


def _table(rows: list[Row], name: str, scale: float) -> str:
    sizes = [size for size in SIZES if any(row.size == size for row in rows)]
    values = {(row.engine, row.size): row.median_of(name) for row in rows}
    lines = ["| engine | " + " | ".join(f"{size} bars" for size in sizes) + " |", "|---|" + "--:|" * len(sizes)]
    for engine in dict.fromkeys(row.engine for row in rows):
        cells = (cell(values.get((engine, size)), values.get((OURS.name, size)), scale) for size in sizes)
        lines.append(f"| {engine} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
