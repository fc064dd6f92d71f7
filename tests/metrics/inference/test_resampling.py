"""Draws: those of arch, number for number; intervals that hold the truth; fans and permutations."""

import numpy as np
import pytest

from research_kit.errors import DataError, OptionError
from research_kit.metrics.drawdown import max_drawdown
from research_kit.metrics.inference.intervals import (
    OF_DAYS,
    OF_TRADES,
    bootstrap_intervals,
    largest_fall,
    trade_intervals,
)
from research_kit.metrics.inference.monte_carlo import monte_carlo
from research_kit.metrics.inference.permutation import permutation_test
from research_kit.metrics.inference.resampling import Resampling, block_length
from research_kit.metrics.performance import calmar_ratio, sharpe_ratio, sortino_ratio
from research_kit.metrics.returns import cagr
from research_kit.metrics.risk import annualised_volatility
from research_kit.metrics.trade_statistics import expectancy, profit_factor

FEW = Resampling(draws=300)


def moving_average(steps: np.ndarray, length: int) -> np.ndarray:
    return np.convolve(steps, np.ones(length) / length, "valid")


@pytest.fixture(scope="module")
def bootstrap():
    import arch.bootstrap

    return arch.bootstrap


@pytest.mark.parametrize("n", [30, 100, 777, 2_500])
@pytest.mark.parametrize("length", [1, 3, 20])
def test_block_lengths_are_those_of_arch(bootstrap, n, length):
    series = moving_average(np.random.default_rng(n + length).normal(size=n + length - 1), length)
    theirs = bootstrap.optimal_block_length(series)
    for kind in ("stationary", "circular"):
        assert block_length(series, kind=kind) == pytest.approx(max(1.0, theirs[kind].iloc[0]), rel=1e-9)


@pytest.mark.parametrize(
    ("kind", "theirs"), [("stationary", "StationaryBootstrap"), ("circular", "CircularBlockBootstrap")]
)
def test_samples_are_those_of_arch(bootstrap, kind, theirs):
    series = np.arange(97)
    same = getattr(bootstrap, theirs)(7, series, seed=11).bootstrap(5)
    ours = Resampling(draws=5, seed=11, kind=kind).samples(97, 7.0)
    for (drawn, _), sample in zip(same, ours, strict=True):
        assert drawn[0].tolist() == series[sample].tolist()


@pytest.mark.parametrize("series", [[], [1.0], [0.0] * 50, [0.01] * 50, [1.0, 2.0, 3.0], [1.0, -1.0] * 30])
def test_a_block_has_at_least_one_day(series):
    assert 1.0 <= block_length(series) <= max(1, len(series))


@pytest.mark.parametrize("wrong", [{"draws": 0}, {"seed": -1}, {"seed": True}, {"kind": "moving"}, {"block": 0.5}])
def test_wrong_ways_to_draw(wrong):
    with pytest.raises(OptionError):
        Resampling(**wrong)
    with pytest.raises(OptionError, match="Did you mean 'circular'"):
        block_length([1.0], kind="circula")


def test_values_are_the_metrics():
    returns = np.random.default_rng(3).normal(0.001, 0.01, 400)
    found = bootstrap_intervals(returns, periods_per_year=252, risk_free_rate=0.02, years=1.6, resampling=FEW)
    growth = cagr(1.0, np.prod(1.0 + returns), 1.6)
    deepest = max_drawdown(np.cumprod(1.0 + returns), 1.0)
    expected = {
        "total_return_percent": 100.0 * (np.prod(1.0 + returns) - 1.0),
        "cagr": growth,
        "volatility": annualised_volatility(returns, periods_per_year=252),
        "max_drawdown_percent": 100.0 * deepest,
        "sharpe_ratio": sharpe_ratio(returns, periods_per_year=252, risk_free_rate=0.02),
        "sortino_ratio": sortino_ratio(returns, periods_per_year=252, risk_free_rate=0.02),
        "calmar_ratio": calmar_ratio(growth, deepest),
    }
    assert {name: one.value for name, one in found.items()} == pytest.approx(expected, rel=1e-9)
    assert largest_fall(returns) == pytest.approx(deepest, rel=1e-12)
    assert all(one.low < one.value < one.high for one in found.values())


