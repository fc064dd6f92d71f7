"""Sessions: when a market is open, where its days end, how many periods a year has, and which bars are missing.

A session is one of

- ``"24/7"``: always open; days are UTC days; 365 a year.
- ``"24/5"``: foreign exchange, from Sunday to Friday 17:00 in New York, where its days end too; 260 a year.
- ``"weekdays"``: an exchange that was not named: Monday to Friday, hours and holidays unknown; UTC days; 252 a year.
- the name of an exchange calendar (``"XNYS"``, as in the library exchange_calendars): its hours and holidays; days are
  those of its own clock; 252 a year.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.timeframe import DAY, HOUR, MINUTE, SECOND, timeframe_ns
from research_kit.bars.windows import count_before, samples, spans
from research_kit.errors import DataError

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars

GENERIC = ("24/7", "24/5", "weekdays")
PERIODS_PER_YEAR = {"24/7": 365, "24/5": 260, "weekdays": 252}
EXCHANGE_PERIODS = 252
WEEKDAY_SESSION = 390 * MINUTE
"""Length assumed for a day of ``"weekdays"``: that of New York. It only scales the bars of a year."""

HOLIDAYS_IN_A_ROW = 2
"""Most weekdays without any bar that count as holidays where the exchange's calendar is not known."""

_CLOCKS = {  # zone and hour at which a day ends; the calendars that are asked for most need not be built to know it
    "24/5": ("America/New_York", 17),
    **dict.fromkeys(("XNYS", "XNAS", "ARCX", "BATS"), ("America/New_York", 0)),
    "XTSE": ("America/Toronto", 0),
    "XLON": ("Europe/London", 0),
    "XPAR": ("Europe/Paris", 0),
    "XAMS": ("Europe/Amsterdam", 0),
    "XFRA": ("Europe/Berlin", 0),
    "XETR": ("Europe/Berlin", 0),
    "XSWX": ("Europe/Zurich", 0),
    "XTKS": ("Asia/Tokyo", 0),
    "XHKG": ("Asia/Hong_Kong", 0),
    "XSHG": ("Asia/Shanghai", 0),
    "XASX": ("Australia/Sydney", 0),
    "XBOM": ("Asia/Kolkata", 0),
}


