"""Timeframes: how far apart bars are, as text (``"5min"``) and in nanoseconds."""

import re

import numpy as np
from numpy.typing import NDArray

from research_kit.errors import DataError

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNITS = {"s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "mo": 30 * DAY}
_PATTERN = re.compile(r"(\d*)(s|min|h|d|w|mo)")


def timeframe_ns(timeframe: str) -> int:
    """Return the length of a bar in nanoseconds (a month counts as 30 days).

    >>> timeframe_ns("5min") == 5 * MINUTE
    True
    """
    match = _PATTERN.fullmatch(timeframe)
    if match is None or match[1].strip("0") == "" != match[1]:
        raise DataError(
            f"{timeframe!r} is not a timeframe; write a count above 0 and one of s, min, h, d, w, mo: '5min', '1d'."
        )
    return int(match[1] or 1) * _UNITS[match[2]]


def infer_timeframe(time_ns: NDArray[np.int64]) -> str:
    """Return the timeframe of strictly increasing times: their most common spacing, in the largest whole unit.

    Fewer than two bars have no spacing: ``"1d"`` is assumed.

    >>> infer_timeframe(np.array([0, 3600, 7200, 14400]) * SECOND)
    '1h'
    """
    if len(time_ns) < 2:
        return "1d"
    steps, counts = np.unique(np.diff(time_ns[:100_000]), return_counts=True)
    return format_timeframe(int(steps[np.argmax(counts)]))


def format_timeframe(step_ns: int) -> str:
    """Return a spacing in nanoseconds as text, months for 28 to 31 days.

    >>> format_timeframe(90 * MINUTE), format_timeframe(7 * DAY), format_timeframe(31 * DAY)
    ('90min', '1w', '1mo')
    """
    if 28 * DAY <= step_ns <= 31 * DAY and step_ns != 28 * DAY:
        return "1mo"
    for unit in ("w", "d", "h", "min"):
        if step_ns % _UNITS[unit] == 0:
            return f"{step_ns // _UNITS[unit]}{unit}"
    return f"{max(1, round(step_ns / SECOND))}s"
