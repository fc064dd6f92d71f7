"""A strategy made again from the text that was stored of it, beside whatever its file says today."""

from __future__ import annotations

import ast
import builtins
import hashlib
import importlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from research_kit.errors import StrategyError
from research_kit.strategy.base import Strategy
from research_kit.strategy.source import CELL, StrategySource

NOTEBOOK = "notebook"  # the module that the cells of a notebook become
_PREFIX = "_research_kit_stored_"
_MARK = re.compile(rf"^# ---- ({CELL}|[\w.]+) ----\n", re.MULTILINE)
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_numbers = count(1)


@contextmanager
def stored_strategy(source: StrategySource) -> Iterator[type[Strategy]]:
    """Yield the class that a stored source defines; what was loaded for it is forgotten at the end.

    **Its code is run**: whoever calls this has decided that it is trusted. Its modules import each other as they did,
    from the stored text and not from today's files. Of a notebook's cells (and of a script) only imports, functions,
    classes and plain values are run, not what they do besides.

    Raises
    ------
    StrategyError
        The text is not that of its hash, cannot be run, or does not define the class.
    """
    if hashlib.sha256(source.text.encode()).hexdigest() != source.sha256:
        raise StrategyError(f"The stored source of {source.class_name} was edited: it does not have its sha256.")
    main, modules = stored_modules(source)
    package = f"{_PREFIX}{source.sha256[:12]}_{next(_numbers)}"
    with TemporaryDirectory(prefix="rk-source-") as folder:
        finder = _Finder(package, Path(folder), modules)
        sys.meta_path.insert(0, finder)
        try:
            yield _class_in(finder, main, source.class_name)
        finally:
            sys.meta_path.remove(finder)
            for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
                del sys.modules[name]


def source_texts(source: StrategySource) -> list[tuple[str, str]]:
    r"""Return the parts that a stored source is made of, its own first, each with its title as it was joined.

    Examples
    --------
    >>> text = "# ---- rule ----\nimport helpers\n\n# ---- helpers ----\nLENGTH = 3\n"
    >>> source_texts(StrategySource(text, "", "module", "rule", "Rule"))
    [('rule', 'import helpers\n'), ('helpers', 'LENGTH = 3\n')]
    """
    marks = list(_MARK.finditer(source.text))
    if not marks or marks[0].start() != 0:
        title = CELL if source.origin == "notebook" else source.module_path
        return [(title.partition(".")[2] or title if source.origin == "workspace" else title, source.text)]
    ends = [mark.start() - 1 for mark in marks[1:]] + [len(source.text)]
    return [(mark.group(1), source.text[mark.end() : end]) for mark, end in zip(marks, ends, strict=True)]


def stored_modules(source: StrategySource) -> tuple[str, dict[str, str]]:
    """Return the name of the module that defines a stored class, and the text of each module by name."""
    parts = source_texts(source)
    cells = [text for title, text in parts if title == CELL]
    modules = {title: text for title, text in parts if title != CELL}
    if cells:
        return NOTEBOOK, modules | {NOTEBOOK: _definitions(cells)}
    main = parts[0][0]
    if main == "__main__":
        modules[NOTEBOOK] = _definitions([modules.pop(main)])
        return NOTEBOOK, modules
    return main, modules


def _definitions(cells: Sequence[str]) -> str:
    """Return what cells define, in an order in which it can be run: what a class uses comes before it."""
    try:
        nodes = [node for cell in reversed(cells) for node in ast.parse(cell).body if _is_definition(node)]
    except SyntaxError as error:
        raise StrategyError(f"The stored cells are not Python alone: {error.msg} (line {error.lineno}).") from None
    nodes.sort(key=lambda node: not (isinstance(node, ast.ImportFrom) and node.module == "__future__"))
    return "\n".join([*map(ast.unparse, nodes), ""])


def _is_definition(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        try:
            ast.literal_eval(node.value)
        except ValueError:
            return False
        return True
    return isinstance(node, _DEFINITIONS)


def _class_in(finder: _Finder, main: str, class_name: str) -> type[Strategy]:
    try:
        found: Any = importlib.import_module(f"{finder.package}.{main}")
    except (Exception, SystemExit) as error:
        raise StrategyError(
            f"The stored source of {class_name} cannot be loaded: {type(error).__name__}: {error}."
        ) from error
    for name in class_name.split("."):
        found = getattr(found, name, None)
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise StrategyError(f"The stored source does not define the strategy {class_name}.")
    return found


class _Finder(MetaPathFinder):
    """Finds the modules of one stored source, under a private package of their own."""

    def __init__(self, package: str, folder: Path, modules: Mapping[str, str]) -> None:
        self.package, self.folder = package, folder
        parents = {name.rsplit(".", depth)[0] for name in modules for depth in range(1, name.count(".") + 1)}
        self.names = {*modules, *parents}
        self._texts = dict.fromkeys(parents, "") | dict(modules)
        self._packages = parents

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == self.package:
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = []
            return spec
        name = fullname.removeprefix(f"{self.package}.")
        if name == fullname or name not in self.names:
            return None
        is_package = name in self._packages
        file = self.folder.joinpath(*name.split("."), "__init__.py") if is_package else self._file(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self._texts[name], encoding="utf-8")
        where = [str(file.parent)] if is_package else None
        loader = _Loader(fullname, str(file), self)
        return spec_from_file_location(fullname, file, loader=loader, submodule_search_locations=where)

    def _file(self, name: str) -> Path:
        return self.folder.joinpath(*name.split(".")).with_suffix(".py")

    def bring(self, name: str, space: Any = None, local: Any = None, wanted: Any = (), level: int = 0) -> Any:
        """Import as the stored modules do: what is stored comes from there, all else from where it always does."""
        if level or name not in self.names:
            return builtins.__import__(name, space, local, wanted, level)
        module = importlib.import_module(f"{self.package}.{name}")
        if not wanted:
            return sys.modules[f"{self.package}.{name.partition('.')[0]}"]
        for inner in wanted:
            if f"{name}.{inner}" in self.names:
                importlib.import_module(f"{self.package}.{name}.{inner}")
        return module


class _Loader(SourceFileLoader):
    """Runs a stored module, whose imports look into its own source first; no bytecode is kept."""

    def __init__(self, fullname: str, path: str, finder: _Finder) -> None:
        super().__init__(fullname, path)
        self._finder = finder

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = vars(builtins) | {"__import__": self._finder.bring}
        super().exec_module(module)

    def set_data(self, path: Any, data: Any, *, _mode: int = 0o666) -> None:
        """Keep nothing: the folder is gone in a moment."""
