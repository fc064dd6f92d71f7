"""The rules of docs/semantics.md once more, in plain Python: slow, readable, written from that page alone.

The compiled engine must give the same trades and money on every case. Nothing here is shared with it but the options
and the names of labels and reasons; where the two differ, one of them (or the page) is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from slow_account import AT_CLOSE, AT_OPEN, INSIDE, LONG, NOTHING, SHORT, Account, Exit, Lot, Market, SlowResult, moved

from research_kit.bars.frame import Bars
from research_kit.bars.timeframe import DAY
from research_kit.engine.options import EngineOptions
from research_kit.engine.records import LABELS, REASONS
from research_kit.strategy.signals import EVENTS, Signals

ENTER = {LONG: "enter_long", SHORT: "enter_short"}
EXIT = {LONG: "exit_long", SHORT: "exit_short"}


@dataclass(frozen=True)
class Order:
    """What a signal asks for at one bar and one raw price."""

    bar: int
    moment: str
    raw: float
    signal_bar: int

    def exit(self, label: str) -> Exit:
        return Exit(self.bar, self.moment, self.raw, label, self.signal_bar)


def slow_backtest(
    bars: Bars, signals: Signals, options: EngineOptions, bars_per_year: float | None = None
) -> SlowResult:
    """Return what a backtest gives; bars per year are those of a market that never closes unless given."""
    run = _Run(bars, signals, options, bars_per_year or 365 * DAY / bars.timeframe_ns)
    for bar in range(len(bars)):
        if not run.ended:
            run.trade(bar)
        run.account.mark(bar)
    run.account.list_open_lots()
    return run.account.result


class _Run:
    """One backtest: the order of time in a bar, what signals do, size, stops and liquidation."""

    def __init__(self, bars: Bars, signals: Signals, options: EngineOptions, bars_per_year: float) -> None:
        self.options = options
        self.signals = signals
        self.bars_per_year = bars_per_year
        self.last = len(bars) - 1
        self.market = Market(bars)
        self.account = Account(self.market, options)
        self.given_levels = {name: level.tolist() for name, level in signals.prices.items()}
        self.reader = _TargetReader(self) if signals.exposure is not None else _EventReader(self)
        self.ended = False

    # the order of time in a bar

    def trade(self, bar: int) -> None:
        options, market, account = self.options, self.market, self.account
        account.charge_borrow(bar)
        if options.fill == "next_open":
            self.act(Order(bar, AT_OPEN, market.usable_open(bar), bar - 1 - options.delay))
        if not market.synthetic[bar]:
            self.check_levels(bar)
            self.check_margin(bar)
        if self.ended:
            return
        if options.fill == "same_close" and bar != self.last:
            self.act(Order(bar, AT_CLOSE, market.close[bar], bar - options.delay))
        if account.lots:
            account.result.bars_in_market += 1
        if bar == self.last and options.close_at_end:
            account.close_all(named(bar, AT_CLOSE, market.close[bar], "end_of_data"))

    def act(self, order: Order) -> None:
        is_real = not self.market.synthetic[order.bar]
        if order.signal_bar >= 0:
            self.reader.read(order.signal_bar)
            if is_real:
                self.reader.act(order)
        if is_real:
            self.close_overdue(order)

    def close_overdue(self, order: Order) -> None:
        limit = self.options.time_stop
        if limit is not None:
            due = [(lot, lot.units) for lot in self.account.lots if order.bar >= lot.entry_bar + limit]
            self.account.close_lots(due, named(order.bar, order.moment, order.raw, "time_stop"))

    # what a signal does

    def label(self, event: str, signal_bar: int) -> str:
        label = self.signals.labels.get(event, event)
        return label if isinstance(label, str) else str(label[signal_bar])

    def leave(self, order: Order, event: str) -> None:
        self.account.close_all(order.exit(self.label(event, order.signal_bar)))

    def bring_to(self, order: Order, side: int, exposure: float) -> None:
        """Open a position of this exposure, or bring the one that is held to it."""
        account = self.account
        held, equity, price = abs(account.held()), account.equity(order.raw), account.entry_fill(side, order.raw)
        units, reason = self.sized(order, side, exposure, equity)
        change = units - held
        if reason:
            self.reject(order, reason)
        elif abs(change) <= NOTHING * held:
            return
        elif change < 0:
            account.reduce(-change, order.exit(self.label(EXIT[side], order.signal_bar)))
        elif units * abs(price) + account.commission(price, change) > self.options.leverage * equity * (1 + 1e-9):
            self.reject(order, "insufficient_cash")
        else:
            account.open_lot(self.new_lot(order, side, change))

    def reject(self, order: Order, reason: str) -> None:
        assert reason in REASONS
        self.account.result.rejections.append((order.bar, reason))

    def new_lot(self, order: Order, side: int, units: float) -> Lot:
        price = self.account.entry_fill(side, order.raw)
        return Lot(
            side=side,
            units=units,
            entry_bar=order.bar,
            moment=order.moment,
            raw=order.raw,
            price=price,
            stop=self.fixed_stop(order, side, price),
            target=self.target_level(order, side, price),
            commission=self.account.commission(price, units),
            slippage=abs(price - order.raw) * units,
            label=self.label(ENTER[side], order.signal_bar),
            signal_bar=order.signal_bar,
        )

    def fixed_stop(self, order: Order, side: int, price: float) -> float | None:
        fraction = self.options.stop_loss
        return self.given("stop_loss", order, None if fraction is None else moved(price, -side * fraction))

    def target_level(self, order: Order, side: int, price: float) -> float | None:
        fraction = self.options.take_profit
        return self.given("take_profit", order, None if fraction is None else moved(price, side * fraction))

    def given(self, name: str, order: Order, otherwise: float | None) -> float | None:
        level = self.given_levels[name][order.signal_bar] if name in self.given_levels else math.nan
        return otherwise if math.isnan(level) else level

    # size

    def sized(self, order: Order, side: int, exposure: float, equity: float) -> tuple[float, str]:
        """Return the units of the whole position, and why there is none (empty when there is one)."""
        options, price, reason = self.options, self.account.entry_fill(side, order.raw), ""
        amount = exposure * options.size
        if order.raw <= 0 and options.sizing != "units":
            return 0.0, "price_not_positive"
        if options.sizing == "risk":
            units, reason = self.units_at_risk(order, side, amount * equity)
        elif options.sizing == "volatility":
            units, reason = self.units_by_volatility(order, price, amount, equity)
        elif options.sizing == "units":
            units = amount
        else:
            units = self.units_for_budget(price, amount * equity if options.sizing == "fraction" else amount)
        units = self.rounded(units)
        return units, reason or ("" if units > 0 else "too_small")

    def rounded(self, units: float) -> float:
        if self.options.whole_units and math.isfinite(units):
            units = float(math.floor(units + 1e-9))
        if self.options.lot > 0 and math.isfinite(units):
            units = math.floor(units / self.options.lot + 1e-9) * self.options.lot
        return units

    def units_for_budget(self, price: float, budget: float) -> float:
        """Return the units whose value and commission make the budget exactly."""
        options = self.options
        if callable(options.commission):
            return solve(lambda units: units * price + self.account.commission(price, units), budget, budget / price)
        by_minimum = (budget - options.minimum_commission) / price
        per_unit = price + options.commission_per_unit + options.commission * price
        return min(by_minimum, (budget - options.commission_per_order) / per_unit)

    def units_at_risk(self, order: Order, side: int, budget: float) -> tuple[float, str]:
        """Return the units that lose the budget when the stop is filled at its level."""
        options, account = self.options, self.account
        price = account.entry_fill(side, order.raw)
        stop = self.first_stop(order, side, price)
        if stop is None:
            return 0.0, "no_stop"
        stop_price = account.exit_fill(side, stop)
        distance = abs(price - stop_price)
        loss_per_unit = distance
        if not callable(options.commission):
            loss_per_unit += options.commission * (price + stop_price) + 2 * options.commission_per_unit
        return (budget / loss_per_unit if loss_per_unit else math.inf), ""

    def first_stop(self, order: Order, side: int, price: float) -> float | None:
        """Return the stop that a lot opened now would have at once."""
        trailing = self.options.trailing_stop
        return nearest_stop(
            side, self.fixed_stop(order, side, price), None if trailing is None else moved(price, -side * trailing)
        )

    def units_by_volatility(self, order: Order, price: float, amount: float, equity: float) -> tuple[float, str]:
        leverage = self.options.leverage
        volatility = self.volatility(order.bar if order.moment == AT_CLOSE else order.bar - 1)
        if volatility is None:
            return 0.0, "no_volatility"
        share = min(amount / volatility, leverage) if volatility > 0 else leverage
        return self.units_for_budget(price, share * equity), ""

    def volatility(self, last: int) -> float | None:
        """Return the yearly volatility of the returns up to a bar, None where they are too few or mean nothing."""
        window, close = self.options.volatility_window, self.market.close
        if last < window or min(close[last - window : last + 1]) <= 0:
            return None
        returns = [close[at] / close[at - 1] - 1 for at in range(last - window + 1, last + 1)]
        mean = math.fsum(returns) / window
        variance = math.fsum((value - mean) ** 2 for value in returns) / (window - 1)
        return math.sqrt(variance) * math.sqrt(self.bars_per_year)

    # stops, targets, liquidation

    def check_levels(self, bar: int) -> None:
        """Let each lot's levels act, unless the account is gone already at the price where they would."""
        account, ambiguous = self.account, False
        cash, held = account.cash, account.held()
        for lot in account.lots:
            if lot.moment == AT_CLOSE and lot.entry_bar == bar:
                continue
            how, both = self.level_exit(lot, bar)
            ambiguous = ambiguous or both
            if how is not None and not self.under_margin(cash, held, how.raw):
                account.close_lots([(lot, lot.units)], how)
        account.result.ambiguous_bars += ambiguous

    def level_exit(self, lot: Lot, bar: int) -> tuple[Exit | None, bool]:
        """Return the exit that a lot's levels make on a bar, and whether both levels lie inside it."""
        side, target, (stop, stop_label) = lot.side, lot.target, self.acting_stop(lot, bar)
        if stop is None and target is None:
            return None, False
        opened = self.market.usable_open(bar)
        if stop is not None and side * opened <= side * stop:
            return named(bar, INSIDE, opened, stop_label), False
        if target is not None and side * opened >= side * target:
            return Exit(bar, INSIDE, opened, "take_profit", is_limit=True), False
        by_stop = by_target = None
        if stop is not None and side * self.market.worst(side, bar) <= side * stop:
            by_stop = named(bar, INSIDE, stop, stop_label)
        if target is not None and side * self.market.best(side, bar) >= side * target:
            by_target = Exit(bar, INSIDE, target, "take_profit", is_limit=True)
        if by_stop and by_target:
            return by_target if self.target_is_first(opened, by_stop.raw, by_target.raw) else by_stop, True
        return by_stop or by_target, False

    def target_is_first(self, opened: float, stop: float, target: float) -> bool:
        rule = self.options.intrabar
        return rule == "target_first" or (rule == "nearest_open" and abs(target - opened) < abs(opened - stop))

    def acting_stop(self, lot: Lot, bar: int) -> tuple[float | None, str]:
        trailing = self.trailing_level(lot, bar)
        trails = trailing is not None and (lot.stop is None or lot.side * trailing > lot.side * lot.stop)
        return nearest_stop(lot.side, lot.stop, trailing), "trailing_stop" if trails else "stop_loss"

    def trailing_level(self, lot: Lot, bar: int) -> float | None:
        fraction = self.options.trailing_stop
        if fraction is None:
            return None
        first = lot.entry_bar if lot.moment == AT_OPEN else lot.entry_bar + 1
        seen = [lot.price] + [self.market.best(lot.side, at) for at in range(first, bar)]
        return moved(max(seen) if lot.side == LONG else min(seen), -lot.side * fraction)

    def under_margin(self, cash: float, units: float, price: float) -> bool:
        return cash + units * price <= self.options.maintenance_margin * abs(units) * abs(price)

    def check_margin(self, bar: int) -> None:
        account = self.account
        if not account.lots:
            return
        adverse = self.market.worst(account.side(), bar)
        if self.under_margin(account.cash, account.held(), adverse):
            account.close_all(named(bar, INSIDE, adverse, "liquidation"))
            account.result.liquidations += 1
            self.ended = account.result.liquidated = account.cash <= 0


