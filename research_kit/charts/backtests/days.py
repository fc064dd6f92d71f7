"""The days of a backtest: what each earned, beside its benchmark, and the best and the worst of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research_kit.charts.series import DAY, BacktestSeries
from research_kit.metrics.returns import periodic_returns

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Days:
    """One row for each session day (each bar, where bars are a day or longer), shape (days,).

    Attributes
    ----------
    time : array of datetime64
        Opening time of the day's last bar.
    equity, returns : array
        Money at the day's end, and what the day earned as a fraction; the first starts from the initial cash.
    market : array, optional
        Returns of the benchmark; the first starts from its first bar.
    """

    time: NDArray[np.datetime64]
    equity: FloatArray
    returns: FloatArray
    market: FloatArray | None


def days_of(series: BacktestSeries) -> Days:
    """Return the days of a backtest.

    >>> hours = np.datetime64("2024-01-01", "ns") + np.arange(0, 48, 12) * np.timedelta64(1, "h")
    >>> equity = np.array([100.0, 110.0, 90.0, 121.0])
    >>> days_of(BacktestSeries(time=hours, equity=equity, close=equity, initial_cash=100.0)).returns.round(6)
    array([0.1, 0.1])
    """
    ends = _day_ends(series)
    equity = np.asarray(series.equity, dtype=np.float64)[ends]
    market = None
    if series.benchmark is not None and len(ends):
        market = periodic_returns(series.benchmark[ends], float(series.benchmark[0]))
    return Days(series.time[ends], equity, periodic_returns(equity, series.initial_cash), market)


def _day_ends(series: BacktestSeries) -> NDArray[np.int64]:
    if series.day_ends is not None:
        return series.day_ends
    if not series.is_intraday:
        return np.arange(len(series.time))
    day = np.asarray(series.time, dtype="datetime64[ns]").view(np.int64) // DAY.astype("timedelta64[ns]").astype(int)
    return np.append(np.flatnonzero(day[1:] != day[:-1]), len(day) - 1)


@dataclass(frozen=True, eq=False)
class ExtremeDays:
    """The best and the worst days, the most extreme first: their times and their returns as fractions."""

    best_time: NDArray[np.datetime64]
    best: FloatArray
    worst_time: NDArray[np.datetime64]
    worst: FloatArray


def extreme_days(days: Days, count: int = 5) -> ExtremeDays:
    """Return the days that earned and that lost the most: at most `count` of each, only gains and only losses.

    >>> days = Days(np.arange(4).astype("datetime64[D]"), np.ones(4), np.array([0.01, -0.02, 0.0, 0.03]), None)
    >>> found = extreme_days(days)
    >>> found.best.tolist(), found.worst.tolist()
    ([0.03, 0.01], [-0.02])
    """
    order = np.argsort(days.returns, kind="stable")
    worst = order[:count][days.returns[order[:count]] < 0.0]
    best = order[::-1][:count][days.returns[order[::-1][:count]] > 0.0]
    return ExtremeDays(days.time[best], days.returns[best], days.time[worst], days.returns[worst])
