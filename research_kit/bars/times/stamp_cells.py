"""The parts of times in columns of bytes: text of one width is one matrix, each part of it some of its columns."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.timeframe import DAY, HOUR, MINUTE, SECOND
from research_kit.bars.times.stamp_grammar import month_keys

FIRST_YEAR, LAST_YEAR = 1900, 2100

Cells = NDArray[np.uint8]
Ints = NDArray[np.int32]
Mask = NDArray[np.bool_]


def same_shape(cells: Cells) -> Mask:
    """Return the rows with digits where the first has digits, and the same signs elsewhere."""
    digits = (cells - np.uint8(48)) < 10  # bytes below "0" wrap round to large numbers
    same: Mask = ((digits == digits[0]) & (digits | (cells == cells[0]))).all(axis=1)
    return same


def fits_template(cells: Cells, template: re.Match[str]) -> Mask:
    """Return the rows that have digits, letters and separators where the template has them."""
    free = {at: name for name, part in template.groupdict().items() if part for at in range(*template.span(name))}
    fits = np.ones(len(cells), dtype=np.bool_)
    for at, sign in enumerate(template.string):
        column, name = cells[:, at], free.get(at)
        if name in ("N", "w"):
            fits &= column >= ord("A")
        elif name == "p":
            fits &= ((column | 0x20) == ord("a")) | ((column | 0x20) == ord("p"))
        elif name == "zs":
            fits &= (column == ord("+")) | (column == ord("-"))
        elif name != "zw":
            fits &= ((column - np.uint8(48)) < 10) if sign.isdigit() else (column == ord(sign))
    return fits


def date_parts(cells: Cells, template: re.Match[str]) -> tuple[Ints, Ints, Ints]:
    """Return the year, then month and day, or the two numbers that may be either."""
    parts = template.groupdict()

    def number(name: str) -> Ints:
        return _digits(cells, *template.span(name))

    year = number("Y")
    if len(parts["Y"]) == 2:
        year += np.where(year < 69, np.int32(2000), np.int32(1900))  # as POSIX reads two digits
    if parts.get("A"):
        return year, number("A"), number("B")
    if parts.get("N"):
        month = _months(cells[:, slice(*template.span("N"))])
    elif parts.get("Q"):
        month = number("Q") * np.int32(3) - np.int32(2)
    else:
        month = number("M")
    return year, month, number("D") if parts.get("D") else np.ones(len(cells), dtype=np.int32)


def _months(words: Cells) -> Ints:
    """Return the numbers of months' names, 0 where they are none."""
    keys = word_keys(words)
    months = np.zeros(len(words), dtype=np.int32)
    for key, number in month_keys().get(words.shape[1], ()):
        months[keys == np.uint64(key)] = number
    return months


def word_keys(words: Cells, case: int = 0x20) -> NDArray[np.uint64]:
    """Return ``stampgrammar.word_key`` of each row; with ``case=0`` capitals differ from small letters."""
    keys = np.zeros(len(words), dtype=np.uint64)
    for at in range(words.shape[1]):
        keys = keys * np.uint64(257) + (words[:, at] | np.uint8(case))
    return keys


def clock_parts(cells: Cells, template: re.Match[str]) -> tuple[NDArray[np.int64], Mask]:
    """Return the time of day in nanoseconds, and where it is one: 24:00 is the end of a day."""
    clock = np.zeros(len(cells), dtype=np.int64)
    valid = np.ones(len(cells), dtype=np.bool_)
    parts = template.groupdict()
    for name, unit, limit in (("h", HOUR, 25), ("m", MINUTE, 60), ("s", SECOND, 60)):
        if parts.get(name):
            number = _digits(cells, *template.span(name))
            valid &= number < limit
            if name == "h" and parts.get("p"):
                valid &= (number >= 1) & (number <= 12)
                number = number % 12 + 12 * ((cells[:, template.start("p")] | 0x20) == ord("p"))
            clock += number.astype(np.int64) * unit
    if parts.get("f"):
        start, end = template.span("f")
        clock += _digits(cells, start, end).astype(np.int64) * 10 ** (9 - (end - start))
    return clock, valid & (clock <= DAY)


def offset_parts(cells: Cells, template: re.Match[str]) -> NDArray[np.int64]:
    hours = _digits(cells, *template.span("zh")).astype(np.int64) * HOUR
    minutes = _digits(cells, *template.span("zm")).astype(np.int64) * MINUTE if template["zm"] else 0
    offset: NDArray[np.int64] = np.where(cells[:, template.start("zs")] == ord("-"), -1, 1) * (hours + minutes)
    return offset


def _digits(cells: Cells, start: int, end: int) -> Ints:
    number = np.zeros(len(cells), dtype=np.int32)
    for at in range(start, end):
        number = number * np.int32(10) + (cells[:, at] - np.uint8(48))
    return number


def days_ns(year: Ints, month: Ints, day: Ints) -> tuple[NDArray[np.int64], Mask]:
    """Return dates as nanoseconds since 1970, and where they exist and lie between 1900 and 2100."""
    inside = (year >= FIRST_YEAR) & (year <= LAST_YEAR) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(inside, (year.astype(np.int64) - 1970) * 12 + month - 1, 0)
    firsts = months.view("datetime64[M]").astype("datetime64[D]")
    dates = firsts + (day.astype(np.int64) - 1)
    valid = inside & (day <= 31) & (dates.astype("datetime64[M]") == months.view("datetime64[M]"))
    return np.where(valid, dates.astype(np.int64), 0) * DAY, valid
