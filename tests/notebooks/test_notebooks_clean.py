"""Notebooks are kept as they are taught: without outputs, short, and ready for papermill."""

import ast
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path for path in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
MOST_CODE_CELLS = 14
LONGEST_FUNCTION = 5


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: str(path.relative_to(FOLDER)))
def notebook(request):
    return nbformat.read(request.param, as_version=nbformat.NO_CONVERT)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert FOLDER / "01_first_backtest.ipynb" in NOTEBOOKS


def test_it_is_a_valid_notebook_of_the_current_format(notebook):
    nbformat.validate(notebook)
    assert notebook.nbformat == 4
    assert notebook.nbformat_minor >= 5


def test_it_has_no_outputs_and_was_never_run(notebook):
    for cell in code_cells(notebook):
        assert cell.outputs == [], cell.source
        assert cell.execution_count is None, cell.source


def test_it_keeps_no_state_of_widgets_or_of_a_run(notebook):
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert set(notebook.metadata.language_info) == {"name"}  # a version of Python would change with who saves it
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags", "jupyter"}, cell.source


def test_its_kernel_is_python3(notebook):
    assert notebook.metadata.kernelspec.name == "python3"


def test_one_cell_has_the_parameters(notebook):
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert tagged[0].cell_type == "code"
    assert "workspace" in tagged[0].source


def test_it_is_short_and_begins_with_words(notebook):
    assert 1 <= len(code_cells(notebook)) <= MOST_CODE_CELLS
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    assert all(cell.source.strip() for cell in notebook.cells)


def test_its_functions_are_short_because_longer_ones_belong_in_the_package(notebook):
    trees = [ast.parse(cell.source) for cell in code_cells(notebook)]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        body = [node for node in function.body if not isinstance(getattr(node, "value", None), ast.Constant)]
        assert body[-1].end_lineno - body[0].lineno < LONGEST_FUNCTION, function.name
