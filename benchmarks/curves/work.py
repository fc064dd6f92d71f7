"""W4, the work that every library is given: the metrics of a seeded equity curve and its trades. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from workloads import FIRST_NS, MINUTE_NS, SIZES

PERIODS_PER_YEAR = 525_600  # one-minute points, round the clock
TAIL = 0.05

Values = dict[str, float]
"""Fractions; losses negative; names as in ``research_kit.metrics`` where it has them."""


@dataclass(frozen=True)
class Curve:
    """Equity of one-minute points, and one trade for each hundred of them."""

    size: str
    equity: NDArray[np.float64]
    time_ns: NDArray[np.int64]
    pnl: NDArray[np.float64]
    entry: NDArray[np.int64]
    exit: NDArray[np.int64]

    def times(self) -> NDArray[np.datetime64]:
        return self.time_ns.astype("datetime64[ns]")


def make_curve(size: str, *, seed: int = 3) -> Curve:
    points = SIZES[size]
    random = np.random.default_rng(seed)
    equity = 1e5 * np.exp(np.cumsum(random.normal(1e-7, 4e-4, points)))
    trades = points // 100
    pnl = random.normal(5.0, 200.0, trades)
    entry = np.sort(random.choice(points - 100, trades, replace=False))
    length = random.integers(1, 90, trades)
    return Curve(size, equity, FIRST_NS + MINUTE_NS * np.arange(points), pnl, entry, entry + length)


def of_trades(pnl: NDArray[np.float64]) -> Values:
    """Return what libraries without metrics of trades leave to their users, in NumPy."""
    wins, losses = pnl[pnl > 0.0], pnl[pnl < 0.0]
    return {
        "total_trades": float(len(pnl)),
        "win_rate": len(wins) / len(pnl),
        "profit_factor": float(wins.sum() / -losses.sum()),
        "expectancy": float(pnl.mean()),
        "average_win": float(wins.mean()),
        "average_loss": float(losses.mean()),
        "largest_win": float(pnl.max()),
        "largest_loss": float(pnl.min()),
    }
