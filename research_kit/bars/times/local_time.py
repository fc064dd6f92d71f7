"""Local times to UTC, block by block: hours that happen twice or never, by a policy whose every use is counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.findings import MOST_EXAMPLES, Finding, counted, shown_time
from research_kit.bars.timeframe import DAY, SECOND
from research_kit.errors import DataError, did_you_mean

Ambiguous = Literal["error", "first", "last", "infer"]
Nonexistent = Literal["error", "shift", "drop"]
TimeArray = NDArray[np.int64]
Mask = NDArray[np.bool_]

_UTC_NAMES = ("UTC", "Etc/UTC", "GMT", "Etc/GMT", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal")
_YEAR_LIMITS = 1890, 2110


def zone_of(timezone: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    >>> zone_of("America/New_Yorc")
    Traceback (most recent call last):
    research_kit.errors.DataError: There is no time zone 'America/New_Yorc'. Did you mean 'America/New_York'?
    """
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        main = [name for name in available_timezones() if "/" in name or name == "UTC"]
        raise DataError(f"There is no time zone {timezone!r}. {did_you_mean(timezone, main)}") from None


@dataclass
class Policies:
    """What is done with local times that happened twice or never, and how often it was.

    Parameters
    ----------
    ambiguous
        Which of the two is meant where clocks were set back: the ``"first"``, the ``"last"``, what the order of the
        rows tells (``"infer"``), or an ``"error"``.
    nonexistent
        Times that clocks skipped are moved to the first that exists (``"shift"``), their rows marked bad (``"drop"``),
        or an ``"error"``.
    """

    ambiguous: Ambiguous = "error"
    nonexistent: Nonexistent = "error"
    _uses: dict[str, list[str]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def note(self, name: str, walls: TimeArray) -> None:
        """Count local times to which a policy was applied."""
        if len(walls):
            self._counts[name] = self._counts.get(name, 0) + len(walls)
            shown = self._uses.setdefault(name, [])
            shown += [shown_time(int(wall)) for wall in walls[: MOST_EXAMPLES - len(shown)]]

    def findings(self) -> list[Finding]:
        """Return what was done, with counts and the first local times as they were written."""
        done = {"shift": "moved to the first time that exists", "drop": "left out"}.get(self.nonexistent, "")
        meant = {"infer": "which of the two is meant follows from the order of the rows"}.get(
            self.ambiguous, f"the {self.ambiguous} of the two was taken"
        )
        words = {
            "local_times_ambiguous": f"Local times that happened twice, where clocks were set back: {meant}.",
            "local_times_nonexistent": f"Local times that never happened, where clocks were set forward: {done}.",
        }
        return [
            Finding(name, "warning", count, words[name], tuple(self._uses[name]))
            for name, count in self._counts.items()
        ]


class LocalClock:
    """The clock of one zone: turns local times into UTC, one block of rows after the other."""

    def __init__(self, zone: ZoneInfo, policies: Policies | None = None) -> None:
        self.zone = zone
        self.policies = policies or Policies()
        self._order = _HourTwice(zone.key)

    def to_utc(self, wall: TimeArray, bad: Mask) -> tuple[TimeArray, Mask]:
        """Return UTC nanoseconds (0 where bad), and where there is none.

        Raises
        ------
        DataError
            A local time happened twice or never and no policy says what then; or the order of rows does not tell.
        """
        good = ~bad
        walls = wall if good.all() else wall[good]
        if not len(walls) or self.zone.key in _UTC_NAMES:
            return np.where(bad, 0, wall), bad
        utc, dropped = self._converted(walls)
        if len(walls) == len(wall):
            return utc, dropped
        out, out_bad = np.zeros(len(wall), dtype=np.int64), bad.copy()
        out[good], out_bad[good] = utc, dropped
        return out, out_bad

    def finish(self) -> None:
        """Say that there are no more rows. Raises DataError where the order of the last ones does not tell."""
        self._order.close()

    def _converted(self, walls: TimeArray) -> tuple[TimeArray, Mask]:
        table = offsets_of(self.zone, int(walls.min()), int(walls.max()))
        place = table.places(walls)
        special = place % 2 == 1
        change = place // 2  # the offset that holds from then on; within a change: the one before it
        dropped = np.zeros(len(walls), dtype=np.bool_)
        if not special.any():
            utc: TimeArray = walls - table.offset[change]
            self._order.pass_by(walls)
            return utc, dropped
        is_back = np.diff(table.offset)[np.minimum(change, len(table.at) - 1)] < 0
        twice, never = special & is_back, special & ~is_back
        later = self._meant(walls, twice)
        utc = walls - table.offset[change + later]
        if never.any():
            self._refuse_never(walls[never])
            utc[never] = table.at[change[never]]
            dropped = never & (self.policies.nonexistent == "drop")
            utc[dropped] = 0
        return utc, dropped

    def _meant(self, walls: TimeArray, twice: Mask) -> NDArray[np.int64]:
        """Return 1 for the later of two times of the same name, else 0."""
        later = np.zeros(len(walls), dtype=np.int64)
        policy = self.policies.ambiguous
        if twice.any() and policy == "error":
            raise DataError(
                f"{_counted(walls[twice])} happened twice in {self.zone.key}, where clocks were set back (the first: "
                f"{shown_time(int(walls[twice][0]))}); say ambiguous='first', 'last' or 'infer' (by the order of "
                "the rows), or export the file in UTC."
            )
        if policy == "infer":
            later[twice] = self._order.later(walls, twice)
        elif policy == "last":
            later[twice] = 1
        self.policies.note("local_times_ambiguous", walls[twice])
        return later

    def _refuse_never(self, walls: TimeArray) -> None:
        if self.policies.nonexistent == "error":
            raise DataError(
                f"{_counted(walls)} never happened in {self.zone.key}, where clocks were set forward (the first: "
                f"{shown_time(int(walls[0]))}); the timezone is probably another one, such as 'UTC' or a fixed "
                "'Etc/GMT+5'. If it is right, say nonexistent='shift' or nonexistent='drop'."
            )
        self.policies.note("local_times_nonexistent", walls)


class _HourTwice:
    """Tells from the order of rows which of the two hours of one name is meant: the name's second pass is the later.

    The hour may be cut by the end of a block: what was answered then must agree with what comes after.
    """

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._sign = 0
        self._walls = np.zeros(0, dtype=np.int64)
        self._answers = np.zeros(0, dtype=np.int64)

    def pass_by(self, walls: TimeArray) -> None:
        """Note rows that are clear."""
        self._learn_direction(walls)
        self.close()

    def later(self, walls: TimeArray, twice: Mask) -> NDArray[np.int64]:
        """Return 1 where the later of the two is meant, for the rows of ``twice``."""
        self._learn_direction(walls)
        rows = np.flatnonzero(twice)
        if not len(rows) or rows[0] > 0:
            self.close()
        held = walls[rows]
        apart = (np.diff(rows) > 1) | (np.abs(np.diff(held)) > DAY)
        pieces = np.split(held, np.flatnonzero(apart) + 1)
        ends_open = bool(len(rows)) and rows[-1] == len(walls) - 1
        answers = []
        for at, piece in enumerate(pieces):
            if len(self._walls) and np.abs(piece[:1] - self._walls[-1:]).max(initial=0) > DAY:
                self.close()
            answers.append(self._answer(piece))
            if at < len(pieces) - 1 or not ends_open:
                self.close()
        return np.concatenate(answers)

    def close(self) -> None:
        """End the hour that is open: its answers must hold without further rows."""
        walls, answers = self._walls, self._answers
        self._walls, self._answers = walls[:0], answers[:0]
        if len(walls):
            self._split(walls, answers, is_open=False)

    def _answer(self, piece: TimeArray) -> NDArray[np.int64]:
        known = len(self._walls)
        walls = np.concatenate([self._walls, piece])
        self._answers = self._split(walls, self._answers, is_open=True)
        self._walls = walls
        return self._answers[known:]

    def _split(self, walls: TimeArray, before: NDArray[np.int64], *, is_open: bool) -> NDArray[np.int64]:
        """Return 1 for rows of the later pass; the first ones must be answered as they were ``before``."""
        steps = np.diff(walls) * self._sign
        back, same = np.flatnonzero(steps < 0), np.flatnonzero(steps == 0)
        cut = -1
        if len(back) == 1:
            cut = int(back[0]) + 1
        elif not len(back) and len(same) == 1 and (not is_open or len(walls) == 2):
            cut = int(same[0]) + 1  # one bar an hour: its name comes twice
        elif not len(back) and is_open:
            cut = len(walls)
        second = (np.arange(len(walls)) >= cut).astype(np.int64)
        answers = second if self._sign > 0 else 1 - second
        if cut < 0 or not np.array_equal(answers[: len(before)], before):
            raise DataError(
                f"{_counted(walls)} from {shown_time(int(walls[0]))} on happened twice in {self._zone}, and the order "
                "of the rows does not tell which is meant; say ambiguous='first' or ambiguous='last'."
            )
        return answers

    def _learn_direction(self, walls: TimeArray) -> None:
        if not self._sign and len(walls) > 1:
            steps = np.diff(walls)
            self._sign = -1 if int((steps < 0).sum()) > int((steps > 0).sum()) else 1


@dataclass(frozen=True)
class Offsets:
    """The offsets of a zone from UTC over some years: ``offset[k]`` holds from ``at[k - 1]`` on, in nanoseconds."""

    at: TimeArray
    offset: TimeArray

    def places(self, walls: TimeArray) -> NDArray[np.int64]:
        """Return where local times lie: ``2 k`` under offset k, ``2 k + 1`` within the change from k to k + 1."""
        before, after = self.at + self.offset[:-1], self.at + self.offset[1:]
        edges = np.column_stack([np.minimum(before, after), np.maximum(before, after)]).ravel()
        low, high = np.searchsorted(edges, [walls.min(), walls.max()], side="right")
        if low == high:  # a block within half a year, as most are
            return np.full(len(walls), low, dtype=np.int64)
        return np.searchsorted(edges, walls, side="right")

    def to_wall(self, utc: TimeArray) -> TimeArray:
        """Return what the clock shows at times in UTC."""
        wall: TimeArray = utc + self.offset[np.searchsorted(self.at, utc, side="right")]
        return wall


def wall_clock(utc: TimeArray, zone: ZoneInfo) -> TimeArray:
    """Return what the clock of a zone shows at times in UTC, both in nanoseconds."""
    if not len(utc):
        return utc
    return offsets_of(zone, int(utc.min()), int(utc.max())).to_wall(utc)


def offsets_of(zone: ZoneInfo, first_ns: int, last_ns: int) -> Offsets:
    """Return the offsets of a zone between two times, local or UTC."""
    first, last = (
        int(np.datetime64(ns, "ns").astype("datetime64[Y]").astype(int)) + 1970 for ns in (first_ns, last_ns)
    )
    return _offsets_of_years(zone, max(first, _YEAR_LIMITS[0]), min(last, _YEAR_LIMITS[1]))


@lru_cache(maxsize=64)
def _offsets_of_years(zone: ZoneInfo, first: int, last: int) -> Offsets:
    """Return the changes from two days before the first year to two days after the last, found day by day."""
    moment = datetime(first, 1, 1, tzinfo=UTC) - timedelta(days=2)
    end = datetime(last + 1, 1, 1, tzinfo=UTC) + timedelta(days=2)
    at, offsets = [], [_offset(zone, moment)]
    while moment < end:
        following = moment + timedelta(days=1)
        if _offset(zone, following) != offsets[-1]:
            at.append(_change(zone, moment, following))
            offsets.append(_offset(zone, following))
        moment = following
    return Offsets(np.array(at, dtype=np.int64), np.array(offsets, dtype=np.int64) * SECOND)


def _offset(zone: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return round(offset.total_seconds()) if offset else 0


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> int:
    """Return the nanosecond of a change between two times, to the second."""
    before = _offset(zone, low)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return int((high - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * SECOND


def _counted(walls: TimeArray) -> str:
    return counted(len(walls), "local time")
