"""From bars, signals and options to trades and equity: prepares the arrays of the kernel and grows its buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import Bars
from research_kit.bars.sessions import bars_per_year
from research_kit.buffers import empty_floats
from research_kit.engine.ahead import SPAN, words_of
from research_kit.engine.commission import compiled_commission
from research_kit.engine.excursion import add_excursions
from research_kit.engine.kernel import SPARE, run_bars
from research_kit.engine.layout import (
    AHEAD,
    ENTER_LONG_BIT,
    ENTER_SHORT_BIT,
    EXIT_LONG_BIT,
    EXIT_SHORT_BIT,
    INTRABAR,
    LOT,
    SETTINGS,
    SIZINGS,
    STATE,
    Book,
    Market,
    Wishes,
)
from research_kit.engine.options import EngineOptions
from research_kit.engine.records import LABELS, REJECTION, TRADE
from research_kit.errors import MissingColumnError, SignalError
from research_kit.strategy.extent import largest_size
from research_kit.strategy.indicators import rolling_std
from research_kit.strategy.order import ORDER
from research_kit.strategy.signals import LEVELS, Labels, Signals

EVENT_BITS = {
    "enter_long": ENTER_LONG_BIT,
    "exit_long": EXIT_LONG_BIT,
    "enter_short": ENTER_SHORT_BIT,
    "exit_short": EXIT_SHORT_BIT,
}
COPIED_OPTIONS = (
    *("commission_per_order", "commission_per_unit", "minimum_commission", "borrow_rate", "size", "leverage"),
    *("maintenance_margin", "delay", "allow_short", "rebalance", "close_at_end"),
)
OPEN_TRADE_FIELDS = {
    "entry_bar": "entry_bar",
    "side": "side",
    "quantity": "units",
    "entry_price": "price",
    "entry_raw": "raw",
    "entry_label": "label",
    "entry_signal_bar": "signal_bar",
    "entry_moment": "moment",
    "borrow": "borrow",
}
NO_FLOATS: NDArray[np.float64] = np.empty(0)
NO_FLAGS: NDArray[np.bool_] = np.empty(0, dtype=np.bool_)
RANGE_COLUMNS = ("open", "high", "low")  # of bars on which any order can be filled
FIRST_ROOM = 512  # trades, lots and rejections; four times as much when full
LabelOf = Callable[[int, int], str]
"""From a label's code and the bar of its signal to its text."""


def _no_orders() -> NDArray[Any]:
    return np.zeros(0, ORDER)


@dataclass(frozen=True, eq=False)
class Simulation:
    """What a run of the engine did: trades, equity and counters, as plain arrays and numbers.

    ``orders`` are those of an event strategy (``strategy.order.ORDER``), in the order in which they were made.
    """

    market: Market
    options: EngineOptions
    equity: NDArray[np.float64]
    rejections: NDArray[Any]
    state: Any
    bare_trades: NDArray[Any]
    label_of: LabelOf = field(repr=False)
    orders: NDArray[Any] = field(default_factory=_no_orders, repr=False)

    @cached_property
    def trades(self) -> NDArray[Any]:
        """Trades as records (``engine.records.TRADE``), in the order of their exits; open ones last."""
        trades = self.bare_trades.copy()
        add_excursions(trades, self.market)
        trades.flags.writeable = False
        return trades

    @property
    def closed(self) -> int:
        """How many trades have an exit; they come before those that have none."""
        return int(self.state["trades"])

    def entry_labels(self) -> list[str]:
        """Return the label of each trade's entry."""
        return self._labels("entry_label", "entry_signal_bar")

    def exit_labels(self) -> list[str]:
        """Return the label of each trade's exit, empty for an open trade."""
        return self._labels("exit_label", "exit_signal_bar")

    def _labels(self, code: str, signal_bar: str) -> list[str]:
        codes, bars = self.bare_trades[code].tolist(), self.bare_trades[signal_bar].tolist()
        return [self.label_of(at, bar) if at >= 0 else "" for at, bar in zip(codes, bars, strict=True)]

    @property
    def final_cash(self) -> float:
        return float(self.state["cash"])

    @property
    def final_units(self) -> float:
        return float(self.state["units"])

    @property
    def ambiguous_bars(self) -> int:
        """Bars that reached both stop and target, so that the rule ``intrabar`` decided."""
        return int(self.state["ambiguous_bars"])

    @property
    def liquidations(self) -> int:
        return int(self.state["liquidations"])

    @property
    def liquidated(self) -> bool:
        """True when equity was gone and the run ended."""
        return bool(self.state["ended"])

    @property
    def bars_in_market(self) -> int:
        return int(self.state["bars_in_market"])

    @property
    def traded_value(self) -> float:
        return float(self.state["traded_value"])

    @property
    def total_commission(self) -> float:
        return float(self.state["total_commission"])

    @property
    def total_slippage(self) -> float:
        return float(self.state["total_slippage"])

    @property
    def total_borrow(self) -> float:
        return float(self.state["total_borrow"])


