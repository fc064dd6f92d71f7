"""One pass over the bars: quiet stretches are marked in a tight loop, every other bar is traded step by step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from research_kit.compiled import compiled_kernel, inlined
from research_kit.engine.fills import close_due_lots, close_units, unasked
from research_kit.engine.layout import (
    AT_CLOSE,
    AT_OPEN,
    END_OF_DATA,
    NO_LABEL,
    Bar,
    Book,
    Deal,
    Market,
    Wish,
    Wishes,
)
from research_kit.engine.levels import check_levels, check_margin, follow_best, note_levels
from research_kit.engine.orders import order_events, order_target
from research_kit.engine.quiet import quiet_end

YEAR_NS = 365 * 86_400 * 1_000_000_000
SPARE = 8  # more trades, lots and rejections than one bar can add beside its open lots


@compiled_kernel
def run_bars(start: int, market: Market, wishes: Wishes, book: Book, equity: NDArray[np.float64]) -> int:
    """Run the bars from ``start`` on; return the number of bars, or the bar that waits for larger buffers.

    ``equity`` is written at each bar when it has their length; an empty array is left alone.
    """
    n = len(market.close)
    i = start
    while i < n and has_room(book):
        end = quiet_end(i, market, wishes, book)
        first = market.open[end]  # asked for before it is needed: by then it is there
        _mark(i, end, market, book, equity)
        i = end
        if i < n:
            run_bar(i, first, market, wishes, book)
            if len(equity) == n:
                equity[i] = book.state.cash + book.state.units * market.close[i]
            i += 1
    return i


@inlined
def has_room(book: Book) -> bool:
    state = book.state
    return (  # type: ignore[no-any-return]
        state.last_lot + SPARE <= len(book.lots)
        and state.trades + (state.last_lot - state.first_lot) + SPARE <= len(book.trades)
        and state.rejections + SPARE <= len(book.rejections)
    )


@inlined
def _mark(start: int, stop: int, market: Market, book: Book, equity: NDArray[np.float64]) -> None:
    """Mark the bars from ``start`` to ``stop`` to market."""
    state = book.state
    cash, units = state.cash, state.units
    if units != 0.0:
        state.bars_in_market += stop - start
    if len(equity) > 0:
        marks, close = equity[start:stop], market.close[start:stop]
        for k in range(stop - start):
            marks[k] = cash + units * close[k]


@inlined
def run_bar(i: int, first: float, market: Market, wishes: Wishes, book: Book) -> None:
    """Run one bar, whose open is ``first``: step by step, in the order of time."""
    settings, state = book.settings, book.state
    if state.units != 0.0 and settings.borrow_rate > 0.0:
        charge_borrow(market.time_ns[i] - market.time_ns[i - 1], market.close[i - 1], book)
    if state.ended:
        return
    real = len(market.synthetic) == 0 or not market.synthetic[i]
    last = i == len(market.close) - 1
    bar = Bar(i, first, real, last, market)
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
        _act(_signal_deal(bar.i, AT_OPEN, bar.first, book), wish, book)
    if state.units != 0.0:
        if bar.real and settings.has_levels:
            check_levels(bar, book)
        if bar.real and state.units != 0.0:
            check_margin(bar, book)
        follow_best(bar, book)
    if not settings.at_open and bar.real and not bar.last and not state.ended:
        _act(_signal_deal(bar.i, AT_CLOSE, bar.market.close[bar.i], book), wish, book)
    if state.units != 0.0:
        state.bars_in_market += 1
        if bar.last and settings.close_at_end:
            close_at_end(bar.i, bar.market.close[bar.i], book)


@inlined
def _signal_deal(i: int, moment: int, raw: float, book: Book) -> Deal:
    return Deal(i, moment, raw, book.settings.market_move, book.state.signal_bar, NO_LABEL)


@inlined
def _act(deal: Deal, wish: Wish, book: Book) -> None:
    """Do what the signal asks, then close what is due by time."""
    settings, state = book.settings, book.state
    if settings.is_target:
        if state.wanted != state.acted or (settings.rebalance and state.units != 0.0 and state.wanted != 0.0):
            order_target(deal, wish, book)
    elif state.events != 0:
        order_events(deal, wish, book)
    if settings.time_stop > 0 and state.units != 0.0:
        close_due_lots(unasked(deal.bar, deal.moment, deal.raw, deal.move), book)


@inlined
def close_at_end(i: int, close: float, book: Book) -> None:
    """Close what is open at the last close."""
    close_units(unasked(i, AT_CLOSE, close, book.settings.market_move), abs(book.state.units), END_OF_DATA, book)


@inlined
def charge_borrow(elapsed_ns: int, close: float, book: Book) -> None:
    """Charge the yearly rate on short units and on borrowed cash for the time since the previous bar."""
    settings, state = book.settings, book.state
    borrowed = max(0.0, -state.units) * abs(close) + max(0.0, -state.cash)
    charge = settings.borrow_rate * (elapsed_ns / YEAR_NS) * borrowed
    state.cash -= charge
    state.total_borrow += charge
    units = abs(state.units)
    for at in range(state.first_lot, state.last_lot):
        book.lots[at].borrow += charge * book.lots[at].units / units
