"""What a signal does to the position: targets, events, and the one order that brings a position to its size."""

from __future__ import annotations

from research_kit.compiled import inlined
from research_kit.engine.commission import order_commission
from research_kit.engine.fills import close_units, fill_price, open_lot
from research_kit.engine.layout import (
    ENTER_LONG,
    ENTER_LONG_BIT,
    ENTER_SHORT,
    ENTER_SHORT_BIT,
    EXIT_LONG,
    EXIT_LONG_BIT,
    EXIT_SHORT,
    EXIT_SHORT_BIT,
    INSUFFICIENT_CASH,
    ROUNDING,
    Book,
    Wish,
)
from research_kit.engine.levels import lot_levels
from research_kit.engine.sizing import position_units


@inlined
def order_target(i: int, raw: float, wish: Wish, book: Book) -> None:
    """Bring the position to the wanted exposure: what is on the other side closes first."""
    state = book.state
    wanted = state.wanted
    state.acted = wanted
    if state.units > 0.0 and wanted <= 0.0:
        close_units(i, raw, state.units, EXIT_LONG if wanted == 0.0 else ENTER_SHORT, state.signal_bar, book)
    elif state.units < 0.0 and wanted >= 0.0:
        close_units(i, raw, -state.units, EXIT_SHORT if wanted == 0.0 else ENTER_LONG, state.signal_bar, book)
    if wanted != 0.0:
        _size_position(i, raw, 1 if wanted > 0.0 else -1, abs(wanted), wish, book)


@inlined
def order_events(i: int, raw: float, wish: Wish, book: Book) -> None:
    """Do what the events ask of the position as it is now: exit first, then enter."""
    settings, state = book.settings, book.state
    events = state.events
    state.events = 0
    exits_long, enters_long = events & EXIT_LONG_BIT != 0, events & ENTER_LONG_BIT != 0
    exits_short, enters_short = events & EXIT_SHORT_BIT != 0, events & ENTER_SHORT_BIT != 0
    if state.units > 0.0 and (exits_long or enters_short):
        close_units(i, raw, state.units, EXIT_LONG if exits_long else ENTER_SHORT, state.signal_bar, book)
    elif state.units < 0.0 and (exits_short or enters_long):
        close_units(i, raw, -state.units, EXIT_SHORT if exits_short else ENTER_LONG, state.signal_bar, book)
    if enters_long and state.units <= 0.0:
        _size_position(i, raw, 1, 1.0, wish, book)
    elif enters_short and settings.allow_short and state.units >= 0.0:
        _size_position(i, raw, -1, 1.0, wish, book)


@inlined
def _size_position(i: int, raw: float, side: int, exposure: float, wish: Wish, book: Book) -> None:
    """Bring a flat position, or one of the same side, to its units: open a lot, or close the oldest units."""
    settings, state = book.settings, book.state
    price = fill_price(raw, side, settings.market_move)
    levels = lot_levels(price, side, wish, book)
    units = position_units(raw, side, exposure, levels, wish.volatility, book)
    if units < 0.0:
        _reject(i, int(-1.0 - units), book)
        return
    held = abs(state.units)
    change = units - held
    if abs(change) <= ROUNDING * held:
        return
    if change < 0.0:
        close_units(i, raw, -change, EXIT_LONG if side > 0 else EXIT_SHORT, state.signal_bar, book)
        return
    limit = settings.leverage * (state.cash + state.units * raw)
    if units * price + order_commission(book, change, price) > limit + ROUNDING * abs(limit):
        _reject(i, INSUFFICIENT_CASH, book)
        return
    open_lot(i, raw, side, change, levels, book)


@inlined
def _reject(i: int, reason: int, book: Book) -> None:
    state = book.state
    rejection = book.rejections[state.rejections]
    rejection.bar = i
    rejection.reason = reason
    state.rejections += 1
