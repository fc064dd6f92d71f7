"""Which files a strategy's module is made of: its own, and those of the local modules that it imports."""

from __future__ import annotations

import ast
import sys
import sysconfig
import tokenize
from collections.abc import Iterator, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import resolve_name
from pathlib import Path

_PACKAGE_FOLDER = Path(__file__).resolve().parents[1]
_STDLIB = Path(sysconfig.get_path("stdlib")).resolve()


def local_files(name: str) -> dict[str, Path]:
    """Return the files of a loaded module and of the local modules that it imports, by module name; itself first."""
    spec = _spec(name)
    file = Path(spec.origin).resolve() if spec and spec.origin else None
    if file is None:
        return {}
    return {name: file} | imports_of({name: file}, roots_of(name, file))


def read_text(file: Path) -> str:
    """Return the text of a Python file with plain newlines, in the encoding that the file declares."""
    with tokenize.open(file) as stream:
        return stream.read()


def imports_of(start: Mapping[str, Path], roots: list[Path]) -> dict[str, Path]:
    """Return the local modules that some modules import, and those that these import, and so on."""
    waiting, found = list(start.items()), dict(start)
    while waiting:
        name, file = waiting.pop()
        for imported in imported_names(_parsed(file), _package_of(name)):
            path = local_path(imported, roots)
            if path is not None and path not in found.values():
                found[imported] = path
                waiting.append((imported, path))
    return {name: path for name, path in found.items() if name not in start}


def imported_names(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield the full names of the modules that a text imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                pieces = alias.name.split(".")
                yield from (".".join(pieces[:count]) for count in range(1, len(pieces) + 1))
        elif isinstance(node, ast.ImportFrom):
            yield from _from_names(node, package)


def _from_names(node: ast.ImportFrom, package: str) -> Iterator[str]:
    """Yield the submodules that ``from … import …`` names, and the module itself where it names something else."""
    try:
        base = resolve_name("." * node.level + (node.module or ""), package)
    except ImportError:  # a relative import outside a package fails when it runs
        return
    for alias in node.names:
        submodule = f"{base}.{alias.name}"
        yield submodule if _spec(submodule) is not None else base


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(read_text(file))
    except SyntaxError:  # edited into something that cannot run, and so imports nothing
        return ast.Module([], [])


def _package_of(name: str) -> str:
    spec = _spec(name)
    return (spec.parent or "") if spec else ""


def _spec(name: str) -> ModuleSpec | None:
    """Return where a module is or would be imported from, without importing it."""
    known: ModuleSpec | None = getattr(sys.modules.get(name), "__spec__", None)
    if known is not None:
        return known
    parent = name.rpartition(".")[0]
    if not parent:
        return PathFinder.find_spec(name)
    above = _spec(parent)
    if above is None or above.submodule_search_locations is None:
        return None
    return PathFinder.find_spec(name, list(above.submodule_search_locations))


def roots_of(name: str, file: Path) -> list[Path]:
    """Return the folders whose modules are local to a file: its own, and its top-level package's."""
    if _is_foreign(file):
        return []
    top = _spec(name.partition(".")[0])
    package = top.submodule_search_locations if top and top.submodule_search_locations else []
    return [file.parent, *(Path(folder).resolve() for folder in package)]


def local_path(name: str, roots: list[Path]) -> Path | None:
    """Return the file of a module where it lies in one of the folders, else None."""
    spec = _spec(name)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    file = Path(spec.origin).resolve()
    return file if any(file.is_relative_to(root) for root in roots) and not _is_foreign(file) else None


def _is_foreign(file: Path) -> bool:
    """Return whether a file is identified by a version: of Python, of an installed package, or of research_kit."""
    installed = {"site-packages", "dist-packages"} & set(file.parts)
    return bool(installed) or file.is_relative_to(_STDLIB) or file.is_relative_to(_PACKAGE_FOLDER)
