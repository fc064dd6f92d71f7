"""Imported by a process that is to fork workers: runs both kinds of strategies once, so that their code is loaded."""

from __future__ import annotations

import numpy as np

from research_kit.bars.frame import Bars
from research_kit.engine.backtest import run_backtest
from research_kit.strategy.base import Strategy
from research_kit.strategy.context import Context
from research_kit.strategy.library import BuyAndHold, SmaCross


class _Warm(Strategy):
    """Asks for a long position."""

    def on_bar(self, ctx: Context) -> None:
        ctx.target(1)


def warm_up() -> None:
    """Run each kind of strategy on a few bars."""
    day = 86_400_000_000_000
    close = 100.0 + np.sin(np.arange(64.0))
    bars = Bars(np.arange(64) * day, dict.fromkeys(("open", "high", "low", "close"), close))
    for strategy in (SmaCross(fast=2, slow=5), BuyAndHold(), _Warm()):
        _ = run_backtest(bars, strategy).metrics


warm_up()
