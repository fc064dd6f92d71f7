"""Times of every kind to int64 nanoseconds UTC: text, epochs, dates, and times with and without a zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.findings import Finding, shown_time
from research_kit.bars.timeframe import DAY
from research_kit.bars.times.epochs import EARLIEST, LATEST, NumberTimes, dates_of_serial, number_cells, serial_days
from research_kit.bars.times.local_time import Ambiguous, LocalClock, Nonexistent, Policies, wall_clock, zone_of
from research_kit.bars.times.stamp_cells import FIRST_YEAR, LAST_YEAR
from research_kit.bars.times.stamp_grammar import SHARED_ZONES
from research_kit.bars.times.stamps import StampReader, WallTimes
from research_kit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Ambiguous", "Nonexistent", "TimeReader", "Times", "read_times", "zone_of"]

_CALENDAR = r"^(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(([01]\d|2[0-4])([0-5]\d([0-5]\d(\d\d\d)?)?)?)?$"
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
    nonexistent: Nonexistent = "error",
) -> Times:
    """Return the UTC times of one column, or of a column of dates and one of times of day, as one block.

    ``TimeReader`` has the rules, and reads a source in several blocks.

    Raises
    ------
    DataError
        The zone is needed or unknown, or the times cannot be read as a whole. Single rows that cannot be read are
        marked as ``bad`` instead.
    """
    reader = TimeReader(timezone, day_first=day_first, ambiguous=ambiguous, nonexistent=nonexistent)
    times = reader.read(columns)
    reader.findings()
    return times


class TimeReader:
    """Reads the times of one source block by block.

    What the first block decides (kind, zone, order of day and month, whether all are dates) holds for the others.

    - Times with a zone or an offset are converted. Times without one mean ``timezone``, which must then be given.
    - **Dates stay dates**: where every time is midnight as written (or is a date alone), the bars stand for sessions
      and are stored at 00:00 UTC of that date whatever the zone, so that a session's date never shifts.
    - Numbers are epochs in seconds, milliseconds, microseconds or nanoseconds, each by its size: those before March
      1973 are too small to tell apart and are refused. Numbers such as 20200131 are dates, 43861.4 days as Excel
      counts them.
    - Local times that happen twice (clocks set back) or never (clocks set forward) are refused unless ``ambiguous`` and
      ``nonexistent`` say what is to be done with them; each use is counted.

    Parameters
    ----------
    timezone
        What times without a zone mean.
    day_first
        Whether 03/01 is 3 January, where the dates do not tell.
    ambiguous
        Which is meant of local times that happened twice: ``"first"``, ``"last"``, or the one that the order of the
        rows tells (``"infer"``).
    nonexistent
        Whether local times that never happened are moved to the first that exists (``"shift"``), or their rows marked
        bad (``"drop"``).
    question
        Why the zone cannot be known, put into the sentence that asks for it.
    """

    def __init__(
        self,
        timezone: str | None = None,
        *,
        day_first: bool | None = None,
        ambiguous: Ambiguous = "error",
        nonexistent: Nonexistent = "error",
        question: str = "",
    ) -> None:
        self.layout = ""
        self.uses_timezone = False
        self._zone = zone_of(timezone) if timezone else None
        self._question = question
        self._stamps = StampReader(day_first)
        self._policies = Policies(ambiguous, nonexistent)
        self._clocks: dict[str, LocalClock] = {}
        self._kind = ""
        self._numbers = NumberTimes()
        self._dates: bool | None = None
        self._has_offset: bool | None = None
        self._clock_width = 0

    def read(self, columns: Sequence[pa.ChunkedArray]) -> Times:
        """Return the times of the next block: of one column, or of a column of dates and one of times of day.

        Raises
        ------
        DataError
            The zone is needed or unknown, the times cannot be read as a whole, or contradict those of earlier blocks.
        """
        import pyarrow as pa

        column = columns[0] if len(columns) == 1 else self._joined(*columns)
        if not len(column):
            return Times(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_), self.layout)
        if pa.types.is_null(column.type):
            column = column.cast(pa.string())
        known = "" if self._kind == "stamp" else self._kind  # a block of text has a cell that is no plain time
        if known in ("", "text"):
            column = _as_calendar(column)
        kind = _type_kind(column) or known or ("number" if _all_numbers(column) else "text")
        self._kind = self._kind or kind
        read = {"number": self._number, "stamp": self._typed, "text": self._textual}[kind]
        ns, bad = read(column)
        return Times(ns, bad, self.layout)

    def findings(self) -> list[Finding]:
        """Return what the policies did and which units were mixed, after the last block.

        Raises
        ------
        DataError
            ``ambiguous="infer"``, and the order of the last rows does not tell.
        """
        for clock in self._clocks.values():
            clock.finish()
        return [*self._policies.findings(), *self._numbers.findings()]

    def _number(self, column: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        ns, bad = self._numbers.read(column)
        if self._numbers.kind == "epoch":
            self.layout = self._numbers.words()
            return ns, bad
        return self._without_zone(ns, bad, "Excel serial dates" if self._numbers.kind == "excel" else "")

    def _typed(self, column: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the times of a column that is typed as timestamps or dates."""
        import pyarrow as pa

        if pa.types.is_date(column.type):
            column = column.cast(pa.timestamp("ms" if pa.types.is_date64(column.type) else "s"))
        unit, written_in = column.type.unit, column.type.tz
        raw, bad = number_cells(column.cast(pa.int64()))
        bad = bad | (raw < EARLIEST // 10**9 * _PER_SECOND[unit]) | (raw >= LATEST // 10**9 * _PER_SECOND[unit])
        ns = np.where(bad, 0, raw) * (10**9 // _PER_SECOND[unit])
        if not written_in:
            return self._without_zone(ns, bad)
        wall = wall_clock(ns, zone_of(written_in)) if self._dates is not False else ns
        if self._are_dates(wall, bad):
            return np.where(bad, 0, wall), bad
        self.layout = f"times in {written_in}"
        return ns, bad

    def _textual(self, column: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        wall = self._stamps.read(column)
        if wall.bad.all() and not self.layout:
            raise DataError(
                f"The column of times holds no time between {FIRST_YEAR} and {LAST_YEAR} that can be read; it begins "
                f"with {_first_cell(column)!r}. Write times as 2020-01-31 09:30 or as an epoch, or say with columns= "
                "which column holds them."
            )
        if self._are_dates(wall.wall_ns, wall.bad):
            return wall.wall_ns, wall.bad
        zoned = (wall.zone > 0) & ~wall.bad
        self._check_aware((wall.has_offset | zoned)[~wall.bad])
        if not self._has_offset:
            return self._without_zone(wall.wall_ns, wall.bad)
        self.layout = "times with their offset"
        if wall.zones:
            shown = ", ".join(wall.zones[:3]) + (", ..." if len(wall.zones) > 3 else "")
            self.layout = f"times with their zone ({shown})"
        ns, bad = np.where(wall.bad, 0, wall.wall_ns - wall.offset_ns), wall.bad
        return self._zoned(wall, zoned, ns, bad) if zoned.any() else (ns, bad)

    def _check_aware(self, aware: NDArray[np.bool_]) -> None:
        """Refuse a source of which some times carry an offset or a zone, and others do not."""
        count = int(aware.sum())
        if 0 < count < len(aware):
            raise DataError(
                f"{count:,} of {len(aware):,} times carry an offset from UTC, the others do not; write all alike."
            )
        if self._has_offset is None and len(aware):
            self._has_offset = count > 0
        elif len(aware) and self._has_offset != (count > 0):
            have, lack = ("do not", "do") if self._has_offset else ("do", "do not")
            raise DataError(
                f"{len(aware):,} times {have} carry an offset from UTC, those before {lack}; write all alike."
            )

    def _zoned(
        self, wall: WallTimes, zoned: NDArray[np.bool_], ns: NDArray[np.int64], bad: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return UTC also for the rows that name their zone: each by its own clock."""
        for place, name in enumerate(wall.zones, start=1):
            rows = zoned & (wall.zone == place)
            if rows.any():
                converted, dropped = self._clock(self._meant_zone(name)).to_utc(wall.wall_ns, ~rows)
                ns, bad = np.where(rows, converted, ns), np.where(rows, dropped, bad)
        return ns, bad

    def _meant_zone(self, name: str) -> str:
        """Return the IANA name of a zone that stands behind the times; abbreviations that zones share are asked for."""
        if name not in SHARED_ZONES:
            return name
        if self._zone is None:
            likely = " or ".join(f"timezone={zone!r}" for zone in SHARED_ZONES[name])
            raise DataError(f"The times carry the zone {name}, which more than one zone is called; say {likely}.")
        self.uses_timezone = True
        return self._zone.key

    def _are_dates(self, wall: NDArray[np.int64], bad: NDArray[np.bool_]) -> bool:
        """Return whether all times of the source are dates: the first block decides, no later one may contradict."""
        if self._dates is False or bad.all():
            return bool(self._dates)
        clock = wall % DAY
        clock[bad] = 0
        late = clock.any()
        if self._dates and late:
            at = int(np.argmax(clock != 0))
            raise DataError(
                "The times begin as dates alone and later have a time of day (the first: "
                f"{shown_time(int(wall[at]))}); bars of days and within days cannot be one dataset: import them apart."
            )
        self._dates = not late
        if self._dates:
            self.layout = self.layout or "dates"
        return self._dates

    def _without_zone(
        self, wall: NDArray[np.int64], bad: NDArray[np.bool_], words: str = ""
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return naive times as UTC, by the zone that the user gave."""
        if self._are_dates(wall, bad):
            self.layout = words or "dates"
            return np.where(bad, 0, wall), bad
        if bad.all():
            return np.zeros(len(wall), dtype=np.int64), bad
        if self._zone is None:
            raise DataError(self._zone_wanted(shown_time(int(wall[~bad][0]))))
        self.uses_timezone = True
        self.layout = f"{words or 'times'} without a zone, read as {self._zone.key}"
        return self._clock(self._zone.key).to_utc(wall, bad)

    def _clock(self, timezone: str) -> LocalClock:
        if timezone not in self._clocks:
            self._clocks[timezone] = LocalClock(zone_of(timezone), self._policies)
        return self._clocks[timezone]

    def _zone_wanted(self, first: str) -> str:
        if self._question:
            return (
                f"The times carry no zone (the first is {first}). {self._question.rstrip('. ')}. Say which zone that "
                "is: timezone='Europe/Athens', timezone='UTC' or another IANA name."
            )
        return (
            f"The times carry no zone (the first is {first}); say what they mean: timezone='UTC', "
            "timezone='America/New_York' or another IANA name."
        )

    def _joined(self, dates: pa.ChunkedArray, clocks: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return dates and times of day as one column of text."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if pa.types.is_timestamp(dates.type):
            dates = dates.cast(pa.date32())
        clock = pc.utf8_trim_whitespace(clocks.cast(pa.string()))
        if not pc.any(pc.greater(pc.utf8_length(clock), 0)).as_py():
            return dates
        serial = serial_days(dates)
        if serial is not None and pc.all(pc.match_substring_regex(clock, r"^0?[.,]\d+$|^[01]$")).as_py():
            return pc.add(serial, pc.replace_substring(clock, ",", ".").cast(pa.float64()))
        if pa.types.is_integer(clocks.type) or pc.all(pc.match_substring_regex(clock, r"^\d{1,9}$")).as_py():
            longest = pc.max(pc.utf8_length(clock)).as_py()
            self._clock_width = self._clock_width or next(width for width in (4, 6, 9, longest) if longest <= width)
            clock = pc.utf8_lpad(clock, width=self._clock_width, padding="0")
        days = dates if serial is None else dates_of_serial(serial)
        return pc.binary_join_element_wise(days.cast(pa.string()), clock, " ")


def _type_kind(column: pa.ChunkedArray) -> str:
    """Return what the type of a column says, ``""`` for text."""
    import pyarrow as pa

    types = pa.types
    if types.is_timestamp(column.type) or types.is_date(column.type):
        return "stamp"
    if types.is_integer(column.type) or types.is_floating(column.type) or types.is_decimal(column.type):
        return "number"
    if types.is_time(column.type):
        raise DataError("The column of times holds times of day without dates; name the column of dates as well.")
    return ""


def _all_numbers(column: pa.ChunkedArray) -> bool:
    """Return whether text is an epoch in digits, which dates such as 20200131 and 20200131093000 are not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(column.type):
        return False
    head = [cell.strip() for cell in column.cast(pa.string()).drop_null().slice(0, 20).to_pylist()]
    numbers = [cell for cell in head if re.fullmatch(r"-?\d+([.,]\d*)?", cell)]
    if 2 * len(numbers) <= len([cell for cell in head if cell]):
        return False
    text = pc.utf8_trim_whitespace(column.slice(0, 10_000).cast(pa.string()))
    return not pc.mean(pc.match_substring_regex(text, _CALENDAR).cast(pa.int8())).as_py() > 0.9


def _as_calendar(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return whole numbers such as 202001310930 as text, others as they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_integer(column.type) or (pc.max(column).as_py() or 0) < 1_900_010_100:
        return column
    text = column.slice(0, 1000).cast(pa.string())
    dates = pc.mean(pc.match_substring_regex(text, _CALENDAR).cast(pa.int8())).as_py() or 0
    return column.cast(pa.string()) if dates > 0.9 else column


def _first_cell(column: pa.ChunkedArray) -> str | None:
    first = next((str(cell) for cell in column.slice(0, 100).to_pylist() if cell), None)
    return first if first is None or len(first) <= 60 else f"{first[:57]}..."
