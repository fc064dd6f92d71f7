"""The worst falls: by hand, and against the metrics that scan the same curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.charts.backtests.underwater import underwater_figure, worst_falls
from research_kit.metrics.drawdown import drawdown_series, drawdowns

DAY = 86_400_000_000_000


def days(n):
    return np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(1, "D")


def falls_of(equity, initial=100.0, count=5):
    values = np.array(equity, dtype=float)
    return worst_falls(days(len(values)), drawdown_series(values, initial), count)


def test_a_fall_lasts_from_the_last_peak_to_the_first_bar_as_high_again():
    falls = falls_of([120, 120, 90, 60, 90, 120, 130, 117])
    assert falls.total == 2
    np.testing.assert_allclose(falls.depth, [-0.5, -0.1])
    assert falls.peak.tolist() == [days(8)[1].item(), days(8)[6].item()]
    assert falls.trough.tolist() == [days(8)[3].item(), days(8)[7].item()]
    assert falls.recovery[0] == days(8)[5]
    assert np.isnat(falls.recovery[1])
    np.testing.assert_array_equal([falls.days, falls.days_down, falls.days_up], [[4, 1], [2, 1], [2, np.nan]])


def test_a_fall_at_once_begins_at_the_first_bar():
    falls = falls_of([90, 80, 101])
    assert (falls.peak[0], falls.trough[0], falls.recovery[0]) == tuple(days(3)[[0, 1, 2]])


@pytest.mark.parametrize("equity", [[], [100.0], [100.0, 101.0, 101.0]])
def test_what_never_falls_has_no_falls(equity):
    falls = falls_of(equity)
    assert falls.total == len(falls.depth) == len(falls.recovery) == 0


@settings(deadline=None)  # the first example compiles
@given(st.lists(st.floats(1.0, 200.0), min_size=1, max_size=60))
def test_the_deepest_and_the_longest_are_those_of_the_metrics(equity):
    values = np.array(equity)
    known = drawdowns(values, days(len(values)).view("int64"), 100.0)
    falls = falls_of(values, count=len(values))
    assert min(falls.depth, default=0.0) == known.fraction
    assert max(falls.days, default=0.0) == known.longest_days
    assert (np.diff(falls.depth) >= 0).all()
    assert falls.total == len(falls.depth)


def test_the_figure_numbers_each_fall_and_shades_it_from_peak_to_recovery(series_of):
    equity = np.array([10_000.0, 9_000, 10_000, 8_000, 11_000, 10_500])
    figure = underwater_figure(series_of(6, 0, equity=equity))
    line, marks = figure.data
    assert line.y.min() == pytest.approx(-0.2)
    assert marks.text == ("1", "2", "3")
    np.testing.assert_allclose(marks.y, [-0.2, -0.1, -0.5 / 11])
    assert "not recovered" in marks.customdata[2]
    shades = sorted((shape.x0, shape.x1) for shape in figure.layout.shapes)
    hours = series_of(6, 0).time.astype("datetime64[ms]").astype(float)
    assert shades == [(hours[0], hours[2]), (hours[2], hours[4]), (hours[4], hours[5])]
    assert "worst 3 of 3" in figure.layout.title.text


def test_falls_that_are_too_thin_to_see_are_still_marked(series_of):
    equity = np.full(1_000_000, 10_000.0)
    equity[777_777] = 100.0
    marks = underwater_figure(series_of(1_000_000, 0, equity=equity)).data[1]
    assert marks.y.tolist() == [-0.99]
