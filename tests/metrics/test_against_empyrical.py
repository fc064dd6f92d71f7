"""The same random series through empyrical-reloaded, where its conventions are ours or reachable."""

import empyrical
import numpy as np
import pytest

from research_kit.metrics.benchmark import alpha_and_beta
from research_kit.metrics.drawdown import max_drawdown
from research_kit.metrics.moments import downside_deviation
from research_kit.metrics.performance import sharpe_ratio, sortino_ratio
from research_kit.metrics.returns import cagr
from research_kit.metrics.risk import annualised_volatility, conditional_value_at_risk, tail_ratio, value_at_risk


@pytest.fixture(params=range(4))
def returns(request):
    return np.random.default_rng(request.param).standard_t(4, 750) * 0.01 + 4e-4


def test_ratios(returns):
    free = 0.02
    expected = empyrical.sharpe_ratio(returns, risk_free=free / 252, annualization=252)
    assert sharpe_ratio(returns, periods_per_year=252, risk_free_rate=free) == pytest.approx(expected, rel=1e-10)
    expected = empyrical.sortino_ratio(returns, required_return=free / 252, annualization=252)
    assert sortino_ratio(returns, periods_per_year=252, risk_free_rate=free) == pytest.approx(expected, rel=1e-10)


def test_risk(returns):
    expected = empyrical.annual_volatility(returns, annualization=252)
    assert annualised_volatility(returns, periods_per_year=252) == pytest.approx(expected, rel=1e-10)
    expected = empyrical.downside_risk(returns, required_return=0.001, annualization=1)
    assert downside_deviation(returns, 0.001) == pytest.approx(expected, rel=1e-10)
    assert value_at_risk(returns) == pytest.approx(empyrical.value_at_risk(returns), rel=1e-10)
    assert tail_ratio(returns) == pytest.approx(empyrical.tail_ratio(returns), rel=1e-10)


def test_conditional_value_at_risk_where_the_quantile_is_a_return(returns):
    some = returns[:741]  # 0.05 x 740 is whole: both then take the mean of the 38 lowest
    assert conditional_value_at_risk(some) == pytest.approx(empyrical.conditional_value_at_risk(some), rel=1e-10)


def test_wealth(returns):
    equity = np.cumprod(1.0 + returns)
    assert max_drawdown(equity, 1.0) == pytest.approx(empyrical.max_drawdown(returns), rel=1e-10)
    by_count = cagr(1.0, equity[-1], len(returns) / 252)
    assert by_count == pytest.approx(empyrical.cagr(returns, annualization=252), rel=1e-10)


def test_benchmark(returns):
    market = 0.5 * returns + np.random.default_rng(9).normal(0, 0.01, len(returns))
    found, slope = alpha_and_beta(returns, market, periods_per_year=252, risk_free_rate=0.02)
    expected = empyrical.alpha_beta(returns, market, risk_free=0.02 / 252, annualization=252)
    assert slope == pytest.approx(expected[1], rel=1e-9)
    assert (1.0 + found / 252) ** 252 - 1.0 == pytest.approx(expected[0], rel=1e-9)  # compounded there
