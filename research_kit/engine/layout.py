"""How the compiled engine lays out what it works on: settings, state, lots, and the arrays that they come with."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from research_kit.engine.records import LABELS, MOMENTS, REASONS

SETTINGS = np.dtype(
    [
        ("commission", np.float64),
        ("commission_per_order", np.float64),
        ("commission_per_unit", np.float64),
        ("minimum_commission", np.float64),
        ("market_move", np.float64),  # slippage + half the spread: what a market or stop fill loses
        ("borrow_rate", np.float64),
        ("size", np.float64),
        ("lot", np.float64),  # 0: any number of units
        ("leverage", np.float64),
        ("maintenance_margin", np.float64),
        ("stop_loss", np.float64),  # NaN: none, and so for the next two
        ("take_profit", np.float64),
        ("trailing_stop", np.float64),
        ("time_stop", np.int64),  # 0: none
        ("delay", np.int64),
        ("sizing", np.int64),  # an index into SIZINGS
        ("intrabar", np.int64),  # an index into INTRABAR
        ("at_open", np.bool_),
        ("is_target", np.bool_),
        ("has_levels", np.bool_),  # any stop or target
        ("moves_levels", np.bool_),  # a trailing stop: its level changes with every bar
        ("allow_short", np.bool_),
        ("rebalance", np.bool_),
        ("close_at_end", np.bool_),
        ("positive_prices", np.bool_),  # of this instrument: none is ever zero or below
    ],
    align=True,
)

STATE = np.dtype(
    [
        ("cash", np.float64),
        ("units", np.float64),  # negative: short
        ("wanted", np.float64),  # the target that was read last
        ("acted", np.float64),  # the target of the last order
        ("events", np.int64),  # the events that wait to be acted on, as bits
        ("signal_bar", np.int64),  # the bar of the signal that acts
        ("floor", np.float64),  # no level of an open lot is reached while low > floor and high < ceiling
        ("ceiling", np.float64),
        ("first_lot", np.int64),
        ("last_lot", np.int64),  # one past the newest lot
        ("trades", np.int64),
        ("rejections", np.int64),
        ("times_flat", np.int64),  # how often the last lot was closed
        ("ambiguous_bars", np.int64),
        ("liquidations", np.int64),
        ("ended", np.bool_),
        ("bars_in_market", np.int64),
        ("traded_value", np.float64),
        ("total_commission", np.float64),
        ("total_slippage", np.float64),
        ("total_borrow", np.float64),
    ],
    align=True,
)

LOT = np.dtype(
    [
        ("entry_bar", np.int64),
        ("side", np.int64),
        ("units", np.float64),  # always positive
        ("price", np.float64),  # fill price
        ("raw", np.float64),  # the market's price
        ("commission", np.float64),  # of the units that are left
        ("borrow", np.float64),
        ("stop", np.float64),  # NaN: none
        ("target", np.float64),
        ("best", np.float64),  # the best price of completed bars, for the trailing stop
        ("label", np.int64),
        ("signal_bar", np.int64),
        ("moment", np.int64),  # when in its bar it opened
        ("by_stop", np.bool_),  # of a lot that opened inside its bar: by a stop order, so that the price was moving on
    ],
    align=True,
)

AHEAD = np.dtype(
    [
        ("until", np.int64),  # the signals before this bar were looked at
        ("next", np.int64),  # which of the places that were noted comes next
        ("count", np.int64),
        ("touched", np.float64),  # a sum that nobody reads: it brings the opens that will be asked for near
    ],
    align=True,
)

ROUNDING = 1e-9  # relative; a difference in units or money below this is none

SIZINGS = ("fraction", "units", "cash", "risk", "volatility")
INTRABAR = ("stop_first", "target_first", "nearest_open")

FRACTION, UNITS, CASH, RISK, VOLATILITY = range(5)
STOP_FIRST, TARGET_FIRST, NEAREST_OPEN = range(3)
ENTER_LONG_BIT, EXIT_LONG_BIT, ENTER_SHORT_BIT, EXIT_SHORT_BIT = 1, 2, 4, 8


def _code(names: tuple[str, ...], name: str) -> int:
    """Return a name's place as NumPy's integer: of what takes Python's, numba compiles one version for each value."""
    return cast(int, np.int64(names.index(name)))


