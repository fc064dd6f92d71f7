"""The hash of bars depends on their numbers and on nothing else."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from research_kit.bars import canonical
from research_kit.bars.canonical import bars_sha256, canonical_sha256, series_sha256
from research_kit.bars.frame import Bars
from research_kit.errors import DataError


def columns(n: int = 5):
    return {
        name: np.arange(n) + float(i) for i, name in enumerate(["open", "high", "low", "close", "volume", "vwap"], 1)
    }


def test_the_bytes_are_those_that_are_documented():
    header = {
        "format": "research_kit bars 1",
        "rows": 2,
        "columns": [["time_ns", "<i8"], ["open", "<f8"], ["close", "<f8"], ["a", "<f8"]],
    }
    expected = hashlib.sha256(json.dumps(header).encode() + b"\n")
    expected.update(np.array([0, 60], "<i8").tobytes())
    for values in ([1.0, 2.0], [3.0, 4.0], [5.0, 6.0]):
        expected.update(np.array(values, "<f8").tobytes())
    given_columns = {"a": [5.0, 6.0], "close": [3.0, 4.0], "open": [1.0, 2.0]}
    assert canonical_sha256([0, 60], given_columns) == expected.hexdigest()


def test_order_layout_and_byte_order_change_nothing():
    time_ns, bars = np.arange(5), columns()
    whole = canonical_sha256(time_ns, bars)
    block = np.array([bars[name] for name in bars]).T  # each column strided
    assert canonical_sha256(time_ns, {name: block[:, i] for i, name in enumerate(bars)}) == whole
    assert canonical_sha256(time_ns, dict(reversed(bars.items()))) == whole
    assert canonical_sha256(time_ns.astype(">i8"), {name: bars[name].astype(">f8") for name in bars}) == whole
    assert canonical_sha256(time_ns.astype(np.int32), bars) == whole


def test_every_nan_is_the_same_and_minus_zero_is_zero():
    odd_nan = np.array([0x7FF8000000000123, 0xFFF8000000000000], np.uint64).view(np.float64)
    with_nan = canonical_sha256([0, 1], {"close": [np.nan, np.nan]})
    assert canonical_sha256([0, 1], {"close": odd_nan}) == with_nan
    assert canonical_sha256([0, 1], {"close": [-0.0, 1.0]}) == canonical_sha256([0, 1], {"close": [0.0, 1.0]})


def test_inputs_are_not_changed():
    close = np.array([-0.0, np.nan])
    before = close.tobytes()
    canonical_sha256([0, 1], {"close": close})
    assert close.tobytes() == before


@pytest.mark.parametrize("n", [0, 1, 9, 10, 11, 25])
def test_the_size_of_a_chunk_changes_nothing(monkeypatch, n):
    whole = canonical_sha256(np.arange(n), columns(n))
    monkeypatch.setattr(canonical, "CHUNK", 10)
    assert canonical_sha256(np.arange(n), columns(n)) == whole


@given(arrays(np.float64, st.integers(1, 20)), st.data())
def test_any_other_number_gives_another_hash(close, data):
    at = data.draw(st.integers(0, len(close) - 1))
    changed = close.copy()
    changed[at] = data.draw(st.floats().filter(lambda value: value != close[at] and not np.isnan(value)))
    time_ns = np.arange(len(close))
    assert canonical_sha256(time_ns, {"close": close}) != canonical_sha256(time_ns, {"close": changed})
    assert canonical_sha256(time_ns, {"close": close}) != canonical_sha256(time_ns + 1, {"close": close})
    assert canonical_sha256(time_ns, {"close": close}) != canonical_sha256(time_ns, {"open": close})


@pytest.mark.parametrize(
    ("time_ns", "given", "message"),
    [
        ([0, 1], {"close": [1.0]}, "'close' has shape"),
        ([0.5, 1.0], {"close": [1.0, 2.0]}, "'time_ns' holds float64"),
        ([0, 1], {"close": ["a", "b"]}, "'close' holds"),
    ],
)
def test_what_is_not_bars_is_refused(time_ns, given, message):
    with pytest.raises(DataError, match=message):
        canonical_sha256(time_ns, given)


def test_marks_of_synthetic_bars_count_where_there_are_any():
    def bars(synthetic):
        return Bars(np.arange(2), {"close": np.array([1.0, 2.0])}, synthetic=synthetic)

    plain = bars_sha256(bars(None))
    assert plain == canonical_sha256([0, 1], {"close": [1.0, 2.0]})
    assert bars_sha256(bars(np.array([False, False]))) == plain
    assert bars_sha256(bars(np.array([False, True]))) != plain


@pytest.mark.parametrize("name", ["time_ns", "synthetic"])
def test_a_column_cannot_take_a_name_that_has_a_meaning(name):
    bars = Bars(np.arange(2), {"close": np.array([1.0, 2.0]), name: np.array([1.0, 2.0])})
    with pytest.raises(DataError, match=f"cannot be named '{name}'"):
        bars_sha256(bars)


def test_series_hash_by_name_and_kind():
    series = {"time_ns": np.arange(3), "equity": np.array([1.0, 2.0, 3.0])}
    assert series_sha256(series) == series_sha256(dict(reversed(series.items())))
    assert series_sha256(series) != series_sha256(series | {"time_ns": np.arange(3.0)})
    with pytest.raises(DataError, match="no series"):
        series_sha256({})
