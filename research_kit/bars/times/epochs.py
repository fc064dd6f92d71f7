"""Times written as numbers: epochs of any unit, serial dates of Excel, and dates such as 20200131."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.findings import MOST_EXAMPLES, Finding, shown_time
from research_kit.bars.timeframe import DAY, SECOND
from research_kit.bars.times.stamp_cells import FIRST_YEAR, LAST_YEAR, days_ns
from research_kit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

EARLIEST = int(np.datetime64(f"{FIRST_YEAR}-01-01", "ns").astype(np.int64))
LATEST = int(np.datetime64(f"{LAST_YEAR + 1}-01-01", "ns").astype(np.int64))

_UNITS = (("s", SECOND, 1e11), ("ms", 1_000_000, 1e14), ("us", 1_000, 1e17), ("ns", 1, np.inf))
_SMALLEST_EPOCH = 1e8
_EXCEL = 20_000, 73_500
_EXCEL_1970 = 25_569
_DAYS_SINCE_1970 = 22_000  # 2030 as days since 1970, 1960 as a serial date of Excel


@dataclass
class NumberTimes:
    """Reads times that are numbers, block by block: what the first block shows them to be, the others are, too.

    ``kind`` is ``"epoch"``, ``"excel"`` or ``"dates"`` after the first block. Epochs are UTC; the others have no zone.
    """

    kind: str = ""
    units: list[str] = field(default_factory=list)
    _small: set[int] = field(default_factory=set)
    _other_unit: int = 0
    _examples: list[str] = field(default_factory=list)

    def read(self, column: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return nanoseconds since 1970 (UTC, or as written), and where there is no time between 1900 and 2100."""
        values, bad = number_cells(column)
        if not self.kind:
            if bad.all():
                raise DataError(f"The column of times holds no time: its first value is {column[0].as_py()!r}.")
            self.kind = _kind_of(values[~bad])
        read = {"epoch": self._epochs, "excel": _excel, "dates": _dates}[self.kind]
        return read(values, bad)

    def words(self) -> str:
        """Return what the numbers are."""
        return "Excel serial dates" if self.kind == "excel" else f"epoch in {' and '.join(self.units)}"

    def findings(self) -> list[Finding]:
        """Return how many epochs were in another unit than the first ones."""
        if not self._other_unit:
            return []
        words = (
            f"Epochs in {' and '.join(self.units)} stand in one column: each was read in the unit that its size tells."
        )
        return [Finding("mixed_epoch_units", "note", self._other_unit, words, tuple(self._examples))]

    def _epochs(self, values: NDArray[Any], bad: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        size = np.abs(values.astype(np.float64))
        size[bad] = 0
        ns, out_bad = np.zeros(len(values), dtype=np.int64), bad.copy()
        own = self._own_units(size)
        for at, (name, unit, _) in enumerate(_UNITS):
            rows = ~bad & (own == at)
            if rows.any():
                whole = bool(rows.all())
                ns_rows, bad_rows = _scaled(values if whole else values[rows], unit)
                ns[rows], out_bad[rows] = ns_rows, bad_rows
                self._note_unit(name, ns_rows[~bad_rows])
        return ns, out_bad

    def _own_units(self, size: NDArray[np.float64]) -> NDArray[np.int8]:
        """Return the place in ``_UNITS`` of each number's unit, by its size.

        A series that runs through 1970 has numbers that are small in its own unit; it is known by the years around.
        """
        limits = [limit for _, _, limit in _UNITS[:-1]]
        own = np.searchsorted(limits, size, side="right").astype(np.int8)
        for at in range(len(limits), 0, -1):
            of_unit = own == at
            if of_unit.any() and (size[of_unit] < 10 * limits[at - 1]).any():
                self._small.add(at)
        if self._small:
            own = np.maximum(own, np.int8(min(self._small)))
        return own

    def _note_unit(self, name: str, ns: NDArray[np.int64]) -> None:
        if not len(ns):
            return
        if name not in self.units:
            self.units.append(name)
        if name != self.units[0]:
            self._other_unit += len(ns)
            shown = ns[: MOST_EXAMPLES - len(self._examples)]
            self._examples += [f"{shown_time(int(moment))}: in {name}" for moment in shown]


def _kind_of(good: NDArray[Any]) -> str:
    if _are_dates(good):
        return "dates"
    largest = float(np.max(np.abs(good.astype(np.float64))))
    if largest >= _SMALLEST_EPOCH:
        return "epoch"
    if ((good >= _EXCEL[0]) & (good <= _EXCEL[1])).mean() > 0.9:
        if largest < _DAYS_SINCE_1970:
            raise DataError(
                f"The numbers in the column of times (the first is {good[0]:g}) may be serial dates of Excel (then "
                "before 1961) or days since 1970 (then after 2023); write times as text: 2020-01-31 09:30."
            )
        return "excel"
    raise DataError(
        f"The numbers in the column of times (the first is {good[0]:g}) are too small for an epoch after March "
        "1973, are no dates such as 20200131 and no serial dates of Excel; write times as text (2020-01-31 09:30) or "
        "as an epoch."
    )


def _are_dates(values: NDArray[Any]) -> bool:
    whole = (values >= 19_000_101) & (values <= 21_001_231) & (values % 100 <= 31) & (values // 100 % 100 <= 12)
    return bool(whole.mean() > 0.9)


def _dates(values: NDArray[Any], bad: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    bad = bad | (np.abs(values) > 99_999_999) | (values % 1 != 0)
    number = np.where(bad, 0, values).astype(np.int32)
    ns, valid = days_ns(number // 10_000, number // 100 % 100, number % 100)
    return ns, bad | ~valid


def _excel(values: NDArray[Any], bad: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return days since 1899-12-30 as nanoseconds since 1970."""
    bad = bad | (values < _EXCEL[0]) | (values >= _EXCEL[1] + 1)
    days = np.where(bad, _EXCEL_1970, values).astype(np.float64) - _EXCEL_1970
    whole = np.floor(days)
    seconds = (days - whole) * 86_400
    step = _clock_step(days, seconds)
    ns = whole.astype(np.int64) * DAY + np.rint(seconds / step).astype(np.int64) * round(step * SECOND)
    return np.where(bad, 0, ns), bad


def _clock_step(days: NDArray[np.float64], seconds: NDArray[np.float64]) -> float:
    """Return to what clocks are rounded: minutes or seconds where they differ by no more than their decimals allow.

    0.395833 of a day are 09:29:59.97, and half a unit of its last decimal is 0.04 s: 09:30 was meant.
    """
    decimals = next((count for count in range(4, 9) if _all_near(days, 10.0**-count, 10.0 ** -(count + 2))), 9)
    slack = 0.55 * 10.0**-decimals * 86_400
    return next((step for step in (60.0, 1.0) if slack < step / 2 and _all_near(seconds, step, slack)), 0.001)


def _all_near(values: NDArray[np.float64], step: float, slack: float) -> bool:
    return bool((np.abs(values - np.rint(values / step) * step) <= slack).all())


def serial_days(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a column of dates as float64 where it holds whole serial dates of Excel, None where it does not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    head = column.drop_null().slice(0, 100).cast(pa.string()) if not pa.types.is_null(column.type) else column
    if not len(head) or not pc.all(pc.match_substring_regex(head, r"^\d{5}(\.0*)?$")).as_py():
        return None
    values, bad = number_cells(column)
    if ((values[~bad] < _DAYS_SINCE_1970) | (values[~bad] > _EXCEL[1])).any():
        return None
    return pa.chunked_array([pa.array(values.astype(np.float64), mask=bad)])


def dates_of_serial(days: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return serial dates of Excel as dates."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.subtract(days.cast(pa.int32()), pa.scalar(_EXCEL_1970, pa.int32())).cast(pa.date32())


def _scaled(values: NDArray[Any], unit: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return epochs in nanoseconds, and where they are outside of the years that are taken."""
    low, high = EARLIEST / unit, LATEST / unit
    bad = (values < low) | (values >= high)
    kept = np.where(bad, 0, values)
    if values.dtype.kind == "i":
        return kept * unit, bad
    # a double holds today's seconds to a quarter of a microsecond: the rest is noise
    return np.rint(kept * (unit / 1000)).astype(np.int64) * 1000, bad


def number_cells(column: pa.ChunkedArray) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return numbers as int64, or float64 where they have fractions, and where there are none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = _numbers_of_text(column)
    bad = np.asarray(pc.is_null(column, nan_is_null=True).to_numpy(), dtype=np.bool_)
    if pa.types.is_integer(column.type):
        values = pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
    else:
        values = pc.fill_null(column.cast(pa.float64(), safe=False), 0.0).to_numpy()
        bad = bad | ~np.isfinite(values)
        values = np.where(bad, 0.0, values)
    return values, bad


def _numbers_of_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:  # blanks, fractions or words: one by one
        text = pc.utf8_trim_whitespace(column)
    usual = pc.match_substring_regex(text, r"^-?\d{1,19}([.,]\d*)?$")
    text = pc.if_else(usual, text, pa.scalar(None, text.type))
    fraction = pc.any(pc.match_substring_regex(text, "[.,]")).as_py()
    if not fraction and not pc.any(pc.match_substring_regex(text, r"^-?9[2-9]\d{17}$")).as_py():
        return text.cast(pa.int64())
    return pc.replace_substring(text, ",", ".").cast(pa.float64())
