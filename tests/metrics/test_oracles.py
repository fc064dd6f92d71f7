"""Figures from papers, books and other engines; each says where its convention leaves ours."""

import numpy as np
import pandas as pd
import pytest

from research_kit.metrics import trade_statistics as trades
from research_kit.metrics.benchmark import alpha_and_beta, beta
from research_kit.metrics.drawdown import drawdown_series, drawdowns, max_drawdown
from research_kit.metrics.moments import downside_deviation, kurtosis, moments, skew
from research_kit.metrics.performance import calmar_ratio, sharpe_ratio, sortino_ratio
from research_kit.metrics.returns import cagr, periodic_returns
from research_kit.metrics.risk import (
    annualised_volatility,
    conditional_value_at_risk,
    tail_ratio,
    value_at_risk,
)
from research_kit.metrics.summary import compute_metrics

DAY = 86_400_000_000_000


@pytest.fixture(scope="module")
def spy_closes(shared_data):
    frame = pd.read_csv(shared_data / "mplfinance" / "yahoofinance-SPY-20080101-20180101.csv", parse_dates=["Date"])
    return frame["Date"].to_numpy("datetime64[ns]").astype(np.int64), frame["Close"].to_numpy(float)


@pytest.fixture(scope="module")
def bitcoin_closes(shared_data):
    frame = pd.read_csv(shared_data / "bitfinex" / "BTCUSD_1m_2018_noheader_OCHL.csv.gz", header=None, usecols=[0, 2])
    last = frame.groupby(frame[0] // 86_400_000)[2].last()
    return last.index.to_numpy() * DAY, last.to_numpy(float)


@pytest.mark.real_data
@pytest.mark.parametrize(("row", "fixture"), [(0, "spy_closes"), (1, "bitcoin_closes")])
def test_daily_closes_of_real_markets(oracles, request, row, fixture):
    expected = oracles["series"][row]
    _, closes = request.getfixturevalue(fixture)
    returns = periodic_returns(closes[1:], closes[0])
    year = expected["periods_per_year"]
    sample = moments(returns)
    growth = cagr(closes[0], closes[-1], len(returns) / year)  # that oracle counts periods, ours calendar time
    deepest = max_drawdown(closes, closes[0])
    found = {
        "n": sample.n,
        "mean": sample.mean,
        "std_ddof1": sample.deviation,
        "sharpe_ann": sharpe_ratio(returns, periods_per_year=year),
        "sortino_ann_mar0_full_n": sortino_ratio(returns, periods_per_year=year),
        "max_drawdown": deepest,
        "cagr_by_count": growth,
        "calmar": calmar_ratio(growth, deepest),
        "var95_hist_linear": -value_at_risk(returns),  # losses are negative here
        "cvar95_mean_le_var": -conditional_value_at_risk(returns),
        "skew_population": skew(returns),
        "kurtosis_population_raw": kurtosis(returns),
        "positive_share": np.count_nonzero(returns > 0) / sample.n,
    }
    assert found == pytest.approx({name: expected[name] for name in found}, rel=1e-9)


@pytest.mark.real_data
@pytest.mark.parametrize(("row", "fixture"), [(0, "spy_closes"), (1, "bitcoin_closes")])
def test_the_summary_gives_the_same_figures(oracles, request, make_inputs, row, fixture):
    expected = oracles["series"][row]
    times, closes = request.getfixturevalue(fixture)
    inputs = make_inputs(
        closes[1:], time_ns=times[1:], initial_cash=closes[0], periods_per_year=expected["periods_per_year"]
    )
    metrics = compute_metrics(inputs)
    assert metrics["sharpe_ratio"] == pytest.approx(expected["sharpe_ann"])
    assert metrics["sortino_ratio"] == pytest.approx(expected["sortino_ann_mar0_full_n"])
    assert metrics["max_drawdown_percent"] == pytest.approx(100 * expected["max_drawdown"])
    assert metrics["var_95"] == pytest.approx(-expected["var95_hist_linear"])
    assert metrics["cvar_95"] == pytest.approx(-expected["cvar95_mean_le_var"])
    assert metrics["kurtosis"] == pytest.approx(expected["kurtosis_population_raw"])
    assert metrics["profitable_days"] == round(expected["positive_share"] * expected["n"])


def test_red_rock_sortino():
    annual = np.array([17, 15, 23, -5, 12, 9, 13, -4]) / 100.0
    assert downside_deviation(annual) == pytest.approx(2.2638462845343543 / 100, rel=1e-9)
    assert sortino_ratio(annual, periods_per_year=1) == pytest.approx(4.417261042993862, rel=1e-9)


@pytest.mark.real_data
def test_chan_quantitative_trading_example_3_4(oracles, shared_data):
    expected = oracles["chan_ige"]
    ige, spy = (
        pd.read_csv(shared_data / "pyalgotrade" / f"sharpe-ratio-test-{name}.csv")["Adj Close"].to_numpy(float)
        for name in ("ige", "spy")
    )
    own, market = periodic_returns(ige[1:], ige[0]), periodic_returns(spy[1:], spy[0])
    sharpe = sharpe_ratio(own, periods_per_year=252, risk_free_rate=expected["rf_annual"])
    assert sharpe == pytest.approx(expected["sharpe"], rel=1e-9)
    neutral = (own - market) / 2
    assert sharpe_ratio(neutral, periods_per_year=252) == pytest.approx(expected["long_ige_short_spy_half"], rel=1e-9)
    falls = drawdowns(np.cumprod(1.0 + neutral), DAY * np.arange(len(neutral)), 1.0)
    assert falls.fraction == pytest.approx(expected["max_drawdown_long_short"], rel=1e-9)
    # Chan counts the bars below the peak; here the drawdown ends one bar later, at the recovery
    assert falls.longest_days == expected["max_drawdown_duration_days"] + 1


PERCENT_A_MONTH = """
    0.3 2.6 1.1 -1.0 1.5 2.5 1.6 6.7 -1.4 4.0 -0.5 8.1
    4.0 -3.7 -6.1 1.7 -4.9 -2.2 7.0 5.8 -6.5 2.4 -0.5 -0.9
"""


def test_bacon_2008():
    returns = np.array(PERCENT_A_MONTH.split(), dtype=float) / 100.0
    equity = np.cumprod(1.0 + returns)
    n, falls = len(returns), drawdowns(equity, DAY * np.arange(len(equity)), 1.0)
    assert downside_deviation(returns, 0.005) == pytest.approx(0.0255, abs=5e-5)
    assert trades.profit_factor(returns) == pytest.approx(1.78, abs=5e-3)  # the Bernardo Ledoit ratio
    assert -drawdown_series(equity, 1.0).mean() == pytest.approx(0.04, abs=5e-3)  # the pain index
    growth = cagr(1.0, equity[-1], years=2.0)
    assert growth / falls.ulcer_index == pytest.approx(1.7, abs=0.05)  # the Martin ratio
    sample = kurtosis(returns) * (n + 1) * (n - 1) / ((n - 2) * (n - 3))  # his estimator of the same moment
    assert sample == pytest.approx(3.03, abs=5e-3)
    sharpe = growth / annualised_volatility(returns, periods_per_year=12)  # his Sharpe ratio is geometric
    adjusted = sharpe * (1 + skew(returns) / 6 * sharpe - (kurtosis(returns) - 3) / 24 * sharpe**2)
    assert adjusted == pytest.approx(0.7591435, abs=5e-8)


def test_ten_trades(make_inputs):
    pnl = np.array([100.0, -50, 200, -80, 0, 60, -40, -30, 120, -10])
    metrics = compute_metrics(make_inputs(1000.0 + np.cumsum(pnl), initial_cash=1000.0, trade_pnl=pnl))
    expected = {
        "profit_factor": 2.2857142857142856,
        "win_rate": 0.4,
        "expectancy": 27.0,
        "average_win": 120.0,
        "average_loss": -42.0,
        "payoff_ratio": 2.857142857142857,
        "max_consecutive_wins": 1,
        "max_consecutive_losses": 2,
        "max_drawdown": -90.0,
        "max_drawdown_percent": -7.2,
    }
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-12)


