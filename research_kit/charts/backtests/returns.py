"""Charts of returns and of the profit and loss of trades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import heading
from research_kit.charts.series import BacktestSeries, chosen_trades
from research_kit.charts.template import BLUE, GAIN, GREY, LOSS, Theme, chart_template
from research_kit.charts.text import escape_text, signed_percent
from research_kit.metrics.returns import monthly_returns as returns_of_months

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, eq=False)
class MonthlyReturns:
    """Returns of calendar months: `years` (n), `returns` (n, 12) and `totals` (n) as fractions; NaN where no bar is."""

    years: NDArray[np.int64]
    returns: NDArray[np.float64]
    totals: NDArray[np.float64]


def monthly_returns(time: NDArray[Any], equity: NDArray[np.float64], initial_cash: float) -> MonthlyReturns:
    """Return the return of each calendar month, from the last equity of the month before (first: `initial_cash`).

    Months are those of the clock that `time` shows (UTC as stored). A month without bars is NaN and changes nothing;
    the total of a year is the product of its months.

    >>> time = np.array(["2024-01-31", "2024-03-29"], dtype="datetime64[ns]")
    >>> monthly_returns(time, np.array([110.0, 99.0]), 100.0).returns[0, :3].round(3)
    array([ 0.1,  nan, -0.1])
    """
    if len(time) == 0:
        return MonthlyReturns(np.empty(0, np.int64), np.empty((0, 12)), np.empty(0))
    stamps = np.asarray(time, dtype="datetime64[ns]").view(np.int64)
    year, month, earned = returns_of_months(equity, stamps, initial_cash)
    years = np.arange(year[0], year[-1] + 1)
    grid = np.full((len(years), 12), np.nan)
    grid[year - year[0], month - 1] = earned
    totals = np.where(np.isnan(grid).all(axis=1), np.nan, np.nanprod(grid + 1.0, axis=1) - 1.0)
    return MonthlyReturns(years, grid, totals)


def monthly_returns_figure(data: MonthlyReturns, *, theme: Theme = "notebook", title: str = "") -> go.Figure:
    """Return a heat map of the months, years downwards; each cell states its value, so that nothing hangs on colour."""
    reach = float(np.nanmax(np.abs(data.returns), initial=0.01))
    cells = np.array([["" if np.isnan(value) else signed_percent(value) for value in row] for row in data.returns])
    heat = go.Heatmap(
        x=list(MONTHS),
        y=[str(year) for year in data.years],
        z=data.returns,
        text=cells,
        texttemplate="%{text}",
        hovertemplate="%{x} %{y}: %{z:+.2%}<extra></extra>",
        autocolorscale=True,  # the diverging scale of the template
        zmin=-reach,
        zmax=reach,
        xgap=2,
        ygap=2,
        showscale=False,
    )
    figure = go.Figure(heat, layout={"template": chart_template(theme), "height": 76 + 30 * len(data.years)})
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    figure.update_xaxes(side="top", showgrid=False, showspikes=False)
    return figure.update_layout(title_text=escape_text(title), margin={"t": 60 if title else 30, "b": 10})


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts between edges: `edges` (n + 1), `counts` (n), and how many values were counted."""

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    total: int


