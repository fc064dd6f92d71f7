"""Files of strategies, and their text."""

import linecache
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest

STRATEGY = """\
from research_kit import Param, Signals, Strategy
{imports}

class {name}(Strategy):
    '''Long above a level.'''
    level: float = Param({level})

    def signals(self, bars):
        return Signals.target(bars.close > {expression})
"""


def strategy_text(name: str, level: float = 1.0, imports: str = "", expression: str = "self.level") -> str:
    return STRATEGY.format(name=name, level=level, imports=imports, expression=expression)


@pytest.fixture
def text_of() -> Callable[..., str]:
    """Return the writer of a strategy: ``text_of("Name", level=1.0, imports="", expression="self.level")``."""
    return strategy_text


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return the writer of a file under ``tmp_path``: ``write("strategies/a.py", text)``."""

    def write_file(name: str, text: str) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
        return file

    return write_file


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put ``tmp_path`` on the import path, and forget what was imported from it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


class Cells:
    """A notebook's module: runs cells whose text ``linecache`` knows, as IPython does."""

    numbers = count()

    def __init__(self, name):
        self.module = ModuleType(name)

    def run(self, text):
        filename = f"<cell {next(self.numbers)}>"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        exec(compile(text, filename, "exec", dont_inherit=True), vars(self.module))

    def __getitem__(self, name):
        return vars(self.module)[name]


@pytest.fixture
def cells(monkeypatch, tmp_path):
    """Return a notebook that was opened in ``tmp_path``."""
    monkeypatch.chdir(tmp_path)
    notebook = Cells("a_notebook")
    monkeypatch.setitem(sys.modules, "a_notebook", notebook.module)
    return notebook
