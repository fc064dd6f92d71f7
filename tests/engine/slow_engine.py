"""The rules of docs/semantics.md once more, in plain Python: slow, readable, written from that page alone.

The compiled engine must give the same trades and money on every case. Nothing here is shared with it but the options
and the names of labels and reasons; where the two differ, one of them (or the page) is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from research_kit.bars.frame import Bars
from research_kit.bars.timeframe import DAY
from research_kit.engine.options import EngineOptions
from research_kit.engine.records import REASONS
from research_kit.strategy.signals import EVENTS, Signals

LONG, SHORT = 1, -1
ENTER = {LONG: "enter_long", SHORT: "enter_short"}
EXIT = {LONG: "exit_long", SHORT: "exit_short"}
AT_OPEN, INSIDE, AT_CLOSE = "open", "inside", "close"
NOTHING = 1e-9  # of what is held: a smaller difference or remainder is rounding, not an order


@dataclass(frozen=True)
class SlowTrade:
    """A closed lot or part of one, under the field names of records.TRADE; labels are text."""

    entry_bar: int
    exit_bar: int
    side: int
    quantity: float
    entry_price: float
    exit_price: float
    entry_raw: float
    exit_raw: float
    pnl: float
    commission: float
    entry_commission: float
    slippage: float
    borrow: float
    max_profit: float
    max_loss: float
    entry_label: str
    exit_label: str
    entry_signal_bar: int
    exit_signal_bar: int


@dataclass
class SlowResult:
    trades: list[SlowTrade] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    cash: list[float] = field(default_factory=list)
    units: list[float] = field(default_factory=list)
    ambiguous_bars: int = 0
    rejections: list[tuple[int, str]] = field(default_factory=list)
    liquidations: int = 0
    liquidated: bool = False
    bars_in_market: int = 0
    traded_value: float = 0.0
    total_commission: float = 0.0
    total_slippage: float = 0.0
    total_borrow: float = 0.0


@dataclass
class Lot:
    side: int
    units: float
    entry_bar: int
    moment: str
    raw: float
    price: float
    stop: float | None
    target: float | None
    commission: float
    slippage: float
    label: str
    signal_bar: int
    borrow: float = 0.0


@dataclass(frozen=True)
class Order:
    """What a signal asks for at one bar and one raw price."""

    bar: int
    moment: str
    raw: float
    signal_bar: int


@dataclass(frozen=True)
class Exit:
    """How lots close: where, when in the bar, under which name."""

    bar: int
    moment: str
    raw: float
    label: str
    signal_bar: int = -1
    is_limit: bool = False


def slow_backtest(
    bars: Bars, signals: Signals, options: EngineOptions, bars_per_year: float | None = None
) -> SlowResult:
    """Return what a backtest gives; bars per year are those of a market that never closes unless given."""
    run = _Run(bars, signals, options, bars_per_year or 365 * DAY / bars.timeframe_ns)
    for bar in range(len(bars)):
        run.step(bar)
    run.list_open_lots()
    return run.result


class _Run:
    def __init__(self, bars: Bars, signals: Signals, options: EngineOptions, bars_per_year: float) -> None:
        self.options = options
        self.bars_per_year = bars_per_year
        self.count = len(bars)
        self.time = bars.time_ns.tolist()
        self.close = bars.close.tolist()
        self.has_range = "high" in bars and "low" in bars
        self.high = bars.high.tolist() if self.has_range else self.close
        self.low = bars.low.tolist() if self.has_range else self.close
        self.open = bars.open.tolist() if "open" in bars else None
        self.synthetic = bars.synthetic.tolist() if bars.synthetic is not None else [False] * self.count
        self.reader = _TargetReader(self, signals) if signals.exposure is not None else _EventReader(self, signals)
        self.signals = signals
        self.levels = {name: level.tolist() for name, level in signals.prices.items()}
        self.cash = options.initial_cash
        self.lots: list[Lot] = []
        self.ended = False
        self.slip = options.slippage + options.spread / 2
        self.result = SlowResult()

    # the order of time in a bar

    def step(self, bar: int) -> None:
        if not self.ended:
            self.trade(bar)
        self.result.equity.append(self.cash + self.held() * self.close[bar])
        self.result.cash.append(self.cash)
        self.result.units.append(self.held())

    def trade(self, bar: int) -> None:
        delay, last = self.options.delay, bar == self.count - 1
        self.charge_borrow(bar)
        if self.options.fill == "next_open":
            self.act(Order(bar, AT_OPEN, self.usable_open(bar), bar - 1 - delay))
        if not self.synthetic[bar]:
            self.check_levels(bar)
            self.check_margin(bar)
        if self.ended:
            return
        if self.options.fill == "same_close" and not last:
            self.act(Order(bar, AT_CLOSE, self.close[bar], bar - delay))
        if self.lots:
            self.result.bars_in_market += 1
        if last and self.options.close_at_end:
            self.close_all(Exit(bar, AT_CLOSE, self.close[bar], "end_of_data"))

    def act(self, order: Order) -> None:
        if order.signal_bar >= 0:
            self.reader.read(order.signal_bar)
            if not self.synthetic[order.bar]:
                self.reader.act(order)
        if not self.synthetic[order.bar]:
            self.close_overdue(order)

    def close_overdue(self, order: Order) -> None:
        limit = self.options.time_stop
        if limit is not None:
            due = [lot for lot in self.lots if order.bar >= lot.entry_bar + limit]
            self.close_lots([(lot, lot.units) for lot in due], Exit(order.bar, order.moment, order.raw, "time_stop"))

    # prices

    def usable_open(self, bar: int) -> float:
        if self.open is None:
            raise ValueError("these bars have no open")
        if not self.has_range:
            return self.open[bar]
        return min(max(self.open[bar], self.low[bar]), self.high[bar])

    def worst(self, side: int, bar: int) -> float:
        return self.low[bar] if side == LONG else self.high[bar]

    def best(self, side: int, bar: int) -> float:
        return self.high[bar] if side == LONG else self.low[bar]

    def entry_fill(self, side: int, raw: float) -> float:
        return raw * (1 + side * self.slip)

    def exit_fill(self, side: int, raw: float, is_limit: bool = False) -> float:
        return raw if is_limit else raw * (1 - side * self.slip)

    def label(self, event: str, signal_bar: int) -> str:
        label = self.signals.labels.get(event, event)
        return label if isinstance(label, str) else str(label[signal_bar])

    # the account

    def held(self) -> float:
        """Return the units of the position, negative for a short one."""
        return sum(lot.side * lot.units for lot in self.lots)

    def side(self) -> int:
        return self.lots[0].side if self.lots else 0

    def commission(self, price: float, units: float) -> float:
        options = self.options
        if callable(options.commission):
            return options.commission(price, units)
        by_size = options.commission_per_unit * units + options.commission * units * price
        return max(options.minimum_commission, options.commission_per_order + by_size)

    def charge_borrow(self, bar: int) -> None:
        if bar == 0 or not self.lots:
            return
        years = (self.time[bar] - self.time[bar - 1]) / (365 * DAY)
        short_value = max(0.0, -self.held()) * self.close[bar - 1]
        charge = self.options.borrow_rate * years * (short_value + max(0.0, -self.cash))
        units = abs(self.held())
        for lot in self.lots:
            lot.borrow += charge * lot.units / units
        self.cash -= charge
        self.result.total_borrow += charge

    # opening

    def open_lot(self, order: Order, side: int, units: float) -> None:
        price = self.entry_fill(side, order.raw)
        commission = self.commission(price, units)
        slippage = abs(price - order.raw) * units
        self.lots.append(
            Lot(
                side=side,
                units=units,
                entry_bar=order.bar,
                moment=order.moment,
                raw=order.raw,
                price=price,
                stop=self.fixed_stop(order, side, price),
                target=self.target_level(order, side, price),
                commission=commission,
                slippage=slippage,
                label=self.label(ENTER[side], order.signal_bar),
                signal_bar=order.signal_bar,
            )
        )
        self.cash -= side * units * price + commission
        self.count_fill(units, price, commission, slippage)

    def count_fill(self, units: float, price: float, commission: float, slippage: float) -> None:
        self.result.traded_value += units * price
        self.result.total_commission += commission
        self.result.total_slippage += slippage

    def fixed_stop(self, order: Order, side: int, price: float) -> float | None:
        fraction = self.options.stop_loss
        return self.given("stop_loss", order, None if fraction is None else price * (1 - side * fraction))

    def target_level(self, order: Order, side: int, price: float) -> float | None:
        fraction = self.options.take_profit
        return self.given("take_profit", order, None if fraction is None else price * (1 + side * fraction))

    def given(self, name: str, order: Order, otherwise: float | None) -> float | None:
        level = self.levels[name][order.signal_bar] if name in self.levels else math.nan
        return otherwise if math.isnan(level) else level

    def reject(self, order: Order, reason: str) -> None:
        assert reason in REASONS
        self.result.rejections.append((order.bar, reason))

    def bring_to(self, order: Order, side: int, exposure: float) -> None:
        """Open a position of this exposure, or bring the one that is held to it."""
        held = abs(self.held())
        equity = self.cash + self.held() * order.raw
        price = self.entry_fill(side, order.raw)
        units, reason = self.sized(order, side, exposure, equity)
        change = units - held
        if reason:
            self.reject(order, reason)
        elif abs(change) <= NOTHING * held:
            return
        elif change < 0:
            self.reduce(order, -change)
        elif units * price + self.commission(price, change) > self.options.leverage * equity * (1 + 1e-9):
            self.reject(order, "insufficient_cash")
        else:
            self.open_lot(order, side, change)

    # size

    def sized(self, order: Order, side: int, exposure: float, equity: float) -> tuple[float, str]:
        """Return the units of the whole position, and why it cannot be (empty when it can)."""
        options, price = self.options, self.entry_fill(side, order.raw)
        amount = exposure * options.size
        if order.raw <= 0 and options.sizing != "units":
            return 0.0, "price_not_positive"
        if options.sizing == "risk":
            stop = self.first_stop(order, side, price)
            if stop is None:
                return 0.0, "no_stop"
            units = self.units_at_risk(price, self.exit_fill(side, stop), amount * equity)
        elif options.sizing == "volatility":
            volatility = self.volatility(order)
            if volatility is None:
                return 0.0, "no_volatility"
            share = min(amount / volatility, options.leverage) if volatility > 0 else options.leverage
            units = self.units_for_budget(price, share * equity)
        elif options.sizing == "units":
            units = amount
        else:
            units = self.units_for_budget(price, amount * equity if options.sizing == "fraction" else amount)
        units = self.rounded(units)
        return units, "" if units > 0 else "too_small"

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
            return solve(lambda units: units * price + self.commission(price, units), budget, budget / price)
        by_minimum = (budget - options.minimum_commission) / price
        per_unit = price + options.commission_per_unit + options.commission * price
        return min(by_minimum, (budget - options.commission_per_order) / per_unit)

    def units_at_risk(self, price: float, stop_price: float, budget: float) -> float:
        """Return the units that lose the budget when the stop is filled at its level."""
        options, distance = self.options, abs(price - stop_price)
        if callable(options.commission):

            def loss(units: float) -> float:
                return units * distance + self.commission(price, units) + self.commission(stop_price, units)

            return solve(loss, budget, budget / distance if distance else math.inf)
        loss_per_unit = distance + options.commission * (price + stop_price) + 2 * options.commission_per_unit
        return budget / loss_per_unit if loss_per_unit else math.inf

    def first_stop(self, order: Order, side: int, price: float) -> float | None:
        """Return the stop that a lot opened now would have at once."""
        stops = [self.fixed_stop(order, side, price)]
        if self.options.trailing_stop is not None:
            stops.append(price * (1 - side * self.options.trailing_stop))
        return nearest_stop(side, [stop for stop in stops if stop is not None])

    def volatility(self, order: Order) -> float | None:
        window = self.options.volatility_window
        last = order.bar if order.moment == AT_CLOSE else order.bar - 1
        if last < window:
            return None
        returns = [self.close[at] / self.close[at - 1] - 1 for at in range(last - window + 1, last + 1)]
        mean = math.fsum(returns) / window
        variance = math.fsum((value - mean) ** 2 for value in returns) / (window - 1)
        return math.sqrt(variance) * math.sqrt(self.bars_per_year)

    # closing

    def close_all(self, how: Exit) -> None:
        self.close_lots([(lot, lot.units) for lot in self.lots], how)

    def reduce(self, order: Order, units: float) -> None:
        """Close this many units, the oldest lots first."""
        crumb = NOTHING * abs(self.held())
        label = self.label(EXIT[self.side()], order.signal_bar)
        parts: list[tuple[Lot, float]] = []
        for lot in self.lots:
            if units <= crumb:
                break
            part = lot.units if units > lot.units - crumb else units
            parts.append((lot, part))
            units -= part
        self.close_lots(parts, Exit(order.bar, order.moment, order.raw, label, order.signal_bar))

    def close_lots(self, parts: list[tuple[Lot, float]], how: Exit) -> None:
        """Close parts of lots as one order."""
        if not parts:
            return
        total = sum(units for _, units in parts)
        price = self.exit_fill(parts[0][0].side, how.raw, how.is_limit)
        commission = self.commission(price, total)
        for lot, units in parts:
            self.close_part(lot, units, how, commission * units / total)

    def close_part(self, lot: Lot, units: float, how: Exit, commission: float) -> None:
        price = self.exit_fill(lot.side, how.raw, how.is_limit)
        slippage = abs(price - how.raw) * units
        self.cash += lot.side * units * price - commission
        self.count_fill(units, price, commission, slippage)
        self.result.trades.append(self.trade_of(lot, units, how, price, commission, slippage))
        self.shrink(lot, units)

    def trade_of(
        self, lot: Lot, units: float, how: Exit, price: float, commission: float, slippage: float
    ) -> SlowTrade:
        share = units / lot.units
        entry_commission, borrow = lot.commission * share, lot.borrow * share
        seen = [lot.side * units * (p - lot.price) - entry_commission for p in self.prices_seen(lot, how)]
        gross = lot.side * units * (price - lot.price)
        return SlowTrade(
            entry_bar=lot.entry_bar,
            exit_bar=how.bar,
            side=lot.side,
            quantity=units,
            entry_price=lot.price,
            exit_price=price,
            entry_raw=lot.raw,
            exit_raw=how.raw,
            pnl=gross - entry_commission - commission - borrow,
            commission=entry_commission + commission,
            entry_commission=entry_commission,
            slippage=lot.slippage * share + slippage,
            borrow=borrow,
            max_profit=max(seen),
            max_loss=min(seen),
            entry_label=lot.label,
            exit_label=how.label,
            entry_signal_bar=lot.signal_bar,
            exit_signal_bar=how.signal_bar,
        )

    def prices_seen(self, lot: Lot, how: Exit) -> list[float]:
        """Return the prices between which a trade's best and worst moment lie."""
        first = lot.entry_bar if lot.moment == AT_OPEN else lot.entry_bar + 1
        whole_bars = list(range(first, how.bar))
        if how.moment == AT_CLOSE:
            whole_bars.append(how.bar)
        prices = [lot.raw, how.raw]
        prices += [self.high[bar] for bar in whole_bars] + [self.low[bar] for bar in whole_bars]
        if how.moment == INSIDE and self.open is not None:
            prices.append(self.usable_open(how.bar))
        return prices

    def shrink(self, lot: Lot, units: float) -> None:
        left = 1 - units / lot.units
        if left == 0:
            self.lots = [other for other in self.lots if other is not lot]
            return
        lot.units -= units
        lot.commission *= left
        lot.slippage *= left
        lot.borrow *= left

    def list_open_lots(self) -> None:
        last = self.count - 1
        for lot in self.lots:
            unknown = Exit(-1, AT_CLOSE, math.nan, "")
            marked = self.trade_of(lot, lot.units, Exit(last, AT_CLOSE, self.close[last], ""), math.nan, 0.0, 0.0)
            self.result.trades.append(SlowTrade(**{**vars(marked), "exit_bar": unknown.bar, "exit_raw": unknown.raw}))

    # stops, targets, liquidation

    def check_levels(self, bar: int) -> None:
        """Let each lot's levels act, unless the account is gone already at the price where they would."""
        cash, held, ambiguous = self.cash, self.held(), False
        for lot in list(self.lots):
            if lot.moment == AT_CLOSE and lot.entry_bar == bar:
                continue
            how, both = self.level_exit(lot, bar)
            ambiguous = ambiguous or both
            if how is not None and not self.under_margin(cash, held, how.raw):
                self.close_lots([(lot, lot.units)], how)
        self.result.ambiguous_bars += ambiguous

    def level_exit(self, lot: Lot, bar: int) -> tuple[Exit | None, bool]:
        """Return the exit that a lot's levels make on a bar, and whether both levels lie inside it."""
        side, stop, stop_label = lot.side, *self.acting_stop(lot, bar)
        if stop is None and lot.target is None:
            return None, False
        opened, worst, best = self.usable_open(bar), self.worst(side, bar), self.best(side, bar)
        at_stop = Exit(bar, INSIDE, stop, stop_label) if stop is not None else None
        at_target = Exit(bar, INSIDE, lot.target, "take_profit", is_limit=True) if lot.target is not None else None
        if stop is not None and side * opened <= side * stop:
            return Exit(bar, INSIDE, opened, stop_label), False
        if lot.target is not None and side * opened >= side * lot.target:
            return Exit(bar, INSIDE, opened, "take_profit", is_limit=True), False
        stop_reached = stop is not None and side * worst <= side * stop
        target_reached = lot.target is not None and side * best >= side * lot.target
        if stop_reached and target_reached:
            return (at_stop if self.stop_is_first(opened, stop, lot.target) else at_target), True
        if stop_reached:
            return at_stop, False
        return (at_target if target_reached else None), False

    def stop_is_first(self, opened: float, stop: float, target: float) -> bool:
        rule = self.options.intrabar
        return rule == "stop_first" or (rule == "nearest_open" and abs(opened - stop) <= abs(target - opened))

    def acting_stop(self, lot: Lot, bar: int) -> tuple[float | None, str]:
        trailing = self.trailing_level(lot, bar)
        stops = [stop for stop in (lot.stop, trailing) if stop is not None]
        stop = nearest_stop(lot.side, stops)
        is_trailing = trailing is not None and (lot.stop is None or lot.side * trailing > lot.side * lot.stop)
        return stop, "trailing_stop" if is_trailing else "stop_loss"

    def trailing_level(self, lot: Lot, bar: int) -> float | None:
        fraction = self.options.trailing_stop
        if fraction is None:
            return None
        first = lot.entry_bar if lot.moment == AT_OPEN else lot.entry_bar + 1
        completed = [self.best(lot.side, at) for at in range(first, bar)]
        best = max([lot.price, *completed]) if lot.side == LONG else min([lot.price, *completed])
        return best * (1 - lot.side * fraction)

    def under_margin(self, cash: float, units: float, price: float) -> bool:
        return cash + units * price <= self.options.maintenance_margin * abs(units) * price

    def check_margin(self, bar: int) -> None:
        lots = [lot for lot in self.lots if not (lot.moment == AT_CLOSE and lot.entry_bar == bar)]
        if not lots:
            return
        adverse = self.worst(self.side(), bar)
        if self.under_margin(self.cash, self.held(), adverse):
            self.close_all(Exit(bar, INSIDE, adverse, "liquidation"))
            self.result.liquidations += 1
            self.ended = self.result.liquidated = self.cash <= 0