def histogram(values: NDArray[Any], bins: int = 60) -> Histogram:
    """Return how many finite values lie in each of `bins` equal bins, one edge at zero so that signs never share a bin.

    >>> histogram(np.array([-0.02, 0.01, 0.03]), bins=5).counts
    array([1, 0, 0, 1, 1])
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    low, high = min(float(finite.min(initial=0.0)), 0.0), max(float(finite.max(initial=0.0)), 0.0)
    width = (high - low) / bins or 1.0
    below, above = int(np.ceil(round(-low / width, 9))), int(np.ceil(round(high / width, 9)))
    edges = (width * np.arange(-below, max(above, 1 - below) + 1)).astype(np.float64)
    # A value on the last edge may lie an ulp outside of it.
    counts, _ = np.histogram(np.clip(finite, edges[0], edges[-1]), bins=edges)
    return Histogram(edges, counts, len(finite))


def returns_histogram_figure(
    returns: NDArray[np.float64], *, theme: Theme = "notebook", title: str = "", period: str = "day"
) -> go.Figure:
    """Return the distribution of returns per period (fractions), with their mean and 5 % quantile marked.

    Periods that earned exactly nothing, those without a position, count in the marks but are not drawn: they would hide
    all others.
    """
    finite = np.asarray(returns, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    moved, unit = finite[finite != 0.0], escape_text(period)
    figure = go.Figure(layout={"template": chart_template(theme), "showlegend": False})
    figure.add_trace(histogram_bars(histogram(moved), f"returns of a {unit}"))
    if len(finite):
        mark_value(figure, float(finite.mean()), "mean", "left")
        mark_value(figure, float(np.quantile(finite, 0.05)), "5 % quantile", "right")
    still = len(finite) - len(moved)
    notes = [f"{len(finite):,} {period}s", f"not drawn: {still:,} that earned exactly 0" if still else ""]
    figure.update_layout(marked_heading(title, notes, plot=220))
    figure.update_xaxes(tickformat=",.2~%", title_text=f"Return of a {unit}", showspikes=False)
    return figure.update_yaxes(title_text="Count")


def marked_heading(title: str, notes: list[str], *, plot: int) -> dict[str, Any]:
    """Return a heading with room between it and the plot for the names of marked values."""
    layout = heading(title, notes, plot=plot)
    return layout | {"height": layout["height"] + 20, "margin": {"t": layout["margin"]["t"] + 20, "b": 64}}


def histogram_bars(data: Histogram, of_what: str) -> go.Bar:
    """Return the bars of a histogram of fractions, losses in their own colour; hovering counts `of_what`."""
    middles = (data.edges[:-1] + data.edges[1:]) / 2
    return go.Bar(
        x=middles,
        y=data.counts,
        width=np.diff(data.edges),
        marker={"color": np.where(middles < 0, LOSS, BLUE).tolist(), "opacity": 0.75},
        hovertemplate=f"%{{y:,}} {of_what} near %{{x:.2%}}<extra></extra>",
    )


def mark_value(figure: go.Figure, x: float, name: str, anchor: str) -> None:
    """Draw a dashed line at a fraction, and its name above the plot on one side of it."""
    figure.add_vline(x=x, line={"color": GREY, "width": 1, "dash": "dash"})
    figure.add_annotation(
        x=x, y=1, yref="paper", yanchor="bottom", xanchor=anchor, text=f"{name} {x:+.2%}", showarrow=False
    )


def trade_pnl_figure(series: BacktestSeries, *, theme: Theme = "notebook", limit: int = 500) -> go.Figure:
    """Return the profit or loss of each closed trade, in order of exit, and the running sum over all of them."""
    figure, notes = go.Figure(layout={"template": chart_template(theme)}), ["no trade was closed"]
    columns = {name: series.closed(name) for name in ("exit_time", "pnl")}
    total = len(columns["pnl"])
    if total:
        rows = chosen_trades(columns, limit)
        figure.add_traces(_pnl_traces(columns, rows))
        fewer = f"Trades shown: {len(rows):,} of {total:,} (largest profit or loss)" if len(rows) < total else ""
        notes = [f"{total:,} closed trades in order of exit", "the line is their running sum", fewer]
    money = escape_text(series.currency, limit=12)
    figure.update_yaxes(title_text=f"Profit and loss ({money})" if money else "Profit and loss", tickformat="~s")
    figure.update_xaxes(title_text="Trade, in order of exit", showspikes=False)
    return figure.update_layout(heading("Trade by trade", notes, plot=230), showlegend=False)


def _pnl_traces(columns: dict[str, NDArray[Any]], rows: NDArray[np.int64]) -> list[Any]:
    pnl = columns["pnl"].astype(np.float64)
    number, shown = rows + 1, pnl[rows]
    days = np.datetime_as_string(columns["exit_time"][rows].astype("datetime64[D]"))
    stems = go.Bar(
        x=number,
        y=shown,
        text=days.tolist(),
        textposition="none",
        name="Trade",
        marker={"color": np.where(shown < 0, LOSS, GAIN).tolist(), "line": {"width": 0}},
        hovertemplate="Trade %{x}, %{text}: %{y:+,.2f}<extra></extra>",
    )
    running = np.cumsum(pnl)[rows]
    total = go.Scatter(
        x=number, y=running, name="Sum", mode="lines", line={"color": GREY, "width": 1.5, "shape": "hvh"},
        hovertemplate="Sum to trade %{x}: %{y:+,.2f}<extra></extra>",
    )  # fmt: skip
    return [stems, total]
