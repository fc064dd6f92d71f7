"""The source that identifies a strategy: its file or cell, and the local modules and cells that it uses."""

from __future__ import annotations

import ast
import hashlib
import linecache
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import unwrap
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Literal

from research_kit.errors import StrategyError
from research_kit.strategy.base import Strategy
from research_kit.strategy.local_modules import imported_names, imports_of, local_path, read_text, roots_of

WORKSPACE_PREFIX = "_research_kit_workspace_"  # private package of a workspace's strategies folder

CELL = "notebook cell"  # what a part of a source is called that is no module

_LIBRARY = "research_kit.strategy.library"

Origin = Literal["builtin", "workspace", "module", "notebook"]


@dataclass(frozen=True)
class StrategySource:
    """The text that defines a strategy, and where it is from.

    ``text`` has plain newlines, and ``sha256`` is the hexadecimal digest of its UTF-8 bytes;
    ``module_path:class_name`` names the class for ``Registry.resolve`` (a notebook's only in its own kernel).
    """

    text: str
    sha256: str
    origin: Origin
    module_path: str
    class_name: str


def strategy_source(strategy: type[Strategy]) -> StrategySource:
    """Return the source that identifies a strategy class.

    Of a class in a module: the text of the module's file, then of the local modules that it imports, by name. Local
    is what lies in the folder of the file or in its top-level package; the standard library, installed packages and
    research_kit itself are left out: versions identify them. Of a class in a notebook: its cell, then the cells of
    the functions and classes that it uses, and the local modules. Values that other cells assign are not part of it.

    Raises
    ------
    StrategyError
        There is no source (a class typed at a prompt), or the file was edited after it was imported.

    Examples
    --------
    >>> from research_kit.strategy.library import SmaCross
    >>> source = strategy_source(SmaCross)
    >>> source.origin, source.module_path, source.class_name
    ('builtin', 'research_kit.strategy.library.sma_cross', 'SmaCross')
    """
    name, file = strategy.__module__, _file_of(strategy)
    text = _joined(source_parts(strategy))
    return StrategySource(
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        origin=_origin(name, file),
        module_path=f"{file.parent.name}.{file.stem}" if file and name.startswith(WORKSPACE_PREFIX) else name,
        class_name=strategy.__qualname__,
    )


def source_parts(strategy: type[Strategy]) -> list[tuple[str, str]]:
    """Return the cells of a notebook's class, its own first, or the text of its module, then those of local modules.

    Each has its title: ``CELL``, or the name of the module.
    """
    name, file = strategy.__module__, _file_of(strategy)
    if file is None:
        return _cell_parts(strategy)
    text = read_text(file)
    _refuse_edited(strategy, file, text)
    return [(name, text), *_texts(imports_of({name: file}, roots_of(name, file)))]


def _origin(name: str, file: Path | None) -> Origin:
    if file is None:
        return "notebook"
    if name.startswith(WORKSPACE_PREFIX):
        return "workspace"
    return "builtin" if name == _LIBRARY or name.startswith(f"{_LIBRARY}.") else "module"


def _texts(files: Mapping[str, Path]) -> list[tuple[str, str]]:
    return [(name, read_text(file)) for name, file in sorted(files.items())]


def _joined(parts: list[tuple[str, str]]) -> str:
    if len(parts) == 1:
        return parts[0][1]
    return "\n".join(f"# ---- {_public(title)} ----\n{text}" for title, text in parts)


def _public(title: str) -> str:
    return title.partition(".")[2] if title.startswith(WORKSPACE_PREFIX) else title


def _file_of(strategy: type[Strategy]) -> Path | None:
    """Return the file that defines a class; None for one that was made in a notebook or at a prompt."""
    module_file = getattr(sys.modules.get(strategy.__module__), "__file__", None)
    given = next((code.co_filename for code in _codes_of(strategy)), module_file)
    return Path(given).resolve() if given and Path(given).is_file() and not _is_cell(given) else None


