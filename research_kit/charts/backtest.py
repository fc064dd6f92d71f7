"""The charts of one backtest: equity, drawdown, price and trades, together or each by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from research_kit.charts.reduce import LIMIT
from research_kit.charts.series import (
    CANDLE_LIMIT,
    TRADE_LIMIT,
    BacktestSeries,
    TradeMarks,
    drawdown_line,
    epoch_ms,
    line,
    trade_marks,
)
from research_kit.charts.template import BLUE, GAIN, GREY, LOSS, PURPLE, Theme, chart_template
from research_kit.charts.text import escape_text

__all__ = ["BacktestSeries", "backtest_figure", "drawdown_figure", "equity_figure", "price_figure"]

# Shape says what a mark is, colour repeats it: triangles enter (up: long, down: short), dots exit with profit, crosses
# with loss.
_MARKS = {
    "long_entry": ("Long entry", {"symbol": "triangle-up", "color": BLUE, "size": 9}),
    "short_entry": ("Short entry", {"symbol": "triangle-down", "color": PURPLE, "size": 9}),
    "profit_exit": ("Exit with profit", {"symbol": "circle", "color": GAIN, "size": 8}),
    "loss_exit": ("Exit with loss", {"symbol": "x", "color": LOSS, "size": 8}),
    "even_exit": ("Exit at zero", {"symbol": "square-open", "color": GREY, "size": 8}),
}
_PATHS = {"profit": {"color": GAIN, "width": 1.5}, "loss": {"color": LOSS, "width": 1.5, "dash": "dot"}}
_PATH_LIMIT = 120  # more ways from entry to exit hide the price behind them
_GAP = 0.035


@dataclass
class _Row:
    traces: list[Any]
    weight: float
    axis: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def backtest_figure(
    series: BacktestSeries, *, theme: Theme = "notebook", limit: int = LIMIT, trade_limit: int = TRADE_LIMIT
) -> go.Figure:
    """Return equity beside its benchmark, drawdown, and price with trades: three rows over one time axis.

    Lines are reduced to `limit` points and trades to `trade_limit`, those of the largest profit or loss; the line under
    the title says so. Drawdown is made from every bar before it is reduced.
    """
    rows = [_equity_row(series, limit), _drawdown_row(series, limit), _price_row(series, limit, trade_limit)]
    return _figure(series, rows, theme, height=720)


def equity_figure(series: BacktestSeries, *, theme: Theme = "notebook", limit: int = LIMIT) -> go.Figure:
    """Return the equity beside its benchmark."""
    return _figure(series, [_equity_row(series, limit)], theme, height=380)


def drawdown_figure(series: BacktestSeries, *, theme: Theme = "notebook", limit: int = LIMIT) -> go.Figure:
    """Return the drawdown, zero or negative, made from every bar."""
    return _figure(series, [_drawdown_row(series, limit)], theme, height=280)


def price_figure(
    series: BacktestSeries, *, theme: Theme = "notebook", limit: int = LIMIT, trade_limit: int = TRADE_LIMIT
) -> go.Figure:
    """Return the price (candles where bars are few) with entries and exits."""
    return _figure(series, [_price_row(series, limit, trade_limit)], theme, height=420)


def _figure(series: BacktestSeries, rows: list[_Row], theme: Theme, height: int) -> go.Figure:
    notes = list(dict.fromkeys(note for row in rows for note in row.notes))
    title, subtitle = escape_text(series.title), " · ".join(notes)
    layout: dict[str, Any] = {
        "template": chart_template(theme),
        "height": height,
        "hovermode": "x unified",
        "hoversubplots": "axis",  # one hover box for all rows
        "title": {"text": title or " ", "subtitle": {"text": subtitle}, "y": 1 - 12 / height, "yanchor": "top"},
        "margin": {"t": 34 + 24 * bool(title) + 18 * bool(subtitle)},
    }
    shares = sum(row.weight for row in rows) / (1 - _GAP * (len(rows) - 1))
    top, traces = 1.0, []
    for number, row in enumerate(rows, start=1):
        suffix = "" if number == 1 else str(number)
        bottom = max(top - row.weight / shares, 0.0)
        layout[f"yaxis{suffix}"] = row.axis | {"domain": [bottom, top], "anchor": "x"}
        traces += [trace.update(xaxis="x", yaxis=f"y{suffix}") for trace in row.traces]
        top = bottom - _GAP
    layout["xaxis"] = _time_axis(series) | {"anchor": f"y{len(rows)}" if len(rows) > 1 else "y"}
    return go.Figure(traces, layout=layout)


def _time_axis(series: BacktestSeries) -> dict[str, Any]:
    hover = "%d %b %Y %H:%M UTC" if series.is_intraday else "%d %b %Y"
    axis: dict[str, Any] = {"type": "date", "hoverformat": hover, "rangeslider": {"visible": False}}
    if len(series.time) > 1:
        first, last = epoch_ms(series.time[[0, -1]]).tolist()
        room = (last - first) * max(0.01, 0.6 / (len(series.time) - 1))  # the first and the last candle are whole
        axis["range"] = [first - room, last + room]
    return axis


def _equity_row(series: BacktestSeries, limit: int) -> _Row:
    money = escape_text(series.currency, limit=12)
    axis = {"title": {"text": f"Equity ({money})" if money else "Equity"}, "tickformat": "~s"}
    points = line(series, series.equity, limit)
    traces = [_line(points.x, points.y, "Equity", ",.2f", color=BLUE, width=2)]
    if series.benchmark is not None:
        held = line(series, series.benchmark, limit)
        traces.append(_line(held.x, held.y, "Buy and hold", ",.2f", color=GREY, width=1.5, dash="5px,3px"))
    return _Row(traces, 0.42, axis, _shown(len(points.x), points.total))


def _drawdown_row(series: BacktestSeries, limit: int) -> _Row:
    points = drawdown_line(series, limit)
    trace = _line(points.x, points.y, "Drawdown", ".2%", color=LOSS, width=1)
    trace.update(fill="tozeroy", fillcolor="rgba(213,94,0,.22)", showlegend=False)
    axis = {"title": {"text": "Drawdown"}, "tickformat": ",.2~%", "rangemode": "tozero"}
    return _Row([trace], 0.2, axis, _shown(len(points.x), points.total))


def _price_row(series: BacktestSeries, limit: int, trade_limit: int) -> _Row:
    traces, notes = _price_traces(series, limit)
    marks = trade_marks(series, trade_limit)
    if marks.shown < marks.total:
        notes = [*notes, f"Trades shown: {marks.shown:,} of {marks.total:,} (largest profit or loss)"]
    return _Row(traces + _trade_traces(marks), 0.38, {"title": {"text": "Price"}}, notes)


def _price_traces(series: BacktestSeries, limit: int) -> tuple[list[Any], list[str]]:
    if series.open is not None and series.high is not None and series.low is not None:
        prices = {"open": series.open, "high": series.high, "low": series.low, "close": series.close}
        if len(series.time) <= CANDLE_LIMIT:
            return [go.Candlestick(x=epoch_ms(series.time), name="Price", showlegend=False, **prices)], []
    points = line(series, series.close, limit)
    trace = _line(points.x, points.y, "Price", ",.6~r", color=GREY, width=1.2).update(showlegend=False)
    return [trace], _shown(len(points.x), points.total)


def _trade_traces(marks: TradeMarks) -> list[Any]:
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


def _line(x: Any, y: Any, name: str, form: str, **style: Any) -> go.Scatter:
    return go.Scatter(
        x=x, y=y, name=name, mode="lines", line=style, hovertemplate=f"%{{y:{form}}}<extra>{name}</extra>"
    )


def _shown(shown: int, total: int) -> list[str]:
    return [f"Points shown: {shown:,} of {total:,} for each line"] if shown < total else []
