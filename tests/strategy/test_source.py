"""The source of a strategy: whole, the same on each machine, and of the code that runs."""

import hashlib
import importlib
import linecache
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import research_kit
from research_kit.errors import StrategyError
from research_kit.strategy.library import BUILT_INS
from research_kit.strategy.source import strategy_source


@pytest.fixture
def import_strategy(on_path, write):
    """Return an importer: writes modules by name, imports the first, and returns its class ``Mine``."""

    def importer(files):
        for name, text in files.items():
            write(f"{name.replace('.', '/')}.py", text)
        importlib.invalidate_caches()
        return importlib.import_module(next(iter(files))).Mine

    return importer


@pytest.mark.parametrize("name", BUILT_INS)
def test_a_built_in_is_its_file(name):
    kind = BUILT_INS[name]
    source = strategy_source(kind)
    assert (source.origin, source.class_name) == ("builtin", kind.__name__)
    assert source.module_path == f"research_kit.strategy.library.{name}"
    assert source.text == Path(sys.modules[kind.__module__].__file__).read_text(encoding="utf-8")
    assert source.sha256 == hashlib.sha256(source.text.encode()).hexdigest()


def test_a_module_without_local_imports_is_its_text_alone(import_strategy, text_of):
    text = text_of("Mine", imports="import json, numpy as np\nfrom os import path\nimport research_kit.bars.frame")
    source = strategy_source(import_strategy({"lonely": text}))
    assert (source.text, source.origin, source.module_path, source.class_name) == (text, "module", "lonely", "Mine")


def test_line_endings_do_not_count(import_strategy, text_of):
    unix = strategy_source(import_strategy({"unix": text_of("Mine")}))
    windows = strategy_source(import_strategy({"windows": text_of("Mine").replace("\n", "\r\n")}))
    assert windows.text == unix.text
    assert windows.sha256 == unix.sha256


def test_an_encoding_is_read_as_declared(on_path, text_of):
    text = "# -*- coding: latin-1 -*-\n# é\n" + text_of("Mine")
    (on_path / "latin.py").write_bytes(text.encode("latin-1"))
    assert strategy_source(importlib.import_module("latin").Mine).text == text


def test_local_modules_follow_in_the_order_of_their_names(import_strategy, text_of):
    mine = text_of("Mine", imports="import zeta\nfrom alpha import one\n")
    files = {"mine": mine, "zeta": "import middle\n", "alpha": "one = 1\n", "middle": "import mine\n", "unused": "\n"}
    text = strategy_source(import_strategy(files)).text
    assert text == "\n".join(f"# ---- {name} ----\n{files[name]}" for name in ("mine", "alpha", "middle", "zeta"))


def test_modules_of_the_same_package_are_local(import_strategy, text_of):
    mine = text_of("Mine", imports="from pack.tools import deep\nfrom .near import something\nfrom .. import tools")
    kind = import_strategy(
        {
            "pack.sub.mine": mine,
            "pack.__init__": "# top\n",
            "pack.sub.__init__": "# sub\n",
            "pack.sub.near": "something = 2\n",
            "pack.tools.__init__": "# tools\n",
            "pack.tools.deep": "value = 3\n",
            "pack.tools.other": "value = 4\n",
        }
    )
    text = strategy_source(kind).text
    headers = [line for line in text.splitlines() if line.startswith("# ----")]
    names = ["pack.sub.mine", "pack.sub.near", "pack.tools", "pack.tools.deep"]
    assert headers == [f"# ---- {name} ----" for name in names]


def test_an_import_inside_a_function_counts_before_it_ran(import_strategy, text_of):
    mine = text_of("Mine") + "        import later.inner\n"
    kind = import_strategy({"mine": mine, "later.__init__": "# later\n", "later.inner": "# inner\n"})
    assert "later.inner" not in sys.modules
    assert strategy_source(kind).text.endswith("# ---- later ----\n# later\n\n# ---- later.inner ----\n# inner\n")
    assert "later.inner" not in sys.modules


def test_installed_packages_are_not_local(on_path, write, monkeypatch, text_of):
    write("site-packages/vendor/__init__.py", "")
    write("site-packages/vendor/mine.py", text_of("Mine", imports="from vendor import part"))
    write("site-packages/vendor/part.py", "x = 1\n")
    monkeypatch.syspath_prepend(on_path / "site-packages")
    text = strategy_source(importlib.import_module("vendor.mine").Mine).text
    assert text == text_of("Mine", imports="from vendor import part")


def test_an_environment_inside_the_project_is_not_local(on_path, write, monkeypatch, text_of):
    write("env/lib/site-packages/vendor.py", "x = 1\n")
    write("mine.py", text_of("Mine", imports="import vendor"))
    monkeypatch.syspath_prepend(on_path / "env/lib/site-packages")
    assert strategy_source(importlib.import_module("mine").Mine).text == text_of("Mine", imports="import vendor")


def test_a_notebook_in_the_repository_does_not_bring_the_package(cells, text_of, monkeypatch):
    monkeypatch.chdir(Path(research_kit.__file__).parents[1])
    cell = text_of("Mine", imports="from research_kit.strategy import indicators", expression="indicators.sma")
    cells.run(cell)
    assert strategy_source(cells["Mine"]).text == cell


