import numpy as np
import pytest

from research_kit.metrics import summary
from research_kit.metrics.performance import sharpe_ratio, sortino_ratio
from research_kit.metrics.returns import periodic_returns
from research_kit.metrics.summary import compute_metrics

HOUR = 3_600_000_000_000
DAY = 24 * HOUR


def test_five_daily_bars_by_hand(make_inputs):
    metrics = compute_metrics(
        make_inputs(
            [100.0, 110.0, 99.0, 99.0, 121.0],
            risk_free_rate=0.0,
            daily_target=0.1,
            trade_pnl=[10.0, -11.0, 0.0, 22.0],
            trade_pnl_percent=[10.0, -10.0, 0.0, 20.0],
            trade_minutes=[10.0, 20.0, 30.0, 40.0],
            exposure=0.6,
            traded_value=860.0,
            total_commission=1.5,
            total_slippage=0.5,
            total_borrow=0.25,
            benchmark=[50.0, 55.0, 55.0, 60.5, 60.5],
        )
    )
    expected = {
        "total_return": 21.0,
        "total_return_percent": 21.0,
        "cagr": 1.21 ** (365.25 / 4) - 1,
        "best_day": 2 / 9,
        "worst_day": -0.1,
        "best_month": 0.21,
        "worst_month": 0.21,
        "max_drawdown": -11.0,
        "max_drawdown_percent": -10.0,
        "max_drawdown_duration": 3.0,
        "recovery_time": 2.0,
        "ulcer_index": np.sqrt(0.02 / 5),
        "var_95": -0.08,
        "cvar_95": -0.1,
        "total_trading_days": 5,
        "profitable_days": 2,
        "daily_target_hit_rate": 0.4,
        "total_trades": 4,
        "winning_trades": 2,
        "losing_trades": 1,
        "win_rate": 0.5,
        "profit_factor": 32 / 11,
        "expectancy": 5.25,
        "average_trade_percent": 5.0,
        "payoff_ratio": 16 / 11,
        "largest_win": 22.0,
        "largest_loss": -11.0,
        "average_win": 16.0,
        "average_loss": -11.0,
        "average_holding_time": 25.0,
        "max_consecutive_wins": 1,
        "max_consecutive_losses": 1,
        "exposure": 0.6,
        "turnover": 860.0 / 105.8 / (4 / 365.25),
        "total_commission": 1.5,
        "total_slippage": 0.5,
        "total_borrow": 0.25,
        "benchmark_return_percent": 21.0,
    }
    assert {name: metrics[name] for name in expected} == pytest.approx(expected)
    assert metrics.reasons == {}
    returns = [0.0, 0.1, -0.1, 0.0, 2 / 9]
    assert metrics["sharpe_ratio"] == pytest.approx(np.mean(returns) / np.std(returns, ddof=1) * np.sqrt(252))
    assert metrics["sortino_ratio"] == pytest.approx(np.mean(returns) / np.sqrt(0.01 / 5) * np.sqrt(252))
    assert metrics["calmar_ratio"] == pytest.approx(metrics["cagr"] / 0.1)


def test_annualised_figures_come_from_day_ends_and_drawdown_from_bars(make_inputs):
    equity = np.array([100.0, 60.0, 110.0, 115.0, 90.0, 105.0])
    time_ns = 8 * HOUR * np.arange(6)
    metrics = compute_metrics(
        make_inputs(equity, time_ns=time_ns, day_ends=[2, 5], periods_per_year=365, risk_free_rate=0.0365)
    )
    daily = periodic_returns([110.0, 105.0], 100.0)
    given = {"periods_per_year": 365, "risk_free_rate": 0.0365}
    assert metrics["sharpe_ratio"] == pytest.approx(sharpe_ratio(daily, **given))
    assert metrics["sortino_ratio"] == pytest.approx(sortino_ratio(daily, **given))
    assert metrics["max_drawdown_percent"] == pytest.approx(-40.0)
    assert metrics["total_trading_days"] == 2


