"""The layout of delimited text, worked out from its first lines: encoding, delimiter, decimal sign, header."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

DELIMITERS = (",", ";", "\t", "|", " ")
DELIMITER_WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
BLANKS = frozenset({"", "-", "na", "n/a", "nan", "null", "none"})
SAMPLE_LINES = 200

_NUMBER = {
    ".": re.compile(r"[+-]?[$€£]?(\d+|\d{1,3}(,\d{3}){2,})(\.\d*)?([eE][+-]?\d+)?[%KMB]?|[+-]?\.\d+|[+-]?inf", re.I),
    ",": re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3}){2,})(,\d*)?([eE][+-]?\d+)?%?|[+-]?,\d+|[+-]?inf", re.I),
}
_CLOCK = r"(\d{1,2}([:-]\d{2})*|\d{4}|\d{6})([.]\d+)?([- ]?[ap]m)?( ?(z|utc|gmt|[+-]\d\d:?(\d\d)?))?"
_MONTH = r"(\d{1,2}[- ]?[a-z]{3}[a-z]*[- ,]*\d{2,4}|[a-z]{3}[a-z]* \d{1,2},? \d{4})"
_DATE = rf"(\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}|\d{{8}}|{_MONTH})"
_TIME = re.compile(rf"{_DATE}(,? ?[T ] ?{_CLOCK})?|\d{{1,2}}:\d{{2}}(:\d{{2}})?([.]\d+)?( ?[ap]m)?", re.IGNORECASE)
_OTHER_TEXT = re.compile(r"\s*([{\[]|<(!doctype|!--|html|head|body|script|svg|\?xml)\b)", re.IGNORECASE)


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
    """

    encoding: str
    delimiter: str
    decimal: str
    header: tuple[str, ...] | None
    width: int
    rows: tuple[tuple[str, ...], ...]
    data_at: int
    banner: int

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
    best: tuple[float, str, str, list[_Line]] | None = None
    for delimiter in (hints.delimiter,) if hints.delimiter else DELIMITERS:
        lines = _split(text, delimiter, whole=whole)
        for decimal in (hints.decimal,) if hints.decimal else (".", ","):
            score = _score(lines, decimal) if decimal != delimiter else 0.0
            if score > 0 and (best is None or score > best[0]):
                best = (score, delimiter, decimal, lines)
    return _layout(encoding, *best[1:]) if best else None


def decode_head(head: bytes) -> tuple[str, str] | None:
    r"""Return the text of a head and its encoding, None when it is binary.

    >>> decode_head("Eröffnung".encode("latin-1"))
    ('Eröffnung', 'latin-1')
    >>> decode_head(b"a\x00b") is None
    True
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head[: len(head) // 2 * 2].decode("utf-16", errors="replace"), "utf-16"
    if head.startswith(codecs.BOM_UTF8):
        return head[3:].decode("utf-8", errors="replace"), "utf-8-sig"
    if b"\0" in head:
        return None
    try:
        # a cut in the middle of a character is no fault of the file
        return codecs.getincrementaldecoder("utf-8")().decode(head), "utf-8"
    except UnicodeDecodeError:
        return head.decode("latin-1"), "latin-1"


def is_number(cell: str, decimal: str = ".") -> bool:
    """Return whether a cell reads as a number under this decimal sign.

    >>> is_number("268,53", ","), is_number("268,53"), is_number("96.007.400", ",")
    (True, False, True)
    """
    return _NUMBER[decimal].fullmatch(cell.strip()) is not None


def is_time(cell: str) -> bool:
    """Return whether a cell reads as a date, a time of day or both."""
    return _TIME.fullmatch(cell.strip()) is not None


def _split(text: str, delimiter: str, *, whole: bool) -> list[_Line]:
    """Return the first lines that are not blank as cells, with where each begins."""
    lines = []
    for match in re.finditer(r"([^\r\n]*)(\r\n|\r|\n|\Z)", text):
        if match.start() == len(text) or (match.end() == len(text) and not match[2] and not whole):
            break
        if match[1].strip():
            cells = next(csv.reader([match[1]], delimiter=delimiter), [])
            lines.append(_Line(match.start(), tuple(cell.strip() for cell in cells)))
        if len(lines) >= SAMPLE_LINES:
            break
    return lines


def _score(lines: Sequence[_Line], decimal: str) -> float:
    """Return how well a delimiter and decimal sign explain the lines: share of typed cells, then number of columns."""
    if not lines:
        return 0.0
    width, count = Counter(len(line.cells) for line in lines).most_common(1)[0]
    if width < 2:
        return 0.0
    data = [line for line in lines if _is_data(line.cells, width, decimal)]
    if not data:  # a header alone: there is nothing to type, and more columns are the better guess
        return 0.01 * width / (1 + width) if _is_header(lines[0].cells) else 0.0
    cells = [cell for line in data for cell in line.cells]
    typed = sum(is_number(cell, decimal) or is_time(cell) or cell.lower() in BLANKS for cell in cells) / len(cells)
    # a full stop wins a tie over a comma
    return len(data) / len(lines) * count / len(lines) * typed**2 + 0.01 * width / (1 + width) - 1e-6 * (decimal == ",")


def _is_data(cells: Sequence[str], width: int, decimal: str) -> bool:
    typed = sum(is_number(cell, decimal) or is_time(cell) for cell in cells)
    return len(cells) == width and typed >= max(2, width / 3)


def _is_header(cells: Sequence[str]) -> bool:
    return len(cells) >= 2 and not any(cell[:1].isdigit() for cell in cells)


def _layout(encoding: str, delimiter: str, decimal: str, lines: list[_Line]) -> TextLayout:
    width = Counter(len(line.cells) for line in lines).most_common(1)[0][0]
    first = next((at for at, line in enumerate(lines) if _is_data(line.cells, width, decimal)), len(lines))
    header = lines[first - 1].cells if first and _is_header(lines[first - 1].cells) else None
    data = lines[first:]
    end = data[0].start if data else -1
    return TextLayout(
        encoding=encoding,
        delimiter=delimiter,
        decimal=decimal,
        header=header,
        width=width if data else len(header or ()),
        rows=tuple(line.cells for line in data if len(line.cells) == width),
        data_at=end,
        banner=first - (header is not None),
    )
