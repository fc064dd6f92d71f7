"""Which bars lie between two moments: the part that a live chart is drawn anew from when it is zoomed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.errors import OptionError

Moment = str | float | datetime | np.datetime64
"""A time as charts name it: text such as "2024-03-01 12:30", milliseconds since 1970, or a time; UTC."""


def window_slice(x: NDArray[Any], start: Moment | None, end: Moment | None) -> slice:
    """Return the positions of the times between two moments, and one more on either side: a line runs to the edges.

    Parameters
    ----------
    x : array of datetime64
        Rising times, UTC.
    start, end : str, float, datetime or datetime64, optional
        As Plotly's `xaxis.range` has them, or as a user types them; in either order. None is the beginning or the end.

    Raises
    ------
    OptionError
        A moment is no time.

    Examples
    --------
    >>> days = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
    >>> window_slice(days, "2024-01-10", "2024-01-12"), window_slice(days, None, None)
    (slice(8, 13, None), slice(0, 60, None))
    """
    first, last = (None if moment is None else as_moment(moment) for moment in (start, end))
    if first is not None and last is not None and last < first:
        first, last = last, first
    times = np.asarray(x, dtype="datetime64[ns]")
    low = 0 if first is None else int(np.searchsorted(times, first))
    high = len(times) if last is None else int(np.searchsorted(times, last, side="right"))
    return slice(max(low - 1, 0), min(high + 1, len(times)))


def as_moment(moment: Moment) -> np.datetime64:
    """Return a moment as datetime64[ns], UTC.

    >>> as_moment("2024-03-01 12:30"), as_moment(0.5)
    (np.datetime64('2024-03-01T12:30:00.000000000'), np.datetime64('1970-01-01T00:00:00.000500000'))
    """
    try:
        found = _moment(moment)
    except (ValueError, TypeError, OverflowError):
        found = np.datetime64("NaT")
    if np.isnat(found):
        raise OptionError(f"{moment!r} is no time; a text such as '2024-03-01 12:30' is, or milliseconds since 1970.")
    return found


def _moment(moment: Moment) -> np.datetime64:
    if isinstance(moment, datetime):  # pandas' Timestamp is one
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return _as_ns(np.datetime64(aware.astimezone(UTC).replace(tzinfo=None)))
    if isinstance(moment, str):
        return _as_ns(np.datetime64(moment.strip().removesuffix("Z")))
    if isinstance(moment, np.datetime64):
        return _as_ns(moment)
    return np.datetime64(round(float(moment) * 1_000_000), "ns")


def _as_ns(moment: np.datetime64) -> np.datetime64:
    found: np.datetime64 = moment.astype("datetime64[ns]")
    return found
