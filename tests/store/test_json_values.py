"""One place makes JSON: whatever goes in, strict JSON comes out, and nothing is lost silently."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from research_kit.engine.options import EngineOptions
from research_kit.errors import StoreError
from research_kit.store.json_values import clean_text, dump_json, load_json, to_json


class Colour(Enum):
    RED = "red"


class Word(str, Enum):  # noqa: UP042 - the old kind, whose str() is not its value
    SHORT = "short"


class Level(IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64("nan"), None),
        (float("-inf"), None),
        (np.float32(0.5), 0.5),
        (np.int64(2**62), 2**62),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1.0, np.inf], [2.0, 3.0]]), [[1.0, None], [2.0, 3.0]]),
        (np.array(7), 7),
        (np.array(["2024-01-02", "NaT"], "M8[D]"), ["2024-01-02", None]),
        (np.timedelta64(1500, "ms"), 1.5),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Timestamp("2024-01-02 03:04", tz="America/New_York"), "2024-01-02T08:04:00+00:00"),
        (pd.Series([1, 2]), [1, 2]),
        (datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=1))), "2024-01-01T23:00:00+00:00"),
        (date(2024, 1, 2), "2024-01-02"),
        (timedelta(minutes=1), 60.0),
        (Decimal("1.25"), 1.25),
        (Decimal("NaN"), None),
        (Colour.RED, "red"),
        (Word.SHORT, "short"),
        (Level.HIGH, 3),
        (Path("a/b"), "a/b"),
        ({2, 1}, [1, 2]),
        ((1, "a", None), [1, "a", None]),
        (range(3), [0, 1, 2]),
        ({1: "a", None: "b", Colour.RED: "c"}, {"1": "a", "null": "b", "red": "c"}),
        ("a\0b\ud800c😀", "a\ufffdb\ufffdc😀"),
    ],
)
def test_what_becomes_what(value, expected):
    found = to_json(value)
    assert found == expected
    assert type(found) is type(expected)


def test_a_model_becomes_its_fields():
    assert to_json(EngineOptions(commission=0.002))["commission"] == 0.002


@dataclass
class Plain:
    a: int = 1


def endless():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "A object has no JSON form"),
        (1j, "A complex has no JSON form"),
        (b"x", "Bytes have no JSON form"),
        (pd.DataFrame({"a": [1]}), "A DataFrame has no JSON form"),
        (iter([1]), "has no JSON form"),
        ({1: "a", "1": "b"}, "Two keys"),
        (endless(), "contains itself"),
    ],
)
def test_what_has_no_json_form_is_refused(value, message):
    with pytest.raises(StoreError, match=message):
        to_json(value)


numbers = st.floats() | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none()
scalars = (
    numbers
    | st.text()
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.decimals()
    | st.sampled_from(Colour)
    | st.floats(width=32).map(np.float32)
    | st.integers(-100, 100).map(np.int16)
    | arrays(np.float64, array_shapes(max_dims=2, max_side=3))
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=10
)


def no_constant(name):
    raise AssertionError(f"{name} in JSON")


@given(values)
def test_any_value_becomes_strict_json_that_stays_as_it_is(value):
    try:
        found = to_json(value)
    except StoreError as error:
        assert "Two keys" in str(error)  # noqa: PT017 - only texts that differ in what no database holds
        return
    text = json.dumps(found, allow_nan=False)
    assert json.loads(text, parse_constant=no_constant) == found
    assert to_json(found) == found
    assert load_json(dump_json(value)) == found
    dump_json(value).encode()


@given(st.text(st.characters(codec=None)))
def test_clean_text_can_be_stored_and_keeps_what_is_sound(text):
    clean = clean_text(text)
    clean.encode()  # raises where something cannot be stored
    assert "\0" not in clean
    assert clean_text(clean) == clean
    if "\0" not in text and text.isprintable():
        assert clean == text


def test_what_other_programs_wrote_can_be_read():
    assert load_json('{"a": NaN, "b": [-Infinity, 1]}') == {"a": None, "b": [None, 1]}


def test_every_json_column_passes_through_here(database):
    from research_kit.store.tables import Dataset

    awkward = {"nan": float("nan"), "when": datetime(2024, 1, 1, tzinfo=UTC), "n": np.int64(3), "text": "a\0😀"}
    with database.write() as session:
        session.add(Dataset(name="a", file_path="b", quality_checks=awkward, missing_data_pct=float("inf")))
    with database.read() as session:
        row = session.scalar(sa.select(Dataset))
    assert row.quality_checks == {"nan": None, "when": "2024-01-01T00:00:00+00:00", "n": 3, "text": "a\ufffd😀"}
    assert row.missing_data_pct is None
