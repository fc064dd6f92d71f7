import numpy as np
import pytest

from research_kit.charts.series import (
    TRADE_COLUMNS,
    BacktestSeries,
    chosen_trades,
    drawdown_line,
    epoch_ms,
    trade_marks,
)
from research_kit.errors import OptionError
from research_kit.metrics.drawdown import drawdown_series


def test_drawdown_counts_from_the_initial_cash():
    np.testing.assert_allclose(drawdown_series(np.array([80.0, 110.0, 99.0, 132.0]), 100.0), [-0.2, 0.0, -0.1, 0.0])


def test_drawdown_is_made_before_points_are_left_out(series_of):
    n = 100_000
    equity = np.full(n, 10_000.0)
    equity[50_000] = 20_000.0  # a peak of one bar: all that follows is half of it
    equity[50_001:] = 10_000.0
    points = drawdown_line(series_of(n, equity=equity), limit=100)
    assert points.y.min() == -0.5
    assert points.y[-1] == -0.5
    assert len(points.y) <= 100
    assert points.total == n


def test_times_are_milliseconds_and_nat_is_nan():
    np.testing.assert_array_equal(
        epoch_ms(np.array(["1970-01-01T00:00:01", "NaT"], "datetime64[us]")), [1000.0, np.nan]
    )


def test_open_trades_and_the_largest_are_chosen_in_their_order():
    exits = np.array(["2024-01-01", "2024-01-02", "NaT", "2024-01-03"], "datetime64[ns]")
    rows = chosen_trades({"pnl": np.array([5.0, -9.0, 0.1, 7.0]), "exit_time": exits}, limit=3)
    assert rows.tolist() == [1, 2, 3]


def test_marks_are_told_apart_by_side_and_outcome(series_of):
    day = np.array(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"], "datetime64[ns]")
    trades = {
        "entry_time": day,
        "exit_time": np.array(["2024-01-05", "2024-01-06", "2024-01-07", "NaT"], "datetime64[ns]"),
        "entry_price": np.array([10.0, 11, 12, 13]),
        "exit_price": np.array([11.0, 12, 12, np.nan]),
        "side": np.array(["long", "short", "long", "long"]),
        "pnl": np.array([1.0, -1, 0, 0.5]),
        "quantity": np.ones(4),
        "entry_signal": np.array(["a", "b", "<i>", "d"]),
        "exit_signal": np.array(["e", "f", "g", ""]),
    }
    marks = trade_marks(series_of(10, trades=trades))
    assert {kind: len(found.x) for kind, found in marks.kinds.items()} == {
        "long_entry": 3,
        "short_entry": 1,
        "profit_exit": 1,
        "loss_exit": 1,
        "even_exit": 1,
    }
    assert marks.kinds["long_entry"].text[1] == "long 1 at 12, 2024-01-03 · &lt;i&gt;"
    assert marks.kinds["loss_exit"].text == ["short out at 12, 2024-01-06: -1.00 · f"]
    np.testing.assert_array_equal(marks.paths["profit"][1], [10.0, 11.0, np.nan])
    assert (marks.shown, marks.total) == (4, 4)


def test_no_trades_are_no_marks(series_of):
    assert trade_marks(series_of(trades=0)).total == 0


def test_numbers_of_closed_trades_are_floats_and_none_are_none(series_of):
    series = series_of(trades=3)
    series.trades["exit_time"][-1] = np.datetime64("NaT")
    units = series.closed_numbers("quantity")
    assert (units.dtype, units.tolist()) == (np.float64, [2.0, 2.0])
    assert series_of(trades=0).closed_numbers("pnl").shape == (0,)
    with pytest.raises(OptionError, match="needs the column 'fees'"):
        series.closed_numbers("fees")


@pytest.mark.parametrize(
    ("hours", "period", "is_intraday"), [(1, "day", True), (24, "day", False), (168, "bar", False)]
)
def test_returns_are_told_of_days_or_of_longer_bars(series_of, hours, period, is_intraday):
    time = np.datetime64("2024-01-01", "ns") + np.arange(30) * np.timedelta64(hours, "h")
    series = series_of(30, 0, time=time)
    assert (series.period, series.is_intraday) == (period, is_intraday)


def test_a_market_that_was_worth_nothing_is_no_benchmark():
    time, equity = np.arange(3).astype("datetime64[D]"), np.ones(3)
    for close in ([0.0, 1, 2], [3.0, -1, 2]):
        assert BacktestSeries.of_bars(time, {"close": np.array(close)}, equity, 1.0).benchmark is None
    held = BacktestSeries.of_bars(time, {"close": np.array([2.0, 1, 3])}, equity, 10.0).benchmark
    assert held.tolist() == [10.0, 5.0, 15.0]


def test_what_does_not_fit_is_refused(series_of):
    with pytest.raises(OptionError, match="benchmark has 3 values for 10 times"):
        series_of(10, benchmark=np.zeros(3))
    trades = {name: np.zeros(1) for name in TRADE_COLUMNS if name != "pnl"}
    with pytest.raises(OptionError, match="lack the column 'pnl'"):
        series_of(10, trades=trades)
