"""The reader of LEAN's files (QuantConnect): days and hours, minutes and seconds of a day, trades and quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from research_kit.bars.columns.numbers import to_floats
from research_kit.bars.readers.base import RawTable, Source
from research_kit.bars.readers.sniff import is_number
from research_kit.bars.readers.text import DelimitedText
from research_kit.bars.timeframe import DAY
from research_kit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_SCALE = 10_000
_TRADES = ("time", "open", "high", "low", "close", "volume")
_QUOTES = (
    *("time", "open", "high", "low", "close", "bid_size"),
    *("ask_open", "ask_high", "ask_low", "ask_close", "ask_size"),
)
_SIZES = ("volume", "bid_size", "ask_size")
_ZONE_QUESTION = "LEAN writes futures and indices in the time of their exchange or in UTC"
_STAMP = re.compile(r"\d{8} \d\d:\d\d")
_FACTOR = re.compile(r"[01](\.\d+)?|\d(\.\d+)?[eE]-\d+")
_DATED = re.compile(r"(\d{4})(\d\d)(\d\d)_([^_]+)_")


@dataclass(frozen=True)
class _Seen:
    """What the first rows of a LEAN file say.

    Parameters
    ----------
    names
        Of the columns.
    is_clock
        True where times are milliseconds since midnight and the date is in the file's name.
    is_scaled
        True where prices are written in 1/10,000.
    kind
        What was traded, in words; ``""`` where the file does not tell.
    """

    names: tuple[str, ...]
    is_clock: bool
    is_scaled: bool
    kind: str

    @property
    def timezone(self) -> str:
        return {"an equity": "America/New_York", "": ""}.get(self.kind, "UTC")

    def sentence(self) -> str:
        bars = "minutes or seconds of one day" if self.is_clock else "days or hours"
        parts = [f"LEAN {bars}" + (f" of {self.kind}" if self.kind else "")]
        if self.is_scaled:
            parts.append("prices were written in 1/10,000 and are divided")
        if self.names is _QUOTES:
            parts.append("quotes: the bid is the price, the ask stays beside it")
        return "; ".join(parts)


class Lean(DelimitedText):
    """LEAN's files, recognised by their times and their 6 or 11 columns without a header."""

    name = "LEAN"

    def recognise(self, source: Source) -> str | None:
        if _is_factor_file(source):
            return "a LEAN factor file"
        seen = _seen(source)
        return seen.sentence() if seen else None

    def read(self, source: Source) -> Iterator[RawTable]:
        seen = _seen(source)
        if seen is None:
            raise DataError(
                f"{source.name} is a LEAN factor file (dates with factors for splits and dividends), not prices; "
                "import the prices, and apply the factors with ws.adjust(...)."
            )
        doubts = (f"It was read as {seen.sentence()}.",) if seen.is_scaled or seen.names is _QUOTES else ()
        day = _day(source) if seen.is_clock else None
        if day == date.min:
            raise DataError(
                f"{source.name} has times in milliseconds since midnight, as LEAN writes minutes, and no date: it is "
                "only in the name of the file inside the zip. Give it a name such as 20131007_spy_minute_trade.csv."
            )
        for raw in super().read(source):
            yield replace(
                raw,
                table=_interpreted(raw.table.rename_columns(list(seen.names)), seen, day),
                has_header=True,
                timezone=seen.timezone,
                zone_question=""
                if seen.kind
                else "LEAN writes futures and indices in the time of their exchange or UTC",
                symbol=_symbol(source),
                doubts=(*raw.doubts, *doubts),
            )


def _rows(source: Source) -> tuple[tuple[str, ...], ...]:
    layout = source.text
    plain = layout is not None and layout.header is None and layout.delimiter == "," and source.hints.names is None
    return layout.rows if layout is not None and plain else ()


