"""Candles: coarser ones keep what their bars reached, and orders stand where they waited."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.charts.backtests.candles import candle_figure, candles
from research_kit.charts.backtests.orders import order_marks
from research_kit.charts.series import BacktestSeries, epoch_ms
from research_kit.errors import OptionError

STEPS = {"s": 1, "m": 60, "h": 3600, "D": 86_400}


def bars(n, step="h", seed=4, **changes):
    rng = np.random.default_rng(seed)
    close = 100 + np.cumsum(rng.normal(0, 1, n))
    opened = np.append(100.0, close[:-1])[:n]
    high = np.maximum(opened, close) + rng.random(n)
    low = np.minimum(opened, close) - rng.random(n)
    time = np.datetime64("2024-01-03T10:07", "ns") + np.arange(n) * np.timedelta64(STEPS[step], "s")
    prices = {"open": opened, "high": high, "low": low, "close": close}
    return BacktestSeries(time=time, equity=close, initial_cash=100.0, **(prices | changes))


@settings(deadline=None)
@given(n=st.integers(1, 3_000), step=st.sampled_from(sorted(STEPS)), limit=st.integers(8, 300))
def test_candles_are_few_and_true(n, step, limit):
    series = bars(n, step)
    found = candles(series, limit=limit)
    assert len(found.time) <= limit
    assert found.bars == n
    assert (found.open[0], found.close[-1]) == (series.open[0], series.close[-1])
    assert (found.high.max(), found.low.min()) == (series.high.max(), series.low.min())
    assert (np.diff(found.time) > np.timedelta64(0)).all()
    ends = np.append(np.searchsorted(series.time, found.time[1:]), n)
    starts = np.append(0, ends[:-1])
    for at, (first, last) in enumerate(zip(starts, ends, strict=True)):
        assert found.high[at] == series.high[first:last].max()
        assert found.low[at] == series.low[first:last].min()
        assert (found.open[at], found.close[at]) == (series.open[first], series.close[last - 1])


@pytest.mark.parametrize(
    ("n", "step", "limit", "each"),
    [
        (200, "D", 250, ""),
        (500, "D", 250, "1 week"),
        (3_000, "D", 250, "1 month"),
        (3_000, "D", 40, "1 quarter"),
        (10_000, "D", 250, "1 quarter"),
        (3_000, "m", 250, "15 minutes"),
        (900, "h", 250, "4 hours"),
        (900, "s", 250, "5 seconds"),
    ],
)
def test_the_shortest_step_of_a_clock_or_a_calendar_is_taken(n, step, limit, each):
    assert candles(bars(n, step), limit=limit).each == each


def test_weeks_begin_on_monday_and_months_on_the_first():
    weeks, months = candles(bars(400, "D")), candles(bars(3_000, "D"))
    assert {day.astype("datetime64[D]").item().weekday() for day in weeks.time} == {0}
    assert {str(day.astype("datetime64[D]"))[-2:] for day in months.time} == {"01"}


def test_closed_weeks_leave_no_candle():
    series = bars(1_000, "D")
    kept = np.r_[0:300, 600:1_000]
    part = BacktestSeries(time=series.time[kept], equity=series.close[kept], close=series.close[kept], initial_cash=1.0)
    found = candles(part, limit=150)
    assert found.each == "1 week"
    assert len(found.time) <= 102


def test_a_part_has_its_own_candles_and_the_trades_that_were_open_in_it(series_of):
    series = series_of(5_000, 400)
    part = candle_figure(series, start=series.time[1_000], end=series.time[1_100])
    assert len(part.data[0].x) == 103
    marked = sum(len(trace.x) for trace in part.data[1:] if trace.mode == "markers")
    entries, exits = series.trades["entry_time"], series.trades["exit_time"]
    inside = (entries <= series.time[1_101]) & (exits >= series.time[999])
    assert marked == 2 * inside.sum() > 0
    assert "Candles of" not in part.layout.title.text


def test_trades_that_were_open_before_a_part_are_in_it(series_of):
    series = series_of(400, 3)
    time = series.time
    ends = np.append(time[[50, 300]], np.datetime64("NaT", "ns"))  # over before it, during it, and never
    held = {**series.trades, "entry_time": time[[10, 20, 30]], "exit_time": ends}
    part = candle_figure(replace(series, trades=held), start=time[200], end=time[250])
    entries = [x for trace in part.data[1:] if "entry" in (trace.name or "").lower() for x in trace.x]
    assert sorted(entries) == epoch_ms(time[[20, 30]]).tolist()


def test_the_axis_is_that_of_the_candles_that_are_shown():
    series = bars(400, "h")
    axis = candle_figure(series, start=series.time[200], end=series.time[220]).layout.xaxis
    first, last = epoch_ms(series.time[[199, 221]])
    assert first - 3.6e6 < axis.range[0] < first < last < axis.range[1] < last + 3.6e6
    assert axis.hoverformat == "%d %b %Y %H:%M UTC"
    assert candle_figure(bars(1)).layout.xaxis.range is None


def test_candles_can_be_told_apart_without_colour():
    look = candle_figure(bars(300, "D")).layout.template.data.candlestick[0]
    assert look.increasing.fillcolor != look.decreasing.fillcolor


def test_too_few_candles_are_refused():
    with pytest.raises(OptionError, match="at least 8 candles"):
        candles(bars(10), limit=7)


def orders(**changes):
    made = {
        "kind": ["buy", "sell", "buy", "close"],
        "state": ["filled", "cancelled", "filled", "filled"],
        "limit": [99.0, np.nan, np.nan, np.nan],
        "stop": [np.nan, 105.0, np.nan, 90.0],
        "label": ["<b>dip", "", "", ""],
        "made": [1, 2, 3, 4],
        "filled_bar": [5, -1, 4, 6],
        "filled_price": [98.5, np.nan, 100.0, 90.0],
        "filled_units": [1.0, np.nan, 1.0, -1.0],
    }
    texts = ("kind", "state", "label")
    return {name: np.array(values, object if name in texts else None) for name, values in (made | changes).items()}


def test_orders_that_waited_for_a_price_are_marked_where_they_were_made():
    series = bars(10, orders=orders())
    marks = order_marks(series)
    assert marks.y.tolist() == [99.0, 105.0, 90.0]  # the market order waited for nothing
    assert marks.text[0].startswith("buy, limit 99: filled at 98.5, 2024-01-03 15:07 · &lt;b&gt;dip")
    assert marks.text[1] == "sell, stop 105: cancelled"
    np.testing.assert_array_equal(marks.ways[1], [99.0, 98.5, np.nan, 90.0, 90.0, np.nan])
    assert marks.total == 3
    assert order_marks(series, limit=1).y.tolist() == [90.0]
    assert "the last 1 of 3" in order_marks(series, limit=1).notes[0]
    assert order_marks(series, slice(2, 3)).y.tolist() == [105.0]
    assert [trace.name for trace in candle_figure(series).data] == ["Price", "Way to fill", "Waiting order"]


def test_orders_without_a_column_are_refused():
    short = orders()
    del short["stop"]
    with pytest.raises(OptionError, match="The orders lack the column 'stop'"):
        bars(10, orders=short)
