"""One Sharpe ratio: its error by hand, what is undefined, and how often its interval holds the truth."""

import math

import numpy as np
import pytest

from research_kit.errors import DataError, OptionError
from research_kit.metrics.inference.luck import (
    deflated_sharpe_ratio,
    expected_maximum,
    expected_maximum_sharpe,
    minimum_backtest_length,
    null_variance,
)
from research_kit.metrics.inference.series import as_returns, as_rows
from research_kit.metrics.inference.sharpe import (
    SharpeEstimate,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    sharpe_estimate,
    sharpe_interval,
)
from research_kit.metrics.moments import moments
from research_kit.metrics.performance import sharpe_ratio


def test_the_standard_error_by_hand():
    assert SharpeEstimate(0.0, n=101).standard_error == pytest.approx(0.1)
    assert SharpeEstimate(2.0, n=101, skew=-1.0, kurtosis=5.0).standard_error == pytest.approx(math.sqrt(7.0) / 10)
    assert SharpeEstimate(1.0, n=1).standard_error is None


def test_the_estimate_is_the_metric_per_period():
    returns = np.random.default_rng(0).normal(0.001, 0.01, 300)
    yearly = sharpe_ratio(returns, periods_per_year=252, risk_free_rate=0.03)
    estimate = sharpe_estimate(returns, periodic_rate=0.03 / 252)
    assert estimate.sharpe * math.sqrt(252) == pytest.approx(yearly, rel=1e-12)
    assert sharpe_estimate(moments(returns), periodic_rate=0.03 / 252) == estimate


@pytest.mark.parametrize("returns", [[], [0.01], [0.01] * 50, [0.0, 0.0]])
def test_without_a_ratio_nothing_follows(returns):
    estimate = sharpe_estimate(returns)
    assert estimate is None
    assert probabilistic_sharpe_ratio(estimate) is None
    assert minimum_track_record_length(estimate) is None
    assert sharpe_interval(estimate) is None
    assert deflated_sharpe_ratio(estimate, trials=10, variance=0.01) is None


def test_no_length_is_enough_below_the_benchmark():
    assert minimum_track_record_length(SharpeEstimate(0.1, 100), 0.1) is None
    assert minimum_track_record_length(SharpeEstimate(-0.1, 100)) is None
    assert minimum_backtest_length(10, sharpe=0.0) is None


def test_the_track_record_is_long_enough_exactly_at_its_minimum():
    estimate = SharpeEstimate(0.1, 0, skew=-0.5, kurtosis=6.0)
    length = minimum_track_record_length(estimate, confidence=0.9)
    assert probabilistic_sharpe_ratio(estimate._replace(n=length)) == pytest.approx(0.9, rel=1e-12)


def test_excess_kurtosis_is_told_apart():
    with pytest.raises(OptionError, match="kurtosis is raw"):
        _ = SharpeEstimate(0.1, 100, skew=0.0, kurtosis=0.5).standard_error


def test_both_tails_keep_their_digits():
    assert probabilistic_sharpe_ratio(SharpeEstimate(-1.0, 1_000)) == pytest.approx(0.0, abs=1e-100)
    assert probabilistic_sharpe_ratio(SharpeEstimate(-1.0, 1_000)) > 0.0


def test_more_trials_never_raise_the_deflated_ratio():
    estimate = sharpe_estimate(np.random.default_rng(1).normal(0.001, 0.01, 500))
    counts = np.concatenate([np.linspace(1.0, 5.0, 200), np.geomspace(5.0, 1e12, 200)])
    left = [deflated_sharpe_ratio(estimate, trials=count, variance=1 / 499) for count in counts]
    assert (np.diff(left) <= 0.0).all()
    assert left[0] == probabilistic_sharpe_ratio(estimate)


def test_the_expected_maximum_is_that_of_samples():
    drawn = np.random.default_rng(0).normal(size=(20_000, 50)).max(axis=1)
    assert expected_maximum(50) == pytest.approx(drawn.mean(), rel=0.015)  # the formula is an approximation


def test_more_variance_deflates_more():
    assert (
        expected_maximum_sharpe(20, 0.02) > expected_maximum_sharpe(20, 0.01) > expected_maximum_sharpe(20, 0.0) == 0.0
    )
    assert null_variance(1) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: expected_maximum(0),
        lambda: expected_maximum(math.nan),
        lambda: expected_maximum_sharpe(10, -1.0),
        lambda: sharpe_interval(SharpeEstimate(0.1, 10), confidence=95),
        lambda: minimum_track_record_length(SharpeEstimate(0.1, 10), confidence=1.0),
    ],
)
def test_what_is_out_of_range_is_answered(call):
    with pytest.raises(OptionError, match="given was"):
        call()


def test_returns_that_are_none_are_answered():
    with pytest.raises(DataError, match="number 1 is nan"):
        as_returns([0.1, np.nan])
    with pytest.raises(DataError, match="one dimension"):
        as_returns([[0.1]])
    for wrong in ([0.1, 0.2], [[1, 2]]):
        with pytest.raises(DataError, match="one row for each set"):
            as_rows(np.array(wrong))
    for wrong in ([[0.1, np.nan]], [[0.1, np.inf]], [[np.nan, 0.1], [0.1, 0.1]], [[np.inf, -np.inf]]):
        with pytest.raises(DataError, match="must be finite, or NaN for a whole set"):
            as_rows(np.array(wrong))


def test_the_interval_holds_the_truth_as_often_as_it_says():
    generator, truth, held = np.random.default_rng(7), 0.05, 0
    for _ in range(400):
        low, high = sharpe_interval(sharpe_estimate(generator.normal(truth * 0.01, 0.01, 250)), confidence=0.9)
        held += low <= truth <= high
    assert 0.86 <= held / 400 <= 0.94
