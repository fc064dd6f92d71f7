"""What each calendar year earned, beside the benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.backtests.days import Days, days_of
from research_kit.charts.captions import heading
from research_kit.charts.series import BacktestSeries
from research_kit.charts.template import BLUE, GREY, Theme, chart_template
from research_kit.charts.text import signed_percent
from research_kit.metrics.drawdown import drawdown_series
from research_kit.metrics.returns import periodic_returns

FloatArray = NDArray[np.float64]
_WRITTEN = 14  # more years than this leave no room for a number at each bar


@dataclass(frozen=True, eq=False)
class Years:
    """One row for each calendar year with days (UTC), fractions, shape (years,).

    Attributes
    ----------
    years : array of int64
        Such as 2024; the first and the last may be parts of years.
    returns, market : array
        What the year earned, and what the benchmark did (None without one).
    drawdown : array
        Deepest fall within the year, from its start on, of the equity at the days' ends; <= 0.
    volatility : array
        Standard deviation of the year's daily returns, annualised; NaN for fewer than 2.
    """

    years: NDArray[np.int64]
    returns: FloatArray
    market: FloatArray | None
    drawdown: FloatArray
    volatility: FloatArray


def yearly(series: BacktestSeries) -> Years:
    """Return the calendar years of a backtest; multiplied together, (1 + return) is the whole growth.

    >>> time = np.array(["2023-06-30", "2023-12-31", "2024-12-31"], dtype="datetime64[ns]")
    >>> equity = np.array([80.0, 110.0, 99.0])
    >>> found = yearly(BacktestSeries(time=time, equity=equity, close=equity, initial_cash=100.0))
    >>> found.years.tolist(), found.returns.round(6).tolist(), found.drawdown.round(6).tolist()
    ([2023, 2024], [0.1, -0.1], [-0.2, -0.1])
    """
    days = days_of(series)
    year = days.time.astype("datetime64[Y]").astype(np.int64) + 1970
    first = np.flatnonzero(np.diff(year, prepend=year[0] - 1)) if len(year) else np.empty(0, dtype=np.int64)
    last = np.append(first[1:], len(year)) - 1 if len(first) else first
    starts = np.append(series.initial_cash, days.equity[last[:-1]]) if len(first) else np.empty(0)
    held = None
    if series.benchmark is not None:
        ends = np.cumprod(1.0 + days.market)[last] if days.market is not None else np.empty(0)
        held = periodic_returns(ends, 1.0)
    parts = list(zip(first.tolist(), (last + 1).tolist(), starts.tolist(), strict=True))
    return Years(
        years=year[first],
        returns=periodic_returns(days.equity[last], series.initial_cash),
        market=held,
        drawdown=np.array([_deepest(days.equity[low:high], cash) for low, high, cash in parts]),
        volatility=np.array([_volatility(days, low, high, series.periods_per_year) for low, high, _ in parts]),
    )


def _deepest(equity: FloatArray, start: float) -> float:
    return float(drawdown_series(equity, start).min(initial=0.0)) if start > 0.0 else np.nan


def _volatility(days: Days, low: int, high: int, periods: float) -> float:
    part = days.returns[low:high]
    return float(part.std(ddof=1) * np.sqrt(periods)) if len(part) > 1 else np.nan


def yearly_figure(data: Years, *, theme: Theme = "notebook") -> go.Figure:
    """Return a bar for each year, and beside it that of the benchmark, hatched."""
    figure = go.Figure(layout={"template": chart_template(theme), "barmode": "group", "bargap": 0.25})
    figure.add_trace(_bars(data, data.returns, "Strategy", {"color": BLUE}))
    if data.market is not None:
        hatched = {"color": GREY, "pattern": {"shape": "/", "size": 6, "solidity": 0.35}}
        figure.add_trace(_bars(data, data.market, "Buy and hold", hatched))
    figure.update_yaxes(title_text="Return of the year", tickformat=",.0%", zeroline=True, zerolinecolor=GREY)
    figure.update_xaxes(showspikes=False, showgrid=False, dtick=_step(len(data.years)), tickformat="d")
    return figure.update_layout(heading("Years", ["the first and the last may be parts of years"], plot=260, bottom=72))


def _step(count: int) -> int:
    return max(1, -(-count // 25))


def _bars(data: Years, values: FloatArray, name: str, marker: dict[str, Any]) -> go.Bar:
    written = [signed_percent(value, 0) for value in values] if len(values) <= _WRITTEN else None
    return go.Bar(
        x=data.years,
        y=values,
        name=name,
        marker=marker,
        text=written,
        textposition="outside",
        cliponaxis=False,
        textfont={"size": 11},
        hovertemplate=f"%{{x}}: %{{y:+.2%}}<extra>{name}</extra>",
    )
