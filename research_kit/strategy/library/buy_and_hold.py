"""The benchmark that every other strategy must beat."""

from __future__ import annotations

import numpy as np

from research_kit.bars.frame import Bars
from research_kit.strategy.base import Strategy
from research_kit.strategy.signals import Signals


class BuyAndHold(Strategy):
    """Long from the first bar to the last.

    A target of 1 on every bar: one order, filled as the options say.
    """

    def signals(self, bars: Bars) -> Signals:
        return Signals.target(np.ones(len(bars), dtype=np.bool_))
