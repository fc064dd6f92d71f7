"""When the market reaches an order: at the open, or inside the bar (docs/semantics.md, Orders)."""

from __future__ import annotations

import numpy as np

from research_kit.compiled import inlined
from research_kit.engine.desk.filling import fill_order, is_market
from research_kit.engine.desk.layout import Desk, Place
from research_kit.engine.layout import Bar, Book
from research_kit.engine.levels import ends_of, margin_is_gone
from research_kit.strategy.order import (
    CLOSE_PART,
    CLOSE_UNITS,
    JUST_REACHED,
    NOT_REACHED,
    REACHED,
    TARGET,
    WAITING,
)


@inlined
def waits_for_price(number: int, bar: int, desk: Desk) -> bool:
    """Return whether an order with a limit or a stop lives on this bar."""
    order = desk.orders[number]
    waits = order.state == WAITING and order.first <= bar and order.kind < TARGET
    return waits and not is_market(number, desk)


@inlined
def side_of(number: int, desk: Desk, book: Book) -> int:
    """Return 1 for an order that buys, -1 for one that sells, 0 for a closing order while there is nothing to close."""
    order = desk.orders[number]
    if order.kind == CLOSE_PART or order.kind == CLOSE_UNITS:  # noqa: PLR1714 - compiled
        units = book.state.units
        return -1 if units > 0.0 else 1 if units < 0.0 else 0
    return int(order.side)


@inlined
def closes(number: int, desk: Desk) -> bool:
    kind = desk.orders[number].kind
    return kind == CLOSE_PART or kind == CLOSE_UNITS  # type: ignore[no-any-return]  # noqa: PLR1714 - compiled


@inlined
def is_stop(number: int, desk: Desk) -> bool:
    """Return whether an order still waits for its stop."""
    order = desk.orders[number]
    return not np.isnan(order.stop) and order.stop_reached == NOT_REACHED


@inlined
def level_of(number: int, desk: Desk) -> float:
    """Return the price that an order waits for now."""
    order = desk.orders[number]
    return float(order.stop) if is_stop(number, desk) else float(order.limit)


@inlined
def fill_at_open(number: int, place: Place, first: float, desk: Desk, book: Book) -> None:
    """Fill an order that waits, where the open reaches it."""
    order, side = desk.orders[number], side_of(number, desk, book)
    if side == 0:
        return
    move = book.settings.market_move
    if is_stop(number, desk):
        if side * first < side * order.stop:
            return
        if not np.isnan(order.limit):
            order.stop_reached = REACHED
    if not np.isnan(order.limit):
        if side * first > side * order.limit:
            return
        move = 0.0
    fill_order(number, first, move, side, place, desk, book)


@inlined
def reached_inside(number: int, bar: Bar, desk: Desk, book: Book) -> bool:
    """Return whether the bar's range reaches what an order waits for."""
    order, side = desk.orders[number], side_of(number, desk, book)
    if side == 0 or order.stop_reached == JUST_REACHED:
        return False
    level = level_of(number, desk)
    lower, upper = ends_of(bar, 1)
    rises = (side > 0) == is_stop(number, desk)  # a buy stop and a sell limit wait above
    return upper >= level if rises else lower <= level


@inlined
def fill_inside(number: int, place: Place, desk: Desk, book: Book) -> bool:
    """Fill an order at its level, which the bar reaches; return whether a lot was opened."""
    order, side, state = desk.orders[number], side_of(number, desk, book), book.state
    level, by_stop = level_of(number, desk), is_stop(number, desk)
    limited = not np.isnan(order.limit)
    gone = state.units != 0.0 and margin_is_gone(state.cash, state.units, level, book.settings.maintenance_margin)
    if by_stop and limited and (gone or side * level > side * order.limit):
        order.stop_reached = JUST_REACHED
        return False
    if gone:
        return False
    return fill_order(number, level, 0.0 if limited else book.settings.market_move, side, place, desk, book)
