"""Walk-forward: what is chosen is chosen from the past alone, what is traded is one account, and it tells the truth."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from searched import Trend, TrendOnBar, Troubled

import research_kit as rk
from research_kit.bars.frame import Bars
from research_kit.engine.simulation import simulate
from research_kit.engine.window import simulate_window
from research_kit.errors import DataError, OptionError, ParameterError
from research_kit.metrics.registry import METRICS
from research_kit.metrics.returns import periodic_returns
from research_kit.search.sweep import Search
from research_kit.search.walk_forward import Plan, Step, WalkForward, run_walk_forward
from research_kit.search.windows import Fold, Spans

GRID = {"length": [3, 5, 10, 20, 40], "stop_loss": [None, 0.03]}
SPANS = {"train": 120, "test": 50}
COSTS = {"commission": 0.002, "slippage": 0.001}


@pytest.fixture(scope="module")
def bars(make_bars):
    """Return 400 days of a market in which every test trades, and half of what training earns is earned again."""
    return make_bars(400, seed=18, sigma=0.01, step_ns=86_400_000_000_000)


@pytest.fixture(scope="module")
def walked(bars):
    """Return 400 days walked forward: six tests, the last of them shorter."""
    return run_walk_forward(bars, Trend, GRID, **SPANS, **COSTS)


def changed_from(bars: Bars, bar: int, seed: int = 1) -> Bars:
    """Return the bars with everything from a bar on made up anew."""
    factors = np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.03, len(bars) - bar)))
    columns = {name: np.concatenate([column[:bar], column[bar:] * factors]) for name, column in bars.columns.items()}
    return replace(bars, columns=columns, check=True)


def test_each_fold_is_a_sweep_and_a_window(bars, walked):
    """The same by hand: a sweep of the training, the best set on the test, with the cash that was left."""
    cash = 10_000.0
    assert [vars(step.fold) for step in walked.steps][:2] == [
        {"train_start": 0, "train_end": 120, "test_start": 120, "test_end": 170},
        {"train_start": 50, "train_end": 170, "test_start": 170, "test_end": 220},
    ]
    for step in walked.steps:
        fold = step.fold
        sweep = rk.run_sweep(bars.window(fold.train_start, fold.train_end), Trend, GRID, **COSTS)
        assert step.parameters == sweep.best.parameters
        assert step.in_sample == sweep.best.value
        assert step.sets == 10
        chosen = dict(step.parameters)
        options = rk.EngineOptions(stop_loss=chosen["stop_loss"], initial_cash=cash, **COSTS)
        window = simulate_window(bars, Trend(length=chosen["length"]), options, fold.test_start, fold.test_end)
        assert step.simulation.equity.tolist() == window.equity.tolist()
        cash = float(window.equity[-1])
    assert len({step.parameters["length"] for step in walked.steps}) > 1
    assert walked.equity.iloc[-1] == cash


@pytest.mark.parametrize("purge", [0, 7])
def test_no_training_sees_a_bar_of_its_test(purge, bars):
    """Every bar from the end of a training on is made up anew: the same set is chosen, and what came before stands."""
    walked = run_walk_forward(bars, Trend, GRID, **SPANS, **COSTS, purge=purge)
    for at, step in enumerate(walked.steps):
        other = run_walk_forward(changed_from(bars, step.fold.train_end), Trend, GRID, **SPANS, **COSTS, purge=purge)
        assert other.steps[at].parameters == step.parameters
        assert other.steps[at].in_sample == step.in_sample
        if purge == 0:
            for before in range(at):
                assert other.steps[before].simulation.equity.tolist() == walked.steps[before].simulation.equity.tolist()
        assert not np.array_equal(other.steps[at].simulation.market.close, step.simulation.market.close)


def test_no_test_sees_a_bar_after_its_end(bars, walked):
    for at, step in enumerate(walked.steps[:-1]):
        other = run_walk_forward(changed_from(bars, step.fold.test_end), Trend, GRID, **SPANS, **COSTS).steps[at]
        assert other.simulation.equity.tolist() == step.simulation.equity.tolist()
        assert other.simulation.trades.tobytes() == step.simulation.trades.tobytes()
        assert other.out_of_sample == step.out_of_sample


def test_indicators_are_warm_in_each_test(bars, walked):
    """The signals of a test are those of the whole past: an average of 40 bars trades on a test's first bar."""
    strategy = Trend(length=40)
    whole = strategy.signals(bars).exposure
    plan = Plan.of(bars, strategy, {}, **SPANS)
    for step in plan.steps():
        fold = step.fold
        wanted = np.concatenate([np.zeros(fold.test_start - 1), whole[fold.test_start - 1 : fold.test_end]])
        alone = simulate(bars.window(0, fold.test_end), rk.Signals.target(wanted), step.simulation.options)
        assert step.simulation.equity.tolist() == alone.equity[fold.test_start :].tolist()
    assert 0 in {int(bar) for step in plan.steps() for bar in step.simulation.trades["entry_bar"]}


