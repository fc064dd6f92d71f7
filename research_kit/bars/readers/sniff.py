"""The layout of delimited text, worked out from its first lines: encoding, delimiter, decimal sign, header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from research_kit.bars.readers.cells import BLANKS, is_number, is_time, is_typed
from research_kit.bars.readers.encodings import decode_head
from research_kit.bars.readers.headers import completed, header_of, is_header, names_time

__all__ = [
    "BLANKS",
    "Hints",
    "TextLayout",
    "decode_head",
    "is_number",
    "is_time",
    "plain_block",
    "sniff",
    "without_footer",
]

DELIMITERS = (",", ";", "\t", "|", "^", " ")
DELIMITER_WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", "^": "carets", " ": "spaces"}
SAMPLE_LINES = 200
BANNER_LINES = 60
_FOOTER_LINES = 20

_OTHER_TEXT = re.compile(r"\s*([{\[]|<(!doctype|!--|html|head|body|script|svg|\?xml)\b)", re.IGNORECASE)
_EXCEL_HINT = re.compile(r"\ufeff?\"?sep=(.)\"?[ \t]*(\r\n|\r|\n)", re.IGNORECASE)


@dataclass(frozen=True)
class Hints:
    """What the user said about the file; None where the file decides."""

    delimiter: str | None = None
    decimal: str | None = None
    names: tuple[str, ...] | None = None
    symbol: str = ""


@dataclass(frozen=True)
class TextLayout:
    """How delimited text is laid out.

    Parameters
    ----------
    encoding
        As Python names it; ``"utf-8"`` text is read without conversion.
    delimiter, decimal
        One character each.
    header
        The cells of the header line, None when there is none.
    width
        Cells of a data line.
    rows
        The first data lines as cells.
    data_at
        Characters (after the byte order mark) before the first data line.
    banner
        Lines above the header that are no part of the table.
    comment
        What lines begin with that are remarks, also between the rows: ``"#"``, or ``""``.
    runs
        True when several blanks stand for one delimiter.
    trailing
        True when each row ends with a delimiter: its last cell, which has no name, is none.
    doubts
        What was worked out about the layout, one sentence each.
    """

    encoding: str
    delimiter: str
    decimal: str
    header: tuple[str, ...] | None
    width: int
    rows: tuple[tuple[str, ...], ...]
    data_at: int
    banner: int
    comment: str = ""
    runs: bool = False
    trailing: bool = False
    doubts: tuple[str, ...] = ()

    def sentence(self) -> str:
        r"""Return the layout in words.

        >>> sniff(b"date;close\n2020-01-02;1,5\n", whole=True).sentence()
        'text with 2 columns separated by semicolons, decimal commas, a header, utf-8'
        """
        parts = [f"text with {self.width} columns separated by {DELIMITER_WORDS.get(self.delimiter, self.delimiter)}"]
        if self.decimal == ",":
            parts.append("decimal commas")
        parts.append("a header" if self.header else "no header")
        if self.banner:
            parts.append(f"{self.banner} line{'s' if self.banner > 1 else ''} above it")
        return ", ".join([*parts, self.encoding])


@dataclass(frozen=True)
class _Line:
    start: int
    cells: tuple[str, ...]


def sniff(head: bytes, *, whole: bool, hints: Hints | None = None) -> TextLayout | None:
    """Return the layout of text whose first bytes are ``head``, None when it is not a table of text.

    ``whole`` says that the head is the whole text; else its last line, which may be cut, is left out.
    """
    hints = hints or Hints()
    decoded = decode_head(head)
    if decoded is None:
        return None
    text, encoding = decoded
    if _OTHER_TEXT.match(text):  # JSON and HTML are no tables, whatever their commas suggest
        return None
    said = _EXCEL_HINT.match(text)
    given = hints.delimiter or (said[1] if said else None)
    best: tuple[float, str, str, list[_Line]] | None = None
    for delimiter in (given,) if given else DELIMITERS:
        lines = _split(text, delimiter, whole=whole)
        for decimal in (hints.decimal,) if hints.decimal else (".", ","):
            score = _score(lines, decimal)
            if score > 0 and (best is None or score > best[0]):
                best = (score, delimiter, decimal, lines)
    if best is None:
        return None
    layout = _layout(encoding, *best[1:])
    remarks = layout.data_at >= 0 and re.search(r"^#", text[layout.data_at :], re.MULTILINE) is not None
    return replace(layout, comment="#" if remarks else "")


def _split(text: str, delimiter: str, *, whole: bool) -> list[_Line]:
    """Return the first lines that are not blank as cells, with where each begins."""
    lines = []
    for match in re.finditer(r"([^\r\n]*)(\r\n|\r|\n|\Z)", text):
        if match.start() == len(text) or (match.end() == len(text) and not match[2] and not whole):
            break
        if match[1].strip():
            lines.append(_Line(match.start(), _cells(match[1], delimiter)))
        if len(lines) >= SAMPLE_LINES:
            break
    return lines


def _cells(line: str, delimiter: str) -> tuple[str, ...]:
    line = line.lstrip("\ufeff")
    if delimiter == " ":
        line = re.sub(" +", " ", line.strip())
    cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    return tuple(cell.strip() for cell in cells)


def _score(lines: Sequence[_Line], decimal: str) -> float:
    """Return how well a delimiter and decimal sign explain the lines: share of typed cells, then number of columns."""
    if not lines:
        return 0.0
    first, width = _table(lines, decimal)
    if first == len(lines):  # a header alone: there is nothing to type, and more columns are the better guess
        return 0.01 * width / (1 + width) if width >= 2 and is_header(lines[0].cells) else 0.0
    below = lines[first:]
    data = [line for line in below if _is_data(line.cells, width, decimal)]
    cells = [cell for line in data for cell in line.cells]
    typed = sum(is_typed(cell, decimal) or cell.lower() in BLANKS for cell in cells) / len(cells)
    even = sum(len(line.cells) == width for line in below) / len(below)
    if first and len(lines[first - 1].cells) != width:  # names or nothing should stand above the data
        even *= 0.9
    unread = sum(len(line.cells) == width and not is_header(line.cells) for line in lines[:first])
    # a full stop wins a tie over a comma
    return len(data) / (len(below) + unread) * even * typed**2 + 0.01 * width / (1 + width) - 1e-6 * (decimal == ",")


def _table(lines: Sequence[_Line], decimal: str) -> tuple[int, int]:
    """Return where the data begin and how many cells their lines have; the number of lines where there are none."""
    widths = Counter(len(line.cells) for line in lines if _is_data(line.cells, len(line.cells), decimal))
    width = max(widths, key=lambda cells: (widths[cells], cells), default=0)
    found = (at for at, line in enumerate(lines) if width and _is_data(line.cells, width, decimal))
    first = next(found, len(lines))
    if first > BANNER_LINES or not width:
        return len(lines), Counter(len(line.cells) for line in lines).most_common(1)[0][0]
    return first, width


def _is_data(cells: Sequence[str], width: int, decimal: str) -> bool:
    if len(cells) != width or width < 2 or cells[0].startswith("#") or names_time(cells[0]):
        return False
    typed = sum(is_typed(cell, decimal) for cell in cells)
    return typed >= max(2, width / 3)


def _layout(encoding: str, delimiter: str, decimal: str, lines: list[_Line]) -> TextLayout:
    first, width = _table(lines, decimal)
    data = lines[first:]
    rows = tuple(line.cells for line in data if len(line.cells) == width)
    header, above = header_of([_uncommented(line.cells) for line in lines[:first]])
    doubt = ""
    if header is not None and rows:
        header, doubt = completed(header, rows)
    unnamed_end = bool(header and rows) and not (header or ("",))[-1] and not any(row[-1] for row in rows)
    return TextLayout(
        encoding=encoding,
        delimiter=delimiter,
        decimal=decimal,
        header=header,
        width=width if data else len(header or ()),
        rows=rows,
        data_at=data[0].start if data else -1,
        banner=first - above,
        runs=delimiter == " ",
        trailing=unnamed_end,
        doubts=(doubt,) if doubt else (),
    )


def _uncommented(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Return a line without the sign of a remark: some write it before the names of their columns."""
    bare = cells[0].lstrip("#").strip() if cells else ""
    return (bare, *cells[1:]) if bare or len(cells) < 2 else cells[1:] if cells[0].startswith("#") else cells


