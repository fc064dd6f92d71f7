"""What the library exchange_calendars knows: an exchange's zone, hours and holidays."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.timeframe import DAY
from research_kit.errors import DataError


@lru_cache(maxsize=1)
def calendar_names() -> frozenset[str]:
    """Return the names of all exchange calendars, with their other names (``"NYSE"`` for ``"XNYS"``)."""
    import exchange_calendars

    return frozenset(exchange_calendars.get_calendar_names(include_aliases=True))


def calendar_of_exchange(exchange: str) -> str | None:
    """Return the calendar of an exchange by any of its names, None when it has none there.

    >>> calendar_of_exchange("NYSE"), calendar_of_exchange("Binance")
    ('XNYS', None)
    """
    from exchange_calendars.calendar_utils import resolve_alias

    if exchange not in calendar_names():
        return None
    name: str = resolve_alias(exchange)
    return name


@lru_cache(maxsize=32)
def _calendar(name: str, first_year: int, last_year: int) -> Any:
    """Return an exchange's calendar of some years, as far as the library reaches."""
    import exchange_calendars

    start, end = f"{first_year}-01-01", f"{last_year}-12-31"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's own, on how it makes its holidays
            try:
                return exchange_calendars.get_calendar(name, start=start, end=end)
            except ValueError:
                whole = exchange_calendars.get_calendar(name)
                start, end = max(start, _day(whole.bound_min(), start)), min(end, _day(whole.bound_max(), end))
                return exchange_calendars.get_calendar(name, start=start, end=end)
    except exchange_calendars.errors.InvalidCalendarName:
        raise DataError(f"There is no exchange calendar {name!r}; 'XNYS' is New York's.") from None
    except (exchange_calendars.errors.CalendarError, ValueError, NotImplementedError) as error:
        raise DataError(
            f"The exchange calendar {name} cannot be made for {first_year} to {last_year} ({error}); "
            "use session='weekdays' instead."
        ) from None


def _day(bound: Any, otherwise: str) -> str:
    return otherwise if bound is None else str(bound.strftime("%Y-%m-%d"))


def _recent(name: str) -> Any:
    return _calendar(name, 2025, 2025)


def regular_length_ns(name: str) -> int:
    """Return the length of an exchange's usual session in nanoseconds, breaks taken off."""
    opens, closes = _times(_recent(name), daily=False)
    days = np.flatnonzero(np.diff(closes // DAY, prepend=-1))
    lengths = np.add.reduceat(closes - opens, days)
    values, counts = np.unique(lengths, return_counts=True)
    return int(values[np.argmax(counts)])


def day_clock(name: str) -> tuple[str, int]:
    """Return the zone of an exchange and the hour at which its day ends.

    That is midnight, but for exchanges whose session begins on the evening before: there the hour at which it closes.
    """
    calendar = _recent(name)
    zone = str(getattr(calendar.tz, "key", calendar.tz))
    if calendar.open_offset >= 0 or calendar.close_times[-1][1].hour == 0:
        return zone, 0
    close = calendar.close_times[-1][1]
    return zone, close.hour + (close.minute > 0)


def exchange_times(
    name: str, first_ns: int, last_ns: int, *, daily: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return when an exchange opened and closed around two times, in nanoseconds UTC; as whole days with ``daily``."""
    years = np.array([first_ns - DAY, last_ns + DAY]).view("datetime64[ns]").astype("datetime64[Y]").astype(int) + 1970
    return _times(_calendar(name, int(years[0]), int(years[1])), daily=daily)


def _times(calendar: Any, *, daily: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if daily:
        days = calendar.sessions.to_numpy().astype("datetime64[ns]").view(np.int64)
        return days, days + DAY
    opens, closes = (_ns(times) for times in (calendar.opens, calendar.closes))
    starts, ends = (_ns(times) for times in (calendar.break_starts, calendar.break_ends))
    broken = starts != np.iinfo(np.int64).min
    opens = np.concatenate([opens, ends[broken]])
    closes = np.concatenate([np.where(broken, starts, closes), closes[broken]])
    order = np.argsort(opens)
    return opens[order], closes[order]


def _ns(times: Any) -> NDArray[np.int64]:
    values: NDArray[np.int64] = times.dt.tz_localize(None).to_numpy().astype("datetime64[ns]").view(np.int64)
    return values
