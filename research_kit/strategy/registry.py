"""How a strategy is found: by class, instance, registered name, or ``package.module:Class``."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

from research_kit.errors import NotFoundError, StrategyError, did_you_mean
from research_kit.strategy.base import Strategy, snake_case
from research_kit.strategy.folder import StrategyFolder

StrategyLike = str | type[Strategy] | Strategy

_LIBRARY = "research_kit.strategy.library"


class Registry:
    """The strategies that may be used: the built-in ones, a workspace's files, and modules that were named.

    **Strategies are trusted code**: loading one runs it, with all that the user may do. So nothing is imported
    because a text asks for it: only the built-in strategies, the files of ``folder``, and ``modules`` are.

    Parameters
    ----------
    folder
        The workspace's ``strategies/`` folder; each ``*.py`` in it may define strategies, those that begin with ``_``
        are helpers. Files are imported when they are needed, and again when they change.
    modules
        Names of importable modules or packages whose strategies may be used too.

    Examples
    --------
    >>> registry = Registry()
    >>> registry.resolve("sma_cross")(fast=5).fast
    5
    >>> registry.resolve("os:system")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    research_kit.errors.StrategyError: 'os:system' may not be loaded...
    """

    def __init__(self, folder: Path | None = None, modules: Sequence[str] = ()) -> None:
        self._folder = None if folder is None else StrategyFolder.at(Path(folder))
        self._modules = tuple(modules)

    def resolve(self, key: StrategyLike) -> type[Strategy] | Strategy:
        """Return the strategy that ``key`` names: an instance as it is, everything else as a class.

        Raises
        ------
        NotFoundError
            Nothing has this name.
        StrategyError
            The file that defines it cannot be loaded, two strategies have this name, or the module may not be loaded.
        """
        if isinstance(key, Strategy):
            return key
        if isinstance(key, type):
            return _checked(key)
        if not isinstance(key, str):
            raise StrategyError(f"A strategy is a class, an instance or a name; {key!r} is none of them.")
        return self._by_path(key) if ":" in key else self._by_name(key)

    def names(self) -> list[str]:
        """Return the names of all strategies, sorted; those that cannot be loaded too (see ``broken``)."""
        classes, broken = self._catalogue()
        return sorted({*classes, *broken})

    def classes(self) -> dict[str, type[Strategy]]:
        """Return the strategies that can be used, by name, sorted."""
        return self._catalogue()[0]

    def broken(self) -> dict[str, StrategyError]:
        """Return the strategies that cannot be used, by name, each with the error that says why."""
        return self._catalogue()[1]

    def check_loadable(self, path: str) -> None:
        """Raise ``StrategyError`` unless any process may load ``module:Class``, not only one that has it already."""
        if self._allowed_module(path.rpartition(":")[0]) is None:
            raise _not_trusted(path)

    def _by_name(self, name: str) -> type[Strategy]:
        classes, broken = self._catalogue()
        if name in broken:
            raise broken[name]
        if name not in classes:
            if self._folder is not None and name in self._folder.stems():
                self._folder.load(name)  # the name of a file that is broken: its error says more
            raise NotFoundError(f"There is no strategy {name!r}. {did_you_mean(name, {*classes, *broken})}")
        return classes[name]

    def _by_path(self, path: str) -> type[Strategy]:
        if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*", path):
            raise StrategyError(f"{path!r} does not name a strategy; write 'package.module:Class'.")
        module_name, class_name = path.split(":")
        module = self._allowed_module(module_name)
        found = getattr(module or sys.modules.get(module_name), "__dict__", {}).get(class_name)
        if _is_strategy(found) and (module or found.__module__ == module_name):
            return _checked(found)
        if module is None:
            raise _not_trusted(path)
        known = [kind.__name__ for kind in _defined_in(module)]
        raise NotFoundError(f"{module_name!r} has no strategy {class_name!r}. {did_you_mean(class_name, known)}")

    def _allowed_module(self, name: str) -> ModuleType | None:
        """Return the module that a path names where its code may be run, else None."""
        if self._folder is not None:
            parent, _, stem = name.rpartition(".")
            if parent in ("", self._folder.folder.name) and stem in self._folder.stems():
                return self._folder.load(stem)
        if any(name == allowed or name.startswith(f"{allowed}.") for allowed in (_LIBRARY, *self._modules)):
            return _imported(name)
        return None

    def _catalogue(self) -> tuple[dict[str, type[Strategy]], dict[str, StrategyError]]:
        found: dict[str, list[type[Strategy]]] = {}
        broken: dict[str, StrategyError] = {}
        for source in self._sources():
            if isinstance(source, ModuleType):
                for kind in _defined_in(source):
                    found.setdefault(kind.name, []).append(kind)
            else:
                broken |= source
        for name, kinds in found.items():
            if len(set(kinds)) > 1:
                broken[name] = _ambiguous(name, kinds)
        return {name: found[name][0] for name in sorted(found) if name not in broken}, broken

    def _sources(self) -> Iterator[ModuleType | dict[str, StrategyError]]:
        """Yield each module that may define strategies, or the names that it would have defined with the error."""
        for name in (_LIBRARY, *self._modules):
            try:
                yield _imported(name)
            except (StrategyError, NotFoundError) as error:
                yield {name: StrategyError(str(error))}
        if self._folder is not None:
            for stem in self._folder.stems():
                try:
                    yield self._folder.load(stem)
                except StrategyError as error:
                    yield dict.fromkeys(_names_in(self._folder.folder / f"{stem}.py"), error)


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise NotFoundError(f"There is no module {name!r}; install it or correct its name.") from None
        raise StrategyError(f"The module {name!r} cannot be imported: {error}.") from error
    except (Exception, SystemExit) as error:
        raise StrategyError(f"The module {name!r} cannot be imported: {type(error).__name__}: {error}.") from error


def _is_strategy(thing: object) -> TypeGuard[type[Strategy]]:
    return isinstance(thing, type) and issubclass(thing, Strategy)


def _checked(kind: type) -> type[Strategy]:
    if not issubclass(kind, Strategy):
        raise StrategyError(f"{kind.__name__} is not a strategy; derive it from research_kit.Strategy.")
    if kind.style() == "none":
        raise StrategyError(f"{kind.__name__} cannot be run, because it defines neither signals() nor on_bar().")
    return kind


def _defined_in(module: ModuleType) -> list[type[Strategy]]:
    """Return the strategies that a module, or a package beneath it, defines."""
    kinds = [kind for kind in vars(module).values() if _is_strategy(kind) and kind.style() != "none"]
    return [kind for kind in kinds if f"{kind.__module__}.".startswith(f"{module.__name__}.")]


def _names_in(file: Path) -> list[str]:
    """Return the names of the strategies in a file that cannot be loaded, or else the file's own name."""
    text = file.read_text(encoding="utf-8", errors="replace")
    names = re.findall(r"^class\s+(\w+)\s*\([^)]*Strategy", text, re.MULTILINE)
    return [snake_case(name) for name in names] or [file.stem]


def _not_trusted(path: str) -> StrategyError:
    return StrategyError(
        f"{path!r} may not be loaded: strategies come from the built-in ones, the files of the workspace's strategies "
        f"folder and the modules named in its settings. Name {path.rpartition(':')[0]!r} there if you trust it."
    )


def _ambiguous(name: str, kinds: list[type[Strategy]]) -> StrategyError:
    places = " and ".join(sorted({f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}" for kind in kinds}))
    return StrategyError(f"More than one strategy has the name {name!r}: {places}; rename one of the classes.")
