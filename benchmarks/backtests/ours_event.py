"""W1 in event style: the same rule as Python code that is called bar by bar, or on the bars that ``wake`` names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import measuring
import numpy as np
import workloads
from numpy.typing import NDArray
from workloads import Case

import research_kit as rk
from backtests.measuring import Engine, main
from backtests.ours import prepare_strategy


class OnEveryBar(rk.Strategy):
    """Long while the fast average is above the slow one."""

    fast: int = workloads.FAST
    slow: int = workloads.SLOW

    def indicators(self, bars: rk.Bars) -> dict[str, NDArray[np.float64]]:
        sma = rk.indicators.sma
        return {"fast": sma(bars.close, self.fast), "slow": sma(bars.close, self.slow)}

    def on_bar(self, ctx: rk.Context) -> None:
        ctx.target(1.0 if ctx["fast"] > ctx["slow"] else 0.0)


class OnCrossings(OnEveryBar):
    """The same, called only where one average crosses the other."""

    def wake(self, bars: rk.Bars, indicators: Mapping[str, Any]) -> NDArray[np.bool_]:
        above = indicators["fast"] > indicators["slow"]
        return above != np.concatenate([[False], above[:-1]])


STRATEGIES = {"every bar": OnEveryBar, "wake": OnCrossings}


def is_missing() -> bool:
    """Return whether this version knows signals only."""
    return not hasattr(rk.Strategy, "on_bar")


def prepare(case: Case) -> Engine:
    if is_missing():
        measuring.missing("strategies with on_bar are not there yet")
    return prepare_strategy(case, STRATEGIES[measuring.engine()]())


if __name__ == "__main__":
    main(prepare, "numpy", "numba")