# vectorbt, tests/test_returns.py: days of 365, its rates are those of one period, so rate x 365 is ours.
PRICES = {"a": [1.0, 2, 3, 4, 5], "b": [5.0, 4, 3, 2, 1], "c": [1.0, 2, 3, 2, 1]}
SHARPE = {"a": 29.052280196490333, "b": -48.06592068111974, "c": 4.232900240313306}
VOLATILITY = {"a": 6.417884083645567, "b": 2.5122615973129334, "c": 13.509256086106296}
DOWNSIDE = {"a": 0.0, "b": 8.329186468210578, "c": 7.069987427302981}
SORTINO = {"a": None, "b": -18.441677017667562, "c": 3.4417788692752858}  # a: inf there, undefined here
CVAR = {"a": 0.25, "b": -0.5, "c": -0.5}
TAIL_RATIO = {"a": 3.5238095238095237, "b": 0.43684210526315786, "c": 1.947368421052631}


@pytest.mark.parametrize("name", list(PRICES))
def test_vectorbt(name):
    prices = PRICES[name]
    returns = periodic_returns(prices[1:], prices[0])
    sharpe = sharpe_ratio(returns, periods_per_year=365, risk_free_rate=0.01 * 365)
    assert sharpe == pytest.approx(SHARPE[name], rel=1e-9)
    assert annualised_volatility(returns, periods_per_year=365) == pytest.approx(VOLATILITY[name], rel=1e-9)
    assert downside_deviation(returns, 0.1) * np.sqrt(365) == pytest.approx(DOWNSIDE[name], rel=1e-9)
    sortino = sortino_ratio(returns, periods_per_year=365, risk_free_rate=0.1 * 365)
    assert sortino == (SORTINO[name] and pytest.approx(SORTINO[name], rel=1e-9))
    assert conditional_value_at_risk(returns) == pytest.approx(CVAR[name], rel=1e-9)
    assert tail_ratio(returns) == pytest.approx(TAIL_RATIO[name], rel=1e-9)


