"""Work beside the notebook: its end is told once, its errors are told too, and what was given up is not."""

import threading

import pytest

from research_kit.widgets.parts.background import Background
from research_kit.widgets.parts.turn import TURN


@pytest.fixture
def work():
    return Background("test")


def test_the_result_is_told(work):
    told = []
    work.start(lambda: 7, told.append, told.append)
    assert work.wait(10)
    assert told == [7]


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_every_error_is_told(work, error):
    def fail():
        raise error

    told = []
    work.start(fail, told.append, told.append)
    assert work.wait(10)
    assert told == [error]


def test_an_error_while_telling_is_told(work):
    told = []
    work.start(lambda: 0, lambda value: told.append(1 / value), told.append)
    assert work.wait(10)
    assert isinstance(told[0], ZeroDivisionError)


def test_only_the_newest_is_told(work):
    told, go = [], threading.Event()
    work.start(lambda: go.wait(10) and "old", told.append, told.append)
    old = work._thread
    work.start(lambda: "new", told.append, told.append)
    assert work.wait(10)
    go.set()
    old.join(10)
    assert told == ["new"]


def test_what_is_forgotten_is_not_told(work):
    told, go = [], threading.Event()
    work.start(lambda: go.wait(10), told.append, told.append)
    assert work.is_busy
    assert not work.wait(0.01)
    work.forget()
    go.set()
    assert work.wait(10)
    assert told == []


def test_waiting_inside_of_itself_does_not_hang(work):
    told = []
    work.start(work.wait, told.append, told.append)
    work._thread.join(10)
    assert told == [False]


def test_a_new_piece_of_work_begins_while_a_forgotten_one_goes_on(work):
    told, go = [], threading.Event()
    work.start(lambda: go.wait(10) and "old", told.append, told.append)
    old = work._thread
    work.forget()
    assert not work.is_busy
    work.start(lambda: "new", told.append, told.append)
    assert work.wait(10)
    go.set()
    old.join(10)
    assert told == ["new"]


def test_an_end_is_not_told_between_a_glance_and_what_follows_it(work):
    """Whoever has the turn sees all of it: what is forgotten meanwhile is not told afterwards."""
    told, done = [], threading.Event()
    with TURN:
        work.start(lambda: done.set() or 7, told.append, told.append)
        assert done.wait(10)
        work.forget()
    assert work.wait(10)
    assert told == []