class _TargetReader:
    """Follows a target exposure: what is wanted, and what the last order asked for."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        assert run.signals.exposure is not None
        self.exposure = [float(value) for value in run.signals.exposure.tolist()]
        self.wanted = 0.0
        self.ordered = 0.0

    def read(self, signal_bar: int) -> None:
        value = self.exposure[signal_bar]
        if not math.isnan(value):
            self.wanted = value if self.run.options.allow_short else max(value, 0.0)

    def act(self, order: Order) -> None:
        account, wanted = self.run.account, self.wanted
        again = self.run.options.rebalance and account.lots and wanted != 0
        if wanted == self.ordered and not again:
            return
        self.ordered = wanted
        side = 0 if wanted == 0 else LONG if wanted > 0 else SHORT
        if account.lots and side != account.side():
            self.run.leave(order, EXIT[account.side()] if side == 0 else ENTER[side])
        if side != 0:
            self.run.bring_to(order, side, abs(wanted))


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

    def act(self, order: Order) -> None:
        if self.kept is None:
            return
        run, account = self.run, self.run.account
        order = Order(order.bar, order.moment, order.raw, self.kept)
        asked = {name for name, event in self.events.items() if event[self.kept]}
        self.kept = None
        if account.lots and EXIT[account.side()] in asked:
            run.leave(order, EXIT[account.side()])
        for side in (LONG, SHORT):
            if ENTER[side] in asked and account.side() != side:
                run.leave(order, ENTER[side])
                if side == LONG or run.options.allow_short:
                    run.bring_to(order, side, 1.0)


def named(bar: int, moment: str, raw: float, label: str) -> Exit:
    """Return an exit that no signal asked for, under one of the engine's own names."""
    assert label in LABELS
    return Exit(bar, moment, raw, label)


def nearest_stop(side: int, *stops: float | None) -> float | None:
    """Return the stop that is reached first: the higher one of a long lot."""
    there = [stop for stop in stops if stop is not None]
    if not there:
        return None
    return max(there) if side == LONG else min(there)


def solve(cost: Callable[[float], float], budget: float, most: float) -> float:
    """Return the units at which a cost that grows with them makes the budget, by bisection; 0 where there are none."""
    if cost(0.0) >= budget:
        return 0.0
    low, high = 0.0, most
    for _ in range(200):
        middle = (low + high) / 2
        if cost(middle) <= budget:
            low = middle
        else:
            high = middle
    return low