def test_values_of_trades_are_the_metrics():
    pnl = np.random.default_rng(4).normal(1.0, 20.0, 80)
    pnl[5] = 0.0
    found = trade_intervals(pnl, resampling=FEW)
    expected = {
        "win_rate": np.mean(pnl > 0),
        "profit_factor": profit_factor(pnl),
        "expectancy": expectancy(pnl),
    }
    assert {name: one.value for name, one in found.items()} == pytest.approx(expected, rel=1e-9)
    assert all(one.low < one.value < one.high for one in found.values())


def test_the_same_seed_gives_the_same_interval():
    returns = np.random.default_rng(0).normal(0.0, 0.01, 300)
    same = [bootstrap_intervals(returns, periods_per_year=252, resampling=FEW) for _ in range(2)]
    assert same[0] == same[1]
    other = bootstrap_intervals(returns, periods_per_year=252, resampling=Resampling(draws=300, seed=1))
    assert other["sharpe_ratio"] != same[0]["sharpe_ratio"]


@pytest.mark.parametrize("length", [1, 5])
def test_intervals_hold_the_truth_nearly_as_often_as_they_say(length):
    generator, truth, held = np.random.default_rng(1), 0.8, 0
    for _ in range(100):
        steps = moving_average(generator.normal(size=500 + length - 1), length)
        returns = 0.01 * (steps * np.sqrt(length) + truth / np.sqrt(252))
        between = bootstrap_intervals(returns, periods_per_year=252, confidence=0.9, resampling=FEW)["sharpe_ratio"]
        held += between.low <= truth <= between.high
    assert 0.8 <= held / 100 <= 0.97


def test_dependence_widens_the_interval():
    steps = moving_average(np.random.default_rng(2).normal(size=1_019), 20)
    returns = 0.01 * steps / steps.std()
    blocks = bootstrap_intervals(returns, periods_per_year=252, resampling=FEW)["sharpe_ratio"]
    days = bootstrap_intervals(returns, periods_per_year=252, resampling=Resampling(draws=300, block=1.0))[
        "sharpe_ratio"
    ]
    assert blocks.block > 5.0
    assert blocks.high - blocks.low > 2.0 * (days.high - days.low)


def test_more_confidence_is_a_wider_interval():
    returns = np.random.default_rng(0).normal(0.0, 0.01, 300)
    widths = [
        one.high - one.low
        for share in (0.5, 0.8, 0.95, 0.99)
        for one in [bootstrap_intervals(returns, periods_per_year=252, confidence=share, resampling=FEW)["cagr"]]
    ]
    assert widths == sorted(widths)


@pytest.mark.parametrize(
    ("returns", "reason"), [([], "fewer than 10"), ([0.01] * 9, "fewer than 10"), ([0.01] * 20, "itself is undefined")]
)
def test_what_is_undefined_says_why(returns, reason):
    found = bootstrap_intervals(returns, periods_per_year=252, resampling=FEW)
    assert set(found) == set(OF_DAYS)
    assert found["sharpe_ratio"].low is None
    assert reason in found["sharpe_ratio"].reason
    assert str(found["sharpe_ratio"]) == "– [–, –]"
    assert set(trade_intervals(returns[:5])) == set(OF_TRADES)


def test_a_metric_that_most_samples_lack_has_no_interval():
    found = trade_intervals([1.0] * 39 + [-1.0], resampling=FEW)
    assert found["profit_factor"].value == 39.0
    assert found["profit_factor"].low is None
    assert "of the samples" in found["profit_factor"].reason
    assert found["win_rate"].high == 1.0


def test_a_ruined_account_stays_ruined():
    found = bootstrap_intervals([0.1] * 20 + [-1.0] + [0.5] * 20, periods_per_year=252, resampling=FEW)
    assert found["total_return_percent"].value == -100.0
    assert found["max_drawdown_percent"].value == -100.0
    assert found["cagr"].value is None


