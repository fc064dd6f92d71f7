"""One pass over the bars: quiet stretches are marked in a tight loop, every other bar is traded step by step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from research_kit.compiled import compiled_kernel, inlined
from research_kit.engine.fills import close_due_lots, close_units
from research_kit.engine.layout import (
    END_OF_DATA,
    ENTER_LONG_BIT,
    ENTER_SHORT_BIT,
    EXIT_LONG_BIT,
    EXIT_SHORT_BIT,
    TIME_STOP,
    Bar,
    Book,
    Calm,
    Market,
    Wish,
    Wishes,
)
from research_kit.engine.levels import check_levels, check_margin, follow_best, note_levels, usable_open
from research_kit.engine.orders import order_events, order_target

YEAR_NS = 365 * 86_400 * 1_000_000_000
SPARE = 8  # more trades, lots and rejections than one bar can add beside its open lots


@compiled_kernel
def run_bars(start: int, market: Market, wishes: Wishes, book: Book, equity: NDArray[np.float64]) -> int:
    """Run the bars from ``start`` on; return the number of bars, or the bar that waits for larger buffers.

    ``equity`` is written at each bar when it has their length; an empty array is left alone.
    """
    n = len(market.close)
    i = start
    while i < n and _has_room(book):
        i = _mark_quiet_bars(i, market, wishes, book, equity)
        if i < n:
            _run_bar(i, market, wishes, book)
            if len(equity) == n:
                equity[i] = book.state.cash + book.state.units * market.close[i]
            i += 1
    return i


@inlined
def _has_room(book: Book) -> bool:
    state = book.state
    return (  # type: ignore[no-any-return]
        state.last_lot + SPARE <= len(book.lots)
        and state.trades + (state.last_lot - state.first_lot) + SPARE <= len(book.trades)
        and state.rejections + SPARE <= len(book.rejections)
    )


@inlined
def _mark_quiet_bars(i: int, market: Market, wishes: Wishes, book: Book, equity: NDArray[np.float64]) -> int:
    """Mark the bars from ``i`` on in which nothing can happen; return the first in which something may."""
    state = book.state
    n, first, calm = len(market.close), i, _calm(book)
    if i < calm.lag or not _can_be_quiet(len(market.synthetic), book) or _speaks(wishes.signal[i - calm.lag], calm):
        return i
    silent = wishes.signal[i - calm.lag]  # what asks for nothing once asks for nothing again
    while i < n - 1:
        signal = wishes.signal[i - calm.lag]
        if signal != silent:
            if _speaks(signal, calm):
                break
            silent = signal
        if calm.units != 0.0 and (market.low[i] <= calm.floor or market.high[i] >= calm.ceiling):
            break
        if len(equity) == n:
            equity[i] = calm.cash + calm.units * market.close[i]
        i += 1
    if calm.units != 0.0:
        state.bars_in_market += i - first
    return i


@inlined
def _can_be_quiet(synthetic_bars: int, book: Book) -> bool:
    """Return False where every bar must be looked at: what waits, or moves with each bar."""
    settings, state = book.settings, book.state
    moves = settings.moves_levels or settings.time_stop > 0 or settings.borrow_rate > 0.0
    return synthetic_bars == 0 and not settings.rebalance and not (moves and state.units != 0.0)


@inlined
def _calm(book: Book) -> Calm:
    settings, state = book.settings, book.state
    floor, ceiling = state.floor, state.ceiling
    if state.units != 0.0:
        near = _price_near_the_margin(state.cash, state.units, settings.maintenance_margin)
        floor, ceiling = (max(floor, near), ceiling) if state.units > 0.0 else (floor, min(ceiling, near))
    return Calm(
        lag=settings.delay + (1 if settings.at_open else 0),
        cash=state.cash,
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
def _speaks(signal: float, calm: Calm) -> bool:
    """Return True where a signal asks for something else than what is."""
    if calm.ended:
        return False
    if not calm.is_target:
        return int(signal) & calm.heard != 0
    target = max(float(signal), calm.least)
    return target != calm.acted and not np.isnan(float(signal))


@inlined
def _price_near_the_margin(cash: float, units: float, margin: float) -> float:
    """Return a price shortly before the one at which the margin is gone (``margin_is_gone`` decides at that bar)."""
    share = 1.0 + margin if cash > 0.0 else 1.0 - margin
    gone = -cash / (units * share)
    return gone + 1e-6 * abs(gone) if units > 0.0 else gone - 1e-6 * abs(gone)


@inlined
def _events_that_act(units: float) -> int:
    """Return the event bits that a position of these units listens to."""
    if units > 0.0:
        return EXIT_LONG_BIT | ENTER_SHORT_BIT
    if units < 0.0:
        return EXIT_SHORT_BIT | ENTER_LONG_BIT
    return ENTER_LONG_BIT | ENTER_SHORT_BIT


@inlined
def _run_bar(i: int, market: Market, wishes: Wishes, book: Book) -> None:
    settings, state = book.settings, book.state
    if state.units != 0.0 and settings.borrow_rate > 0.0:
        _charge_borrow(market.time_ns[i] - market.time_ns[i - 1], market.close[i - 1], book)
    if state.ended:
        return
    real = len(market.synthetic) == 0 or not market.synthetic[i]
    last = i == len(market.close) - 1
    bar = Bar(i, usable_open(i, market), market.high[i], market.low[i], market.close[i], real, last)
    signal_bar = i - settings.delay - (1 if settings.at_open else 0)
    if signal_bar >= 0 and (settings.at_open or not last):
        _read_signal(signal_bar, wishes, book)
    _trade_bar(bar, _wish(i, wishes, book), book)
    note_levels(book)


@inlined
def _read_signal(signal_bar: int, wishes: Wishes, book: Book) -> None:
    """Note what the strategy wants; on synthetic bars it waits for the first real one."""
    settings, state = book.settings, book.state
    if settings.is_target:
        target = float(wishes.signal[signal_bar])
        state.signal_bar = signal_bar
        if not np.isnan(target):
            state.wanted = target if settings.allow_short else max(target, 0.0)
    elif wishes.signal[signal_bar] != 0:
        state.events = int(wishes.signal[signal_bar])
        state.signal_bar = signal_bar


@inlined
def _wish(i: int, wishes: Wishes, book: Book) -> Wish:
    at = book.state.signal_bar
    known = i - 1 if book.settings.at_open else i
    stop = wishes.stop_prices[at] if len(wishes.stop_prices) > 0 else np.nan
    target = wishes.target_prices[at] if len(wishes.target_prices) > 0 else np.nan
    volatility = wishes.volatility[known] if len(wishes.volatility) > 0 and known >= 0 else np.nan
    return Wish(stop, target, volatility)


@inlined
def _trade_bar(bar: Bar, wish: Wish, book: Book) -> None:
    """Do what happens in one bar, in the order of time (docs/semantics.md)."""
    settings, state = book.settings, book.state
    if settings.at_open and bar.real:
        _act(bar.first, bar, wish, book)
    if state.units != 0.0:
        if bar.real and settings.has_levels:
            check_levels(bar, book)
        if bar.real and state.units != 0.0:
            check_margin(bar, book)
        follow_best(bar, book)
    if not settings.at_open and bar.real and not bar.last and not state.ended:
        _act(bar.close, bar, wish, book)
    if state.units != 0.0:
        state.bars_in_market += 1
        if bar.last and settings.close_at_end:
            close_units(bar.i, bar.close, abs(state.units), END_OF_DATA, -1, book)


@inlined
def _act(raw: float, bar: Bar, wish: Wish, book: Book) -> None:
    """Do what the signal asks, then close what is due by time."""
    settings, state = book.settings, book.state
    if settings.is_target:
        if state.wanted != state.acted or (settings.rebalance and state.units * state.wanted > 0.0):
            order_target(bar.i, raw, wish, book)
    elif state.events != 0:
        order_events(bar.i, raw, wish, book)
    if settings.time_stop > 0 and state.units != 0.0:
        close_due_lots(bar.i, raw, TIME_STOP, book)


@inlined
def _charge_borrow(elapsed_ns: int, close: float, book: Book) -> None:
    """Charge the yearly rate on short units and on borrowed cash for the time since the previous bar."""
    settings, state = book.settings, book.state
    borrowed = max(0.0, -state.units) * abs(close) + max(0.0, -state.cash)
    charge = settings.borrow_rate * (elapsed_ns / YEAR_NS) * borrowed
    state.cash -= charge
    state.total_borrow += charge
    units = abs(state.units)
    for at in range(state.first_lot, state.last_lot):
        book.lots[at].borrow += charge * book.lots[at].units / units
