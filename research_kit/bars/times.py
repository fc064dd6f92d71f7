"""Times of every kind to int64 nanoseconds UTC: text, epochs, dates, and times with and without a zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.findings import counted
from research_kit.bars.stamps import FIRST_YEAR, LAST_YEAR, days_ns, read_stamps
from research_kit.bars.timeframe import DAY, SECOND
from research_kit.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

Ambiguous = Literal["error", "first", "last"]

_EPOCHS = ((1e11, SECOND, "s"), (1e14, 1_000_000, "ms"), (1e17, 1_000, "us"), (np.inf, 1, "ns"))
_EARLIEST = int(np.datetime64(f"{FIRST_YEAR}-01-01", "ns").astype(np.int64))
_LATEST = int(np.datetime64(f"{LAST_YEAR + 1}-01-01", "ns").astype(np.int64))
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True)
class Times:
    """Opening times as they will be stored.

    Parameters
    ----------
    ns
        Nanoseconds since 1970 UTC, shape (n,); 0 where ``bad``.
    bad
        Where there is no time that can be read, or none between 1900 and 2100.
    layout
        What they were, in words.
    """

    ns: NDArray[np.int64]
    bad: NDArray[np.bool_]
    layout: str


def read_times(
    columns: Sequence[pa.ChunkedArray],
    timezone: str | None = None,
    *,
    day_first: bool | None = None,
    ambiguous: Ambiguous = "error",
) -> Times:
    """Return the UTC times of one column, or of a column of dates and one of times of day.

    - Times with a zone or an offset are converted. Times without one mean ``timezone``, which must then be given.
    - **Dates stay dates**: where every time is midnight as written (or is a date alone), the bars stand for sessions
      and are stored at 00:00 UTC of that date whatever the zone, so that a session's date never shifts.
    - Numbers are epochs in seconds, milliseconds, microseconds or nanoseconds, by the size of the largest: those before
      March 1973 are too small to tell apart and are refused. Numbers such as 20200131 are dates.
    - Local times that happen twice (clocks set back) are refused unless ``ambiguous`` says which of the two is meant;
      those that never happen (clocks set forward) are refused: the zone is then probably wrong.

    Raises
    ------
    DataError
        The zone is needed or unknown, or the times cannot be read as a whole. Single rows that cannot be read are
        marked as ``bad`` instead.
    """
    column = columns[0] if len(columns) == 1 else _joined(*columns)
    zone = zone_of(timezone) if timezone else None
    kind = _kind(column)
    if kind == "number":
        return _epochs(column)
    if kind == "stamp":
        return _typed(column, zone, ambiguous)
    return _textual(column, zone, day_first, ambiguous)


def zone_of(timezone: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    >>> zone_of("America/New_Yorc")
    Traceback (most recent call last):
    research_kit.errors.DataError: There is no time zone 'America/New_Yorc'. Did you mean 'America/New_York'?
    """
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise DataError(f"There is no time zone {timezone!r}. {did_you_mean(timezone, _main_zones())}") from None


def _main_zones() -> list[str]:
    return [name for name in available_timezones() if "/" in name or name == "UTC"]


