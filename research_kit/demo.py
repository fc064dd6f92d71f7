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


def somebodys_file(folder: Path) -> Path:
    """Write the file that the notebook on data brings in, and return its path: EUR/USD by the minute, and all is wrong.

    Seeded: semicolons and decimal commas, local times of Berlin without a zone, one price ten times too high, a row
    without a close, ninety minutes that are missing, three rows that come again.
    """
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(7)
    times = pd.date_range("2024-01-07 23:00", "2024-02-02 22:59", freq="min")
    hour = times.day_of_week * 24 + times.hour
    times = times[(hour < 4 * 24 + 23) | (hour >= 6 * 24 + 23)]  # a week from Sunday to Friday, 23:00 in Berlin
    close = 1.09 * np.exp(np.cumsum(random.normal(0, 3e-5, len(times))))
    opens = np.concatenate([[1.09], close[:-1]])
    bars = pd.DataFrame({"Datum": times.strftime("%d.%m.%Y %H:%M"), "Erster": opens})
    bars["Hoch"] = np.maximum(opens, close) * (1 + np.abs(random.normal(0, 2e-5, len(times))))
    bars["Tief"] = np.minimum(opens, close) * (1 - np.abs(random.normal(0, 2e-5, len(times))))
    bars["Schluss"], bars["Volumen"] = close, random.integers(10, 500, len(times))
    bars.loc[5_000, ["Erster", "Hoch", "Tief", "Schluss"]] *= 10
    bars.loc[9_000, "Schluss"] = np.nan
    bars = bars.drop(index=range(12_000, 12_090))
    bars = pd.concat([bars.iloc[:20_000], bars.iloc[15_000:15_003], bars.iloc[20_000:]])
    path = folder / "eurusd.csv"
    bars.round(6).to_csv(path, sep=";", decimal=",", index=False)
    return path
