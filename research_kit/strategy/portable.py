"""A notebook's strategy as a module of its own, so that another process can run it."""

from __future__ import annotations

import ast
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from symtable import SymbolTable, symtable
from types import ModuleType
from typing import Any

import numpy as np

from research_kit.errors import StrategyError, listed
from research_kit.strategy.base import Strategy
from research_kit.strategy.source import CELL, source_parts

_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_PLAIN = (int, float, str, bool, bytes, type(None))


def portable_source(strategy: type[Strategy]) -> str:
    """Return the text of a module that defines a class of a notebook (or of a script), with all that it uses.

    Taken are the class, the functions, classes and imports that it needs, and other names where they are modules,
    things of installed packages, or plain values; what its cell does besides stays in the notebook.

    Raises
    ------
    StrategyError
        It uses a value that cannot be written down, such as a table that another cell loaded.
    """
    parts = source_parts(strategy)
    local = [title for title, _ in parts if title not in (CELL, "__main__")]
    if local:
        raise StrategyError(
            f"{strategy.__name__} uses {listed(local)} of the notebook's folder, which another process may not import. "
            "Write the strategy into the workspace's strategies folder, with what it uses beside it."
        )
    texts = {node: text for _, text in reversed(parts) for node in ast.parse(text).body}
    nodes = [node for node in texts if isinstance(node, _DEFINITIONS)]
    future = [node for node in nodes if _is_future(node)]
    given = {name: node for node in nodes if node not in future for name in _names_given_by(node)}
    needed, missing = _needed(strategy.__name__, given)
    space = vars(sys.modules[strategy.__module__])
    lines = [_assignment(name, space[name], strategy) for name in sorted(missing) if name in space]
    kept = [node for node in nodes if node in needed]  # in their order: what a class uses comes before it
    imports = [node for node in kept if isinstance(node, ast.Import | ast.ImportFrom)]
    bodies = [_written(node, texts[node]) for node in kept if node not in imports]
    head = "\n".join([*map(ast.unparse, future), *lines, *map(ast.unparse, imports)])
    return "\n\n\n".join([part for part in (head, *bodies) if part]) + "\n"


def _written(node: ast.stmt, text: str) -> str:
    """Return a function or class as it stands in its cell, comments too; where it shares a line, without them."""
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
    lines = "\n".join(text.split("\n")[first - 1 : node.end_lineno])
    asked = ast.unparse(node)
    with suppress(SyntaxError):
        if ast.unparse(ast.parse(lines)) == asked:
            return lines
    return asked


def _needed(name: str, given: Mapping[str, ast.stmt]) -> tuple[list[ast.stmt], set[str]]:
    """Return the definitions that one needs, itself too, and the names that none of them gives."""
    waiting, needed, missing = [name], list[ast.stmt](), set[str]()
    while waiting:
        node = given.get(wanted := waiting.pop())
        if node is None:
            missing.add(wanted)
        elif node not in needed:
            needed.append(node)
            waiting += _globals_of(symtable(ast.unparse(node), "<cell>", "exec"))
    return needed, missing


def _globals_of(scope: SymbolTable) -> Iterator[str]:
    """Yield the names that a definition takes from its notebook, not those of arguments and variables of its own."""
    inside = scope.get_type() == "function"
    yield from (
        name.get_name() for name in scope.get_symbols() if name.is_global() or (not inside and name.is_referenced())
    )
    for inner in scope.get_children():
        yield from _globals_of(inner)


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _names_given_by(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name


def _assignment(name: str, value: Any, strategy: type[Strategy]) -> str:
    """Return the line that gives a name the value that it has in the notebook."""
    if isinstance(value, ModuleType):
        return f"import {value.__name__}" + ("" if value.__name__ == name else f" as {name}")
    module, inner = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(module, str) and isinstance(inner, str) and "." not in inner and module != strategy.__module__:
        return f"from {module} import {inner}" + ("" if inner == name else f" as {name}")
    if _is_plain(value):
        return f"{name} = {value!r}"
    raise StrategyError(
        f"{strategy.__name__} uses {name!r}, a {type(value).__name__} of another cell, which no other process has. "
        "Make it a parameter, compute it in the class, or write the strategy into the workspace's strategies folder."
    )


def _is_plain(value: Any) -> bool:
    if isinstance(value, np.generic):
        return False
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return isinstance(value, _PLAIN) and not (isinstance(value, float) and not math.isfinite(value))
