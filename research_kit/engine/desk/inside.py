"""The inside of a bar for orders: gaps, closing orders, levels, opening orders, the levels of what they opened."""

from __future__ import annotations

from typing import Any

import numpy as np

from research_kit.compiled import inlined
from research_kit.engine.desk.filling import cancel_all, cancel_closing_orders
from research_kit.engine.desk.layout import Desk, Place
from research_kit.engine.desk.reaching import (
    closes,
    fill_inside,
    is_stop,
    level_of,
    reached_inside,
    waits_for_price,
)
from research_kit.engine.fills import close_lot
from research_kit.engine.layout import (
    INSIDE,
    TAKE_PROFIT,
    TARGET_FIRST,
    Bar,
    Book,
)
from research_kit.engine.levels import (
    check_inside,
    check_margin,
    close_gaps,
    effective_stop,
    ends_of,
    level_deal,
    margin_is_gone,
    stop_label,
)
from research_kit.strategy.order import JUST_REACHED, REACHED


@inlined
def trade_inside(bar: Bar, volatility: float, desk: Desk, book: Book) -> None:
    """Do what happens between a bar's open and its close, in the order of docs/semantics.md."""
    state = book.state
    place, flat = Place(bar.i, INSIDE, volatility), state.times_flat
    stops_first = book.settings.intrabar != TARGET_FIRST
    ambiguous = state.ambiguous_bars
    if state.units != 0.0:
        close_gaps(bar, book)
        cancel_closing_orders(flat, desk, book)
    _fill_closing(bar, stops_first, place, desk, book)
    flat = state.times_flat
    if state.units != 0.0:
        check_inside(bar, book)
        cancel_closing_orders(flat, desk, book)
    _fill_closing(bar, not stops_first, place, desk, book)
    if _fill_opening(bar, place, desk, book):
        flat = state.times_flat
        _check_new_lots(bar, book)
        cancel_closing_orders(flat, desk, book)
    state.ambiguous_bars = min(state.ambiguous_bars, ambiguous + 1)  # it counts bars
    if state.units != 0.0:
        flat = state.times_flat
        check_margin(bar, book)
        cancel_closing_orders(flat, desk, book)
        if state.ended:
            cancel_all(desk)
    _end_of_bar(desk)


@inlined
def _fill_closing(bar: Bar, stops: bool, place: Place, desk: Desk, book: Book) -> None:
    """Fill the closing stop orders, or the closing limit orders, that the bar reaches; the oldest first."""
    for at in range(desk.pace[0].working):
        number = desk.working[at]
        if (
            waits_for_price(number, bar.i, desk)
            and closes(number, desk)
            and is_stop(number, desk) == stops
            and reached_inside(number, bar, desk, book)
        ):
            fill_inside(number, place, desk, book)


@inlined
def _fill_opening(bar: Bar, place: Place, desk: Desk, book: Book) -> bool:
    """Fill the buy and sell orders that the bar reaches, the nearest to the open first; return whether one opened."""
    opened_any = False
    last_gap, last_at = -1.0, -1
    while True:
        nearest, nearest_gap = -1, np.inf
        for at in range(desk.pace[0].working):
            number = desk.working[at]
            if not waits_for_price(number, bar.i, desk) or closes(number, desk):
                continue
            gap = abs(level_of(number, desk) - bar.first)
            is_later = gap > last_gap or (gap == last_gap and at > last_at)
            if is_later and gap < nearest_gap and reached_inside(number, bar, desk, book):
                nearest, nearest_gap = at, gap
        if nearest < 0:
            return opened_any
        last_gap, last_at = nearest_gap, nearest
        number = desk.working[nearest]
        by_stop = is_stop(number, desk)
        if fill_inside(number, place, desk, book):
            book.lots[book.state.last_lot - 1].by_stop = by_stop
            opened_any = True


@inlined
def _check_new_lots(bar: Bar, book: Book) -> None:
    """Let the levels of the lots act that opened inside this bar, oldest first."""
    state, settings = book.state, book.settings
    ambiguous = False
    at = state.first_lot
    while at < state.last_lot:
        lot = book.lots[at]
        if lot.moment != INSIDE or lot.entry_bar != bar.i:
            at += 1
            continue
        raw, label, unsure = _exit_after_entry(bar, lot, settings)
        ambiguous = ambiguous or unsure
        if label < 0 or margin_is_gone(state.cash, state.units, raw, settings.maintenance_margin):
            at += 1
        else:
            close_lot(at, level_deal(bar.i, raw, label, settings), label, book)
            at = max(at, state.first_lot)
    if ambiguous:
        state.ambiguous_bars += 1


@inlined
def _exit_after_entry(bar: Bar, lot: Any, settings: Any) -> tuple[float, int, bool]:
    """Return raw price, label (-1: none) and whether it is a guess, for a lot that opened inside this bar.

    What lies beyond the entry in the direction in which the price came is seen after it for certain.
    """
    side, filled = lot.side, lot.raw
    stop, target = effective_stop(lot, settings), lot.target
    if side * filled <= side * stop:
        return filled, stop_label(stop, lot), False
    if side * filled >= side * target:
        return filled, TAKE_PROFIT, False
    adverse, favourable = ends_of(bar, side)
    stopped, reached = side * adverse <= side * stop, side * favourable >= side * target
    unsure = (stopped and (reached or lot.by_stop)) or (reached and not lot.by_stop)
    target_first = settings.intrabar == TARGET_FIRST
    if reached and (target_first or (lot.by_stop and not stopped)):
        return target, TAKE_PROFIT, unsure
    if stopped:
        return stop, stop_label(stop, lot), unsure
    return 0.0, -1, unsure


@inlined
def _end_of_bar(desk: Desk) -> None:
    """Make limit orders of the stop-limit orders whose stop this bar reached."""
    for at in range(desk.pace[0].working):
        order = desk.orders[desk.working[at]]
        if order.stop_reached == JUST_REACHED:
            order.stop_reached = REACHED
