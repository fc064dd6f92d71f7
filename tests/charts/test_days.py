"""Days, years and the metrics of the days before each: against the metrics of the whole."""

from dataclasses import replace

import numpy as np
import pytest

from research_kit.charts.backtests.days import days_of, extreme_days
from research_kit.charts.backtests.equity_band import equity_band
from research_kit.charts.backtests.rolling import rolling, rolling_figure
from research_kit.charts.backtests.yearly import yearly, yearly_figure
from research_kit.charts.series import BacktestSeries
from research_kit.errors import OptionError
from research_kit.metrics.benchmark import beta
from research_kit.metrics.performance import sharpe_ratio
from research_kit.metrics.risk import annualised_volatility


def daily(n=800, seed=2, **changes):
    steps = np.random.default_rng(seed).normal(2e-4, 0.01, (2, n))
    equity, market = 10_000 * np.exp(np.cumsum(steps, axis=1))
    time = np.datetime64("2020-06-15", "ns") + np.arange(n) * np.timedelta64(1, "D")
    given = {"time": time, "equity": equity, "close": market, "benchmark": market, "initial_cash": 10_000.0}
    return BacktestSeries(**(given | changes))


def test_days_end_where_the_session_says():
    time = np.array(["2024-01-01T20:00", "2024-01-01T23:00", "2024-01-02T01:00"], dtype="datetime64[ns]")
    equity = np.array([110.0, 121.0, 133.1])
    series = BacktestSeries(time=time, equity=equity, close=equity, benchmark=equity, initial_cash=100.0)
    np.testing.assert_allclose(days_of(series).returns, [0.21, 0.1])
    np.testing.assert_allclose(days_of(series).market, [0.1, 0.1])  # from the first bar's close, not from its day's
    other = days_of(replace(series, day_ends=np.array([0, 2])))
    np.testing.assert_allclose(other.returns, [0.1, 0.21])
    np.testing.assert_allclose(other.market, [0.0, 0.21])  # the market is bought at the first bar's close


def test_gains_are_no_worst_days_however_few_there_are():
    found = extreme_days(days_of(daily(3, equity=np.array([10_100.0, 10_300, 10_300]))))
    assert len(found.best) == 2
    assert len(found.worst) == 0


def test_years_multiply_to_the_whole_and_fall_from_their_own_start():
    series = daily()
    found = yearly(series)
    assert found.years.tolist() == [2020, 2021, 2022]
    assert np.prod(1 + found.returns) == pytest.approx(series.equity[-1] / series.initial_cash)
    assert np.prod(1 + found.market) == pytest.approx(series.benchmark[-1] / series.benchmark[0])
    inside = series.equity[200:565]
    peak = np.maximum.accumulate(np.append(series.equity[199], inside))
    assert found.drawdown[1] == pytest.approx((np.append(series.equity[199], inside) / peak - 1).min())
    changes = np.diff(np.append(series.equity[199], inside)) / np.append(series.equity[199], inside[:-1])
    assert found.volatility[1] == pytest.approx(changes.std(ddof=1) * np.sqrt(252))


def test_a_year_without_bars_is_not_a_year():
    time = np.array(["2020-05-01", "2022-05-01"], dtype="datetime64[ns]")
    found = yearly(daily(2, time=time, equity=np.array([110.0, 99.0]), initial_cash=100.0))
    assert found.years.tolist() == [2020, 2022]
    np.testing.assert_allclose(found.returns, [0.1, -0.1])


def test_no_bars_are_no_years():
    none = np.empty(0)
    series = BacktestSeries(time=none.astype("M8[ns]"), equity=none, close=none, benchmark=none, initial_cash=1.0)
    assert len(yearly(series).years) == 0
    assert yearly_figure(yearly(series)).to_json()


def test_the_benchmark_of_a_year_differs_in_more_than_colour():
    own, market = yearly_figure(yearly(daily())).data
    assert own.marker.pattern.shape is None
    assert market.marker.pattern.shape == "/"
    assert len(yearly_figure(yearly(daily(benchmark=None))).data) == 1


@pytest.mark.parametrize("window", [2, 20, 126, 800])
def test_each_window_has_the_metrics_of_its_days(window):
    series = daily(risk_free_rate=0.02)
    found, days = rolling(series, window), days_of(series)
    assert len(found.time) == 800 - window + 1
    for at in {0, len(found.time) // 2, len(found.time) - 1}:
        own, market = days.returns[at : at + window], days.market[at : at + window]
        assert found.sharpe[at] == pytest.approx(sharpe_ratio(own, periods_per_year=252, risk_free_rate=0.02))
        assert found.volatility[at] == pytest.approx(annualised_volatility(own, periods_per_year=252))
        assert found.market_volatility[at] == pytest.approx(annualised_volatility(market, periods_per_year=252))
        assert found.beta[at] == pytest.approx(beta(own, market))
        assert found.time[at] == series.time[at + window - 1]


def test_a_flat_stretch_after_a_wild_one_has_no_sharpe_ratio():
    equity = daily().equity.copy()
    equity[400:] = equity[399]
    found = rolling(daily(equity=equity), 50)
    assert np.isnan(found.sharpe[-300:]).all()
    assert (found.volatility[-300:] == 0).all()
    still = rolling(daily(benchmark=np.full(800, 7.0)), 50)
    assert np.isnan(still.beta).all()


def test_blocks_of_windows_join_without_a_seam(monkeypatch):
    whole = rolling(daily(), 30)
    monkeypatch.setattr("research_kit.charts.backtests.rolling._CELLS", 100)
    parts = rolling(daily(), 30)
    np.testing.assert_array_equal(whole.sharpe, parts.sharpe)
    np.testing.assert_array_equal(whole.beta, parts.beta)


def test_the_window_is_half_a_year_or_less_and_is_stated():
    assert (rolling(daily()).window, rolling(daily(200)).window, rolling(daily(30)).window) == (126, 50, 20)
    assert "126 days" in rolling_figure(rolling(daily()), daily()).layout.title.subtitle.text
    short = rolling_figure(rolling(daily(10)), daily(10))
    assert "too short" in short.layout.title.subtitle.text
    with pytest.raises(OptionError, match="at least 2; given was 1"):
        rolling(daily(), 1)


def test_without_a_benchmark_there_is_no_beta():
    figure = rolling_figure(rolling(daily(benchmark=None)), daily(benchmark=None))
    assert [trace.name for trace in figure.data] == ["Sharpe ratio", "Volatility"]


def test_what_is_written_as_zero_has_no_sign():
    equity = np.array([10_000.4, 10_000.0, 11_500.0])
    time = np.array(["2020-12-31", "2021-12-31", "2022-12-31"], dtype="datetime64[ns]")
    [own] = yearly_figure(yearly(daily(3, time=time, equity=equity, benchmark=None))).data
    assert list(own.text) == ["0%", "0%", "+15%"]


def test_the_band_holds_the_share_of_paths_and_is_the_same_each_time():
    series = daily()
    wide, narrow, again = equity_band(series), equity_band(series, 0.5), equity_band(series)
    np.testing.assert_array_equal(wide.low, again.low)
    assert (wide.low[1:] < narrow.low[1:]).all()
    assert (wide.high[1:] > narrow.high[1:]).all()
    assert wide.low[0] == wide.high[0] == series.initial_cash
    assert wide.x[-1] == series.time[-1].astype("datetime64[ms]").astype(float)
    assert equity_band(daily(9)) is None
    with pytest.raises(OptionError, match=r"between 0 and 1"):
        equity_band(series, 95)
