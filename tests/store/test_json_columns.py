"""The JSON of many rows at once: the same as row by row, whatever the rows hold."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from research_kit.store.json_columns import read_numbers, read_objects, write_numbers, write_objects
from research_kit.store.json_values import dump_json, to_json

columns = st.integers(1, 6).flatmap(
    lambda n: st.dictionaries(st.text(max_size=8), arrays(np.float64, n, elements=st.floats()), min_size=1, max_size=4)
)


@settings(deadline=None)  # the first case loads pyarrow
@given(columns)
def test_numbers_are_written_as_row_by_row(columns):
    columns = {to_json(name): values for name, values in columns.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for text, row in zip(write_numbers(columns), rows, strict=True):
        expected = to_json(row)
        if any(value is not None for value in expected.values()):
            assert json.loads(text) == expected
        else:
            assert text is None


@settings(deadline=None)
@given(columns)
def test_numbers_come_back_to_the_bit(columns):
    columns = {to_json(name): values for name, values in columns.items()}
    found = read_numbers(write_numbers(columns))
    for name, values in columns.items():
        expected = np.where(np.isfinite(values), values, np.nan)
        if name in found:
            np.testing.assert_array_equal(found[name], expected)
        else:
            assert np.isnan(expected).all()  # no row had a number


def test_whole_numbers_are_written_whole():
    assert write_numbers({"trades": np.array([3, 0])}) == ['{"trades": 3}', '{"trades": 0}']
    assert write_numbers({}) == []


@pytest.mark.parametrize("names", [None, ["a", "missing"]])
@pytest.mark.parametrize(
    "texts",
    [
        ['{"a": 1}', '{"a": 2.5, "b": null}', None],
        ['{"a": 1}', '{"a": "text"}', '{"a": NaN}'],
        ['{"a": 1}', '{"a": [1, 2]}', '{"a": {"b": 1}}'],
        ['{"a": true}', '{"a": 1e400}', "{}"],
        ['{"a":\n 1}', "null", None],
        [None, "{}", None],
        [],
    ],
)
def test_what_other_programs_wrote_is_read_too(texts, names):
    found = read_numbers(texts, names)
    assert {len(values) for values in found.values()} <= {len(texts)}
    rows = [json.loads(text or "{}") or {} for text in texts]
    for name, values in found.items():
        for value, row in zip(values, rows, strict=True):
            given = row.get(name)
            is_number = isinstance(given, int | float) and not isinstance(given, bool) and abs(given) < 1e308
            assert value == given if is_number else np.isnan(value)
    assert names is None or list(found) == names


def test_many_blocks_give_one_column():
    texts = ['{"a": 1}'] * 600_000 + ['{"a": 1.5, "b": 2}']
    found = read_numbers(texts)
    assert found["a"].sum() == 600_001.5
    assert found["b"][-1] == 2.0
    assert np.isnan(found["b"][:-1]).all()


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.0, -0.0, 0.5, float("nan")]) | st.text()
mappings = st.dictionaries(st.sampled_from(["fast", "slow", 'a"%s', "x\0"]), scalars | st.lists(scalars, max_size=2))


@settings(deadline=None)
@given(st.lists(mappings, max_size=6) | mappings.map(lambda row: [row] * 3))
def test_objects_are_written_as_each_alone(rows):
    texts = write_objects(rows)
    assert texts == [dump_json(row) for row in rows]
    assert read_objects([*texts, None]) == [*map(to_json, rows), None]


def test_values_of_other_libraries_are_converted():
    rows = [{"fast": np.int64(i % 3), "day": np.datetime64("2024-01-02"), "x": np.float32(0.5)} for i in range(5)]
    assert write_objects(rows) == [dump_json(row) for row in rows]
