"""A backtest of some bars that knows the bars before them: what a test window of a walk-forward is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from research_kit.engine.backtest import signals_of
from research_kit.engine.desk.run import simulate_orders
from research_kit.engine.layout import Market
from research_kit.engine.records import LABELS
from research_kit.engine.simulation import Simulation, simulate
from research_kit.errors import SignalError
from research_kit.strategy.signals import EVENTS, Signals

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars
    from research_kit.engine.options import EngineOptions
    from research_kit.strategy.base import Strategy

SUMMED = (
    *("trades", "rejections", "ambiguous_bars", "liquidations", "bars_in_market"),
    *("traded_value", "total_commission", "total_slippage", "total_borrow"),
)
BAR_FIELDS = ("entry_bar", "exit_bar", "entry_signal_bar", "exit_signal_bar")
ORDER_BAR_FIELDS = ("made", "first", "last", "dead", "filled_bar")


def simulate_window(bars: Bars, strategy: Strategy, options: EngineOptions, first: int, last: int) -> Simulation:
    """Return what a strategy does on the bars from ``first`` up to but not including ``last``.

    It knows the bars before ``first``, so that its indicators are warm, and none from ``last`` on. The account begins
    flat; the first fill can be at the open of bar ``first`` (with ``same_close`` at its close). The numbers of bars in
    the result count from ``first``.
    """
    known = bars.window(0, last)
    start = max(0, first - options.delay - (1 if options.fill == "next_open" else 0))
    if strategy.style() == "on_bar":
        return _counted_from(first, simulate_orders(known, strategy, options, first=start))
    signals = signals_of(strategy, known)
    if len(signals) != last:
        raise SignalError(f"Signals need one value for each bar: {last} bars, {len(signals)} signals.")
    return _counted_from(first, simulate(known, _silent_before(start, signals), options))


def _silent_before(start: int, signals: Signals) -> Signals:
    """Return signals that ask for nothing before a bar; the bars themselves stay, for a volatility that is warm."""
    silent = {}
    for name in (*EVENTS, "exposure"):
        wanted = getattr(signals, name)
        if wanted is not None:
            silent[name] = wanted.copy()
            silent[name][:start] = 0
    return replace(signals, **silent)


def _counted_from(first: int, simulation: Simulation) -> Simulation:
    """Return a simulation of all bars as one of the bars from ``first`` on, before which nothing was filled."""
    labels = simulation.label_of
    return replace(
        simulation,
        market=Market(*(column[first:] for column in simulation.market)),  # type: ignore[arg-type]
        equity=simulation.equity[first:],
        **_moved(simulation, -first),
        label_of=lambda code, signal_bar: labels(code, signal_bar + first),
    )


def _moved(simulation: Simulation, by: int) -> dict[str, Any]:
    """Return trades, rejections and orders with their bars counted from another one."""
    trades, rejections, orders = (
        records.copy() for records in (simulation.bare_trades, simulation.rejections, simulation.orders)
    )
    for name in BAR_FIELDS:
        trades[name] = np.where(trades[name] >= 0, trades[name] + by, -1)
    for name in ORDER_BAR_FIELDS:
        orders[name] = np.where(orders[name] >= 0, orders[name] + by, -1)
    rejections["bar"] += by
    return {"bare_trades": trades, "rejections": rejections, "orders": orders}


def joined_simulation(parts: Sequence[Simulation], starts: Sequence[int]) -> Simulation:
    """Return simulations that follow one another as one; ``starts`` are their first bars among all of them.

    Each part began with the cash that the one before it left.
    """
    codes = {label: code for code, label in enumerate(LABELS)}  # one for all parts, each of which has its own
    moved = [_moved(_relabelled(part, codes), start) for part, start in zip(parts, starts, strict=True)]
    texts = list(codes)
    columns: Any = zip(*(part.market for part in parts), strict=True)
    state = parts[-1].state.copy()
    for name in SUMMED:
        state[name] = sum(part.state[name] for part in parts)
    made = np.cumsum([0, *(len(part.orders) for part in parts)])
    for part, before in zip(moved, made[:-1], strict=True):
        part["orders"]["group"] += before
    records: dict[str, Any] = {name: np.concatenate([part[name] for part in moved]) for name in moved[0]}
    return replace(
        parts[0],
        market=Market(*map(np.concatenate, columns)),
        equity=np.concatenate([part.equity for part in parts]),
        state=state,
        label_of=lambda code, _: texts[code],
        **records,
    )


def _relabelled(part: Simulation, codes: dict[str, int]) -> Simulation:
    """Return a simulation whose labels have the codes of a list that grows by those that it does not know."""
    trades, orders = part.bare_trades.copy(), part.orders.copy()
    of_orders = [part.label_of(max(code, 0), -1) for code in orders["label"].tolist()]
    for records, name, labels in (
        (trades, "entry_label", part.entry_labels()),
        (trades, "exit_label", part.exit_labels()),
        (orders, "label", of_orders),
    ):
        own = [codes.setdefault(label, len(codes)) for label in labels]
        records[name] = np.where(records[name] >= 0, own, -1)
    return replace(part, bare_trades=trades, orders=orders)
