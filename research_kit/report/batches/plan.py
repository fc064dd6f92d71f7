"""What a batch is to run, checked before anything starts: notebook, name, parameter sets, and what each depends on."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from research_kit.errors import NotFoundError, ReportError, ResearchKitError
from research_kit.report.batches.schema import NotebookSchema, read_schema
from research_kit.report.notebooks import template
from research_kit.store.database import now
from research_kit.store.datasets import find_dataset
from research_kit.strategy.base import Strategy
from research_kit.strategy.source import strategy_source
from research_kit.version import ENGINE_VERSION

if TYPE_CHECKING:
    from research_kit.runs.home import Home

MOST = 10_000  # notebooks of one batch
BATCHES = Path("reports") / "batches"
Sets = Mapping[str, Any] | Iterable[Mapping[str, Any]]

_NAME = re.compile(r"[^\W_][\w .()+=-]{0,79}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Item:
    """One notebook to run: its parameters, and a sha256 of all that it depends on."""

    parameters: dict[str, Any]
    inputs_hash: str

    @property
    def key(self) -> str:
        """The same for the same parameters."""
        return parameters_key(self.parameters)


@dataclass(frozen=True)
class Plan:
    """A batch to run; ``node`` is the notebook as it was read, ``sha256`` that of its file."""

    name: str
    folder: Path
    notebook: Path
    node: Any
    sha256: str
    items: tuple[Item, ...]


def make_plan(
    home: Home,
    notebook: Path | str,
    parameters: Sets | None = None,
    grid: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> Plan:
    """Return a batch, all of it checked.

    Raises
    ------
    NotFoundError
        There is no such notebook, or no dataset that one of the sets names.
    ReportError
        It is no notebook, the name cannot be that of a folder, a parameter is not taken, or there is nothing to run.
    """
    path = find_notebook(notebook)
    content = _read(path)
    node = _parse(content, path)
    schema = read_schema(node, path.name)
    sha256 = hashlib.sha256(content).hexdigest()
    depends = _Depends(home, schema, sha256)
    items = tuple(_checked(schema, one, number, depends) for number, one in enumerate(_sets(parameters, grid), start=1))
    _refuse_twins(items)
    folder = batch_folder(home, name) if name is not None else _new_folder(home, path.stem)
    return Plan(folder.name, folder, path, node, sha256, items)


def find_notebook(notebook: Path | str) -> Path:
    """Return the path of a notebook: a file, or a template of the package by its name."""
    path = Path(notebook).expanduser()
    if path.is_file():
        return path.absolute()
    if str(notebook).isidentifier() and template(str(notebook)).is_file():
        return template(str(notebook))
    raise NotFoundError(
        f"There is no notebook {str(notebook)!r}. Give its path, or a template's name such as 'research'."
    )


def batch_folder(home: Home, name: str) -> Path:
    """Return the folder of a batch.

    Raises
    ------
    ReportError
        The name cannot be that of a folder on every system, or the folder is a link to elsewhere.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name[-1] in " ." or _RESERVED.fullmatch(name):
        raise ReportError(
            f"{name!r:.90} cannot be the name of a batch: give 1 to 80 letters, digits and any of ' .()+=-_', "
            "beginning with a letter or digit."
        )
    parent = home.files.folder / BATCHES
    folder = parent / name
    if folder.is_symlink() or not folder.resolve().is_relative_to(parent.resolve()):
        raise ReportError(f"{folder} is a link to another place. Remove it, or give the batch another name.")
    return folder


