"""Quiet stretches: how long nothing can happen, found without a look at each bar by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.compiled import inlined
from research_kit.engine.ahead import look_from
from research_kit.engine.layout import (
    ENTER_LONG_BIT,
    ENTER_SHORT_BIT,
    EXIT_LONG_BIT,
    EXIT_SHORT_BIT,
    Book,
    Calm,
    Market,
    Wishes,
)

CHUNK = 64  # bars that are looked at together: a loop of fixed length runs in vectors


@inlined
def quiet_end(i: int, market: Market, wishes: Wishes, book: Book) -> int:
    """Return the first bar from ``i`` on in which something may happen; the last bar is never quiet.

    Signals and prices are looked at by turns, a stretch at a time: neither is read far beyond what ends the quiet.
    """
    calm, last = _calm(book), len(market.close) - 1
    if i < calm.lag or not _can_be_quiet(len(market.synthetic), book) or _speaks(wishes.signal[i - calm.lag], calm):
        return i
    is_bounded = calm.units != 0.0 and (calm.floor > -np.inf or calm.ceiling < np.inf)
    known, end = i - calm.lag + 1, i  # what asks for nothing once asks for nothing again
    while end < last:
        start = end
        look_from(known, market, wishes, book)
        known = _next_word(calm, wishes.signal, book)
        end = min(known + calm.lag, last)
        if is_bounded:
            reached = range_end(start, end, market.low, market.high, calm.floor, calm.ceiling)
            if reached < end:
                return reached
        if known < book.ahead.until:
            return end
    return last


@inlined
def _next_word(calm: Calm, signal: NDArray[Any], book: Book) -> int:
    """Return the first bar among those looked at whose signal asks for something, or the first that was not."""
    ahead = book.ahead
    for k in range(ahead.next, ahead.count):
        place = book.places[k]
        if place < len(signal) and _speaks(signal[place], calm):
            return int(place)
    return int(ahead.until)


@inlined
def range_end(
    at: int, end: int, low: NDArray[np.float64], high: NDArray[np.float64], floor: float, ceiling: float
) -> int:
    """Return the first bar from ``at`` on whose range reaches the floor or the ceiling."""
    while at + CHUNK <= end:
        lows, highs = low[at : at + CHUNK], high[at : at + CHUNK]
        hits = 0
        for k in range(CHUNK):
            hits += (lows[k] <= floor) | (highs[k] >= ceiling)
        if hits > 0:
            break
        at += CHUNK
    while at < end and low[at] > floor and high[at] < ceiling:
        at += 1
    return at


@inlined
def _can_be_quiet(synthetic_bars: int, book: Book) -> bool:
    """Return False where every bar must be looked at: what waits, or moves with each bar."""
    settings, state = book.settings, book.state
    moves = settings.moves_levels or settings.time_stop > 0 or settings.borrow_rate > 0.0
    return synthetic_bars == 0 and not settings.rebalance and not (moves and state.units != 0.0)


@inlined
def _calm(book: Book) -> Calm:
    settings, state = book.settings, book.state
    floor, ceiling = quiet_range(book)
    return Calm(
        lag=settings.delay + (1 if settings.at_open else 0),
        units=state.units,
        floor=floor,
        ceiling=ceiling,
        is_target=settings.is_target,
        acted=state.acted,
        least=-np.inf if settings.allow_short else 0.0,
        heard=_events_that_act(state.units),
        ended=state.ended,
    )


@inlined
def quiet_range(book: Book) -> tuple[float, float]:
    """Return the prices between which neither a level of an open lot is reached nor the margin is gone."""
    settings, state = book.settings, book.state
    floor, ceiling = state.floor, state.ceiling
    if state.units != 0.0:
        near = _price_near_the_margin(state.cash, state.units, settings.maintenance_margin)
        floor, ceiling = (max(floor, near), ceiling) if state.units > 0.0 else (floor, min(ceiling, near))
    if floor <= 0.0 and settings.positive_prices:
        floor = -np.inf  # no price gets there, so that none needs to be looked at
    return floor, ceiling


@inlined
def _price_near_the_margin(cash: float, units: float, margin: float) -> float:
    """Return a price shortly before the one at which the margin is gone (``margin_is_gone`` decides at that bar)."""
    share = 1.0 + margin if cash > 0.0 else 1.0 - margin
    gone = -cash / (units * share)
    return gone + 1e-6 * abs(gone) if units > 0.0 else gone - 1e-6 * abs(gone)


@inlined
def _speaks(signal: float, calm: Calm) -> bool:
    """Return True where a signal asks for something else than what is."""
    if calm.ended:
        return False
    if not calm.is_target:
        return int(signal) & calm.heard != 0
    target = max(float(signal), calm.least)
    return target != calm.acted and not np.isnan(float(signal))


@inlined
def _events_that_act(units: float) -> int:
    """Return the event bits that a position of these units listens to."""
    if units > 0.0:
        return EXIT_LONG_BIT | ENTER_SHORT_BIT
    if units < 0.0:
        return EXIT_SHORT_BIT | ENTER_LONG_BIT
    return ENTER_LONG_BIT | ENTER_SHORT_BIT
