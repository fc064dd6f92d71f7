"""The charts of one backtest: equity, drawdown, price and trades, together or each by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from research_kit.charts.backtests.equity_band import EquityBand
from research_kit.charts.captions import cut, heading
from research_kit.charts.marks import trade_traces
from research_kit.charts.reduce import LIMIT
from research_kit.charts.series import (
    CANDLE_LIMIT,
    TRADE_LIMIT,
    BacktestSeries,
    drawdown_line,
    epoch_ms,
    line,
    time_axis,
    trade_marks,
)
from research_kit.charts.template import BLUE, GREY, LOSS, Theme, chart_template, money_axis
from research_kit.charts.text import escape_text

__all__ = ["BacktestSeries", "backtest_figure", "drawdown_figure", "equity_figure", "price_figure"]

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
    return _figure(series, rows, theme, height=580)


def equity_figure(
    series: BacktestSeries,
    *,
    theme: Theme = "notebook",
    limit: int = LIMIT,
    band: EquityBand | None = None,
    log: bool = False,
) -> go.Figure:
    """Return the equity beside its benchmark, in a band of `equity_band` where one is given.

    `log` makes the axis of money logarithmic, where equal heights are equal factors; not where money fell to zero.
    """
    row = _equity_row(series, limit)
    if band is not None:
        row.traces[:0] = _band_traces(band)
        row.notes.append(f"band: {band.confidence:.0%} of {band.draws:,} paths made of the same days drawn anew")
    row.axis |= money_axis(_lowest(row), log=log)
    return _figure(series, [row], theme, height=280)


def _lowest(row: _Row) -> float:
    return min((float(trace.y.min()) for trace in row.traces if len(trace.y)), default=0.0)


def _band_traces(band: EquityBand) -> list[Any]:
    same = {"x": band.x, "mode": "lines", "line": {"width": 0}, "legendgroup": "band", "hoverinfo": "skip"}
    name = f"{band.confidence:.0%} band"
    fill = {"fill": "tonexty", "fillcolor": "rgba(43,140,203,.16)"}
    return [
        go.Scatter(y=band.low, showlegend=False, name=name, **same),
        go.Scatter(y=band.high, name=name, **same, **fill),
    ]


def drawdown_figure(series: BacktestSeries, *, theme: Theme = "notebook", limit: int = LIMIT) -> go.Figure:
    """Return the drawdown, zero or negative, made from every bar."""
    return _figure(series, [_drawdown_row(series, limit)], theme, height=180)


def price_figure(
    series: BacktestSeries, *, theme: Theme = "notebook", limit: int = LIMIT, trade_limit: int = TRADE_LIMIT
) -> go.Figure:
    """Return the price (candles where bars are few) with entries and exits."""
    return _figure(series, [_price_row(series, limit, trade_limit)], theme, height=300)


def _figure(series: BacktestSeries, rows: list[_Row], theme: Theme, height: int) -> go.Figure:
    layout: dict[str, Any] = {
        "template": chart_template(theme),
        "hovermode": "x unified",
        "hoversubplots": "axis",  # one hover box for all rows
        **heading(cut(series.title, 90), dict.fromkeys(note for row in rows for note in row.notes), plot=height),
    }
    shares = sum(row.weight for row in rows) / (1 - _GAP * (len(rows) - 1))
    top, traces = 1.0, []
    for number, row in enumerate(rows, start=1):
        suffix = "" if number == 1 else str(number)
        bottom = max(top - row.weight / shares, 0.0)
        layout[f"yaxis{suffix}"] = row.axis | {"domain": [bottom, top], "anchor": "x"}
        traces += [trace.update(xaxis="x", yaxis=f"y{suffix}") for trace in row.traces]
        top = bottom - _GAP
    layout["xaxis"] = time_axis(series) | {"anchor": f"y{len(rows)}" if len(rows) > 1 else "y"}
    return go.Figure(traces, layout=layout)


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
    return _Row(traces + trade_traces(marks), 0.38, {"title": {"text": "Price"}}, [*notes, *marks.notes])


def _price_traces(series: BacktestSeries, limit: int) -> tuple[list[Any], list[str]]:
    if series.open is not None and series.high is not None and series.low is not None:
        prices = {"open": series.open, "high": series.high, "low": series.low, "close": series.close}
        if len(series.time) <= CANDLE_LIMIT:
            return [go.Candlestick(x=epoch_ms(series.time), name="Price", showlegend=False, **prices)], []
    points = line(series, series.close, limit)
    trace = _line(points.x, points.y, "Price", ",.6~r", color=GREY, width=1.2).update(showlegend=False)
    return [trace], _shown(len(points.x), points.total)


def _line(x: Any, y: Any, name: str, form: str, **style: Any) -> go.Scatter:
    return go.Scatter(
        x=x, y=y, name=name, mode="lines", line=style, hovertemplate=f"%{{y:{form}}}<extra>{name}</extra>"
    )


def _shown(shown: int, total: int) -> list[str]:
    return [f"Points shown: {shown:,} of {total:,} for each line"] if shown < total else []