def parameters_key(parameters: Mapping[str, Any]) -> str:
    """Return a text that is the same for the same parameters.

    >>> parameters_key({"b": 1, "a": [2.5]})
    '{"a":[2.5],"b":1}'
    """
    return json.dumps(parameters, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _new_folder(home: Home, stem: str) -> Path:
    slug = re.sub(r"[^\w-]+", "-", stem).strip("-_") or "batch"
    base = f"{slug[:50]}-{now():%Y%m%d-%H%M%S}"
    names = (base, *(f"{base}-{number}" for number in range(2, MOST)))
    return next(folder for folder in (batch_folder(home, name) for name in names) if not folder.exists())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReportError(f"The notebook {str(path)!r} cannot be read: {error.strerror}.") from None


def _parse(content: bytes, path: Path) -> Any:
    import nbformat

    reader: Any = nbformat
    try:
        return reader.reads(content.decode(), as_version=4)
    except Exception:  # what it raises depends on what is wrong
        raise ReportError(f"{str(path)!r} is not a Jupyter notebook.") from None


def _sets(parameters: Sets | None, grid: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    """Yield each set: every one given, with every point of the grid."""
    if parameters is None or isinstance(parameters, Mapping):
        given: Sequence[Mapping[str, Any]] = [parameters or {}]
    else:
        given = list(parameters)
    axes = {name: _values(values) for name, values in (grid or {}).items()}
    total = len(given)
    for name, values in axes.items():
        total *= len(values)
        if not values:
            raise ReportError(f"The grid has no value for {name!r}; give one, or leave it out.")
    if total == 0:
        raise ReportError("There is nothing to run: the list of parameter sets is empty.")
    if total > MOST:
        raise ReportError(
            f"These are {total:,} notebooks; a batch has at most {MOST:,}. ws.sweep runs thousands of sets."
        )
    for one in given:
        if not isinstance(one, Mapping):
            raise ReportError(f"A parameter set is a dict of values by name; {one!r:.60} is none.")
        twice = sorted(set(one) & set(axes))
        if twice:
            raise ReportError(f"{twice[0]!r} is both a parameter and in the grid; give it once.")
        for point in product(*axes.values()):
            yield dict(one) | dict(zip(axes, point, strict=True))


def _values(values: Any) -> list[Any]:
    is_many = hasattr(values, "__iter__") and not isinstance(values, str | bytes | Mapping)
    return list(values) if is_many else [values]


def _checked(schema: NotebookSchema, given: Mapping[str, Any], number: int, depends: _Depends) -> Item:
    try:
        values = schema.check(given)
        return Item(values, depends.hash_of(values))
    except (ReportError, NotFoundError) as error:
        raise type(error)(f"Parameter set {number}: {error} Nothing was started.") from None


def _refuse_twins(items: Sequence[Item]) -> None:
    first: dict[str, int] = {}
    for number, item in enumerate(items, start=1):
        if item.key in first:
            raise ReportError(f"The parameter sets {first[item.key]} and {number} are the same: {item.key:.200}.")
        first[item.key] = number


class _Depends:
    """What a run of a notebook depends on: notebook, parameters, the dataset and the strategy that they name."""

    def __init__(self, home: Home, schema: NotebookSchema, sha256: str) -> None:
        self.home = home
        self.schema = schema
        self.sha256 = sha256
        self._known: dict[tuple[str, Any], str | None] = {}

    def hash_of(self, values: Mapping[str, Any]) -> str:
        """Return the sha256 of all of it; a dataset that there is not raises ``NotFoundError``."""
        known = self.schema.with_defaults(values)
        depends = {
            "notebook": self.sha256,
            "parameters": dict(values),
            "dataset": self._of("dataset", known.get("dataset"), self._dataset),
            "strategy": self._of("strategy", known.get("strategy"), self._strategy),
            "engine": ENGINE_VERSION,
        }
        return hashlib.sha256(parameters_key(depends).encode()).hexdigest()

    def _of(self, kind: str, key: Any, find: Any) -> str | None:
        if isinstance(key, bool) or not isinstance(key, str | int) or key == "":
            return None
        if (kind, key) not in self._known:
            self._known[kind, key] = find(key)
        return self._known[kind, key]

    def _dataset(self, key: int | str) -> str | None:
        return find_dataset(self.home.database, key).sha256

    def _strategy(self, key: int | str) -> str | None:
        """Return the hash of the source of a strategy; None of a name that only the notebook knows."""
        with suppress(ResearchKitError):
            found = self.home.registry.resolve(str(key))
            return strategy_source(type(found) if isinstance(found, Strategy) else found).sha256
        return None
