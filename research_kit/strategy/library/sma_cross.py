"""Trend following with two moving averages."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import model_validator

from research_kit.bars.frame import Bars
from research_kit.strategy.base import Param, Strategy
from research_kit.strategy.indicators import sma
from research_kit.strategy.signals import Signals


class SmaCross(Strategy):
    """Long while the fast average is above the slow one.

    A target: 1 while fast > slow, else 0; with ``short`` -1 while fast < slow. Where both are equal, and before the
    slow average exists, it is flat.
    """

    fast: int = Param(10, ge=2, le=200, description="Bars in the fast average")
    slow: int = Param(30, ge=5, le=500, description="Bars in the slow average")
    short: bool = Param(False, description="Short while the fast average is below the slow one")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError(f"fast must be below slow; fast is {self.fast}, slow is {self.slow}")
        return self

    def signals(self, bars: Bars) -> Signals:
        fast, slow = sma(bars.close, self.fast), sma(bars.close, self.slow)
        if not self.short:
            return Signals.target(fast > slow)
        return Signals.target((fast > slow) * np.int8(1) - (fast < slow))
