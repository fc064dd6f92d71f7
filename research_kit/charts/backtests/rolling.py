"""Sharpe ratio, volatility and beta over the days before each day: whether a result is steady, or one lucky year.

Where bars are longer than a day, each of them counts as one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from research_kit.charts.backtests.days import days_of
from research_kit.charts.captions import heading
from research_kit.charts.reduce import LIMIT, reduce_points
from research_kit.charts.series import BacktestSeries, epoch_ms, time_axis
from research_kit.charts.template import BLUE, GREY, PURPLE, Theme, chart_template
from research_kit.errors import OptionError
from research_kit.metrics.performance import periodic_rate
from research_kit.metrics.values import NOISE

FloatArray = NDArray[np.float64]
SHORTEST = 20  # days; fewer say nothing
_CELLS = 1 << 20  # of windows that are looked at together


@dataclass(frozen=True, eq=False)
class Rolling:
    """Metrics of the `window` days that end with each day, shape (days - window + 1,); NaN where one is undefined.

    Attributes
    ----------
    time : array of datetime64
        Last day of each window.
    sharpe, volatility : array
        Annual, by the formulas of `metrics`; volatility is a fraction.
    market_volatility, beta : array, optional
        Of the benchmark, and against it.
    window : int
        Days; `years` says what part of a year that is.
    """

    time: NDArray[np.datetime64]
    sharpe: FloatArray
    volatility: FloatArray
    market_volatility: FloatArray | None
    beta: FloatArray | None
    window: int
    years: float


def rolling(series: BacktestSeries, window: int | None = None) -> Rolling:
    """Return the rolling metrics of a backtest's daily returns.

    Parameters
    ----------
    series : BacktestSeries
        The backtest.
    window : int, optional
        Days, at least 2; half a year when not given, or a quarter of a history shorter than two years, at least 20.

    Raises
    ------
    OptionError
        `window` is no whole number from 2 on.
    """
    days, periods = days_of(series), series.periods_per_year
    size = _window(window, len(days.returns), periods)
    rate, root = periodic_rate(series.risk_free_rate, periods), math.sqrt(periods)
    mean, deviation = _moments(days.returns, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        sharpe = np.where(deviation > 0.0, (mean - rate) * root / deviation, np.nan)
    held, slope = None, None
    if days.market is not None:
        held, slope = _moments(days.market, size)[1] * root, _slopes(days.returns, days.market, size)
    return Rolling(days.time[size - 1 :], sharpe, deviation * root, held, slope, size, size / periods)


def _window(given: int | None, days: int, periods: float) -> int:
    if given is None:
        return max(SHORTEST, min(round(periods / 2), days // 4))
    if isinstance(given, bool) or not isinstance(given, int) or given < 2:
        raise OptionError(f"window is a number of days, at least 2; given was {given!r}.")
    return given


def _moments(values: FloatArray, size: int) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation (n - 1) of each window; 0 where the values differ by rounding only.

    Each window is summed anew: running sums would make a flat stretch after a wild one look alive.
    """
    means, deviations = [np.empty(0)], [np.empty(0)]
    for part in _windows(values, size):
        spread = part.std(axis=1, ddof=1)
        means.append(part.mean(axis=1))
        deviations.append(np.where(spread <= NOISE * (1.0 + np.abs(part).max(axis=1)), 0.0, spread))
    return np.concatenate(means), np.concatenate(deviations)


def _slopes(values: FloatArray, market: FloatArray, size: int) -> FloatArray:
    """Return cov(r, b) / var(b) of each window; NaN where the benchmark does not vary."""
    found = [np.empty(0)]
    for own, other in zip(_windows(values, size), _windows(market, size), strict=True):
        apart = other - other.mean(axis=1, keepdims=True)
        total = (apart * apart).sum(axis=1)
        flat = np.sqrt(total / size) <= NOISE * (1.0 + np.abs(other).max(axis=1))
        shared = ((own - own.mean(axis=1, keepdims=True)) * apart).sum(axis=1)
        found.append(np.divide(shared, total, out=np.full(len(total), np.nan), where=~flat))
    return np.concatenate(found)


def _windows(values: FloatArray, size: int) -> Iterator[FloatArray]:
    """Yield all windows of a series in blocks of some rows, shape (rows, size)."""
    if len(values) < size:
        return
    every = sliding_window_view(values, size)
    rows = max(1, _CELLS // size)
    for at in range(0, len(every), rows):
        yield every[at : at + rows]


def rolling_figure(
    data: Rolling, series: BacktestSeries, *, theme: Theme = "notebook", limit: int = LIMIT
) -> go.Figure:
    """Return Sharpe ratio, volatility beside the benchmark's, and beta: rows over one time axis, the window stated."""
    rows: list[tuple[str, str, list[tuple[str, FloatArray, dict[str, Any]]]]] = [
        ("Sharpe ratio", ",.2f", [("Sharpe ratio", data.sharpe, {"color": BLUE, "width": 1.6})]),
        ("Volatility", ",.0%", [("Volatility", data.volatility, {"color": BLUE, "width": 1.6})]),
    ]
    if data.market_volatility is not None and data.beta is not None:
        rows[1][2].append(("Buy and hold", data.market_volatility, {"color": GREY, "width": 1.4, "dash": "5px,3px"}))
        rows.append(("Beta", ",.2f", [("Beta", data.beta, {"color": PURPLE, "width": 1.6})]))
    figure = go.Figure(layout={"template": chart_template(theme), "hovermode": "x unified", "hoversubplots": "axis"})
    height = (1.0 - 0.05 * (len(rows) - 1)) / len(rows)
    for number, (title, form, lines) in enumerate(rows, start=1):
        suffix, top = "" if number == 1 else str(number), 1.0 - (number - 1) * (height + 0.05)
        axis = {"title": {"text": title}, "tickformat": form, "domain": [max(top - height, 0.0), top], "anchor": "x"}
        figure.update_layout({f"yaxis{suffix}": axis | {"nticks": 6}})
        figure.add_traces([_line(data, *line, suffix=suffix, limit=limit) for line in lines])
    neutral = {"line": {"color": GREY, "width": 1, "dash": "dot"}}
    figure.add_hline(y=0, yref="y", **neutral)
    if len(rows) == 3:
        figure.add_hline(y=1, yref="y3", **neutral)  # beta of the market itself
    figure.update_layout(xaxis=time_axis(series) | {"anchor": f"y{len(rows)}"})
    notes = _notes(data, series.period)
    return figure.update_layout(heading("Rolling metrics", notes, plot=150 * len(rows), bottom=64))


def _notes(data: Rolling, period: str) -> list[str]:
    if not len(data.time):
        return [f"fewer than {data.window} {period}s: too short for a window"]
    return [f"over the last {data.window:,} {period}s at each {period}, about {data.years:.2g} years", "annualised"]


def _line(
    data: Rolling, name: str, values: FloatArray, style: dict[str, Any], *, suffix: str, limit: int
) -> go.Scatter:
    points = reduce_points(data.time, values, limit)
    form = ".1%" if "olatility" in name or name == "Buy and hold" else ",.2f"
    return go.Scatter(
        x=epoch_ms(points.x),
        y=points.y,
        name=name,
        mode="lines",
        line=style,
        yaxis=f"y{suffix}",
        showlegend=name == "Buy and hold",
        hovertemplate=f"%{{y:{form}}}<extra>{name}</extra>",
    )
