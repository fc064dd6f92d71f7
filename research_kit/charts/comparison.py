"""The equity of several results over one another: from arrays to few points, and from those to a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import heading
from research_kit.charts.curves import Curve
from research_kit.charts.reduce import LIMIT, Points, reduce_points
from research_kit.charts.series import epoch_ms
from research_kit.charts.template import GREY, PALETTE, Theme, chart_template
from research_kit.charts.text import escape_text
from research_kit.metrics.drawdown import drawdown_series

_DASHES = ("solid", "dash", "dot", "dashdot")  # told apart without colour, and where one lies on the other
_HEIGHTS = (0.64, 0.32)


@dataclass(frozen=True, eq=False, kw_only=True)
class Line:
    """One result as it is drawn, x in milliseconds since 1970: its equity, and its drawdown made from every bar."""

    name: str
    equity: Points
    drawdown: Points


@dataclass(frozen=True, eq=False, kw_only=True)
class Overlay:
    """Lines to draw over one another, and where they part (milliseconds since 1970; None where they do not)."""

    lines: tuple[Line, ...]
    parting: float | None


def overlay(curves: Sequence[Curve], parting: np.datetime64 | None = None, limit: int = LIMIT) -> Overlay:
    """Return what the chart of several results shows: at most `limit` points of each line.

    Examples
    --------
    >>> from research_kit.charts.curves import Curve
    >>> time = np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[ns]")
    >>> shown = overlay([Curve(name="a", time=time, equity=np.array([10.0, 5.0]), initial_cash=10.0)])
    >>> shown.lines[0].drawdown.y.tolist()
    [0.0, -0.5]
    """
    lines = tuple(
        Line(
            name=curve.name,
            equity=_points(curve, curve.equity, limit),
            drawdown=_points(curve, drawdown_series(curve.equity, curve.initial_cash), limit),
        )
        for curve in curves
    )
    return Overlay(lines=lines, parting=None if parting is None else float(epoch_ms(np.array([parting]))[0]))


def overlay_figure(data: Overlay, *, theme: Theme = "notebook", title: str = "", currency: str = "") -> go.Figure:
    """Return equity above and drawdown below, each line in its colour and dashes, and a line where they part."""
    figure = go.Figure(layout={"template": chart_template(theme), "hovermode": "x unified", "hoversubplots": "axis"})
    money = f"Equity ({escape_text(currency)})" if currency else "Equity"
    figure.update_layout(heading(title, _notes(data), plot=420))
    figure.update_layout(
        xaxis={"type": "date", "anchor": "y2"},
        yaxis={"title": money, "domain": [1 - _HEIGHTS[0], 1], "anchor": "x"},
        yaxis2={"title": "Drawdown", "tickformat": ".0%", "domain": [0, _HEIGHTS[1]], "anchor": "x"},
    )
    for number, line in enumerate(data.lines):
        style = {"color": PALETTE[number % len(PALETTE)], "dash": _DASHES[number % len(_DASHES)], "width": 1.6}
        name = escape_text(line.name)
        figure.add_trace(_trace(line.equity, name, "y", style, ",.2f"))
        figure.add_trace(_trace(line.drawdown, name, "y2", style, ".2%").update(showlegend=False))
    if data.parting is not None:
        figure.add_vline(x=data.parting, line={"color": GREY, "width": 1, "dash": "dot"})
    return figure


def _notes(data: Overlay) -> list[str]:
    parts = "" if data.parting is None else "the dotted line is where the orders part"
    fewer = [line.equity for line in data.lines if len(line.equity.x) < line.equity.total]
    return [parts, f"Points shown: {len(fewer[0].x):,} of {fewer[0].total:,} for each line" if fewer else ""]


def _points(curve: Curve, values: NDArray[np.float64], limit: int) -> Points:
    points = reduce_points(curve.time, values, limit)
    return Points(epoch_ms(points.x), points.y, points.total)


def _trace(points: Points, name: str, axis: str, style: dict[str, Any], form: str) -> go.Scatter:
    return go.Scatter(
        x=points.x,
        y=points.y,
        name=name,
        mode="lines",
        line=style,
        xaxis="x",
        yaxis=axis,
        legendgroup=name,
        hovertemplate=f"%{{y:{form}}}<extra>{name}</extra>",
    )