def test_the_account_goes_on_and_is_flat_at_each_seam(walked):
    steps, trades = walked.steps, walked.trades
    assert walked.initial_cash == 10_000.0
    for one, other in pairwise(steps):
        assert other.simulation.options.initial_cash == one.simulation.equity[-1] == one.simulation.final_cash
        assert one.simulation.final_units == 0.0
    assert trades["pnl"].sum() == pytest.approx(walked.equity.iloc[-1] - 10_000.0)
    assert (trades["exit_signal"] == "end_of_data").sum() == 4
    ends = {walked.search.bars.time[step.fold.test_end - 1] for step in steps}
    closed = trades[trades["exit_signal"] == "end_of_data"]
    assert set(closed["exit_time"].dt.tz_localize(None).to_numpy()) <= ends
    assert (closed["commission"] > 0).all()
    assert trades["exit_time"].is_monotonic_increasing
    assert len(trades) == sum(step.simulation.closed for step in steps)


def test_the_seams_cost_what_closing_and_opening_costs(bars):
    """Always long: one purchase and one sale in each test, each with its commission."""
    walked = run_walk_forward(bars, rk.strategies.BuyAndHold, {}, **SPANS, commission=0.01)
    assert len(walked.trades) == len(walked.steps) == 6
    gains = [bars.close[step.fold.test_end - 1] / bars.open[step.fold.test_start] for step in walked.steps]
    assert walked.equity.iloc[-1] == pytest.approx(10_000.0 * np.prod(gains) * (0.99 / 1.01) ** 6)


def test_the_seams_are_closed_whatever_the_options_say(bars, walked):
    open_ended = run_walk_forward(bars, Trend, {"length": [5, 40]}, **SPANS, close_at_end=False)
    assert (open_ended.trades["exit_signal"] == "end_of_data").sum() > 2
    assert all(step.simulation.final_units == 0.0 for step in open_ended.steps)


def test_the_joined_account_has_the_metrics_of_its_curve(bars, walked):
    equity = walked.equity
    assert len(equity) == len(walked.bars) == 280
    assert equity.index[0] == pd.Timestamp(bars.time[120], tz="UTC")
    assert walked.bars.close.tolist() == bars.close[120:].tolist()
    daily = np.diff(equity, prepend=10_000.0) / np.array([10_000.0, *equity[:-1]])
    np.testing.assert_allclose(walked.daily_returns, daily, rtol=1e-9, atol=1e-12)
    assert walked.metrics["sharpe_ratio"] == pytest.approx(daily.mean() / daily.std(ddof=1) * np.sqrt(365))
    assert walked.metrics["total_trades"] == len(walked.trades)
    assert walked.metrics["total_commission"] == pytest.approx(walked.trades["commission"].sum())
    assert walked.metrics["total_return"] == pytest.approx(walked.trades["pnl"].sum())
    assert walked.drawdown.min() == pytest.approx(walked.metrics["max_drawdown_percent"] / 100)
    assert walked.metrics["benchmark_return_percent"] == pytest.approx(100 * (bars.close[-1] / bars.close[120] - 1))
    assert set(walked.metrics) == set(METRICS)


def test_out_of_sample_is_the_metric_of_each_test_by_itself(walked):
    for step in walked.steps:
        returns = periodic_returns(step.simulation.equity, step.simulation.options.initial_cash)
        assert step.out_of_sample == pytest.approx(returns.mean() / returns.std(ddof=1) * np.sqrt(365), rel=1e-9)


def test_efficiency_is_out_of_sample_over_in_sample(bars):
    walked = run_walk_forward(bars, Trend, GRID, **SPANS, commission=0.0)
    trained = np.concatenate([step.in_sample_returns for step in walked.steps])
    assert len(trained) == 6 * 120
    assert trained.mean() > 0
    assert walked.efficiency == pytest.approx(walked.daily_returns.mean() / trained.mean())


def test_without_a_gain_in_sample_there_is_no_efficiency(bars):
    walked = run_walk_forward(bars, Trend, {"length": [3, 4]}, **SPANS, commission=0.05)
    assert walked.efficiency is None
    assert "efficiency undefined" in repr(walked)


# stability


