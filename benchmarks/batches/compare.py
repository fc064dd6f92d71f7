"""W7, notebooks: ten of them run by this project, papermill and nbclient; and what a page with a chart weighs."""

from __future__ import annotations

from environments import Competitor
from equality import UnequalWorkError
from page import Run, figures
from processes import run_module
from results import Results
from sheet import OURS, Measure, Sheet, table_of_measures
from turns import Options, Runner, take_turns

from batches.work import COUNT, KINDS

WORKLOADS = ("W7",)
OUR_NOTEBOOKS = Competitor(OURS, "batches.ours")
OUR_FIRST_BATCH = Competitor(f"{OURS}, the first batch", "batches.ours", engine="first")
LIMIT = Competitor("limit", "batches.limit")
PEERS = (
    Competitor("papermill", "batches.peer_papermill", engine="one"),
    Competitor("papermill, two at a time", "batches.peer_papermill", engine="two"),
    Competitor("nbclient", "batches.peer_nbclient"),
)
EXPORTS = (
    Competitor(OURS, "batches.export", engine="ours"),
    Competitor(f"{OURS}, its own chart", "batches.export", engine="our chart"),
    Competitor("nbconvert", "batches.export", engine="nbconvert"),
)
POINTS = ("10k", "100k")
UNEVEN = 1.5  # slowest over fastest run
MEASURES = [
    Measure("all, s", "wall_s"),
    Measure("one, s", "s_per_notebook"),
    Measure("processor, s", "cpu_s"),
    Measure("peak memory with kernels, MB", "all_mb"),
]
EXPORT_MEASURES = [
    Measure("page, MB", "html_mb"),
    Measure("warm, ms", "warm_s", 1e3),
    Measure("cold process to the page, s", "cold_s"),
]
INTRODUCTION = """
## W7: notebooks

A trivial notebook adds two numbers; a research notebook imports research_kit and makes a backtest of 5,000 bars. Each
has its own parameter, and what its last cell says was asserted to be the same before any time counted. All run in this
project's environment, since the notebooks need it; a first notebook of each process is not counted. This project runs
them as a batch, two at a time, each in a fresh kernel, with a row in its database and an HTML page for each, and an
index. Its kernels come from a process that has the imports done, and that is kept for the next batch; the first batch
of a workspace starts it as well. The limit runs the cells with `exec` in one process that has imported everything: what
is above it is kernels, imports, and isolation.
"""


def compare(options: Options, results: Results) -> None:
    sheet = results.start("W7")
    engines = [OUR_NOTEBOOKS, OUR_FIRST_BATCH, LIMIT, *options.chosen(PEERS)]
    for kind in KINDS:
        compare_notebooks(sheet, kind, engines, COUNT, options.repeats)
        results.write()
    for points in POINTS:
        case = f"a page with a line of {points} points"
        take_turns(sheet, case, EXPORTS, _exporter(points), _check_page, repeats=options.repeats)
    results.write()


def compare_notebooks(sheet: Sheet, kind: str, engines: list[Competitor], count: int, repeats: int) -> None:
    """Time those that end with the same results."""
    known: list[list[str]] = []

    def run(engine: Competitor, turn: int) -> Run:
        record = run_module(engine, kind, "--count", count, watch=True)
        return record | {"all_mb": max(record["peak_mb"], record["tree_mb"] or 0.0)}

    def check(engine: Competitor, record: Run) -> None:
        results = record["results"]
        if len(results) != count or not all(results):
            raise UnequalWorkError(f"{engine.name} left {results}.")
        if known and results != known[0]:
            raise UnequalWorkError(f"{engine.name} left {results}, the first of all {known[0]}.")
        known.append(results)

    case = f"{count} {kind} notebooks"
    take_turns(sheet, case, engines, run, check, repeats=repeats, keep_first=True)
    times = {engine: sheet.value(engine, case, "wall_s") for engine in sheet.engines(case)}
    shown = ", ".join(f"{name} {figures(seconds)}" for name, seconds in times.items() if seconds)
    print(f"W7 {case}, s: {shown}", flush=True)


def _exporter(points: str) -> Runner:
    return lambda engine, turn: run_module(engine, points)


def _check_page(engine: Competitor, record: Run) -> None:
    if not record["draws"]:
        raise UnequalWorkError(f"the page of {engine.name} has no chart.")


def section(workload: str, sheet: Sheet, results: Results) -> str:
    """Return the workload's part of the page."""
    text = INTRODUCTION + sheet.missing()
    for case in sheet.cases:
        measures = EXPORT_MEASURES if case.startswith("a page") else MEASURES
        text += f"\n**{case}**\n\n{table_of_measures(sheet, case, measures)}"
    return text + _slowest(sheet)


def _slowest(sheet: Sheet) -> str:
    """Name what ran at very different speeds: kernels that start slowly now and then show here."""
    times = {f"{row.engine}, {row.case}": [run["wall_s"] for run in row.runs] for row in sheet.rows}
    uneven = {what: found for what, found in times.items() if found and max(found) > UNEVEN * min(found)}
    told = [f"{what}: {figures(min(found))} to {figures(max(found))} s" for what, found in uneven.items()]
    return f"\nRuns of very different speed: {'; '.join(told)}.\n" if told else ""
