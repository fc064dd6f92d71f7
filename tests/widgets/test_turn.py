"""Turns: had in the order in which they were asked for, by one at a time, and again by whoever has it."""

import threading
import time

from waiting import eventually

from research_kit.widgets.parts.turn import Turn


def test_turns_are_had_in_the_order_in_which_they_were_asked_for():
    turn, had, threads = Turn(), [], []
    with turn:
        for number in range(20):

            def take(number=number):
                with turn:
                    had.append(number)
                    time.sleep(0.001)

            threads.append(threading.Thread(target=take))
            threads[-1].start()
            eventually(lambda count=number + 1: len(turn._waiting) == count)
        assert had == []
    for thread in threads:
        thread.join(10)
    assert had == list(range(20))


def test_who_has_it_may_ask_again_and_gives_it_back_at_the_last():
    turn, other = Turn(), []
    with turn, turn:
        waits = threading.Thread(target=lambda: turn.__enter__() or other.append(1) or turn.__exit__())
        waits.start()
        with turn:
            pass
        time.sleep(0.05)
        assert other == []
    waits.join(10)
    assert other == [1]


def test_an_error_gives_it_back():
    turn = Turn()
    try:
        with turn:
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    taken = threading.Thread(target=lambda: turn.__enter__() or turn.__exit__())
    taken.start()
    taken.join(10)
    assert not taken.is_alive()