def chosen(bars, grid, *values) -> WalkForward:
    """Return a walk-forward in whose folds these values were chosen."""
    search, fold = Search.of(bars, Trend, grid), Fold(0, 2, 2, 4)
    steps = [Step(fold, dict(zip(grid, one, strict=True)), Trend(), 1.0, 1.0, np.empty(0), None) for one in values]
    return WalkForward(search, Spans(2, 2), steps)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([(3,), (5,), (5,)], 1.0),
        ([(3,), (10,), (20,)], 0.5),  # 3 to 10 are two steps
        ([(40,), (3,), (40,)], 0.0),
        ([(3,), (5,), (20,), (10,), (40,)], 0.5),
        ([(3,)], None),
    ],
)
def test_stability_is_the_share_of_folds_that_stayed_near(values, expected, bars):
    assert chosen(bars, {"length": [3, 5, 10, 20, 40]}, *values).stability == expected


def test_every_parameter_must_stay_near(bars):
    grid = {"length": [3, 5, 10], "share": [0.5], "stop_loss": [None, 0.1, 0.2]}
    assert chosen(bars, grid, (3, 0.5, None), (5, 0.5, 0.1), (5, 0.5, None)).stability == 1.0
    assert chosen(bars, grid, (3, 0.5, None), (5, 0.5, 0.2), (5, 0.5, 0.1)).stability == 0.5


def test_near_is_meant_by_size(bars):
    assert chosen(bars, {"length": [40, 3, 20, 5]}, (3,), (5,), (20,), (40,)).stability == 1.0
    assert chosen(bars, {"length": [40, 3, 20, 5]}, (40,), (3,)).stability == 0.0


def test_nothing_searched_has_no_stability(bars):
    assert run_walk_forward(bars, Trend, {}, **SPANS).stability is None


# ways of writing, choosing and searching


def test_both_ways_of_writing_a_strategy(bars, walked):
    orders = run_walk_forward(bars, TrendOnBar, GRID, **SPANS, **COSTS)
    assert [step.parameters for step in orders.steps] == [step.parameters for step in walked.steps]
    np.testing.assert_allclose(orders.equity, walked.equity, rtol=1e-9)
    pd.testing.assert_frame_equal(
        orders.trades.drop(columns=["entry_signal", "exit_signal"]),
        walked.trades.drop(columns=["entry_signal", "exit_signal"]),
    )
    assert orders.trades["exit_signal"].tolist() == walked.trades["exit_signal"].tolist()


@pytest.mark.parametrize("options", [{"sizing": "volatility", "size": 0.2, "leverage": 2.0}, {"delay": 2},
                                     {"fill": "same_close"}, {"stop_loss": 0.02, "time_stop": 9}])  # fmt: skip
def test_both_ways_under_options_that_look_back(options, bars):
    signals, orders = (
        run_walk_forward(bars, kind, {"length": [5, 20]}, **SPANS, **options) for kind in (Trend, TrendOnBar)
    )
    np.testing.assert_allclose(orders.equity, signals.equity, rtol=1e-9)
    assert len(signals.trades) > 10


def test_the_broadest_set_may_be_chosen(bars):
    grid = {"length": list(range(3, 60, 3))}
    best, plateau = (run_walk_forward(bars, Trend, grid, **SPANS, select=select) for select in ("best", "plateau"))
    for step in plateau.steps:
        sweep = rk.run_sweep(bars.window(step.fold.train_start, step.fold.train_end), Trend, grid)
        assert step.parameters == sweep.broadest.parameters
        assert step.in_sample == sweep.broadest.value
    assert [step.parameters for step in best.steps] != [step.parameters for step in plateau.steps]


def test_searches_of_other_kinds(bars):
    drawn = run_walk_forward(bars, Trend, {"length": rk.between(2, 60)}, method="random", sets=8, seed=3, **SPANS)
    assert {step.sets for step in drawn.steps} == {8}
    some = run_walk_forward(bars, Trend, GRID, where="length < 10", objective="-volatility", workers=2, **SPANS)
    assert {step.parameters["length"] for step in some.steps} <= {3, 5}
    assert "volatility_in_sample" in some.table.columns


def test_optuna_begins_anew_in_each_training(bars):
    pytest.importorskip("optuna", reason="optuna is not installed")
    how = {"method": "optuna", "sets": 20, "seed": 1}
    walked = run_walk_forward(bars, Trend, {"length": rk.between(2, 60)}, **how, **SPANS)
    for step in walked.steps:
        part = bars.window(step.fold.train_start, step.fold.train_end)
        assert step.parameters == rk.run_sweep(part, Trend, {"length": rk.between(2, 60)}, **how).best.parameters
        assert step.sets <= 20