def test_a_fan_by_hand():
    fan = monte_carlo([0.1] * 20, periods=10, resampling=FEW)
    assert fan.finals == pytest.approx(np.full(300, 1.1**10))
    assert fan.quantiles[2] == pytest.approx(1.1**fan.periods)
    assert fan.actual == pytest.approx(1.1**fan.periods)
    assert (fan.probability_of_loss, fan.probability_of_drawdown(0.01), fan.drawdown(0.05)) == (0.0, 0.0, 0.0)


def test_a_fan_draws_with_replacement_and_never_loses_more_than_all():
    returns = np.random.default_rng(0).normal(0.0, 0.05, 250)
    fan = monte_carlo(returns, resampling=FEW)
    assert fan.finals.std() > 0.1  # a reshuffle would always end at the same value
    assert fan.deepest.min() >= -1.0
    assert (np.diff(fan.quantiles, axis=0) >= 0.0).all()
    assert fan.actual[-1] == pytest.approx(np.prod(1.0 + returns))
    assert fan.probability_of_drawdown(-0.3) == fan.probability_of_drawdown(0.3) > fan.probability_of_drawdown(0.6)
    assert fan.final(0.5) == pytest.approx(np.median(fan.finals))
    assert fan.finals.tolist() == monte_carlo(returns, resampling=FEW).finals.tolist()
    assert repr(fan).startswith("Fan(300 samples of 250 periods: median end ")


def test_a_fan_beyond_the_history():
    fan = monte_carlo(np.random.default_rng(0).normal(0.0, 0.01, 50), periods=200, resampling=FEW, points=20)
    assert fan.periods[[0, -1]].tolist() == [0, 200]
    assert len(fan.periods) == 21
    assert np.isnan(fan.actual[fan.periods > 50]).all()
    assert not np.isnan(fan.actual[fan.periods <= 50]).any()


def test_a_fan_of_nothing():
    assert monte_carlo([]) is None
    assert monte_carlo([0.01] * 9) is None
    with pytest.raises(DataError, match="loses more than there is"):
        monte_carlo([-1.5] * 20)
    with pytest.raises(DataError, match="loses more than there is"):
        largest_fall([-1.5])
    with pytest.raises(OptionError, match="periods must be at least 1"):
        monte_carlo([0.01] * 20, periods=0)


def test_shifts_are_those_around_the_circle():
    generator = np.random.default_rng(0)
    held, earned = generator.normal(size=23), generator.normal(size=23)
    found = permutation_test(held, earned)
    expected = [np.mean(np.roll(held, shift) * earned) for shift in range(1, 23)]
    assert found.others == pytest.approx(expected, abs=1e-12)
    assert found.p_value == (1 + np.sum(np.array(expected) >= found.value)) / 23


@pytest.mark.parametrize("method", ["shift", "shuffle"])
def test_p_values_of_luck_are_even(method):
    generator = np.random.default_rng(1)
    found = [
        permutation_test(generator.random(120) < 0.5, generator.normal(size=120), method=method, resampling=FEW).p_value
        for _ in range(200)
    ]
    assert 0.42 < np.mean(found) < 0.58
    assert 0.01 <= np.mean(np.array(found) <= 0.05) <= 0.1


def test_always_long_proves_nothing():
    market = np.random.default_rng(0).normal(0.01, 0.01, 100)
    assert permutation_test(np.ones(100), market) is None
    nearly = np.ones(100)
    nearly[3] = 0.0
    assert permutation_test(nearly, market).p_value > 0.01


def test_permutations_that_cannot_be():
    with pytest.raises(DataError, match="of the same periods"):
        permutation_test([1.0] * 10, [1.0] * 11)
    with pytest.raises(OptionError, match="Did you mean 'shift'"):
        permutation_test([1.0], [1.0], method="shifts")
    assert permutation_test([1.0, 0.0], [0.1, 0.2]) is None
