"""The compiled engine's result in the slow engine's words, and what differs between two results."""

from __future__ import annotations

import math
from dataclasses import fields
from itertools import zip_longest
from typing import Any

from slow_account import SlowResult, SlowTrade

from research_kit.bars.frame import Bars
from research_kit.engine.options import EngineOptions
from research_kit.engine.records import REASONS, TRADE
from research_kit.strategy.signals import Signals

TOLERANCE = 1e-9
COUNTS = ("ambiguous_bars", "liquidations", "liquidated", "bars_in_market", "rejections")
TOTALS = ("traded_value", "total_commission", "total_slippage", "total_borrow")
MONEY = ("pnl", "commission", "entry_commission", "slippage", "borrow", "max_profit", "max_loss")


def compiled_backtest(bars: Bars, signals: Signals, options: EngineOptions) -> SlowResult:
    """Return what ``simulate`` gives, as a SlowResult; cash and units are known after the last bar only."""
    from research_kit.engine.simulation import simulate

    return slow_result_of(simulate(bars, signals, options))


def slow_result_of(run: Any) -> SlowResult:
    """Return a simulation as a SlowResult."""
    known = {field.name for field in fields(SlowTrade)}
    names = [name for name in TRADE.names or () if name in known and not name.endswith("_label")]
    rows = zip(run.trades[names].tolist(), run.entry_labels(), run.exit_labels(), strict=True)
    trades = [
        SlowTrade(**dict(zip(names, values, strict=True)), entry_label=opened, exit_label=closed)
        for values, opened, closed in rows
    ]
    return SlowResult(
        trades=trades,
        equity=run.equity.tolist(),
        cash=[run.final_cash],
        units=[run.final_units],
        rejections=[(bar, REASONS[reason]) for bar, reason in run.rejections.tolist()],
        ambiguous_bars=run.ambiguous_bars,
        liquidations=run.liquidations,
        liquidated=bool(run.liquidated),
        bars_in_market=run.bars_in_market,
        traded_value=run.traded_value,
        total_commission=run.total_commission,
        total_slippage=run.total_slippage,
        total_borrow=run.total_borrow,
    )


def differences(ours: SlowResult, theirs: SlowResult, scale: float) -> list[str]:
    """Return what differs by more than 1e-9 (of the numbers, or of ``scale``, the account's money)."""
    found = [
        f"{name}: {getattr(ours, name)} and {getattr(theirs, name)}"
        for name in COUNTS
        if getattr(ours, name) != getattr(theirs, name)
    ]
    found += _numbers("", ours, theirs, TOTALS, scale)
    most = max((trade.quantity for trade in ours.trades), default=0.0)
    for at, (a, b) in enumerate(zip_longest(ours.trades, theirs.trades)):
        found += [f"trade {at}: {a} and {b}"] if a is None or b is None else _trade(at, a, b, most)
    for bar, (a, b) in enumerate(zip_longest(ours.equity, theirs.equity, fillvalue=math.nan)):
        found += [] if close(a, b, scale) else [f"equity of bar {bar}: {a} and {b}"]
    if ours.cash and not close(ours.cash[-1], theirs.cash[-1], max(scale, theirs.traded_value)):
        found.append(f"final cash: {ours.cash[-1]} and {theirs.cash[-1]}")
    if ours.units and not close(ours.units[-1], theirs.units[-1], 0.0):
        found.append(f"final units: {ours.units[-1]} and {theirs.units[-1]}")
    return found


def _trade(at: int, a: SlowTrade, b: SlowTrade, most: float) -> list[str]:
    """Return what differs in a trade; a part is the difference of positions, so as exact as the largest of them."""
    found, scales = [], dict.fromkeys(MONEY, most * abs(a.entry_price)) | {"quantity": most}
    for name in (field.name for field in fields(SlowTrade)):
        ours, theirs = getattr(a, name), getattr(b, name)
        same = close(ours, theirs, scales.get(name, 0.0)) if isinstance(ours, float) else ours == theirs
        if not same:
            found.append(f"trade {at} {name}: {ours} and {theirs}")
    return found


def _numbers(where: str, ours: Any, theirs: Any, names: tuple[str, ...], scale: float) -> list[str]:
    pairs = [(name, getattr(ours, name), getattr(theirs, name)) for name in names]
    return [f"{where}{name}: {a} and {b}" for name, a, b in pairs if not close(a, b, scale)]


def close(a: float, b: float, scale: float) -> bool:
    """Tell whether two numbers agree to 1e-9 of the larger one, or of the scale; NaN agrees with NaN."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= TOLERANCE * max(abs(a), abs(b), scale)
