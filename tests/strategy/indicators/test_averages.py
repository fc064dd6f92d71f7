"""Moving averages against their definitions."""

import numpy as np
import pytest

from research_kit.strategy.indicators import ema, sma, wma


def windows_mean(x: np.ndarray, length: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the average of each window, each computed by itself; NaN where a value is missing."""
    clean = np.where(np.isfinite(x), x, np.nan)
    weights = np.ones(length) if weights is None else weights
    out = np.full(len(x), np.nan)
    for t in range(length - 1, len(x)):
        part = clean[t - length + 1 : t + 1]
        out[t] = part[-1] + np.dot(part - part[-1], weights) / weights.sum()
    return out


def plain_ema(x: np.ndarray, length: int) -> np.ndarray:
    """Return the exponential average of the values that are there, put back on their bars."""
    there = np.isfinite(x)
    values = x[there]
    result = np.full(len(values), np.nan)
    if len(values) >= length:
        result[length - 1] = values[:length].mean()
        for t in range(length, len(values)):
            result[t] = 2 / (length + 1) * values[t] + (1 - 2 / (length + 1)) * result[t - 1]
    out = np.full(len(x), np.nan)
    out[there] = result
    return out


@pytest.mark.parametrize("length", [1, 2, 3, 30, 700, 3_000])
def test_sma_is_the_mean_of_each_window(walk, gaps, length):
    for x in (walk, gaps):
        np.testing.assert_allclose(sma(x, length), windows_mean(x, length), rtol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 3, 30, 700])
def test_wma_is_the_weighted_mean_of_each_window(walk, gaps, length):
    for x in (walk, gaps):
        np.testing.assert_allclose(wma(x, length), windows_mean(x, length, np.arange(1.0, length + 1)), rtol=1e-11)


@pytest.mark.parametrize("length", [1, 2, 3, 30, 700])
def test_ema_is_its_recursion(walk, gaps, length):
    for x in (walk, gaps):
        np.testing.assert_allclose(ema(x, length), plain_ema(x, length), rtol=1e-12)


@pytest.mark.parametrize("average", [sma, wma])
@pytest.mark.parametrize("length", [5, 60])
def test_large_prices_with_tiny_moves(average, length):
    x = 1e8 + np.cumsum(np.random.default_rng(1).normal(0, 1e-3, 20_000))
    weights = np.arange(1.0, length + 1) if average is wma else None
    np.testing.assert_allclose(average(x, length), windows_mean(x, length, weights), rtol=1e-14)


def test_sma_does_not_drift():
    x = 1e8 * (1 + np.random.default_rng(2).random(300_000))
    last = [x[t - 9 : t + 1].mean() for t in range(299_000, 300_000)]
    np.testing.assert_allclose(sma(x, 10)[-1_000:], last, rtol=1e-13)


@pytest.mark.parametrize("average", [sma, ema, wma])
@pytest.mark.parametrize("price", [0.1, 33.33, 1e8 / 3, -7.7])
@pytest.mark.parametrize("length", [1, 3, 10, 49])
def test_a_constant_price_is_its_own_average(average, price, length):
    result = average(np.full(9_000, price), length)
    assert (result[length - 1 :] == price).all()


@pytest.mark.parametrize("average", [sma, wma])
def test_averages_of_all_lengths_agree_where_the_market_stands_still(average, walk):
    """Else rounding would decide a crossing of two averages on a market that does not move."""
    walk[2_000:4_500] = 123.4567
    for length in (1, 2, 7, 10, 30, 199, 2_000):
        assert (average(walk, length)[2_000 + length - 1 : 4_500] == 123.4567).all()


def test_equal_values_next_to_missing_ones(walk):
    walk[100:110] = 5.5
    walk[110] = np.nan
    walk[111:121] = 5.5
    walk[121:131] = np.inf
    assert (sma(walk, 10)[[109, 120]] == 5.5).all()
    assert np.isnan(sma(walk, 10)[110:120]).all()
    assert np.isnan(sma(walk, 10)[121:140]).all()
    assert np.isfinite(sma(walk, 10)[140])


def test_by_hand():
    x = [2.0, 4.0, 6.0, 8.0, np.nan, 10.0, 12.0]
    nan = np.nan
    np.testing.assert_array_equal(sma(x, 2), [nan, 3, 5, 7, nan, nan, 11])
    np.testing.assert_allclose(wma(x, 2), [nan, 10 / 3, 16 / 3, 22 / 3, nan, nan, 34 / 3])
    np.testing.assert_array_equal(ema(x, 3), [nan, nan, 4, 6, nan, 8, 10])  # alpha is 1/2


def test_ema_skips_what_is_missing(gaps):
    there = np.isfinite(gaps)
    np.testing.assert_array_equal(ema(gaps, 12)[there], ema(gaps[there], 12))
    assert np.isnan(ema(gaps, 12)[~there]).all()