def test_hours_are_measured_in_days(make_bars):
    bars = make_bars(3_000, sigma=0.003, step_ns=3_600_000_000_000)
    walked = run_walk_forward(bars, Trend, {"length": [12, 48]}, train="40d", test="15d", purge="1d", embargo="12h")
    assert len(walked.steps) == 6
    assert len(walked.daily_returns) == walked.metrics["total_trading_days"]
    assert walked.metrics["total_trading_days"] < len(walked.bars) / 20
    assert walked.equity.iloc[-1] - 10_000.0 == pytest.approx(walked.trades["pnl"].sum())
    assert len(walked.bars) == sum(step.fold.test_end - step.fold.test_start for step in walked.steps)


def test_two_are_identical(bars, walked):
    again = run_walk_forward(bars, Trend, GRID, **SPANS, **COSTS, workers=3)
    assert again.equity.tolist() == walked.equity.tolist()


# what is told


def test_the_table_tells_each_fold(bars, walked):
    table, first = walked.table, walked.steps[0]
    assert len(table) == 6
    row = table.iloc[0]
    times = [row[name] for name in ("train_start", "train_end", "test_start", "test_end")]
    assert times == [pd.Timestamp(bars.time[at], tz="UTC") for at in (0, 119, 120, 169)]  # an end is the last bar
    assert (row["length"], row["sets"]) == (first.parameters["length"], 10)
    assert (row["sharpe_ratio_in_sample"], row["sharpe_ratio_out_of_sample"]) == (first.in_sample, first.out_of_sample)
    assert row["trades"] == len(first.simulation.trades)
    held = first.simulation.trades["exit_bar"] - first.simulation.trades["entry_bar"]
    assert row["longest_holding"] == held.max()
    assert table["final_equity"].iloc[-1] == walked.equity.iloc[-1]


def test_it_is_drawn_and_said(walked):
    figure = walked.plot()
    assert isinstance(figure, go.Figure)
    assert len(figure.data) >= 3
    assert "trend, walked forward" in figure.to_json()
    assert repr(walked).startswith("WalkForward(trend, 6 folds, out of sample Sharpe ratio ")


def test_labels_of_the_joined_account_are_those_of_each_test(bars):
    strategy = rk.strategies.RsiReversion(length=5)
    walked = run_walk_forward(bars, strategy, {"oversold": [30.0, 40.0]}, **SPANS)
    assert walked.simulation.entry_labels() == walked.trades["entry_signal"].tolist()
    assert walked.simulation.exit_labels() == walked.trades["exit_signal"].tolist()
    assert set(walked.simulation.entry_labels()) == {"oversold"}


# what ends it, and what is refused


def test_an_account_that_is_gone_trades_no_more(bars):
    walked = run_walk_forward(
        bars, rk.strategies.BuyAndHold, {}, train=60, test=20, leverage=50.0, size=50.0, objective="total_trades"
    )
    assert len(walked.steps) < 17
    assert walked.equity.iloc[-1] <= 0.0
    assert all(step.simulation.equity[-1] > 0 for step in walked.steps[:-1])
    assert walked.simulation.liquidated
    assert walked.metrics["total_return"] == pytest.approx(walked.trades["pnl"].sum())


def test_a_training_without_a_value_says_where(bars):
    with pytest.raises(OptionError) as caught:
        run_walk_forward(bars, Troubled(how="raises"), {"length": [5, 6]}, **SPANS)
    sentence = "In the training from 2024-01-01T00:00 no set can be chosen. No set of 2 has a sharpe_ratio. The first"
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"train": 120}, OptionError, "A walk-forward needs test=, a number of bars or a time such as '180d'."),
        ({"test": 50}, OptionError, "A walk-forward needs train=, a number of bars or a time such as '180d'."),
        (SPANS | {"select": "broadest"}, OptionError, "There is no select='broadest'. "),
        (SPANS | {"purgee": 3}, OptionError, "The engine has no option 'purgee'."),
        (SPANS | {"step": 10}, OptionError, "step=10 is shorter than test=50: test windows would overlap."),
        ({"train": 500, "test": 50}, DataError, "400 bars are too few for a training of 500 and a test of 50;"),
        (SPANS | {"objective": "sharp"}, LookupError, "There is no metric 'sharp' to search by."),
        (SPANS | {"grid": {"lenght": [5]}}, ParameterError, "trend has no parameter 'lenght' to be searched."),
        (
            SPANS | {"grid": {"length": [1]}},
            ParameterError,
            "trend takes none of 1 sets: trend: length=1: Input should",
        ),
    ],
)
def test_what_is_wrong_is_said(given, error, sentence, bars):
    with pytest.raises(error) as caught:
        run_walk_forward(bars, Trend, **{"grid": GRID} | given)
    assert str(caught.value).startswith(sentence)
