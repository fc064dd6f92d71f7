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

from environments import LIMIT, OURS
from workloads import SIZES, STOP_HEAVY, Case

HERE = Path(__file__).parent


@dataclass
class Row:
    """One engine on one case: medians over its processes, or why there are none."""

    engine: str
    workload: str
    size: str
    sigma: float
    common_trades: float | None = None  # share of trades that are the same as ours
    runs: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""

    def median_of(self, name: str) -> float | None:
        values = [value for run in self.runs for value in (run[name] if isinstance(run[name], list) else [run[name]])]
        return median(values) if values else None


@dataclass
class Results:
    """A whole comparison."""

    rows: list[Row] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)  # engine: why

    def row(self, engine: str, case: Case) -> Row:
        for row in self.rows:
            if (row.engine, row.workload, row.size, row.sigma) == (engine, case.workload, case.size, case.sigma):
                return row
        self.rows.append(Row(engine, case.workload, case.size, case.sigma))
        return self.rows[-1]

    def write(self) -> None:
        record = {
            "machine": machine(),
            "date": today(),
            "absent": self.absent,
            "rows": [asdict(row) for row in self.rows],
        }
        (HERE / "results.json").write_text(json.dumps(record, indent=1) + "\n")
        (HERE / "RESULTS.md").write_text(self.markdown())

    def markdown(self) -> str:
        """Return the tables: times, memory, cold start."""
        text = [INTRODUCTION.format(date=today(), machine=machine(), versions=self._versions(), load=self._load())]
        text += [f"- **{engine}** is missing: {why}\n" for engine, why in self.absent.items()]
        for workload, sigma in dict.fromkeys((row.workload, row.sigma) for row in self.rows):
            title = TITLES[workload] + (STOP_HEAVY_TITLE if sigma == STOP_HEAVY else "")
            rows = [row for row in self.rows if (row.workload, row.sigma) == (workload, sigma)]
            text.append(f"\n## {title}\n")
            for heading, name, scale, unit in MEASURES:
                text.append(f"\n{heading}\n\n{_table(rows, name, scale, unit)}")
        return "".join(text)

    def _versions(self) -> str:
        found = {name: version for row in self.rows for run in row.runs for name, version in run["versions"].items()}
        return ", ".join(f"{name} {version}" for name, version in sorted(found.items()))

    def _load(self) -> str:
        loads = [run["load"] for row in self.rows for run in row.runs]
        return f"{min(loads):.1f} to {max(loads):.1f}" if loads else "unknown"


INTRODUCTION = """# Side by side with peers

Made by `make bench` on {date}. {machine}.
{versions}. Load of the machine while it ran: {load}.

Each number is the median over fresh processes that took turns; in brackets, how many times ours. The same trades (bars,
and prices to 1e-9) and the same final equity (to 1e-9; backtesting.py to 1e-6, since its units are whole millionths) were
asserted before any time was taken. A share under a time says how many trades are the same where an engine has other rules.
`limit` is one compiled loop that knows the workload and nothing else.

"""
TITLES = {
    "W1": "W1: averages of 10 and 50 bars, long only, 0.1 % a side, next open (1M and 5M: one unit instead of all in)",
    "W2": "W2: the same averages, long and short, stop 2 %, target 4 %, one unit",
}
STOP_HEAVY_TITLE = ", ten times the volatility: many stops"
MEASURES = (
    ("Warm run, ms (wall)", "warm_s", 1e3, ""),
    ("Warm run, ms (processor)", "warm_cpu_s", 1e3, ""),
    ("Peak memory over the data, first run, MB", "peak_mb", 1.0, ""),
    ("Cold process to first result, s (wall)", "cold_s", 1.0, ""),
    ("Cold process to first result, s (processor)", "cold_cpu_s", 1.0, ""),
)


def _table(rows: list[Row], name: str, scale: float, unit: str) -> str:
    sizes = [size for size in SIZES if any(row.size == size for row in rows)]
    engines = list(dict.fromkeys(row.engine for row in rows))
    cells = {(row.engine, row.size): row for row in rows}
    lines = ["| engine | " + " | ".join(f"{size} bars" for size in sizes) + " |", "|---|" + "--:|" * len(sizes)]
    for engine in engines:
        shown = (_cell(cells.get((engine, size)), cells.get((OURS.name, size)), name, scale) for size in sizes)
        lines.append(
            f"| {'**' + engine + '**' if engine == OURS.name else engine} | " + " | ".join(shown) + f" |{unit}"
        )
    return "\n".join(lines) + "\n"


def _cell(row: Row | None, ours: Row | None, name: str, scale: float) -> str:
    value = row.median_of(name) if row else None
    if row is None or value is None:
        return row.problem if row and row.problem else "–"
    own = ours.median_of(name) if ours else None
    ratio = f" (× {value / own:.3g})" if own and row.engine != OURS.name else ""
    share = f"; {row.common_trades:.0%} of trades" if row.common_trades is not None and row.common_trades < 1 else ""
    return f"{value * scale:,.3g}{ratio}{share}"


def machine() -> str:
    """Return processor, cores, memory and system in words."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def today() -> str:
    return datetime.now(UTC).date().isoformat()
