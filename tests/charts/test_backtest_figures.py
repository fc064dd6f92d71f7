import json
import time

import numpy as np
import pytest

from research_kit.charts.backtests.backtest import backtest_figure, drawdown_figure, equity_figure, price_figure

HOSTILE = "<script>alert(1)</script><b>$x$ %{y}"


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def test_three_rows_share_one_time_axis(series_of):
    figure = backtest_figure(series_of(title="SMA", currency="USD"))
    assert {trace.xaxis for trace in figure.data} == {"x"}
    assert {trace.yaxis for trace in figure.data} == {"y", "y2", "y3"}
    domains = [figure.layout[name].domain for name in ("yaxis", "yaxis2", "yaxis3")]
    assert all(low < high for low, high in domains)
    assert all(domains[row][0] > domains[row + 1][1] for row in (0, 1))
    assert domains[2][0] == pytest.approx(0)
    assert figure.layout.yaxis.title.text == "Equity (USD)"


def test_benchmark_is_dashed_and_may_be_missing(series_of):
    assert traces(equity_figure(series_of()))["Buy and hold"].line.dash == "5px,3px"
    assert "Buy and hold" not in traces(equity_figure(series_of(benchmark=None)))


def test_the_first_and_the_last_candle_are_whole(series_of):
    hour = 3_600_000
    for n in (2, 6, 5_000):
        axis = price_figure(series_of(n, 0)).layout.xaxis
        first, last = (int(moment) / 1e6 for moment in series_of(n, 0).time[[0, -1]].astype("int64"))
        assert axis.range[0] <= first - hour / 2
        assert axis.range[1] >= last + hour / 2


def test_lines_hold_the_values_that_were_given(series_of):
    series = series_of(50)
    shown = traces(backtest_figure(series))["Equity"]
    np.testing.assert_array_equal(shown.y, series.equity)
    np.testing.assert_array_equal(np.asarray(shown.x) * 1e6, series.time.astype("int64"))


def test_what_was_left_out_is_said(series_of):
    subtitle = backtest_figure(series_of(10_000, 900)).layout.title.subtitle.text
    assert "of 10,000 for each line" in subtitle
    assert "Trades shown: 300 of 900" in subtitle
    assert backtest_figure(series_of(100, 5)).layout.title.subtitle.text == ""


def test_few_bars_with_prices_are_candles(series_of):
    few, many = series_of(100), series_of(500)
    prices = {"open": few.close, "high": few.close, "low": few.close}
    assert traces(price_figure(series_of(100, **prices)))["Price"].type == "candlestick"
    assert traces(price_figure(many))["Price"].type == "scatter"


def test_profit_and_loss_differ_in_more_than_colour(series_of):
    found = traces(price_figure(series_of()))
    symbols = [trace.marker.symbol for trace in found.values() if trace.mode == "markers"]
    assert len(symbols) == len(set(symbols)) >= 4
    assert found["Way to profit"].line.dash != found["Way to loss"].line.dash


def test_five_million_bars_make_a_small_figure_quickly(series_of):
    series = series_of(5_000_000, 20_000)
    backtest_figure(series_of(3000))  # what is imported and validated only once
    begin = time.perf_counter()
    figure = backtest_figure(series)
    assert time.perf_counter() - begin < 3.0  # 0.2 s on a quiet machine of 2 cores
    assert len(figure.to_json()) < 300_000
    assert max(traces(figure)["Equity"].y) == series.equity.max()
    assert min(traces(figure)["Equity"].y) == series.equity.min()


def test_gaps_and_infinities_make_valid_json(series_of):
    equity = np.full(100, 10_000.0)
    equity[[3, 50]] = np.nan, np.inf
    text = backtest_figure(series_of(100, equity=equity)).to_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is in the JSON"))


def test_names_from_outside_are_escaped_everywhere(series_of):
    series = series_of(50, 3)
    trades = dict(series.trades)
    trades |= {name: np.full(3, HOSTILE) for name in ("side", "entry_signal", "exit_signal")}
    text = backtest_figure(series_of(50, trades=trades, title=HOSTILE, currency=HOSTILE)).to_json()
    assert "alert" in text
    for harmful in ("<script", "\\u003cscript", "<b>", "\\u003cb\\u003e", "$x$", "%{y}<", " %{y}\\"):
        assert harmful not in text


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("make", [backtest_figure, equity_figure, drawdown_figure, price_figure])
def test_one_or_two_bars_are_drawn(series_of, make, n):
    assert make(series_of(n, 0)).to_json()


def test_the_series_is_not_changed(series_of):
    series = series_of(5000)
    before = series.equity.copy()
    backtest_figure(series)
    np.testing.assert_array_equal(series.equity, before)
