"""The work that every engine is given: seeded bars and two rules. Needs NumPy alone, so that every environment has it.

W1: long while the 10-bar average of the close is above the 50-bar average, all in (at 1M bars and more one unit, since
costs would eat all-in equity), 0.1 % a side, filled at the next open.
W2: long or short by the same averages, one unit, stop 2 % and target 4 % of the entry price inside the bar (stop
first, entry bar included), flat after a stop until the averages cross again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FAST, SLOW = 10, 50
COMMISSION = 0.001
STOP_LOSS, TAKE_PROFIT = 0.02, 0.04
FIRST_NS = 1_704_067_200_000_000_000  # 2024-01-01 00:00 UTC
MINUTE_NS = 60_000_000_000
SIZES = {"10k": 10_000, "100k": 100_000, "1M": 1_000_000, "5M": 5_000_000}
ALL_IN_BARS = 100_000  # with more, 0.2 % for each round trip leaves less than rounding errors
CALM, STOP_HEAVY = 0.001, 0.01
CACHE = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Case:
    """One workload on one size of data; ``sigma`` is the standard deviation of a bar's log return."""

    workload: str
    size: str
    sigma: float = CALM

    @property
    def bars(self) -> int:
        return SIZES[self.size]

    @property
    def has_stops(self) -> bool:
        return self.workload == "W2"

    @property
    def all_in(self) -> bool:
        return self.workload == "W1" and self.bars <= ALL_IN_BARS

    @property
    def initial_cash(self) -> float:
        return 100_000.0 if self.all_in else 1e9

    @property
    def title(self) -> str:
        return self.size + (", stop-heavy" if self.sigma == STOP_HEAVY else "")

    def prices(self) -> NDArray[np.float64]:
        """Return open, high, low, close and volume, shape (5, n)."""
        prices: NDArray[np.float64] = np.load(self.path())
        return prices

    def path(self) -> Path:
        """Return the file of the prices, made the first time."""
        path = CACHE / f"{self.size}-{self.sigma:g}.npy"
        if not path.exists():
            CACHE.mkdir(exist_ok=True)
            np.save(path, generate(self.bars, self.sigma))
        return path

    def time_ns(self) -> NDArray[np.int64]:
        return FIRST_NS + MINUTE_NS * np.arange(self.bars, dtype=np.int64)


def generate(bars: int, sigma: float = CALM, *, seed: int = 7) -> NDArray[np.float64]:
    """Return a geometric random walk as open, high, low, close and volume, shape (5, n).

    Prices have nine decimals, so that engines which compute in fixed point see the same numbers.
    """
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, sigma, bars)))
    opens = np.concatenate([[100.0], close[:-1]]) * np.exp(random.normal(0.0, sigma * 0.1, bars))
    high = np.maximum(opens, close) * np.exp(np.abs(random.normal(0.0, sigma * 0.5, bars)))
    low = np.minimum(opens, close) * np.exp(-np.abs(random.normal(0.0, sigma * 0.5, bars)))
    volume = np.round(random.lognormal(4.0, 1.0, bars), 3)
    return np.vstack([np.round(opens, 9), np.round(high, 9), np.round(low, 9), np.round(close, 9), volume])
