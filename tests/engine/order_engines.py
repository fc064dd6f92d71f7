"""Both engines' results of one script, and what differs between them."""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import Any

from engines import close, differences, slow_result_of
from order_scripts import Player, Seen
from slow_book import OrderRecord
from slow_orders import SlowOrderResult

import research_kit as rk
from research_kit.bars.frame import Bars
from research_kit.engine.options import EngineOptions
from research_kit.strategy.order import ORDER_STATES


def compiled_order_backtest(bars: Bars, player: Player, options: EngineOptions) -> SlowOrderResult:
    """Return what ``run_backtest`` gives for a strategy that plays this script."""

    class Scripted(rk.Strategy):
        """Plays a script."""

        def on_bar(self, ctx: Any) -> None:
            player.on_bar(ctx)

    class Sleeping(Scripted):
        """Plays a script where it is woken."""

        def wake(self, bars: Bars, indicators: Any) -> Any:
            return player.wake(bars, indicators)

    strategy = Sleeping() if hasattr(player, "wake") else Scripted()
    run = rk.run_backtest(bars, strategy, options).simulation
    rows = zip(*(run.orders[name].tolist() for name in OrderRecord._fields), strict=True)
    orders = [OrderRecord(*row)._replace(state=ORDER_STATES[row[1]]) for row in rows]
    return SlowOrderResult(**vars(slow_result_of(run)), orders=orders)


def order_differences(ours: SlowOrderResult, theirs: SlowOrderResult, scale: float) -> list[str]:
    """Return what differs in trades, money, and what became of each order."""
    found = differences(ours, theirs, scale)
    most = max((abs(order.filled_units) for order in ours.orders), default=0.0)
    for at, (a, b) in enumerate(zip_longest(ours.orders, theirs.orders)):
        found += [f"order {at}: {a} and {b}"] if not _same_order(a, b, most) else []
    return found


def seen_differences(ours: list[Seen], theirs: list[Seen], scale: float) -> list[str]:
    """Return the first bar at which ``on_bar`` saw something else."""
    most = max((abs(seen.units) for seen in ours), default=0.0)
    worth = max(scale, *(abs(seen.units * seen.close) for seen in ours)) if ours else scale
    for a, b in zip_longest(ours, theirs):
        if a is None or b is None or not _same_sight(a, b, most, worth):
            return [f"on_bar saw {a} and {b}"]
    return []


def _same_order(a: OrderRecord | None, b: OrderRecord | None, most: float) -> bool:
    if a is None or b is None:
        return False
    same = (a.made, a.state, a.filled_bar) == (b.made, b.state, b.filled_bar)
    return same and close(a.filled_price, b.filled_price, 0.0) and close(a.filled_units, b.filled_units, most)


def _same_sight(a: Seen, b: Seen, most: float, worth: float) -> bool:
    exact = ("bar", "close", "side", "entry_bar", "waiting", "states")
    prices = [math.nan if price is None else price for price in (a.entry_price, b.entry_price)]
    return (
        all(getattr(a, name) == getattr(b, name) for name in exact)
        and close(a.units, b.units, most)
        and close(prices[0], prices[1], 0.0)
        and all(close(getattr(a, name), getattr(b, name), worth) for name in ("pnl", "equity", "cash"))
    )