def _refuse_edited(strategy: type[Strategy], file: Path, text: str) -> None:
    """Refuse a file whose text no longer has the methods that are loaded: its hash would name code that never ran."""
    loaded = {_shape(code) for code in _codes_of(strategy) if Path(code.co_filename).resolve() == file}
    try:
        written = {_shape(code) for code in _nested(compile(text, str(file), "exec", dont_inherit=True))}
    except SyntaxError:
        written = set()
    if not loaded <= written:
        raise StrategyError(
            f"{file.name} was edited after {strategy.__name__} was imported from it; import it again "
            "(importlib.reload, or restart the kernel), so that what runs is what is recorded."
        )


def _codes_of(thing: Any) -> Iterator[CodeType]:
    """Yield the code of a function, or of each function in the body of a class."""
    for value in vars(thing).values() if isinstance(thing, type) else [thing]:
        inner = getattr(value, "fget", None) or getattr(value, "__func__", value)
        inner = unwrap(inner)  # also what numba compiled
        if isinstance(inner, FunctionType) and inner.__module__ == thing.__module__:
            yield inner.__code__


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _shape(code: CodeType) -> tuple[Any, ...]:
    constants = tuple(_shape(value) if isinstance(value, CodeType) else _text(value) for value in code.co_consts)
    return code.co_qualname, code.co_code, code.co_names, code.co_varnames, code.co_freevars, constants


def _text(constant: Any) -> str:
    return repr(sorted(map(repr, constant))) if isinstance(constant, frozenset) else repr(constant)


def _is_cell(filename: str) -> bool:
    return "ipykernel_" in filename or filename.startswith("<")


def _cell_parts(strategy: type[Strategy]) -> list[tuple[str, str]]:
    cells, modules = _used_cells(strategy)
    folder = [Path.cwd().resolve()]
    for cell in cells:
        modules |= set(imported_names(ast.parse(cell), ""))
    direct = {name: file for name in modules if (file := local_path(name, folder)) is not None}
    return [(CELL, cell) for cell in cells] + _texts(direct | imports_of(direct, folder))


def _used_cells(strategy: type[Strategy]) -> tuple[list[str], set[str]]:
    """Return the cells of a class and of what it uses, its own first, and the names of the modules that it uses."""
    waiting: list[Any] = [kind for kind in strategy.__mro__ if kind.__module__ == strategy.__module__]
    seen, cells, modules = list(waiting), dict[str, None](), set[str]()
    while waiting:
        thing = waiting.pop(0)
        cells.setdefault(_cell_of(thing))
        for value in _globals_used_by(thing):
            if isinstance(value, ModuleType):
                modules.add(value.__name__)
            elif getattr(value, "__module__", None) != strategy.__module__:
                modules.add(str(getattr(value, "__module__", "")))
            elif not any(value is known for known in seen):
                seen.append(value)
                waiting.append(value)
    return list(cells), modules


def _globals_used_by(thing: Any) -> Iterator[Any]:
    """Yield the functions, classes and modules that the code of a function or class names; of an object its class."""
    space = vars(sys.modules[thing.__module__])
    for code in _codes_of(thing):
        for part in _nested(code):
            for name in part.co_names:
                value = space.get(name)
                plain = isinstance(value, type | ModuleType) or hasattr(value, "__qualname__")
                yield value if plain else type(value)


def _cell_of(thing: Any) -> str:
    filename = next((code.co_filename for code in _codes_of(thing)), None)
    text = "".join(linecache.getlines(filename)) if filename else _newest_cell_with(thing.__name__)
    if not text:
        raise StrategyError(
            f"The source of {thing.__name__} cannot be found: it was typed at a prompt, made by exec, or its file is "
            "gone; write it in a notebook cell or in a file, such as strategies/my_strategy.py in the workspace."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _newest_cell_with(class_name: str) -> str:
    """Return the last cell that defines a class which has no function of its own to tell its cell."""
    for filename in reversed([name for name in linecache.cache if _is_cell(name)]):
        text = "".join(linecache.getlines(filename))
        if re.search(rf"^class\s+{class_name}\b", text, re.MULTILINE):
            return text
    return ""