def simulate(bars: Bars, signals: Signals, options: EngineOptions, *, keep_equity: bool = True) -> Simulation:
    """Return what the engine makes of these signals, in one pass over the bars.

    Raises
    ------
    SignalError
        The signals do not have one value for each bar, or a target is beyond the leverage.
    MissingColumnError
        A column that the options need is not in the bars.
    """
    check_signals(bars, signals, options)
    check_columns(bars, options, has_prices=bool(signals.prices))
    market = market_of(bars)
    wishes = wishes_of(bars, signals, options)
    book = empty_book(bars, options, is_target=signals.exposure is not None, has_prices=bool(signals.prices))
    equity = empty_floats(len(bars) if keep_equity else 0)
    at = run_bars(0, market, wishes, book, equity)
    while at < len(bars):
        book = with_more_room(book)
        at = run_bars(at, market, wishes, book, equity)
    return finished(market, book, options, equity, SignalLabels(signals.labels))


def finished(
    market: Market,
    book: Book,
    options: EngineOptions,
    equity: NDArray[np.float64],
    label_of: LabelOf,
    orders: NDArray[Any] | None = None,
) -> Simulation:
    """Return what a book holds once all bars were run; open lots become trades without an exit."""
    state, closed = book.state, int(book.state["trades"])
    still_open = _open_trades(book)
    book.trades[closed : closed + len(still_open)] = still_open  # the kernel leaves room for them
    trades = book.trades[: closed + len(still_open)]
    rejections = book.rejections[: state["rejections"]]
    made = _no_orders() if orders is None else orders
    return Simulation(market, options, equity, rejections, state, trades, label_of, made)


@dataclass(frozen=True)
class SignalLabels:
    """The labels that a strategy gave to its signals, the engine's own names for everything else."""

    given: Mapping[str, Labels]

    def __call__(self, code: int, signal_bar: int) -> str:
        label = self.given.get(LABELS[code], LABELS[code])
        return label if isinstance(label, str) else label[signal_bar]


def check_signals(bars: Bars, signals: Signals, options: EngineOptions) -> None:
    """Refuse signals that do not fit the bars or the leverage."""
    if len(signals) != len(bars):
        raise SignalError(f"Signals need one value for each bar: {len(bars)} bars, {len(signals)} signals.")
    exposure = signals.exposure
    if exposure is None or exposure.dtype == np.bool_ or options.sizing != "fraction":
        return
    largest = largest_size(exposure)
    if largest * options.size > options.leverage:
        at = int(np.nanargmax(np.abs(exposure.astype(np.float64))))
        check_target(float(exposure[at]), at, options)


def check_target(exposure: float, bar: int, options: EngineOptions) -> None:
    """Refuse a target beyond the leverage."""
    limit = options.leverage / options.size
    if options.sizing == "fraction" and abs(exposure) > limit * (1 + 1e-12):
        raise SignalError(
            f"A target must lie within -{limit:g} and {limit:g} (leverage over size); bar {bar} has {exposure:g}."
        )


def check_columns(bars: Bars, options: EngineOptions, *, has_prices: bool) -> None:
    """Refuse options, and orders with prices, that need columns which the bars do not have."""
    if all(column in bars for column in RANGE_COLUMNS):
        return
    levels = options.stop_loss or options.take_profit or options.trailing_stop or has_prices
    needed = {"open": "fill='next_open'"} if options.fill == "next_open" else {}
    if levels:
        needed |= dict.fromkeys(RANGE_COLUMNS, "a stop, a limit or a target")
    for column, reason in needed.items():
        if column not in bars:
            has = ", ".join(bars.columns)
            raise MissingColumnError(f"{reason} needs the column {column!r}; these bars have {has}.")


def market_of(bars: Bars) -> Market:
    """Return the bars as the kernel reads them; open and close stand for a high or low that is not there."""
    close = np.ascontiguousarray(bars.close)
    opens = np.ascontiguousarray(bars.usable_open)
    high = np.ascontiguousarray(bars.high) if "high" in bars else np.maximum(opens, close)
    low = np.ascontiguousarray(bars.low) if "low" in bars else np.minimum(opens, close)
    synthetic = NO_FLAGS if bars.synthetic is None else np.ascontiguousarray(bars.synthetic)
    return Market(*map(_frozen, (np.ascontiguousarray(bars.time_ns), opens, high, low, close, synthetic)))


