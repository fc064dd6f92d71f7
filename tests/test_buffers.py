"""The memory of large arrays is used again, and never while somebody still holds it."""

import threading

import numpy as np
import pytest

from research_kit import buffers
from research_kit.buffers import LARGE, MOST_KEPT, empty_floats

SIZE = LARGE // 8 + 11


@pytest.fixture(autouse=True)
def shelf(monkeypatch):
    monkeypatch.setattr(buffers, "_SHELF", buffers._Shelf())
    return buffers._SHELF


def test_memory_comes_again_when_the_array_is_gone():
    first = empty_floats(SIZE)
    at = first.ctypes.data
    del first
    assert empty_floats(SIZE).ctypes.data == at


def test_a_view_keeps_the_memory_from_others():
    first = empty_floats(SIZE)
    first[:] = 7.0
    view = first[10:20]
    del first
    other = empty_floats(SIZE)
    other[:] = 1.0
    assert (view == 7.0).all()
    assert not np.shares_memory(view, other)


def test_another_size_gets_other_memory():
    first = empty_floats(SIZE)
    at = first.ctypes.data
    del first
    other = empty_floats(SIZE + 1)
    assert len(other) == SIZE + 1
    assert empty_floats(SIZE).ctypes.data == at


def test_small_arrays_are_left_to_numpy(shelf):
    array = empty_floats(100)
    del array
    assert shelf.kept_bytes() == 0


def test_what_is_kept_has_a_limit_and_the_longest_waiting_goes(shelf):
    size = MOST_KEPT // 8 // 2
    arrays = [empty_floats(size + at) for at in range(3)]
    last = arrays[2].ctypes.data
    while arrays:
        arrays.pop(0)
    assert 0 < shelf.kept_bytes() <= MOST_KEPT
    assert empty_floats(size + 2).ctypes.data == last


def test_memory_above_the_limit_is_not_kept_at_all(shelf):
    array = empty_floats(MOST_KEPT // 8 + 1)
    del array
    assert shelf.kept_bytes() == 0


def test_threads_never_hold_the_same_memory():
    wrong = []

    def work(number: int) -> None:
        for _ in range(200):
            array = empty_floats(SIZE)
            array[:: SIZE // 50] = number
            if not (array[:: SIZE // 50] == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
