"""Where an error happened is told in few lines, without folders of the machine and without steps of ours."""

import pytest

import research_kit as rk
from research_kit.errors import ParameterError
from research_kit.runs import places
from research_kit.runs.places import place_of, split_place, with_place


def raised(function):
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        function()
    return caught.value


def fails():
    return {}["key"]


def fails_of_it():
    try:
        fails()
    except KeyError as error:
        raise ValueError("no\nlines") from error


def test_the_steps_outside_are_told_with_their_lines_and_the_cause():
    place = place_of(raised(fails_of_it))
    lines = place.splitlines()
    assert [line for line in lines if line.startswith("in fails_of_it (test_places.py, line ")]
    assert lines.count("because of KeyError: 'key'") == 1
    assert '    return {}["key"]' in lines
    assert "/" not in place.replace('{}["key"]', "")


def test_steps_of_the_package_that_lead_to_a_strategy_are_left_out():
    class Bad(rk.Strategy):
        def signals(self, bars):
            return fails()

    days = 86_400_000_000_000
    bars = rk.Bars([0, days, 2 * days], {name: [1.0, 2.0, 3.0] for name in ("open", "high", "low", "close")})
    error = raised(lambda: rk.run_backtest(bars, Bad()))
    trace = error.__traceback__
    while "research_kit" not in trace.tb_frame.f_globals["__name__"]:  # as where the package itself caught it
        trace = trace.tb_next
    place = place_of(error.with_traceback(trace))
    assert "backtest.py" not in place
    assert "in signals (test_places.py" in place


def test_what_the_package_refuses_says_all_in_its_words():
    error = raised(lambda: rk.strategies.SmaCross(fast=0))
    assert isinstance(error, ParameterError)
    assert split_place(with_place(error))[0] == f"ParameterError: {error}"


def test_words_and_place_come_apart_again():
    error = raised(fails_of_it)
    words, place = split_place(with_place(error))
    assert words == "ValueError: no\nlines"
    assert place == place_of(error)


def test_what_is_too_long_is_cut_and_an_unreadable_error_is_told(monkeypatch):
    class UnreadableError(Exception):
        def __str__(self):
            raise RuntimeError

    def fail():
        raise ValueError("x" * 100_000)

    def fail_unreadably():
        raise UnreadableError

    words, place = split_place(with_place(raised(fail)))
    assert (len(words), "in fail (" in place) == (6_000, True)
    monkeypatch.setattr(places, "_LONGEST_PLACE", 20)
    assert split_place(with_place(raised(fail)))[1] == place[:20]
    assert "could not be read" in with_place(raised(fail_unreadably))
