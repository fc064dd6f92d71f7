"""The relative strength index and the MACD against their definitions."""

import numpy as np
import pytest

from research_kit.errors import OptionError
from research_kit.strategy.indicators import ema, macd, rsi


def plain_rsi(x: np.ndarray, length: int) -> np.ndarray:
    changes = np.diff(x)
    gain, loss = np.maximum(changes, 0)[:length].mean(), np.maximum(-changes, 0)[:length].mean()
    out = np.full(len(x), np.nan)
    for t in range(length, len(x)):
        if t > length:
            gain = (gain * (length - 1) + max(changes[t - 1], 0)) / length
            loss = (loss * (length - 1) + max(-changes[t - 1], 0)) / length
        out[t] = 100 - 100 / (1 + gain / loss)
    return out


@pytest.mark.parametrize("length", [2, 14, 100])
def test_rsi_is_wilders_recursion(walk, length):
    np.testing.assert_allclose(rsi(walk, length), plain_rsi(walk, length), rtol=1e-9)


def test_rsi_at_the_edges():
    rising, flat = np.linspace(1, 2, 50), np.full(50, 0.3)
    assert (rsi(rising, 14)[14:] == 100.0).all()
    assert (rsi(-rising, 14)[14:] == 0.0).all()
    assert np.isnan(rsi(flat, 14)).all()
    assert np.isnan(rsi(rising, 14)[:14]).all()


def test_rsi_skips_what_is_missing(gaps):
    there = np.isfinite(gaps)
    np.testing.assert_array_equal(rsi(gaps, 14)[there], rsi(gaps[there], 14))
    assert np.isnan(rsi(gaps, 14)[~there]).all()


def test_macd_is_made_of_three_averages(walk):
    line, signal, histogram = macd(walk)
    np.testing.assert_array_equal(line, ema(walk, 12) - ema(walk, 26))
    np.testing.assert_array_equal(signal[25:], ema(line[25:], 9))
    np.testing.assert_array_equal(histogram, line - signal)
    assert [int(np.isnan(part).sum()) for part in (line, signal, histogram)] == [25, 33, 33]


def test_macd_wants_fast_below_slow():
    with pytest.raises(OptionError, match="fast must be below slow; fast is 26, slow is 12"):
        macd([1.0, 2.0], 26, 12)
    with pytest.raises(OptionError, match="slow must be a whole number"):
        macd([1.0, 2.0], 2, 5.5)