def wishes_of(bars: Bars, signals: Signals, options: EngineOptions) -> Wishes:
    """Return what a strategy wants as the kernel reads it."""
    stops, targets = (np.ascontiguousarray(signals.prices.get(name, NO_FLOATS)) for name in LEVELS)
    volatility = volatility_of(bars, options) if options.sizing == "volatility" else NO_FLOATS
    row = signal_row(signals)
    return Wishes(*map(_frozen, (row, words_of(row), stops, targets, volatility)))


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view: one compiled kernel then serves arrays of either kind."""
    view = array.view()
    view.flags.writeable = False
    return view


def signal_row(signals: Signals) -> NDArray[Any]:
    """Return a target as float64 or int8 (booleans as 0 and 1), or the four events as bits of an int8."""
    if signals.exposure is not None:
        exposure = np.ascontiguousarray(signals.exposure)
        return exposure.view(np.int8) if exposure.dtype == np.bool_ else exposure
    bits = np.zeros(len(signals), dtype=np.int8)
    for name, bit in EVENT_BITS.items():
        event = getattr(signals, name)
        if event is not None:
            bits |= event.view(np.int8) * np.int8(bit)
    return bits


def volatility_of(bars: Bars, options: EngineOptions) -> NDArray[np.float64]:
    """Return the yearly volatility known at each bar's close."""
    returns = np.full(len(bars), np.nan)
    known = (bars.close[1:] > 0.0) & (bars.close[:-1] > 0.0)
    np.divide(bars.close[1:], bars.close[:-1], out=returns[1:], where=known)
    returns -= 1.0
    per_bar: NDArray[np.float64] = rolling_std(returns, options.volatility_window)
    per_bar *= np.sqrt(bars_per_year(bars.timeframe, bars.session))
    return per_bar


def empty_book(bars: Bars, options: EngineOptions, *, is_target: bool, has_prices: bool) -> Book:
    """Return the book of a run that begins: the settings, cash, and room for lots and trades."""
    settings = _settings(options, is_target, has_prices)
    settings["positive_prices"] = not bars.allow_nonpositive
    return Book(
        settings=settings,
        state=fresh_state(options),
        lots=np.zeros(FIRST_ROOM, LOT),
        trades=np.zeros(max(FIRST_ROOM, len(bars) // 32), TRADE),  # pages that stay empty cost nothing
        rejections=np.zeros(FIRST_ROOM, REJECTION),
        ahead=np.zeros(1, AHEAD)[0],
        places=np.empty(SPAN + 1, np.int64),
        commission_function=compiled_commission(options.commission) if callable(options.commission) else None,
    )


def fresh_state(options: EngineOptions) -> Any:
    """Return the state that a run begins with, one record."""
    state = np.zeros(1, STATE)[0]
    state["cash"] = options.initial_cash
    state["floor"], state["ceiling"] = -np.inf, np.inf
    return state


def has_levels(options: EngineOptions, has_prices: bool) -> bool:
    """Return whether any lot may get a stop or a target."""
    return has_prices or any(
        level is not None for level in (options.stop_loss, options.take_profit, options.trailing_stop)
    )


def _settings(options: EngineOptions, is_target: bool, has_prices: bool) -> Any:
    stops = [options.stop_loss, options.take_profit, options.trailing_stop]
    record = np.zeros(1, SETTINGS)[0]
    for name in COPIED_OPTIONS:
        record[name] = getattr(options, name)
    if callable(options.commission):
        record["commission_per_unit"] = 0.0  # the function gives the whole amount
    else:
        record["commission"] = options.commission
    record["market_move"] = options.slippage + options.spread / 2
    record["lot"] = max(options.lot, 1.0) if options.whole_units else options.lot
    record["stop_loss"], record["take_profit"], record["trailing_stop"] = (
        np.nan if stop is None else stop for stop in stops
    )
    record["time_stop"] = options.time_stop or 0
    record["sizing"] = SIZINGS.index(options.sizing)
    record["intrabar"] = INTRABAR.index(options.intrabar)
    record["at_open"] = options.fill == "next_open"
    record["is_target"] = is_target
    record["has_levels"] = has_levels(options, has_prices)
    record["moves_levels"] = options.trailing_stop is not None
    return record


def with_more_room(book: Book, orders: int = 0) -> Book:
    """Return the book with its lots moved to the front and larger buffers, for so many orders in one bar."""
    state = book.state
    open_lots = book.lots[state["first_lot"] : state["last_lot"]].copy()
    state["first_lot"], state["last_lot"] = 0, len(open_lots)
    return book._replace(
        lots=_larger(open_lots, LOT, orders),
        trades=_larger(book.trades[: state["trades"]], TRADE, len(open_lots) + 2 * orders),
        rejections=_larger(book.rejections[: state["rejections"]], REJECTION, orders),
    )


def _larger(records: NDArray[Any], layout: np.dtype[Any], extra: int) -> NDArray[Any]:
    larger = np.zeros(max(FIRST_ROOM, 4 * len(records)) + extra + 2 * SPARE, layout)
    larger[: len(records)] = records
    return larger


def _open_trades(book: Book) -> NDArray[Any]:
    """Return the lots that are still open as trades without an exit."""
    state = book.state
    lots = book.lots[state["first_lot"] : state["last_lot"]]
    trades = np.zeros(len(lots), TRADE)
    for name, source in OPEN_TRADE_FIELDS.items():
        trades[name] = lots[source]
    trades["commission"] = trades["entry_commission"] = lots["commission"]
    trades["slippage"] = lots["units"] * np.abs(lots["price"] - lots["raw"])
    trades["exit_bar"] = trades["exit_label"] = trades["exit_signal_bar"] = -1
    trades["exit_price"] = trades["exit_raw"] = trades["pnl"] = np.nan
    return trades
