"""The reader of delimited text: any of the usual delimiters, with or without a header, in the usual encodings.

It goes through the file in blocks that end at a line's end, so that no file is in memory whole.
"""

from __future__ import annotations

import codecs
import csv as csv_text
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from research_kit.bars.columns.assign import is_common_name
from research_kit.bars.readers.base import RawTable, Source
from research_kit.bars.readers.sniff import TextLayout, decode_head, is_number, is_time, plain_block, without_footer
from research_kit.errors import DataError, listed

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
_NULLS = ["", "-", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "none", "#N/A"]
_LONGEST_LINE = 1 << 26
_SHORT = 1 << 12
_USUAL_STAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")
_TIME_WORDS = ("time", "date", "stamp", "datum", "zeit", "unix")


class DelimitedText:
    """Text in columns: the layout is sniffed from the head, the rest is read by pyarrow in all threads."""

    name = "delimited text"

    def recognise(self, source: Source) -> str | None:
        layout = source.text
        if layout is None or not (layout.rows or any(map(is_common_name, layout.header or ()))):
            return None
        return layout.sentence()

    def read(self, source: Source) -> Iterator[RawTable]:
        layout = source.text
        if layout is None:
            raise DataError(f"{source.name} is not delimited text.")
        if not layout.rows:
            raise DataError(f"{source.name} has a header ({listed(layout.header or ())}) and no rows.")
        names = _names(source, layout)
        types = _types(layout, names)
        for (block, bytes_read), is_last in _with_last(_blocks(source, layout)):
            lines, remarks = plain_block(block, layout), tuple[str, ...]()
            if is_last:
                lines, remarks = without_footer(lines, layout)
            table, ragged = _read_csv(source, layout, types, lines)
            doubts = layout.doubts + tuple(f"The line {remark!r} below the table was left out." for remark in remarks)
            yield RawTable(
                table.drop_columns(names[-1]) if layout.trailing else table,
                has_header=layout.header is not None,
                decimal=layout.decimal,
                ragged=ragged.count,
                first_ragged=ragged.first,
                doubts=doubts,
                bytes_read=bytes_read,
            )


def _with_last(items: Iterator[T]) -> Iterator[tuple[T, bool]]:
    """Yield items, each with whether it is the last."""
    item = next(items, None)
    while item is not None:
        following = next(items, None)
        yield item, following is None
        item = following


@dataclass
class _Ragged:
    """The lines with the wrong number of cells: how many, and the first."""

    count: int = 0
    first: str = ""

    def skip(self, row: Any) -> str:
        if not self.count:
            self.first = f"{row.actual_columns} cells instead of {row.expected_columns}: {row.text or ''}"[:120]
        self.count += 1
        return "skip"


def _names(source: Source, layout: TextLayout) -> list[str]:
    """Return a name for each column, unique: the header's, or ``column_1`` ... where there is none."""
    given = source.hints.names
    header = layout.header
    if given is not None and len(given) == layout.width:
        header = header if header is not None and len(header) == layout.width else None
    elif header is not None and len(header) != layout.width:
        raise DataError(
            f"{source.name} has {len(header)} names in its header ({listed(header)}) and {layout.width} cells in "
            f"its rows ({listed(layout.rows[0])}); name them all, in order, with '' for one to "
            "leave out: columns=[...]."
        )
    if header is None:
        return [f"column_{at}" for at in range(1, layout.width + 1)]
    return unique_names(header)


def unique_names(names: tuple[str, ...] | list[str]) -> list[str]:
    """Return names with a count after each repetition.

    >>> unique_names(["close", "close", "x"])
    ['close', 'close.2', 'x']
    """
    out: list[str] = []
    for name in names:
        fresh, count = name, 1
        while fresh in out:
            count += 1
            fresh = f"{name}.{count}"
        out.append(fresh)
    return out