def _seen(source: Source) -> _Seen | None:
    rows = _rows(source)
    names = {6: _TRADES, 11: _QUOTES}.get(len(rows[0])) if rows else None
    if names is None:
        return None
    times = [row[0] for row in rows]
    is_clock = _are_clocks(times)
    if not (is_clock or all(map(_STAMP.fullmatch, times))):
        return None
    prices = [cell for row in rows for cell, name in zip(row[1:], names[1:], strict=True) if name not in _SIZES]
    sizes = [cell for row in rows for cell, name in zip(row[1:], names[1:], strict=True) if name in _SIZES]
    if not all(is_number(cell) or not cell for cell in (*prices, *sizes)):
        return None
    is_scaled = _are_scaled(prices, sizes)
    return _Seen(names, is_clock, is_scaled, "an equity" if is_scaled else _kind(names, sizes))


def _are_clocks(times: Sequence[str]) -> bool:
    """Return whether times are milliseconds since midnight: whole seconds that only rise."""
    if not all(re.fullmatch(r"\d{1,8}", text) for text in times):
        return False
    clock = np.array(times, dtype=np.int64)
    return bool(
        (clock < DAY // 10**6).all() and (clock % 1000 == 0).all() and (np.diff(clock) > 0).all() and clock.any()
    )


def _are_scaled(prices: Sequence[str], sizes: Sequence[str]) -> bool:
    """Return whether prices are in 1/10,000: whole numbers, most of them whole cents, and whole sizes."""
    whole = all(cell.isdigit() or not cell for cell in (*prices, *sizes))
    filled = [cell for cell in prices if cell]
    return whole and bool(filled) and sum(cell.endswith("00") for cell in filled) > len(filled) / 2


def _kind(names: tuple[str, ...], sizes: Sequence[str]) -> str:
    if any("." in cell for cell in sizes):
        return "crypto"
    return "forex" if names is _QUOTES and all(cell in ("0", "") for cell in sizes) else ""


def _file_name(source: Source) -> str:
    return PurePosixPath(source.member or source.name).name


def _day(source: Source) -> date:
    """Return the date in the file's name, the first of all dates where there is none."""
    match = _DATED.match(_file_name(source))
    try:
        return date(*map(int, match.groups()[:3])) if match else date.min
    except ValueError:
        return date.min


def _symbol(source: Source) -> str:
    """Return the symbol that only the file's name inside the zip holds."""
    name = _file_name(source)
    match = _DATED.match(name)
    if match:
        return match[4].upper()
    return name.removesuffix(".csv").upper() if source.member and re.fullmatch(r"[\w.-]{1,20}\.csv", name) else ""


def _interpreted(table: pa.Table, seen: _Seen, day: date | None) -> pa.Table:
    """Return the table with times of that day, and prices in units of the currency."""
    import pyarrow as pa

    if day is not None:
        table = table.set_column(0, "time", _moments(table["time"], day))
    for at, name in enumerate(seen.names):
        if seen.is_scaled and at and name not in _SIZES:
            floats, wrong = to_floats(table[name])
            if not wrong.any():
                table = table.set_column(at, name, pa.array(floats / _SCALE, from_pandas=True))
    return table


def _moments(clock: Any, day: date) -> pa.Array:
    import pyarrow as pa

    milliseconds, _ = to_floats(clock)
    missing = np.isnan(milliseconds)
    start = np.datetime64(day, "ms").astype(np.int64)
    return pa.array(start + np.where(missing, 0, milliseconds).astype(np.int64), mask=missing).cast(pa.timestamp("ms"))


def _is_factor_file(source: Source) -> bool:
    """Return whether rows are a date, a factor for prices, one for splits, and a price to check against."""
    rows = _rows(source)
    if not rows or len(rows[0]) != 4 or not all(re.fullmatch(r"(19|20)\d{6}", row[0]) for row in rows):
        return False
    factors = [cell for row in rows for cell in row[1:3] if cell]
    return all(_FACTOR.fullmatch(cell) and 0 < float(cell) <= 1 for cell in factors)
