"""W9, checks: how long it takes to find out whether a result can be believed; no peer does the same work."""

from __future__ import annotations

from environments import Competitor
from equality import UnequalWorkError
from page import Run, cell
from processes import run_module
from results import Results
from sheet import OURS, Measure, Sheet
from turns import Options, take_turns

from belief.work import WORKS

WORKLOADS = ("W9",)
QUICK = ("look-ahead, 2,000 days", "convention band, 2,000 days")
MEASURES = [
    Measure("first, s", "wall_s"),
    Measure("warm, s", "warm_s"),
    Measure("warm, s of processor", "warm_cpu_s"),
    Measure("peak memory of the first run, MB", "peak_mb"),
]
INTRODUCTION = """
## W9: can it be believed?

One process each, on seeded random walks and returns; the second column is a run in a process that ran it before.
`look-ahead` asks the strategy again at every bar with the later bars left out, and then with other futures; of long
data as many bars as a limit of 50 s allows, and says how many. `verify` runs a stored backtest again and compares
orders, trades and equity byte for byte. `PBO` is the probability of backtest overfitting by 12,870 halvings of the
days, `overfitting` all that `sweep.overfitting()` tells (bootstraps of 1,000 samples). `DSR` is the deflated Sharpe
ratio of a run after 10,000 trials, effective ones counted by their clusters (warm: nothing was tried since).
"""


def compare(options: Options, results: Results) -> None:
    sheet = results.start("W9")
    for case in [name for name in WORKS if not options.quick or name in QUICK]:
        compare_check(sheet, case, options)
    results.write()


def compare_check(sheet: Sheet, case: str, options: Options) -> None:
    """Time one check; what it says must be the same each time."""
    said: list[str] = []

    def run(engine: Competitor, turn: int) -> Run:
        return run_module(engine, "--budget", options.budget)

    def check(engine: Competitor, record: Run) -> None:
        said.append(record["said"])
        if said[0] != record["said"] and "bars" not in record["said"]:
            raise UnequalWorkError(f"it said {record['said']!r}, and {said[0]!r} before")

    take_turns(sheet, case, [Competitor(OURS, "belief.ours", engine=case)], run, check, repeats=1, keep_first=True)
    print(f"W9 {case}, s: {sheet.value(OURS, case, 'warm_s')}", flush=True)


def section(workload: str, sheet: Sheet, results: Results) -> str:
    """Return the workload's part of the page."""
    lines = [f"| check | {' | '.join(one.heading for one in MEASURES)} | what it said |"]
    lines.append("|---|" + "--:|" * len(MEASURES) + "---|")
    for case in sheet.cases:
        values = (sheet.value(OURS, case, one.name) for one in MEASURES)
        said = sheet.row(OURS, case).runs[-1]["said"]
        lines.append(f"| {case} | {' | '.join(cell(value, None) for value in values)} | {said} |")
    return INTRODUCTION + sheet.missing() + "\n" + "\n".join(lines) + "\n"
