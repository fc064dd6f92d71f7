"""The built-in strategies, each a small module to learn from and to copy.

Nothing imports this room before a built-in strategy is asked for, so ``import research_kit`` does not pay for it.
"""

from research_kit.strategy.base import Strategy
from research_kit.strategy.library.bollinger_reversion import BollingerReversion
from research_kit.strategy.library.buy_and_hold import BuyAndHold
from research_kit.strategy.library.donchian_breakout import DonchianBreakout
from research_kit.strategy.library.momentum import Momentum
from research_kit.strategy.library.rsi_reversion import RsiReversion
from research_kit.strategy.library.sma_cross import SmaCross

BUILT_INS: dict[str, type[Strategy]] = {
    strategy.name: strategy
    for strategy in (BollingerReversion, BuyAndHold, DonchianBreakout, Momentum, RsiReversion, SmaCross)
}

__all__ = [
    "BUILT_INS",
    "BollingerReversion",
    "BuyAndHold",
    "DonchianBreakout",
    "Momentum",
    "RsiReversion",
    "SmaCross",
]