def _joined(dates: pa.ChunkedArray, clocks: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return dates and times of day as one column of text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(dates.type):
        dates = dates.cast(pa.date32())
    clock = pc.utf8_trim_whitespace(clocks.cast(pa.string()))
    if pa.types.is_integer(clocks.type) or pc.all(pc.match_substring_regex(clock, r"^\d{1,6}$")).as_py():
        longest = pc.max(pc.utf8_length(clock)).as_py() or 0
        clock = pc.utf8_lpad(clock, width=4 if longest <= 4 else 6, padding="0")
    return pc.binary_join_element_wise(dates.cast(pa.string()), clock, " ")


def _kind(column: pa.ChunkedArray) -> str:
    import pyarrow as pa

    types = pa.types
    if types.is_timestamp(column.type) or types.is_date(column.type):
        return "stamp"
    if types.is_integer(column.type) or types.is_floating(column.type) or types.is_decimal(column.type):
        return "number"
    if types.is_time(column.type):
        raise DataError("The column of times holds times of day without dates; name the column of dates as well.")
    return "number" if _all_numbers(column) else "text"


def _all_numbers(column: pa.ChunkedArray) -> bool:
    """Return whether text is an epoch in digits, which dates such as 20200131 and 20200131093000 are not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(column.type):
        return False
    text = column.cast(pa.string())
    head = [cell.strip() for cell in text.drop_null().slice(0, 20).to_pylist()]
    numbers = [cell for cell in head if re.fullmatch(r"-?\d+(\.\d*)?", cell)]
    if 2 * len(numbers) <= len([cell for cell in head if cell]):
        return False
    calendar = {"8": r"^(19|20)\d\d[01]\d[0-3]\d$", "14": r"^(19|20)\d\d[01]\d[0-3]\d[0-2]\d[0-5]\d[0-5]\d$"}
    pattern = calendar.get(str(len(numbers[0])))
    return not (pattern and pc.mean(pc.match_substring_regex(text, pattern).cast(pa.int8())).as_py() > 0.9)


def _epochs(column: pa.ChunkedArray) -> Times:
    values, bad = _epoch_numbers(column)
    if bad.all():
        raise DataError(f"The column of times holds no time: its first value is {column[0].as_py()!r}.")
    good = values[~bad]
    if _are_dates(good):
        return _number_dates(values, bad)
    largest = float(np.max(np.abs(good.astype(np.float64))))
    if largest < 1e8:
        raise DataError(
            f"The numbers in the column of times (the first is {good[0]:g}) are too small for an epoch after March "
            "1973 and are no dates such as 20200131; write times as text (2020-01-31 09:30) or as an epoch."
        )
    unit, name = next((unit, name) for limit, unit, name in _EPOCHS if largest < limit)
    bad = bad | (np.abs(values.astype(np.float64)) >= 2**62 / unit)
    if values.dtype.kind == "i":
        ns = np.where(bad, 0, values) * unit
    else:  # a double holds today's seconds to a quarter of a microsecond: the rest is noise
        ns = np.rint(np.where(bad, 0.0, values) * (unit / 1000)).astype(np.int64) * 1000
    return _in_range(ns, bad, f"epoch in {name}")


def _are_dates(values: NDArray[Any]) -> bool:
    whole = (values >= 19_000_101) & (values <= 21_001_231) & (values % 100 <= 31) & (values // 100 % 100 <= 12)
    return bool(whole.mean() > 0.9)


def _number_dates(values: NDArray[Any], bad: NDArray[np.bool_]) -> Times:
    number = np.where(bad, 0, values).astype(np.int32)
    ns, valid = days_ns(number // 10_000, number // 100 % 100, number % 100)
    return Times(ns, bad | ~valid, "dates")


def _epoch_numbers(column: pa.ChunkedArray) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return numbers as int64, or float64 where they have fractions, and where there are none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = pc.utf8_trim_whitespace(column)
        usual = pc.match_substring_regex(text, r"^-?\d{1,19}(\.\d*)?$")
        text = pc.if_else(usual, text, pa.scalar(None, text.type))
        whole = not pc.any(pc.match_substring(text, ".")).as_py()
        column = text.cast(pa.int64()) if whole and not _beyond_int64(text) else text.cast(pa.float64())
    bad = np.asarray(pc.is_null(column, nan_is_null=True).to_numpy(), dtype=np.bool_)
    if pa.types.is_integer(column.type):
        values = pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
    else:
        values = pc.fill_null(column.cast(pa.float64(), safe=False), 0.0).to_numpy()
        bad = bad | ~np.isfinite(values)
        values = np.where(bad, 0.0, values)
    return values, bad


def _beyond_int64(text: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(text, r"^-?9[3-9]\d{17}$")).as_py())


def _in_range(ns: NDArray[np.int64], bad: NDArray[np.bool_], layout: str) -> Times:
    bad = bad | (ns < _EARLIEST) | (ns >= _LATEST)
    return Times(np.where(bad, 0, ns), bad, layout)


def _typed(column: pa.ChunkedArray, zone: ZoneInfo | None, ambiguous: Ambiguous) -> Times:
    """Return the times of a column that is typed as timestamps or dates."""
    import pyarrow as pa

    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms")) if pa.types.is_date64(column.type) else column.cast(pa.timestamp("s"))
    unit, written_in = column.type.unit, column.type.tz
    raw, bad = _epoch_numbers(column.cast(pa.int64()))
    bad = bad | (raw < _EARLIEST // 10**9 * _PER_SECOND[unit]) | (raw >= _LATEST // 10**9 * _PER_SECOND[unit])
    ns = np.where(bad, 0, raw) * (10**9 // _PER_SECOND[unit])
    if not written_in:
        return _localised(ns, bad, zone, ambiguous)
    wall = _wall_clock(ns, written_in) if len(ns) else ns
    if _all_midnight(wall, bad):
        return Times(np.where(bad, 0, wall), bad, "dates")
    return Times(ns, bad, f"times in {written_in}")


def _wall_clock(ns: NDArray[np.int64], timezone: str) -> NDArray[np.int64]:
    import pandas as pd

    index = pd.DatetimeIndex(ns.view("datetime64[ns]")).tz_localize("UTC").tz_convert(timezone).tz_localize(None)
    wall: NDArray[np.int64] = index.to_numpy().astype("datetime64[ns]").view(np.int64)
    return wall


def _all_midnight(wall: NDArray[np.int64], bad: NDArray[np.bool_]) -> bool:
    good = wall[~bad]
    return bool(len(good) and not good[0] % DAY and not (good % DAY).any())


def _textual(column: pa.ChunkedArray, zone: ZoneInfo | None, day_first: bool | None, ambiguous: Ambiguous) -> Times:
    wall = read_stamps(column, day_first=day_first)
    if wall.bad.all():
        first = next((cell for cell in column.slice(0, 100).to_pylist() if cell), None)
        raise DataError(
            f"The column of times holds no time between {FIRST_YEAR} and {LAST_YEAR} that can be read; it begins with "
            f"{first!r}. Write times as 2020-01-31 09:30 or as an epoch, or say with columns= which column holds them."
        )
    if _all_midnight(wall.wall_ns, wall.bad):
        return Times(wall.wall_ns, wall.bad, "dates")
    aware = wall.has_offset[~wall.bad]
    if aware.all():
        ns = np.where(wall.bad, 0, wall.wall_ns - wall.offset_ns)
        return Times(ns, wall.bad, "times with their offset")
    if aware.any():
        raise DataError(
            f"{int(aware.sum()):,} times carry an offset from UTC and {int((~aware).sum()):,} do not; write all."
        )
    return _localised(wall.wall_ns, wall.bad, zone, ambiguous)


def _localised(wall: NDArray[np.int64], bad: NDArray[np.bool_], zone: ZoneInfo | None, ambiguous: Ambiguous) -> Times:
    """Return naive times as UTC, by the zone that the user gave."""
    if _all_midnight(wall, bad):
        return Times(np.where(bad, 0, wall), bad, "dates")
    if zone is None:
        first = str(wall[~bad][:1].view("datetime64[ns]").astype("datetime64[s]")[0]) if (~bad).any() else "none"
        raise DataError(
            f"The times carry no zone (the first is {first}); say what they mean: timezone='UTC', "
            "timezone='America/New_York' or another IANA name."
        )
    ns = np.where(bad, 0, to_utc(np.where(bad, 0, wall), zone, ambiguous))
    return Times(ns, bad, f"times without a zone, read as {zone.key}")


def to_utc(wall: NDArray[np.int64], zone: ZoneInfo, ambiguous: Ambiguous = "error") -> NDArray[np.int64]:
    """Return local times as UTC, both in nanoseconds.

    Raises
    ------
    DataError
        A local time never happened, or happened twice and ``ambiguous`` is ``"error"``.
    """
    if zone.key in ("UTC", "Etc/UTC", "GMT", "Etc/GMT"):
        return wall
    first, last = (_shifted(wall, zone, is_first=is_first) for is_first in (True, False))
    nowhere = np.isnat(first.view("datetime64[ns]")) | np.isnat(last.view("datetime64[ns]"))
    if nowhere.any():
        raise DataError(
            f"{_times(nowhere)} never happened in {zone.key}, where clocks were set forward (the first: "
            f"{_stamp(wall, nowhere)}); the timezone is probably another one, such as 'UTC' or a fixed 'Etc/GMT+5'."
        )
    twice = first != last
    if twice.any() and ambiguous == "error":
        raise DataError(
            f"{_times(twice)} happened twice in {zone.key}, where clocks were set back (the first: "
            f"{_stamp(wall, twice)}); say ambiguous='first' or ambiguous='last', or export the file in UTC."
        )
    return last if ambiguous == "last" else first


def _shifted(wall: NDArray[np.int64], zone: ZoneInfo, *, is_first: bool) -> NDArray[np.int64]:
    import pandas as pd

    index = pd.DatetimeIndex(wall.view("datetime64[ns]"))
    local = index.tz_localize(zone, ambiguous=np.full(len(wall), is_first), nonexistent="NaT")
    utc: NDArray[np.int64] = (
        local.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ns]").view(np.int64)
    )
    return utc


def _times(mask: NDArray[np.bool_]) -> str:
    return counted(int(mask.sum()), "local time")


def _stamp(wall: NDArray[np.int64], mask: NDArray[np.bool_]) -> str:
    return str(wall[mask][:1].view("datetime64[ns]").astype("datetime64[s]")[0])
