"""What the slow engine keeps: bars as lists, lots, cash, and the trades that closing makes of lots."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from research_kit.bars.frame import Bars
from research_kit.bars.timeframe import DAY
from research_kit.engine.options import EngineOptions

LONG, SHORT = 1, -1
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
    """A backtest's result; cash and units stand beside equity for each bar, so that the account can be checked."""

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
    """What one opening fill made, less what was closed of it; ``moment`` is when in its entry bar it opened."""

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
    by_stop: bool = False  # opened inside its bar by a stop: the price came rising to a long lot's fill
    borrow: float = 0.0


@dataclass(frozen=True)
class Exit:
    """How lots close: where, when in the bar, under which name."""

    bar: int
    moment: str
    raw: float
    label: str
    signal_bar: int = -1
    is_limit: bool = False


@dataclass(frozen=True)
class Fill:
    """What a signal or an order meets: a raw price at a moment, with the levels and labels that come along."""

    bar: int
    moment: str
    raw: float
    signal_bar: int = -1
    stop_loss: float | None = None
    take_profit: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    is_limit: bool = False
    by_stop: bool = False

    def label(self, event: str) -> str:
        return self.labels.get(event, event)

    def exit(self, event: str) -> Exit:
        return Exit(self.bar, self.moment, self.raw, self.label(event), self.signal_bar, self.is_limit)


def moved(price: float, fraction: float) -> float:
    """Return a price moved up by a fraction of its size; a price below zero moves up as well."""
    return price + fraction * abs(price)


class Market:
    """Bars as lists; open and close stand for a high or low that is not there."""

    def __init__(self, bars: Bars) -> None:
        self.time: list[int] = bars.time_ns.tolist()
        self.close: list[float] = bars.close.tolist()
        self.open: list[float] | None = bars.open.tolist() if "open" in bars else None
        known = [self.close if self.open is None else self.open, self.close]
        self.high: list[float] = bars.high.tolist() if "high" in bars else list(map(max, *known))
        self.low: list[float] = bars.low.tolist() if "low" in bars else list(map(min, *known))
        self.synthetic = bars.synthetic.tolist() if bars.synthetic is not None else [False] * len(bars)

    def usable_open(self, bar: int) -> float:
        if self.open is None:
            raise ValueError("these bars have no open")
        return min(max(self.open[bar], self.low[bar]), self.high[bar])

    def worst(self, side: int, bar: int) -> float:
        return self.low[bar] if side == LONG else self.high[bar]

    def best(self, side: int, bar: int) -> float:
        return self.high[bar] if side == LONG else self.low[bar]

    def years_since_last(self, bar: int) -> float:
        return (self.time[bar] - self.time[bar - 1]) / (365 * DAY)


