"""The bars of an event strategy: quiet ones are marked, every other one is traded step by step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from research_kit.compiled import compiled_kernel, inlined
from research_kit.engine.desk.filling import cancel_closing_orders, drop_ended, fill_order, is_market
from research_kit.engine.desk.inside import trade_inside
from research_kit.engine.desk.layout import Desk, Place
from research_kit.engine.desk.reaching import closes, fill_at_open, is_stop, level_of, side_of, waits_for_price
from research_kit.engine.fills import close_due_lots, unasked
from research_kit.engine.kernel import SPARE, charge_borrow, close_at_end
from research_kit.engine.layout import AT_CLOSE, AT_OPEN, Bar, Book, Deal, Market, Wish
from research_kit.engine.levels import follow_best, note_levels
from research_kit.engine.orders import order_target
from research_kit.engine.quiet import quiet_range, range_end
from research_kit.strategy.order import CANCELLED, EXPIRED, FILLED, KEEP, PROTECT, REJECTED, TARGET, WAITING

LOOK_AHEAD = 512  # bars that are looked at for the next one on which something may happen


@compiled_kernel
def run_orders(
    start: int,
    stop: int,
    market: Market,
    volatility: NDArray[np.float64],
    desk: Desk,
    book: Book,
    equity: NDArray[np.float64],
) -> int:
    """Run the bars from ``start`` up to ``stop``; return the first that was not run.

    It is less than ``stop`` after a bar on which something happened, and where the book needs more room.
    """
    pace = desk.pace[0]
    pace.happened = 0
    i = start
    while i < stop and pace.happened == 0 and _has_room(desk, book):
        if i < pace.next_bar:
            quiet = min(stop, pace.next_bar)
            _mark(i, quiet, market, book, equity)
            i = quiet
        else:
            _run_bar(i, market, volatility, desk, book, equity)
            i += 1
            pace.next_bar = _next_bar(i, market, desk, book)
    pace.units, pace.cash, pace.ended = book.state.units, book.state.cash, int(book.state.ended)
    return i


@compiled_kernel
def finish_orders(market: Market, book: Book, equity: NDArray[np.float64]) -> None:
    """Close what is open at the last close."""
    last = len(market.close) - 1
    close_at_end(last, market.close[last], book)
    equity[last] = book.state.cash


@inlined
def _has_room(desk: Desk, book: Book) -> bool:
    state, waiting = book.state, desk.pace[0].working
    lots = state.last_lot - state.first_lot
    return (  # type: ignore[no-any-return]
        state.last_lot + waiting + SPARE <= len(book.lots)
        and state.trades + lots + 2 * waiting + SPARE <= len(book.trades)
        and state.rejections + waiting + SPARE <= len(book.rejections)
    )


@inlined
def _mark(start: int, stop: int, market: Market, book: Book, equity: NDArray[np.float64]) -> None:
    cash, units = book.state.cash, book.state.units
    for i in range(start, stop):
        equity[i] = cash + units * market.close[i]
    if units != 0.0:
        book.state.bars_in_market += stop - start


@inlined
def _run_bar(
    i: int,
    market: Market,
    volatility: NDArray[np.float64],
    desk: Desk,
    book: Book,
    equity: NDArray[np.float64],
) -> None:
    """Do the third step of the bar before, then the first two of this one: ``on_bar`` stands between them."""
    settings, state, pace = book.settings, book.state, desk.pace[0]
    trades = state.trades
    if i > 0 and not settings.at_open and not state.ended:
        _trade_close(i - 1, market, volatility, desk, book)
        equity[i - 1] = state.cash + state.units * market.close[i - 1]
    if state.units != 0.0 and settings.borrow_rate > 0.0:
        charge_borrow(market.time_ns[i] - market.time_ns[i - 1], market.close[i - 1], book)
    if not state.ended:
        _begin_bar(i, desk, book)
        real = len(market.synthetic) == 0 or not market.synthetic[i]
        last = i == len(market.close) - 1
        bar = Bar(i, market.open[i], real, last, market)
        known = volatility[i - 1] if len(volatility) > 0 and i > 0 else np.nan
        _trade_open(bar, known, desk, book)
        if real:
            trade_inside(bar, known, desk, book)
        follow_best(bar, book)
        _expire(i, desk)
    drop_ended(desk)
    if state.units != 0.0:
        state.bars_in_market += 1
    equity[i] = state.cash + state.units * market.close[i]
    if state.trades > trades:
        pace.happened = 1


@inlined
def _begin_bar(i: int, desk: Desk, book: Book) -> None:
    """Let orders expire that live no longer, and new levels come into force."""
    pace, state = desk.pace[0], book.state
    for at in range(pace.working):
        order = desk.orders[desk.working[at]]
        if order.state != WAITING:
            continue
        if i >= order.dead:
            order.state = EXPIRED
            pace.happened = 1
        elif order.kind == PROTECT and order.first <= i:
            for k in range(state.first_lot, state.last_lot):
                lot = book.lots[k]
                lot.stop = lot.stop if order.stop_loss == KEEP else order.stop_loss
                lot.target = lot.target if order.take_profit == KEEP else order.take_profit
            order.state = FILLED
            order.filled_bar = i
            pace.happened = 1


@inlined
def _trade_open(bar: Bar, volatility: float, desk: Desk, book: Book) -> None:
    """Fill what is due at the open, then what the open reaches, in the order in which it was made."""
    settings, state, pace = book.settings, book.state, desk.pace[0]
    place = Place(bar.i, AT_OPEN, volatility)
    for at in range(pace.working):
        number = desk.working[at]
        if settings.at_open:
            _act_if_due(number, bar.first, bar.real, place, desk, book)
        if bar.real and waits_for_price(number, bar.i, desk):
            fill_at_open(number, place, bar.first, desk, book)
    if not bar.real:
        return
    if settings.at_open:
        _act_target(bar.first, place, desk, book)
        _close_overdue(bar.first, place, desk, book)
    if state.units != 0.0:
        for at in range(pace.working):
            number = desk.working[at]
            if closes(number, desk) and waits_for_price(number, bar.i, desk):
                fill_at_open(number, place, bar.first, desk, book)


@inlined
def _trade_close(i: int, market: Market, volatility: NDArray[np.float64], desk: Desk, book: Book) -> None:
    """Fill what is due at the close of bar i."""
    state, close = book.state, market.close[i]
    real = len(market.synthetic) == 0 or not market.synthetic[i]
    was_open = state.units != 0.0
    place = Place(i, AT_CLOSE, volatility[i] if len(volatility) > 0 else np.nan)
    for at in range(desk.pace[0].working):
        _act_if_due(desk.working[at], close, real, place, desk, book)
    if real:
        _act_target(close, place, desk, book)
        _close_overdue(close, place, desk, book)
    state.bars_in_market += int(state.units != 0.0) - int(was_open)


@inlined
def _act_if_due(number: int, raw: float, real: bool, place: Place, desk: Desk, book: Book) -> None:
    """Fill a market order, or read a target, where it is due."""
    order, settings = desk.orders[number], book.settings
    before = place.bar + (0 if settings.at_open else 1)
    if order.state != WAITING or order.first > before:
        return
    if order.kind == TARGET:
        _read_target(number, desk, book)
    elif real and is_market(number, desk):
        side = side_of(number, desk, book)
        fill_order(number, raw, settings.market_move, side, place, desk, book)


@inlined
def _read_target(number: int, desk: Desk, book: Book) -> None:
    """Note what a target wants; the one before it, if it still waits to be acted on, is over."""
    pace, order, state = desk.pace[0], desk.orders[number], book.state
    if pace.target == number:
        return
    if pace.target >= 0:
        desk.orders[pace.target].state = CANCELLED
    pace.target = number
    pace.target_stop, pace.target_take = order.stop_loss, order.take_profit
    pace.target_label = order.label
    state.signal_bar = order.made
    state.wanted = order.amount if book.settings.allow_short else max(order.amount, 0.0)


@inlined
def _act_target(raw: float, place: Place, desk: Desk, book: Book) -> None:
    """Bring the position to the target that was read, or back to it."""
    settings, state, pace = book.settings, book.state, desk.pace[0]
    again = settings.rebalance and state.units != 0.0 and state.wanted != 0.0
    if pace.target < 0 and not again:
        return
    units, rejections, flat = state.units, state.rejections, state.times_flat
    if again or state.wanted != state.acted:
        deal = Deal(place.bar, place.moment, raw, settings.market_move, state.signal_bar, pace.target_label)
        order_target(deal, Wish(pace.target_stop, pace.target_take, place.volatility), book)
    if pace.target >= 0:
        order = desk.orders[pace.target]
        if state.units == units and state.rejections > rejections:
            order.state = REJECTED
        else:
            order.state = FILLED
            order.filled_bar = place.bar
            order.filled_units = state.units - units
        pace.target = -1
        pace.happened = 1
    cancel_closing_orders(flat, desk, book)


@inlined
def _close_overdue(raw: float, place: Place, desk: Desk, book: Book) -> None:
    if book.settings.time_stop > 0 and book.state.units != 0.0:
        flat = book.state.times_flat
        close_due_lots(unasked(place.bar, place.moment, raw, book.settings.market_move), book)
        cancel_closing_orders(flat, desk, book)


@inlined
def _expire(i: int, desk: Desk) -> None:
    """Let the orders expire whose last bar this was."""
    pace = desk.pace[0]
    for at in range(pace.working):
        order = desk.orders[desk.working[at]]
        if order.state == WAITING and order.last <= i:
            order.state = EXPIRED
            pace.happened = 1


@inlined
def _next_bar(i: int, market: Market, desk: Desk, book: Book) -> int:
    """Return the first bar from ``i`` on that must be run: something is due, or the market may reach something."""
    settings, state = book.settings, book.state
    n = len(market.close)
    if state.ended:
        return n
    moves = settings.moves_levels or settings.rebalance or settings.borrow_rate > 0.0
    if len(market.synthetic) > 0 or (moves and state.units != 0.0):
        return i
    due, floor, ceiling = _due(i, desk, book)
    due = min(due, n)
    if floor > -np.inf or ceiling < np.inf:
        return range_end(i, min(due, i + LOOK_AHEAD), market.low, market.high, floor, ceiling)
    return due


@inlined
def _due(i: int, desk: Desk, book: Book) -> tuple[int, float, float]:
    """Return the first bar on which an order or a lot is due, and between which prices nothing else can happen."""
    settings, state = book.settings, book.state
    due = np.iinfo(np.int64).max
    note_levels(book)
    floor, ceiling = quiet_range(book)
    if state.units != 0.0 and settings.time_stop > 0:
        due = book.lots[state.first_lot].entry_bar + settings.time_stop + (0 if settings.at_open else 1)
    for at in range(desk.pace[0].working):
        number = desk.working[at]
        order = desk.orders[number]
        due = min(due, order.last, order.dead)
        if not waits_for_price(number, i, desk):
            due = min(due, max(order.first, i))
            continue
        side, level = side_of(number, desk, book), level_of(number, desk)
        if side != 0 and (side > 0) == is_stop(number, desk):
            ceiling = min(ceiling, level)
        elif side != 0:
            floor = max(floor, level)
    return due, floor, ceiling