def nearest_stop(side: int, stops: list[float]) -> float | None:
    """Return the stop that is reached first: the higher one of a long lot."""
    if not stops:
        return None
    return max(stops) if side == LONG else min(stops)


def solve(cost: Callable[[float], float], budget: float, most: float) -> float:
    """Return the units at which a cost that grows with them makes the budget, by bisection; 0 if there are none."""
    if cost(0.0) >= budget:
        return 0.0
    low, high = 0.0, most
    if math.isinf(most):
        high = 1.0
        while cost(high) < budget and high < 1e300:
            high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if cost(middle) <= budget:
            low = middle
        else:
            high = middle
    return low


class _TargetReader:
    """Follows a target exposure: what is wanted, and what the last order asked for."""

    def __init__(self, run: _Run, signals: Signals) -> None:
        self.run = run
        self.exposure = [float(value) for value in signals.exposure.tolist()]
        self.wanted = 0.0
        self.ordered = 0.0

    def read(self, signal_bar: int) -> None:
        value = self.exposure[signal_bar]
        if not math.isnan(value):
            self.wanted = max(value, 0.0) if not self.run.options.allow_short else value

    def act(self, order: Order) -> None:
        run, wanted = self.run, self.wanted
        again = run.options.rebalance and run.lots and wanted != 0
        if wanted == self.ordered and not again:
            return
        self.ordered = wanted
        side = 0 if wanted == 0 else LONG if wanted > 0 else SHORT
        if run.lots and side != run.side():
            event = EXIT[run.side()] if side == 0 else ENTER[side]
            label = run.label(event, order.signal_bar)
            run.close_all(Exit(order.bar, order.moment, order.raw, label, order.signal_bar))
        if side != 0:
            run.bring_to(order, side, abs(wanted))


