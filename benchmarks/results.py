"""From single runs to ``results.json`` and ``RESULTS.md``."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from environments import OURS
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
        values = [value for run in self.runs for value in (run[name] if isinstance(run[name], list) else [run[name]])]
        return median(values) if values else None


@dataclass
class Results:
    """A whole comparison."""

    rows: list[Row] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)  # engine, or engine and case: why

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
        rows = [asdict(row) for row in self.rows]
        record = {"date": today(), "machine": machine(), "absent": self.absent, "rows": rows}
        (folder / "results.json").write_text(json.dumps(record, indent=1) + "\n")
        (folder / "RESULTS.md").write_text(self.markdown())

    def markdown(self) -> str:
        """Return the page: for each workload, times, memory and cold start by engine and size."""
        text = INTRODUCTION.format(date=today(), machine=machine(), versions=self._versions(), load=self._load())
        text += "".join(f"\n**{what}** is missing: {why}\n" for what, why in self.absent.items())
        for workload, sigma in dict.fromkeys((row.workload, row.sigma) for row in self.rows):
            rows = [row for row in self.rows if (row.workload, row.sigma) == (workload, sigma)]
            text += f"\n## {TITLES[workload]}{STOP_HEAVY_TITLE if sigma == STOP_HEAVY else ''}\n{_other_rules(rows)}"
            text += "".join(f"\n{heading}\n\n{_table(rows, name, scale)}" for heading, name, scale in MEASURES)
        return text

    def _versions(self) -> str:
        found = {package for row in self.rows for run in row.runs for package in run["versions"].items()}
        return ", ".join(f"{name} {version}" for name, version in sorted(found))

    def _load(self) -> str:
        loads = [run["load"] for row in self.rows for run in row.runs]
        return f"{min(loads):.1f} to {max(loads):.1f}" if loads else "unknown"


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
        cells = (_cell(values.get((engine, size)), values.get((OURS.name, size)), scale) for size in sizes)
        lines.append(f"| {engine} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(value: float | None, ours: float | None, scale: float) -> str:
    if value is None:
        return "–"
    ratio = f" (× {_figures(value / ours)})" if ours and value != ours else ""
    return _figures(value * scale) + ratio


def _figures(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine() -> str:
    """Return processor, cores, memory and system in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def today() -> str:
    return datetime.now(UTC).date().isoformat()
