"""How much of the account was in the market, bar by bar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import heading
from research_kit.charts.reduce import LIMIT
from research_kit.charts.series import BacktestSeries, line, time_axis
from research_kit.charts.template import BLUE, PURPLE, Theme, chart_template

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Exposure:
    """Value of the position over equity at each bar's close, shape (n,): long above 0, short below; 1 is all of it.

    NaN where equity is not positive. `share` is how many of the bars close with a position, a fraction; `mean` is the
    mean of the absolute exposure.
    """

    values: FloatArray
    share: float
    mean: float


def units_held(series: BacktestSeries) -> FloatArray:
    """Return the units held from each bar's close on, as the trades say: long above 0, shape (n,)."""
    n = len(series.time)
    if not series.trades:
        return np.zeros(n)
    changes = np.zeros(n + 1)
    long = np.asarray(series.trades["side"]).astype(str) == "long"
    units = np.where(long, 1.0, -1.0) * np.asarray(series.trades["quantity"], dtype=np.float64)
    times = np.asarray(series.time, dtype="datetime64[ns]")
    entries, exits = (np.asarray(series.trades[name], dtype="datetime64[ns]") for name in ("entry_time", "exit_time"))
    closed = ~np.isnat(exits)
    np.add.at(changes, np.searchsorted(times, entries), units)
    np.subtract.at(changes, np.searchsorted(times, exits[closed]), units[closed])
    held = np.cumsum(changes)[:n]
    dust = 1e-9 * np.abs(units).max(initial=0.0)  # what is left of sums of units that should be nothing
    return np.where(np.abs(held) <= dust, 0.0, held)


def exposure(series: BacktestSeries) -> Exposure:
    """Return the exposure of a backtest from its trades, closes and equity.

    >>> time = np.arange(3).astype("datetime64[D]").astype("datetime64[ns]")
    >>> trade = {"entry_time": time[:1], "exit_time": time[2:], "side": ["short"], "quantity": [2.0]}
    >>> trade |= dict.fromkeys(("entry_price", "exit_price", "pnl", "entry_signal", "exit_signal"), np.zeros(1))
    >>> money = np.array([10.0, 20.0, 20.0])
    >>> exposure(BacktestSeries(time=time, equity=money, close=np.full(3, 5.0), initial_cash=10.0, trades=trade)).values
    array([-1. , -0.5,  0. ])
    """
    equity = np.asarray(series.equity, dtype=np.float64)
    value = units_held(series) * series.close
    values = np.divide(value, equity, out=np.full(len(equity), np.nan), where=equity > 0.0)
    known = np.abs(values[np.isfinite(values)])
    return Exposure(
        values, float(np.mean(value != 0.0)) if len(value) else 0.0, float(known.mean()) if len(known) else 0.0
    )


def exposure_figure(series: BacktestSeries, *, theme: Theme = "notebook", limit: int = LIMIT) -> go.Figure:
    """Return the exposure over time as steps: long above zero, short below."""
    data = exposure(series)
    points = line(series, data.values, limit)
    figure = go.Figure(layout={"template": chart_template(theme), "hovermode": "x unified", "showlegend": False})
    for name, side, colour, fill in (
        ("Long", np.maximum(points.y, 0.0), BLUE, "rgba(43,140,203,.25)"),
        ("Short", np.minimum(points.y, 0.0), PURPLE, "rgba(196,111,159,.30)"),
    ):
        if side.any():
            figure.add_scatter(
                x=points.x, y=side, name=name, mode="lines", line={"color": colour, "width": 1, "shape": "hv"},
                fill="tozeroy", fillcolor=fill, hovertemplate=f"%{{y:.1%}}<extra>{name}</extra>",
            )  # fmt: skip
    notes = [
        f"in the market at {data.share:.1%} of the closes, with {data.mean:.0%} of equity on average over all bars",
        "long above zero, short below",
        f"Points shown: {len(points.x):,} of {points.total:,}" if len(points.x) < points.total else "",
    ]
    figure.update_yaxes(title_text="Position / equity", tickformat=",.0~%", rangemode="tozero")
    figure.update_xaxes(**time_axis(series))
    return figure.update_layout(heading("Exposure", notes, plot=200, bottom=40))
