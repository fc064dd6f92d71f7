"""The reader of delimited text: any of the usual delimiters, with or without a header, in the usual encodings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from research_kit.bars.columns import is_common_name
from research_kit.bars.readers.base import RawTable, Source
from research_kit.bars.readers.sniff import TextLayout, is_number, is_time
from research_kit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_NULLS = ["", "-", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "none", "#N/A"]
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
            raise DataError(f"{source.name} has a header ({', '.join(layout.header or ())}) and no rows.")
        names = _names(source, layout)
        table, ragged = _read_csv(source, layout, names)
        yield RawTable(
            table,
            has_header=layout.header is not None,
            decimal=layout.decimal,
            ragged=len(ragged),
            first_ragged=ragged[0] if ragged else "",
        )


def _names(source: Source, layout: TextLayout) -> list[str]:
    """Return a name for each column, unique: the header's, or ``column_1`` ... where there is none."""
    given = source.hints.names
    header = layout.header
    if given is not None and len(given) == layout.width:
        header = header if header is not None and len(header) == layout.width else None
    elif header is not None and len(header) != layout.width:
        raise DataError(
            f"{source.name} has {len(header)} names in its header ({', '.join(header)}) and {layout.width} cells in "
            f"its rows ({', '.join(layout.rows[0])}); name them all, in order, with '' for one to "
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


def _read_csv(source: Source, layout: TextLayout, names: list[str]) -> tuple[pa.Table, list[str]]:
    import pyarrow as pa
    from pyarrow import csv

    ragged: list[str] = []

    def note(row: Any) -> str:
        ragged.append(f"{row.actual_columns} cells instead of {row.expected_columns}: {row.text or ''}"[:120])
        return "skip"

    try:
        table = csv.read_csv(
            pa.BufferReader(_data(source, layout)),
            read_options=csv.ReadOptions(column_names=names, block_size=1 << 22),
            parse_options=csv.ParseOptions(delimiter=layout.delimiter, invalid_row_handler=note),
            convert_options=csv.ConvertOptions(
                column_types={name: pa.string() for name in _kept_as_text(layout, names)},
                null_values=_NULLS,
                strings_can_be_null=True,
                decimal_point=layout.decimal,
            ),
        )
    except pa.ArrowException as error:
        raise DataError(f"{source.name} cannot be read as {layout.sentence()}: {str(error).splitlines()[0]}") from None
    return table, ragged


def _data(source: Source, layout: TextLayout) -> pa.Buffer:
    """Return the bytes from the first data line on, as UTF-8."""
    import pyarrow as pa

    content = source.load()
    if layout.encoding in ("utf-8", "utf-8-sig"):
        mark = 3 if layout.encoding == "utf-8-sig" else 0
        if _is_utf8(content):
            before = source.head[mark:].decode("utf-8", errors="ignore")[: layout.data_at]
            return content.slice(mark + len(before.encode("utf-8")))
    text = str(memoryview(content), layout.encoding, errors="replace")
    return pa.py_buffer(text[layout.data_at :].encode("utf-8"))


def _is_utf8(content: pa.Buffer) -> bool:
    """Return whether all bytes are UTF-8; nearly all files are ASCII, which is seen without a copy."""
    raw = np.frombuffer(content, dtype=np.int8)
    if not len(raw) or raw.min() >= 0:
        return True
    try:
        str(memoryview(content), "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _kept_as_text(layout: TextLayout, names: list[str]) -> list[str]:
    """Return the columns that must stay text: times would lose leading zeros, offsets or the order of their parts."""
    kept = []
    for at, name in enumerate(names):
        cells = [row[at] for row in layout.rows[:50] if row[at]]
        timely = sum(is_time(cell) and not is_number(cell, layout.decimal) for cell in cells)
        if timely > len(cells) / 2 or any(word in name.lower() for word in _TIME_WORDS):
            kept.append(name)
    return kept if layout.header is not None else sorted({*kept, names[0]})
