"""Which bars a zoom shows, whatever its moments are called."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research_kit.charts.refine import as_moment, window_slice
from research_kit.errors import OptionError

HOURS = np.datetime64("2024-01-01", "ns") + np.arange(10_000) * np.timedelta64(1, "h")


@given(ends=st.tuples(st.integers(-50, 10_050), st.integers(-50, 10_050)))
def test_a_part_holds_what_lies_between_and_one_bar_more_on_either_side(ends):
    low, high = (HOURS[0] + end * np.timedelta64(1, "h") for end in ends)
    part = window_slice(HOURS, low, high)
    first, last = max(min(ends) - 1, 0), min(max(max(ends) + 2, 1), len(HOURS))
    assert (part.start, part.stop) == (min(first, len(HOURS) - 1), last)


def test_nothing_given_is_the_beginning_or_the_end():
    assert window_slice(HOURS, None, None) == slice(0, 10_000)
    assert window_slice(HOURS, None, "2024-01-02") == slice(0, 26)
    assert window_slice(HOURS, HOURS[-3], None) == slice(9_996, 10_000)


def test_every_word_for_a_moment_means_the_same():
    noon = np.datetime64("2024-03-01T12:00", "ns")
    away = datetime(2024, 3, 1, 7, tzinfo=timezone(timedelta(hours=-5)))
    words = ("2024-03-01 12:00:00.0", "2024-03-01T12:00Z", 1_709_294_400_000, away, datetime(2024, 3, 1, 12), noon)
    assert [as_moment(word) for word in words] == [noon] * len(words)
    assert as_moment(datetime(2024, 3, 1, 12, tzinfo=UTC)) == noon


@pytest.mark.parametrize("word", ["yesterday", float("nan"), "NaT", object(), 1e300])
def test_what_is_no_time_gets_a_sentence(word):
    with pytest.raises(OptionError, match="is no time"):
        window_slice(HOURS, word, None)
