"""W1 and W2, one backtest: this project, the limit and the peers on the same trades."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from environments import BACKTESTING, VECTORBT_NUMBA, VECTORBT_RUST, Competitor, available
from page import Run, figures
from processes import run_module
from results import Results
from sheet import OURS, Measure, Sheet, tables_of_cases
from turns import Options, note_where, take_turns
from whereabouts import in_words
from workloads import CALM, SIZES, STOP_HEAVY, Case

from backtests.equality import Work, common_share

WORKLOADS = ("W1", "W2")
OUR_BACKTEST = Competitor(OURS, "backtests.ours")
LIMIT = Competitor("limit", "backtests.limit")
PEERS = (
    Competitor("vectorbt-rust", "backtests.peer_vectorbt", VECTORBT_RUST, "rust", same_stops=False),
    Competitor("vectorbt-numba", "backtests.peer_vectorbt", VECTORBT_NUMBA, "numba", same_stops=False),
    Competitor("backtesting.py", "backtests.peer_backtesting", BACKTESTING, largest=100_000, tolerance=1e-6),
)
STOP_HEAVY_SIZES = ("10k", "100k")  # longer walks of this volatility run out of decimals
PRICES, BYTES = 4, 8  # a bar's open, high, low and close
TITLES = {
    "W1": "W1: averages of 10 and 50 bars, long only, 0.1 % a side, next open; all in, at 1M and 5M bars one unit",
    "W2": "W2: the same averages, long and short, stop 2 %, target 4 %, one unit; also with ten times the volatility",
}
MEASURES = (
    Measure("Warm run, ms", "warm_s", 1e3),
    Measure("Warm run, ms of processor time", "warm_cpu_s", 1e3),
    Measure("Peak memory of a warm run over what is there before it, MB", "warm_peak_mb"),
    Measure("Peak memory of the first run over data and imports (ours loads its compiled code then), MB", "peak_mb"),
    Measure("Cold process to first result, s", "cold_s"),
    Measure("Cold process to first result, s of processor time", "cold_cpu_s"),
)


def compare(options: Options, results: Results) -> None:
    for workload in WORKLOADS:
        if workload in options.workloads:
            sheet = results.start(workload)
            engines = [OUR_BACKTEST, LIMIT, *available(options.chosen(PEERS), sheet)]
            for case in _cases(workload, options.sizes):
                compare_case(sheet, engines, case, options)
                results.write()


def _cases(workload: str, sizes: Sequence[str]) -> list[Case]:
    calm = [Case(workload, size, CALM) for size in sizes]
    heavy = [Case(workload, size, STOP_HEAVY) for size in sizes if size in STOP_HEAVY_SIZES]
    return calm + (heavy if workload == "W2" else [])


def compare_case(sheet: Sheet, engines: Sequence[Competitor], case: Case, options: Options, workload: str = "") -> None:
    """Time the engines that make the trades of the first of them; note where its time goes."""
    case.prices()  # made once, before anyone looks for it
    shares: dict[str, float] = sheet.facts.setdefault("common_trades", {}).setdefault(case.title, {})
    done: list[Work] = []
    with TemporaryDirectory() as folder:

        def run(engine: Competitor, turn: int) -> Run:
            path = Path(folder) / "trades.npy"
            rest = ("--budget", options.budget) if turn else ("--budget", 0, "--trades", path)
            return run_module(engine, case.workload, case.size, "--sigma", case.sigma, *rest)

        def check(engine: Competitor, record: Run) -> None:
            work = Work(engine.name, np.load(Path(folder) / "trades.npy"), record["final_equity"])
            same_stops = engine.same_stops or case.sigma == CALM
            shares[engine.name] = common_share(
                done[0] if done else work, work, equity_tolerance=engine.tolerance, same_stops=same_stops
            )
            done.append(work)

        able = [engine for engine in engines if case.bars <= engine.largest]
        take_turns(sheet, case.title, able, run, check, repeats=options.repeats)
    ours = able[0]
    if sheet.value(ours.name, case.title, "warm_s"):
        note_where(sheet, case.title, ours, case.workload, case.size, "--sigma", case.sigma)
    _report(sheet, case, workload or case.workload)


def _report(sheet: Sheet, case: Case, workload: str) -> None:
    times = {engine: sheet.value(engine, case.title, "warm_s") for engine in sheet.engines(case.title)}
    shown = ", ".join(f"{name} {1e3 * seconds:.3g} ms" for name, seconds in times.items() if seconds)
    print(f"{workload} {case.title}: {shown}", flush=True)


def section(workload: str, sheet: Sheet, results: Results) -> str:
    """Return the workload's part of the page."""
    text = f"\n## {TITLES[workload]}\n{sheet.missing()}{other_rules(sheet)}"
    return text + tables_of_cases(sheet, MEASURES) + where_time_goes(sheet) + _against_memory(sheet, results)


def other_rules(sheet: Sheet) -> str:
    """Say where an engine made other trades."""
    found = sheet.facts.get("common_trades", {}).items()
    shares = [f"{name} {one:.0%} at {case}" for case, engines in found for name, one in engines.items() if one < 1.0]
    why = "Other rules for bars that hold a stop and an entry or a signal; share of trades that are the same as ours"
    return f"\n{why}: {', '.join(shares)}.\n" if shares else ""


def where_time_goes(sheet: Sheet) -> str:
    found = sheet.facts.get("where", {})
    lines = "".join(f"- {case}: {in_words(parts)}\n" for case, parts in found.items())
    return f"\nWhere our time goes (own time; compiled code counts for its caller):\n{lines}" if lines else ""


def _against_memory(sheet: Sheet, results: Results) -> str:
    """Tell how far we and the limit are from one pass over the prices at the speed of memory."""
    sizes = [case for case in sheet.cases if case in SIZES]
    if not sizes or not results.bandwidth:
        return ""
    case = sizes[-1]
    floor = SIZES[case] * PRICES * BYTES / results.bandwidth["read_gb_s"] / 1e9
    times = [(name, sheet.value(name, case, "warm_s")) for name in (OURS, LIMIT.name)]
    shown = " and ".join(f"{name} × {figures(seconds / floor)}" for name, seconds in times if seconds)
    return f"\nReading {case} bars of four prices once from memory takes {figures(1e3 * floor)} ms: {shown}.\n"