class Account:
    """Cash and lots, and what fills do to them."""

    def __init__(self, market: Market, options: EngineOptions) -> None:
        self.market = market
        self.options = options
        self.slip = options.slippage + options.spread / 2
        self.cash = options.initial_cash
        self.lots: list[Lot] = []
        self.result = SlowResult()
        self.on_flat: Callable[[], None] = lambda: None  # called whenever the position has become flat

    def held(self) -> float:
        """Return the units of the position, negative for a short one."""
        return sum(lot.side * lot.units for lot in self.lots)

    def side(self) -> int:
        return self.lots[0].side if self.lots else 0

    def equity(self, price: float) -> float:
        return self.cash + self.held() * price

    def mark(self, bar: int) -> None:
        self.result.equity.append(self.equity(self.market.close[bar]))
        self.result.cash.append(self.cash)
        self.result.units.append(self.held())

    # costs

    def entry_fill(self, side: int, raw: float, is_limit: bool = False) -> float:
        return raw if is_limit else moved(raw, side * self.slip)

    def exit_fill(self, side: int, raw: float, is_limit: bool = False) -> float:
        return raw if is_limit else moved(raw, -side * self.slip)

    def commission(self, price: float, units: float) -> float:
        options = self.options
        if callable(options.commission):
            return options.commission(price, units)
        by_size = options.commission_per_unit * units + options.commission * units * abs(price)
        return max(options.minimum_commission, options.commission_per_order + by_size)

    def charge_borrow(self, bar: int) -> None:
        if bar == 0 or not self.lots:
            return
        borrowed = max(0.0, -self.held()) * abs(self.market.close[bar - 1]) + max(0.0, -self.cash)
        charge = self.options.borrow_rate * self.market.years_since_last(bar) * borrowed
        units = abs(self.held())
        for lot in self.lots:
            lot.borrow += charge * lot.units / units
        self.cash -= charge
        self.result.total_borrow += charge

    def count_fill(self, units: float, price: float, commission: float, slippage: float) -> None:
        self.result.traded_value += units * abs(price)
        self.result.total_commission += commission
        self.result.total_slippage += slippage

    # opening and closing

    def open_lot(self, lot: Lot) -> None:
        """Pay for a lot and keep it."""
        self.lots.append(lot)
        self.cash -= lot.side * lot.units * lot.price + lot.commission
        self.count_fill(lot.units, lot.price, lot.commission, lot.slippage)

    def close_all(self, how: Exit) -> None:
        self.close_lots([(lot, lot.units) for lot in self.lots], how)

    def reduce(self, units: float, how: Exit) -> None:
        """Close this many units, the oldest lots first; crumbs that rounding leaves go with their lot."""
        crumb = NOTHING * abs(self.held())
        parts: list[tuple[Lot, float]] = []
        for lot in self.lots:
            if units <= crumb:
                break
            part = lot.units if units > lot.units - crumb else units
            parts.append((lot, part))
            units -= part
        self.close_lots(parts, how)

    def close_lots(self, parts: list[tuple[Lot, float]], how: Exit) -> None:
        """Close parts of lots as one order."""
        if not parts:
            return
        total = sum(units for _, units in parts)
        commission = self.commission(self.exit_fill(parts[0][0].side, how.raw, how.is_limit), total)
        for lot, units in parts:
            self.close_part(lot, units, how, commission * units / total)
        if not self.lots:
            self.on_flat()

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
        return SlowTrade(
            entry_bar=lot.entry_bar,
            exit_bar=how.bar,
            side=lot.side,
            quantity=units,
            entry_price=lot.price,
            exit_price=price,
            entry_raw=lot.raw,
            exit_raw=how.raw,
            pnl=lot.side * units * (price - lot.price) - entry_commission - commission - borrow,
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
        """Return the prices among which a trade's best and worst moment are."""
        market = self.market
        first = lot.entry_bar if lot.moment == AT_OPEN else lot.entry_bar + 1
        whole_bars = list(range(first, how.bar + 1 if how.moment == AT_CLOSE else how.bar))
        prices = [lot.raw, how.raw]
        if lot.moment == INSIDE:
            if how.bar == lot.entry_bar:
                return prices
            prices.append(market.close[lot.entry_bar])
        prices += [market.high[bar] for bar in whole_bars] + [market.low[bar] for bar in whole_bars]
        if how.moment == INSIDE and market.open is not None:
            prices.append(market.usable_open(how.bar))
        return prices

    def shrink(self, lot: Lot, units: float) -> None:
        left = 1 - units / lot.units
        if left == 0:
            self.lots = [other for other in self.lots if other is not lot]
        lot.units -= units
        lot.commission *= left
        lot.slippage *= left
        lot.borrow *= left

    def list_open_lots(self) -> None:
        """List what is open at the end as trades without exit."""
        last = len(self.market.close) - 1
        for lot in self.lots:
            seen = Exit(last, AT_CLOSE, self.market.close[last], "")
            trade = self.trade_of(lot, lot.units, seen, math.nan, 0.0, 0.0)
            self.result.trades.append(replace(trade, exit_bar=-1, exit_raw=math.nan))
