"""Times written as text, read by position: all rows of one width at once, so that five million take a second."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.timeframe import HOUR
from research_kit.bars.times.stamp_cells import (
    clock_parts,
    date_parts,
    days_ns,
    fits_template,
    offset_parts,
    same_shape,
    word_keys,
)
from research_kit.bars.times.stamp_grammar import FIXED_ZONES, template_of, zone_name
from research_kit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

Order = Literal["", "dmy", "mdy", "ymd"]
_WIDTHS = 6, 64
_MOST_TEMPLATES = 12
_TIDY = (
    (r"[\s\x{00A0}\x{202F}]+", " "),
    (r" *[\[(][^\])]*[\])]$", ""),
    (r"[年月]", "-"),
    (r"日", ""),
    (r"[时時点分](\d)", r":\1"),
    (r"[时時点分秒]$", ""),
)
_LEADING = {"dmy": "the day", "mdy": "the month", "ymd": "the year"}


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
    zone
        Place in ``zones`` of the zone that was written with it, counted from 1; 0 where none was.
    zones
        IANA names, and abbreviations that several zones share.
    """

    wall_ns: NDArray[np.int64]
    offset_ns: NDArray[np.int64]
    has_offset: NDArray[np.bool_]
    bad: NDArray[np.bool_]
    zone: NDArray[np.int16]
    zones: tuple[str, ...] = ()


@dataclass
class _Fields:
    """The numbers that stand in each row: in rows of open order ``a`` is the first number, ``b`` the second."""

    year: NDArray[np.int32]
    a: NDArray[np.int32]
    b: NDArray[np.int32]
    clock_ns: NDArray[np.int64]
    offset_ns: NDArray[np.int64]
    has_offset: NDArray[np.bool_]
    open_order: NDArray[np.bool_]
    zone: NDArray[np.int16]
    bad: NDArray[np.bool_]

    @classmethod
    def empty(cls, size: int) -> _Fields:
        year, a, b = (np.zeros(size, dtype=np.int32) for _ in range(3))
        clock_ns, offset_ns = (np.zeros(size, dtype=np.int64) for _ in range(2))
        has_offset, open_order = (np.zeros(size, dtype=np.bool_) for _ in range(2))
        zone = np.zeros(size, dtype=np.int16)
        return cls(year, a, b, clock_ns, offset_ns, has_offset, open_order, zone, bad=np.ones(size, dtype=np.bool_))

    def part(self, rows: slice) -> _Fields:
        """Return some rows, as views."""
        return _Fields(*(getattr(self, name)[rows] for name in _Fields.__annotations__))

    def put(self, rows: NDArray[np.int64], part: _Fields) -> None:
        for name in _Fields.__annotations__:
            getattr(self, name)[rows] = getattr(part, name)


def read_stamps(column: pa.ChunkedArray, *, day_first: bool | None = None) -> WallTimes:
    """Return the times that a column of text holds, as one block; ``StampReader`` has the rules."""
    return StampReader(day_first).read(column)


