"""Many sets of signals on the same bars, one after another, in memory that does not grow with their number."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from research_kit.compiled import compiled_kernel, inlined
from research_kit.engine.ahead import look_afresh
from research_kit.engine.kernel import has_room, run_bar
from research_kit.engine.layout import FIRST_BAR, Book, Market, Wishes
from research_kit.engine.many.tally import count_trades
from research_kit.engine.quiet import quiet_end
from research_kit.metrics.falls import begin_falls, end_falls, follow_falls, follow_flat

SCRATCH = 2_048  # equity values that are looked at together: they stay in the nearest cache


class Ledger(NamedTuple):
    """What is written for each set, and what a set is followed with."""

    summaries: NDArray[Any]  # tally.SUMMARY, shape (sets,)
    tallies: NDArray[Any]  # tally.TALLY, shape (sets,)
    daily: NDArray[np.float64]  # equity at the end of each day, shape (sets, days)
    day_ends: NDArray[np.int64]
    states: NDArray[Any]  # two records: the state that every set begins with, and that of the set that runs
    falls: NDArray[Any]  # one record
    close_sums: NDArray[np.float64]  # of the closes before each bar, shape (bars + 1,)
    scratch: NDArray[np.float64]


class Rows(NamedTuple):
    """The signals of many sets, one row each, and the same memory eight bytes at a time."""

    signals: NDArray[Any]
    words: NDArray[np.uint64]


@compiled_kernel
def run_sets(first_set: int, rows: Rows, market: Market, wishes: Wishes, book: Book, ledger: Ledger) -> int:
    """Run each of the rows from ``first_set`` on; return the number of rows, or the one that needs more room.

    The rows of ``ledger`` are zero where a set begins; the state and the signals of ``book`` and ``wishes`` are not
    looked at.
    """
    states = ledger.states
    for at in range(first_set, len(rows.signals)):
        states[1] = states[0]
        begin_falls(ledger.falls[0], states[0].cash)
        own_wishes = Wishes(
            rows.signals[at], rows.words[at], wishes.stop_prices, wishes.target_prices, wishes.volatility
        )
        own_book = Book(
            *(book.settings, states[1], book.lots, book.trades, book.rejections),
            *(book.ahead, book.places, book.commission_function),
        )
        look_afresh(own_book)
        if not _run_set(at, market, own_wishes, own_book, ledger):
            return at
        _end(at, market, own_book, ledger)
    return len(rows.signals)


@inlined
def _run_set(at: int, market: Market, wishes: Wishes, book: Book, ledger: Ledger) -> bool:
    """Run the bars for one set; return False where more lots are open than there is room for."""
    n, state = len(market.close), book.state
    tally, summary = ledger.tallies[at], ledger.summaries[at]
    i = day = FIRST_BAR
    while i < n:
        if not has_room(book):
            return False
        end = quiet_end(i, market, wishes, book)
        if end == i:
            run_bar(i, market.open[i], market, wishes, book)
            end = i + 1
            count_trades(tally, book.trades, state.trades, market.time_ns)
            summary.rejections += state.rejections
            state.trades = state.rejections = 0
        elif state.units != 0.0:
            state.bars_in_market += end - i
        summary.mean_equity += _follow(i, end, market, book, ledger)
        day = _write_days(at, day, end, market, book, ledger)
        i = end
    return True


@inlined
def _follow(start: int, end: int, market: Market, book: Book, ledger: Ledger) -> float:
    """Follow the falls of equity over bars without a trade; return the sum of equity."""
    cash, units, falls = book.state.cash, book.state.units, ledger.falls[0]
    if units == 0.0 or end == start + 1:
        value = cash + units * market.close[start]
        follow_flat(falls, value, start, end, market.time_ns)
        return float(value * (end - start))
    for first in range(start, end, SCRATCH):
        stop = min(first + SCRATCH, end)
        values, close = ledger.scratch[: stop - first], market.close[first:stop]
        for k in range(stop - first):
            values[k] = cash + units * close[k]
        follow_falls(falls, values, first, market.time_ns)
    return float(cash * (end - start) + units * (ledger.close_sums[end] - ledger.close_sums[start]))


@inlined
def _write_days(at: int, day: int, end: int, market: Market, book: Book, ledger: Ledger) -> int:
    """Write the equity of the days that end before bar ``end``; return the first day that does not."""
    state, days = book.state, ledger.daily[at]
    while day < len(days) and ledger.day_ends[day] < end:
        days[day] = state.cash + state.units * market.close[ledger.day_ends[day]]
        day += 1
    return day


@inlined
def _end(at: int, market: Market, book: Book, ledger: Ledger) -> None:
    """Write down what one set came to."""
    state, summary, n = book.state, ledger.summaries[at], len(market.close)
    summary.final_equity = state.cash + state.units * market.close[n - 1]
    summary.mean_equity /= n
    money, fraction, longest, recovered, recovery, squares = end_falls(ledger.falls[0], market.time_ns)
    summary.falls_money, summary.falls_fraction = money, fraction
    summary.falls_longest, summary.falls_recovered, summary.falls_recovery = longest, recovered, recovery
    summary.falls_squares = squares
    summary.bars_in_market, summary.ambiguous_bars = state.bars_in_market, state.ambiguous_bars
    summary.traded_value, summary.total_commission = state.traded_value, state.total_commission
    summary.total_slippage, summary.total_borrow = state.total_slippage, state.total_borrow
    summary.liquidations, summary.liquidated = state.liquidations, state.ended
