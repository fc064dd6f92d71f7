"""The demonstration: real daily bars of the S&P 500, two strategies, one report that opens anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from research_kit.runs.run import Run
from research_kit.workspace import Workspace, open_workspace

DATASET = "S&P 500 daily"
STRATEGIES = ("buy_and_hold", "sma_cross")


def run_demo(folder: Path | str, say: Callable[[str], None] = print) -> Path:
    """Import the S&P 500's daily bars of 1999 to 2018, run two strategies and write a report; return its path.

    The bars come inside the ``arch`` package, so nothing is fetched.
    """
    with open_workspace(folder) as ws:
        say(f"workspace  {ws.folder}")
        _import_sp500(ws, say)
        runs = [ws.run(name, DATASET) for name in STRATEGIES]
        for run in runs:
            say(f"run {run.id:<6} {_headline(run)}")
        return runs[-1].report()


def _import_sp500(ws: Workspace, say: Callable[[str], None]) -> None:
    from arch.data import sp500

    dataset = ws.import_dataset(sp500.load(), name=DATASET, symbol="^GSPC", timezone="America/New_York", session="XNYS")
    span = f"{dataset.start_date:%Y-%m-%d} to {dataset.end_date:%Y-%m-%d}"
    say(f"dataset    {dataset.name}: {dataset.rows:,} bars, {span}, quality {dataset.data_quality_score:g}")


def _headline(run: Run) -> str:
    from research_kit.metrics.registry import HEADLINE, METRICS, format_value

    facts = [f"{METRICS[name].title} {format_value(name, run.summary[name])}" for name in HEADLINE[:4]]
    return f"{run.backtest.strategy_name:<14} " + " · ".join(facts)
