"""Whether a cell of text reads as a number, a time or nothing."""

from __future__ import annotations

import re
from functools import lru_cache

from research_kit.bars.columns.numbers import BLANKS, parse_number
from research_kit.bars.times.stamp_grammar import template_of

__all__ = ["BLANKS", "is_number", "is_time", "is_typed"]

_LIKE_NUMBER = re.compile(r"[^A-Za-z]*\d[^A-Za-z]*[A-Za-z]{0,4}|[+-]?inf(inity)?|[A-Z]{3} ?[\d.,]+", re.IGNORECASE)
_PLAIN = {decimal: re.compile(rf"[+-]?(\d+([{decimal}]\d*)?|[{decimal}]\d+)([eE][+-]?\d+)?") for decimal in ".,"}
_GROUPS = {
    decimal: re.compile(
        rf"[^\d]*\d{{1,3}}(([^\w{decimal}])\d{{3}}(\2\d{{3}})+|([^\w{decimal}]\d{{3}})+(?=[{decimal}]))"
    )
    for decimal in ".,"
}
_CLOCK = r"(\d{1,2}([:-]\d{2})*|\d{4}|\d{6})([.]\d+)?([- ]?[ap]m)?( ?(z|utc|gmt|[+-]\d\d:?(\d\d)?))?"
_MONTH = r"(\d{1,2}[- ]?[a-z]{3}[a-z]*[- ,]*\d{2,4}|[a-z]{3}[a-z]* \d{1,2},? \d{4})"
_DATE = rf"(\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}|\d{{8}}|{_MONTH})"
_TIME = re.compile(
    rf"{_DATE}(,? ?[T ] ?{_CLOCK})?|\d{{1,2}}:\d{{2}}(:\d{{2}})?([.]\d+)?( ?[ap]m)?|\d{{4}}年\d{{1,2}}月\d{{1,2}}日.*",
    re.IGNORECASE,
)
_LONGEST_TIME = 64


@lru_cache(maxsize=4096)
def is_number(cell: str, decimal: str = ".") -> bool:
    """Return whether a cell reads as a number under this decimal sign.

    >>> is_number("268,53", ","), is_number("268,53"), is_number("96.007.400", ","), is_number("1,234.50")
    (True, False, True, True)
    """
    cell = cell.strip()
    if _PLAIN[decimal].fullmatch(cell):
        return True
    if _LIKE_NUMBER.fullmatch(cell) is None:
        return False
    grouped = _GROUPS[decimal].match(cell) is not None
    number = parse_number(cell, decimal, grouped=grouped)
    return number == number  # noqa: PLR0124 - NaN is the only number that is not itself


@lru_cache(maxsize=4096)
def is_time(cell: str) -> bool:
    """Return whether a cell reads as a date, a time of day or both.

    >>> is_time("31.01.2020 09:30"), is_time("Fri, 31 Jan 2020 09:30:00 +0000"), is_time("22:00"), is_time("1.5")
    (True, True, True, False)
    """
    cell = cell.strip()
    if len(cell) > _LONGEST_TIME or ";" in cell or not any(map(str.isdigit, cell)):
        return False
    return _TIME.fullmatch(cell) is not None or template_of(cell.encode().decode("latin-1")) is not None


def is_typed(cell: str, decimal: str = ".") -> bool:
    """Return whether a cell reads as a number or a time."""
    return is_number(cell, decimal) or is_time(cell)
