"""Best and worst unrealised money of each trade while it was open."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from research_kit.compiled import compiled_kernel, inlined
from research_kit.engine.layout import AT_CLOSE, AT_OPEN, INSIDE, Market


@compiled_kernel
def add_excursions(trades: NDArray[Any], market: Market) -> None:
    """Write ``max_profit`` and ``max_loss`` of every trade, net of its entry commission (docs/semantics.md)."""
    for at in range(len(trades)):
        trade = trades[at]
        lowest, highest = _price_range(trade, market)
        best, worst = (highest, lowest) if trade.side > 0 else (lowest, highest)
        trade.max_profit = trade.side * trade.quantity * (best - trade.entry_price) - trade.entry_commission
        trade.max_loss = trade.side * trade.quantity * (worst - trade.entry_price) - trade.entry_commission


@inlined
def _price_range(trade: Any, market: Market) -> tuple[float, float]:
    """Return the lowest and highest price that was seen while a trade was open."""
    first = trade.entry_bar if trade.entry_moment == AT_OPEN else trade.entry_bar + 1
    last = trade.exit_bar if trade.exit_bar >= 0 else len(market.close)
    lowest = highest = trade.entry_raw
    if trade.entry_moment == INSIDE and trade.exit_bar != trade.entry_bar:
        close = market.close[trade.entry_bar]
        lowest, highest = min(lowest, close), max(highest, close)
    if trade.exit_bar >= 0:
        lowest, highest = min(lowest, trade.exit_raw), max(highest, trade.exit_raw)
        if trade.exit_moment == INSIDE and trade.exit_bar >= first:
            opened = market.open[trade.exit_bar]
            lowest, highest = min(lowest, opened), max(highest, opened)
        elif trade.exit_moment == AT_CLOSE:
            last += 1
    for i in range(first, last):
        lowest, highest = min(lowest, market.low[i]), max(highest, market.high[i])
    return lowest, highest
