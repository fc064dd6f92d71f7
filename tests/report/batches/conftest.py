"""Small notebooks, a workspace to run them in, and a look at what processes are left."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from notebook_files import write_notebook

import research_kit as rk

DAY = 86_400_000_000_000


@pytest.fixture
def notebook(tmp_path) -> Callable[..., Path]:
    """Return the writer of notebooks: ``notebook("print(1)", parameters="x: int = 1", name="work")``."""

    def write(*cells: str, parameters: str = "", name: str = "work") -> Path:
        return write_notebook(tmp_path / "books" / f"{name}.ipynb", *cells, parameters=parameters)

    return write


@pytest.fixture
def ws(tmp_path) -> Iterator[rk.Workspace]:
    """Return an empty workspace."""
    with rk.open_workspace(tmp_path / "ws") as opened:
        yield opened


@pytest.fixture(scope="module")
def market(tmp_path_factory, make_bars) -> Iterator[rk.Workspace]:
    """Return a workspace with two datasets."""
    with rk.open_workspace(tmp_path_factory.mktemp("market") / "ws") as opened:
        opened.import_dataset(make_bars(400, step_ns=DAY).frame, name="walk", symbol="WALK")
        opened.import_dataset(make_bars(400, seed=8, step_ns=DAY).frame, name="other", symbol="OTHER")
        yield opened
