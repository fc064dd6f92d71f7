"""W4, metrics: every metric of this project against libraries of metrics, on one equity curve and its trades."""

from __future__ import annotations

from environments import BACKTESTING, EMPYRICAL, FFN, QUANTSTATS, VECTORBT_NUMBA, VECTORBT_RUST, Competitor, available
from equality import check_values
from page import Run, figures
from processes import run_module
from results import Results
from sheet import OURS, Measure, Sheet, table_of_measures
from turns import Options, note_where, take_turns
from whereabouts import in_words
from workloads import SIZES

from curves.work import Values

WORKLOADS = ("W4",)
OUR_METRICS = Competitor(OURS, "curves.ours", engine="points")
OUR_DAYS = Competitor(f"{OURS}, of days", "curves.ours", engine="days")
LIMIT = Competitor("limit", "curves.limit")
PEERS = (
    Competitor("empyrical", "curves.peer_empyrical", EMPYRICAL),
    Competitor("quantstats", "curves.peer_quantstats", QUANTSTATS),
    Competitor("ffn", "curves.peer_ffn", FFN),
    Competitor("vectorbt-rust", "curves.peer_vectorbt", VECTORBT_RUST, "rust"),
    Competitor("vectorbt-numba", "curves.peer_vectorbt", VECTORBT_NUMBA, "numba"),
    Competitor("backtesting.py", "curves.peer_backtesting", BACKTESTING),
)
OF_ANY_PERIOD = ("total_return", "max_drawdown", "total_trades", "win_rate", "profit_factor", "expectancy")
MEASURES = [
    Measure("warm, ms", "warm_s", 1e3),
    Measure("warm, ms of processor", "warm_cpu_s", 1e3),
    Measure("metrics", "metrics", is_compared=False),
    Measure("of them equal to ours", "equal", is_compared=False),
    Measure("peak memory of a warm run, MB", "warm_peak_mb"),
    Measure("cold process to first result, s", "cold_s"),
]
INTRODUCTION = """
## W4: metrics from an equity curve of {points} one-minute points and {trades:,} trades

Every point is a period for all, so that returns, volatility, ratios and tails are of as many returns; `of days` is what
a backtest of ours does with such a curve: returns of days, drawdowns of every point. Ours computes every metric of its
registry, benchmark included. Asserted first: values of the same meaning are equal to 1e-9 (ffn and backtesting.py
annualise from days, quantstats' value at risk is that of a normal distribution: these are not compared). Libraries
without metrics of trades get eight of them in NumPy. `limit` is one compiled pass, one partition, and those eight.
"""


def compare(options: Options, results: Results) -> None:
    size = "100k" if options.quick else "1M"
    sheet = results.start("W4")
    engines = [OUR_METRICS, OUR_DAYS, LIMIT, *available(options.chosen(PEERS), sheet)]
    compare_metrics(sheet, engines, size, options)
    results.write()


def compare_metrics(sheet: Sheet, engines: list[Competitor], size: str, options: Options) -> None:
    """Time the libraries that compute equal values."""
    sheet.facts["points"] = size
    known: dict[str, Values] = {}
    equal: dict[str, int] = {}

    def run(engine: Competitor, turn: int) -> Run:
        record = run_module(engine, size, "--budget", options.budget if turn else 0)
        if turn:  # the values are known by then
            record["equal"] = equal[engine.name]
            del record["values"]
        return record

    def check(engine: Competitor, record: Run) -> None:
        values = record["values"]
        if engine is OUR_DAYS:
            values = {name: values[name] for name in OF_ANY_PERIOD}
        first, expected = next(iter(known.items()), (engine.name, values))
        equal[engine.name] = check_values(engine.name, values, expected, engine.tolerance, first)
        known[engine.name] = values

    case = f"{size} points"
    take_turns(sheet, case, engines, run, check, repeats=options.repeats)
    for engine in (OUR_METRICS, OUR_DAYS):
        if engine.name in known:
            note_where(sheet, engine.name, engine, size)
    times = {engine: sheet.value(engine, case, "warm_s") for engine in sheet.engines(case)}
    shown = ", ".join(f"{name} {figures(1e3 * seconds)}" for name, seconds in times.items() if seconds)
    print(f"W4 {case}, ms: {shown}", flush=True)


def section(workload: str, sheet: Sheet, results: Results) -> str:
    """Return the workload's part of the page."""
    size = sheet.facts["points"]
    text = INTRODUCTION.format(points=size, trades=SIZES[size] // 100) + sheet.missing()
    text += "".join("\n" + table_of_measures(sheet, case, MEASURES) for case in sheet.cases)
    for engine, found in sheet.facts.get("where", {}).items():
        text += f"\nWhere the time of {engine} goes: {in_words(found)}.\n"
    if results.bandwidth and sheet.cases:
        floor = SIZES[size] * 8 / results.bandwidth["read_gb_s"] / 1e9
        ours = sheet.value(OURS, sheet.cases[0], "warm_s")
        text += f"\nReading the curve once from memory takes {figures(1e3 * floor)} ms"
        text += f": {OURS} × {figures(ours / floor)}.\n" if ours else ".\n"
    return text
