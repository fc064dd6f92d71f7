"""Columns of numbers, whatever they were: float64 with NaN where there is none, and a mask of what was text."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

TOLERANCE = 1e-9
"""Relative: a low above the open by the last digit of a float is no fault of the data."""

_SCALES = {"": 1.0, "%": 1.0, "k": 1e3, "m": 1e6, "b": 1e9}
_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_ODD = re.compile(r"([+-]?)[$€£]?([\d.,' ]*\d[\d.,']*)([%kmb]?)", re.IGNORECASE)
_GROUPS = re.compile(r"\d{1,3}(?:[,'. ]\d{3})+")


def to_floats(
    column: pa.ChunkedArray, *, decimal: str = ".", whole: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a column as float64 (NaN where it is empty or no number), and where it holds text that is no number.

    Text may have a currency sign, groups of thousands and an ending K, M, B or %. A group of thousands is taken as one
    only where the column makes it certain (two groups, or a decimal sign after one), or where ``whole`` says that the
    numbers are whole, as volumes are: else "1,234" might be 1.234 and stays text.
    """
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
    return _text_to_floats(column.cast(pa.large_string()), decimal, whole)


def _text_to_floats(
    column: pa.ChunkedArray, decimal: str, whole: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pc.utf8_trim_whitespace(column)
    dotted = text if decimal == "." else pc.replace_substring(text, decimal, ".")
    usual = pc.match_substring_regex(dotted, _PLAIN)
    floats = _plain_floats(pc.if_else(usual, dotted, pa.scalar(None, pa.large_string())).cast(pa.float64()))
    odd = np.flatnonzero(~_mask(pc.fill_null(usual, True)))
    wrong = np.zeros(len(floats), dtype=np.bool_)
    if len(odd):
        cells = [cell or "" for cell in text.take(pa.array(odd)).to_pylist()]
        grouped = whole or any(_certain_groups(cell, decimal) for cell in cells)
        floats[odd] = [parse_number(cell, decimal, grouped=grouped) for cell in cells]
        blank = np.array([cell.lower() in ("", "-", "na", "n/a", "nan", "null", "none") for cell in cells])
        wrong[odd] = np.isnan(floats[odd]) & ~blank
    return floats, wrong


def parse_number(cell: str, decimal: str = ".", *, grouped: bool = False) -> float:
    """Return one cell as a number, NaN when it is none. ``grouped`` takes groups of three digits as thousands.

    >>> parse_number("$1,234.50", grouped=True), parse_number("88.50M"), parse_number("1,2345", grouped=True)
    (1234.5, 88500000.0, nan)
    """
    if cell.lower() in ("inf", "+inf", "infinity", "-inf", "-infinity"):
        return math.copysign(math.inf, -1.0 if cell.startswith("-") else 1.0)
    match = _ODD.fullmatch(cell)
    if match is None:
        return math.nan
    whole, _, part = match[2].partition(decimal)
    if _GROUPS.fullmatch(whole) and decimal not in whole:
        if not grouped:
            return math.nan
        whole = re.sub(r"\D", "", whole)
    if not re.fullmatch(r"\d*", whole) or not re.fullmatch(r"\d*", part) or not (whole or part):
        return math.nan
    return float(f"{match[1]}{whole or 0}.{part or 0}") * _SCALES[match[3].lower()]


def _certain_groups(cell: str, decimal: str) -> bool:
    match = _ODD.fullmatch(cell)
    if match is None:
        return False
    whole, sign, _ = match[2].partition(decimal)
    return _GROUPS.fullmatch(whole) is not None and (bool(sign) or len(re.findall(r"\D", whole)) > 1)


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
