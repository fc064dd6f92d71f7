"""The limit of a sweep: one compiled loop over sets and bars that knows this rule only and holds no lock."""

from __future__ import annotations

import os
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import measuring
import numpy as np
import workloads
from numba import njit
from numpy.typing import NDArray

from sweeps.measuring import Read, Sweep, main
from sweeps.work import BARS_PER_DAY, BARS_PER_YEAR, DAYS_PER_YEAR, Grid, Table, table

PIECES = 8  # for each thread
BAR, DAY = np.sqrt(BARS_PER_YEAR), np.sqrt(DAYS_PER_YEAR)

compiled = njit(cache=True, error_model="numpy", nogil=True)


@compiled
def sweep(prices: NDArray[np.float64], sets: NDArray[np.int64], cash: float, cost: float, out: Any) -> None:
    """Write total return, drawdown, trades and both Sharpe ratios of each set."""
    for k in range(len(sets)):
        _one(prices, sets[k], (cash, cost), out[k])


@compiled
def _one(prices: Any, lengths: Any, terms: tuple[float, float], out: Any) -> None:
    opens, close, fast, slow = prices[0], prices[3], lengths[0], lengths[1]
    start, cost = terms
    cash = before = peak = start
    units = of_fast = of_slow = total = squares = 0.0
    lowest = 1.0  # of equity over its peak
    last_day = start
    day_total = day_squares = 0.0
    trades = days = 0
    next_day = BARS_PER_DAY - 1
    is_wanted = False
    for t in range(len(close)):
        if is_wanted != (units != 0.0):
            if is_wanted:
                units, cash = cash / (opens[t] * (1.0 + cost)), 0.0
            else:
                cash, units = units * opens[t] * (1.0 - cost), 0.0
                trades += 1
        of_fast += close[t] - (close[t - fast] if t >= fast else 0.0)
        of_slow += close[t] - (close[t - slow] if t >= slow else 0.0)
        is_wanted = t >= slow - 1 and of_fast * slow > of_slow * fast
        worth = cash + units * close[t]
        change = worth / before - 1.0
        total += change
        squares += change * change
        before = worth
        peak = max(peak, worth)
        if worth < lowest * peak:
            lowest = worth / peak
        if t == next_day or t + 1 == len(close):
            next_day += BARS_PER_DAY
            change = worth / last_day - 1.0
            day_total += change
            day_squares += change * change
            last_day = worth
            days += 1
    out[0], out[1], out[2] = before / start - 1.0, lowest - 1.0, trades
    out[3] = _sharpe(total, squares, len(close)) * BAR
    out[4] = _sharpe(day_total, day_squares, days) * DAY


@compiled
def _sharpe(total: float, squares: float, n: int) -> float:
    mean = total / n
    return mean / np.sqrt((squares - n * mean * mean) / (n - 1))


def prepare(whole: Grid, arguments: Namespace) -> tuple[Sweep, Read]:
    prices, cash = whole.case.prices(), whole.case.initial_cash
    threads = 1 if measuring.engine() == "1 thread" else os.cpu_count() or 1

    def run(grid: Grid) -> NDArray[np.float64]:
        sets, out = grid.sets(), np.empty((len(grid), 5))
        pieces = np.array_split(np.arange(len(sets)), PIECES * threads if threads > 1 else 1)
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(_piece, prices, sets, cash, out, piece) for piece in pieces if len(piece)]:
                done.result()
        return out

    return run, _read


def _piece(prices: Any, sets: Any, cash: float, out: Any, piece: NDArray[np.int64]) -> None:
    span = slice(piece[0], piece[-1] + 1)
    sweep(prices, sets[span], cash, workloads.COMMISSION, out[span])


def _read(grid: Grid, out: NDArray[np.float64]) -> Table:
    names = ("total_return", "max_drawdown", "trades", "sharpe_per_bar", "sharpe_per_day")
    return table(grid.sets(), **dict(zip(names, out.T, strict=True)))


if __name__ == "__main__":
    main(prepare, "numpy", "numba")
