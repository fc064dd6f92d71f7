"""What a vendor's layout of text is, one row of a table, and the reader that all of them share.

A new layout is one more ``Layout``; only what a table cannot say is a class of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from research_kit.bars.readers.base import RawTable, Source
from research_kit.bars.readers.sniff import TextLayout
from research_kit.bars.readers.text import DelimitedText
from research_kit.bars.readers.vendors.order import fits_order

NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
EPOCH_S, EPOCH_MS, EPOCH_MS_OR_US = r"\d{9,10}", r"\d{12,13}", r"\d{13}|\d{16}"
ISO_DATE = r"\d{4}-\d\d-\d\d"

_MOST_ODD = 0.1
"""Share of the first rows that may differ from the pattern: a faulty row does not make it another vendor's file."""


@dataclass(frozen=True)
class Layout:
    """How one vendor lays out bars as text.

    Names of columns are in lower case here and compared without regard to case; ``"last|latest"`` is one of the two.

    Parameters
    ----------
    name
        The vendor, and which of its files where there are several.
    says
        What was understood, the end of the sentence on what was recognised.
    needs, lacks
        Names that the header must have, and must not have.
    alone
        True when there are no columns but those that are needed.
    cells
        Patterns of the first cells of a row; of all of them where there is no header.
    names
        Names of the columns of a layout without header, in order.
    delimiter
        The only delimiter of the vendor, ``""`` where there are several.
    roles, leave_out
        As in ``RawTable``; and columns that carry nothing.
    timezone, zone_question, symbol, doubts
        As in ``RawTable``.
    """

    name: str
    says: str
    needs: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    alone: bool = False
    cells: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    delimiter: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    timezone: str = ""
    zone_question: str = ""
    symbol: str = ""
    doubts: tuple[str, ...] = ()

    def fits(self, text: TextLayout) -> bool:
        """Return whether the head of a file is laid out like this."""
        if self.delimiter and text.delimiter != self.delimiter:
            return False
        if self.names:
            no_header = text.header is None and text.width == len(self.names)
            return no_header and self._cells_fit(text) and fits_order(text, self.names)
        return self._header_fits(text) and self._cells_fit(text)

    def _header_fits(self, text: TextLayout) -> bool:
        header = lower(text.header or ())
        needed = [one_of(name, header) for name in self.needs]
        if not header or len(header) != text.width or None in needed:
            return False
        if any(one_of(name, header) for name in self.lacks):
            return False
        return not self.alone or len(header) == len(needed)

    def _cells_fit(self, text: TextLayout) -> bool:
        patterns = [re.compile(pattern) for pattern in self.cells]
        odd = sum(
            not all(pattern.fullmatch(cell) for pattern, cell in zip(patterns, row, strict=False)) for row in text.rows
        )
        return odd <= _MOST_ODD * len(text.rows)

    def applied(self, raw: RawTable, *, names_given: bool = False) -> RawTable:
        """Return a table as read by position, named and explained as the vendor means it.

        ``names_given`` says that the user named the columns by position: then all of them stay.
        """
        table = raw.table.rename_columns(list(self.names)) if self.names else raw.table
        actual = {name.lower(): name for name in table.column_names}
        if not names_given:
            table = table.drop_columns([actual[name] for name in self.leave_out if name in actual])
        found = {part: one_of(name, actual) for part, name in self.roles.items()}
        return replace(
            raw,
            table=table,
            has_header=raw.has_header or bool(self.names),
            timezone=self.timezone,
            symbol=self.symbol,
            roles={part: actual[name] for part, name in found.items() if name is not None},
            zone_question=self.zone_question,
            doubts=(*raw.doubts, *self.doubts),
        )


class VendorText(DelimitedText):
    """The text of one vendor. What its table cannot say is said by overriding ``layout_for`` or ``tidied``."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.name = layout.name

    def recognise(self, source: Source) -> str | None:
        layout = self._found(source)
        if layout is None or source.text is None:
            return None
        return f"{layout.name} ({source.text.sentence()}): {layout.says}"

    def read(self, source: Source) -> Iterator[RawTable]:
        layout = self._found(source)
        for raw in super().read(source):
            if layout is None:
                yield raw
            else:
                yield self.tidied(layout.applied(raw, names_given=source.hints.names is not None), layout)

    def layout_for(self, source: Source, text: TextLayout) -> Layout | None:
        """Return the layout with what this very file's head adds to it, None when the file is not laid out so."""
        return self.layout if self.layout.fits(text) else None

    def tidied(self, raw: RawTable, layout: Layout) -> RawTable:
        """Return a block without the vendor's peculiarities; prices stay as they are."""
        return raw

    def _found(self, source: Source) -> Layout | None:
        text = source.text
        return self.layout_for(source, text) if text is not None and text.rows else None


def lower(names: Iterable[str]) -> list[str]:
    """Return names in lower case."""
    return [name.lower() for name in names]


def one_of(alternatives: str, names: Iterable[str]) -> str | None:
    """Return the first of several names that is among the others.

    >>> one_of("last|latest", ["open", "latest"])
    'latest'
    """
    known = set(names)
    return next((name for name in alternatives.split("|") if name in known), None)


def head_cells(text: TextLayout, name: str) -> list[str]:
    """Return the first cells of a column, by its name in lower case; none when there is no such column."""
    header = lower(text.header or ())
    return [row[header.index(name)] for row in text.rows] if name in header else []
