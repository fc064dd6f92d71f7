"""A sweep gives exactly what a backtest of each of its sets gives, in the order of the grid."""

import numpy as np
import pytest
from searched import Trend, TrendOnBar

import research_kit as rk
from research_kit.bars.sessions import day_ends
from research_kit.errors import OptionError, ParameterError, StrategyError
from research_kit.metrics.moments import moments
from research_kit.metrics.registry import METRICS
from research_kit.metrics.returns import periodic_returns
from research_kit.search.sweep import Search, visiting_order

HOUR = 3_600_000_000_000
GRIDS = {
    "BollingerReversion": {"length": [10, 20], "width": [1.0, 2.0], "short": [False, True]},
    "BuyAndHold": {},
    "DonchianBreakout": {"entry": [10, 20], "exit": [5, 10], "short": [False, True]},
    "Momentum": {"length": [3, 10], "threshold": [0.0, 0.01], "short": [False, True]},
    "RsiReversion": {"length": [5, 14], "oversold": [30.0, 40.0], "short": [False, True]},
    "SmaCross": {"fast": [5, 10], "slow": [20, 30], "short": [False, True]},
}


def differences(sweep, bars, strategy, options=None, **fixed) -> list[str]:
    """Return where the metrics or the daily returns of a set are not those of its backtest."""
    found, own = [], strategy.model_fields
    for at, one in enumerate(sweep.sets):
        parameters = {name: value for name, value in one.items() if name in own}
        changes = {name: value for name, value in one.items() if name not in own}
        alone = rk.run_backtest(bars, strategy(**fixed | parameters), options, **changes)
        pairs = {name: (sweep.value(name, at), alone.metrics[name]) for name in METRICS}
        found += [f"{one} {name}: {pair}" for name, pair in pairs.items() if not same(*pair)]
        daily = periodic_returns(alone.simulation.equity[day_ends(bars)], alone.options.initial_cash)
        found += [] if np.allclose(sweep.returns[at], daily, rtol=1e-6, atol=1e-9) else [f"{one}: daily returns"]
    return found


def same(ours: float | None, alone: float | None) -> bool:
    if ours is None or alone is None:
        return ours is alone
    return abs(ours - alone) <= 1e-9 * max(1.0, abs(alone))


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("step_ns", [HOUR, 24 * HOUR], ids=["hours", "days"])
def test_every_built_in_strategy(name, step_ns, make_bars):
    bars, strategy = make_bars(700, sigma=0.01, step_ns=step_ns), getattr(rk.strategies, name)
    options = rk.EngineOptions(stop_loss=0.05, slippage=0.001, daily_target=0.002)
    sweep = rk.run_sweep(bars, strategy, GRIDS[name], options)
    assert sweep.errors == {}
    assert len(sweep) == np.prod([len(values) for values in GRIDS[name].values()])
    assert differences(sweep, bars, strategy, options) == []
    if name != "BuyAndHold":
        assert len(np.unique(sweep.metrics["total_return"])) > len(sweep) / 2


@pytest.mark.parametrize("strategy", [Trend, TrendOnBar])
def test_options_of_the_engine_in_the_grid(strategy, bars):
    grid = {
        "length": [10, 40],
        "stop_loss": [None, 0.03],
        "commission": [0.0, 0.01],
        "fill": ["next_open", "same_close"],
        "initial_cash": [1_000.0, 50_000.0],
    }
    sweep = rk.run_sweep(bars, strategy, grid, slippage=0.001)
    assert len(sweep) == 32
    assert differences(sweep, bars, strategy, rk.EngineOptions(slippage=0.001)) == []
    assert sweep.table["fill"].tolist() == ["next_open", "next_open", "same_close", "same_close"] * 8


def test_both_ways_of_writing_a_strategy(bars):
    grid = {"length": range(5, 60, 5), "share": [0.25, 1.0]}
    signals, orders = (rk.run_sweep(bars, kind, grid, stop_loss=0.04) for kind in (Trend, TrendOnBar))
    for name in METRICS:
        np.testing.assert_allclose(orders.metrics[name], signals.metrics[name], rtol=1e-9, atol=1e-9, err_msg=name)
    assert differences(orders, bars, TrendOnBar, rk.EngineOptions(stop_loss=0.04)) == []