def test_a_change_in_a_helper_changes_the_hash(import_strategy, text_of, write):
    kind = import_strategy({"mine": text_of("Mine", imports="import helper"), "helper": "x = 1\n"})
    before = strategy_source(kind)
    assert strategy_source(kind) == before
    write("helper.py", "x = 2\n")
    assert strategy_source(kind).sha256 != before.sha256
    write("helper.py", "x = = 2\n")
    assert strategy_source(kind).text.endswith("x = = 2\n")


def test_a_file_that_was_edited_after_the_import_is_refused(import_strategy, text_of, write):
    kind = import_strategy({"mine": text_of("Mine")})
    for edited in (text_of("Mine", expression="2 * self.level"), text_of("Mine") + "    def (", "\n" * 30):
        write("mine.py", edited)
        with pytest.raises(
            StrategyError, match=r"mine\.py was edited after Mine was imported from it; import it again"
        ):
            strategy_source(kind)
    write("mine.py", "# a comment above moves no code\n" + text_of("Mine"))
    assert strategy_source(kind).text.startswith("# a comment")


def test_a_file_that_is_gone_is_said_to_be(import_strategy, text_of, on_path):
    kind = import_strategy({"mine": text_of("Mine")})
    (on_path / "mine.py").unlink()
    linecache.checkcache()
    with pytest.raises(StrategyError, match=r"The source of Mine cannot be found: .* its file is gone"):
        strategy_source(kind)


def test_a_cell_is_its_whole_text(cells, text_of):
    cell = "# first\n" + text_of("Mine") + "\nprint_me = 3\n"
    cells.run("unrelated = 1\n")
    cells.run(cell)
    source = strategy_source(cells["Mine"])
    assert (source.text, source.origin, source.class_name) == (cell, "notebook", "Mine")


def test_a_cell_brings_the_cells_and_files_it_uses(cells, text_of, write, on_path):
    write("desk.py", "import desk_base\ndef desk(x):\n    return x\n")
    write("desk_base.py", "BASE = 1\n")
    helper = "def slope(x):\n    return inner(x)\n"
    inner = "from numba import njit\n@njit\ndef inner(x):\n    return Thing and x\n"
    thing = "class Thing:\n    '''No function of its own.'''\n"
    mine = text_of("Mine", expression="slope(self.level) + desk.desk(1)")
    for cell in ("import numpy, desk\n", thing, inner, helper, "def unused():\n    return 1\n", mine):
        cells.run(cell)
    text = strategy_source(cells["Mine"]).text
    parts = [("notebook cell", mine), ("notebook cell", helper), ("notebook cell", inner), ("notebook cell", thing)]
    parts += [("desk", "import desk_base\ndef desk(x):\n    return x\n"), ("desk_base", "BASE = 1\n")]
    assert text == "\n".join(f"# ---- {title} ----\n{part}" for title, part in parts)


def test_a_cell_that_only_changes_a_default(cells, text_of):
    cells.run(text_of("Base"))
    cells.run("class Mine(Base):\n    level: float = 3.0\n")
    cells.run("class Mine(Base):\n    level: float = 4.0\n")
    text = strategy_source(cells["Mine"]).text
    newest = "# ---- notebook cell ----\nclass Mine(Base):\n    level: float = 4.0\n\n"
    assert text == newest + "# ---- notebook cell ----\n" + text_of("Base")


def test_a_class_without_source_is_refused(monkeypatch, text_of):
    module = ModuleType("prompt")
    monkeypatch.setitem(sys.modules, "prompt", module)
    exec(text_of("Mine"), vars(module))
    with pytest.raises(StrategyError, match=r"The source of Mine cannot be found: .* write it in a notebook cell or"):
        strategy_source(module.Mine)


def test_a_cell_of_ipython(tmp_path, text_of):
    cell = "%config Completer.use_jedi = False\n" + text_of("Mine", expression="level(self)")
    code = (
        "from IPython.core.interactiveshell import InteractiveShell as Shell\n"
        "from research_kit.strategy.source import strategy_source\n"
        "shell = Shell()\n"
        f"shell.run_cell({'def level(x): return x.level'!r}).raise_error()\n"
        f"shell.run_cell({cell!r}).raise_error()\n"
        "source = strategy_source(shell.user_ns['Mine'])\n"
        "assert source.origin == 'notebook' and source.module_path == '__main__', source\n"
        "assert 'def level(x): return x.level' in source.text and 'class Mine(Strategy)' in source.text, source\n"
    )
    environment = {"IPYTHONDIR": str(tmp_path), "PATH": "", "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)


def test_a_script_is_its_file(write, text_of):
    script = write(
        "script.py",
        text_of("Mine", imports="from research_kit.strategy.source import strategy_source")
        + "\nsource = strategy_source(Mine)\n"
        "assert (source.origin, source.module_path) == ('module', '__main__'), source\n"
        "assert source.text == open(__file__).read()\n",
    )
    subprocess.run([sys.executable, str(script)], check=True)
