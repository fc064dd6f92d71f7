"""Columns of numbers, whatever they were: float64 with NaN where there is none, and a mask of what was text."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

TOLERANCE = 1e-9
"""Relative: a low above the open by the last digit of a float is no fault of the data."""

BLANKS = frozenset({
    *("", "-", "--", "---", "\u2013", "\u2014", "\u2212", ".", "..", "...", "?", "na", "n/a", "#n/a", "n.a.", "n/d"),
    *("nd", "n.d.", "nan", "nat", "null", "(null)", "none", "nil", "missing", "<na>", "\\n"),
    *("#value!", "#ref!", "#div/0!", "#num!", "#name?", "#null!"),
})  # fmt: skip
"""What stands in a cell without a value, in small letters."""

_CURRENCIES = (
    r"US\$|HK\$|R\$|A\$|C\$|[$€£¥₹₽₩₿₺]|kr|zł|Kč|Fr\.?|CHF|USDT?|USDC|EUR|GBP|JPY|AUD|CAD|NZD|CNY|RMB|HKD|SGD|SEK|NOK|"
    r"DKK|PLN|CZK|HUF|TRY|INR|RUB|BRL|MXN|ZAR|KRW|BTC|ETH"
)
_SCALES = {
    **{"": 1.0, "%": 1.0, "k": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "mln": 1e6},
    **{"b": 1e9, "bn": 1e9, "mrd": 1e9, "t": 1e12, "千": 1e3, "万": 1e4, "萬": 1e4, "亿": 1e8, "億": 1e8},
}
_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_ODD = re.compile(
    rf"(?P<open>\()?(?P<sign>[+-]?) ?(?:{_CURRENCIES})? ?(?P<inner>[+-]?)"
    r"(?P<number>[\d.,' ]*\d[\d.,']*(?:e[+-]?\d+)?) ?"
    rf"(?P<scale>%|mio|mln|mrd|bn|mn|[kmbt千万萬亿億])?\.? ?(?:{_CURRENCIES})?(?P<after>-?)(?P<close>\))?",
    re.IGNORECASE,
)
_GROUPS = re.compile(r"\d{1,3}(?:(?P<sign>[,'. ])\d{3})(?:(?P=sign)\d{3})*")
_SIGNS_OF_GROUPS = (",", "'", r"\.", " ", "\u00a0", "\u202f", "\u2009", "\u2019")
_BOND = re.compile(r"\d{2,3}['\u2019-]\d{2}[0-9+]?")


def to_floats(
    column: pa.ChunkedArray, *, decimal: str = ".", whole: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a column as float64 (NaN where it is empty or no number), and where it holds text that is no number.

    ``NumberReader`` has the rules, and reads a source in several blocks.
    """
    return NumberReader(decimal, whole=whole).read(column)


