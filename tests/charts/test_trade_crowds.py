"""Trades as a crowd, by hand: results, holding times, excursions, hours and weekdays, exposure, costs."""

from dataclasses import replace

import numpy as np
import pytest

from research_kit.charts.backtests.costs import cost_figure, cost_steps
from research_kit.charts.backtests.excursions import excursion_figure, excursions
from research_kit.charts.backtests.exposure import exposure, exposure_figure, units_held
from research_kit.charts.backtests.trade_spread import holding_figure, holding_times, trade_returns_figure
from research_kit.charts.backtests.trade_times import trade_times, trade_times_figure
from research_kit.charts.series import BacktestSeries
from research_kit.errors import OptionError


def traded(n=None, **changes):
    """Return a series of hours from Monday, New Year's Day of 2024, with three closed trades and an open one."""
    time = np.datetime64("2024-01-01", "ns") + np.arange(n or 200) * np.timedelta64(1, "h")
    trades = {
        "entry_time": time[[10, 40, 60, 120]],
        "exit_time": np.append(time[[15, 40, 90]], np.datetime64("NaT", "ns")),
        "entry_price": np.array([100.0, 50, 10, 20]),
        "exit_price": np.array([110.0, 50, 12, np.nan]),
        "side": np.array(["long", "short", "short", "long"]),
        "pnl": np.array([18.0, -1.0, -4.5, np.nan]),
        "quantity": np.array([2.0, 1, 2, 5]),
        "entry_signal": np.full(4, "a"),
        "exit_signal": np.full(4, "b"),
        "pnl_percent": np.array([9.0, -2.0, -22.5, np.nan]),
        "holding_time_minutes": np.array([300.0, 0, 1800, np.nan]),
        "max_profit": np.array([30.0, 0, 1, 2]),
        "max_loss": np.array([-10.0, -1, -6, -3]),
        "commission": np.array([1.5, 0.75, 0.25, 9.0]),
        "slippage": np.array([0.5, 0.25, 0.0, 9.0]),
        "borrow": np.array([0.0, 0.0, 0.25, 0.0]),
    }
    given = {"time": time, "equity": np.full(len(time), 1000.0), "close": np.full(len(time), 10.0)}
    return BacktestSeries(**(given | {"initial_cash": 980.0, "trades": trades} | changes))


def without_trades():
    return replace(traded(), trades={})


def test_results_are_percents_of_the_value_at_entry_of_closed_trades():
    figure = trade_returns_figure(traded())
    assert figure.data[0].y.sum() == 3
    assert [note.text for note in figure.layout.annotations] == ["mean -5.17%", "median -2.00%"]
    assert "3 closed trades, 1 with profit" in figure.layout.title.subtitle.text


def test_holding_times_are_counted_once_in_a_unit_that_fits():
    found = holding_times(traded())
    assert (found.unit, found.median, found.longest) == ("hours", 5.0, 30.0)
    assert found.wins.sum() == 1
    assert found.others.sum() == 2
    assert found.edges[0] == 0
    minutes = traded().trades | {"holding_time_minutes": np.array([1.0, 2.0, 3.0, np.nan])}
    assert holding_times(traded(trades=minutes)).unit == "minutes"
    days = traded().trades | {"holding_time_minutes": np.array([1.0, 5.0, 9.0, np.nan]) * 1440}
    assert holding_times(traded(trades=days)).median == 5.0


def test_excursions_are_fractions_of_the_value_at_entry():
    found = excursions(traded())
    np.testing.assert_allclose(found.worst, [-0.05, -0.02, -0.3])
    np.testing.assert_allclose(found.best, [0.15, 0.0, 0.05])
    np.testing.assert_allclose(found.result, [0.09, -0.02, -0.225])
    profit, loss = excursion_figure(found).data[:2]
    assert (profit.x.tolist(), profit.marker.symbol) == ([-0.05], "circle")
    assert loss.marker.symbol != "circle"
    assert list(loss.text) == ["2024-01-02", "2024-01-03"]


def test_of_many_excursions_the_extremes_are_kept():
    rng, n = np.random.default_rng(1), 20_000
    columns = {name: np.resize(values, n) for name, values in traded().trades.items()}
    columns |= {"exit_time": np.resize(traded().time[[15]], n), "quantity": np.ones(n), "entry_price": np.ones(n)}
    columns |= {"max_loss": -rng.random(n), "max_profit": rng.random(n), "pnl": rng.normal(size=n)}
    found = excursions(traded(trades=columns), limit=300)
    assert (found.total, len(found.result)) == (n, 300)
    assert found.worst.min() == columns["max_loss"].min()
    assert found.best.max() == columns["max_profit"].max()
    assert (found.result.min(), found.result.max()) == (columns["pnl"].min(), columns["pnl"].max())
    assert "300 of 20,000" in excursion_figure(found).layout.title.subtitle.text


