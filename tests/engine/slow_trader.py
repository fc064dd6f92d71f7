"""What signals and orders of the slow engine share: opening, resizing, reversing, levels, liquidation, the end."""

from __future__ import annotations

from collections.abc import Callable

from slow_account import AT_CLOSE, AT_OPEN, INSIDE, LONG, NOTHING, SHORT, Account, Exit, Fill, Lot, Market
from slow_levels import Levels, named
from slow_size import Sizes

from research_kit.bars.frame import Bars
from research_kit.bars.timeframe import DAY
from research_kit.engine.options import EngineOptions
from research_kit.engine.records import REASONS

ENTER = {LONG: "enter_long", SHORT: "enter_short"}
EXIT = {LONG: "exit_long", SHORT: "exit_short"}


class Trader:
    """An account with its levels and sizes, and what can be done to it at a fill."""

    def __init__(self, bars: Bars, options: EngineOptions, bars_per_year: float | None) -> None:
        self.options = options
        self.last = len(bars) - 1
        self.market = Market(bars)
        self.account = Account(self.market, options)
        self.levels = Levels(self.account, options)
        self.sizes = Sizes(self.account, self.levels, options, bars_per_year or 365 * DAY / bars.timeframe_ns)
        self.ended = False
        self.held_back = 0  # levels that did not act because the account was gone at their price

    # opening and closing

    def leave(self, fill: Fill, event: str) -> None:
        self.account.close_all(fill.exit(event))

    def bring_to(self, fill: Fill, side: int, exposure: float) -> None:
        """Open a position of this exposure, or bring the one that is held to it."""
        account = self.account
        held, equity = abs(account.held()), account.equity(fill.raw)
        units, reason = self.sizes.sized(fill, side, exposure, equity)
        change = units - held
        if reason:
            self.reject(fill, reason)
        elif abs(change) <= NOTHING * held:
            return
        elif change < 0:
            account.reduce(-change, fill.exit(EXIT[side]))
        else:
            self.add(fill, side, change, equity)

    def add(self, fill: Fill, side: int, units: float, equity: float) -> None:
        """Open a lot beside those that are held, if there is money for all of them."""
        account, price = self.account, self.account.entry_fill(side, fill.raw, fill.is_limit)
        cost = (abs(account.held()) + units) * abs(price) + account.commission(price, units)
        if cost > self.options.leverage * equity * (1 + 1e-9):
            self.reject(fill, "insufficient_cash")
        else:
            account.open_lot(self.new_lot(fill, side, units, price))

    def new_lot(self, fill: Fill, side: int, units: float, price: float) -> Lot:
        return Lot(
            side=side,
            units=units,
            entry_bar=fill.bar,
            moment=fill.moment,
            raw=fill.raw,
            price=price,
            stop=self.levels.fixed_stop(fill, side, price),
            target=self.levels.target(fill, side, price),
            commission=self.account.commission(price, units),
            slippage=abs(price - fill.raw) * units,
            label=fill.label(ENTER[side]),
            signal_bar=fill.signal_bar,
            by_stop=fill.by_stop,
        )

    def reject(self, fill: Fill, reason: str) -> None:
        assert reason in REASONS
        self.account.result.rejections.append((fill.bar, reason))

    def close_overdue(self, bar: int, moment: str) -> None:
        limit = self.options.time_stop
        if limit is not None:
            due = [(lot, lot.units) for lot in self.account.lots if bar >= lot.entry_bar + limit]
            raw = self.market.usable_open(bar) if moment == AT_OPEN else self.market.close[bar]
            self.account.close_lots(due, named(bar, moment, raw, "time_stop"))

    # levels, liquidation, the end

    def check_levels(self, lots: list[Lot], bar: int, exit_of: Callable[[Lot, int], tuple[Exit | None, bool]]) -> bool:
        """Let each lot's levels act, unless the account is gone already at the price where they would.

        Tells whether the bar is ambiguous.
        """
        account, ambiguous = self.account, False
        for lot in lots:
            how, unsure = exit_of(lot, bar)
            ambiguous = ambiguous or unsure
            if how is not None and self.under_margin(how.raw):
                self.held_back += 1
            elif how is not None:
                account.close_lots([(lot, lot.units)], how)
        return ambiguous

    def under_margin(self, price: float) -> bool:
        """Tell whether a price leaves the position that is open now less than it must have."""
        cash, units = self.account.cash, self.account.held()
        return cash + units * price <= self.options.maintenance_margin * abs(units) * abs(price)

    def check_margin(self, bar: int) -> None:
        account = self.account
        if not account.lots:
            return
        adverse = self.market.worst(account.side(), bar)
        if self.under_margin(adverse):
            account.close_all(named(bar, INSIDE, adverse, "liquidation"))
            account.result.liquidations += 1
            self.ended = account.result.liquidated = account.cash <= 0

    def end_bar(self, bar: int) -> None:
        """Count a bar in the market; on the last one close what is open."""
        account = self.account
        if account.lots:
            account.result.bars_in_market += 1
        if bar == self.last and self.options.close_at_end:
            account.close_all(named(bar, AT_CLOSE, self.market.close[bar], "end_of_data"))


class Target:
    """A target exposure: what is wanted, and what the last order asked for."""

    def __init__(self, trader: Trader) -> None:
        self.trader = trader
        self.wanted = 0.0
        self.ordered = 0.0

    def want(self, exposure: float) -> None:
        self.wanted = exposure if self.trader.options.allow_short else max(exposure, 0.0)

    def act(self, fill: Fill) -> None:
        account, wanted = self.trader.account, self.wanted
        again = self.trader.options.rebalance and account.lots and wanted != 0
        if wanted == self.ordered and not again:
            return
        self.ordered = wanted
        side = 0 if wanted == 0 else LONG if wanted > 0 else SHORT
        if account.lots and side != account.side():
            self.trader.leave(fill, EXIT[account.side()] if side == 0 else ENTER[side])
        if side != 0:
            self.trader.bring_to(fill, side, abs(wanted))
