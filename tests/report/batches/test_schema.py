"""What a notebook takes is read from its cell without running it, and everything else is refused."""

import ast
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat import v4
from papermill.translators import PythonTranslator

from research_kit.errors import ReportError
from research_kit.report.batches.schema import MISSING, NotebookParameterError, plain_value, read_schema

CELL = """
import os
workspace: str = os.environ.get("RESEARCH_KIT_WORKSPACE", "workspace")  # a folder
fast: int = 10  # 2 to 200; bars of the fast average
share: float = 0.5  # 0 to 1
stop: float | None = None
mode: Literal["fill", "skip", 3] = "fill"
names: list[str] = ["a"]
options: dict = {}
loud: bool = False
plain = 5
free = None
unknown: Path = None
maybe: "Optional[int]" = 3
needed: str
"""


def schema_of(source, tagged=True):
    cell = v4.new_code_cell(source, metadata={"tags": ["parameters"]} if tagged else {}, id="c")
    return read_schema(v4.new_notebook(cells=[cell]), "work.ipynb")


@pytest.fixture(scope="module")
def schema():
    return schema_of(CELL)


def test_types_bounds_and_words_are_read(schema):
    found = schema.parameters
    assert (found["fast"].kinds, found["fast"].low, found["fast"].high) == ((int,), 2, 200)
    assert found["fast"].description == "bars of the fast average"
    assert found["workspace"].default is MISSING
    assert found["workspace"].description == "a folder"
    assert found["stop"].kinds == (float, type(None))
    assert found["mode"].choices == ("fill", "skip", 3)
    assert found["names"].kinds == (list,)
    assert found["plain"].kinds == (int,)
    assert found["free"].kinds == found["unknown"].kinds == ()
    assert found["maybe"].kinds == (int, type(None))
    assert found["needed"].needed
    assert "os" not in found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fast", 2),
        ("fast", np.int64(200)),
        ("share", 1),
        ("stop", None),
        ("stop", 0.5),
        ("mode", "skip"),
        ("mode", 3),
        ("names", ("a", "b")),
        ("names", range(3)),
        ("options", {"a": [1, {"b": None}]}),
        ("loud", True),
        ("loud", np.bool_(True)),
        ("free", {"anything": 1}),
        ("unknown", "some/path"),
        ("workspace", "'; import os; os.abort() #\n\\"),
    ],
)
def test_what_fits_is_taken(schema, name, value):
    assert name in schema.check({"needed": "x", name: value})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("fats", 10, "no parameter 'fats'. Did you mean 'fast'"),
        ("fast", "10", "fast is a whole number; '10' is not"),
        ("fast", 10.0, "whole number"),
        ("fast", True, "whole number"),
        ("fast", 1, "fast is 2 to 200; 1 is not"),
        ("fast", 201, "2 to 200"),
        ("share", 1.01, "0 to 1"),
        ("share", math.nan, "share is nan, which JSON has not"),
        ("share", math.inf, "JSON has not"),
        ("share", None, "share is a number; None is not"),
        ("stop", "none", "a number or None"),
        ("mode", "fil", "'fill' or 'skip' or 3"),
        ("mode", None, "is not"),
        ("names", "a", "a list"),
        ("options", [], "a dict"),
        ("options", {"a": math.nan}, "JSON has not"),
        ("options", {1: 2}, "other keys than texts"),
        ("options", {"a": object()}, "a parameter is a number, text"),
        ("loud", 1, "True or False"),
        ("plain", "x", "whole number"),
        ("maybe", "x", "a whole number or None"),
        ("needed", "a\0b", "NUL"),
        ("needed", "\ud800", "half of a character"),
    ],
)
def test_what_does_not_fit_is_refused(schema, name, value, words):
    with pytest.raises(NotebookParameterError, match=words.replace(".", r"\.")) as caught:
        schema.check({"needed": "x", name: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["x\nimport os", "x = 1; y", "class", "fast ", "", "1x", "a.b", "fast\n", None, "True", "x" * 10_000 + "\n"]
)
def test_a_hostile_name_is_refused(schema, name):
    with pytest.raises(NotebookParameterError, match="cannot be the name of a parameter") as caught:
        schema.check({"needed": "x", name: 1})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_what_is_needed_must_be_given(schema):
    with pytest.raises(NotebookParameterError, match="needs needed, text; it was not given"):
        schema.check({"fast": 10})


def test_a_list_that_contains_itself_is_refused(schema):
    circle: list = []
    circle.append(circle)
    with pytest.raises(NotebookParameterError, match="50 deep"):
        schema.check({"needed": "x", "free": circle})


def test_defaults_that_can_be_known_are_known(schema):
    known = schema.with_defaults({"fast": 3})
    assert (known["fast"], known["plain"], known["names"]) == (3, 5, ["a"])
    assert "workspace" not in known


def test_nothing_in_the_cell_is_run(tmp_path):
    path = tmp_path / "it-ran"
    found = schema_of(f"x: int = open({str(path)!r}, 'w').close() or 3\ny: print('a') = __import__('os').abort()")
    assert not path.exists()
    assert found.parameters["x"].default is MISSING


@pytest.mark.parametrize("source", ["x = ", "%matplotlib inline", "x = 1\n  y = 2", "x = '''", "a" + "(" * 300])
def test_a_cell_that_is_no_plain_python_is_refused(source):
    with pytest.raises(ReportError, match=r"The cell tagged 'parameters' of work.ipynb is no plain Python"):
        schema_of(source)


def test_bounds_that_nothing_meets_are_refused():
    with pytest.raises(ReportError, match="x is to be 5 to 1, which nothing is"):
        schema_of("x: int = 3  # 5 to 1")


@pytest.mark.parametrize(
    ("comment", "bounds"),
    [
        ("-1.5 to 2e3", (-1.5, 2000.0)),
        ("1_000 to 2_000, bars", (1000.0, 2000.0)),
        ("2 to 5x", (None, None)),
        ("from 2 to 5", (None, None)),
        ("", (None, None)),
    ],
)
def test_bounds_stand_at_the_beginning_of_a_comment(comment, bounds):
    found = schema_of(f"x: float = 3  # {comment}").parameters["x"]
    assert (found.low, found.high) == bounds


def test_without_a_tagged_cell_nothing_is_taken():
    untagged = schema_of("x = 1", tagged=False)
    assert untagged.check({}) == {}
    with pytest.raises(NotebookParameterError, match="no cell tagged 'parameters'"):
        untagged.check({"x": 1})


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5).filter(str.isprintable), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES)
def test_what_papermill_writes_into_the_notebook_is_the_value_and_no_code(value):
    plain = plain_value(value)
    [statement] = ast.parse(PythonTranslator.codify({"x": plain})).body
    assert isinstance(statement, ast.Assign)
    assert ast.literal_eval(statement.value) == plain
