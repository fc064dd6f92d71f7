"""The section *Orders* of docs/semantics.md in plain Python: strategies with ``on_bar``, from that page alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Protocol

from slow_account import AT_CLOSE, AT_OPEN, INSIDE, LONG, NOTHING, SHORT, Exit, Fill, Lot, SlowResult
from slow_book import CANCELLED, EXPIRED, FILLED, KEEP, REJECTED, WAITING, Book, OrderRecord, SlowContext, SlowOrder
from slow_trader import ENTER, EXIT, Target, Trader

from research_kit.bars.frame import Bars
from research_kit.engine.options import EngineOptions

WAY = {"buy": LONG, "sell": SHORT}


class AsksEachBar(Protocol):
    """A strategy with ``on_bar``; it may have ``wake(bars, indicators)`` as well."""

    def on_bar(self, ctx: Any) -> None: ...


@dataclass
class SlowOrderResult(SlowResult):
    """A result with the orders that were made, and a count of the rules that they reached."""

    orders: list[OrderRecord] = field(default_factory=list)
    reached: Counter[str] = field(default_factory=Counter)


def slow_order_backtest(
    bars: Bars, strategy: AsksEachBar, options: EngineOptions, bars_per_year: float | None = None
) -> SlowOrderResult:
    """Return what a backtest of orders gives."""
    run = _OrderRun(bars, strategy, options, bars_per_year)
    for bar in range(len(bars)):
        if not run.ended:
            run.trade(bar)
        run.account.mark(bar)
    run.account.list_open_lots()
    orders = run.book.orders
    run.reached.update(f"{order.kind} {order.state} {order.story}".strip() for order in orders)
    return SlowOrderResult(**vars(run.account.result), orders=[order.record() for order in orders], reached=run.reached)


class _OrderRun(Trader):
    """One backtest of orders: the order of time in a bar, and how each kind of order fills."""

    def __init__(self, bars: Bars, strategy: AsksEachBar, options: EngineOptions, bars_per_year: float | None) -> None:
        super().__init__(bars, options, bars_per_year)
        self.bars = bars
        self.delay = options.delay
        self.strategy = strategy
        self.wake = strategy.wake(bars, {}).tolist() if hasattr(strategy, "wake") else None
        self.told = 0
        self.reached: Counter[str] = Counter()
        self.state = SimpleNamespace()
        self.book = Book()
        self.target = Target(self)
        self.newest_target: SlowOrder | None = None
        self.account.on_flat = self.book.cancel_closing

    # the order of time in a bar

    def trade(self, bar: int) -> None:
        is_real, at_close = not self.market.synthetic[bar], self.options.fill == "same_close"
        self.account.charge_borrow(bar)
        self.book.expire_before(self.market.time[bar], bar)
        for order in self.book.waiting("protect", bar=bar):
            self.protect(order, bar)
        if not at_close:
            self.read_targets(bar)
        if is_real:
            self.at_open(bar)
            self.inside(bar)
            self.check_margin(bar)
        if self.ended:
            self.book.end()
            return
        self.book.expire_after(bar)
        self.ask(bar)
        if at_close and bar != self.last:
            self.read_targets(bar + 1)
            if is_real:
                self.at_close(bar)
        if bar == self.last:
            self.account.on_flat = lambda: None  # the end of the data cancels nothing
        self.end_bar(bar)

    def ask(self, bar: int) -> None:
        """Call the strategy, unless it sleeps and nothing happened since it was called last."""
        over = [order for order in self.book.orders if order.state in (FILLED, REJECTED, EXPIRED)]
        happened = len(over) + len(self.account.result.trades)
        if self.wake is None or self.wake[bar] or happened != self.told:
            self.told = happened
            self.strategy.on_bar(SlowContext(self, bar))

    def protect(self, order: SlowOrder, bar: int) -> None:
        for lot in self.account.lots:
            if order.stop_loss is not KEEP:
                lot.stop = _level_or_none(order.stop_loss)
            if order.take_profit is not KEEP:
                lot.target = _level_or_none(order.take_profit)
        order.fill(bar)

    # 1. at the open

    def at_open(self, bar: int) -> None:
        is_acting = self.options.fill == "next_open"
        idle = []
        for order in self.book.waiting("buy", "sell", "close", bar=bar):
            if order.is_market:
                if is_acting:
                    self.fill(order, order.meet(bar, AT_OPEN, self.market.usable_open(bar)))
            elif self.way(order) == 0:
                idle.append(order)
            else:
                self.try_open(order, bar)
        if is_acting:
            self.act_target(bar, AT_OPEN)
            self.close_overdue(bar, AT_OPEN)
        for order in idle:  # the position that they close may have opened after their turn
            if order.state == WAITING and self.way(order) != 0:
                self.try_open(order, bar)
                self.reached["a turn once more"] += order.state == FILLED

    def try_open(self, order: SlowOrder, bar: int) -> None:
        """Fill an order that the open reaches."""
        way, opened = self.way(order), self.market.usable_open(bar)
        if order.acts_as_stop:
            if way * opened < way * order.level:
                return
            order.is_triggered = order.limit is not None
        if order.acts_as_stop or way * opened <= way * order.level:
            self.fill(order, order.meet(bar, AT_OPEN, opened))
        else:
            self.reached["stop-limit, beyond its limit at the open"] += order.is_triggered

    # 2. inside the bar

    def inside(self, bar: int) -> None:
        closing = list(self.book.waiting("close", bar=bar))
        stops = [order for order in closing if not order.is_market and order.acts_as_stop]
        limits = [order for order in closing if not order.is_market and not order.acts_as_stop]
        first, then = (limits, stops) if self.options.intrabar == "target_first" else (stops, limits)
        self.check_held("gap", bar, self.levels.gap)
        self.try_inside(first, bar)
        ambiguous = self.check_held("held", bar, self.levels.exit)
        self.try_inside(then, bar)
        self.try_inside(self.nearest_first(bar), bar)
        ambiguous |= self.check_held("new", bar, self.levels.inside_exit)
        self.account.result.ambiguous_bars += ambiguous

    def check_held(self, which: str, bar: int, exit_of: Callable[[Lot, int], tuple[Exit | None, bool]]) -> bool:
        """Let the levels act of the lots that are open now, or of those that are new inside this bar."""
        is_new = which == "new"
        lots = [lot for lot in self.account.lots if not is_new or (lot.moment == INSIDE and lot.entry_bar == bar)]
        trades, held_back = len(self.account.result.trades), self.held_back
        ambiguous = self.check_levels(lots, bar, exit_of)
        self.reached[f"ambiguous {which} lots, {self.options.intrabar}"] += ambiguous
        self.reached[f"held back {which} lots"] += self.held_back - held_back
        self.reached.update(f"{trade.exit_label} of {which} lots" for trade in self.account.result.trades[trades:])
        return ambiguous

    def nearest_first(self, bar: int) -> list[SlowOrder]:
        orders = [order for order in self.book.waiting("buy", "sell", bar=bar) if not order.is_market]
        return sorted(orders, key=lambda order: abs(order.level - self.market.usable_open(bar)))

    def try_inside(self, orders: list[SlowOrder], bar: int) -> None:
        """Fill, one after the other, the orders whose level lies inside the bar."""
        for order in orders:
            way, level, by_stop = self.way(order), order.level, order.acts_as_stop
            if order.state != WAITING or way == 0:
                continue
            met = self.market.best(way, bar) if by_stop else self.market.worst(way, bar)
            if (way * met < way * level) if by_stop else (way * met > way * level):
                continue
            if by_stop and order.limit is not None:
                order.is_triggered = True
                if way * level > way * order.limit:
                    self.reached["stop-limit, beyond its limit inside"] += 1
                    continue
            if self.account.lots and self.under_margin(level):
                self.reached["held back by the margin"] += 1
            else:
                self.fill(order, order.meet(bar, INSIDE, level, by_stop=by_stop))

    # 3. at the close

    def at_close(self, bar: int) -> None:
        for order in self.book.waiting("buy", "sell", "close", bar=bar + 1):
            if order.is_market:
                self.fill(order, order.meet(bar, AT_CLOSE, self.market.close[bar]))
        self.act_target(bar, AT_CLOSE)
        self.close_overdue(bar, AT_CLOSE)

    # filling

    def way(self, order: SlowOrder) -> int:
        """Return 1 where an order buys, -1 where it sells, 0 for a closing order of a flat position."""
        return WAY.get(order.kind, -self.account.side())

    def fill(self, order: SlowOrder, fill: Fill) -> None:
        way = self.way(order)
        act = self.close_part if order.kind == "close" else self.trade_size if order.units is None else self.trade_units
        self.note(order, fill, lambda: act(order, fill, way))
        if order.state != CANCELLED:
            order.story = f"{order.form}, {fill.moment}"
        if order.filled_units:
            order.filled_price = self.account.entry_fill(way, fill.raw, fill.is_limit)

    def note(self, order: SlowOrder, fill: Fill, act: Callable[[], None]) -> None:
        """Let an order act, and write down what it traded or why it did not."""
        held, rejections = self.account.held(), len(self.account.result.rejections)
        act()
        order.filled_units = self.account.held() - held
        is_rejected = len(self.account.result.rejections) > rejections
        if order.filled_units or (order.kind == "target" and not is_rejected):
            order.fill(fill.bar)
        else:
            order.end(*((REJECTED,) if is_rejected else (CANCELLED, "nothing to close")))

    def trade_size(self, order: SlowOrder, fill: Fill, way: int) -> None:
        """Close the opposite position, and open a further lot of this size."""
        if self.account.side() == -way:
            self.leave(fill, ENTER[way])
        if way == SHORT and not self.options.allow_short:
            self.reject(fill, "short_not_allowed")
            return
        equity = self.account.equity(fill.raw)
        units, reason = self.sizes.sized(fill, way, order.size, equity)
        if reason:
            self.reject(fill, reason)
        else:
            self.add(fill, way, units, equity)

    def trade_units(self, order: SlowOrder, fill: Fill, way: int) -> None:
        """Close units of the opposite position, and open a lot of the rest."""
        assert order.units is not None
        held = abs(self.account.held()) if self.account.side() == -way else 0.0
        units, may_open = self.sizes.rounded(order.units), way == LONG or self.options.allow_short
        rest = units - min(units, held)
        opens = rest > NOTHING * held
        if held == 0 and not may_open:
            self.reject(fill, "short_not_allowed")
        elif units <= 0:
            self.reject(fill, "too_small")
        else:
            self.account.reduce(min(units, held), fill.exit(ENTER[way] if opens else EXIT[-way]))
            if opens and may_open:
                self.add(fill, way, rest, self.account.equity(fill.raw))
            elif opens:
                self.reject(fill, "short_not_allowed")

    def close_part(self, order: SlowOrder, fill: Fill, way: int) -> None:
        if way == 0:
            return
        held = abs(self.account.held())
        units = min(held, order.part * held if order.units is None else order.units)
        if units < held * (1 - NOTHING):
            units = self.sizes.rounded(units)
        if units <= 0:
            self.reject(fill, "too_small")
        else:
            self.account.reduce(units, fill.exit(EXIT[-way]))

    # the target

    def read_targets(self, bar: int) -> None:
        """Of the targets that are due keep the newest, on synthetic bars as well."""
        due = list(self.book.waiting("target", bar=bar))
        for order in due[:-1]:
            order.cancel("a newer target")
        for order in due[-1:]:
            self.newest_target = order
            self.target.want(order.size)

    def act_target(self, bar: int, moment: str) -> None:
        """Make the order of the newest target that was read."""
        if self.newest_target is None:
            return
        raw = self.market.usable_open(bar) if moment == AT_OPEN else self.market.close[bar]
        fill = self.newest_target.meet(bar, moment, raw)
        if self.newest_target.state == WAITING:
            self.note(self.newest_target, fill, lambda: self.target.act(fill))
        else:
            self.target.act(fill)


def _level_or_none(level: float | None) -> float | None:
    return None if level is None or math.isnan(level) else level
