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
    Deal,
    Wish,
)
from research_kit.engine.levels import lot_levels
from research_kit.engine.sizing import position_units


@inlined
def order_target(deal: Deal, wish: Wish, book: Book) -> None:
    """Bring the position to the wanted exposure: what is on the other side closes first."""
    state = book.state
    wanted = state.wanted
    state.acted = wanted
    if state.units > 0.0 and wanted <= 0.0:
        close_units(deal, state.units, EXIT_LONG if wanted == 0.0 else ENTER_SHORT, book)
    elif state.units < 0.0 and wanted >= 0.0:
        close_units(deal, -state.units, EXIT_SHORT if wanted == 0.0 else ENTER_LONG, book)
    if wanted != 0.0:
        _size_position(deal, 1 if wanted > 0.0 else -1, abs(wanted), wish, book)


@inlined
def order_events(deal: Deal, wish: Wish, book: Book) -> None:
    """Do what the events ask of the position as it is now: exit first, then enter."""
    settings, state = book.settings, book.state
    events = state.events
    state.events = 0
    exits_long, enters_long = events & EXIT_LONG_BIT != 0, events & ENTER_LONG_BIT != 0
    exits_short, enters_short = events & EXIT_SHORT_BIT != 0, events & ENTER_SHORT_BIT != 0
    if state.units > 0.0 and (exits_long or enters_short):
        close_units(deal, state.units, EXIT_LONG if exits_long else ENTER_SHORT, book)
    elif state.units < 0.0 and (exits_short or enters_long):
        close_units(deal, -state.units, EXIT_SHORT if exits_short else ENTER_LONG, book)
    enters_short = enters_short and not enters_long and settings.allow_short
    if (enters_long and state.units <= 0.0) or (enters_short and state.units >= 0.0):
        _size_position(deal, 1 if enters_long else -1, 1.0, wish, book)


@inlined
def _size_position(deal: Deal, side: int, exposure: float, wish: Wish, book: Book) -> None:
    """Bring a flat position, or one of the same side, to its units: open a lot, or close the oldest units."""
    levels = lot_levels(fill_price(deal.raw, side, deal.move), side, wish, book)
    units = position_units(deal, side, exposure, levels, wish.volatility, book)
    if units < 0.0:
        reject(deal.bar, int(-1.0 - units), book)
        return
    held = abs(book.state.units)
    change = units - held
    if abs(change) <= ROUNDING * held:
        return
    if change < 0.0:
        close_units(deal, -change, EXIT_LONG if side > 0 else EXIT_SHORT, book)
    else:
        add_units(deal, side, change, levels, book)


@inlined
def add_units(deal: Deal, side: int, units: float, levels: tuple[float, float], book: Book) -> bool:
    """Open a lot beside what is held on this side; return False where the leverage does not allow it."""
    settings, state = book.settings, book.state
    price = fill_price(deal.raw, side, deal.move)
    limit = settings.leverage * (state.cash + state.units * deal.raw)
    whole = abs(state.units) + units
    if whole * abs(price) + order_commission(book, units, price) > limit + ROUNDING * abs(limit):
        reject(deal.bar, INSUFFICIENT_CASH, book)
        return False
    open_lot(deal, side, units, levels, book)
    return True


@inlined
def reject(bar: int, reason: int, book: Book) -> None:
    """Note that an order was rejected."""
    state = book.state
    rejection = book.rejections[state.rejections]
    rejection.bar = bar
    rejection.reason = reason
    state.rejections += 1
