"""How trades and orders are marked on a price: the shape says what a mark is, the colour repeats it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from research_kit.charts.template import BLUE, GAIN, GREY, LOSS, OCHRE, PURPLE

if TYPE_CHECKING:
    from research_kit.charts.backtests.orders import OrderMarks
    from research_kit.charts.series import TradeMarks

# Triangles enter (up: long, down: short), dots exit with profit, crosses with loss.
_MARKS = {
    "long_entry": ("Long entry", {"symbol": "triangle-up", "color": BLUE, "size": 9}),
    "short_entry": ("Short entry", {"symbol": "triangle-down", "color": PURPLE, "size": 9}),
    "profit_exit": ("Exit with profit", {"symbol": "circle", "color": GAIN, "size": 8}),
    "loss_exit": ("Exit with loss", {"symbol": "x", "color": LOSS, "size": 8}),
    "even_exit": ("Exit at zero", {"symbol": "square-open", "color": GREY, "size": 8}),
}
_PATHS = {"profit": {"color": GAIN, "width": 1.5}, "loss": {"color": LOSS, "width": 1.5, "dash": "dot"}}
_PATH_LIMIT = 120  # more ways from entry to exit hide the price behind them


def trade_traces(marks: TradeMarks) -> list[Any]:
    """Return the ways from entry to exit, where they are few, and the marks of each kind."""
    few = marks.shown <= _PATH_LIMIT
    paths = [
        go.Scatter(x=x, y=y, mode="lines", line=_PATHS[kind], hoverinfo="skip", showlegend=False, name=f"Way to {kind}")
        for kind, (x, y) in marks.paths.items()
        if few and len(x)
    ]
    return paths + [
        go.Scatter(
            x=found.x,
            y=found.y,
            mode="markers",
            name=_MARKS[kind][0],
            marker=_MARKS[kind][1],
            text=found.text,
            hovertemplate=f"%{{text}}<extra>{_MARKS[kind][0]}</extra>",
        )
        for kind, found in marks.kinds.items()
        if len(found.x)
    ]


def order_traces(marks: OrderMarks) -> list[Any]:
    """Return the marks of waiting orders at their prices, and the ways to their fills."""
    if not len(marks.x):
        return []
    look = {"symbol": "line-ew-open", "size": 12, "color": OCHRE, "line": {"width": 2}}
    x, y = marks.ways
    way = {"color": OCHRE, "width": 1, "dash": "dot"}
    return [
        go.Scatter(x=x, y=y, mode="lines", line=way, hoverinfo="skip", showlegend=False, name="Way to fill"),
        go.Scatter(
            x=marks.x,
            y=marks.y,
            mode="markers",
            name="Waiting order",
            marker=look,
            text=marks.text,
            hovertemplate="%{text}<extra>Order</extra>",
        ),
    ]
