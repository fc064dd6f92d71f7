import numpy as np
import pytest

from research_kit.metrics.risk import (
    annualised_volatility,
    conditional_value_at_risk,
    tail_ratio,
    tails,
    value_at_risk,
)


def test_volatility_is_scaled_by_the_root_of_time():
    assert annualised_volatility([0.01, 0.03], periods_per_year=4) == pytest.approx(np.sqrt(2) * 0.01 * 2)
    assert annualised_volatility([0.01, 0.01], periods_per_year=4) == 0.0
    assert annualised_volatility([0.01], periods_per_year=4) is None


def test_value_at_risk_is_linear_between_order_statistics():
    returns = np.arange(-10, 11) / 100.0  # 21 values: the 5 % quantile is the second
    assert value_at_risk(returns) == pytest.approx(-0.09)
    assert value_at_risk([-0.10, 0.10]) == pytest.approx(-0.09)


def test_conditional_value_at_risk_is_the_mean_at_or_below():
    returns = np.arange(-10, 11) / 100.0
    assert conditional_value_at_risk(returns) == pytest.approx(-0.095)
    assert conditional_value_at_risk([-0.10, 0.10]) == pytest.approx(-0.10)


def test_all_copies_of_the_quantile_count():
    returns = [-0.5, *[-0.1] * 40, 0.2]
    assert value_at_risk(returns) == pytest.approx(-0.1)
    assert conditional_value_at_risk(returns) == pytest.approx((-0.5 - 4.0) / 41)


@pytest.mark.parametrize("n", [2, 3, 20, 21, 41, 250, 1001])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99, 1.0])
def test_quantiles_agree_with_numpy(n, level):
    returns = np.random.default_rng(n).normal(size=n)
    found = tails(returns, level)
    assert found.value_at_risk == pytest.approx(np.quantile(returns, 1.0 - level), rel=1e-12)
    assert found.gain == pytest.approx(np.quantile(returns, level), rel=1e-12)


def test_tail_ratio_by_hand():
    returns = np.arange(-10, 11) / 100.0
    assert tail_ratio(returns) == pytest.approx(1.0)
    assert tail_ratio(np.where(returns > 0, 2 * returns, returns)) == pytest.approx(2.0)
    assert tail_ratio([0.0, 0.0, 0.0]) is None


@pytest.mark.parametrize("measure", [value_at_risk, conditional_value_at_risk, tail_ratio])
def test_one_return_has_no_tail(measure):
    assert measure([0.01]) is None
    assert measure([]) is None


def test_a_flat_series_has_a_risk_of_zero_not_of_nothing():
    assert value_at_risk([0.0, 0.0]) == 0.0
    assert conditional_value_at_risk([0.0, 0.0]) == 0.0