def test_finer_bars_give_the_same_sharpe(make_inputs, walk):
    noise = np.random.default_rng(5).normal(0, 0.001, (len(walk), 24))
    hourly = walk[:, None] * np.exp(noise)
    hourly[:, -1] = walk
    fine = compute_metrics(
        make_inputs(hourly.ravel(), time_ns=HOUR * np.arange(hourly.size), day_ends=np.arange(23, hourly.size, 24))
    )
    coarse = compute_metrics(make_inputs(walk))
    for name in ("sharpe_ratio", "sortino_ratio", "volatility", "var_95", "skew", "best_day", "profitable_days"):
        assert fine[name] == pytest.approx(coarse[name], rel=1e-12), name


def test_benchmark_starts_at_the_first_close_whatever_the_warm_up(make_inputs):
    closes = np.array([100.0, 110.0, 121.0, 133.1])
    idle = compute_metrics(make_inputs([100.0] * 4, benchmark=closes))
    active = compute_metrics(make_inputs(closes, benchmark=closes))
    assert idle["benchmark_return_percent"] == active["benchmark_return_percent"] == pytest.approx(33.1)


def test_holding_the_benchmark_is_the_benchmark(make_inputs, walk):
    metrics = compute_metrics(make_inputs(walk, initial_cash=walk[0], benchmark=walk * 7.0))
    assert metrics["beta"] == pytest.approx(1.0)
    assert metrics["alpha"] == pytest.approx(0.0, abs=1e-12)
    assert metrics["information_ratio"] is None
    assert "differ from the benchmark's by a constant" in metrics.reasons["information_ratio"]
    assert metrics["benchmark_return_percent"] == pytest.approx(metrics["total_return_percent"])


def test_an_intraday_benchmark_starts_inside_the_first_day(make_inputs):
    metrics = compute_metrics(
        make_inputs(
            [100.0, 100.0, 110.0, 99.0],
            time_ns=12 * HOUR * np.arange(4),
            day_ends=[1, 3],
            benchmark=[50.0, 100.0, 120.0, 110.0],
        )
    )
    # strategy 0, -1 %; benchmark +100 %, +10 %
    assert metrics["benchmark_return_percent"] == pytest.approx(120.0)
    assert metrics["beta"] == pytest.approx(0.01 / 0.9)


def test_no_bars(make_inputs):
    metrics = compute_metrics(make_inputs([]))
    counts = {name: value for name, value in metrics.items() if value is not None}
    assert set(counts.values()) == {0}
    assert metrics["total_return"] is None
    assert metrics.reasons["total_return"] == "there are no bars"
    assert metrics.flags == {}


def test_one_bar(make_inputs):
    metrics = compute_metrics(make_inputs([105.0]))
    assert metrics["total_return_percent"] == pytest.approx(5.0)
    assert metrics["best_day"] == pytest.approx(0.05)
    for name in ("sharpe_ratio", "volatility", "var_95", "cagr"):
        assert metrics[name] is None
        assert metrics.reasons[name] == "there are fewer than 2 daily returns"
    assert metrics.reasons["turnover"].startswith("no time has passed")


def test_constant_equity(make_inputs):
    metrics = compute_metrics(make_inputs([100.0] * 40))
    assert metrics["volatility"] == 0.0
    assert metrics["max_drawdown_percent"] == 0.0
    assert metrics["cagr"] == 0.0
    assert metrics["sharpe_ratio"] is None
    assert metrics.reasons["sharpe_ratio"] == "the daily returns do not vary"
    assert metrics.reasons["calmar_ratio"].startswith("the equity never fell")
    assert metrics.reasons["recovery_time"].startswith("the equity never fell")
    assert metrics.reasons["win_rate"] == "no trade was closed"
    assert metrics.reasons["beta"] == "no benchmark was given"
    assert metrics.reasons["daily_target_hit_rate"] == "no daily target was set"
    assert metrics.reasons["exposure"] == "the time in the market was not recorded"


