"""W6, imports of modules: how long a fresh process takes until it has what it names, and what that costs in memory."""

from __future__ import annotations

from environments import (
    BACKTESTING,
    BACKTRADER,
    EMPYRICAL,
    FFN,
    POLARS,
    PROJECT,
    QUANTSTATS,
    VECTORBT_RUST,
    Competitor,
    Environment,
    available,
)
from equality import UnequalWorkError
from page import Run, figures
from processes import run_module
from results import Results
from sheet import OURS, Measure, Sheet, table_of_measures
from turns import Options, note_where, take_turns

WORKLOADS = ("W6",)
CASE = "one fresh process"
PANDAS = "pandas"
ROUNDS = 5  # at least: a process is quick and one number is not
MEASURES = [
    Measure("wall, s", "wall_s"),
    Measure("processor, s", "cpu_s"),
    Measure("memory of the process, MB", "resident_mb"),
    Measure("modules", "modules", is_compared=False),
]
MIDDLE = """
import research_kit as rk
bars = rk.Bars(range(0, 600 * 60_000_000_000, 60_000_000_000),
               {name: [10.0 + i % 7 for i in range(600)] for name in ("open", "high", "low", "close")})
rk.run_backtest(bars, rk.strategies.SmaCross(fast=2, slow=5)).metrics["total_return"]
"""
HEAVY = ("pandas", "sqlmodel", "plotly")  # what the pure middle must not import
INTRODUCTION = """
## W6: imports

`import NAME` in one fresh process each, in turns, after a round that is not counted; `python` imports nothing.
`research_kit, a first backtest` goes on from arrays to bars, a strategy, a backtest and its metrics; asserted: that
imports none of {heavy}. Peers in their own environments, the others in that of this project.
"""


def _imported(name: str, environment: Environment = PROJECT) -> Competitor:
    return Competitor(name, "startup.process", environment, engine=f"import {name}")


OUR_START = _imported(OURS)
OUR_BACKTEST = Competitor(f"{OURS}, a first backtest", "startup.process", engine=MIDDLE)
CODES = (
    OUR_START,
    OUR_BACKTEST,
    Competitor("python", "startup.process", engine="pass"),
    *map(_imported, ("numpy", PANDAS, "numba", "pyarrow", "pydantic", "sqlalchemy", "sqlmodel", "alembic")),
    *map(_imported, ("plotly.graph_objects", "ipywidgets", "nbclient", "nbconvert", "papermill")),
)
PEERS = (
    _imported("vectorbt", VECTORBT_RUST),
    _imported("backtesting", BACKTESTING),
    _imported("backtrader", BACKTRADER),
    _imported("quantstats", QUANTSTATS),
    _imported("empyrical", EMPYRICAL),
    _imported("ffn", FFN),
    _imported("polars", POLARS),
)


def compare(options: Options, results: Results) -> None:
    sheet = results.start("W6")
    compare_codes(sheet, [*CODES, *available(options.chosen(PEERS), sheet)], options)
    results.write()


def compare_codes(sheet: Sheet, codes: list[Competitor], options: Options) -> None:
    """Time each piece of code; ours is looked into by package."""
    imported: dict[str, list[str]] = {}

    def run(code: Competitor, turn: int) -> Run:
        if not turn:
            return run_module(code, "--modules")
        return run_module(code) | {"modules": len(imported[code.name])}

    def check(code: Competitor, record: Run) -> None:
        imported[code.name] = record["imported"]
        found = [name for name in HEAVY if name in record["imported"]]
        if code is OUR_BACKTEST and found:
            raise UnequalWorkError(f"it imports {', '.join(found)}")

    repeats = options.repeats if options.quick else max(ROUNDS, options.repeats)
    take_turns(sheet, CASE, codes, run, check, repeats=repeats)
    for code in (OUR_START, OUR_BACKTEST):
        if sheet.value(code.name, CASE, "wall_s"):
            note_where(sheet, code.name, code)
    print(f"W6: {ratio(sheet)}", flush=True)


def ratio(sheet: Sheet) -> str:
    ours, theirs = (sheet.value(name, CASE, "wall_s") for name in (OURS, PANDAS))
    if not ours or not theirs:
        return f"{OURS} or {PANDAS} is missing"
    return f"`import {OURS}` takes {figures(ours / theirs)} of the time of `import {PANDAS}`"


def section(workload: str, sheet: Sheet, results: Results) -> str:
    """Return the workload's part of the page."""
    text = INTRODUCTION.format(heavy=", ".join(HEAVY)) + f"\n**{ratio(sheet)}.**\n" + sheet.missing()
    text += f"\n{table_of_measures(sheet, CASE, MEASURES)}"
    for name, found in sheet.facts.get("where", {}).items():
        told = ", ".join(f"{package} {figures(1e3 * seconds)}" for package, seconds in found.items())
        text += f"\nWhere the time of {name} goes, ms of importing by package (the largest): {told}.\n"
    return text
