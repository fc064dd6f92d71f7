"""Trend following by the breakout of a price channel."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from research_kit.bars.frame import Bars
from research_kit.strategy.base import Param, Strategy
from research_kit.strategy.indicators import donchian, previous
from research_kit.strategy.signals import Signals


class DonchianBreakout(Strategy):
    """Long when the close breaks the highest high of the bars before, out at a shorter low.

    Events: enters long where the close is above the highest high of the ``entry`` bars before this one, exits where it
    is below the lowest low of the ``exit`` bars before; with ``short`` the mirror image as well. After a stop it
    enters again at the next close outside the channel.
    """

    entry: int = Param(20, ge=1, le=500, description="Bars in the channel whose breakout enters")
    exit: int = Param(10, ge=1, le=500, description="Bars in the channel whose breakout exits")
    short: bool = Param(False, description="Short when the close breaks the lowest low")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.exit > self.entry:
            raise ValueError(f"exit must not be above entry; exit is {self.exit}, entry is {self.entry}")
        return self

    def signals(self, bars: Bars) -> Signals:
        outer, inner = donchian(bars.high, bars.low, self.entry), donchian(bars.high, bars.low, self.exit)
        up, down = bars.close > previous(outer.upper), bars.close < previous(inner.lower)
        if not self.short:
            return Signals(enter_long=up, exit_long=down)
        return Signals(
            enter_long=up,
            exit_long=down,
            enter_short=bars.close < previous(outer.lower),
            exit_short=bars.close > previous(inner.upper),
        )
