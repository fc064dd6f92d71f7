"""A notebook's class written down as a module: another process makes the same strategy of it."""

import subprocess
import sys

import numpy as np
import pytest

import research_kit as rk
from research_kit.errors import StrategyError
from research_kit.strategy.portable import portable_source
from research_kit.strategy.submitted import load_submitted, submitted_file

IMPORTS = "import numpy as np\nimport research_kit as rk\nfrom math import sqrt as root\n"
CLASS = '''
class Mine(rk.Strategy):
    """Long above its average."""
    length: int = rk.Param(5, ge=2)

    def signals(self, bars):
        return rk.Signals.target(bars.close > {above})
'''


@pytest.fixture
def loaded(tmp_path):
    """Return a function that writes a class of cells down and loads it as another process would."""

    def load(kind):
        text = portable_source(kind)
        digest, file = submitted_file(tmp_path, text)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return load_submitted(tmp_path, digest, kind.__name__)

    return load


@pytest.mark.parametrize(
    ("other", "above"),
    [
        ("", "rk.indicators.sma(bars.close, self.length)"),
        ("", "np.mean(bars.close)"),
        ("", "root(bars.close[0] ** 2)"),
        ("LEVEL, NAMES = 100.5, {'a': [1, None]}", "LEVEL + len(NAMES) * 0"),
        ("def half(x):\n    return x / FACTOR\nFACTOR = 1.0", "half(bars.close[0])"),
        ("class Base:\n    level = 100.0", "Base.level"),
    ],
)
def test_another_process_makes_the_same_signals(other, above, cells, loaded, make_bars):
    cells.run(IMPORTS)
    cells.run(other)
    cells.run(f"first = 1\n{CLASS.format(above=above)}\nprint('this is not run again')")
    kind, bars = cells["Mine"], make_bars(50)
    assert loaded(kind)(length=7).signals(bars).exposure.tolist() == kind(length=7).signals(bars).exposure.tolist()


def test_what_a_cell_does_besides_is_left_in_the_notebook(cells):
    cells.run(IMPORTS)
    cells.run(f"calls = []\n{CLASS.format(above='0.0')}\ncalls.append(Mine())")
    assert "calls" not in portable_source(cells["Mine"])


def test_a_script_is_like_a_cell(tmp_path, make_bars):
    """What the script does under its class, and needs for nothing in it, stays where it is."""
    script = f"""{IMPORTS}
import sys
{CLASS.format(above="99.0")}
def main(folder):
    with rk.open_workspace(folder) as desk:
        print(desk.submit(Mine, "walk").result(120).metrics["total_trades"])

ws = object()
main(sys.argv[1])
"""
    with rk.open_workspace(tmp_path / "desk") as desk:
        desk.import_dataset(make_bars(300).frame, name="walk", symbol="WALK")
        (tmp_path / "script.py").write_text(script, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, tmp_path / "script.py", desk.folder], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert float(done.stdout) == desk.run(rk.strategies.BuyAndHold, "walk").metrics["total_trades"]


def test_what_cannot_be_written_down_is_named(cells):
    cells.run(f"{IMPORTS}table = np.arange(5.0)")
    cells.run(CLASS.format(above="table.mean()"))
    with pytest.raises(StrategyError, match="Mine uses 'table', a ndarray of another cell, which no other process has"):
        portable_source(cells["Mine"])


def test_an_argument_is_no_value_of_the_notebook(cells, loaded, make_bars):
    """A notebook has its own `bars`, of course; the method's are others."""
    cells.run(IMPORTS)
    cells.run("bars, other = object(), object()")
    cells.run(CLASS.format(above="max(other for other in bars.close[:1])"))
    kind, bars = cells["Mine"], make_bars(50)
    assert loaded(kind)().signals(bars).exposure.tolist() == kind().signals(bars).exposure.tolist()


def test_a_default_of_the_same_name_is_taken_from_the_notebook(cells, loaded):
    cells.run(IMPORTS)
    cells.run("length = 7")
    cells.run(CLASS.format(above="0.0").replace("rk.Param(5,", "rk.Param(length,"))
    assert loaded(cells["Mine"])().length == 7


def test_a_module_of_the_notebooks_folder_is_refused(cells, tmp_path):
    (tmp_path / "helpers.py").write_text("LEVEL = 1.0\n", encoding="utf-8")
    cells.run(IMPORTS)
    cells.run("import sys; sys.path.insert(0, '.')\nimport helpers")
    cells.run(f"import helpers\n{CLASS.format(above='helpers.LEVEL')}")
    with pytest.raises(StrategyError, match="Mine uses helpers of the notebook's folder"):
        portable_source(cells["Mine"])


def test_a_file_that_was_changed_is_not_run(cells, loaded, tmp_path):
    cells.run(IMPORTS)
    cells.run(CLASS.format(above="99.0"))
    text = portable_source(cells["Mine"])
    digest, file = submitted_file(tmp_path, text)
    with pytest.raises(StrategyError, match="which is not in"):
        load_submitted(tmp_path, digest, "Mine")
    file.parent.mkdir()
    file.write_text(text + "raise SystemExit\n", encoding="utf-8")
    with pytest.raises(StrategyError, match="was changed after it was submitted"):
        load_submitted(tmp_path, digest, "Mine")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StrategyError, match="does not define the strategy Other"):
        load_submitted(tmp_path, digest, "Other")


def test_a_job_of_a_notebooks_class_is_recorded_under_the_source_of_its_cells(cells, tmp_path, make_bars):
    cells.run(IMPORTS)
    cells.run(CLASS.format(above="np.median(bars.close)"))
    with rk.open_workspace(tmp_path / "desk") as ws:
        ws.import_dataset(make_bars(300).frame, name="walk", symbol="WALK")
        there = ws.submit(cells["Mine"], "walk").result(120)
        here = ws.run(cells["Mine"], "walk")
        assert there.spec["spec_hash"] == here.spec["spec_hash"]
        assert np.array_equal(there.equity, here.equity)
        assert len(ws.trials("walk")) == 1
