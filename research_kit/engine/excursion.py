"""Best and worst unrealised money of each trade while it was open."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from research_kit.compiled import compiled_kernel, inlined
from research_kit.engine.layout import LIQUIDATION, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP, Market
from research_kit.engine.levels import usable_open


@compiled_kernel
def add_excursions(trades: NDArray[Any], market: Market, fills_at_open: bool, end_of_data: int) -> None:
    """Write ``max_profit`` and ``max_loss`` of every trade, net of its entry commission (docs/semantics.md)."""
    for at in range(len(trades)):
        trade = trades[at]
        lowest, highest = _price_range(trade, market, fills_at_open, end_of_data)
        best, worst = (highest, lowest) if trade.side > 0 else (lowest, highest)
        trade.max_profit = trade.side * trade.quantity * (best - trade.entry_price) - trade.entry_commission
        trade.max_loss = trade.side * trade.quantity * (worst - trade.entry_price) - trade.entry_commission


@inlined
def _price_range(trade: Any, market: Market, fills_at_open: bool, end_of_data: int) -> tuple[float, float]:
    """Return the lowest and highest price that was seen while a trade was open."""
    first = trade.entry_bar if fills_at_open else trade.entry_bar + 1
    last = trade.exit_bar if trade.exit_bar >= 0 else len(market.close)
    label = trade.exit_label
    lowest = highest = trade.entry_raw
    if trade.exit_bar >= 0:
        lowest, highest = min(lowest, trade.exit_raw), max(highest, trade.exit_raw)
        inside = label in (STOP_LOSS, TAKE_PROFIT, TRAILING_STOP, LIQUIDATION)
        if inside:
            opened = usable_open(trade.exit_bar, market)
            lowest, highest = min(lowest, opened), max(highest, opened)
        elif not fills_at_open or label == end_of_data:
            last += 1
    for i in range(first, last):
        lowest, highest = min(lowest, market.low[i]), max(highest, market.high[i])
    return lowest, highest
