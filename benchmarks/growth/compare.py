"""Growth: how time and memory of this project grow with bars, events, trades, sets and stored trades."""

from __future__ import annotations

from dataclasses import dataclass

from environments import Competitor
from fitting import STEEP, Fit, fit
from page import figures
from processes import MissingError, RunError, run_module
from results import Results
from sheet import Row, Sheet
from turns import Options
from workloads import Case

WORKLOADS = ("growth",)
SMALL_MB = 1.0  # less memory is the allocator's, not the work's


@dataclass(frozen=True)
class Axis:
    """One kind of work: what is counted, and how much of it is done."""

    name: str
    title: str
    amounts: tuple[int, ...]
    quick: tuple[int, ...]
    budget: float = 1.0


AXES = (
    Axis(
        "bars",
        "bars of one backtest",
        (10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000, 5_000_000),
        (10_000, 30_000, 100_000),
    ),
    Axis("events", "bars of one backtest by on_bar", (1_000, 3_000, 10_000, 30_000, 100_000), (1_000, 3_000, 10_000)),
    Axis("trades", "trades of one backtest of 1M bars", (20_000, 5_000, 1_000, 200, 50, 10), (5_000, 200, 10)),
    Axis(
        "levels",
        "bars of one backtest by stops and targets",
        (10_000, 30_000, 100_000, 300_000, 1_000_000),
        (3_000, 10_000, 30_000),
    ),
    Axis("sets", "sets of a sweep of 10k bars", (10, 30, 100, 300, 1_000, 3_000, 10_000), (10, 30, 100)),
    Axis(
        "stored",
        "trades written to SQLite and read",
        (10_000, 30_000, 100_000, 300_000, 1_000_000),
        (1_000, 3_000, 10_000),
    ),
)
FITTED = ("warm_s", "warm_cpu_s", "peak_mb")
TABLE = """
| what grows | time grows as | processor time | memory | amounts | time, ms | memory, MB |
|---|---|---|---|---|---|---|
"""
INTRODUCTION = """
## Growth

Each point is a fresh process that did the smallest amount first; time is the median of its warm runs, memory the peak
of the first run of this amount over its data. The exponent is that of a power law fitted to the larger half of the
amounts; 1 is linear. Trades grow on the same bars, by shorter averages: the bars cost what they cost. An exponent above
{steep} is flagged. Memory of less than {small:g} MB is not fitted.
"""


def compare(options: Options, results: Results) -> None:
    sheet = results.start("growth")
    Case("W1", "5M").path()
    for axis in AXES:
        measure_axis(sheet, axis, options)
        results.write()


def measure_axis(sheet: Sheet, axis: Axis, options: Options) -> None:
    """Measure the points of an axis; one that is not there yet says so once."""
    worker = Competitor("growth", "growth.point", engine=axis.name)
    amounts = axis.quick if options.quick else axis.amounts
    for amount in amounts:
        try:
            record = run_module(worker, amount, amounts[0], "--budget", min(axis.budget, options.budget))
        except RunError as error:
            sheet.miss(axis.title, str(error), is_fault=not isinstance(error, MissingError))
            return
        sheet.row(axis.name, str(amount)).runs.append(record)
    print(f"growth over {axis.title}: {_in_words(fit_of(sheet, axis.name, 'warm_s'))}", flush=True)


def curve(sheet: Sheet, axis: str, name: str) -> list[tuple[float, float]]:
    """Return the points of an axis: amount of work, and its time or memory."""
    rows: list[Row] = [row for row in sheet.rows if row.engine == axis and row.runs]
    points = [(row.median_of("amount"), row.median_of(name)) for row in rows]
    return sorted((amount, cost) for amount, cost in points if amount is not None and cost is not None)


def fit_of(sheet: Sheet, axis: str, name: str) -> Fit | None:
    points = curve(sheet, axis, name)
    floor = SMALL_MB if name == "peak_mb" else 0.0
    return fit([amount for amount, _ in points], [cost for _, cost in points], floor)


def section(workload: str, sheet: Sheet, results: Results) -> str:
    """Return the part of the page."""
    text = INTRODUCTION.format(steep=STEEP, small=SMALL_MB) + sheet.missing()
    text += TABLE
    for axis in AXES:
        if times := curve(sheet, axis.name, "warm_s"):
            memory = curve(sheet, axis.name, "peak_mb")
            cells = [_in_words(fit_of(sheet, axis.name, name)) for name in FITTED]
            cells.append(" · ".join(figures(amount) for amount, _ in times))
            cells += [" · ".join(figures(1e3 * cost) for _, cost in times), " · ".join(figures(mb) for _, mb in memory)]
            text += f"| {axis.title} | {' | '.join(cells)} |\n"
    return text


def _in_words(found: Fit | None) -> str:
    if found is None:
        return "flat, or too few points"
    flag = " **steeper than linear**" if found.is_steep else ""
    return f"n^{found.exponent:.2f} from {figures(found.amounts[0])} on{flag}"
