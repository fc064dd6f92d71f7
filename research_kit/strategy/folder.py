"""A workspace's ``strategies/`` folder as a private package: its files are imported, and again when they change."""

from __future__ import annotations

import hashlib
import importlib
import linecache
import re
import sys
import threading
import traceback
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from research_kit.errors import StrategyError
from research_kit.strategy.local_modules import local_files
from research_kit.strategy.source import WORKSPACE_PREFIX

_IMPORTING = threading.RLock()


class StrategyFolder(ModuleType):
    """The private package of one folder: each ``*.py`` in it is a module, those that begin with ``_`` are helpers.

    The package is made once for each folder and process, and stands in ``sys.modules`` under a name made from the
    folder's path, so that nothing of it can hide, or be hidden by, a module of that name elsewhere. The files import
    each other with ``from .helpers import …``.
    """

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name, f"The strategies in {folder}.")
        self.folder = folder
        self.__path__ = [str(folder)]
        self._uses: dict[str, set[Path]] = {}  # the files behind each module
        self._digests: dict[Path, str] = {}

    @classmethod
    def at(cls, folder: Path) -> StrategyFolder:
        """Return the package of a folder, the same one each time."""
        resolved = folder.resolve()
        name = WORKSPACE_PREFIX + hashlib.sha256(str(resolved).encode()).hexdigest()[:16]
        with _IMPORTING:
            known = sys.modules.get(name)
            if not isinstance(known, StrategyFolder):
                known = cls(name, resolved)
                known.__spec__ = ModuleSpec(name, None, is_package=True)
                known.__spec__.submodule_search_locations = [str(resolved)]
                sys.modules[name] = known
            return known

    def stems(self) -> list[str]:
        """Return the names of the files that may hold strategies, without ``.py``, sorted."""
        if not self.folder.is_dir():
            return []
        return sorted(file.stem for file in self.folder.glob("*.py") if re.fullmatch(r"[^\W_]\w*", file.stem))

    def load(self, stem: str) -> ModuleType:
        """Return the module of a file, imported again where it or a local module that it imports has changed.

        Raises
        ------
        StrategyError
            The file cannot be imported; the message names file, line and cause.
        """
        with _IMPORTING:
            self._forget_changed()
            writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # two edits in a second look alike
            try:
                importlib.invalidate_caches()
                return importlib.import_module(f"{self.__name__}.{stem}")
            except (Exception, SystemExit) as error:
                raise StrategyError(self._explained(stem, error)) from error
            finally:
                sys.dont_write_bytecode = writes_bytecode
                self._remember()

    def _remember(self) -> None:
        for name in [name for name in sys.modules if name.startswith(f"{self.__name__}.")]:
            if name not in self._uses:
                self._uses[name] = set(local_files(name).values())
                self._digests |= {file: _digest(file) for file in self._uses[name] if file not in self._digests}

    def _forget_changed(self) -> None:
        changed = {file for file, digest in self._digests.items() if _digest(file) != digest}
        for name in [name for name, files in self._uses.items() if files & changed]:
            del self._uses[name]
            sys.modules.pop(name, None)
            vars(self).pop(name.rpartition(".")[2], None)
        for file in changed:
            del self._digests[file]
            linecache.checkcache(str(file))

    def _explained(self, stem: str, error: BaseException) -> str:
        where = f"{self.folder.name}/{stem}.py"
        if isinstance(error, SyntaxError) and error.filename:
            file, line = Path(error.filename), error.lineno
        else:
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if self._holds(frame.filename)]
            file, line = (Path(frames[-1].filename), frames[-1].lineno) if frames else (Path(where), None)
        inside = "" if file.name == f"{stem}.py" else f" {file.name},"
        at = f"{inside} line {line}" if line else ""
        cause = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"
        return f"{where} cannot be loaded:{at}: {cause}.{self._hint(error)}"

    def _holds(self, filename: str) -> bool:
        return Path(filename).resolve().is_relative_to(self.folder)

    def _hint(self, error: BaseException) -> str:
        name = error.name if isinstance(error, ModuleNotFoundError) else None
        if name and (self.folder / f"{name}.py").is_file():
            return f" A file beside it is imported with 'from .{name} import …'."
        return ""


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
