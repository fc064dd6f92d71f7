"""A part of a chart drawn anew with the points that were left out: what a live chart asks for when it is zoomed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.charts.reduce import LIMIT, Points, reduce_points
from research_kit.charts.series import BacktestSeries, epoch_ms
from research_kit.errors import OptionError

Moment = str | float | datetime | np.datetime64
"""A time as charts name it: text such as "2024-03-01 12:30", milliseconds since 1970, or a time; UTC."""


def window_points(
    x: NDArray[Any], y: NDArray[Any], start: Moment | None, end: Moment | None, limit: int = LIMIT
) -> Points:
    """Return at most `limit` points of a line between two moments, x in milliseconds since 1970.

    One point more on either side is kept, so that the line runs to both edges; the extremes between them are exact.
    None is the beginning or the end of the line, so that (None, None) is the whole line again. `total` counts the
    points that the part had.

    Parameters
    ----------
    x : array of datetime64
        Rising times, UTC.
    y : array
        Values, as many as `x`.
    start, end : str, float, datetime or datetime64, optional
        As Plotly's `xaxis.range` has them, or as a user types them; in either order.
    limit : int
        At least 8.

    Raises
    ------
    OptionError
        A moment is no time, or `limit` is too small.

    Examples
    --------
    >>> time = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
    >>> part = window_points(time, np.arange(60.0), "2024-01-10", "2024-01-12")
    >>> part.y.tolist(), part.total
    ([8.0, 9.0, 10.0, 11.0, 12.0], 5)
    """
    part = window_slice(x, start, end)
    points = reduce_points(x[part], y[part], limit)
    return Points(epoch_ms(points.x), points.y, points.total)


def window_lines(
    series: BacktestSeries, start: Moment | None, end: Moment | None, limit: int = LIMIT
) -> dict[str, Points]:
    """Return the lines of a backtest's chart between two moments, by the name of their trace.

    "Equity", "Buy and hold" (where there is a benchmark), "Drawdown" (from every bar since the first) and "Price".
    """
    lines = {"Equity": series.equity, "Drawdown": series.drawdown, "Price": series.close}
    if series.benchmark is not None:
        lines["Buy and hold"] = series.benchmark
    return {name: window_points(series.time, values, start, end, limit) for name, values in lines.items()}


def window_slice(x: NDArray[Any], start: Moment | None, end: Moment | None) -> slice:
    """Return the positions of the times between two moments, and one more on either side."""
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
