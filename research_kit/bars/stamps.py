"""Times written as text, read by position: all rows of one width at once, so that five million take a second."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.timeframe import DAY, HOUR, MINUTE, SECOND
from research_kit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

FIRST_YEAR, LAST_YEAR = 1900, 2100
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_DATE = r"(?:(?P<Y>\d{4})[-/.]?(?P<M>\d\d)[-/.]?(?P<D>\d\d)|(?P<A>\d\d)[-/. ]+(?P<B>\d\d)[-/., ]+(?P<y>\d{4}|\d\d))"
_CLOCK = r"(?P<h>\d\d):?(?:(?P<m>\d\d):?(?:(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?)?)?(?:[- ]?(?P<p>[AaPp])[Mm])?"
_ZONE = r" ?(?P<z>Z|(?P<zs>[+-])(?P<zh>\d\d):?(?P<zm>\d\d)?)"
_STAMP = re.compile(rf"{_DATE}(?:[T ,;_]*{_CLOCK}(?:{_ZONE})?)?")
_MOST_TEMPLATES = 8


@dataclass(frozen=True)
class WallTimes:
    """What text says, before any zone is applied.

    Parameters
    ----------
    wall_ns
        Date and time as written, nanoseconds since 1970-01-01 00:00 of the same clock.
    offset_ns
        Offset from UTC that was written with it; 0 where none was.
    has_offset, bad
        Where an offset was written; where there is no time at all, or none between 1900 and 2100.
    """

    wall_ns: NDArray[np.int64]
    offset_ns: NDArray[np.int64]
    has_offset: NDArray[np.bool_]
    bad: NDArray[np.bool_]


@dataclass
class _Fields:
    """The numbers that stand in each row: for dates led by the year ``a`` is the month and ``b`` the day."""

    year: NDArray[np.int32]
    a: NDArray[np.int32]
    b: NDArray[np.int32]
    clock_ns: NDArray[np.int64]
    offset_ns: NDArray[np.int64]
    has_offset: NDArray[np.bool_]
    open_order: NDArray[np.bool_]
    bad: NDArray[np.bool_]

    @classmethod
    def empty(cls, size: int) -> _Fields:
        year, a, b = np.zeros((3, size), dtype=np.int32)
        clock_ns, offset_ns = np.zeros((2, size), dtype=np.int64)
        has_offset, open_order = np.zeros((2, size), dtype=np.bool_)
        return cls(year, a, b, clock_ns, offset_ns, has_offset, open_order, bad=np.ones(size, dtype=np.bool_))


def read_stamps(column: pa.ChunkedArray, *, day_first: bool | None = None) -> WallTimes:
    """Return the times that a column of text holds.

    Read are dates led by the year (``2020-01-31``, ``2020/01/31``, ``20200131``), by the day or month (``31.01.2020``,
    ``1/31/2020``, ``31-Jan-20``, ``Jan 31, 2020``), each alone or with a time of day (``9:30``, ``09:30:00.123``,
    ``093000``, ``09-AM``) and an offset (``Z``, ``-05:00``). Whether ``03/01`` is March or January is decided once for
    the whole column: by a number above 12, else by the one order in which the rows are sorted, else by ``day_first``.

    Raises
    ------
    DataError
        The order of day and month cannot be told.
    """
    first = _first(column)
    fields = _fields(column)
    if fields.bad.any():  # most files need no tidying, and it takes as long as reading
        fields = _fields(_tidied(column))
    dotted = bool(re.match(r"\d{1,2}\.\d{1,2}\.", first))
    named = _named_order(first)
    day_leads = day_first if day_first is not None else (True if dotted else named)
    return _assemble(fields, day_leads)


def _fields(column: pa.ChunkedArray) -> _Fields:
    import pyarrow as pa

    parts = [_chunk_fields(chunk) for chunk in column.cast(pa.string()).chunks] or [_Fields.empty(0)]
    return _Fields(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Fields.__annotations__))


def _first(column: pa.ChunkedArray) -> str:
    return next((cell for chunk in column.chunks for cell in chunk.slice(0, 100).to_pylist() if cell), "")


def _named_order(cell: str) -> bool | None:
    """Return whether the day leads where the month is a word, None where it is a number."""
    return cell.strip()[:1].isdigit() if re.search("|".join(MONTHS), cell.lower()) else None


def _tidied(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the text with months as numbers, single digits padded, and no blanks around it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    first = _first(text)
    if re.search(r"[A-Za-z]{3,}", first):
        text = pc.replace_substring_regex(text, r"(?i)\s*(UTC|GMT)$", "Z")
        for number, month in enumerate(MONTHS, start=1):
            text = pc.replace_substring_regex(text, rf"(?i)\b{month}[a-z]*\.?", f"{number:02d}")
    if pc.any(pc.match_substring_regex(text, r"(^|[-/ :])\d([-/ :,.]|$)|^\d\.")).as_py():
        dots = "." if re.match(r"\d{1,2}\.\d{1,2}\.", first) else ""
        for _ in range(2):  # twice, for neighbours share the sign between them
            text = pc.replace_substring_regex(text, rf"(^|[-/ :,T{dots}])(\d)([-/ :,.])", r"\10\2\3")
        text = pc.replace_substring_regex(text, r"([-/ :])(\d)$", r"\10\2")
    return text


def _chunk_fields(chunk: pa.StringArray) -> _Fields:
    """Return the fields of one chunk, one width of text at a time."""
    fields = _Fields.empty(len(chunk))
    if not len(chunk):
        return fields
    offsets, data = _bytes_of(chunk)
    widths = np.diff(offsets)
    if chunk.null_count:
        widths = np.where(np.asarray(chunk.is_null()), 0, widths)
    same = widths.min() == widths.max()
    for width in [int(widths[0])] if same else np.unique(widths).tolist():
        if not 6 <= width <= 40:
            continue
        rows = np.arange(len(chunk)) if same else np.flatnonzero(widths == width)
        if same:
            cells = data[offsets[0] : offsets[-1]].reshape(len(rows), width)
        else:
            cells = data[offsets[rows][:, None] + np.arange(width)]
        _read_width(cells, rows, fields)
    return fields


def _bytes_of(chunk: pa.StringArray) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    _, offsets, data = chunk.buffers()
    at = np.frombuffer(offsets, dtype=np.int32)[chunk.offset : chunk.offset + len(chunk) + 1].astype(np.int64)
    return at, np.frombuffer(data or b"", dtype=np.uint8)


def _read_width(cells: NDArray[np.uint8], rows: NDArray[np.int64], fields: _Fields) -> None:
    """Read rows of one width: by the template of the first, then of the first that does not fit, and so on."""
    for _ in range(_MOST_TEMPLATES):
        if not len(rows):
            return
        template = _STAMP.fullmatch(cells[0].tobytes().decode("latin-1"))
        if template is None:  # the row stays bad; the others still have their chance
            others = ~_same_shape(cells)
            cells, rows = cells[others], rows[others]
            continue
        fits = _fits(cells, template)
        whole = bool(fits.all())
        _fill(fields, rows if whole else rows[fits], cells if whole else cells[fits], template)
        if whole:
            return
        cells, rows = cells[~fits], rows[~fits]


def _same_shape(cells: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the rows with digits where the first has digits, and the same signs elsewhere."""
    digits = _is_digit(cells)
    same: NDArray[np.bool_] = ((digits == digits[0]) & (digits | (cells == cells[0]))).all(axis=1)
    return same


