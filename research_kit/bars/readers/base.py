"""What a reader of a file layout is: it looks at the head, says what it recognised, and reads a raw table.

A new layout is one more module with one more ``Reader``, named in ``registry.READERS``. A reader is chosen by what it
sees in the file, never by the file's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from research_kit.bars.readers.sniff import TextHints, TextLayout, sniff

if TYPE_CHECKING:
    import pyarrow as pa

HEAD_BYTES = 1 << 18


@dataclass(frozen=True)
class Source:
    """An opened file: its name, its first bytes (unpacked), and a way to get all of them.

    Parameters
    ----------
    name
        The file's name, for messages only.
    head
        The first ``HEAD_BYTES`` bytes of the content, after unpacking.
    whole
        True when the head is all there is.
    container
        ``""``, ``"gzip"`` or ``"zip"``.
    load
        Returns the whole unpacked content as a pyarrow buffer, mapped where the file is not packed.
    hints
        What the user said about text: delimiter, decimal sign, names of the columns.
    """

    name: str
    head: bytes
    whole: bool
    container: str
    load: Callable[[], Any] = field(repr=False)
    hints: TextHints = field(default_factory=TextHints)

    @cached_property
    def text(self) -> TextLayout | None:
        """The layout of the head as delimited text, None when it is not that."""
        return sniff(self.head, whole=self.whole, hints=self.hints)


@dataclass(frozen=True)
class RawTable:
    """What a reader hands on: columns as they stand in the source, nothing interpreted yet.

    Parameters
    ----------
    table
        The columns under their names in the source; times may still be text.
    has_header
        False when the names are made up by position (``column_1`` ...), so that the order of the columns is a guess.
    decimal
        The decimal sign of numbers that are still text.
    ragged
        Lines that did not have the right number of cells: their number, and the first of them.
    timezone, symbol
        What the layout itself fixes, ``""`` when nothing.
    """

    table: pa.Table
    has_header: bool = True
    decimal: str = "."
    ragged: int = 0
    first_ragged: str = ""
    timezone: str = ""
    symbol: str = ""


class Reader(Protocol):
    """One layout of files."""

    name: str

    def recognise(self, source: Source) -> str | None:
        """Return a sentence on what was recognised in the head, None when this is not the reader's layout."""

    def read(self, source: Source) -> RawTable:
        """Return all of the file. Raises DataError when the rest is not what the head promised."""