@dataclass
class NumberReader:
    """Reads a column of numbers, block by block.

    Text may have a currency, groups of thousands, brackets for a minus, and an ending K, M, B or %. A group of
    thousands is taken as one only where the column makes it certain (two groups, or a decimal sign after one), now or
    in an earlier block, or where ``whole`` says that the numbers are whole, as volumes are: else "1,234" might be 1.234
    and stays text.
    """

    decimal: str = "."
    whole: bool = False
    grouped: bool = False

    def read(self, column: pa.ChunkedArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the next block as float64 (NaN where it is empty or no number), and where it holds other text."""
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = column.type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            floats = _plain_floats(column)
            return floats, np.zeros(len(floats), dtype=np.bool_)
        if pa.types.is_null(kind):
            return np.full(len(column), np.nan), np.zeros(len(column), dtype=np.bool_)
        if not _is_text(kind):
            return np.full(len(column), np.nan), _mask(pc.is_valid(column))
        return self._of_text(column.cast(pa.large_string()))

    def _of_text(self, column: pa.ChunkedArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        text = pc.utf8_trim_whitespace(column)
        floats, usual = self._cast(text)
        wrong = np.zeros(len(floats), dtype=np.bool_)
        odd = np.flatnonzero(~usual)
        if len(odd):
            cells = text.take(pa.array(odd))
            floats[odd], wrong[odd] = self._odd_cells(cells)
        return floats, wrong

    def _cast(self, text: pa.ChunkedArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return what is written as computers write it, and where that, or nothing, is."""
        import pyarrow as pa
        import pyarrow.compute as pc

        dotted = text
        if self.decimal != ".":  # a full stop is then no decimal sign
            dotted = pc.replace_substring(pc.replace_substring(text, ".", "_"), self.decimal, ".")
        usual = pc.match_substring_regex(dotted, _PLAIN)
        floats = _plain_floats(pc.if_else(usual, dotted, pa.scalar(None, pa.large_string())).cast(pa.float64()))
        return floats, _mask(pc.fill_null(usual, True))

    def _odd_cells(self, text: pa.ChunkedArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return cells with decoration: those of the usual kinds at once, the rest one by one."""
        import pyarrow as pa
        import pyarrow.compute as pc

        plain, scale = _without_decoration(text)
        signs = [sign for sign in _SIGNS_OF_GROUPS if sign[-1] != self.decimal]
        point = re.escape(self.decimal)
        certain = "|".join(rf"({sign}\d{{3}})+{point}|({sign}\d{{3}}){{2,}}$" for sign in signs)
        if not self.grouped:
            found = pc.match_substring_regex(plain, rf"^[+-]?\d{{1,3}}({certain})")
            self.grouped = self.whole or bool(pc.any(found).as_py())
        if self.grouped:
            groups = "|".join(rf"({sign}\d{{3}})+" for sign in signs)
            shaped = pc.match_substring_regex(plain, rf"^[+-]?\d{{1,3}}({groups})({point}\d*)?$")
            plain = pc.if_else(shaped, pc.replace_substring_regex(plain, f"[{''.join(signs)}]", ""), plain)
        floats, usual = self._cast(plain)
        floats *= scale
        wrong = np.zeros(len(floats), dtype=np.bool_)
        rows = np.flatnonzero(~usual)
        for row, cell in zip(rows, text.take(pa.array(rows)).to_pylist(), strict=True):
            floats[row] = parse_number(cell, self.decimal, grouped=self.grouped)
            wrong[row] = math.isnan(floats[row]) and cell.lower() not in BLANKS
        return floats, wrong


def _without_decoration(text: pa.ChunkedArray) -> tuple[pa.ChunkedArray, NDArray[np.float64]]:
    """Return text without the usual currencies, percent signs and K, M, B, and what each cell is to be scaled by."""
    import pyarrow.compute as pc

    plain = pc.replace_substring_regex(text, r"^\(([^()+-]*)\)$", r"-\1")
    plain = pc.replace_substring_regex(plain, r"^([+-]?)[$€£¥] ?|[%$€£] *$", r"\1")
    scale = np.ones(len(text))
    if pc.any(pc.match_substring_regex(plain, r"(?i)\d ?[kmb]$")).as_py():
        for ending in "kmb":
            scale[_mask(pc.match_substring_regex(plain, rf"(?i)\d ?{ending}$"))] = _SCALES[ending]
        plain = pc.replace_substring_regex(plain, r"(?i)(\d) ?[kmb]$", r"\1")
    return plain, scale


def parse_number(cell: str, decimal: str = ".", *, grouped: bool = False) -> float:
    """Return one cell as a number, NaN when it is none. ``grouped`` takes groups of three digits as thousands.

    >>> parse_number("$1,234.50", grouped=True), parse_number("88.50M"), parse_number("1,2345", grouped=True)
    (1234.5, 88500000.0, nan)
    >>> parse_number("(1.5)"), parse_number("1.5 EUR"), parse_number("1'234,5", ",", grouped=True)
    (-1.5, 1.5, 1234.5)
    """
    cell = unicodedata.normalize("NFKC", cell).strip().replace("\u2212", "-").replace("\u2019", "'")
    if cell.lower() in ("inf", "+inf", "infinity", "-inf", "-infinity"):
        return math.copysign(math.inf, -1.0 if cell.startswith("-") else 1.0)
    match = _ODD.fullmatch(cell)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return math.nan
    number = _digits(match["number"], decimal, grouped)
    signs = [sign for sign in (match["sign"], match["inner"], match["after"], match["open"]) if sign]
    if math.isnan(number) or len(signs) > 1:
        return math.nan
    minus = bool(signs) and signs[0] != "+"
    return (-number if minus else number) * _SCALES[(match["scale"] or "").lower()]


def _digits(text: str, decimal: str, grouped: bool) -> float:
    mantissa, _, power = text.lower().strip().partition("e")
    whole, _, part = mantissa.partition(decimal)
    if _GROUPS.fullmatch(whole):
        if not grouped:
            return math.nan
        whole = re.sub(r"\D", "", whole)
    if not re.fullmatch(r"\d*", whole) or not re.fullmatch(r"\d*", part) or not (whole or part):
        return math.nan
    return float(f"{whole or 0}.{part or 0}e{power or 0}")


def number_hint(cell: str) -> str:
    """Return why a cell that looks like a price is not read as one, ``""`` where there is nothing to say.

    >>> number_hint("110'16")
    "'110'16' looks like a bond's price in 32nds, which is not guessed: write it as a decimal number (110.5)"
    >>> number_hint("1,234")
    "'1,234' may be one thousand or one and a fraction, which nothing in its column tells: say decimal='.' or ','"
    >>> number_hint("oops")
    ''
    """
    cell = cell.strip()
    if _BOND.fullmatch(cell):
        return (
            f"'{cell}' looks like a bond's price in 32nds, which is not guessed: write it as a decimal number (110.5)"
        )
    if re.fullmatch(r"[+-]?\d{1,3}[.,]\d{3}", cell):
        return (
            f"'{cell}' may be one thousand or one and a fraction, which nothing in its column tells: say decimal='.' "
            "or ','"
        )
    return ""


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    text_types = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_kind(kind) for is_kind in text_types)


def _plain_floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    import pyarrow as pa

    floats = column.cast(pa.float64(), safe=False)
    array: NDArray[np.float64] = np.empty(len(floats))
    at = 0
    for chunk in floats.chunks:
        array[at : at + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
        at += len(chunk)
    return array


def _mask(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = np.asarray(column.to_numpy(), dtype=np.bool_)
    return mask


def above(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where one price is above another by more than a relative 1e-9; a missing one is above nothing."""
    over = one > other
    if over.any():  # the tolerance is only worked out where it can matter
        at = np.flatnonzero(over)
        scale = np.maximum(np.abs(one[at]), np.abs(other[at]))
        over[at] = one[at] * 0.5 - other[at] * 0.5 > 0.5 * TOLERANCE * scale  # halves: no overflow at 1e308
    return over