def learn_session(time_ns: NDArray[np.int64], timeframe: str) -> str:
    """Return the session that opening times suggest: ``"24/7"``, ``"24/5"`` or ``"weekdays"``.

    Bars on at least half of the Saturdays (after noon UTC, when Friday is over everywhere) mean ``"24/7"``. Without
    them, bars of a day mean ``"weekdays"``; shorter bars mean ``"24/5"`` where they cover 20 hours of the day (UTC),
    else ``"weekdays"``. Bars of a week or longer, and full days without a Saturday between them, tell nothing:
    ``"24/7"``, which assumes nothing. No exchange is ever guessed: name it to have its holidays.

    >>> learn_session(np.arange(400) * DAY, "1d")
    '24/7'
    """
    step = timeframe_ns(timeframe)
    if not len(time_ns) or step >= 7 * DAY:
        return "24/7"
    saturdays = _count_of_weekday(int(time_ns[0] // DAY), int(time_ns[-1] // DAY), 5)
    if saturdays and 2 * _saturdays_seen(time_ns, step) >= saturdays:
        return "24/7"
    if step >= DAY:
        return "weekdays"
    length = max(step, HOUR)
    seen = [np.unique(time_ns[part] % DAY // length) for part in samples(time_ns)]
    if len(np.unique(np.concatenate(seen))) * length < 20 * HOUR:
        return "weekdays"
    return "24/5" if saturdays else "24/7"


def _saturdays_seen(time_ns: NDArray[np.int64], step: int) -> int:
    """Return how many Saturdays have bars: after noon UTC, where bars are shorter than a day."""
    first, last = int(time_ns[0] // DAY), int(time_ns[-1] // DAY)
    saturdays = np.arange(first + (2 - first) % 7, last + 1, 7) * DAY
    starts = saturdays + (DAY // 2 if step < DAY else 0)
    return int((count_before(time_ns, saturdays + DAY) > count_before(time_ns, starts)).sum())


def periods_per_year(session: str) -> int:
    """Return how many trading days a year counts: 365 (24/7), 260 (24/5), 252 (exchanges and weekdays).

    >>> periods_per_year("24/7"), periods_per_year("XNYS")
    (365, 252)
    """
    return PERIODS_PER_YEAR.get(session, EXCHANGE_PERIODS)


def bars_per_year(timeframe: str, session: str) -> float:
    """Return how many bars a year counts: a constant of timeframe and session, never of the data.

    Shorter than a day: bars of a full session day (24 hours; an exchange's own; six and a half for ``"weekdays"``) ×
    days a year. Weeks count 52, months 12.

    >>> bars_per_year("1h", "24/7"), bars_per_year("1d", "XNYS"), bars_per_year("1w", "24/7")
    (8760.0, 252.0, 52.0)
    """
    step = timeframe_ns(timeframe)
    if timeframe.endswith("mo"):
        return 12.0 / (step // (30 * DAY))
    if step >= 7 * DAY:
        return 52.0 * 7 * DAY / step
    if step >= DAY:
        return periods_per_year(session) * DAY / step
    return periods_per_year(session) * float(-(-session_length_ns(session) // step))


def session_length_ns(session: str) -> int:
    """Return the length of a full session day in nanoseconds, breaks taken off."""
    if session in ("24/7", "24/5"):
        return DAY
    if session in ("weekdays", "XNYS", "XNAS"):
        return WEEKDAY_SESSION
    from research_kit.bars.exchanges import regular_length_ns

    return regular_length_ns(session)


def day_ends(bars: Bars) -> NDArray[np.int64]:
    """Return the position of the last bar of each session day, ascending; the last one is ``len(bars) - 1``.

    Bars of a day or longer are days themselves. Shorter bars belong to the UTC day (``"24/7"``, ``"weekdays"``), to the
    day that ends at 17:00 in New York (``"24/5"``) or to the day of the exchange's clock.

    Examples
    --------
    >>> from research_kit.bars.frame import Bars
    >>> bars = Bars(np.arange(50) * HOUR, {"close": np.ones(50)}, session="24/7")
    >>> day_ends(bars).tolist()
    [23, 47, 49]
    """
    return bars.once("day_ends", _day_ends)


def _day_ends(bars: Bars) -> NDArray[np.int64]:
    if bars.timeframe_ns >= DAY or len(bars) < 2:
        return np.arange(len(bars), dtype=np.int64)
    boundaries = day_boundaries(int(bars.time_ns[0]), int(bars.time_ns[-1]), bars.session)
    ends = count_before(bars.time_ns, boundaries) - 1
    ends = ends[(ends >= 0) & (ends < len(bars) - 1)]
    return np.append(ends[np.diff(ends, prepend=-1) > 0], len(bars) - 1).astype(np.int64)


def day_boundaries(first_ns: int, last_ns: int, session: str) -> NDArray[np.int64]:
    """Return the times, nanoseconds UTC, at which session days end between two times."""
    zone, hour = clock_of(session)
    first, last = first_ns // DAY - 1, last_ns // DAY + 1
    local = np.arange(first, last + 1, dtype=np.int64) * DAY + hour * HOUR
    if zone == "UTC":
        return local
    # twice: the first guess of the offset may fall on the wrong side of a change of clocks
    guess = local - _offsets(local, zone)
    return local - _offsets(guess, zone)


def clock_of(session: str) -> tuple[str, int]:
    """Return the zone of a session's clock and the hour at which its day ends: 0 is midnight."""
    if session in _CLOCKS:
        return _CLOCKS[session]
    if session in GENERIC:
        return "UTC", 0
    from research_kit.bars.exchanges import day_clock

    return day_clock(session)


def told_clock(session: str, timezone: str | None = None) -> str:
    """Return the zone in which to tell hours of a market: the exchange's own, else that of the data, else UTC.

    >>> told_clock("XNYS"), told_clock("24/7", "Europe/Berlin"), told_clock("24/7", "nowhere")
    ('America/New_York', 'Europe/Berlin', 'UTC')
    """
    if session not in GENERIC:
        return clock_of(session)[0]
    try:
        return ZoneInfo(timezone or "UTC").key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def clock_offsets(utc_ns: NDArray[np.int64], session: str) -> NDArray[np.int64]:
    """Return how far a session's clock is ahead of UTC at some rising times, nanoseconds."""
    zone, _ = clock_of(session)
    return np.zeros_like(utc_ns) if zone == "UTC" or not len(utc_ns) else _offsets(utc_ns, zone)


def _offsets(utc_ns: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Return the offsets from UTC at some times, nanoseconds, by the changes of clocks of the years between them."""
    years = utc_ns[[0, -1]].view("datetime64[ns]").astype("datetime64[Y]").astype(int) + 1970
    changes = [change for year in range(years[0], years[1] + 1) for change in _changes(zone, year)]
    at, offsets = (np.array(values, dtype=np.int64) for values in zip(*changes, strict=True))
    found: NDArray[np.int64] = offsets[np.searchsorted(at, utc_ns, side="right") - 1]
    return found


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORTNIGHT = 14 * 86_400  # zones change their clocks less often than that


@lru_cache(maxsize=2048)
def _changes(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """Return (time, offset from then on) for the start of a year and each change of clocks in it, nanoseconds."""
    clock = ZoneInfo(zone)

    def offset(second: int) -> int:
        shift = (_EPOCH + timedelta(seconds=second)).astimezone(clock).utcoffset()
        return int(shift.total_seconds()) if shift is not None else 0

    start, end = (int(datetime(of, 1, 1, tzinfo=UTC).timestamp()) for of in (year, year + 1))
    changes = [(start, offset(start))]
    for low in range(start, end, _FORTNIGHT):
        high = min(low + _FORTNIGHT, end - 1)
        before = changes[-1][1]
        if offset(high) != before:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)  # noqa: PLW2901
            changes.append((high, offset(high)))
    return tuple((second * SECOND, shift * SECOND) for second, shift in changes)


@dataclass(frozen=True)
class OpenHours:
    """When a session is open, as far as it matters for some bars.

    Parameters
    ----------
    opens, closes
        Times at which it opens and closes, nanoseconds UTC, rising; empty where it never closes.
    """

    opens: NDArray[np.int64]
    closes: NDArray[np.int64]

    @cached_property
    def _open_until(self) -> NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum(self.closes - self.opens)])

    def before(self, moments: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for how long the session was open before each time, counted from one and the same moment."""
        if not len(self.opens):
            return moments
        at = np.searchsorted(self.opens, moments, side="right") - 1
        inside = np.clip(moments - self.opens[at], 0, (self.closes - self.opens)[at])
        return np.where(at >= 0, self._open_until[at] + inside, 0)

    def closings(
        self, time_ns: NDArray[np.int64], step: int, shift: int = 0
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return which closings lie among some rising times, and between which positions bars lie wholly within each.

        ``shift`` moves the session by some nanoseconds.
        """
        first = max(0, int(np.searchsorted(self.closes, time_ns[0] - shift)) - 1)
        last = int(np.searchsorted(self.closes, time_ns[-1] - shift, side="right"))
        which = np.arange(first, min(last, len(self.closes) - 1))
        begin = np.searchsorted(time_ns, self.closes[which] + shift)
        end = np.searchsorted(time_ns, self.opens[which + 1] + (shift - step), side="right")
        seen = end > begin
        return which[seen], begin[seen], end[seen]

    def closed(self, time_ns: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        """Return where bars of a length, at rising times, lie wholly in hours in which the session is closed."""
        marks = np.zeros(len(time_ns), dtype=np.bool_)
        if len(self.opens):
            for begin, end in zip(*self.closings(time_ns, step)[1:], strict=True):
                marks[begin:end] = True
        return marks


def open_hours(first_ns: int, last_ns: int, timeframe: str, session: str) -> OpenHours:
    """Return when a session is open around two times; whole days for bars of a day, always for those of a week.

    Raises
    ------
    DataError
        The session is not known.
    """
    check_session(session)
    step = timeframe_ns(timeframe)
    if session == "24/7" or step >= 7 * DAY:
        return OpenHours(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    if session in GENERIC:
        return OpenHours(*_week_times(first_ns, last_ns, daily=step >= DAY or session == "weekdays"))
    from research_kit.bars.exchanges import exchange_times

    week = 7 * DAY  # what lies before an opening is known to be closed if there is a closing before it
    return OpenHours(*exchange_times(session, first_ns - week, last_ns + week, daily=step >= DAY))


def _week_times(first_ns: int, last_ns: int, *, daily: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    monday = (first_ns // DAY + 3) // 7 * 7 - 3 - 7
    mondays = np.arange(monday, last_ns // DAY + 8, 7, dtype=np.int64) * DAY
    if daily:
        return mondays, mondays + 5 * DAY
    zone, hour = _CLOCKS["24/5"]
    local_opens, local_closes = mondays - DAY + hour * HOUR, mondays + 4 * DAY + hour * HOUR
    opens, closes = (local - _offsets(local - _offsets(local, zone), zone) for local in (local_opens, local_closes))
    return opens, closes


@dataclass(frozen=True)
class MissingBars:
    """Which bars a session expects and the data lacks.

    Parameters
    ----------
    expected
        Bars that are there plus those that are missing.
    starts_ns, ends_ns
        Of each gap: the opening times of the first and of the last missing bar's neighbours, that is when the bar
        before the gap ended and when the bar after it begins, nanoseconds UTC.
    counts
        Bars missing in each gap.
    """

    expected: int
    starts_ns: NDArray[np.int64]
    ends_ns: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def missing(self) -> int:
        """Bars missing in all."""
        return int(self.counts.sum())


def missing_bars(time_ns: NDArray[np.int64], timeframe: str, session: str) -> MissingBars:
    """Return the gaps in strictly increasing opening times: absences while the session was open.

    Each absence longer than a bar is measured in open time, and every whole bar that would fit in is missing. The
    calendar of an exchange knows its hours and holidays. ``"weekdays"`` knows neither: whole days are missing only
    where more than ``HOLIDAYS_IN_A_ROW`` follow each other, and bars within a day only at the times of day at which
    three quarters of the days have one. Bars of a week or longer follow the calendar. Bars outside of a session's hours
    are no fault and change nothing.

    Raises
    ------
    DataError
        The session is not known.
    """
    judge = GapJudge(time_ns, timeframe, session)
    parts = [judge.gaps(part.start, part.stop) for part in spans(time_ns)] or [judge.gaps(0, 0)]
    starts, ends, counts = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("starts_ns", "ends_ns", "counts")
    )
    return MissingBars(sum(part.expected for part in parts), starts, ends, counts)


class GapJudge:
    """Says which bars are missing before any stretch of bars, having learnt once what their session expects.

    ``hours`` is when the session is open. The rules and errors are those of ``missing_bars``.
    """

    def __init__(self, time_ns: NDArray[np.int64], timeframe: str, session: str) -> None:
        self._time_ns, self._session, self._step = time_ns, session, timeframe_ns(timeframe)
        ends = (int(time_ns[0]), int(time_ns[-1])) if len(time_ns) else (0, 0)
        self.hours = open_hours(*ends, timeframe, session)
        by_clock = session == "weekdays" and self._step < DAY
        self._usual = _usual_before(time_ns, self._step) if by_clock else None

    def gaps(self, start: int, stop: int) -> MissingBars:
        """Return the gaps that end at the bars from one position up to another."""
        times = self._time_ns[max(0, start - 1) : stop]
        moments = times // DAY * DAY if self._step == DAY else times
        wide = np.flatnonzero(moments[1:] - moments[:-1] > self._step)
        counts = self._fitting(moments[wide] + self._step, moments[wide + 1])
        at, counts = wide[counts > 0], counts[counts > 0]
        # what is shown are the bars' own times
        return MissingBars(stop - start + int(counts.sum()), times[at] + self._step, times[at + 1], counts)

    def _fitting(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many bars fit into the open time of each absence."""
        if self._usual is not None:
            return _weekday_bars(self._usual, starts, ends, self._step)
        counts = (self.hours.before(ends) - self.hours.before(starts)) // self._step
        least = HOLIDAYS_IN_A_ROW + 1 if self._session == "weekdays" and self._step < 7 * DAY else 1
        return np.where(counts >= least, counts, 0)


def _usual_before(time_ns: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """Return how many times of the day, before each, have a bar on at least three quarters of the days."""
    counts, days, last = np.zeros(-(-DAY // step), dtype=np.int64), 0, None
    for part in spans(time_ns):
        day = time_ns[part] // DAY
        counts += np.bincount((time_ns[part] - day * DAY) // step, minlength=len(counts))
        days += int(np.count_nonzero(day[1:] != day[:-1])) + (last != day[0])
        last = day[-1]
    return np.concatenate([[0], np.cumsum(counts >= 0.75 * days)])


def _weekday_bars(
    before: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64], step: int
) -> NDArray[np.int64]:
    """Return the bars missing in each absence of an exchange whose hours and holidays are not known."""
    within = before[ends % DAY // step] - before[starts % DAY // step]
    first, last = (moments.view("datetime64[ns]").astype("datetime64[D]") for moments in (starts - 1, ends))
    whole = np.busday_count(first + 1, last)
    long = np.where(whole > HOLIDAYS_IN_A_ROW, whole * before[-1], 0)
    return np.where(starts // DAY == ends // DAY, np.maximum(within, 0), long).astype(np.int64)


def check_session(session: str) -> None:
    """Refuse a session that is neither generic nor the name of an exchange calendar."""
    if session in GENERIC or session in _CLOCKS:
        return
    from research_kit.bars.exchanges import calendar_names
    from research_kit.errors import did_you_mean

    if session not in calendar_names():
        near = did_you_mean(session, [*GENERIC, *calendar_names()])
        raise DataError(
            f"{session!r} is no session. {near if near.startswith('Did') else ''} "
            "Use '24/7', '24/5', 'weekdays' or the name of an exchange calendar such as 'XNYS'.".replace("  ", " ")
        )


def _count_of_weekday(first_day: int, last_day: int, weekday: int) -> int:
    """Return how many days of a weekday (Monday is 0) lie between two days since 1970, both included."""
    return (last_day + 3 - weekday) // 7 - (first_day - 1 + 3 - weekday) // 7
