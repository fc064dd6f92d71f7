"""Returns: from an equity curve to what each day and month earned, and to growth a year."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from research_kit.metrics.values import YEAR_NS, FloatArray, TimeArray, as_floats, as_times, finite, ratio


def periodic_returns(equity: ArrayLike, initial: float) -> FloatArray:
    """Return what each period earned, as a fraction of the equity it started with; shape (n,) for (n,) values.

    The first period starts with ``initial``. A period that starts with no equity, or with debt, earns 0: after ruin
    nothing is invested.

    >>> periodic_returns([110.0, 99.0], initial=100.0).round(6)
    array([ 0.1, -0.1])
    """
    values = as_floats(equity)
    base = np.empty_like(values)
    base[:1] = initial
    base[1:] = values[:-1]
    if len(base) and base.min() <= 0.0:
        alive = base > 0.0
        return np.divide(values, base, out=np.ones_like(values), where=alive) - 1.0
    growth = np.divide(values, base, out=base)
    growth -= 1.0
    return growth


def total_return(initial: float, final: float) -> float | None:
    """Return the whole gain as a fraction of ``initial``; None where that is 0.

    >>> total_return(100.0, 112.5)
    0.125
    """
    return ratio(final - initial, initial)


def years_between(start_ns: int, end_ns: int) -> float:
    """Return calendar time in years of 365.25 days.

    >>> years_between(0, 1461 * 86_400_000_000_000)
    4.0
    """
    return (end_ns - start_ns) / YEAR_NS


def cagr(initial: float, final: float, years: float) -> float | None:
    """Return the compound annual growth rate, (final / initial)^(1 / years) - 1, as a fraction.

    None where no time has passed, or where what is left is not positive: a debt has no growth rate.

    >>> round(cagr(100.0, 121.0, years=2.0), 12)
    0.1
    >>> cagr(100.0, -5.0, years=2.0)
    """
    if years <= 0.0 or initial <= 0.0 or final <= 0.0:
        return None
    with np.errstate(over="ignore"):
        return finite(float(np.power(np.float64(final / initial), 1.0 / years)) - 1.0)


def monthly_returns(
    equity_daily: ArrayLike, day_time_ns: ArrayLike, initial: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Return years, months (1 to 12) and what each calendar month earned, for the months that have days.

    Parameters
    ----------
    equity_daily
        Equity at the end of each day, shape (n,).
    day_time_ns
        Time of each of them, int64 nanoseconds UTC, increasing, shape (n,). Months are those of UTC.
    initial
        Money that the first month started with. The first and last month may be parts of months.

    Returns
    -------
    tuple
        Three arrays of shape (months,); the returns are fractions.

    Examples
    --------
    >>> days = np.array(["2024-01-30", "2024-01-31", "2024-03-01"], "datetime64[ns]").astype("int64")
    >>> years, months, returns = monthly_returns([101.0, 102.0, 153.0], days, initial=100.0)
    >>> months.tolist(), returns.round(6).tolist()
    ([1, 3], [0.02, 0.5])
    """
    equity, times = as_floats(equity_daily), as_times(day_time_ns)
    months, ends = month_ends(times)
    return 1970 + months // 12, months % 12 + 1, periodic_returns(equity[ends], initial)


def month_ends(day_time_ns: TimeArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the calendar months (UTC, from January 1970 on) that have days, and the position of the last day of each.

    >>> days = np.array(["2024-01-30", "2024-01-31", "2024-03-01"], "datetime64[ns]").astype("int64")
    >>> [array.tolist() for array in month_ends(days)]
    [[648, 650], [1, 2]]
    """
    if not len(day_time_ns):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    first, last = day_time_ns[[0, -1]].view("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    months = np.arange(first, last + 1)
    next_month = (months + 1).astype("datetime64[M]").astype("datetime64[ns]").astype(np.int64)
    ends = np.searchsorted(day_time_ns, next_month)
    used = np.diff(ends, prepend=0) > 0
    return months[used], ends[used] - 1