class _EventReader:
    """Follows enter and exit events; on synthetic bars the last bar that had any is kept."""

    def __init__(self, run: _Run, signals: Signals) -> None:
        self.run = run
        self.events = {name: [False] * len(signals) for name in EVENTS}
        for name in EVENTS:
            if getattr(signals, name) is not None:
                self.events[name] = getattr(signals, name).tolist()
        self.kept: int | None = None

    def read(self, signal_bar: int) -> None:
        if any(self.events[name][signal_bar] for name in EVENTS):
            self.kept = signal_bar

    def act(self, order: Order) -> None:
        if self.kept is None:
            return
        kept, self.kept = self.kept, None
        asked = {name for name in EVENTS if self.events[name][kept]}
        if "enter_short" in asked and not self.run.options.allow_short:
            asked = asked - {"enter_short"} | {"exit_long"}
        order = Order(order.bar, order.moment, order.raw, kept)
        if self.run.lots and EXIT[self.run.side()] in asked:
            self.leave(order, EXIT[self.run.side()])
        for side in (LONG, SHORT):
            if ENTER[side] in asked and self.run.side() != side:
                self.leave(order, ENTER[side])
                self.run.bring_to(order, side, 1.0)

    def leave(self, order: Order, event: str) -> None:
        label = self.run.label(event, order.signal_bar)
        self.run.close_all(Exit(order.bar, order.moment, order.raw, label, order.signal_bar))