ENTER_LONG = _code(LABELS, "enter_long")
EXIT_LONG = _code(LABELS, "exit_long")
ENTER_SHORT = _code(LABELS, "enter_short")
EXIT_SHORT = _code(LABELS, "exit_short")
STOP_LOSS = _code(LABELS, "stop_loss")
TAKE_PROFIT = _code(LABELS, "take_profit")
TRAILING_STOP = _code(LABELS, "trailing_stop")
TIME_STOP = _code(LABELS, "time_stop")
LIQUIDATION = _code(LABELS, "liquidation")
END_OF_DATA = _code(LABELS, "end_of_data")

PRICE_NOT_POSITIVE = _code(REASONS, "price_not_positive")
NO_STOP = _code(REASONS, "no_stop")
NO_VOLATILITY = _code(REASONS, "no_volatility")
TOO_SMALL = _code(REASONS, "too_small")
INSUFFICIENT_CASH = _code(REASONS, "insufficient_cash")
SHORT_NOT_ALLOWED = _code(REASONS, "short_not_allowed")

AT_OPEN = _code(MOMENTS, "open")
INSIDE = _code(MOMENTS, "inside")
AT_CLOSE = _code(MOMENTS, "close")
FIRST_BAR = cast(int, np.int64(0))
NO_LABEL = cast(int, np.int64(-1))
NO_SIGNAL = -1


class Market(NamedTuple):
    """The bars: arrays of shape (n,), each open moved into [low, high]; ``synthetic`` is empty when no bar is."""

    time_ns: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    synthetic: NDArray[np.bool_]


class Wishes(NamedTuple):
    """What the strategy wants: a target or event bits for each bar; the other arrays are empty when not used."""

    signal: NDArray[Any]
    words: NDArray[np.uint64]  # the same bits, eight bytes at a time (``ahead.words_of``)
    stop_prices: NDArray[np.float64]
    target_prices: NDArray[np.float64]
    volatility: NDArray[np.float64]  # yearly, known at each bar's close


class Calm(NamedTuple):
    """What stays the same until the next event: what a quiet bar is held against."""

    lag: int  # bars from a signal to its fill
    units: float
    floor: float  # no level of an open lot is reached, nor the margin, while low > floor and high < ceiling
    ceiling: float
    is_target: bool
    acted: float
    least: float  # the least target that counts: 0 where short sales are not allowed
    heard: int  # the events that the position listens to
    ended: bool


class Bar(NamedTuple):
    """One bar on which something may happen; what else it holds is looked up where it matters: that is slow."""

    i: int
    first: float  # the usable open
    real: bool  # not synthetic
    last: bool
    market: Market


class Wish(NamedTuple):
    """What belongs to the signal that acts on a bar; NaN where the strategy or the data say nothing."""

    stop: float
    target: float
    volatility: float


class Deal(NamedTuple):
    """How a fill comes about: where and when, at which price of the market, and who asked for it."""

    bar: int
    moment: int
    raw: float
    move: float  # what slippage and spread take, a fraction of the price; 0 at a limit
    signal_bar: int
    label: int  # what the order is called; NO_LABEL: by what it does


class Exit(NamedTuple):
    """How units leave: the deal, their price, their share of the commission, and why."""

    deal: Deal
    price: float
    commission: float
    label: int


class Book(NamedTuple):
    """What the engine reads and writes at every step: settings and state are one record each."""

    settings: Any
    state: Any
    lots: NDArray[Any]
    trades: NDArray[Any]
    rejections: NDArray[Any]
    ahead: Any  # an AHEAD record, and the bars that it has noted
    places: NDArray[np.int64]
    commission_function: Any  # None, or a compiled function of price and units
