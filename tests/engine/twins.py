"""The built-in strategies once more, each as a user would write it with ``on_bar``; and events as orders."""

from __future__ import annotations

from typing import Any

import numpy as np
from engines import differences, slow_result_of

import research_kit as rk
from research_kit.bars.frame import Bars
from research_kit.engine.options import EngineOptions
from research_kit.engine.simulation import Simulation
from research_kit.strategy import indicators as ind
from research_kit.strategy.context import Context
from research_kit.strategy.signals import EVENTS, LEVELS, Signals

PARAMETERS = {
    "bollinger_reversion": [{"length": 10, "width": 1.0}, {"length": 20}],
    "buy_and_hold": [{}],
    "donchian_breakout": [{"entry": 10, "exit": 5}, {"entry": 20, "exit": 20}],
    "momentum": [{"length": 5}, {"length": 30, "threshold": 0.01}],
    "rsi_reversion": [{"length": 5}, {"oversold": 40.0, "overbought": 60.0}],
    "sma_cross": [{"fast": 3, "slow": 8}, {}],
}
OPTIONS = {
    "plain": {},
    "costs": {"commission": 0.002, "slippage": 0.001, "spread": 0.001, "minimum_commission": 2.0, "borrow_rate": 0.05},
    "levels": {"stop_loss": 0.02, "take_profit": 0.03, "intrabar": "nearest_open"},
    "trailing": {"trailing_stop": 0.02, "time_stop": 15, "close_at_end": False},
    "close": {"fill": "same_close", "stop_loss": 0.03},
    "margin": {"leverage": 4.0, "size": 4.0, "maintenance_margin": 0.2},
    "units": {"sizing": "units", "size": 3.0, "whole_units": True},
    "risk": {"sizing": "risk", "size": 0.02, "stop_loss": 0.02, "leverage": 3.0},
    "volatility": {"sizing": "volatility", "size": 0.2, "leverage": 2.0, "lot": 0.1},
}


def differs(signals: Simulation, orders: Simulation, options: EngineOptions) -> list[str]:
    """Return what differs between two runs, labels and rejections included."""
    ours, theirs = (slow_result_of(run) for run in (signals, orders))
    return differences(ours, theirs, options.initial_cash)


def follow(ctx: Context, event: dict[str, bool], **how: Any) -> None:
    """Make the orders that events ask for: out first, then in; ``how`` belongs to what opens."""
    side = ctx.position.side
    if (side > 0 and event.get("exit_long")) or (side < 0 and event.get("exit_short")):
        name = "exit_long" if side > 0 else "exit_short"
        ctx.close(label=how.get("labels", {}).get(name))
        side = 0
    for name, wanted, order in (("enter_long", 1, ctx.buy), ("enter_short", -1, ctx.sell)):
        if event.get(name) and side != wanted:
            order(label=how.get("labels", {}).get(name), **how.get("levels", {}))


class BollingerOnBar(rk.Strategy):
    """Long below the lower band, out at the middle."""

    length: int = 20
    width: float = 2.0
    short: bool = False

    def indicators(self, bars: Bars) -> dict[str, Any]:
        bands = ind.bollinger(bars.close, self.length, self.width)
        return {"lower": bands.lower, "middle": bands.middle, "upper": bands.upper}

    def on_bar(self, ctx: Context) -> None:
        close, middle = ctx["close"], ctx["middle"]
        event = {"enter_long": close < ctx["lower"], "exit_long": close >= middle}
        if self.short:
            event |= {"enter_short": close > ctx["upper"], "exit_short": close <= middle}
        follow(ctx, event)


class BuyAndHoldOnBar(rk.Strategy):
    """Long from the first bar to the last."""

    def on_bar(self, ctx: Context) -> None:
        ctx.target(1)


