"""W1 in event style: ``on_bar`` in Python against backtesting.py's ``next``."""

from __future__ import annotations

from environments import Competitor, available
from results import Results
from sheet import OURS, Sheet, tables_of_cases
from turns import Options
from workloads import Case

from backtests.compare import MEASURES, PEERS, compare_case, where_time_goes

WORKLOADS = ("W1e",)
OUR_EVENTS = Competitor(OURS, "backtests.ours_event", engine="every bar")
OUR_WAKES = Competitor(f"{OURS}, wake", "backtests.ours_event", engine="wake")
OUR_SIGNALS = Competitor(f"{OURS}, signals", "backtests.ours")
EVENT_PEERS = tuple(peer for peer in PEERS if peer.name == "backtesting.py")
SIZES = ("10k", "100k")
INTRODUCTION = """
## W1e: the rule of W1 as Python code that is called at each bar

The same trades and the same final equity. `research_kit` calls `on_bar` on every bar, `research_kit, wake` on those
where one average crosses the other; backtesting.py calls `next` on every bar, its averages computed beforehand as ours
are. `research_kit, signals` is W1, for comparison.
"""


def compare(options: Options, results: Results) -> None:
    sheet = results.start("W1e")
    engines = [OUR_EVENTS, OUR_WAKES, OUR_SIGNALS, *available(options.chosen(EVENT_PEERS), sheet)]
    for size in SIZES:
        if size in options.sizes:
            compare_case(sheet, engines, Case("W1", size), options, "W1e")
            results.write()


def section(workload: str, sheet: Sheet, results: Results) -> str:
    """Return the workload's part of the page."""
    return INTRODUCTION + sheet.missing() + tables_of_cases(sheet, MEASURES) + where_time_goes(sheet)
