"""A window of a backtest: warm indicators, a flat beginning, nothing of what comes later; and windows joined."""

import math
from dataclasses import replace

import numpy as np
import pytest
from cases import Case, seeded_case
from order_cases import OrderCase, seeded_order_case

import research_kit as rk
from research_kit.engine.options import EngineOptions
from research_kit.engine.simulation import simulate
from research_kit.engine.window import joined_simulation, simulate_window
from research_kit.errors import SignalError
from research_kit.strategy.signals import EVENTS, Signals

FLOATS = ("quantity", "entry_price", "exit_price", "pnl", "commission", "slippage", "borrow")
BARS = ("entry_bar", "exit_bar", "entry_signal_bar", "exit_signal_bar", "side", "entry_moment", "exit_moment")


def told(signals: Signals) -> rk.Strategy:
    """Return a strategy that gives these signals, as many as there are bars."""

    class Told(rk.Strategy):
        """Gives the signals that it was told."""

        def signals(self, bars):
            return signals.window(0, len(bars))

    return Told()


def moved(bars: np.ndarray, first: int) -> np.ndarray:
    return np.where(bars >= 0, bars - first, -1)


def same_from(first: int, whole, window, case: Case) -> None:
    """Assert that a window did what a whole run did from its first bar on."""
    trades = whole.trades[whole.trades["entry_bar"] >= first]
    assert len(window.trades) == len(trades), str(case)
    for name in BARS:
        wanted = moved(trades[name], first) if name.endswith("bar") else trades[name]
        signal = name.endswith("signal_bar")  # of a signal on the bar before the first: -1
        found = np.maximum(window.trades[name], -1) if signal else window.trades[name]
        assert np.array_equal(found, np.maximum(wanted, -1)), (name, str(case))
    for name in FLOATS:
        np.testing.assert_allclose(window.trades[name], trades[name], rtol=1e-9, atol=1e-9, err_msg=str(case))
    assert window.exit_labels() == whole.exit_labels()[len(whole.trades) - len(trades) :] if len(trades) else True
    np.testing.assert_allclose(window.equity, whole.equity[first:], rtol=1e-9, err_msg=str(case))
    assert [reason for bar, reason in window.rejections.tolist()] == [
        reason for bar, reason in whole.rejections.tolist() if bar >= first
    ]
    assert window.final_cash == pytest.approx(whole.final_cash, rel=1e-9)


def cut_signals(signals: Signals, before: int) -> Signals:
    """Return signals that ask for nothing before a bar."""
    quiet = {}
    for name in (*EVENTS, "exposure"):
        if (wanted := getattr(signals, name)) is not None:
            quiet[name] = wanted.copy()
            quiet[name][:before] = 0
    return replace(signals, **quiet)


def lag(options: EngineOptions) -> int:
    return options.delay + (options.fill == "next_open")


