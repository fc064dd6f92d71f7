"""The reader of JSON: vendors' replies, pandas' layouts, rows, columns, lists of candles and JSON lines."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from research_kit.bars.readers.base import RawTable, Source
from research_kit.bars.readers.json_shapes import message_of, payload_of
from research_kit.bars.readers.lists import choose_layout
from research_kit.bars.readers.records import Payload, Records
from research_kit.bars.readers.sniff import decode_head
from research_kit.bars.readers.wide import narrowed_blocks
from research_kit.errors import DataError, UnknownFormatError

MAX_WHOLE = 1 << 30
"""Most bytes of JSON that is parsed whole: 1 GiB. Lists of rows and JSON lines are read in blocks, without limit."""

_LONGEST_ROW = 1 << 22
_DEEPEST = 200
_COUNTS = ("resultsCount", "queryCount", "count", "totalCount")
_START = 1 << 16
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|"')
_BLANK = re.compile(r"\s*")


class Json:
    """JSON, recognised by its first sign and by what stands in its first rows.

    Parameters
    ----------
    block_rows
        Rows of a block, where rows are read in blocks.
    """

    name = "JSON"

    def __init__(self, block_rows: int = 50_000) -> None:
        self.block_rows = block_rows

    def recognise(self, source: Source) -> str | None:
        text = _head_text(source)
        if not text.startswith(("{", "[")):
            return None
        if _is_lines(text):
            return "JSON lines"
        try:
            value = _start(text, whole=source.whole)
            found = payload_of(value, source.hints.symbol)
            return _sentence(found, source) if found else "JSON"
        except (DataError, ValueError, RecursionError):
            return "JSON"  # its fault is told when it is read

    def read(self, source: Source) -> Iterator[RawTable]:
        yield from narrowed_blocks(self.tables(source), source.hints.symbol, source.name)

    def tables(self, source: Source) -> Iterator[RawTable]:
        """Yield the blocks with the columns of all symbols, where there are several side by side."""
        text = _head_text(source)
        records = Records(source.name, source.hints.names)
        parser = _Parser(source.name)
        if _is_lines(text):
            blocks = _streamed(source, parser, self.block_rows, listed=False)
        elif not source.whole and _has_rows_at_top(text, source):
            blocks = _streamed(source, parser, self.block_rows, listed=True)
        else:
            blocks = iter([(_payload(parser.parsed(_whole_text(source)), source), 0)])
        for payload, bytes_read in blocks:
            raw = records.table(payload)
            yield replace(raw, bytes_read=bytes_read, doubts=(*raw.doubts, *parser.doubts()))


def _sentence(found: Payload, source: Source) -> str:
    """Return what was recognised; of rows without names, what their cells are."""
    rows = [row for row in found.rows or () if isinstance(row, list)]
    if not rows or found.names or source.hints.names is not None:
        return found.words
    return f"{found.words}: {choose_layout(rows[:-1] or rows, source.name).shown()}"  # the last may be cut


def _payload(value: Any, source: Source) -> Payload:
    found = payload_of(value, source.hints.symbol, source.name)
    if found is not None and not found.is_empty:
        return found
    message = message_of(value)
    if message:
        raise DataError(
            f"{source.name} holds no prices, but this message: {message[:300]!r}; ask the vendor again for the prices."
        )
    if found is not None or value in ([], {}) or (isinstance(value, Mapping) and 0 in map(value.get, _COUNTS)):
        raise DataError(f"{source.name} is JSON without rows: the vendor returned no prices for what was asked.")
    shown = f"an object with {', '.join(map(repr, list(value)[:6]))}" if isinstance(value, Mapping) else "a list"
    raise UnknownFormatError(
        f"{source.name} is JSON ({shown}), but no rows or columns of times and prices were found in it; give rows such "
        'as [{"time": ..., "open": ..., "high": ..., "low": ..., "close": ...}].'
    )


def _head_text(source: Source) -> str:
    decoded = decode_head(source.head)
    return decoded[0].lstrip() if decoded else ""


@dataclass
class _Parser:
    """Parses JSON strictly, and remembers what JSON does not have but files do."""

    source: str
    _constants: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=self._constant)

    def parsed(self, text: str) -> Any:
        """Return the value of a whole text. Raises DataError where it is none."""
        try:
            return self.decoder.decode(text)
        except json.JSONDecodeError as error:
            place = f"line {error.lineno:,}, column {error.colno:,}"
            seen = text[error.pos : error.pos + 30]
            at = f"{place}, at {seen!r}" if seen else f"{place}, where the text ends: it is probably cut short"
            raise DataError(f"{self.source} is no valid JSON: {error.msg} ({at}); write it again.") from None
        except RecursionError:
            raise self.too_deep() from None
        except DataError:
            raise
        except ValueError as error:  # a whole number of thousands of digits
            raise DataError(f"{self.source} holds a number that cannot be read: {str(error).split(';')[0]}.") from None

    def too_deep(self) -> DataError:
        return DataError(f"{self.source} is JSON nested too deeply to be a table of prices.")

    def doubts(self) -> tuple[str, ...]:
        shown = " and ".join(self._constants)
        return (f"It holds {shown}, which is no JSON and was read as no number.",) if self._constants else ()

    def _constant(self, name: str) -> float | None:
        if name != "NaN":
            return float(name)
        self._constants[name] = None
        return None

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in made if names.count(name) > 1)
            raise DataError(
                f"{self.source} has the key {twice!r} twice in one object, so that one of the two would be lost; write "
                "it again with each key once."
            )
        return made


def _whole_text(source: Source) -> str:
    parts, size = [], 0
    for part, _ in _texts(source):
        size += len(part)
        if size > MAX_WHOLE:
            raise DataError(
                f"{source.name} has more than {MAX_WHOLE:,} bytes of JSON that must be parsed as a whole; write its "
                "rows as JSON lines (one object for each line), CSV or Parquet, which are read in blocks."
            )
        parts.append(part)
    return "".join(parts)


def _texts(source: Source) -> Iterator[tuple[str, int]]:
    decoded = decode_head(source.head)
    decoder = codecs.getincrementaldecoder(decoded[1] if decoded else "utf-8")(errors="replace")
    for block, bytes_read in source.chunks():
        yield decoder.decode(block), bytes_read
    yield decoder.decode(b"", final=True), 0


def _streamed(source: Source, parser: _Parser, size: int, *, listed: bool) -> Iterator[tuple[Payload, int]]:
    """Yield the rows of a list, or of JSON lines, in blocks."""
    first: Payload | None = None
    rows: list[Any] = []
    bytes_read = 0
    for row, bytes_read in _values(source, parser, listed=listed):
        rows.append(row)
        if len(rows) == size:
            first = first or _payload(rows, source)
            yield replace(first, rows=rows), bytes_read
            rows = []
    if rows or first is None:
        first = first or _payload(rows, source)
        yield replace(first, rows=rows), bytes_read


def _values(source: Source, parser: _Parser, *, listed: bool) -> Iterator[tuple[Any, int]]:
    """Yield the items of a list, or values one after the other, holding no more text than a block and a row."""
    text, bytes_read, state = "", 0, "start" if listed else "value"
    for part, read_now in _texts(source):
        text, at, bytes_read = text + part, 0, read_now or bytes_read
        while True:
            at = _BLANK.match(text, at).end()  # type: ignore[union-attr]
            if at == len(text):
                break
            if listed and state != "value":
                state, at = _sign(text, at, state, source), at + 1
                continue
            found = _value_at(text, at, parser)
            if found is None:
                break
            row, at = found
            state = "row" if listed else "value"
            yield row, bytes_read
        text = text[at:]
    if text or (listed and state != "end"):
        seen = repr(text[:40]) if text else "its last row"
        raise DataError(f"{source.name} is JSON that is cut short or damaged at {seen}; write it again.")


def _sign(text: str, at: int, state: str, source: Source) -> str:
    """Return what comes after a sign between rows: ``"value"`` or ``"end"``."""
    expected = {"start": "[", "row": ",]", "end": ""}[state]
    if text[at] not in expected or not expected:
        raise DataError(
            f"{source.name} is no valid JSON: {text[at : at + 30]!r} stands where a row ended; write it again."
        )
    return "end" if text[at] == "]" else "value"


def _value_at(text: str, at: int, parser: _Parser) -> tuple[Any, int] | None:
    """Return the value that begins here and where it ends, None when the rest of it is still to come."""
    if text[at] not in "{[":
        raise DataError(f"{parser.source} is JSON whose rows are no lists or objects: {text[at : at + 40]!r}.")
    try:
        return parser.decoder.raw_decode(text, at)
    except json.JSONDecodeError:
        if len(text) - at > _LONGEST_ROW:
            raise DataError(
                f"{parser.source} is no valid JSON: a row that begins with {text[at : at + 60]!r} does not end."
            ) from None
        return None
    except RecursionError:
        raise parser.too_deep() from None


def _is_lines(text: str) -> bool:
    """Return whether a second value comes after the first."""
    if not text.startswith(("{", "[")):
        return False
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return text[end:].lstrip().startswith(text[0])


def _has_rows_at_top(text: str, source: Source) -> bool:
    try:
        found = payload_of(_start(text, whole=False), source.hints.symbol)
    except (DataError, ValueError, RecursionError):
        return False
    return found is not None and found.is_top


def _start(text: str, *, whole: bool) -> Any:
    """Return the value that a text begins, cut after its last complete part."""
    if whole and len(text) <= _START:
        return json.loads(text)
    return json.loads(closed(text[:_START]))


def closed(text: str) -> str:
    """Return the beginning of a JSON text as valid JSON: cut after its last complete part, brackets closed.

    >>> closed('{"close": [1, 2.5], "time": [10, 2')
    '{"close": [1, 2.5], "time": [10]}'
    """
    open_brackets: list[str] = []
    cut, closing = 0, ""
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == '"' or len(open_brackets) > _DEEPEST:  # a text that is cut, or a nesting that is no table
            break
        if token in ("{", "["):
            open_brackets.append("}" if token == "{" else "]")
            cut, closing = match.end(), "".join(reversed(open_brackets))
        elif token in ("}", "]") and open_brackets:
            open_brackets.pop()
            cut, closing = match.end(), "".join(reversed(open_brackets))
            if not open_brackets:
                break
        elif token == ",":
            cut, closing = match.start(), "".join(reversed(open_brackets))
    return text[:cut] + closing
