"""Fills: what a market price costs a trader, lots that open, lots that close and become trades."""

from __future__ import annotations

import numpy as np

from research_kit.compiled import inlined
from research_kit.engine.commission import order_commission
from research_kit.engine.layout import (
    ENTER_LONG,
    ENTER_SHORT,
    NO_LABEL,
    NO_SIGNAL,
    ROUNDING,
    TIME_STOP,
    Book,
    Deal,
    Exit,
)

DUST = 1e-14  # of the value of an order: what rounding leaves of the cash


@inlined
def moved(price: float, fraction: float) -> float:
    """Return a price moved up by a fraction of its size; a price below zero moves up as well."""
    return price + fraction * abs(price)  # in this form 10 % above 100 is 110 exactly


@inlined
def fill_price(raw: float, direction: float, move: float) -> float:
    """Return the raw price moved against the trader; ``direction`` is 1 for a buy and -1 for a sale."""
    return moved(raw, direction * move)


@inlined
def open_lot(deal: Deal, side: int, units: float, levels: tuple[float, float], book: Book) -> None:
    """Open a lot of ``units`` and pay for it."""
    state = book.state
    price = fill_price(deal.raw, side, deal.move)
    commission = order_commission(book, units, price)
    _account(side * units, price, deal.raw, commission, book)
    if abs(state.cash) <= DUST * units * abs(price):
        state.cash = 0.0  # all-in leaves no cash, and no rounding that could be mistaken for a debt
    lot = book.lots[state.last_lot]
    state.last_lot += 1
    lot.entry_bar = deal.bar
    lot.moment = deal.moment
    lot.side = side
    lot.units = units
    lot.price = price
    lot.raw = deal.raw
    lot.commission = commission
    lot.borrow = 0.0
    lot.stop, lot.target = levels
    lot.best = price
    lot.label = label_of(deal, ENTER_LONG if side > 0 else ENTER_SHORT)
    lot.signal_bar = deal.signal_bar


@inlined
def close_lot(at: int, deal: Deal, label: int, book: Book) -> None:
    """Close one whole lot by an order of its own, and take it out of the row of lots."""
    lot = book.lots[at]
    price = fill_price(deal.raw, -lot.side, deal.move)
    commission = order_commission(book, lot.units, price)
    _account(-lot.side * lot.units, price, deal.raw, commission, book)
    _record(at, lot.units, Exit(deal, price, commission, label_of(deal, label)), book)
    _remove(at, book)


@inlined
def close_units(deal: Deal, units: float, label: int, book: Book) -> None:
    """Close ``units`` by one order, the oldest lots first; all of them when ``units`` is the whole position."""
    state = book.state
    side = 1 if state.units > 0.0 else -1
    whole = units >= abs(state.units)
    price = fill_price(deal.raw, -side, deal.move)
    commission = order_commission(book, units, price)
    _account(-side * units, price, deal.raw, commission, book)
    left = units
    while state.first_lot < state.last_lot and (whole or left > ROUNDING * units):
        at = state.first_lot
        held = book.lots[at].units
        taken = held if whole or held <= left * (1.0 + ROUNDING) else left
        _record(at, taken, Exit(deal, price, commission * taken / units, label_of(deal, label)), book)
        left -= taken
        if taken == held:
            state.first_lot += 1
        else:
            _keep_rest(at, taken, book)
    _settle(book)


@inlined
def close_due_lots(deal: Deal, book: Book) -> None:
    """Close by one order every lot that has been open for ``time_stop`` bars (they are the oldest)."""
    settings, state = book.settings, book.state
    due, at = 0.0, state.first_lot
    while at < state.last_lot and deal.bar - book.lots[at].entry_bar >= settings.time_stop:
        due += book.lots[at].units
        at += 1
    if due > 0.0:
        close_units(deal, due if at < state.last_lot else abs(state.units), TIME_STOP, book)


@inlined
def unasked(bar: int, moment: int, raw: float, move: float) -> Deal:
    """Return a deal that no signal asked for: a stop, a liquidation, the end of the data."""
    return Deal(bar, moment, raw, move, NO_SIGNAL, NO_LABEL)


@inlined
def label_of(deal: Deal, usual: int) -> int:
    return usual if deal.label == NO_LABEL else deal.label


@inlined
def _account(signed_units: float, price: float, raw: float, commission: float, book: Book) -> None:
    state = book.state
    units = abs(signed_units)
    state.cash -= signed_units * price + commission
    state.units += signed_units
    state.traded_value += units * abs(price)
    state.total_commission += commission
    state.total_slippage += units * abs(price - raw)


@inlined
def _record(at: int, units: float, leaving: Exit, book: Book) -> None:
    """Write the trade that closing ``units`` of a lot makes."""
    state = book.state
    lot = book.lots[at]
    trade = book.trades[state.trades]
    state.trades += 1
    share = units / lot.units
    trade.entry_bar = lot.entry_bar
    trade.exit_bar = leaving.deal.bar
    trade.side = lot.side
    trade.quantity = units
    trade.entry_price = lot.price
    trade.exit_price = leaving.price
    trade.entry_raw = lot.raw
    trade.exit_raw = leaving.deal.raw
    trade.entry_commission = lot.commission * share
    trade.commission = trade.entry_commission + leaving.commission
    trade.borrow = lot.borrow * share
    trade.slippage = units * (abs(lot.price - lot.raw) + abs(leaving.price - leaving.deal.raw))
    trade.pnl = lot.side * units * (leaving.price - lot.price) - trade.commission - trade.borrow
    trade.max_profit = np.nan
    trade.max_loss = np.nan
    trade.entry_label = lot.label
    trade.exit_label = leaving.label
    trade.entry_signal_bar = lot.signal_bar
    trade.exit_signal_bar = leaving.deal.signal_bar
    trade.entry_moment = lot.moment
    trade.exit_moment = leaving.deal.moment


@inlined
def _keep_rest(at: int, taken: float, book: Book) -> None:
    lot = book.lots[at]
    rest = 1.0 - taken / lot.units
    lot.units -= taken
    lot.commission *= rest
    lot.borrow *= rest


@inlined
def _remove(at: int, book: Book) -> None:
    state = book.state
    for k in range(at, state.last_lot - 1):
        book.lots[k] = book.lots[k + 1]
    state.last_lot -= 1
    _settle(book)


@inlined
def _settle(book: Book) -> None:
    """Make the position exactly flat when no lot is left."""
    state = book.state
    if state.first_lot == state.last_lot:
        state.units = 0.0
        state.first_lot = 0
        state.last_lot = 0
        state.times_flat += 1
