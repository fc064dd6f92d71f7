"""The file between a report's two processes: what goes in comes out, and nothing in it runs."""

from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from research_kit.errors import ReportError
from research_kit.report.stats_file import read_stats, write_stats

plain = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=plain)
def test_plain_values_come_back_the_same(tmp_path_factory, value):
    path = write_stats(tmp_path_factory.mktemp("stats") / "s.npz", {"value": value})
    assert read_stats(path) == {"value": value}


def test_arrays_keep_their_type_and_what_is_missing(tmp_path):
    times = np.array(["2024-01-01T09:30", "NaT"], dtype="datetime64[ns]")
    numbers = np.array([1.5, np.nan, np.inf])
    back = read_stats(write_stats(tmp_path / "s.npz", {"times": times, "numbers": numbers, "flags": np.array([True])}))
    assert back["times"].dtype == times.dtype
    assert np.isnat(back["times"][1])
    np.testing.assert_array_equal(back["numbers"], numbers)
    assert back["flags"].dtype == np.bool_


def test_names_that_look_like_marks_are_names(tmp_path):
    stats = {"array": {"array": "text"}, "map": [["a", 1]], "text": np.arange(2)}
    back = read_stats(write_stats(tmp_path / "s.npz", stats))
    assert back["array"] == {"array": "text"}
    assert back["map"] == [["a", 1]]
    assert back["text"].tolist() == [0, 1]


def test_times_alone_numpy_numbers_tuples_and_objects(tmp_path):
    stats = {
        "at": np.datetime64("2024-01-02", "s"),
        "n": np.float64(2.5),
        "pair": (1, "a"),
        "mixed": np.array([None, 1]),
    }
    back = read_stats(write_stats(tmp_path / "s.npz", stats))
    assert back["at"] == stats["at"]
    assert isinstance(back["at"], np.datetime64)
    assert (back["n"], back["pair"], back["mixed"]) == (2.5, [1, "a"], [None, 1])


def test_what_is_nothing_of_these_comes_back_as_its_text(tmp_path):
    back = read_stats(
        write_stats(tmp_path / "s.npz", {"since": date(2024, 1, 2), "each": [time(9, 30), Decimal("0.1")]})
    )
    assert back == {"since": "2024-01-02", "each": ["09:30:00", "0.1"]}


def test_dataclasses_become_mappings_of_their_fields(tmp_path):
    @dataclass
    class Inner:
        values: Any

    @dataclass
    class Outer:
        inner: Inner
        name: str

    back = read_stats(write_stats(tmp_path / "s.npz", Outer(Inner(np.arange(3)), "x")))
    assert back["inner"]["values"].tolist() == [0, 1, 2]
    assert back["name"] == "x"


def test_files_of_another_kind_are_refused_and_nothing_in_them_runs(tmp_path):
    with pytest.raises(ReportError, match="cannot be read"):
        read_stats(tmp_path / "nothing.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ReportError, match="no figures"):
        read_stats(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", a=np.arange(2))
    with pytest.raises(ReportError, match="no figures"):
        read_stats(tmp_path / "other.npz")

    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a report's file ran code",))

    trap = np.empty(1, dtype=object)
    trap[0] = Trap()
    np.savez(tmp_path / "trap.npz", text=trap)
    with pytest.raises(ReportError, match="no figures"):
        read_stats(tmp_path / "trap.npz")
