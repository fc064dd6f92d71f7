"""W3, sweeps: this project, the limit and the peers on the same sets, with the same metrics of each."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from environments import BACKTESTING, BACKTRADER, VECTORBT_NUMBA, VECTORBT_RUST, Competitor, available
from page import Run, figures
from processes import RunError, run_module
from results import Results
from sheet import OURS, Measure, Sheet, table_of_measures
from turns import Options, note_where, take_turns
from whereabouts import in_words

from sweeps.equality import check_tables
from sweeps.work import GRIDS, Grid, Table

WORKLOADS = ("W3",)
ENGINES = (
    Competitor(OURS, "sweeps.ours", engine="signals"),
    Competitor(f"{OURS}, built-in", "sweeps.ours", engine="built-in"),
    Competitor(f"{OURS}, recorded", "sweeps.ours", engine="recorded"),
    Competitor("limit, 1 thread", "sweeps.limit", engine="1 thread"),
    Competitor("limit, all cores", "sweeps.limit", engine="all"),
)
PEERS = (
    Competitor("vectorbt-rust", "sweeps.peer_vectorbt", VECTORBT_RUST, "rust"),
    Competitor("vectorbt-numba", "sweeps.peer_vectorbt", VECTORBT_NUMBA, "numba"),
    Competitor("backtesting.py", "sweeps.peer_backtesting", BACKTESTING, tolerance=1e-6),
    Competitor("backtrader", "sweeps.peer_backtrader", BACKTRADER, tolerance=1e-6),
)
FEW_SETS = {"backtesting.py": {"100": 8, "1k": 20, "10k": 80}, "backtrader": {"100": 4, "1k": 4, "10k": 12}}
CHUNKED = "sweeps.peer_vectorbt"
MEASURES = [
    Measure("sets/s", "sets_per_s"),
    Measure("ms of processor a set", "cpu_s_per_set", 1e3),
    Measure("sets made", "sets", is_compared=False),
    Measure("peak memory over data, all processes, MB", "all_mb"),
    Measure("cold process to the end, s", "cold_s"),
]
INTRODUCTION = """
## W3: a sweep of the rule of W1 with total return, Sharpe ratio, drawdown and number of trades of each set

`research_kit` sweeps a strategy whose `signals` are plain Python (NumPy inside) and computes every metric of its
registry; `built-in` is the strategy that ships with it, `recorded` leaves each set as a trial in a database. The limit
is a compiled loop over every bar of every set, without any lock; who looks only at bars where something happens can be
faster. Asserted first: total return and, where an engine tells them, drawdown, trades and Sharpe ratio of every set are
equal to 1e-9 (backtesting.py and backtrader: 1e-6). Sharpe ratios per bar (vectorbt) and per day (ours) are compared
with the limit, which computes both. vectorbt is given its averages once for each length, and the fastest chunking that
was found. backtesting.py and backtrader make a few sets, in all cores: their rates count.
"""


def compare(options: Options, results: Results) -> None:
    sheet = results.start("W3")
    engines = [*ENGINES, *available(options.chosen(PEERS), sheet)]
    for name in options.grids:
        compare_grid(sheet, engines, GRIDS[name], options.repeats)
        results.write()


def compare_grid(sheet: Sheet, engines: list[Competitor], grid: Grid, repeats: int) -> None:
    """Time the engines that find the same metrics."""
    grid.case.prices()  # made once, before anyone looks for it
    found: dict[str, Table] = {}
    chunking = sheet.facts.setdefault("chunking", {}).setdefault(grid.title, {})
    for engine in engines:
        if engine.module == CHUNKED:
            try:
                chunking[engine.name] = run_module(engine, grid.name, "--find-chunking")
            except RunError as error:
                sheet.miss(f"chunks for {engine.name}, {grid.title}", str(error))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "values.npy"

        def run(engine: Competitor, turn: int) -> Run:
            sets = FEW_SETS.get(engine.name, {}).get(grid.name, len(grid))
            chosen = chunking.get(engine.name)
            chunks = ("--chunk", chosen["chunk"], "--jobs", chosen["jobs"]) if chosen else ()
            record = run_module(engine, grid.name, "--sets", sets, "--values", path, *chunks, watch=True)
            return record | {"all_mb": max(record["peak_mb"], record["tree_mb"] or 0.0)}

        def check(engine: Competitor, record: Run) -> None:
            table: Table = np.load(path)
            for name, other in found.items():
                check_tables(engine.name, table, name, other, engine.tolerance)
            if len(table) == len(grid):
                found[engine.name] = table

        take_turns(sheet, grid.title, engines, run, check, repeats=repeats, keep_first=True)
    if OURS in found:
        note_where(sheet, grid.title, engines[0], grid.name, "--sets", 1_000)
    rates = {engine: sheet.value(engine, grid.title, "sets_per_s") for engine in sheet.engines(grid.title)}
    shown = ", ".join(f"{name} {figures(rate)}" for name, rate in rates.items() if rate)
    print(f"W3 {grid.title}, sets/s: {shown}", flush=True)


def section(workload: str, sheet: Sheet, results: Results) -> str:
    """Return the workload's part of the page."""
    text = INTRODUCTION + sheet.missing()
    for case in sheet.cases:
        text += f"\n**{case}**\n\n{table_of_measures(sheet, case, MEASURES)}"
        for engine, found in sheet.facts["chunking"].get(case, {}).items():
            tried = ", ".join(f"{chunking}: {figures(rate)}" for chunking, rate in found["tried"].items())
            text += f"\n{engine}, sets of a chunk × processes, sets/s on a small part: {tried}.\n"
        if case in sheet.facts.get("where", {}):
            text += f"\nWhere our time goes, in one thread: {in_words(sheet.facts['where'][case])}.\n"
    return text
