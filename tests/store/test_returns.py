"""Daily returns in compact form: exactly what float32 holds comes back, and quiet days take little room."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from research_kit.errors import StoreError
from research_kit.store.returns import pack_returns, pack_rows, unpack_returns

numbers = st.just(0.0) | st.floats(-1, 10, width=32)
shapes = st.tuples(st.integers(0, 5), st.integers(0, 50))


@given(arrays(np.float32, st.integers(0, 50), elements=numbers))
def test_returns_come_back_as_float32_to_the_bit(values):
    found = unpack_returns(pack_returns(values.astype(np.float64)))
    assert found.dtype == np.float32
    assert found.tobytes() == values.tobytes()  # also the sign of a zero


@given(arrays(np.float32, shapes, elements=numbers))
def test_many_rows_are_packed_as_each_alone(matrix):
    packed = pack_rows(matrix)
    assert packed == [pack_returns(row) for row in matrix]
    assert packed == pack_rows(list(matrix))


def test_what_was_packed_by_zlib_alone_is_read():
    old = np.array([0.0, 0.0, 0.0, -0.5], "<f4")
    assert unpack_returns(zlib.compress(old.tobytes(), level=1)).tolist() == [0.0, 0.0, 0.0, -0.5]


def test_busy_days_are_a_plain_zlib_stream():
    assert zlib.decompress(pack_returns(np.array([1.0, -0.5]))) == np.array([1.0, -0.5], "<f4").tobytes()


def test_days_without_a_position_take_little_room():
    busy = np.random.default_rng(1).normal(0, 0.01, 1000)
    quiet = np.where(np.arange(1000) < 200, busy, 0.0)
    assert len(pack_returns(busy)) < 4100
    assert len(pack_returns(quiet)) < 1000
    assert len(pack_returns(np.zeros(2500))) < 400


def test_a_flipped_bit_is_noticed():
    for returns in (np.ones(50), np.where(np.arange(50) % 3, 0.0, 0.01)):
        packed = bytearray(pack_returns(returns))
        packed[-10] ^= 1
        with pytest.raises(zlib.error):
            unpack_returns(bytes(packed))


def test_a_row_without_returns():
    matrix = np.array([[0.5, 0.25], [np.nan, np.nan]])
    assert pack_rows(matrix) == [pack_returns(matrix[0]), None]
    assert pack_rows([None, matrix[0]]) == [None, pack_returns(matrix[0])]


@pytest.mark.parametrize(
    "rows",
    [
        np.array([[0.1, 0.2], [0.1, np.nan]]),
        np.array([[0.1, np.inf]]),
        np.array([[0.1, 1e39]]),  # more than float32 holds
        np.array([0.1, 0.2]),
        [np.array([[0.1]])],
        [np.array([0.1, np.nan])],
    ],
)
def test_what_is_no_row_of_numbers_is_refused(rows):
    with pytest.raises(StoreError, match="one row of finite numbers"):
        pack_rows(rows)
