"""Time-series momentum: what rose goes on rising."""

from __future__ import annotations

import numpy as np

from research_kit.bars.frame import Bars
from research_kit.strategy.base import Param, Strategy
from research_kit.strategy.indicators import previous
from research_kit.strategy.signals import Signals


class Momentum(Strategy):
    """Long while the close is above its value of some bars ago.

    A target: 1 while the return over ``length`` bars is above ``threshold``, else 0; with ``short`` -1 while it is
    below ``-threshold``. Source: Moskowitz, Ooi and Pedersen, Time series momentum, 2012.
    """

    length: int = Param(120, ge=1, le=5_000, description="Bars over which the return is taken")
    threshold: float = Param(0.0, ge=0, lt=1, description="Least return, fraction")
    short: bool = Param(False, description="Short while the return is below -threshold")

    def signals(self, bars: Bars) -> Signals:
        before = previous(bars.close, self.length)
        rose, fell = bars.close > before * (1.0 + self.threshold), bars.close < before * (1.0 - self.threshold)
        return Signals.target(rose * np.int8(1) - fell if self.short else rose)
