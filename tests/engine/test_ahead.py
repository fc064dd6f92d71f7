"""Changes of the signal, found ahead: those that a look at each bar by itself finds, for every width of signal."""

import numpy as np
import pytest
from numba import njit

import research_kit as rk
from research_kit.engine.ahead import SPAN, look_from, padded_length, words_of
from research_kit.engine.layout import Wishes
from research_kit.engine.quiet import quiet_end
from research_kit.engine.simulation import empty_book, market_of

NONE = np.empty(0)


@njit
def noted(first, step, market, wishes, book, found):
    """Collect the places that are noted from ``first`` on, a stretch after another, or ``step`` bars after another."""
    count, bar = 0, first
    while bar < len(wishes.signal):
        look_from(bar, market, wishes, book)
        until = book.ahead.until if step == 0 else min(bar + step, book.ahead.until)
        for k in range(book.ahead.next, book.ahead.count):
            if book.places[k] < min(until, len(wishes.signal)):
                found[count] = book.places[k]
                count += 1
        bar = until
    return count


def changes(signal, first):
    bits = signal.view(f"u{signal.itemsize}")
    return [bar for bar in range(first, len(bits)) if bits[bar] != bits[bar - 1]]


def seeded(kind, bars, seed):
    random = np.random.default_rng(seed)
    signal = np.repeat(random.integers(-1, 2, bars), random.integers(1, 60, bars))[:bars].astype(kind)
    if kind is np.float64:
        signal[random.random(bars) < 0.1] = np.nan
    return signal


@pytest.mark.parametrize("step", [0, 1, 7, 1_000])
@pytest.mark.parametrize("bars", [2, 7, 8, 9, 500, SPAN + 3, 3 * SPAN])
@pytest.mark.parametrize("kind", [np.int8, np.float64])
def test_every_change_is_noted_once(kind, bars, step, make_bars):
    signal, prices = seeded(kind, bars, seed=bars), make_bars(bars)
    wishes = Wishes(signal, words_of(signal), NONE, NONE, NONE)
    book = empty_book(prices, rk.EngineOptions(), is_target=True, has_prices=False)
    found = np.zeros(bars, np.int64)
    for first in {1, bars // 2 + 1}:
        book.ahead["until"] = book.ahead["next"] = book.ahead["count"] = 0
        count = noted(first, step, market_of(prices), wishes, book, found)
        assert found[:count].tolist() == changes(signal, first)


@pytest.mark.parametrize("kind", [np.int8, np.float32, np.float64])
@pytest.mark.parametrize("bars", [1, 5, 8, 17])
def test_words_hold_the_signals(kind, bars):
    signal = seeded(kind, bars, seed=1)
    for given in (signal, np.concatenate([signal[:1], signal])[1:]):  # the second begins in the middle of a word
        words = words_of(given)
        assert len(words) * 8 == padded_length(bars, signal.dtype) * signal.itemsize
        assert words.view(kind)[:bars].tobytes() == signal.tobytes()


@njit
def ends(first, market, wishes, book):
    return quiet_end(first, market, wishes, book)


@pytest.mark.parametrize("at", [60, SPAN + 60, 2 * SPAN - 1])
def test_signals_are_read_no_further_than_a_stretch_beyond_what_prices_end(at, make_bars):
    """Else entries by frequent signals, with exits by levels alone, read all signals to the end for each trade."""
    prices = make_bars(20 * SPAN)
    low = np.array(prices.low)
    low[at] = 1.0
    often = (np.arange(len(prices)) % 3 == 0).view(np.int8)  # enters long, which a long position does not listen to
    wishes = Wishes(often, words_of(often), NONE, NONE, NONE)
    book = empty_book(prices, rk.EngineOptions(stop_loss=0.5), is_target=False, has_prices=False)
    book.state["units"], book.state["floor"] = 1.0, 2.0
    assert ends(5, market_of(prices)._replace(low=low), wishes, book) == at
    assert at < book.ahead["until"] <= at + SPAN


def test_entries_by_signals_follow_exits_by_levels(make_bars):
    """Each trade begins at the first open after a signal that finds the position flat."""
    bars = make_bars(50_000, sigma=0.001)

    class Often(rk.Strategy):
        """Enter on every third bar; stops and targets do the rest."""

        def signals(self, bars):
            return rk.Signals(enter_long=np.arange(len(bars)) % 3 == 0, exit_long=np.zeros(len(bars), dtype=bool))

    result = rk.run_backtest(bars, Often(), rk.EngineOptions(stop_loss=0.002, take_profit=0.002, commission=0))
    trades = result.trades
    assert len(trades) > 5_000
    entry, exit_ = result.simulation.trades["entry_bar"], result.simulation.trades["exit_bar"]
    closed = exit_[:-1] >= 0
    first_chance = (exit_[:-1] // 3 + (exit_[:-1] % 3 > 0)) * 3 + 1  # the open after the next signal
    assert np.array_equal(entry[1:][closed], first_chance[closed])