def test_parameters_that_are_not_searched_come_from_the_instance(bars):
    sweep = rk.run_sweep(bars, rk.strategies.SmaCross(slow=60, short=True), {"fast": [5, 9]})
    assert sweep.sets.names == ("fast",)
    assert differences(sweep, bars, rk.strategies.SmaCross, slow=60, short=True) == []
    default = rk.run_sweep(bars, rk.strategies.SmaCross, {"fast": [5, 9]})
    assert differences(default, bars, rk.strategies.SmaCross) == []


def test_options_from_an_object_and_by_name(bars):
    given = rk.EngineOptions(commission=0.01, size=0.5)
    sweep = rk.run_sweep(bars, Trend, {"length": [10]}, given, size=0.25)
    assert differences(sweep, bars, Trend, rk.EngineOptions(commission=0.01, size=0.25)) == []
    assert given.size == 0.5


def test_where_as_text_and_as_a_function(bars):
    grid = {"fast": [5, 10, 20], "slow": [10, 20, 30]}
    text = rk.run_sweep(bars, rk.strategies.SmaCross, grid, where="fast < slow")
    function = rk.run_sweep(bars, rk.strategies.SmaCross, grid, where=lambda one: one["fast"] < one["slow"])
    expected = [{"fast": fast, "slow": slow} for fast in (5, 10, 20) for slow in (10, 20, 30) if fast < slow]
    assert list(text.sets) == list(function.sets) == expected
    assert len(text.refused) == 0


def test_a_single_set(bars):
    sweep = rk.run_sweep(bars, Trend(length=30), {})
    assert (len(sweep), sweep.best.parameters) == (1, {})
    alone = rk.run_backtest(bars, Trend(length=30)).metrics["sharpe_ratio"]
    assert sweep.best.value == sweep.best.plateau == pytest.approx(alone)
    one = rk.run_sweep(bars, Trend, {"length": [30]})
    assert one.best.value == sweep.best.value
    assert len(one.table) == len(one.top()) == 1


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("strategy", [Trend, TrendOnBar])
def test_very_few_bars(n, strategy, bars):
    few = bars.window(0, n)
    sweep = rk.run_sweep(few, strategy, {"length": [2, 3]}, objective="total_trades")
    assert sweep.errors == {}
    assert differences(sweep, few, strategy) == []


def test_two_sweeps_are_identical(bars):
    one, two = (rk.run_sweep(bars, Trend, {"length": range(2, 90)}) for _ in range(2))
    for name in METRICS:
        assert one.metrics[name].tobytes() == two.metrics[name].tobytes()
    assert one.ranking.tolist() == two.ranking.tolist()


def test_sets_that_share_indicators_are_run_near_one_another():
    """More indicators than are remembered: a tile of the grid at a time, every set once."""
    codes = np.indices((40, 40), dtype=np.int32).reshape(2, -1)
    assert visiting_order(codes, 80).tolist() == list(range(1_600))
    tiled = visiting_order(codes, 20)
    assert sorted(tiled.tolist()) == list(range(1_600))
    for first in range(0, 1_600, 25):
        tile = codes[:, tiled[first : first + 25]]
        assert [len(np.unique(code)) for code in tile] == [5, 5]


def test_a_sweep_larger_than_the_memory_of_indicators(bars, monkeypatch):
    monkeypatch.setattr("research_kit.search.evaluate.LEAST_MEMORY", 5 * 8 * len(bars))
    monkeypatch.setattr("research_kit.search.evaluate.ARRAYS_REMEMBERED", 5)
    grid = {"fast": range(2, 30), "slow": range(30, 60)}
    small = rk.run_sweep(bars, rk.strategies.SmaCross, grid)
    monkeypatch.undo()
    usual = rk.run_sweep(bars, rk.strategies.SmaCross, grid)
    for name in METRICS:
        assert small.metrics[name].tobytes() == usual.metrics[name].tobytes()


@pytest.mark.parametrize("strategy", [Trend, TrendOnBar])
def test_moments_are_those_of_the_daily_returns(strategy, bars):
    search = Search.of(bars, strategy, {"length": [5, 20], "share": [1.0, 0.0]})
    (results,) = search.results()
    for at in range(4):
        shape = moments(results.daily_returns[at].astype(np.float64))
        wanted = {"mean": shape.mean, "std": shape.deviation, "skew": shape.skew, "kurtosis": shape.kurtosis}
        for name, value in wanted.items():
            expected = np.nan if value is None else value
            assert results.moments[name][at] == pytest.approx(expected, rel=1e-4, abs=1e-9, nan_ok=True)