@pytest.mark.parametrize("block", range(3))
def test_a_window_is_the_rest_of_a_run_that_asked_for_nothing_before(block):
    """Volatility, prices, labels, delays: whatever a fill looks back at is there; and the end is the window's."""
    seen = 0
    for seed in range(300 * block, 300 * (block + 1)):
        case = seeded_case(seed)
        bars, signals, options = case.bars(), case.signals(), case.engine_options()
        n = len(bars)
        for first, last in ((n // 2, n), (n // 3, max(n // 3 + 1, n - 2)), (0, n)):
            start = max(0, first - lag(options))
            known = bars.window(0, last)
            whole = simulate(known, cut_signals(signals.window(0, last), start), options)
            window = simulate_window(bars, told(signals), options, first, last)
            same_from(first, whole, window, case)
            assert window.bars_in_market == whole.bars_in_market
            seen += len(window.trades)
    assert seen > 500


def test_a_window_is_the_matching_part_of_a_run_that_is_flat_at_the_seam():
    """The whole run traded before, and came to the seam without a position or a wish: the account goes on."""
    seen = 0
    for seed in range(3_000):
        case = seeded_case(seed)
        if case.synthetic is not None or not case.events:
            continue
        bars, signals, options = case.bars(), case.signals(), case.engine_options()
        whole = simulate(bars, signals, replace_options(options, close_at_end=True))
        open_bars = {bar for trade in whole.trades for bar in range(trade["entry_bar"], max(trade["exit_bar"], 0))}
        seams = [bar for bar in range(2, len(bars) - 1) if bar - 1 not in open_bars and not whole.liquidated]
        for first in seams[:: max(1, len(seams) // 2)]:
            if not (whole.trades["exit_bar"] < first).any():
                continue
            account = replace_options(options, close_at_end=True, initial_cash=float(whole.equity[first - 1]))
            same_from(first, whole, simulate_window(bars, told(signals), account, first, len(bars)), case)
            seen += 1
    assert seen > 200


def replace_options(options: EngineOptions, **changes) -> EngineOptions:
    return options.model_copy(update=changes)


def test_event_strategies_begin_at_the_window_too():
    """What a script asks for before the window was never asked for; bars are counted from the window's first."""
    seen = 0
    for seed in range(400):
        case = seeded_order_case(seed)
        options, n = case.engine_options(), len(case.rows)
        first = n // 2
        start = max(0, first - lag(options))
        late = replace(case, script=[[] if bar < start else wishes for bar, wishes in enumerate(case.script)])
        whole = whole_run(late)
        window = simulate_window(case.bars(), playing(case), options, first, n)
        assert np.array_equal(window.equity, whole.equity[first:]), str(case)
        assert len(window.trades) == len(whole.trades)
        assert np.array_equal(window.trades["entry_bar"], whole.trades["entry_bar"] - first)
        for name in ("made", "filled_bar"):
            wanted = whole.orders[name]
            wanted = np.where(wanted >= 0, wanted - first, -1)
            assert np.array_equal(np.maximum(window.orders[name], -1), np.maximum(wanted, -1))
        assert np.array_equal(window.orders["state"], whole.orders["state"])
        seen += len(window.trades)
    assert seen > 200


def playing(case: OrderCase) -> rk.Strategy:
    player = case.player()

    class Playing(rk.Strategy):
        """Plays a script from where it is called first."""

        def on_bar(self, ctx):
            player.on_bar(ctx)

    return Playing()


def whole_run(case: OrderCase):
    return rk.run_backtest(case.bars(), playing(case), case.engine_options()).simulation


# by hand


FLAT = (100.0, 101.0, 99.0, 100.0)
FREE = {"commission": 0.0, "sizing": "units", "size": 10.0}


def hand(wanted, first, last, rows=None, **options):
    """Return the window of a run of 10 units at 100 whose target is this."""
    case = Case(rows=rows or [FLAT] * len(wanted), exposure=wanted, options=FREE | options)
    return simulate_window(case.bars(), told(case.signals()), case.engine_options(), first, last)


def bars_of(window) -> list[tuple[int, int, str]]:
    ends = zip(window.trades["entry_bar"].tolist(), window.trades["exit_bar"].tolist(), strict=True)
    return [(*bars, label) for bars, label in zip(ends, window.exit_labels(), strict=True)]


def test_what_is_wanted_before_the_window_is_filled_at_its_first_open():
    assert bars_of(hand([1.0] * 8, 4, 8)) == [(0, 3, "end_of_data")]


def test_nothing_is_filled_before_the_window():
    window = hand([1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0], 4, 8)
    assert bars_of(window) == [(2, 3, "end_of_data")]  # bar 6 of the bars
    assert window.equity.tolist() == [10_000.0] * 4
    assert window.bars_in_market == 2


@pytest.mark.parametrize("fill", ["next_open", "same_close"])
@pytest.mark.parametrize("delay", [0, 1, 3])
def test_a_delay_looks_further_back(fill, delay):
    assert bars_of(hand([1.0] * 9, 5, 9, fill=fill, delay=delay)) == [(0, 3, "end_of_data")]
    late = [0.0] * 5 + [1.0] * 4
    first = delay + (fill == "next_open")
    expected = [(first, 3, "end_of_data")] if first < 4 - (fill == "same_close") else []
    assert bars_of(hand(late, 5, 9, fill=fill, delay=delay)) == expected


def test_a_position_closes_at_the_end_of_the_window_with_its_costs():
    window = hand([1.0] * 8, 2, 5, commission=0.01)
    ((entry, exit_, label),) = bars_of(window)
    assert (entry, exit_, label) == (0, 2, "end_of_data")
    assert window.total_commission == pytest.approx(2 * 0.01 * 10 * 100)
    assert window.equity[-1] == window.final_cash == pytest.approx(10_000 - 20)
    assert window.final_units == 0.0


def test_what_comes_after_the_window_does_not_exist():
    rows = [FLAT] * 5 + [(1.0, 1_000.0, 0.5, 500.0)] * 3
    assert hand([1.0] * 8, 2, 5, rows).equity.tolist() == hand([1.0] * 8, 2, 5).equity.tolist()


def test_labels_are_those_of_the_bars_of_all_signals():
    """An array of labels is read at the bar of the signal, which may lie before the window."""
    case = Case(
        rows=[FLAT] * 8,
        exposure=[0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0],
        labels={"enter_long": [f"in {bar}" for bar in range(8)], "exit_long": [f"out {bar}" for bar in range(8)]},
        options=FREE | {"delay": 1},
    )
    window = simulate_window(case.bars(), told(case.signals()), case.engine_options(), 3, 8)
    assert window.entry_labels() == ["in 1"]
    assert window.exit_labels() == ["out 4"]
    assert bars_of(window) == [(0, 3, "out 4")]


def test_indicators_are_warm(make_bars):
    """What is wanted in the window is what the strategy wants of all bars: no NaN at its beginning."""
    bars, strategy = make_bars(300, sigma=0.01), rk.strategies.SmaCross(fast=5, slow=100)
    window = simulate_window(bars, strategy, EngineOptions(), 150, 240)
    known = bars.window(0, 240)
    whole = simulate(known, cut_signals(strategy.signals(known), 149), EngineOptions())
    assert np.array_equal(window.equity, whole.equity[150:])
    assert len(window.trades) > 0
    assert len(rk.run_backtest(bars.window(150, 240), strategy).trades) == 0  # without what comes before


def test_a_volatility_is_warm(make_bars):
    """Sizing by volatility looks back at bars before the window, however the strategy is written."""
    bars, options = make_bars(60, sigma=0.01), EngineOptions(sizing="volatility", size=0.5, volatility_window=20)

    class Long(rk.Strategy):
        """Long, as an event strategy."""

        def on_bar(self, ctx):
            ctx.target(1.0)

    by_signals = simulate_window(bars, rk.strategies.BuyAndHold(), options, 30, 60)
    by_orders = simulate_window(bars, Long(), options, 30, 60)
    assert len(by_signals.rejections) == 0
    assert bars_of(by_signals) == bars_of(by_orders) == [(0, 29, "end_of_data")]
    np.testing.assert_allclose(by_signals.equity, by_orders.equity, rtol=1e-12)


def test_signals_of_another_length_are_refused(make_bars):
    class Short(rk.Strategy):
        """Gives one signal too few."""

        def signals(self, bars):
            return Signals.target(np.ones(len(bars) - 1))

    with pytest.raises(SignalError, match="Signals need one value for each bar: 20 bars, 19 signals"):
        simulate_window(make_bars(30), Short(), EngineOptions(), 10, 20)


# joined


def test_windows_joined_are_one_account(make_bars):
    bars, options = make_bars(400, sigma=0.01), EngineOptions(stop_loss=0.03, slippage=0.001)
    strategy, cash, parts = rk.strategies.SmaCross(fast=5, slow=20), 10_000.0, []
    for first in range(100, 400, 100):
        account = replace_options(options, initial_cash=cash)
        parts.append(simulate_window(bars, strategy, account, first, first + 100))
        cash = float(parts[-1].equity[-1])
    joined = joined_simulation(parts, [0, 100, 200])
    assert joined.equity.tolist() == [value for part in parts for value in part.equity.tolist()]
    assert joined.equity[-1] - 10_000.0 == pytest.approx(float(joined.trades["pnl"].sum()))
    assert joined.closed == len(joined.trades) == sum(part.closed for part in parts)
    assert np.all(np.diff(joined.trades["exit_bar"]) >= 0)
    for at, part in enumerate(parts):
        own = joined.trades[(joined.trades["entry_bar"] // 100) == at]
        assert np.array_equal(own["entry_bar"] - 100 * at, part.trades["entry_bar"])
        assert np.array_equal(own["max_profit"], part.trades["max_profit"])
    for name in ("total_commission", "total_slippage", "traded_value", "bars_in_market", "ambiguous_bars"):
        assert getattr(joined, name) == pytest.approx(sum(getattr(part, name) for part in parts))
    assert joined.entry_labels() == [label for part in parts for label in part.entry_labels()]
    assert joined.market.close.tolist() == bars.close[100:].tolist()


def test_labels_of_joined_windows_are_those_of_each(make_bars):
    """Each window has its own strategy, and so its own labels, in arrays or texts that orders carry."""

    class Labelled(rk.Strategy):
        """Buys once, and says so."""

        text: str = "a"

        def on_bar(self, ctx):
            if ctx.i % 10 == 2:
                ctx.buy(label=f"{self.text} {ctx.i}")
            if ctx.i % 10 == 5:
                ctx.close(label=f"{self.text} is over", limit=1e-3)

    bars = make_bars(30, sigma=1e-4)
    parts = [
        simulate_window(bars, Labelled(text=text), EngineOptions(), at, at + 10) for text, at in (("a", 10), ("b", 20))
    ]
    joined = joined_simulation(parts, [0, 10])
    assert joined.entry_labels() == ["a 12", "b 22"]
    assert joined.exit_labels() == ["a is over", "b is over"]
    assert joined.orders["made"].tolist() == [2, 5, 12, 15]
    assert [joined.label_of(code, -1) for code in joined.orders["label"]] == ["a 12", "a is over", "b 22", "b is over"]
    assert joined.orders["group"].tolist() == [0, 1, 2, 3]
    assert not any(math.isnan(price) for price in joined.orders["filled_price"])
