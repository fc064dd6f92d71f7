"""Mean reversion by the relative strength index."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from research_kit.bars.frame import Bars
from research_kit.strategy.base import Param, Strategy
from research_kit.strategy.indicators import rsi
from research_kit.strategy.signals import Signals


class RsiReversion(Strategy):
    """Long when the RSI is oversold, out when it is back in the middle.

    Events: enters long where the RSI is below ``oversold``, exits where it is at or above ``middle``; with ``short``
    it also enters short above ``overbought`` and exits at or below ``middle``. Trades carry the reason as label.
    """

    length: int = Param(14, ge=2, le=500, description="Bars of Wilder's smoothing")
    oversold: float = Param(30.0, gt=0, lt=100, description="RSI below which it buys")
    middle: float = Param(50.0, gt=0, lt=100, description="RSI at which it is out again")
    overbought: float = Param(70.0, gt=0, lt=100, description="RSI above which it sells short")
    short: bool = Param(False, description="Short when the RSI is overbought")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if not self.oversold < self.middle < self.overbought:
            raise ValueError(
                "oversold, middle, overbought must rise in this order; "
                f"they are {self.oversold:g}, {self.middle:g}, {self.overbought:g}"
            )
        return self

    def signals(self, bars: Bars) -> Signals:
        strength = rsi(bars.close, self.length)
        low, recovered = strength < self.oversold, strength >= self.middle
        if not self.short:
            return Signals(low, recovered, labels={"enter_long": "oversold", "exit_long": "recovered"})
        return Signals(
            enter_long=low,
            exit_long=recovered,
            enter_short=strength > self.overbought,
            exit_short=strength <= self.middle,
            labels={
                "enter_long": "oversold",
                "exit_long": "recovered",
                "enter_short": "overbought",
                "exit_short": "recovered",
            },
        )
