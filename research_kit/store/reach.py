"""How far data reaches: when its last bar ends, and when the days of its session begin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from research_kit.bars.derive.days import session_dates
from research_kit.bars.frame import Bars
from research_kit.bars.sessions import clock_of, day_boundaries
from research_kit.bars.timeframe import DAY, timeframe_ns
from research_kit.errors import DataError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def data_end(opened: datetime | None, timeframe: str, session: str) -> datetime | None:
    """Return when a bar ends that opened at a time: days, weeks and months end with the session's day. None for None.

    Examples
    --------
    >>> data_end(datetime(2019, 12, 31, 23, 59, tzinfo=UTC), "1min", "24/7").isoformat()
    '2020-01-01T00:00:00+00:00'
    >>> data_end(datetime(2019, 12, 31, tzinfo=UTC), "1d", "24/5").isoformat()
    '2019-12-31T22:00:00+00:00'
    """
    if opened is None:
        return None
    try:
        length = timeframe_ns(timeframe)
        if length < DAY or length % DAY:
            return opened + timedelta(microseconds=length / 1000)
        return _end_of_days(opened, timeframe, session)
    except DataError:  # another program's words
        return opened


def day_start(day: int, session: str) -> datetime:
    """Return when a session's day begins; the day is counted from 1970-01-01.

    >>> day_start(18_262, "24/7").isoformat(), day_start(18_262, "24/5").isoformat()
    ('2020-01-01T00:00:00+00:00', '2019-12-31T22:00:00+00:00')
    """
    starts = day_boundaries(day * DAY, day * DAY, session)  # of the day before, this day and the next
    return moment_of(int(starts[0 if clock_of(session)[1] else 1]))  # in the evening before, or at midnight


def moment_of(time_ns: int) -> datetime:
    """Return nanoseconds since 1970 as an aware time, cut to the microsecond that a database keeps.

    >>> moment_of(1_577_836_800_000_000_000).isoformat()
    '2020-01-01T00:00:00+00:00'
    """
    return _EPOCH + timedelta(microseconds=time_ns // 1000)


def nanoseconds(moment: datetime) -> int:
    """Return an aware time as nanoseconds since 1970.

    >>> nanoseconds(moment_of(1_577_836_800_000_001_000))
    1577836800000001000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _end_of_days(opened: datetime, timeframe: str, session: str) -> datetime:
    bar = Bars(np.array([nanoseconds(opened)]), {"close": np.ones(1)}, timeframe=timeframe, session=session)
    day = int(session_dates(bar)[0])
    if timeframe.endswith("mo"):
        month = np.datetime64(day, "D").astype("datetime64[M]") + bar.timeframe_ns // (30 * DAY)
        return day_start(int(month.astype("datetime64[D]").astype(np.int64)), session)
    days = bar.timeframe_ns // DAY
    return min(opened + timedelta(days=days), day_start(day + days, session))
