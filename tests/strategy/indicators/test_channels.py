"""Highest and lowest values of a window, and what is made of them, against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research_kit.strategy.indicators import donchian, rolling_max, rolling_min, stochastic


def each_window(x: np.ndarray, length: int, function) -> np.ndarray:
    clean = np.where(np.isfinite(x), x, np.nan)
    parts = [function(clean[t - length + 1 : t + 1]) for t in range(length - 1, len(x))]
    return np.array([np.nan] * min(length - 1, len(x)) + parts)


@pytest.mark.parametrize("length", [1, 2, 3, 20, 999, 5_999, 6_000])
def test_extremes_of_each_window(walk, gaps, length):
    for x in (walk, gaps, np.round(walk)):
        np.testing.assert_array_equal(rolling_max(x, length), each_window(x, length, np.max))
        np.testing.assert_array_equal(rolling_min(x, length), each_window(x, length, np.min))


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0, 2.0, np.nan, np.inf, -np.inf]), max_size=30), st.integers(1, 12))
def test_extremes_of_any_short_series(values, length):
    x = np.array(values)
    np.testing.assert_array_equal(rolling_max(x, length), each_window(x, length, np.max))
    np.testing.assert_array_equal(rolling_min(x, length), -rolling_max(-x, length))


def test_donchian_includes_the_current_bar(make_bars):
    bars = make_bars(400)
    lower, middle, upper = donchian(bars.high, bars.low, 10)
    np.testing.assert_array_equal(upper, each_window(bars.high, 10, np.max))
    np.testing.assert_array_equal(lower, each_window(bars.low, 10, np.min))
    np.testing.assert_allclose(middle, (lower + upper) / 2, rtol=1e-15)
    assert not (bars.close > upper).any()


def test_stochastic_is_where_the_close_lies_in_the_range(make_bars):
    bars = make_bars(400)
    k, d = stochastic(bars.high, bars.low, bars.close, 14, smooth=3)
    lowest, highest = each_window(bars.low, 14, np.min), each_window(bars.high, 14, np.max)
    np.testing.assert_allclose(k, 100 * (bars.close - lowest) / (highest - lowest), rtol=1e-12)
    np.testing.assert_allclose(d[15:], [k[t - 2 : t + 1].mean() for t in range(15, 400)], rtol=1e-12)
    assert np.isnan(d[:15]).all()


def test_stochastic_at_the_edges_and_without_a_range():
    close = [3.3, 1.1, 2.2, 2.2, 2.2]
    k = stochastic(close, close, close, 2, smooth=1).k
    np.testing.assert_array_equal(k, [np.nan, 0.0, 100.0, np.nan, np.nan])
