"""What a reader of a file layout is: it looks at the head, says what it recognised, and reads raw tables.

A new layout is one more module with one more ``Reader``, named in ``registry.READERS``. A reader is chosen by what it
sees in the file, never by the file's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from research_kit.bars.readers.sniff import Hints, TextLayout, sniff

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
    chunks
        Yields the unpacked content in pieces, each with how many bytes of the (packed) file were read by then.
    hints
        What the user said: delimiter, decimal sign, names of the columns, the instrument that is wanted.
    member
        The name inside a zip, ``""`` elsewhere; some layouts keep the date or the symbol there alone.
    """

    name: str
    head: bytes
    whole: bool
    container: str
    load: Callable[[], Any] = field(repr=False)
    chunks: Callable[[], Iterator[tuple[bytes, int]]] = field(repr=False)
    hints: Hints = field(default_factory=Hints)
    member: str = ""

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
    roles
        Names in the table by what they are (``{"close": "Last"}``, also ``time``, ``date``, ``symbol``), where the
        usual names of columns would not tell; what the user says wins.
    zone_question
        Why the zone of its times cannot be known and must be asked for, such as "MetaTrader writes the time of the
        broker's server"; ``""`` where nothing is special.
    doubts
        What is doubtful or was worked out, one sentence each: shown in the preview and kept in the quality report.
    ticks
        ``"trades"`` where rows are trades (time, price, volume), ``"quotes"`` where they are quotes (time, bid, ask):
        they must be resampled. ``""`` for bars.
    bytes_read
        Bytes of the (packed) file that were read when this table was complete, for a progress bar; 0 when not known.
    """

    table: pa.Table
    has_header: bool = True
    decimal: str = "."
    ragged: int = 0
    first_ragged: str = ""
    timezone: str = ""
    symbol: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    zone_question: str = ""
    doubts: tuple[str, ...] = ()
    ticks: str = ""
    bytes_read: int = 0


class Reader(Protocol):
    """One layout of files."""

    name: str

    def recognise(self, source: Source) -> str | None:
        """Return a sentence on what was recognised in the head, None when this is not the reader's layout."""

    def read(self, source: Source) -> Iterator[RawTable]:
        """Yield the file in one or more tables of the same columns, in the order of the file.

        Large files come in blocks, so that no file is ever in memory whole. Raises DataError when the rest is not what
        the head promised.
        """