def test_a_benchmark_below_zero_is_refused_with_a_reason(make_inputs):
    metrics = compute_metrics(make_inputs([100.0, 101.0, 99.0], benchmark=[1.0, -1.0, 2.0]))
    assert metrics["beta"] is None
    assert metrics.reasons["benchmark_return_percent"] == "the benchmark's daily closes are not all positive"


def test_a_liquidated_account_has_no_growth_rate(make_inputs):
    equity = [100.0, 80.0, -20.0, -20.0] + [-20.0] * 40
    metrics = compute_metrics(make_inputs(equity))
    assert metrics["cagr"] is None
    assert metrics.reasons["cagr"].startswith("the equity at the end is not positive")
    assert metrics["calmar_ratio"] is None
    assert metrics["max_drawdown_percent"] == pytest.approx(-120.0)
    assert metrics["total_return"] == -120.0
    assert metrics["worst_day"] == pytest.approx(-1.25)
    assert "zero or less" in metrics.flags["sharpe_ratio"]
    assert "turnover" in metrics.reasons


@pytest.mark.parametrize(("n", "flagged"), [(29, True), (30, False)])
def test_short_series_are_flagged(make_inputs, walk, n, flagged):
    metrics = compute_metrics(make_inputs(walk[:n], benchmark=walk[::-1][:n]))
    for name in ("sharpe_ratio", "cagr", "var_95", "beta", "calmar_ratio"):
        assert metrics[name] is not None
        assert metrics.flags.get(name, "").startswith("too short to mean much") == flagged, name
    assert "total_return" not in metrics.flags
    assert "benchmark_return_percent" not in metrics.flags


def test_a_day_that_returns_just_the_target_reaches_it(make_inputs):
    assert 1.003 - 1.0 < 0.003  # what rounding makes of a day of 0.3 %
    metrics = compute_metrics(make_inputs([100.3, 100.3], daily_target=0.003))
    assert metrics["daily_target_hit_rate"] == 0.5
    assert compute_metrics(make_inputs([100.3, 100.3], daily_target=0.0))["daily_target_hit_rate"] == 1.0


def test_a_drawdown_that_has_not_ended_is_flagged(make_inputs):
    assert compute_metrics(make_inputs([100.0, 90.0])).flags["max_drawdown_duration"] == "not recovered by the end"
    assert "max_drawdown_duration" not in compute_metrics(make_inputs([100.0, 90.0, 100.0])).flags


def test_numbers_too_large_have_their_reason(make_inputs):
    metrics = compute_metrics(make_inputs([1e-300, 1e300, 1e-300]))
    assert metrics["best_day"] is None
    assert metrics.reasons["best_day"] == "the numbers are too large to compute with"


def test_counts_are_whole_numbers(make_inputs):
    metrics = compute_metrics(make_inputs([100.0, 101.0], trade_pnl=[1.0, -1.0]))
    for name in ("total_trades", "winning_trades", "total_trading_days", "profitable_days", "max_consecutive_wins"):
        assert type(metrics[name]) is int
    assert type(metrics["total_return"]) is float


def test_long_curves_are_measured_in_two_threads_and_come_to_the_same(make_inputs, walk, monkeypatch):
    inputs = make_inputs(walk, periods_per_year=252)
    alone = compute_metrics(inputs)
    monkeypatch.setattr(summary, "LONG", 100)
    together = compute_metrics(inputs)
    assert (dict(together), together.reasons, together.flags) == (dict(alone), alone.reasons, alone.flags)
    assert list(together) == list(alone)


def test_what_the_second_thread_raises_is_raised(make_inputs, walk, monkeypatch):
    def fails(*_):
        raise ZeroDivisionError("in the thread")

    monkeypatch.setattr(summary, "LONG", 100)
    monkeypatch.setattr(summary, "drawdowns", fails)
    with pytest.raises(ZeroDivisionError, match="in the thread"):
        compute_metrics(make_inputs(walk, periods_per_year=252))
