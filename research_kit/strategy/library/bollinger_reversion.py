"""Mean reversion from the edge of the Bollinger bands."""

from __future__ import annotations

from research_kit.bars.frame import Bars
from research_kit.strategy.base import Param, Strategy
from research_kit.strategy.indicators import bollinger
from research_kit.strategy.signals import Signals


class BollingerReversion(Strategy):
    """Long when the close is below the lower Bollinger band, out at the middle.

    Events: enters long where the close is below the lower band, exits where it is at or above the middle; with
    ``short`` it also enters short above the upper band and exits at or below the middle.
    """

    length: int = Param(20, ge=2, le=500, description="Bars in the bands")
    width: float = Param(2.0, gt=0, le=10, description="Standard deviations between the middle and a band")
    short: bool = Param(False, description="Short when the close is above the upper band")

    def signals(self, bars: Bars) -> Signals:
        bands = bollinger(bars.close, self.length, self.width)
        low, back = bars.close < bands.lower, bars.close >= bands.middle
        if not self.short:
            return Signals(enter_long=low, exit_long=back)
        return Signals(
            enter_long=low,
            exit_long=back,
            enter_short=bars.close > bands.upper,
            exit_short=bars.close <= bands.middle,
        )
