"""Standard deviations, z-scores, bands and ranges against their definitions."""

import numpy as np
import pytest

from research_kit.errors import OptionError
from research_kit.strategy.indicators import atr, bollinger, rolling_std, sma, zscore


def two_pass_std(x: np.ndarray, length: int, ddof: int) -> np.ndarray:
    """Return the deviation of each window in two passes, in extended precision."""
    clean = np.where(np.isfinite(x), x, np.nan).astype(np.longdouble)
    out = np.full(len(x), np.nan)
    for t in range(length - 1, len(x)):
        out[t] = clean[t - length + 1 : t + 1].std(ddof=ddof)
    return out


def plain_atr(high: np.ndarray, low: np.ndarray, close: np.ndarray, length: int) -> np.ndarray:
    before = np.concatenate([[close[0]], close[:-1]])
    ranges = np.max([high - low, np.abs(high - before), np.abs(low - before)], axis=0)
    ranges[0] = high[0] - low[0]
    out = np.full(len(close), np.nan)
    out[length - 1] = np.mean(ranges[:length])
    for t in range(length, len(close)):
        out[t] = (out[t - 1] * (length - 1) + ranges[t]) / length
    return out


@pytest.mark.parametrize(("length", "ddof"), [(2, 1), (3, 1), (20, 1), (20, 0), (1, 0), (900, 1)])
def test_rolling_std_is_the_deviation_of_each_window(walk, gaps, length, ddof):
    for x in (walk, gaps):
        np.testing.assert_allclose(
            rolling_std(x, length, ddof=ddof), two_pass_std(x, length, ddof), rtol=1e-9, atol=1e-12
        )


def test_rolling_std_of_large_prices_with_tiny_moves():
    x = 1e8 + np.cumsum(np.random.default_rng(1).normal(0, 1e-3, 20_000))
    np.testing.assert_allclose(rolling_std(x, 20), two_pass_std(x, 20, 1), rtol=1e-9)


@pytest.mark.parametrize("jump", [1e3, 1e6, 1e9, -1e12])
def test_rolling_std_recovers_from_a_jump_at_once(jump):
    x = 100.0 + np.random.default_rng(4).normal(0, 1e-3, 4_000)
    x[1_000] += jump
    x[1_500:] += jump
    expected = two_pass_std(x, 20, 1)
    np.testing.assert_allclose(rolling_std(x, 20), expected, rtol=1e-8)


def test_rolling_std_far_from_where_it_began():
    """A trend leaves the value that sums are taken around, by many deviations of its noise."""
    x = np.linspace(100, 1e6, 20_000) + np.random.default_rng(4).normal(0, 1e-2, 20_000)
    np.testing.assert_allclose(rolling_std(x, 10), two_pass_std(x, 10, 1), rtol=1e-8)


@pytest.mark.parametrize("price", [0.1, 1e8 / 3, -2.2])
def test_rolling_std_of_equal_values_is_exactly_zero(walk, price):
    assert (rolling_std(np.full(5_000, price), 7)[6:] == 0.0).all()
    walk[3_000:3_100] = price
    result = rolling_std(walk, 20)
    assert (result[3_019:3_100] == 0.0).all()
    assert (result[3_100:3_119] > 0.0).all()
    assert np.isnan(zscore(walk, 20)[3_019:3_100]).all()


def test_an_outlier_in_a_long_window_costs_no_digits():
    """Sums taken around the outlier would be larger than their difference by the length of the window."""
    x = np.random.default_rng(8).normal(0, 1, 60_000)
    x[1_000] = 1e6
    expected = [x[t - 19_999 : t + 1].std(ddof=1) for t in (20_000, 20_998, 20_999, 21_000, 40_000)]
    np.testing.assert_allclose(rolling_std(x, 20_000)[[20_000, 20_998, 20_999, 21_000, 40_000]], expected, rtol=1e-9)


def test_zscore_is_the_distance_from_the_mean_in_deviations(walk):
    for ddof in (0, 1):
        expected = (walk - sma(walk, 30)) / two_pass_std(walk, 30, ddof)
        np.testing.assert_allclose(zscore(walk, 30, ddof=ddof), expected, rtol=1e-8, atol=1e-9)


def test_zscore_of_large_prices_with_tiny_moves():
    steps = np.random.default_rng(6).integers(-3, 4, 3_000).cumsum() / 1024.0  # exact, so that both series are the same
    np.testing.assert_allclose(zscore(1e8 + steps, 20), zscore(steps, 20), rtol=1e-9, atol=1e-9)


def test_bollinger_is_average_and_population_deviation(walk, gaps):
    for x in (walk, gaps):
        lower, middle, upper = bollinger(x, 20, 2.5)
        np.testing.assert_array_equal(middle, sma(x, 20))
        np.testing.assert_allclose(upper - middle, 2.5 * two_pass_std(x, 20, 0), rtol=1e-8, atol=1e-11)
        np.testing.assert_allclose(middle - lower, upper - middle, rtol=1e-9, atol=1e-11)


def test_bands_of_a_constant_price_are_the_price():
    assert all((band[4:] == 0.1).all() for band in bollinger(np.full(30, 0.1), 5))


@pytest.mark.parametrize("length", [1, 2, 14])
def test_atr_is_wilders_recursion(make_bars, length):
    bars = make_bars(3_000)
    expected = plain_atr(bars.high, bars.low, bars.close, length)
    np.testing.assert_allclose(atr(bars.high, bars.low, bars.close, length), expected, rtol=1e-11)


def test_atr_skips_bars_on_which_something_is_missing(make_bars):
    bars = make_bars(500)
    high, low, close = bars.high.copy(), bars.low.copy(), bars.close.copy()
    high[10], low[[20, 21]], close[400] = np.nan, np.nan, np.inf
    there = np.isfinite(high) & np.isfinite(low) & np.isfinite(close)
    result = atr(high, low, close, 5)
    assert np.isnan(result[~there]).all()
    np.testing.assert_array_equal(result[there], atr(high[there], low[there], close[there], 5))


def test_by_hand():
    nan = np.nan
    np.testing.assert_array_equal(rolling_std([1.0, 3.0, 5.0, 5.0], 3, ddof=0)[:2], [nan, nan])
    np.testing.assert_allclose(rolling_std([1.0, 3.0, 5.0, 5.0], 3)[2:], [2.0, np.sqrt(4 / 3)])
    # a gap of 2 above the close before: true range 13 - 10 = 3
    np.testing.assert_array_equal(atr([11.0, 13.0], [9.0, 12.0], [10.0, 12.5], 1), [2.0, 3.0])


def test_a_deviation_needs_more_bars_than_ddof():
    with pytest.raises(OptionError, match="at least 2; it is 1"):
        rolling_std([1.0, 2.0], 1)
    with pytest.raises(OptionError, match="ddof must be 0"):
        rolling_std([1.0, 2.0], 2, ddof=2)
    assert rolling_std([1.0, 2.0], 1, ddof=0).tolist() == [0.0, 0.0]
