"""W3 by the project itself: a strategy as a user writes it, the built-in one, or the sweep recorded in a workspace."""

from __future__ import annotations

from argparse import Namespace
from tempfile import TemporaryDirectory
from typing import Any

import measuring
import numpy as np
from backtests.ours import LongWhileAbove, bars_of, options

import research_kit as rk
from sweeps.measuring import Read, Sweep, main
from sweeps.work import Grid, Table, table

COLUMNS = {
    "total_return": ("total_return_percent", 0.01),
    "max_drawdown": ("max_drawdown_percent", 0.01),
    "trades": ("total_trades", 1.0),
    "sharpe_per_day": ("sharpe_ratio", 1.0),
}


def prepare(whole: Grid, arguments: Namespace) -> tuple[Sweep, Read]:
    way = measuring.engine()
    if not hasattr(rk, "run_sweep"):
        measuring.missing("rk.run_sweep is not there yet")
    if way == "recorded" and not hasattr(rk.Workspace, "sweep"):
        measuring.missing("ws.sweep is not there yet")
    settings = options(whole.case)
    if way == "recorded":
        return _recorded(whole, settings), read
    bars = bars_of(whole.case)
    strategy = rk.strategies.SmaCross if way == "built-in" else LongWhileAbove
    workers = 1 if arguments.where else None  # the profiler sees one thread
    return lambda grid: rk.run_sweep(bars, strategy, lengths(grid), settings, workers=workers).table, read


def _recorded(whole: Grid, settings: rk.EngineOptions) -> Sweep:
    folder = TemporaryDirectory()
    workspace = rk.open_workspace(folder.name)
    workspace.import_dataset(bars_of(whole.case).frame, name="walk", timezone="UTC")

    def sweep(grid: Grid, _: Any = folder) -> Any:  # the folder lives as long as this function
        return workspace.sweep(LongWhileAbove, "walk", lengths(grid), options=settings).table

    return sweep


def lengths(grid: Grid) -> dict[str, range]:
    return {"fast": grid.fast, "slow": grid.slow}


def read(grid: Grid, rows: Any) -> Table:
    """Return the metrics of a sweep's table, whose rows may come in any order."""
    sets = rows[["fast", "slow"]].to_numpy(dtype=np.int64)
    columns = {name: rows[column].to_numpy(dtype=float) * scale for name, (column, scale) in COLUMNS.items()}
    return table(sets, **columns)


if __name__ == "__main__":
    main(prepare, "numpy", "numba", "pandas")
