import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research_kit.charts.reduce import reduce_points
from research_kit.errors import OptionError


def test_few_points_come_back_as_they_are():
    x, y = np.arange(5), np.array([3.0, 1.0, 4.0, 1.0, 5.0])
    points = reduce_points(x, y, limit=8)
    assert points.x.tolist() == x.tolist()
    assert points.y.tolist() == y.tolist()
    assert points.total == 5


@given(seed=st.integers(0, 10_000), limit=st.integers(8, 60))
def test_ends_and_extremes_are_kept_exactly(seed, limit):
    # Heavy tails: MinMaxLTTB by itself loses the highest or lowest of these now and then.
    y = np.random.default_rng(seed).standard_cauchy(3000)
    points = reduce_points(np.arange(3000), y, limit)
    assert len(points.x) <= limit
    assert points.y.max() == y.max()
    assert points.y.min() == y.min()
    assert (points.x[0], points.x[-1]) == (0, 2999)
    assert (np.diff(points.x) > 0).all()
    assert (y[points.x] == points.y).all()


def test_points_that_are_not_finite_are_left_out():
    y = np.sin(np.arange(10_000) / 300)
    y[[0, 500, 9_999]] = np.nan, np.inf, -np.inf
    points = reduce_points(np.arange(10_000), y, limit=100)
    assert np.isfinite(points.y).all()
    assert points.total == 10_000
    assert len(reduce_points(np.arange(3), np.full(3, np.nan)).x) == 0


def test_times_keep_their_type_and_the_input_its_values():
    time = np.datetime64("2024-01-01", "ns") + np.arange(5000)
    y = np.random.default_rng(1).normal(size=5000)
    time.flags.writeable = y.flags.writeable = False
    points = reduce_points(time, y, limit=50)
    assert points.x.dtype == "datetime64[ns]"
    assert points.y.max() == y.max()


def test_slices_with_a_step_are_taken():
    y = np.random.default_rng(1).normal(size=8000)
    assert reduce_points(np.arange(8000)[::2], y[::2], limit=50).y.max() == y[::2].max()


def test_wrong_arguments_are_named():
    with pytest.raises(OptionError, match="limit is 3"):
        reduce_points(np.arange(4), np.arange(4.0), limit=3)
    with pytest.raises(OptionError, match="4 and 3"):
        reduce_points(np.arange(4), np.arange(3.0))
