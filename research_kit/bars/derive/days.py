"""The days of a session: when each begins, what its date is, and from where its intraday bars are counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import Bars, TimeArray
from research_kit.bars.sessions import GENERIC, check_session, clock_of, day_boundaries
from research_kit.bars.timeframe import DAY


@dataclass(frozen=True)
class SessionDays:
    """Consecutive days of a session, ascending.

    Parameters
    ----------
    starts_ns
        When each day begins, which is when the one before ends: midnight UTC, 17:00 in New York, or midnight of the
        exchange's clock.
    dates
        The date of each day, in days since 1970: foreign exchange's Monday begins on Sunday.
    anchors_ns
        From where bars within the day are counted: the exchange's opening, else the beginning of the day. A day on
        which the exchange stays closed has the opening of the day before.
    """

    starts_ns: TimeArray
    dates: NDArray[np.int64]
    anchors_ns: TimeArray

    def counts(self, time_ns: TimeArray) -> NDArray[np.int64]:
        """Return how many of some increasing times, none before the first day, fall on each day."""
        return np.diff(np.append(np.searchsorted(time_ns, self.starts_ns), len(time_ns)))

    def between(self, first_ns: int, last_ns: int) -> SessionDays:
        """Return the days on which some times between two times fall."""
        first, last = np.searchsorted(self.starts_ns, [first_ns, last_ns], side="right") - 1
        part = slice(int(first), int(last) + 1)
        return SessionDays(self.starts_ns[part], self.dates[part], self.anchors_ns[part])


def session_days(first_ns: int, last_ns: int, session: str) -> SessionDays:
    """Return the days of a session around two times: at least one day before the first and after the last."""
    check_session(session)
    starts = day_boundaries(first_ns - DAY, last_ns + DAY, session)
    dates = (first_ns - DAY) // DAY - 1 + np.arange(len(starts), dtype=np.int64)
    if clock_of(session)[1]:  # the day that begins in the evening is the next one
        dates = dates + 1
    return SessionDays(starts, dates, starts if session in GENERIC else _openings(starts, session))


def session_dates(bars: Bars) -> NDArray[np.int64]:
    """Return the session date of each bar, in days since 1970.

    Bars of a day or longer at midnight UTC are labelled with their date. Any other time belongs to the session's day.

    Examples
    --------
    >>> sunday = np.array(["2020-03-01T22:00"], dtype="datetime64[ns]").view(np.int64)
    >>> bars = Bars(sunday, {"close": np.ones(1)}, timeframe="1h", session="24/5")
    >>> session_dates(bars).view("datetime64[D]").astype(str).tolist()
    ['2020-03-02']
    """
    dates = bars.time_ns // DAY
    labels = dates * DAY == bars.time_ns if bars.timeframe_ns >= DAY else np.zeros(len(bars), dtype=np.bool_)
    if not len(bars) or labels.all():
        return dates
    days = session_days(int(bars.time_ns[0]), int(bars.time_ns[-1]), bars.session)
    return np.where(labels, dates, np.repeat(days.dates, days.counts(bars.time_ns)))


def _openings(starts_ns: TimeArray, session: str) -> TimeArray:
    """Return when an exchange opens on each day, counted from the day's beginning where it stays closed."""
    from research_kit.bars.exchanges import exchange_times

    opens, _ = exchange_times(session, int(starts_ns[0]), int(starts_ns[-1]), daily=False)
    first = opens[np.minimum(np.searchsorted(opens, starts_ns), len(opens) - 1)]
    after = first - starts_ns
    is_open = (after >= 0) & (after < DAY)
    latest = np.maximum.accumulate(np.where(is_open, np.arange(len(starts_ns)), -1))
    usual = after[np.argmax(is_open)] if is_open.any() else 0
    return starts_ns + np.where(latest >= 0, after[latest], usual)