def plain_block(text: bytes, layout: TextLayout) -> bytes:
    r"""Return whole lines (as UTF-8) with one delimiter between cells, and without lines that are remarks.

    >>> layout = sniff(b"date    close\n2020-01-02   1.5\n# half a day\n", whole=True)
    >>> plain_block(b"2020-01-02   1.5\n# half a day\n2020-01-03  10.5 \n", layout)
    b'2020-01-02 1.5\n2020-01-03 10.5\n'
    """
    if layout.comment:
        text = re.sub(rb"(?m)^" + re.escape(layout.comment.encode()) + rb"[^\r\n]*(\r\n|\r|\n|\Z)", b"", text)
    if layout.runs:
        text = re.sub(rb"(?m)^ +| +(?=\r?$)", b"", re.sub(rb" {2,}", b" ", text))
    return text


def without_footer(text: bytes, layout: TextLayout) -> tuple[bytes, tuple[str, ...]]:
    r"""Return the end of a file (as UTF-8) without the remarks below the table, and those remarks.

    A remark has another number of cells than the rows and neither times nor numbers: a row that was cut short stays.

    >>> layout = sniff(b"date,close\n2020-01-02,1.5\n", whole=True)
    >>> without_footer(b"2020-01-03,1.5\nSource: example.org\n", layout)
    (b'2020-01-03,1.5\n', ('Source: example.org',))
    """
    remarks: list[str] = []
    end = len(text)
    while end and len(remarks) < _FOOTER_LINES:
        start = max(text.rfind(b"\n", 0, end - 1), text.rfind(b"\r", 0, end - 1)) + 1
        line = text[start:end].decode(errors="replace").strip()
        cells = _cells(line, layout.delimiter) if line else ()
        filled = [cell for cell in cells if cell]
        if any(is_typed(cell, layout.decimal) for cell in filled) or len(filled) == layout.width:
            break
        end = start
        remarks += [line] if line else []
    return text[:end], tuple(reversed(remarks))