def test_hours_and_weekdays_are_those_of_the_exchange():
    found = trade_times(traded(clock="America/New_York"))
    assert np.flatnonzero(found.hour_count).tolist() == [5, 7, 11]  # 10, 16 and 12 o'clock UTC
    assert found.hour_pnl[[5, 7, 11]].tolist() == [18.0, -4.5, -1.0]
    assert found.day_count.tolist() == [1, 1, 1, 0, 0, 0, 0]
    utc = trade_times(traded())
    assert np.flatnonzero(utc.hour_count).tolist() == [10, 12, 16]


def test_an_entry_before_midnight_there_belongs_to_the_day_before():
    assert trade_times(traded(clock="Asia/Tokyo")).day_count.tolist() == [1, 0, 2, 0, 0, 0, 0]
    early = traded().trades | {"entry_time": traded().time[[2, 2, 2, 120]]}
    assert trade_times(traded(trades=early, clock="America/New_York")).day_count[6] == 3  # Sunday evening


def test_clocks_change_in_summer():
    time = np.datetime64("2024-07-01", "ns") + np.arange(200) * np.timedelta64(1, "h")
    trades = traded().trades | {"entry_time": time[[10, 40, 60, 120]]}
    found = trade_times(traded(time=time, trades=trades, clock="America/New_York"))
    assert np.flatnonzero(found.hour_count).tolist() == [6, 8, 12]


def test_days_have_no_hours_and_keep_their_own_date():
    time = np.datetime64("2024-01-01", "ns") + np.arange(200) * np.timedelta64(1, "D")
    trades = traded().trades | {"entry_time": time[[0, 7, 14, 21]], "exit_time": time[[1, 8, 15, 22]]}
    found = trade_times(traded(time=time, trades=trades, clock="America/New_York"))
    assert found.hour_count is None
    assert found.day_count[0] == 4
    assert len(trade_times_figure(found).data) == 1


def test_a_clock_that_does_not_exist_is_refused():
    with pytest.raises(OptionError, match="no time zone 'Mars/Olympus'"):
        trade_times(traded(clock="Mars/Olympus"))


def test_units_are_held_from_the_entry_up_to_the_exit():
    held = units_held(traded())
    assert held[9:16].tolist() == [0, 2, 2, 2, 2, 2, 0]
    assert held[40] == 0  # entered and left within one bar
    assert (held[60], held[89], held[90]) == (-2, -2, 0)
    assert (held[119], held[199]) == (0, 5)


def test_exposure_is_the_value_of_the_position_over_equity():
    found = exposure(traded())
    assert found.values[[10, 60, 120]].tolist() == [0.02, -0.02, 0.05]
    assert found.share == (5 + 30 + 80) / 200
    assert found.mean == pytest.approx((5 * 0.02 + 30 * 0.02 + 80 * 0.05) / 200)
    broke = exposure(traded(equity=np.zeros(200)))
    assert np.isnan(broke.values).all()
    assert [trace.name for trace in exposure_figure(traded()).data] == ["Long", "Short"]


def test_many_small_fills_leave_no_dust():
    n = 1_000
    time = traded(4_000).time
    columns = {name: np.resize(values, n) for name, values in traded().trades.items()}
    columns |= {"entry_time": time[np.arange(n)], "exit_time": time[np.arange(n) + 1_500], "side": np.full(n, "long")}
    columns |= {"quantity": np.random.default_rng(0).random(n)}
    held = units_held(traded(4_000, trades=columns))
    assert held[1_200] == pytest.approx(columns["quantity"].sum())
    assert (held[2_600:] == 0).all()


def test_costs_lead_from_gross_to_net_and_add_up():
    found = cost_steps(traded())
    assert found.names == ["Before costs", "Commission", "Slippage and spread", "Borrow", "Open at the end"]
    np.testing.assert_allclose(found.amounts, [16.0, -2.5, -0.75, -0.25, 7.5])
    assert found.net == pytest.approx(20.0)  # 980 became 1000
    assert (found.gross, found.costs, found.trades) == (16.0, -3.5, 3)
    assert found.amounts.sum() == pytest.approx(found.net, abs=1e-12)
    assert "costs took 21.9%" in cost_figure(found).layout.title.subtitle.text


def test_costs_without_an_open_trade_end_with_the_closed_ones():
    closed = {name: values[:3] for name, values in traded().trades.items()}
    found = cost_steps(traded(trades=closed))
    assert found.names[-1] == "Borrow"
    assert found.net == pytest.approx(12.5)
    drawn = cost_figure(found, currency="<b>").data[0]
    assert (drawn.measure[0], drawn.measure[-1], drawn.text[-1]) == ("absolute", "total", "+12.50")


@pytest.mark.parametrize(
    "draw",
    [
        trade_returns_figure,
        lambda series: holding_figure(holding_times(series)),
        lambda series: excursion_figure(excursions(series)),
        lambda series: trade_times_figure(trade_times(series)),
        lambda series: cost_figure(cost_steps(series)),
        exposure_figure,
    ],
)
def test_no_trades_are_drawn_as_none(draw):
    assert draw(without_trades()).to_json()


def test_a_column_that_is_missing_is_named():
    bare = {name: values for name, values in traded().trades.items() if name != "max_loss"}
    with pytest.raises(OptionError, match="needs the column 'max_loss' of the trades"):
        excursions(traded(trades=bare))
