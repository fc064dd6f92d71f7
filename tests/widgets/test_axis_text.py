"""What is typed for an axis of a search means one thing, and the text of an axis is read as the axis."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research_kit.errors import ParameterError
from research_kit.search.space import Between, between
from research_kit.widgets.forms.axis_text import axis_count, axis_text, axis_words, read_axis
from research_kit.widgets.forms.fields import FieldSpec

NUMBER = FieldSpec(name="n", kind="number")
MAYBE = FieldSpec(name="n", kind="number", optional=True)
SWITCH = FieldSpec(name="s", kind="switch")
CHOICE = FieldSpec(name="c", kind="choice", choices=("slow", "fast"))
MAYBE_SWITCH = FieldSpec(name="m", kind="choice", choices=(None, True, False), optional=True)
LISTS = FieldSpec(name="l", kind="list")


@pytest.mark.parametrize(
    ("text", "spec", "axis"),
    [
        ("7", NUMBER, [7]),
        (" 5, 10 ,20 ", NUMBER, [5, 10, 20]),
        ("5, 5, 7", NUMBER, [5, 7]),
        ("0.5, 1e-3", NUMBER, [0.5, 0.001]),
        ("5:50", NUMBER, between(5, 50)),
        ("5:50:5", NUMBER, between(5, 50, 5)),
        ("-1 : 1 : 0.5", NUMBER, between(-1, 1, 0.5)),
        ("log 1e-3:1", NUMBER, between(1e-3, 1, log=True)),
        ("none, 0.1", MAYBE, [None, 0.1]),
        ("", MAYBE, [None]),
        ("yes, no", SWITCH, [True, False]),
        ("True", SWITCH, [True]),
        ("fast, slow", CHOICE, ["fast", "slow"]),
        ("none, yes", MAYBE_SWITCH, [None, True]),
        ("[[1, 2], [3]]", LISTS, [(1, 2), (3,)]),
        ("[1, 2]", LISTS, [(1, 2)]),
    ],
)
def test_a_text_means_its_values(text, spec, axis):
    found = read_axis(text, spec)
    assert found == axis
    if isinstance(found, list):
        assert [type(value) for value in found] == [type(value) for value in axis]


@pytest.mark.parametrize(
    ("text", "spec", "words"),
    [
        ("", NUMBER, "needs a value, a list or a range"),
        ("a", NUMBER, "'a' is no number"),
        ("5:", NUMBER, "'5:' is no number"),
        ("50:5", NUMBER, "the lower end first"),
        ("1:5:-1", NUMBER, "must be above 0"),
        ("log 0:1", NUMBER, "ends above 0"),
        ("maybe", SWITCH, "Known: false, no, true, yes"),
        ("fas", CHOICE, "Did you mean 'fast'"),
        ("[1, 2", LISTS, "takes JSON"),
    ],
)
def test_what_means_nothing_is_refused_with_the_way_out(text, spec, words):
    with pytest.raises(ParameterError, match=rf"^{spec.name}.*{words}"):
        read_axis(text, spec)


@given(st.lists(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)), min_size=1, unique=True))
def test_the_text_of_a_list_of_numbers_is_read_as_that_list(values):
    assert read_axis(axis_text(values), NUMBER) == values


@given(st.integers(-1000, 1000), st.integers(1, 50), st.integers(2, 30))
def test_the_text_of_a_range_is_read_as_its_numbers(start, step, count):
    numbers = range(start, start + step * count, step)
    found = read_axis(axis_text(numbers), NUMBER)
    assert isinstance(found, Between)
    assert found.values() == list(numbers)


def test_counts_and_words():
    assert axis_count(between(0.1, 0.2)) is None
    assert axis_words(between(0.1, 0.2)) == "drawn at random, 0.1 to 0.2"
    assert (axis_count([1]), axis_words([1])) == (1, "fixed")
