import numpy as np
import pytest

from research_kit.errors import DataError
from research_kit.metrics.benchmark import alpha, alpha_and_beta, beta, information_ratio

MARKET = np.array([0.01, -0.02, 0.03, 0.0])


def test_beta_is_the_slope():
    assert beta(2.0 * MARKET + 0.001, MARKET) == pytest.approx(2.0)
    assert beta(-MARKET, MARKET) == pytest.approx(-1.0)


def test_alpha_is_what_the_market_leaves():
    assert alpha(2.0 * MARKET + 0.001, MARKET, periods_per_year=250) == pytest.approx(0.25)


def test_alpha_with_a_risk_free_rate():
    # r - rf = 2 (b - rf) + a  with r = 2 b + 0.001 and rf = 0.0002: a = 0.001 + rf
    found = alpha(2.0 * MARKET + 0.001, MARKET, periods_per_year=250, risk_free_rate=0.05)
    assert found == pytest.approx(250 * 0.0012)


def test_both_from_one_look(walk):
    market = np.random.default_rng(1).normal(size=len(walk))
    given = {"periods_per_year": 252, "risk_free_rate": 0.02}
    assert alpha_and_beta(walk, market, **given) == (alpha(walk, market, **given), beta(walk, market))


def test_information_ratio_by_hand():
    active = np.array([0.01, 0.03, 0.01, 0.03])
    expected = 0.02 / np.std(active, ddof=1) * np.sqrt(252)
    assert information_ratio(MARKET + active, MARKET, periods_per_year=252) == pytest.approx(expected)


def test_the_benchmark_against_itself():
    assert beta(MARKET, MARKET) == pytest.approx(1.0)
    assert alpha(MARKET, MARKET, periods_per_year=252) == pytest.approx(0.0, abs=1e-12)
    assert information_ratio(MARKET, MARKET, periods_per_year=252) is None
    assert information_ratio(MARKET + 0.01, MARKET, periods_per_year=252) is None


@pytest.mark.parametrize("market", [[], [0.01], [0.01, 0.01, 0.01]])
def test_a_benchmark_that_does_not_vary_explains_nothing(market):
    returns = np.arange(len(market)) / 100.0
    assert beta(returns, market) is None
    assert alpha(returns, market, periods_per_year=252) is None


def test_series_of_different_length_are_refused():
    with pytest.raises(DataError, match="3 returns cannot be set against 2"):
        beta([0.0, 0.1, 0.2], [0.0, 0.1])
