"""The rules of docs/semantics.md once more, in plain Python: slow, readable, written from that page alone.

The compiled engine must give the same trades and money on every case. Nothing here is shared with it but the options
and the names of labels and reasons; where the two differ, one of them (or the page) is wrong.

This module runs signals, slow_orders.py runs strategies with ``on_bar``; what both do is in slow_trader.py.
"""

from __future__ import annotations

import math

from slow_account import AT_CLOSE, AT_OPEN, LONG, SHORT, Fill, SlowResult
from slow_trader import ENTER, EXIT, Target, Trader

from research_kit.bars.frame import Bars
from research_kit.engine.options import EngineOptions
from research_kit.strategy.signals import EVENTS, Signals


def slow_backtest(
    bars: Bars, signals: Signals, options: EngineOptions, bars_per_year: float | None = None
) -> SlowResult:
    """Return what a backtest gives; bars per year are those of a market that never closes unless given."""
    run = _Run(bars, signals, options, bars_per_year)
    for bar in range(len(bars)):
        if not run.ended:
            run.trade(bar)
        run.account.mark(bar)
    run.account.list_open_lots()
    return run.account.result


class _Run(Trader):
    """One backtest of signals: the order of time in a bar."""

    def __init__(self, bars: Bars, signals: Signals, options: EngineOptions, bars_per_year: float | None) -> None:
        super().__init__(bars, options, bars_per_year)
        self.signals = signals
        self.given_levels = {name: level.tolist() for name, level in signals.prices.items()}
        self.reader = _TargetReader(self) if signals.exposure is not None else _EventReader(self)

    def trade(self, bar: int) -> None:
        options, market, account = self.options, self.market, self.account
        account.charge_borrow(bar)
        if options.fill == "next_open":
            self.act(bar, AT_OPEN, bar - 1 - options.delay)
        if not market.synthetic[bar]:
            self.check_levels(list(account.lots), bar, self.levels.gap)
            account.result.ambiguous_bars += self.check_levels(list(account.lots), bar, self.levels.exit)
            self.check_margin(bar)
        if self.ended:
            return
        if options.fill == "same_close" and bar != self.last:
            self.act(bar, AT_CLOSE, bar - options.delay)
        self.end_bar(bar)

    def act(self, bar: int, moment: str, signal_bar: int) -> None:
        is_real = not self.market.synthetic[bar]
        if signal_bar >= 0:
            self.reader.read(signal_bar)
            if is_real:
                self.reader.act(bar, moment, signal_bar)
        if is_real:
            self.close_overdue(bar, moment)

    def fill(self, bar: int, moment: str, signal_bar: int) -> Fill:
        """Return a fill at the bar's open or close for a signal, with that signal's levels and labels."""
        return Fill(
            bar,
            moment,
            self.market.usable_open(bar) if moment == AT_OPEN else self.market.close[bar],
            signal_bar,
            stop_loss=self.given("stop_loss", signal_bar),
            take_profit=self.given("take_profit", signal_bar),
            labels={event: self.label(event, signal_bar) for event in EVENTS},
        )

    def label(self, event: str, signal_bar: int) -> str:
        label = self.signals.labels.get(event, event)
        return label if isinstance(label, str) else str(label[signal_bar])

    def given(self, name: str, signal_bar: int) -> float | None:
        level = self.given_levels[name][signal_bar] if name in self.given_levels else math.nan
        return None if math.isnan(level) else level


class _TargetReader:
    """Follows a target exposure."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        assert run.signals.exposure is not None
        self.exposure = [float(value) for value in run.signals.exposure.tolist()]
        self.target = Target(run)

    def read(self, signal_bar: int) -> None:
        if not math.isnan(self.exposure[signal_bar]):
            self.target.want(self.exposure[signal_bar])

    def act(self, bar: int, moment: str, signal_bar: int) -> None:
        self.target.act(self.run.fill(bar, moment, signal_bar))


class _EventReader:
    """Follows enter and exit events; while bars are synthetic, the last bar that had any is kept."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        given = {name: getattr(run.signals, name) for name in EVENTS}
        self.events = {name: event.tolist() for name, event in given.items() if event is not None}
        self.kept: int | None = None

    def read(self, signal_bar: int) -> None:
        if any(event[signal_bar] for event in self.events.values()):
            self.kept = signal_bar

    def act(self, bar: int, moment: str, signal_bar: int) -> None:
        if self.kept is None:
            return
        run, account = self.run, self.run.account
        fill = run.fill(bar, moment, self.kept)
        asked = {name for name, event in self.events.items() if event[self.kept]}
        self.kept = None
        if account.lots and EXIT[account.side()] in asked:
            run.leave(fill, EXIT[account.side()])
        for side in (LONG, SHORT):
            if ENTER[side] in asked and account.side() != side:
                run.leave(fill, ENTER[side])
                if side == LONG or run.options.allow_short:
                    run.bring_to(fill, side, 1.0)
