import numpy as np
import pytest

from research_kit.charts.backtests.returns import (
    histogram,
    monthly_returns,
    monthly_returns_figure,
    returns_histogram_figure,
    trade_pnl_figure,
)


def times(*days):
    return np.array(days, dtype="datetime64[ns]")


def test_months_follow_from_the_last_equity_of_each():
    time = times("2023-11-10", "2023-11-30", "2023-12-15", "2024-02-01", "2024-02-29")
    data = monthly_returns(time, np.array([105.0, 110, 99, 50, 198]), 100.0)
    assert data.years.tolist() == [2023, 2024]
    np.testing.assert_allclose(data.returns[0, 10:], [0.10, -0.10])
    np.testing.assert_allclose(data.returns[1, :3], [np.nan, 1.0, np.nan])
    np.testing.assert_allclose(data.totals, [-0.01, 1.0])


def test_a_year_without_bars_stays_empty():
    data = monthly_returns(times("2020-01-01", "2022-01-01"), np.array([100.0, 110.0]), 100.0)
    assert data.years.tolist() == [2020, 2021, 2022]
    assert np.isnan(data.totals[1])
    assert monthly_returns_figure(data).data[0].z.shape == (3, 12)


def test_no_bars_are_no_months():
    data = monthly_returns(times(), np.empty(0), 100.0)
    assert data.returns.shape == (0, 12)
    assert monthly_returns_figure(data).to_json()


def test_months_multiply_to_the_whole_return(series_of):
    series = series_of(20_000)
    data = monthly_returns(series.time, series.equity, series.initial_cash)
    assert np.prod(1 + data.totals) == pytest.approx(series.equity[-1] / series.initial_cash)


def test_each_cell_states_its_value():
    figure = monthly_returns_figure(monthly_returns(times("2024-01-05"), np.array([97.0]), 100.0))
    assert figure.data[0].text[0, 0] == "-3.0%"
    assert figure.data[0].text[0, 1] == ""


@pytest.mark.parametrize("values", [[0.01, -0.02, 0.0], [0.01, 0.02], [-0.01], [0.0, 0.0], [], [np.nan, 0.01]])
def test_every_finite_value_is_counted_and_no_bin_mixes_signs(values):
    data = histogram(np.array(values), bins=7)
    assert data.counts.sum() == np.isfinite(values).sum() == data.total
    assert (data.edges == 0).any()


def test_mean_and_quantile_stand_in_the_histogram():
    figure = returns_histogram_figure(np.array([-0.02, 0.0, 0.02, 0.04]), period="<b>day")
    assert [note.text for note in figure.layout.annotations] == ["mean +1.00%", "5 % quantile -1.70%"]
    assert "<b>" not in figure.layout.xaxis.title.text
    assert returns_histogram_figure(np.array([])).to_json()


def test_days_that_earned_nothing_count_but_are_not_drawn():
    figure = returns_histogram_figure(np.array([0.0, 0.0, 0.0, -0.01, 0.03]))
    assert figure.data[0].y.sum() == 2
    assert figure.layout.annotations[0].text == "mean +0.40%"
    assert "5 days · not drawn: 3 that earned exactly 0" in figure.layout.title.subtitle.text


def test_what_is_written_as_zero_has_no_sign():
    figure = monthly_returns_figure(monthly_returns(times("2024-01-05"), np.array([99.99]), 100.0))
    assert figure.data[0].text[0, 0] == "0.0%"


def test_the_sum_of_trades_counts_those_that_are_not_drawn(series_of):
    series = series_of(trades=50)
    figure = trade_pnl_figure(series, limit=10)
    stems, total = figure.data
    assert len(stems.x) == 10
    place = np.argmax(np.abs(series.trades["pnl"]))
    assert place + 1 in stems.x
    last = int(total.x[-1])
    assert total.y[-1] == pytest.approx(series.trades["pnl"][:last].sum())
    assert "10 of 50" in figure.layout.title.subtitle.text


def test_open_trades_have_no_result_yet(series_of):
    series = series_of(trades=3)
    series.trades["exit_time"][-1] = np.datetime64("NaT")
    assert trade_pnl_figure(series).data[0].x.tolist() == [1, 2]
    assert len(trade_pnl_figure(series_of(trades=0)).data) == 0
