"""A notebook's class becomes a file of the workspace: found by its name, never over something else."""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import ModuleType

import numpy as np
import pytest

import research_kit as rk
from research_kit.errors import StrategyError

IMPORTS = "import numpy as np\nimport research_kit as rk\n"
CLASS = '''
LEVEL = {level}
class AboveLevel(rk.Strategy):
    """Long above a level."""

    times: float = rk.Param(1.0, gt=0)  # of the level

    def signals(self, bars):
        # what is wanted at each close
        return rk.Signals.target(bars.close > self.times * LEVEL)
'''


@pytest.fixture
def ws(tmp_path, make_bars):
    with rk.open_workspace(tmp_path / "desk") as desk:
        desk.import_dataset(make_bars(300).frame, name="walk", symbol="WALK")
        yield desk


@pytest.fixture
def above(ws, cells):
    """Return a function that defines the class in a cell, with this level (the middle of 'walk'), and returns it."""
    cells.run(IMPORTS)
    middle = float(np.median(ws.bars("walk").close))

    def defined(level=middle):
        cells.run(CLASS.format(level=level))
        return cells["AboveLevel"]

    return defined


def test_its_name_finds_it_and_it_trades_as_the_cell_does(ws, above):
    kind = above()
    file = ws.save_strategy(kind)
    assert file == ws.folder / "strategies" / "above_level.py"
    assert ws.strategies().set_index("name").loc["above_level", "origin"] == "workspace"
    by_name, by_class = ws.run("above_level", "walk", {"times": 1.0001}), ws.run(kind, "walk", {"times": 1.0001})
    assert by_name.metrics["total_trades"] > 0
    assert np.array_equal(by_name.equity, by_class.equity)


def test_the_file_reads_as_the_cell_does_and_has_what_the_class_needs(ws, above):
    text = ws.save_strategy(above(100.5)).read_text("utf-8")
    assert text.startswith("LEVEL = 100.5\nimport research_kit as rk\n\n\nclass AboveLevel(rk.Strategy):\n")
    assert "gt=0)  # of the level\n" in text
    assert "        # what is wanted at each close\n" in text
    assert "numpy" not in text


def test_other_processes_find_it(ws, above):
    ws.save_strategy(above())
    grid = {"times": [0.9999, 1.0, 1.0001]}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        far = ws.sweep("above_level", "walk", grid, executor=pool, progress=False)
    near = rk.run_sweep(ws.bars("walk"), above(), grid)
    assert (far.table["total_trades"] > 0).all()
    assert far.table["total_return_percent"].tolist() == near.table["total_return_percent"].tolist()


def test_the_same_text_is_saved_twice_and_another_only_when_asked(ws, above):
    first = ws.save_strategy(above(100.0))
    run = ws.run("above_level", "walk")
    assert ws.save_strategy(above(100.0)) == first
    with pytest.raises(StrategyError, match=r"strategies/above_level.py is there with another text. replace=True"):
        ws.save_strategy(above(99.0))
    assert "LEVEL = 100.0" in first.read_text("utf-8")
    ws.save_strategy(above(99.0), replace=True)
    assert "LEVEL = 99.0" in first.read_text("utf-8")
    changed = ws.run("above_level", "walk")
    assert changed.spec["strategy_sha256"] != run.spec["strategy_sha256"]
    verified = ws.load_run(run.id).verify()
    assert verified.is_verified
    assert "another source" in str(verified)


def test_a_name_that_is_taken_is_refused(ws, cells):
    cells.run(IMPORTS)
    cells.run(CLASS.format(level=1.0).replace("AboveLevel", "SmaCross"))
    with pytest.raises(StrategyError, match="There is a strategy 'sma_cross' already; rename the class"):
        ws.save_strategy(cells["SmaCross"])
    assert not list((ws.folder / "strategies").glob("*.py"))


def test_what_is_in_a_file_or_is_no_class_is_refused(ws, above):
    with pytest.raises(StrategyError, match="sma_cross is in a file already"):
        ws.save_strategy(rk.strategies.SmaCross)
    with pytest.raises(StrategyError, match="A strategy's class is saved, not 'above_level'"):
        ws.save_strategy("above_level")
    with pytest.raises(StrategyError, match="A strategy's class is saved"):
        ws.save_strategy(above()())


def test_what_no_process_could_load_leaves_the_folder_as_it_was(ws, cells, monkeypatch):
    """The class leans on a module that only this session has."""
    monkeypatch.setitem(sys.modules, "only_here", ModuleType("only_here"))
    cells.run(IMPORTS)
    cells.run("import only_here\n" + CLASS.format(level=1.0).replace("* LEVEL", "* LEVEL * bool(only_here)"))
    monkeypatch.delitem(sys.modules, "only_here")
    with pytest.raises(StrategyError, match=r"above_level.py cannot be loaded: line \d: ModuleNotFoundError"):
        ws.save_strategy(cells["AboveLevel"])
    assert not list((ws.folder / "strategies").glob("*.py"))


def test_what_no_process_could_load_leaves_the_file_that_was_there(ws, cells, above, monkeypatch):
    before = ws.save_strategy(above(100.0)).read_bytes()
    monkeypatch.setitem(sys.modules, "only_here", ModuleType("only_here"))
    cells.run("import only_here\n" + CLASS.format(level=1.0).replace("* LEVEL", "* LEVEL * bool(only_here)"))
    monkeypatch.delitem(sys.modules, "only_here")
    with pytest.raises(StrategyError, match="cannot be loaded"):
        ws.save_strategy(cells["AboveLevel"], replace=True)
    assert (ws.folder / "strategies" / "above_level.py").read_bytes() == before