# random


def test_sets_drawn_at_random(bars):
    grid = {"length": rk.between(2, 200), "share": rk.between(0.1, 1.0)}
    one, again, other = (rk.run_sweep(bars, Trend, grid, method="random", sets=60, seed=seed) for seed in (3, 3, 4))
    assert list(one.sets) == list(again.sets) != list(other.sets)
    assert len(one) == len({tuple(values.items()) for values in one.sets}) == 60
    assert not one.is_grid
    assert differences(one, bars, Trend) == []


def test_a_small_grid_drawn_at_random_is_run_in_whole(bars):
    sweep = rk.run_sweep(bars, Trend, {"length": [5, 6, 7]}, method="random", sets=100)
    assert sorted(one["length"] for one in sweep.sets) == [5, 6, 7]


def test_where_chooses_among_what_was_drawn(bars):
    grid = {"fast": rk.between(2, 100), "slow": rk.between(5, 100)}
    sweep = rk.run_sweep(bars, rk.strategies.SmaCross, grid, method="random", sets=100, where="fast < slow")
    assert 20 < len(sweep) < 80
    assert (sweep.table["fast"] < sweep.table["slow"]).all()


# what is misspelt or out of range


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"grid": {"lenght": [5]}}, ParameterError, "trend has no parameter 'lenght' to be searched. Did you mean"),
        ({"grid": {"length": []}}, ParameterError, "'length' has no values to be searched; give at least one."),
        ({"method": "gird"}, OptionError, "There is no method 'gird' to search by. Did you mean 'grid'?"),
        ({"method": None}, OptionError, "There is no method None to search by. Known: grid, optuna, random."),
        ({"comission": 0.1}, OptionError, "The engine has no option 'comission'. Did you mean 'commission'?"),
        ({"delay": -1}, OptionError, "The engine: delay=-1: Input should be greater than or equal to 0."),
        ({"objective": 7}, OptionError, "An objective is the name of a metric, such as 'sharpe_ratio'; given was 7."),
        ({"workers": 0}, OptionError, "workers is a whole number, at least 1; given was 0."),
        ({"workers": True}, OptionError, "workers is a whole number, at least 1; given was True."),
        ({"workers": "2"}, OptionError, "workers is a whole number, at least 1; given was '2'."),
        ({"sets": 5}, OptionError, "A grid runs every set; sets= is for method='random' and 'optuna'."),
        ({"method": "random", "sets": 0}, OptionError, "sets is a whole number from 1 to 5,000,000; given was 0."),
        ({"method": "random", "sets": 2.0}, OptionError, "sets is a whole number from 1 to 5,000,000; given was 2.0."),
        ({"method": "random", "seed": -1}, OptionError, "seed is a whole number, at least 0; given was -1."),
        ({"method": "random", "seed": "x"}, OptionError, "seed is a whole number, at least 0; given was 'x'."),
        ({"method": "optuna", "where": "length > 3"}, OptionError, "optuna chooses its own sets; where= is for"),
        ({"where": "lenght > 3"}, OptionError, "where='lenght > 3' names 'lenght', which is not searched. Did"),
        ({"where": "length > 3"}, OptionError, "No set of 1 fulfils where='length > 3'."),
        ({"executor": 4}, OptionError, "executor is a concurrent.futures.Executor; given was 4."),
        ({"patience": 0}, OptionError, "patience is a number of seconds above 0; given was 0."),
        ({"progress": 4}, OptionError, "progress is a function of a SweepProgress; given was 4."),
        ({"strategy": "trend"}, StrategyError, "A strategy is an rk.Strategy, or its class; this is str."),
        ({"strategy": rk.Strategy, "grid": {}}, StrategyError, "Strategy defines neither signals() nor on_bar()."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_anything_is_run(given, error, sentence, bars):
    asked = {"strategy": Trend, "grid": {"length": [2]}} | given
    with pytest.raises(error) as caught:
        rk.run_sweep(bars, asked.pop("strategy"), asked.pop("grid"), **asked)
    assert str(caught.value).startswith(sentence)
