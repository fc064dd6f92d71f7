"""Figures of other engines that both ways of writing a strategy must reproduce, and the strategies that do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import research_kit as rk
from research_kit.bars.frame import Bars
from research_kit.strategy.context import Context
from research_kit.strategy.signals import Signals


class Crossing(rk.Strategy):
    """Long when one average crosses above another, out or short when it crosses below."""

    fast: int = 10
    slow: int = 30
    short: bool = False
    out: int = -1  # the bar at which everything is closed; -1: none

    def crossings(self, bars: Bars) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return where the fast average crosses above the slow one, and where below."""
        fast, slow = rk.indicators.sma(bars.close, self.fast), rk.indicators.sma(bars.close, self.slow)
        return rk.indicators.crossed_above(fast, slow), rk.indicators.crossed_below(fast, slow)


class CrossingSignals(Crossing):
    """As events."""

    def signals(self, bars: Bars) -> Signals:
        (up, down), out = self.crossings(bars), np.arange(len(bars)) == self.out
        if self.short:
            return rk.Signals(enter_long=up, exit_long=out, enter_short=down, exit_short=out)
        return rk.Signals(enter_long=up, exit_long=down | out)


class CrossingOrders(Crossing):
    """As orders, in backtesting.py's words: close the position, then buy or sell."""

    def indicators(self, bars: Bars) -> dict[str, Any]:
        up, down = self.crossings(bars)
        return {"up": up, "down": down}

    def on_bar(self, ctx: Context) -> None:
        up, down = ctx["up"], ctx["down"]
        if up or down or ctx.i == self.out:
            ctx.close()
        if up:
            ctx.buy()
        if down and self.short:
            ctx.sell()


# vectorbt's own stop tests (figures of tests/test_portfolio.py): 20 units, in at the close of bar 0, filled same_close.
# Where it looks at closes alone, bars here are flat; its stops are taken from the price before slippage, so that the
# slipped ones are given here as price levels.
FALLING, RISING_FIRST = (5.0, 4.0, 3.0, 2.0, 1.0), (4.0, 5.0, 4.0, 3.0, 2.0)
AT_CLOSE = {"commission": 0.0, "sizing": "units", "size": 20.0, "fill": "same_close"}


def around(closes: tuple[float, ...], *, flat: bool = False) -> list[tuple[float, float, float, float]]:
    """Return bars around these closes as vectorbt's tests have them, or bars of one price."""
    return [(c, c, c, c) if flat else (c + 0.25, c + 0.5, c - 0.5, c) for c in closes]


VECTORBT = [
    # closes, flat bars, side, options, exit bar, exit price
    (FALLING, False, 1, {"stop_loss": 0.1}, 1, 4.25),
    (FALLING, False, 1, {"stop_loss": 0.15}, 1, 4.25),
    (FALLING, False, 1, {"stop_loss": 0.2}, 1, 4.0),
    (FALLING, True, 1, {"stop_loss": 0.1}, 1, 4.0),
    (FALLING, True, 1, {"stop_loss": 0.5}, 3, 2.0),
    (RISING_FIRST, True, 1, {"trailing_stop": 0.1}, 2, 4.0),
    (RISING_FIRST, True, 1, {"trailing_stop": 0.5}, 4, 2.0),
    (RISING_FIRST, False, 1, {"trailing_stop": 0.15}, 2, 4.25),
    (RISING_FIRST, False, 1, {"trailing_stop": 0.2}, 2, 4.25),
    (RISING_FIRST, False, 1, {"trailing_stop": 0.25}, 2, 4.125),
    (RISING_FIRST, False, -1, {"trailing_stop": 0.1}, 1, 5.25),
    # 10 % slippage on a stop at a level (stopmarket), and none (stoplimit)
    (FALLING, False, 1, {"level": 4.75, "slippage": 0.1}, 1, 3.825),
    (FALLING, False, 1, {"level": 2.5, "slippage": 0.1}, 2, 2.25),
    (FALLING, False, 1, {"level": 1.25, "slippage": 0.1}, 4, 1.125),
    (FALLING, False, 1, {"level": 4.75}, 1, 4.25),
    (FALLING, False, 1, {"level": 2.5}, 2, 2.5),
    (FALLING, False, 1, {"level": 1.25}, 4, 1.25),
]
