"""Other futures: the same bars up to one, and others after it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import Bars

SPREAD = 0.1
"""Standard deviation of the logarithm of the factors: every other bar moves by more than 10 %."""


@dataclass(eq=False)
class Futures:
    """Makes bars whose past is that of the given ones, and whose future is another: the same one for each seed."""

    bars: Bars
    seed: int = 0
    _factors: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self._factors = np.exp(rng.normal(0.0, SPREAD, 2 * len(self.bars)))

    def after(self, known: int) -> Bars:
        """Return the bars with every column behind the first ``known`` bars multiplied by random factors.

        The prices of a bar have one factor, so that its open and close stay inside its low and high; every other column
        has its own.
        """
        rest = len(self.bars) - known
        prices = self._factors[known : known + rest]
        columns = {}
        for number, (name, column) in enumerate(self.bars.columns.items()):
            changed = column.copy()
            own = name not in ("open", "high", "low", "close")
            changed[known:] *= np.roll(prices, 7 * number + 1) if own else prices
            columns[name] = changed
        return Bars(
            self.bars.time_ns,
            columns,
            symbol=self.bars.symbol,
            timeframe=self.bars.timeframe,
            session=self.bars.session,
            allow_nonpositive=self.bars.allow_nonpositive,
            synthetic=self.bars.synthetic,
            check=False,
        )


def longer(bars: Bars, more: int, seed: int = 0) -> Bars:
    """Return bars that are followed by more of them, which go on from the last close at random.

    Columns that are no prices go on with values that they had.
    """
    rng = np.random.default_rng(seed)
    step = bars.timeframe_ns
    path = bars.close[-1] * np.exp(np.cumsum(rng.normal(0.0, SPREAD / 10, more)))
    before = np.concatenate([bars.close[-1:], path[:-1]])
    prices = {"open": before, "high": np.maximum(before, path), "low": np.minimum(before, path), "close": path}
    columns = {
        name: np.concatenate([column, prices.get(name, rng.choice(column, more))])
        for name, column in bars.columns.items()
    }
    return Bars(
        np.concatenate([bars.time_ns, bars.time_ns[-1] + step * np.arange(1, more + 1)]),
        columns,
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        session=bars.session,
        allow_nonpositive=bars.allow_nonpositive,
        synthetic=None if bars.synthetic is None else np.concatenate([bars.synthetic, np.zeros(more, np.bool_)]),
        check=False,
    )