def test_vectorbt_value_at_risk_and_calmar():
    assert value_at_risk(periodic_returns(PRICES["a"][1:], 1.0)) == pytest.approx(0.2625)
    growth = {name: cagr(prices[0], prices[-1], 4 / 365) for name, prices in PRICES.items()}
    deepest = {name: max_drawdown(prices, prices[0]) for name, prices in PRICES.items()}
    calmar = {name: calmar_ratio(growth[name], deepest[name]) for name in PRICES}
    assert calmar == {"a": None, "b": pytest.approx(-1.25), "c": pytest.approx(0.0, abs=1e-12)}


def test_vectorbt_beta():
    rng = np.random.RandomState(42)
    betas = []
    for multiple, prices in enumerate(PRICES.values(), start=1):
        returns = periodic_returns(prices, prices[0])
        market = returns * rng.uniform(0.8, 1.2, 5) * multiple
        betas.append(beta(returns[1:], market[1:]))
    assert betas == pytest.approx([0.7853755858374825, 0.4123019930790345, 0.30840682076341036], rel=1e-9)


# empyrical, tests/test_stats.py. Its first row is NaN: left out here, or 0 where its statistic reads it as 0.
MIXED = np.array([1, 10, -4, 2, 3, 2, 1, -10]) / 100.0
NEGATIVE = np.array([0, -6, -7, -1, -9, -2, -6, -8, -5]) / 100.0
POSITIVE = np.array([1, 2, 1, 1, 1, 1, 1, 1, 1]) / 100.0


def wealth(returns):
    return np.cumprod(1.0 + np.asarray(returns))


def test_empyrical_mixed():
    year = {"periods_per_year": 252}
    assert sharpe_ratio(MIXED, **year) == pytest.approx(1.7238613961706866, rel=1e-9)
    assert sortino_ratio(MIXED, **year) == pytest.approx(2.605531251673693, rel=1e-9)
    assert downside_deviation(MIXED) * np.sqrt(252) == pytest.approx(0.60448325038829653, rel=1e-9)
    assert downside_deviation(MIXED, 0.1) * np.sqrt(252) == pytest.approx(1.7161730681956295, rel=1e-9)
    assert annualised_volatility(MIXED, **year) == pytest.approx(0.9136465399704637, rel=1e-9)
    assert max_drawdown(wealth(MIXED), 1.0) == pytest.approx(-0.1)
    growth = cagr(1.0, wealth(MIXED)[-1], 9 / 252)  # it counts the NaN row
    assert growth == pytest.approx(1.9135925373194231, rel=1e-9)
    assert calmar_ratio(growth, -0.1) == pytest.approx(19.135925373194233, rel=1e-9)


def test_empyrical_mixed_with_its_first_row_as_zero():
    rows = np.concatenate(([0.0], MIXED))
    assert tail_ratio(rows) == pytest.approx(0.9473684210526313, rel=1e-9)
    assert annualised_volatility(rows, periods_per_year=52) == pytest.approx(0.38851569394870583, rel=1e-9)
    assert annualised_volatility(rows, periods_per_year=12) == pytest.approx(0.18663690238892558, rel=1e-9)
    assert sortino_ratio(rows, periods_per_year=52) == pytest.approx(1.1158901056866439, rel=1e-9)
    assert sortino_ratio(rows, periods_per_year=12) == pytest.approx(0.53605626741889756, rel=1e-9)


def test_empyrical_negative_and_positive():
    assert sharpe_ratio(NEGATIVE, periods_per_year=252) == pytest.approx(-24.406808633910085, rel=1e-9)
    assert sortino_ratio(NEGATIVE, periods_per_year=252) == pytest.approx(-13.532743075043401, rel=1e-9)
    assert max_drawdown(wealth(NEGATIVE), 1.0) == pytest.approx(-0.36590730349873601, rel=1e-9)
    assert max_drawdown(wealth([-0.02, *NEGATIVE[1:]]), 1.0) == pytest.approx(-0.378589157, rel=1e-8)
    assert sharpe_ratio(POSITIVE, periods_per_year=252) == pytest.approx(52.915026221291804, rel=1e-9)


def test_empyrical_quantiles_and_growth():
    assert value_at_risk([1.0, 2.0], 0.7) == pytest.approx(1.3)
    found = [value_at_risk([1.0, 81, 82, 83, 84, 85], 1.0 - cutoff) for cutoff in (0.1, 0.2, 0.3)]
    assert found == pytest.approx([41.0, 81.0, 81.5])
    assert cagr(1.0, 1.01, 1 / 252) == pytest.approx(11.274002099240244, rel=1e-9)


def test_empyrical_alpha_and_beta():
    found, slope = alpha_and_beta(MIXED, NEGATIVE[1:], periods_per_year=252)
    assert slope == pytest.approx(-0.71296296296296313, rel=1e-9)
    compounded = (1.0 + found / 252) ** 252 - 1.0  # ours is not compounded
    assert compounded == pytest.approx(-0.9997853834885004, rel=1e-9)