@dataclass
class StampReader:
    """Reads times written as text, block by block.

    Read are dates led by the year (``2020-01-31``, ``2020/01/31``, ``20200131``), by the day or month (``31.01.2020``,
    ``1/31/2020``), with a month's name (``31-Jan-20``, ``Jan 31, 2020``, ``31 janvier 2020``), each alone or with a
    time of day (``9:30``, ``09:30:00.123``, ``093000``, ``09-AM``) and a zone (``Z``, ``-05:00``, ``EST``,
    ``US/Eastern``); months (``2020-01``) and quarters (``2020Q1``) stand for their first day, 24:00 for the next
    midnight. Whether ``03/01`` is March or January is decided once for all rows: by numbers above 12, else by full
    stops (the day leads), else by the one order in which the rows are sorted, else by ``day_first``.
    """

    day_first: bool | None = None
    order: Order = ""
    _zones: list[str] = field(default_factory=list)
    _dotted: bool = False
    _short_years: bool = False

    def read(self, column: pa.ChunkedArray) -> WallTimes:
        """Return the times of the next block.

        Raises
        ------
        DataError
            The order of day and month cannot be told, or rows contradict the order of those before.
        """
        import pyarrow as pa

        fields = self._fields(column.cast(pa.string()))
        self._read_tidied(column, fields)
        return self._assemble(fields)

    def _fields(self, column: pa.ChunkedArray) -> _Fields:
        fields = _Fields.empty(len(column))
        at = 0
        for chunk in column.chunks:
            self._read_chunk(chunk, fields.part(slice(at, at + len(chunk))))
            at += len(chunk)
        return fields

    def _read_tidied(self, column: pa.ChunkedArray, fields: _Fields) -> None:
        """Read the rows again that could not be read, without blanks around them, then without other decoration."""
        import pyarrow as pa

        for tidy in (_trimmed, _tidied):
            rows = np.flatnonzero(fields.bad)
            if len(rows):
                text = column if len(rows) == len(column) else column.take(pa.array(rows))
                fields.put(rows, self._fields(tidy(text)))

    def _read_chunk(self, chunk: pa.StringArray, fields: _Fields) -> None:
        """Read one chunk into its fields, one width of text at a time."""
        if not len(chunk):
            return
        offsets, data = _bytes_of(chunk)
        widths = np.diff(offsets)
        if chunk.null_count:
            widths = np.where(np.asarray(chunk.is_null()), 0, widths)
        same = widths.min() == widths.max()
        for width in [int(widths[0])] if same else np.unique(widths).tolist():
            if not _WIDTHS[0] <= width <= _WIDTHS[1]:
                continue
            if same:
                cells, rows = data[offsets[0] : offsets[-1]].reshape(len(chunk), width), np.arange(len(chunk))
            else:
                rows = np.flatnonzero(widths == width)
                cells = np.lib.stride_tricks.sliding_window_view(data, width)[offsets[rows]]
            self._read_width(cells, rows, fields)

    def _read_width(self, cells: NDArray[np.uint8], rows: NDArray[np.int64], fields: _Fields) -> None:
        """Read rows of one width: by the template of the first, then of the first that does not fit, and so on."""
        for _ in range(_MOST_TEMPLATES):
            if not len(rows):
                return
            template = template_of(cells[0].tobytes().decode("latin-1"))
            if template is None:  # the row stays bad; the others still have their chance
                others = ~same_shape(cells)
                cells, rows = cells[others], rows[others]
                continue
            fits = fits_template(cells, template)
            whole = bool(fits.all())
            self._fill(fields, rows if whole else rows[fits], cells if whole else cells[fits], template)
            if whole:
                return
            cells, rows = cells[~fits], rows[~fits]

    def _fill(
        self, fields: _Fields, rows: NDArray[np.int64], cells: NDArray[np.uint8], template: re.Match[str]
    ) -> None:
        parts = template.groupdict()
        fields.year[rows], fields.a[rows], fields.b[rows] = date_parts(cells, template)
        if parts.get("A"):
            fields.open_order[rows] = True
            self._dotted |= "." in parts["sep"]
            self._short_years |= len(parts["Y"]) == 2
        clock, valid = clock_parts(cells, template)
        fields.clock_ns[rows] = clock
        if parts.get("zs"):
            fields.has_offset[rows] = True
            fields.offset_ns[rows] = offset_parts(cells, template)
        elif parts.get("zw"):
            self._fill_zone(fields, rows, cells[:, slice(*template.span("zw"))], valid)
        fields.bad[rows] = ~valid

    def _fill_zone(
        self, fields: _Fields, rows: NDArray[np.int64], words: NDArray[np.uint8], valid: NDArray[np.bool_]
    ) -> None:
        """Take the zones that are written behind the times; ``valid`` loses rows with other words."""
        keys = word_keys(words, case=0)
        for key in [keys[0]] if (keys == keys[0]).all() else np.unique(keys):
            of_word = keys == key
            word = words[int(np.argmax(of_word))].tobytes().decode("latin-1")
            name = zone_name(word)
            if word in FIXED_ZONES:
                fields.has_offset[rows[of_word]] = True
                fields.offset_ns[rows[of_word]] = FIXED_ZONES[word] * HOUR
            elif name:
                if name not in self._zones:
                    self._zones.append(name)
                fields.zone[rows[of_word]] = self._zones.index(name) + 1
            else:
                valid &= ~of_word

    def _assemble(self, fields: _Fields) -> WallTimes:
        year, month, day = fields.year, fields.a, fields.b
        open_rows = fields.open_order & ~fields.bad
        if open_rows.any():
            self._settle_order(fields, open_rows)
            if self.order != "mdy":
                parts = _ordered(fields, open_rows, self.order)
                year, month, day = year.copy(), month.copy(), day.copy()
                year[open_rows], month[open_rows], day[open_rows] = parts
        date_ns, valid = days_ns(year, month, day)
        bad = fields.bad | ~valid
        wall = np.where(bad, 0, date_ns + fields.clock_ns)
        return WallTimes(wall, fields.offset_ns, fields.has_offset, bad, fields.zone, tuple(self._zones))

    def _settle_order(self, fields: _Fields, rows: NDArray[np.bool_]) -> None:
        """Decide by the first block which number is the day, and hold the others to it."""
        a, b = fields.a[rows], fields.b[rows]
        day_leads, month_leads = int((a > 12).sum()), int((b > 12).sum())
        if self.order:
            against = {"dmy": month_leads - day_leads, "mdy": day_leads - month_leads, "ymd": 0}[self.order]
            if against > 0 and self.day_first is None:
                self._refuse_order(a, b, fields.year[rows])
            return
        if self.day_first is not None:
            self.order = "dmy" if self.day_first else "mdy"
        # a few slips (13/13/2020) must not turn the decision: most of what is decisive decides
        elif day_leads != month_leads:
            self.order = "dmy" if day_leads > month_leads else "mdy"
        elif self._dotted:
            self.order = "dmy"
        if self._short_years and self.day_first is None and self._year_leads(fields, rows):
            self.order = "ymd"
        self.order = self.order or _sorted_order(fields, rows)

    def _year_leads(self, fields: _Fields, rows: NDArray[np.bool_]) -> bool:
        """Return whether 20/01/31 leads with its year: the rows are then sorted, and else they are not."""
        others: tuple[Order, ...] = (self.order,) if self.order else ("dmy", "mdy")
        return _is_sorted(fields, rows, "ymd") and not any(_is_sorted(fields, rows, order) for order in others)

    def _refuse_order(self, a: NDArray[np.int32], b: NDArray[np.int32], year: NDArray[np.int32]) -> None:
        at = int(np.argmax((b if self.order == "dmy" else a) > 12))
        right = self.order == "mdy"
        raise DataError(
            f"The dates before were read with {_LEADING[self.order]} first, which {a[at]:02d}/{b[at]:02d}/{year[at]} "
            f"contradicts; say day_first={right} if that holds for all of them."
        )


