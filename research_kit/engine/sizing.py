"""Size: how many units a position gets, and why an order is rejected."""

from __future__ import annotations

import numpy as np

from research_kit.compiled import inlined
from research_kit.engine.commission import order_commission
from research_kit.engine.fills import fill_price, moved
from research_kit.engine.layout import (
    CASH,
    FRACTION,
    NO_STOP,
    NO_VOLATILITY,
    PRICE_NOT_POSITIVE,
    RISK,
    ROUNDING,
    TOO_SMALL,
    UNITS,
    Book,
    Deal,
)


@inlined
def position_units(
    deal: Deal, side: int, exposure: float, levels: tuple[float, float], volatility: float, book: Book
) -> float:
    """Return the units that a position of this exposure gets at this price, or -1 - reason when it is rejected."""
    settings, state = book.settings, book.state
    price = fill_price(deal.raw, side, deal.move)
    if deal.raw <= 0.0 and settings.sizing != UNITS:
        return -1.0 - PRICE_NOT_POSITIVE
    equity = state.cash + state.units * deal.raw
    units = exposure * settings.size
    if settings.sizing == FRACTION:
        units = units_for(units * equity, price, book)
    elif settings.sizing == CASH:
        units = units_for(units, price, book)
    elif settings.sizing == RISK:
        loss = loss_at_stop(price, side, levels[0], book)
        if np.isnan(loss):
            return -1.0 - NO_STOP
        units = units * equity / loss
    elif settings.sizing != UNITS:
        if np.isnan(volatility):
            return -1.0 - NO_VOLATILITY
        wanted = units / volatility if volatility > 0.0 else np.inf
        units = units_for(min(wanted, settings.leverage) * equity, price, book)
    units = round_to_lot(units, settings.lot)
    return units if units > 0.0 else -1.0 - TOO_SMALL


@inlined
def units_for(budget: float, price: float, book: Book) -> float:
    """Return the units whose value and commission together are the budget; 0 when the commission alone exceeds it."""
    settings = book.settings
    if book.commission_function is not None:
        return _units_by_bisection(budget, price, book)
    per_unit = price * (1.0 + settings.commission) + settings.commission_per_unit
    units = (budget - settings.commission_per_order) / per_unit
    charged = settings.commission_per_order + (settings.commission_per_unit + settings.commission * price) * units
    if charged < settings.minimum_commission:
        units = (budget - settings.minimum_commission) / price
    return float(max(units, 0.0))


@inlined
def _units_by_bisection(budget: float, price: float, book: Book) -> float:
    low, high = 0.0, max(budget / price, 0.0)
    if high + order_commission(book, high, price) <= 0.0:
        return 0.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle * price + order_commission(book, middle, price) <= budget:
            low = middle
        else:
            high = middle
    return low


@inlined
def loss_at_stop(price: float, side: int, stop: float, book: Book) -> float:
    """Return the money that one unit loses when the stop fills at its level, costs included; NaN without a stop."""
    settings = book.settings
    trailing = moved(price, -side * settings.trailing_stop)
    if np.isnan(stop) or side * trailing > side * stop:
        stop = trailing
    filled = fill_price(stop, -side, settings.market_move)
    return (  # type: ignore[no-any-return]
        abs(price - filled) + settings.commission * (price + filled) + 2.0 * settings.commission_per_unit
    )


@inlined
def round_to_lot(units: float, lot: float) -> float:
    """Return units rounded towards zero to a multiple of ``lot`` (0: as they are)."""
    if lot <= 0.0:
        return units
    return float(np.floor(units / lot + ROUNDING) * lot)  # 0.3 / 0.1 is 3 lots
