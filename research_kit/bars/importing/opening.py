"""Sources of every kind, opened: a file, several files, a frame or a list become raw tables, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.readers.base import RawTable, Reader, Source
from research_kit.bars.readers.sniff import Hints
from research_kit.errors import DataError, NotFoundError


@dataclass(frozen=True)
class Part:
    """One file of a source, or what is in memory: its tables come when they are asked for."""

    name: str
    layout: str
    read: Callable[[], Iterator[RawTable]] = field(repr=False)
    path: Path | None = None
    source: Source | None = field(default=None, repr=False)
    reader: Reader | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """Bytes of the file, 0 in memory."""
        return self.path.stat().st_size if self.path else 0


@dataclass(frozen=True)
class Opened:
    """A source: its parts in order, and what it is called."""

    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        first = self.parts[0].name
        return first if len(self.parts) == 1 else f"{first} and {len(self.parts) - 1} more"

    @property
    def layout(self) -> str:
        return "; ".join(dict.fromkeys(part.layout for part in self.parts))

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    @property
    def paths(self) -> list[Path]:
        """The files; none for what is in memory."""
        return [part.path for part in self.parts if part.path]


def open_tables(source: Any, options: ImportOptions) -> Opened:
    """Return a source opened for reading.

    Parameters
    ----------
    source
        A path, a folder or a pattern such as ``"BTC-*.csv"``, a list of paths, a DataFrame, a pyarrow Table, or rows
        as exchanges' libraries return them.

    Raises
    ------
    NotFoundError, UnknownFormatError, DataError
        There is no such file, or it cannot be read.
    """
    if isinstance(source, str | Path):
        return Opened(tuple(_file(path, options) for path in _paths(source)))
    if isinstance(source, Sequence) and source and all(isinstance(item, str | Path) for item in source):
        return Opened(tuple(_file(path, options) for item in source for path in _paths(item)))
    from research_kit.bars.readers.memory import table_of

    table = table_of(source, options.symbol)
    if table is None:
        raise DataError(
            f"Bars cannot be read from a {type(source).__name__}; give a path, a list of paths, a DataFrame, a pyarrow "
            "Table, or rows of time, open, high, low, close, volume."
        )
    kind = type(source).__name__
    return Opened((Part(kind, f"a {kind}", lambda: iter((table,))),))


def _paths(given: str | Path) -> list[Path]:
    path = Path(given).expanduser()
    if path.is_dir():
        found = sorted(item for item in path.iterdir() if item.is_file() and not item.name.startswith("."))
        if not found:
            raise NotFoundError(f"There is no file in the folder {str(given)!r}.")
        return found
    if not path.exists() and any(sign in str(path) for sign in "*?["):
        found = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
        if not found:
            raise NotFoundError(f"No file fits {str(given)!r}.")
        return found
    return [path]


def _file(path: Path, options: ImportOptions) -> Part:
    from research_kit.bars.readers.containers import open_source
    from research_kit.bars.readers.registry import READERS, choose_reader
    from research_kit.bars.readers.wide import WideText

    names = None if options.columns is None or isinstance(options.columns, dict) else options.columns
    source = open_source(path, Hints(options.delimiter, options.decimal, names, options.symbol))
    named = isinstance(options.columns, dict)  # then the user says which of the columns to take
    reader, sentence = choose_reader(source, [one for one in READERS if not (named and isinstance(one, WideText))])
    return Part(path.name, sentence, partial(reader.read, source), path, source, reader)