def _bytes_of(chunk: pa.StringArray) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    _, offsets, data = chunk.buffers()
    at = np.frombuffer(offsets, dtype=np.int32)[chunk.offset : chunk.offset + len(chunk) + 1].astype(np.int64)
    return at, np.frombuffer(data or b"", dtype=np.uint8)


def _trimmed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.utf8_trim(column, characters=" \t\r\n\v\f\u00a0\u202f\ufeff\"'")


def _tidied(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text with single blanks, without quotes, remarks in brackets and signs of East Asian dates."""
    import pyarrow.compute as pc

    text = _trimmed(column)
    for pattern, replacement in _TIDY:
        text = pc.replace_substring_regex(text, pattern, replacement)
    return text


def _ordered(
    fields: _Fields, rows: NDArray[np.bool_], order: Order
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return year, month and day of rows of open order."""
    a, b, year = fields.a[rows], fields.b[rows], fields.year[rows]
    if order == "ymd":
        return a + np.where(a < 69, np.int32(2000), np.int32(1900)), b, year % np.int32(100)
    return (year, b, a) if order == "dmy" else (year, a, b)


def _sorted_order(fields: _Fields, rows: NDArray[np.bool_]) -> Order:
    """Return the one order in which the rows are sorted."""
    orders: tuple[Order, ...] = ("dmy", "mdy")
    fitting = [order for order in orders if _is_sorted(fields, rows, order)]
    if len(fitting) == 1:
        return fitting[0]
    a, b, year = (int(part[rows][0]) for part in (fields.a, fields.b, fields.year))
    raise DataError(
        f"It cannot be told which is the day and which the month in dates such as {a:02d}/{b:02d}/{year}; "
        "say day_first=True or day_first=False."
    )


def _is_sorted(fields: _Fields, rows: NDArray[np.bool_], order: Order) -> bool:
    dates, valid = days_ns(*_ordered(fields, rows, order))
    steps = np.diff(dates + fields.clock_ns[rows])
    return bool(valid.all() and ((steps >= 0).all() or (steps <= 0).all()))