def _is_digit(cells: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return (cells - np.uint8(48)) < 10  # bytes below "0" wrap round to large numbers


def _fits(cells: NDArray[np.uint8], template: re.Match[str]) -> NDArray[np.bool_]:
    """Return the rows that have digits and separators where the template has them."""
    free = {template.start(name) for name in ("p", "zs") if template[name]}
    fits = np.ones(len(cells), dtype=np.bool_)
    for at, sign in enumerate(template.string):
        if at not in free:
            column = cells[:, at]
            fits &= ((column - np.uint8(48)) < 10) if sign.isdigit() else (column == ord(sign))
    return fits


def _fill(fields: _Fields, rows: NDArray[np.int64], cells: NDArray[np.uint8], template: re.Match[str]) -> None:
    def number(name: str) -> NDArray[np.int32]:
        return _digits(cells, *template.span(name))

    if template["Y"]:
        fields.year[rows], fields.a[rows], fields.b[rows] = number("Y"), number("M"), number("D")
    else:
        year = number("y")
        short = template.end("y") - template.start("y") == 2
        fields.year[rows] = np.where(year < 69, 2000, 1900) + year if short else year  # as POSIX reads two digits
        fields.a[rows], fields.b[rows] = number("A"), number("B")
        fields.open_order[rows] = True
    clock, valid = _clock(cells, template)
    fields.clock_ns[rows] = clock
    fields.bad[rows] = ~valid
    if template["z"]:
        fields.has_offset[rows] = True
        fields.offset_ns[rows] = _offset(cells, template)


def _clock(cells: NDArray[np.uint8], template: re.Match[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the time of day in nanoseconds, and where it is one."""
    clock = np.zeros(len(cells), dtype=np.int64)
    valid = np.ones(len(cells), dtype=np.bool_)
    for name, unit, limit in (("h", HOUR, 24), ("m", MINUTE, 60), ("s", SECOND, 60)):
        if template[name]:
            number = _digits(cells, *template.span(name))
            valid &= number < limit
            if name == "h" and template["p"]:
                valid &= (number >= 1) & (number <= 12)
                number = number % 12 + 12 * ((cells[:, template.start("p")] | 0x20) == ord("p"))
            clock += number.astype(np.int64) * unit
    if template["f"]:
        start, end = template.span("f")
        clock += _digits(cells, start, end).astype(np.int64) * 10 ** (9 - (end - start))
    return clock, valid


def _offset(cells: NDArray[np.uint8], template: re.Match[str]) -> NDArray[np.int64] | int:
    if template["z"] == "Z":
        return 0
    hours = _digits(cells, *template.span("zh")).astype(np.int64) * HOUR
    minutes = _digits(cells, *template.span("zm")).astype(np.int64) * MINUTE if template["zm"] else 0
    offset: NDArray[np.int64] = np.where(cells[:, template.start("zs")] == ord("-"), -1, 1) * (hours + minutes)
    return offset


def _digits(cells: NDArray[np.uint8], start: int, end: int) -> NDArray[np.int32]:
    number = np.zeros(len(cells), dtype=np.int32)
    for at in range(start, end):
        number = number * np.int32(10) + (cells[:, at] - np.uint8(48))
    return number


def _assemble(fields: _Fields, day_leads: bool | None) -> WallTimes:
    month, day = fields.a, fields.b
    open_rows = fields.open_order & ~fields.bad
    if open_rows.any():
        if day_leads is None:
            day_leads = _day_leads(fields, open_rows)
        if day_leads:
            month, day = (np.where(open_rows, *pair) for pair in ((fields.b, fields.a), (fields.a, fields.b)))
    date_ns, valid = days_ns(fields.year, month, day)
    bad = fields.bad | ~valid
    wall = np.where(bad, 0, date_ns + fields.clock_ns)
    return WallTimes(wall, fields.offset_ns, fields.has_offset, bad)


def _day_leads(fields: _Fields, rows: NDArray[np.bool_]) -> bool:
    """Return whether the day stands before the month, decided by the whole column."""
    a, b = fields.a[rows], fields.b[rows]
    # a few slips (13/13/2020) must not turn the decision: most of what is decisive decides
    day_first, month_first = int((a > 12).sum()), int((b > 12).sum())
    if day_first != month_first:
        return day_first > month_first
    sorted_orders = [leads for leads in (True, False) if _is_sorted(fields, rows, leads)]
    if len(sorted_orders) == 1:
        return sorted_orders[0]
    year = int(fields.year[rows][0])
    raise DataError(
        f"It cannot be told which is the day and which the month in dates such as {a[0]:02d}/{b[0]:02d}/{year}; "
        "say day_first=True or day_first=False."
    )


def _is_sorted(fields: _Fields, rows: NDArray[np.bool_], day_leads: bool) -> bool:
    month, day = (fields.b, fields.a) if day_leads else (fields.a, fields.b)
    dates, valid = days_ns(fields.year[rows], month[rows], day[rows])
    steps = np.diff(dates + fields.clock_ns[rows])
    return bool(valid.all() and ((steps >= 0).all() or (steps <= 0).all()))


def days_ns(
    year: NDArray[np.int32], month: NDArray[np.int32], day: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return dates as nanoseconds since 1970, and where they exist and lie between 1900 and 2100."""
    inside = (year >= FIRST_YEAR) & (year <= LAST_YEAR) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(inside, (year.astype(np.int64) - 1970) * 12 + month - 1, 0)
    firsts = months.view("datetime64[M]").astype("datetime64[D]")
    dates = firsts + (day.astype(np.int64) - 1)
    valid = inside & (day <= 31) & (dates.astype("datetime64[M]") == months.view("datetime64[M]"))
    return np.where(valid, dates.astype(np.int64), 0) * DAY, valid