def _read_csv(source: Source, layout: TextLayout, types: Mapping[str, Any], block: bytes) -> tuple[pa.Table, _Ragged]:
    import pyarrow as pa
    from pyarrow import csv

    if len(block) < _SHORT and not block.strip():
        return pa.table({name: pa.array([], kind or pa.null()) for name, kind in types.items()}), _Ragged()
    ragged = _Ragged()
    try:
        table = csv.read_csv(
            pa.BufferReader(block),
            read_options=csv.ReadOptions(column_names=list(types), block_size=1 << 20),
            parse_options=csv.ParseOptions(delimiter=layout.delimiter, invalid_row_handler=ragged.skip),
            convert_options=csv.ConvertOptions(
                column_types={name: kind for name, kind in types.items() if kind is not None},
                null_values=_NULLS,
                strings_can_be_null=True,
                decimal_point=layout.decimal,
            ),
        )
    except pa.ArrowException as error:
        if pa.timestamp("s") in types.values():  # a cell is no such time: they are looked at one by one
            slower = {name: pa.string() if kind == pa.timestamp("s") else kind for name, kind in types.items()}
            return _read_csv(source, layout, slower, block)
        raise DataError(f"{source.name} cannot be read as {layout.sentence()}: {str(error).splitlines()[0]}.") from None
    return table, ragged


def _blocks(source: Source, layout: TextLayout) -> Iterator[tuple[bytes, int]]:
    """Yield the data lines as UTF-8 in blocks of whole lines, each with how much of the file was read by then."""
    rest, bytes_read, is_first = b"", 0, True
    for block, bytes_read in _as_utf8(source, layout.encoding):
        start = len(text_above(source, layout)) if is_first else 0
        is_first = False
        end = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
        if not end:
            rest += block[start:]
            if len(rest) > _LONGEST_LINE:
                raise DataError(
                    f"{source.name} has a line of more than {_LONGEST_LINE:,} bytes; it is no table of text."
                )
            continue
        if end > start:
            whole = b"".join((rest, memoryview(block)[start:end]))  # one copy of what may be large
            yield _readable(whole), bytes_read
        rest = block[end:]
    if rest:
        yield _readable(rest), bytes_read


def text_above(source: Source, layout: TextLayout) -> bytes:
    """Return what stands above the first data line, as UTF-8 without a byte order mark."""
    decoded = decode_head(source.head)
    return decoded[0][: layout.data_at].encode() if decoded else b""


def rows_above(source: Source, layout: TextLayout) -> list[list[str]]:
    """Return the lines above the data as cells: banner lines, and the header."""
    above = text_above(source, layout).decode().splitlines()
    rows = csv_text.reader([line for line in above if line.strip()], delimiter=layout.delimiter)
    return [[cell.strip() for cell in row] for row in rows]


def _as_utf8(source: Source, encoding: str) -> Iterator[tuple[bytes, int]]:
    """Yield the content without its byte order mark, other encodings than UTF-8 converted to it."""
    if encoding in ("utf-8", "utf-8-sig"):
        mark = 3 if encoding == "utf-8-sig" else 0
        for block, bytes_read in source.chunks():
            yield block[mark:], bytes_read
            mark = 0
        return
    decoder, bytes_read = codecs.getincrementaldecoder(encoding)(errors="replace"), 0
    for block, bytes_read in source.chunks():
        yield decoder.decode(block).encode(), bytes_read
    yield decoder.decode(b"", final=True).encode(), bytes_read


def _readable(block: bytes) -> bytes:
    """Return whole lines as UTF-8: what is no UTF-8, in a file that began as such, is read as latin-1."""
    if block.isascii():  # nearly all are, and it is seen without a copy
        return block
    try:
        block.decode()
    except UnicodeDecodeError:
        return block.decode("latin-1").encode()
    return block


def _types(layout: TextLayout, names: list[str]) -> dict[str, Any]:
    """Return the type of each column, None where pyarrow is to find it."""
    import pyarrow as pa

    kept = _kept_as_text(layout, names)
    usual = [name for at, name in enumerate(names) if name in kept and _all_usual(layout, at)]
    text = {name: pa.string() if name in kept else None for name in names}
    return text | dict.fromkeys(usual, pa.timestamp("s"))


def _all_usual(layout: TextLayout, at: int) -> bool:
    """Return whether times are written as 2020-01-31 09:30:00, which pyarrow reads in a tenth of the time."""
    return bool(layout.rows) and all(_USUAL_STAMP.fullmatch(row[at]) for row in layout.rows)


def _kept_as_text(layout: TextLayout, names: list[str]) -> list[str]:
    """Return the columns that must stay text: times would lose leading zeros, offsets or the order of their parts."""
    kept = []
    for at, name in enumerate(names):
        cells = [row[at] for row in layout.rows[:50] if row[at]]
        timely = sum(is_time(cell) and not is_number(cell, layout.decimal) for cell in cells)
        if timely > len(cells) / 2 or any(word in name.lower() for word in _TIME_WORDS):
            kept.append(name)
    return kept if layout.header is not None else sorted({*kept, names[0]})
