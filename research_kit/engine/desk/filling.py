"""What an order does when it fills, and what that does to the others (docs/semantics.md, Orders)."""

from __future__ import annotations

import numpy as np

from research_kit.compiled import inlined
from research_kit.engine.desk.layout import Desk, Place
from research_kit.engine.fills import close_units, fill_price
from research_kit.engine.layout import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    ROUNDING,
    SHORT_NOT_ALLOWED,
    TOO_SMALL,
    Book,
    Deal,
    Wish,
)
from research_kit.engine.levels import lot_levels
from research_kit.engine.orders import add_units, reject
from research_kit.engine.sizing import position_units, round_to_lot
from research_kit.strategy.order import (
    CANCELLED,
    CLOSE_PART,
    CLOSE_UNITS,
    FILLED,
    REJECTED,
    SIZE,
    TARGET,
    UNITS,
    WAITING,
)


@inlined
def fill_order(number: int, raw: float, move: float, side: int, place: Place, desk: Desk, book: Book) -> bool:
    """Fill an order that buys (1) or sells (-1) at a raw price; return whether a lot was opened."""
    order, state = desk.orders[number], book.state
    before, rejected, flat = state.units, state.rejections, state.times_flat
    deal = Deal(place.bar, place.moment, raw, move, order.made, order.label)
    opened = False
    if order.kind == SIZE:
        opened = _fill_size(deal, side, number, place.volatility, desk, book)
    elif order.kind == UNITS:
        opened = _fill_units(deal, side, number, desk, book)
    elif state.units != 0.0:
        _fill_close(deal, number, desk, book)
    if state.units != before:
        order.state = FILLED
        order.filled_bar = place.bar
        order.filled_price = fill_price(raw, side, move)
        order.filled_units = state.units - before
        _cancel_group(number, desk)
    else:
        order.state = REJECTED if state.rejections > rejected else CANCELLED  # a close of nothing is cancelled
    if order.state != CANCELLED:
        desk.pace[0].happened = 1
    cancel_closing_orders(flat, desk, book)
    return opened


@inlined
def _fill_size(deal: Deal, side: int, number: int, volatility: float, desk: Desk, book: Book) -> bool:
    """Close what is on the other side, then open a lot of its own size."""
    order, state = desk.orders[number], book.state
    if side * state.units < 0.0:
        close_units(deal, abs(state.units), ENTER_LONG if side > 0 else ENTER_SHORT, book)
    if side < 0 and not book.settings.allow_short:
        reject(deal.bar, SHORT_NOT_ALLOWED, book)
        return False
    levels = lot_levels(
        fill_price(deal.raw, side, deal.move), side, Wish(order.stop_loss, order.take_profit, volatility), book
    )
    units = position_units(deal, side, order.amount, levels, volatility, book)
    if units < 0.0:
        reject(deal.bar, int(-1.0 - units), book)
        return False
    return add_units(deal, side, units, levels, book)


@inlined
def _fill_units(deal: Deal, side: int, number: int, desk: Desk, book: Book) -> bool:
    """Trade units: those of the other side close, the rest opens."""
    order, state, settings = desk.orders[number], book.state, book.settings
    barred = side < 0 and not settings.allow_short
    if barred and state.units <= 0.0:
        reject(deal.bar, SHORT_NOT_ALLOWED, book)
        return False
    units = round_to_lot(order.amount, settings.lot)
    if units <= 0.0:
        reject(deal.bar, TOO_SMALL, book)
        return False
    if side * state.units < 0.0:
        held = abs(state.units)
        rest = units - held
        goes_on = rest > ROUNDING * held
        if not goes_on:
            close_units(deal, _near_whole(units, held), EXIT_SHORT if side > 0 else EXIT_LONG, book)
            return False
        close_units(deal, held, ENTER_LONG if side > 0 else ENTER_SHORT, book)
        units = rest
    if barred:
        reject(deal.bar, SHORT_NOT_ALLOWED, book)
        return False
    wish = Wish(order.stop_loss, order.take_profit, np.nan)
    levels = lot_levels(fill_price(deal.raw, side, deal.move), side, wish, book)
    return add_units(deal, side, units, levels, book)


@inlined
def _fill_close(deal: Deal, number: int, desk: Desk, book: Book) -> None:
    order, state, settings = desk.orders[number], book.state, book.settings
    held = abs(state.units)
    units = order.amount * held if order.kind == CLOSE_PART else order.amount
    if units < held:
        units = round_to_lot(units, settings.lot)
        if units <= 0.0:
            reject(deal.bar, TOO_SMALL, book)
            return
    close_units(deal, _near_whole(units, held), EXIT_LONG if state.units > 0.0 else EXIT_SHORT, book)


@inlined
def _near_whole(units: float, held: float) -> float:
    """Return the units to close: all of them where only rounding would be left."""
    return held if held - units <= ROUNDING * held else units


@inlined
def _cancel_group(number: int, desk: Desk) -> None:
    """Cancel the orders that this one stands for: one cancels the other."""
    group = desk.orders[number].group
    for at in range(desk.pace[0].working):
        order = desk.orders[desk.working[at]]
        if order.group == group and order.state == WAITING:
            order.state = CANCELLED


@inlined
def cancel_closing_orders(times_flat: int, desk: Desk, book: Book) -> None:
    """Cancel the closing orders that wait for a price, where the position has become flat since ``times_flat``."""
    if book.state.times_flat == times_flat:
        return
    for at in range(desk.pace[0].working):
        order = desk.orders[desk.working[at]]
        closes = order.kind == CLOSE_PART or order.kind == CLOSE_UNITS  # noqa: PLR1714 - no tuples in the kernel
        if closes and order.state == WAITING and not (np.isnan(order.limit) and np.isnan(order.stop)):
            order.state = CANCELLED


@inlined
def cancel_all(desk: Desk) -> None:
    """Cancel everything that has not ended."""
    for at in range(desk.pace[0].working):
        order = desk.orders[desk.working[at]]
        if order.state == WAITING:
            order.state = CANCELLED


@inlined
def drop_ended(desk: Desk) -> None:
    """Take the orders that have ended out of those that work, and keep the others in their order."""
    pace = desk.pace[0]
    kept = 0
    for at in range(pace.working):
        number = desk.working[at]
        if desk.orders[number].state == WAITING:
            desk.working[kept] = number
            kept += 1
    pace.working = kept


@inlined
def is_market(number: int, desk: Desk) -> bool:
    """Return whether an order is a buy, sell or close without limit and stop."""
    order = desk.orders[number]
    return order.kind < TARGET and np.isnan(order.limit) and np.isnan(order.stop)  # type: ignore[no-any-return]
