"""The limit of W4: one compiled pass over the equity, and one partition for the tail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curves.measuring import main
from curves.work import PERIODS_PER_YEAR, TAIL, Curve, Values, of_trades


@njit(cache=True, error_model="numpy")
def one_pass(equity: NDArray[np.float64], returns: NDArray[np.float64]) -> Any:
    """Write the returns; return their sum, sum of squares, sum of squares of the negative ones, and the drawdown."""
    total = squares = falls = deepest = returns[0] = 0.0
    peak = equity[0]
    for t in range(1, len(equity)):
        returns[t] = change = equity[t] / equity[t - 1] - 1.0
        total += change
        squares += change * change
        falls += min(change, 0.0) ** 2
        peak = max(peak, equity[t])
        deepest = min(deepest, equity[t] / peak - 1.0)
    return total, squares, falls, deepest


def prepare(curve: Curve) -> Callable[[], Values]:
    n = len(curve.equity)
    year = PERIODS_PER_YEAR**0.5

    def compute() -> Values:
        returns = np.empty(n)
        total, squares, falls, deepest = one_pass(curve.equity, returns)
        mean = total / n
        deviation = np.sqrt((squares - n * mean * mean) / (n - 1))
        at, part = divmod(TAIL * (n - 1), 1)
        returns.partition((int(at), int(at) + 1))
        value_at_risk = returns[int(at)] + part * (returns[int(at) + 1] - returns[int(at)])
        return {
            "total_return": curve.equity[-1] / curve.equity[0] - 1.0,
            "max_drawdown": deepest,
            "volatility": deviation * year,
            "sharpe_ratio": mean / deviation * year,
            "sortino_ratio": mean / np.sqrt(falls / n) * year,
            "var_95": value_at_risk,
            "cvar_95": returns[: int(at) + 1].mean(),
        } | of_trades(curve.pnl)

    return compute


if __name__ == "__main__":
    main(prepare, "numpy", "numba")
