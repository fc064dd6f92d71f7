"""Laws that every indicator keeps, whatever it computes."""

import numpy as np
import pytest

from research_kit.errors import OptionError
from research_kit.strategy import indicators as ind


def test_a_prefix_gives_the_prefix_to_the_last_bit(indicator, hard_series):
    whole = indicator(hard_series)
    for k in [0, 1, 2, 3, 2_050, 4_100, *np.random.default_rng(1).integers(0, len(hard_series), 25)]:
        for part, full in zip(indicator(hard_series[:k]), whole, strict=True):
            assert part.tobytes() == full[:k].tobytes(), f"differs for the first {k} bars"


def test_later_values_change_nothing_before(indicator, walk):
    whole = indicator(walk)
    for k in np.random.default_rng(2).integers(1, len(walk), 10):
        changed = walk.copy()
        changed[k:] *= 3.0
        changed[k + 5 : k + 9] = np.nan
        for new, old in zip(indicator(changed), whole, strict=True):
            assert new[:k].tobytes() == old[:k].tobytes()


def test_the_input_is_never_changed(indicator, gaps):
    before = gaps.tobytes()
    indicator(gaps)
    assert gaps.tobytes() == before


def test_read_only_strided_and_whole_numbers_are_taken(indicator, walk):
    rounded = np.round(walk[:300] * 10)
    expected = indicator(rounded)
    strided = np.repeat(rounded, 2)[::2]
    frozen = rounded.copy()
    frozen.flags.writeable = False
    assert not strided.flags.contiguous
    for given in (strided, frozen, rounded.astype(np.int64), rounded.astype(">f8")):
        for new, old in zip(indicator(given), expected, strict=True):
            np.testing.assert_array_equal(new, old)


def test_the_result_is_a_new_array_of_the_same_length(indicator, walk):
    for result in indicator(walk):
        assert result.shape == walk.shape
        assert not np.shares_memory(result, walk)
        assert result.flags.writeable


def test_a_missing_value_is_forgotten(indicator, walk):
    """Long after a missing value, windows are as if it had never been; smoothed averages have converged."""
    damaged = walk.copy()
    damaged[[100, 101, 140]] = np.nan, np.inf, -np.inf
    for new, old in zip(indicator(damaged), indicator(walk), strict=True):
        np.testing.assert_allclose(new[3_000:], old[3_000:], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("length", [1, 2, 4])
@pytest.mark.parametrize("bars", [0, 1, 3])
def test_short_series(length, bars):
    x = np.linspace(1.0, 2.0, bars)
    for function in (ind.sma, ind.wma, ind.ema, ind.rolling_min, ind.rolling_max):
        assert np.isfinite(function(x, length)).sum() == max(bars - length + 1, 0), function.__name__
    assert np.isfinite(ind.atr(x, x, x, length)).sum() == max(bars - length + 1, 0)
    assert np.isfinite(ind.rsi(x, length)).sum() == max(bars - length, 0)
    assert np.isfinite(ind.previous(x, length)).sum() == max(bars - length, 0)


@pytest.mark.parametrize("length", [7, 10**9, 2**70])
def test_a_window_longer_than_the_series_is_all_nan(length):
    x = np.arange(1.0, 7.0)
    results = [f(x, length) for f in (ind.sma, ind.wma, ind.ema, ind.rsi, ind.rolling_std, ind.zscore)]
    results += [ind.rolling_min(x, length), ind.rolling_max(x, length), ind.atr(x, x, x, length)]
    results += [*ind.bollinger(x, length), *ind.donchian(x, x, length), *ind.stochastic(x, x, x, length)]
    results += [ind.macd(x, 2, length).line, ind.previous(x, length)]
    for result in results:
        assert result.shape == x.shape
        assert np.isnan(result).all()


LENGTHS = {
    "sma": lambda n: ind.sma([1.0], n),
    "ema": lambda n: ind.ema([1.0], n),
    "wma": lambda n: ind.wma([1.0], n),
    "rsi": lambda n: ind.rsi([1.0], n),
    "atr": lambda n: ind.atr([1.0], [1.0], [1.0], n),
    "bollinger": lambda n: ind.bollinger([1.0], n),
    "macd": lambda n: ind.macd([1.0], 1, 2, n),
    "donchian": lambda n: ind.donchian([1.0], [1.0], n),
    "stochastic": lambda n: ind.stochastic([1.0], [1.0], [1.0], n),
    "rolling_std": lambda n: ind.rolling_std([1.0], n),
    "rolling_min": lambda n: ind.rolling_min([1.0], n),
    "rolling_max": lambda n: ind.rolling_max([1.0], n),
    "zscore": lambda n: ind.zscore([1.0], n),
    "previous": lambda n: ind.previous([1.0], n),
}


@pytest.mark.parametrize("name", LENGTHS)
@pytest.mark.parametrize("length", [0, -3, 2.5, "7", None])
def test_a_wrong_length_is_refused(name, length):
    with pytest.raises(OptionError, match=f"must be a whole number of bars, at least [12]; it is {length!r}"):
        LENGTHS[name](length)


def test_numpy_whole_numbers_are_lengths(walk):
    np.testing.assert_array_equal(ind.sma(walk, np.int32(5)), ind.sma(walk, 5))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.zeros((3, 2)), r"values must have one dimension, one number for each bar; its shape is \(3, 2\)\."),
        (5.0, r"values must have one dimension, one number for each bar; its shape is \(\)\."),
        (["a", "b"], "values must be numbers, one for each bar"),
    ],
)
def test_what_is_no_series_is_refused(values, sentence):
    for function in (ind.sma, ind.rolling_max, ind.rsi, ind.zscore):
        with pytest.raises(OptionError, match=sentence):
            function(values, 2)


def test_series_of_different_lengths_are_refused():
    with pytest.raises(OptionError, match="must have the same length; they have: high 2, low 1, close 2"):
        ind.atr([1.0, 2.0], [1.0], [1.0, 2.0])
    with pytest.raises(OptionError, match="a has 1, b has 2"):
        ind.crossed_above([1.0], [1.0, 2.0])


def test_every_public_name_is_documented_with_an_example():
    for name in ind.__all__:
        doc = getattr(ind, name).__doc__
        assert doc, name
        if name.islower():
            assert "Examples" in doc, name
