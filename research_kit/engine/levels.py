"""Inside a bar: stops, targets, trailing stops, and liquidation."""

from __future__ import annotations

from typing import Any

import numpy as np

from research_kit.compiled import inlined
from research_kit.engine.fills import close_lot, close_units, moved, unasked
from research_kit.engine.layout import (
    INSIDE,
    LIQUIDATION,
    NEAREST_OPEN,
    STOP_FIRST,
    STOP_LOSS,
    TAKE_PROFIT,
    TRAILING_STOP,
    Bar,
    Book,
    Deal,
    Wish,
)


@inlined
def lot_levels(price: float, side: int, wish: Wish, book: Book) -> tuple[float, float]:
    """Return stop and target of a lot that fills at ``price``: the strategy's own where given, else the options'."""
    settings = book.settings
    stop = moved(price, -side * settings.stop_loss) if np.isnan(wish.stop) else wish.stop
    target = moved(price, side * settings.take_profit) if np.isnan(wish.target) else wish.target
    return stop, target


@inlined
def check_levels(bar: Bar, book: Book) -> None:
    """Close each lot whose stop or target this bar reaches: first at the open, then inside the bar."""
    close_gaps(bar, book)
    if book.state.units != 0.0:
        check_inside(bar, book)


@inlined
def close_gaps(bar: Bar, book: Book) -> None:
    """Close the lots with a level that the open has reached, oldest first."""
    state, settings = book.state, book.settings
    at = state.first_lot
    while at < state.last_lot:
        label = _reached_at_open(bar.first, effective_stop(book.lots[at], settings), book.lots[at])
        if label < 0 or margin_is_gone(state.cash, state.units, bar.first, settings.maintenance_margin):
            at += 1
        else:
            close_lot(at, level_deal(bar.i, bar.first, label, settings), label, book)
            at = max(at, state.first_lot)


@inlined
def check_inside(bar: Bar, book: Book) -> None:
    """Close each lot whose stop or target the bar reaches, oldest first; count the bar when one reaches both."""
    settings, state = book.settings, book.state
    ambiguous = False
    at = state.first_lot
    while at < state.last_lot:
        raw, label, both = _exit_inside(bar, book.lots[at], book.settings)
        ambiguous = ambiguous or both
        if label < 0 or margin_is_gone(state.cash, state.units, raw, settings.maintenance_margin):
            at += 1
        else:
            close_lot(at, level_deal(bar.i, raw, label, settings), label, book)
            at = max(at, state.first_lot)
    if ambiguous:
        state.ambiguous_bars += 1


@inlined
def ends_of(bar: Bar, side: int) -> tuple[float, float]:
    """Return the adverse and the favourable extreme of a bar for a position on this side."""
    market, i = bar.market, bar.i
    return (market.low[i], market.high[i]) if side > 0 else (market.high[i], market.low[i])


@inlined
def level_deal(i: int, raw: float, label: int, settings: Any) -> Deal:
    """Return the deal of a level that acts inside a bar: a target is a limit, a stop is not."""
    return unasked(i, INSIDE, raw, 0.0 if label == TAKE_PROFIT else settings.market_move)


@inlined
def _exit_inside(bar: Bar, lot: Any, settings: Any) -> tuple[float, int, bool]:
    """Return raw price, label (-1: none) and whether both levels were reached, for one lot on one bar."""
    side, first = lot.side, bar.first
    stop = effective_stop(lot, settings)
    gap = _reached_at_open(first, stop, lot)
    if gap >= 0:  # a gap that liquidation takes: no level inside the bar can be better
        return first, gap, False
    adverse, favourable = ends_of(bar, side)
    stopped, reached = side * adverse <= side * stop, side * favourable >= side * lot.target
    if stopped and (not reached or _stop_comes_first(first, stop, lot.target, settings.intrabar)):
        return stop, stop_label(stop, lot), reached
    if reached:
        return lot.target, TAKE_PROFIT, stopped
    return 0.0, -1, False


@inlined
def _reached_at_open(first: float, stop: float, lot: Any) -> int:
    if lot.side * first <= lot.side * stop:
        return stop_label(stop, lot)
    return TAKE_PROFIT if lot.side * first >= lot.side * lot.target else -1


@inlined
def stop_label(stop: float, lot: Any) -> int:
    """Return which of its stops a lot's effective stop is."""
    return STOP_LOSS if stop == lot.stop else TRAILING_STOP


@inlined
def effective_stop(lot: Any, settings: Any) -> float:
    """Return the nearer of stop and trailing stop, NaN when there is neither."""
    trailing = moved(lot.best, -lot.side * settings.trailing_stop)
    if not np.isnan(trailing) and (np.isnan(lot.stop) or lot.side * trailing > lot.side * lot.stop):
        return float(trailing)
    return float(lot.stop)


@inlined
def note_levels(book: Book) -> None:
    """Note between which prices no level of an open lot is reached."""
    state = book.state
    state.floor, state.ceiling = -np.inf, np.inf
    for at in range(state.first_lot, state.last_lot):
        lot = book.lots[at]
        stop = effective_stop(lot, book.settings)
        below, above = (stop, lot.target) if lot.side > 0 else (lot.target, stop)
        if not np.isnan(below):
            state.floor = max(state.floor, below)
        if not np.isnan(above):
            state.ceiling = min(state.ceiling, above)


@inlined
def _stop_comes_first(first: float, stop: float, target: float, rule: int) -> bool:
    if rule == NEAREST_OPEN:
        return abs(first - stop) <= abs(target - first)
    return rule == STOP_FIRST


@inlined
def follow_best(bar: Bar, book: Book) -> None:
    """Let the trailing stop of every open lot follow this bar, now that it is completed."""
    state = book.state
    if not book.settings.moves_levels:
        return
    for at in range(state.first_lot, state.last_lot):
        lot = book.lots[at]
        if lot.moment == INSIDE and lot.entry_bar == bar.i:
            continue  # the bar's best price may have come before the lot
        favourable = ends_of(bar, lot.side)[1]
        lot.best = max(lot.best, favourable) if lot.side > 0 else min(lot.best, favourable)


@inlined
def margin_is_gone(cash: float, units: float, price: float, maintenance_margin: float) -> bool:
    return cash + units * price <= maintenance_margin * abs(units * price)


@inlined
def check_margin(bar: Bar, book: Book) -> None:
    """Liquidate the position when the bar's adverse extreme leaves no more than the maintenance margin."""
    settings, state = book.settings, book.state
    if settings.positive_prices and state.units > 0.0 and state.cash >= 0.0:
        return  # what is owned without a debt is always worth something, and needs no look at the bar
    adverse = ends_of(bar, 1 if state.units > 0.0 else -1)[0]
    if not margin_is_gone(state.cash, state.units, adverse, settings.maintenance_margin):
        return
    close_units(unasked(bar.i, INSIDE, adverse, settings.market_move), abs(state.units), LIQUIDATION, book)
    state.liquidations += 1
    state.ended = state.cash <= 0.0
