"""Crossings: strict, False where something is missing."""

import numpy as np
import pytest

from research_kit.errors import OptionError
from research_kit.strategy.indicators import crossed_above, crossed_below, previous


def test_by_hand():
    a = [1.0, 2.0, 2.0, 3.0, 1.0, 3.0]
    b = [2.0, 2.0, 2.0, 2.0, 2.0, 4.0]
    assert crossed_above(a, b).tolist() == [False, False, False, True, False, False]
    assert crossed_below(a, b).tolist() == [False, False, False, False, True, False]
    assert crossed_above(a, 1.5).tolist() == [False, True, False, False, False, True]
    assert crossed_below(a, np.float64(2)).tolist() == [False, False, False, False, True, False]


@pytest.mark.parametrize("cross", [crossed_above, crossed_below])
def test_a_missing_value_is_no_crossing(cross):
    for at in range(2):
        for sign in (1.0, -1.0):
            a, b = sign * np.array([1.0, 3.0]), sign * np.array([2.0, 2.0])
            for series in (a, b):
                kept, series[at] = series[at], np.nan
                assert not cross(a, b).any()
                series[at] = kept


def test_one_crosses_above_where_the_other_crosses_below(walk):
    other = np.roll(walk, 7)
    np.testing.assert_array_equal(crossed_above(walk, other), crossed_below(other, walk))
    assert crossed_above(walk, other).sum() > 10


def test_the_inputs_are_not_reused():
    a = np.array([1.0, 3.0])
    first = crossed_above(a, 2.0)
    assert first.dtype == np.bool_
    assert a.tolist() == [1.0, 3.0]


def test_previous_looks_back_only():
    np.testing.assert_array_equal(previous([1.0, 2.0, 3.0], 2), [np.nan, np.nan, 1.0])
    with pytest.raises(OptionError, match="bars must be a whole number of bars, at least 1; it is -1"):
        previous([1.0], -1)