class DonchianOnBar(rk.Strategy):
    """Long when the close breaks the highest high of the bars before, out at a shorter low."""

    entry: int = 20
    exit: int = 10
    short: bool = False

    def indicators(self, bars: Bars) -> dict[str, Any]:
        outer = ind.donchian(bars.high, bars.low, self.entry)
        inner = ind.donchian(bars.high, bars.low, self.exit)
        return {"top": outer.upper, "bottom": outer.lower, "roof": inner.upper, "floor": inner.lower}

    def on_bar(self, ctx: Context) -> None:
        if ctx.i == 0:
            return
        close, before = ctx["close"], {name: getattr(ctx.indicators, name)[-2] for name in dir(ctx.indicators)}
        event = {"enter_long": close > before["top"], "exit_long": close < before["floor"]}
        if self.short:
            event |= {"enter_short": close < before["bottom"], "exit_short": close > before["roof"]}
        follow(ctx, event)


class MomentumOnBar(rk.Strategy):
    """Long while the close is above its value of some bars ago."""

    length: int = 120
    threshold: float = 0.0
    short: bool = False

    def on_bar(self, ctx: Context) -> None:
        if ctx.i < self.length:
            ctx.target(0)
            return
        close, before = ctx["close"], float(ctx.bars.close[-1 - self.length])
        if close > before * (1.0 + self.threshold):
            ctx.target(1)
        elif self.short and close < before * (1.0 - self.threshold):
            ctx.target(-1)
        else:
            ctx.target(0)


class RsiOnBar(rk.Strategy):
    """Long when the RSI is oversold, out when it is back in the middle."""

    length: int = 14
    oversold: float = 30.0
    middle: float = 50.0
    overbought: float = 70.0
    short: bool = False

    def indicators(self, bars: Bars) -> dict[str, Any]:
        return {"rsi": ind.rsi(bars.close, self.length)}

    def on_bar(self, ctx: Context) -> None:
        rsi = ctx["rsi"]
        labels = {"enter_long": "oversold", "exit_long": "recovered", "enter_short": "overbought",
                  "exit_short": "recovered"}  # fmt: skip
        event = {"enter_long": rsi < self.oversold, "exit_long": rsi >= self.middle}
        if self.short:
            event |= {"enter_short": rsi > self.overbought, "exit_short": rsi <= self.middle}
        follow(ctx, event, labels=labels)


class SmaCrossOnBar(rk.Strategy):
    """Long while the fast average is above the slow one."""

    fast: int = 10
    slow: int = 30
    short: bool = False

    def indicators(self, bars: Bars) -> dict[str, Any]:
        return {"fast": ind.sma(bars.close, self.fast), "slow": ind.sma(bars.close, self.slow)}

    def on_bar(self, ctx: Context) -> None:
        fast, slow = ctx["fast"], ctx["slow"]
        ctx.target(1 if fast > slow else -1 if self.short and fast < slow else 0)


TWINS: dict[type[rk.Strategy], type[rk.Strategy]] = {
    rk.strategies.BollingerReversion: BollingerOnBar,
    rk.strategies.BuyAndHold: BuyAndHoldOnBar,
    rk.strategies.DonchianBreakout: DonchianOnBar,
    rk.strategies.Momentum: MomentumOnBar,
    rk.strategies.RsiReversion: RsiOnBar,
    rk.strategies.SmaCross: SmaCrossOnBar,
}


def as_orders(signals: Signals, *, allow_short: bool) -> rk.Strategy:
    """Return a strategy that asks with orders for what these signals ask for, with their labels and levels."""

    class AsOrders(rk.Strategy):
        """Turns signals into orders."""

        def on_bar(self, ctx: Context) -> None:
            i = ctx.i
            levels = {name: float(level[i]) for name, level in signals.prices.items() if not np.isnan(level[i])}
            if signals.exposure is not None:
                if not np.isnan(float(signals.exposure[i])):
                    ctx.target(float(signals.exposure[i]), **levels)
                return
            event = {name: bool(getattr(signals, name)[i]) for name in EVENTS if getattr(signals, name) is not None}
            labels = {name: text if isinstance(text, str) else text[i] for name, text in signals.labels.items()}
            if not allow_short and event.get("enter_short"):
                event["enter_short"] = False  # turned into an exit, under its own label
                if ctx.position and not event.get("exit_long"):
                    event["exit_long"] = True
                    labels["exit_long"] = labels.get("enter_short", "enter_short")
            follow(ctx, event, labels=labels, levels=levels)

    assert set(signals.prices) <= set(LEVELS)
    return AsOrders()
