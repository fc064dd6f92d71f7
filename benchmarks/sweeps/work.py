"""W3, the work that every engine is given: the rule of W1 for each set of a grid of two lengths. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from workloads import Case

COLUMNS = ("fast", "slow", "total_return", "max_drawdown", "trades", "sharpe_per_bar", "sharpe_per_day")
BARS_PER_DAY = 1_440
BARS_PER_YEAR, DAYS_PER_YEAR = 365 * BARS_PER_DAY, 365

Table = NDArray[np.float64]
"""One row for each set, in the columns of ``COLUMNS``: fractions, NaN where an engine does not tell."""


@dataclass(frozen=True)
class Grid:
    """Every pair of a fast and a slow length, on seeded bars; all in from 100,000, 0.1 % a side."""

    name: str
    size: str
    fast: range
    slow: range

    @property
    def case(self) -> Case:
        return Case("W1", self.size)

    @property
    def title(self) -> str:
        return f"{len(self):,} sets × {self.size} bars"

    def __len__(self) -> int:
        return len(self.fast) * len(self.slow)

    def sets(self) -> NDArray[np.int64]:
        """Return the sets as rows (fast, slow), fast varying slowest."""
        return np.array([(fast, slow) for fast in self.fast for slow in self.slow], dtype=np.int64)

    def part(self, sets: int) -> Grid:
        """Return an evenly spread part of about so many sets, at least one; all of it where it is not larger."""
        if sets >= len(self):
            return self
        shrunk = (sets / len(self)) ** 0.5
        return Grid(self.name, self.size, _spread(self.fast, shrunk), _spread(self.slow, shrunk))


def _spread(values: range, share: float) -> range:
    count = max(1, round(len(values) * share))
    return values[:: max(1, len(values) // count)][:count]


GRIDS = {
    "100": Grid("100", "10k", range(5, 15), range(30, 40)),
    "1k": Grid("1k", "100k", range(5, 25), range(30, 80)),
    "10k": Grid("10k", "10k", range(2, 52), range(60, 260)),
}


def table(sets: NDArray[np.int64], **columns: NDArray[np.float64]) -> Table:
    """Return the table of a sweep; columns that are not given are NaN."""
    values = np.full((len(sets), len(COLUMNS)), np.nan)
    values[:, :2] = sets
    for name, column in columns.items():
        values[:, COLUMNS.index(name)] = column
    return values
