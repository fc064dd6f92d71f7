import numpy as np
import pytest

from research_kit.metrics.moments import moments
from research_kit.metrics.performance import calmar_ratio, periodic_rate, sharpe_ratio, sortino_ratio


def test_sharpe_by_hand():
    # mean 0.02, deviation 0.01 x sqrt 2
    assert sharpe_ratio([0.01, 0.03], periods_per_year=50) == pytest.approx(0.02 / (0.01 * np.sqrt(2)) * np.sqrt(50))


def test_the_risk_free_rate_is_annual_and_simple():
    assert periodic_rate(0.05, 250) == pytest.approx(0.0002)
    free = sharpe_ratio([0.01, 0.03], periods_per_year=50, risk_free_rate=0.5)  # 0.01 a period
    assert free == pytest.approx(sharpe_ratio([0.0, 0.02], periods_per_year=50))


def test_sharpe_takes_moments_too(walk):
    returns = np.diff(walk) / walk[:-1]
    given = {"periods_per_year": 252, "risk_free_rate": 0.03}
    assert sharpe_ratio(moments(returns), **given) == sharpe_ratio(returns, **given)


def test_sortino_by_hand():
    # mean 0.01, downside sqrt((0.02^2) / 2)
    expected = 0.01 / np.sqrt(0.0004 / 2) * np.sqrt(8)
    assert sortino_ratio([0.04, -0.02], periods_per_year=8) == pytest.approx(expected)
    shifted = sortino_ratio([0.05, -0.01], periods_per_year=8, risk_free_rate=0.08)
    assert shifted == pytest.approx(expected)


@pytest.mark.parametrize("ratio", [sharpe_ratio, sortino_ratio])
@pytest.mark.parametrize("returns", [[], [0.01], [0.01, 0.01], [0.0, 0.0, 0.0], [0.1] * 7])
def test_ratios_without_spread_are_undefined(ratio, returns):
    assert ratio(returns, periods_per_year=252) is None


def test_rounding_below_the_risk_free_rate_is_no_downside():
    equity = 100.0 * 1.01 ** np.arange(40)
    returns = equity[1:] / equity[:-1] - 1.0
    assert sortino_ratio(returns, periods_per_year=252, risk_free_rate=2.52) is None


def test_sortino_without_a_loss_is_undefined():
    assert sortino_ratio([0.01, 0.02], periods_per_year=252) is None


def test_calmar_has_the_sign_of_growth():
    assert calmar_ratio(-0.3, -0.6) == pytest.approx(-0.5)


@pytest.mark.parametrize(("growth", "deepest"), [(None, -0.1), (0.1, None), (0.1, 0.0)])
def test_calmar_without_growth_or_fall_is_undefined(growth, deepest):
    assert calmar_ratio(growth, deepest) is None
