"""The limit: one loop that knows the two workloads and nothing else, compiled by numba; hardly less can be done."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import workloads
from numba import njit
from numpy.typing import NDArray
from workloads import Case

from backtests.measuring import Engine, Outcome, main

COMMISSION, FAST, SLOW = workloads.COMMISSION, workloads.FAST, workloads.SLOW
BARS_PER_TRADE = 8  # room for more trades than these rules make

compiled = njit(cache=True, error_model="numpy")
inlined = njit(forceinline=True, error_model="numpy")


class Rule(NamedTuple):
    """What differs between the workloads."""

    shorts: bool
    all_in: bool
    cash: float
    stop: float  # fraction of the entry price; 0 for none, and so for the target
    target: float


def rule_of(case: Case) -> Rule:
    levels = (workloads.STOP_LOSS, workloads.TAKE_PROFIT) if case.has_stops else (0.0, 0.0)
    return Rule(case.has_stops, case.all_in, case.initial_cash, *levels)


@compiled
def trade(rule: Rule, prices: NDArray[np.float64], equity: NDArray[np.float64], trades: NDArray[np.float64]) -> Any:
    """Write equity and closed trades; return their number, the greatest drawdown and mean over deviation of returns."""
    opens, high, low, close = prices[0], prices[1], prices[2], prices[3]
    fast = slow = total = squares = deepest = units = entry = 0.0
    cash = peak = before = rule.cash
    count = entry_bar = side = order = 0
    for t in range(len(close)):
        if order != 0:
            if units != 0.0:
                count = _note(trades, count, (entry_bar, t, entry, opens[t]))
                cash += _proceeds(units, opens[t])
                units = 0.0
            if order > 0 or rule.shorts:
                units = order * (cash / (opens[t] * (1.0 + COMMISSION)) if rule.all_in else 1.0)
                cash += _proceeds(-units, opens[t])
                entry_bar, entry = t, opens[t]
            order = 0
        if rule.stop > 0.0 and units != 0.0:
            price = _stopped_at(rule, units, entry, (opens[t], high[t], low[t]))
            if price > 0.0:
                count = _note(trades, count, (entry_bar, t, entry, price))
                cash += _proceeds(units, price)
                units = 0.0
        fast += close[t] - (close[t - FAST] if t >= FAST else 0.0)
        slow += close[t] - (close[t - SLOW] if t >= SLOW else 0.0)
        now = 1 if fast * SLOW > slow * FAST else -1
        if now != side and t >= SLOW - 1:
            order = side = now
        equity[t] = worth = cash + units * close[t]
        change = worth / before - 1.0
        total += change
        squares += change * change
        before = worth
        peak = max(peak, worth)
        deepest = min(deepest, worth / peak - 1.0)
    mean = total / len(close)
    return count, deepest, mean / np.sqrt(squares / len(close) - mean * mean)


@inlined
def _proceeds(units: float, price: float) -> float:
    """Return the money that selling these units brings; negative for a purchase."""
    return units * price - abs(units) * price * COMMISSION


@inlined
def _stopped_at(rule: Rule, units: float, entry: float, bar: tuple[float, float, float]) -> float:
    """Return the price at which the stop or the target closes the position in this bar; 0 for neither."""
    first, high, low = bar
    if units > 0.0:
        stop, target = entry * (1.0 - rule.stop), entry * (1.0 + rule.target)
        if low <= stop:
            return min(first, stop)
        return max(first, target) if high >= target else 0.0
    stop, target = entry * (1.0 + rule.stop), entry * (1.0 - rule.target)
    if high >= stop:
        return max(first, stop)
    return min(first, target) if low <= target else 0.0


@inlined
def _note(trades: NDArray[np.float64], count: int, row: tuple[int, int, float, float]) -> int:
    trades[count, 0], trades[count, 1], trades[count, 2], trades[count, 3] = row
    return count + 1


def prepare(case: Case) -> Engine:
    rule, prices = rule_of(case), case.prices()

    def run() -> Any:
        equity, trades = np.empty(case.bars), np.empty((case.bars // BARS_PER_TRADE, 4))
        return equity, trades, trade(rule, prices, equity, trades)

    return Engine(run, lambda ran: _read(case, *ran))


def _read(case: Case, equity: NDArray[np.float64], trades: NDArray[np.float64], figures: Any) -> Outcome:
    count, deepest, sharpe = figures
    named = {"total_return": equity[-1] / case.initial_cash - 1.0, "sharpe_per_bar": sharpe, "max_drawdown": deepest}
    return Outcome(trades[:count].copy(), float(equity[-1]), named | {"total_trades": count})


if __name__ == "__main__":
    main(prepare, "numpy", "numba")
