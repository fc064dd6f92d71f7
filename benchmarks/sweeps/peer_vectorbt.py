"""vectorbt: averages once for each length, then chunks of sets as columns, in one process or several.

``--chunk`` sets at a time in ``--jobs`` processes; ``--find-chunking`` says which are the fastest.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import Any

import measuring
import numpy as np
import pandas as pd
import vectorbt as vbt
import workloads
from numpy.typing import NDArray

from sweeps.measuring import Read, Sweep, measure, parser
from sweeps.work import GRIDS, Grid, Table, table

CELLS = (250_000, 1_000_000, 2_500_000, 5_000_000)  # bars × sets of a chunk
FREE_BARS = 8  # orders: room for one in so many bars of a column

vbt.settings["engine"] = measuring.engine()
prices: dict[str, Any] = {}  # processes that are forked find them here
averages: dict[int, NDArray[np.float64]] = {}


def prepare(whole: Grid, arguments: Namespace) -> tuple[Sweep, Read]:
    opens, _, _, close, _ = whole.case.prices()
    prices.update(open=opens[:, np.newaxis], close=pd.Series(close))
    return lambda grid: _sweep(grid.sets(), arguments.chunk, arguments.jobs), _read


def find_chunking(whole: Grid) -> dict[str, Any]:
    """Return the fastest chunking, and the sets/s of each that was tried on two chunks for each process."""
    sets = whole.sets()
    _sweep(sets[:8], 4, 1)  # compiles, where the engine does
    rates = {}
    for cells, jobs in product(CELLS, sorted({1, os.cpu_count() or 1})):
        chunk = min(max(1, cells // whole.case.bars), len(sets) // jobs)
        part = sets[: 2 * chunk * jobs]
        start = time.perf_counter()
        _sweep(part, chunk, jobs)
        rates[chunk, jobs] = len(part) / (time.perf_counter() - start)
    chunk, jobs = max(rates, key=lambda one: rates[one])
    return {"chunk": chunk, "jobs": jobs, "tried": {f"{chunk} × {jobs}": rate for (chunk, jobs), rate in rates.items()}}


def _sweep(sets: NDArray[np.int64], chunk: int, jobs: int) -> NDArray[np.float64]:
    averages.clear()
    lengths = np.unique(sets).tolist()
    found = vbt.MA.run(prices["close"], window=lengths, short_name="average").ma.to_numpy().reshape(-1, len(lengths))
    averages.update({length: found[:, at] for at, length in enumerate(lengths)})
    chunks = [sets[at : at + chunk] for at in range(0, len(sets), chunk)]
    if jobs == 1 or len(chunks) == 1:
        return np.vstack([_metrics(part) for part in chunks])
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        return np.vstack(list(pool.map(_metrics, chunks)))


def _metrics(sets: NDArray[np.int64]) -> NDArray[np.float64]:
    above = np.column_stack([averages[fast] > averages[slow] for fast, slow in sets])
    entries = np.zeros_like(above)
    entries[1:] = above[:-1]
    portfolio = vbt.Portfolio.from_signals(
        prices["close"],
        entries,
        ~entries,
        price=prices["open"],
        fees=workloads.COMMISSION,
        size=np.inf,
        init_cash=100_000.0,
        freq="1min",
        max_orders=len(sets) * (len(above) // FREE_BARS),
        max_logs=0,
    )
    found = (
        portfolio.total_return(),
        portfolio.max_drawdown(),
        portfolio.trades.closed.count(),
        portfolio.sharpe_ratio(),
    )
    return np.column_stack([np.asarray(one, dtype=float) for one in found])


def _read(grid: Grid, found: NDArray[np.float64]) -> Table:
    names = ("total_return", "max_drawdown", "trades", "sharpe_per_bar")
    return table(grid.sets(), **dict(zip(names, found.T, strict=True)))


if __name__ == "__main__":
    options = parser()
    options.add_argument("--chunk", type=int, default=0)
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--find-chunking", action="store_true", help="try several instead")
    given = options.parse_args()
    if given.find_chunking:
        prepare(GRIDS[given.grid], given)
        print(json.dumps(find_chunking(GRIDS[given.grid])))
    else:
        measure(given, prepare, "vectorbt", "numpy", "numba", "pandas")
