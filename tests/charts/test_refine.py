"""A part of a line drawn anew: what a zoom shows, and that nothing of it is lost."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research_kit.charts.refine import as_moment, window_lines, window_points
from research_kit.errors import OptionError

HOURS = np.datetime64("2024-01-01", "ns") + np.arange(10_000) * np.timedelta64(1, "h")
WALK = np.cumsum(np.random.default_rng(3).normal(size=10_000))


@given(ends=st.tuples(st.integers(-50, 10_050), st.integers(-50, 10_050)), limit=st.integers(8, 500))
def test_the_extremes_between_two_moments_are_exact(ends, limit):
    low, high = (HOURS[0] + end * np.timedelta64(1, "h") for end in ends)
    points = window_points(HOURS, WALK, low, high, limit)
    first, last = max(min(ends) - 1, 0), min(max(max(ends) + 2, 1), len(WALK))
    part = WALK[first:last] if first < len(WALK) else WALK[-1:]
    assert len(points.x) <= limit
    assert points.total == len(part)
    assert (points.y.max(), points.y.min()) == (part.max(), part.min())
    assert (np.diff(points.x) > 0).all()


def test_nothing_given_is_the_whole_line_again():
    points = window_points(HOURS, WALK, None, None, limit=100)
    assert (points.total, points.y[0], points.y[-1]) == (10_000, WALK[0], WALK[-1])
    assert window_points(HOURS, WALK, None, "2024-01-02").total == 26
    assert window_points(HOURS, WALK, HOURS[-3], None).total == 4


def test_every_word_for_a_moment_means_the_same():
    noon = np.datetime64("2024-03-01T12:00", "ns")
    away = datetime(2024, 3, 1, 7, tzinfo=timezone(timedelta(hours=-5)))
    words = ("2024-03-01 12:00:00.0", "2024-03-01T12:00Z", 1_709_294_400_000, away, datetime(2024, 3, 1, 12), noon)
    assert [as_moment(word) for word in words] == [noon] * len(words)
    assert as_moment(datetime(2024, 3, 1, 12, tzinfo=UTC)) == noon


@pytest.mark.parametrize("word", ["yesterday", float("nan"), "NaT", object(), 1e300])
def test_what_is_no_time_gets_a_sentence(word):
    with pytest.raises(OptionError, match="is no time"):
        window_points(HOURS, WALK, word, None)


def test_a_zoomed_drawdown_knows_the_peak_before_it(series_of):
    equity = np.full(1000, 100.0)
    equity[10] = 200.0
    series = series_of(equity=equity, initial_cash=100.0)
    lines = window_lines(series, series.time[500], series.time[600])
    assert set(lines) == {"Equity", "Drawdown", "Price", "Buy and hold"}
    assert lines["Drawdown"].y.tolist() == [-0.5] * 103
    assert "Buy and hold" not in window_lines(series_of(benchmark=None), None, None)
