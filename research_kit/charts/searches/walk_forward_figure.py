"""The chart of a walk-forward: what its windows earned together, and what was chosen for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import cut, heading, pairs
from research_kit.charts.reduce import Points
from research_kit.charts.searches.sweep_metric import MetricStyle, metric_style, reach
from research_kit.charts.searches.sweep_table import Levels
from research_kit.charts.searches.walk_forward import WalkForward
from research_kit.charts.template import BLUE, GREY, LOSS, PURPLE, Theme, chart_template
from research_kit.charts.text import escape_text

_MOST_SEAMS = 40  # of more windows the stripes are enough
_MOST_STRIPES = 300  # one is some three pixels wide then
_SEAMED = ("y domain", "y2 domain", "y3 domain")
_SPACE = 38  # pixels above each row, for its name
_STRIPE = "rgba(127,135,150,.13)"


@dataclass
class _Row:
    name: str
    traces: list[Any]
    pixels: int
    axis: dict[str, Any]


def walk_forward_figure(
    data: WalkForward, *, theme: Theme = "notebook", title: str = "", currency: str = ""
) -> go.Figure:
    """Return rows over one time axis: equity, drawdown, the metric in and out of sample, and the chosen parameters.

    Test windows are shaded in turn and parted by dotted lines. Every parameter that changed has an axis of its own, up
    to eight (fewer where windows are more than 250); the line under the title names the others.
    """
    style = metric_style(data.metric, np.concatenate([data.in_sample, data.out_of_sample]))
    rows = [_equity_row(data, currency), _drawdown_row(data)]
    if len(data.starts):
        rows.append(_metric_row(data, style))
    rows += [_parameter_row(data, levels) for levels in data.parameters[: _most_parameters(data)]]
    inside = sum(row.pixels for row in rows) + _SPACE * (len(rows) - 1)
    figure = go.Figure(layout={"template": chart_template(theme), "hovermode": "x unified", "hoversubplots": "axis"})
    figure.update_layout(heading(title, _notes(data, style), plot=inside, bottom=84))
    figure.update_layout(margin_t=figure.layout.margin.t + 20, height=figure.layout.height + 20)
    top = 1.0
    for number, row in enumerate(rows, start=1):
        suffix = "" if number == 1 else str(number)
        bottom = max(top - row.pixels / inside, 0.0)
        figure.update_layout({f"yaxis{suffix}": row.axis | {"domain": [bottom, top], "anchor": "x"}})
        figure.add_traces([trace.update(xaxis="x", yaxis=f"y{suffix}") for trace in row.traces])
        place = {"x": 0, "xref": "paper", "xanchor": "left", "y": top, "yref": "paper", "yanchor": "bottom"}
        figure.add_annotation(place, text=escape_text(row.name), showarrow=False, font_size=12)
        top = bottom - _SPACE / inside
    figure.update_layout(xaxis=_time_axis(data) | {"anchor": f"y{len(rows)}"}, shapes=_windows(data))
    return figure.update_layout(legend_traceorder="normal")


def _most_parameters(data: WalkForward) -> int:
    return int(np.clip(2000 // max(len(data.starts), 1), 1, 8))


def _time_axis(data: WalkForward) -> dict[str, Any]:
    hover = "%d %b %Y %H:%M UTC" if data.is_intraday else "%d %b %Y"
    axis: dict[str, Any] = {"type": "date", "hoverformat": hover}
    places = np.concatenate([data.equity.x, data.starts, data.ends])
    if len(places) > 1:
        low, high = float(places.min()), float(places.max())
        axis["range"] = [low - 0.01 * (high - low), high + 0.01 * (high - low)]
    return axis


def _windows(data: WalkForward) -> list[dict[str, Any]]:
    """Return the stripes of every second window, and the seams between windows, which the parameters' steps repeat."""
    low = {"y0": 0, "y1": 1, "layer": "below"}
    starts, ends = data.starts.tolist(), data.ends.tolist()
    stripe = low | {"type": "rect", "yref": "paper", "fillcolor": _STRIPE, "line": {"width": 0}}
    stripes = [stripe | {"x0": start, "x1": end} for start, end in zip(starts[::2], ends[::2], strict=True)]
    seam = low | {"type": "line", "line": {"color": GREY, "width": 1, "dash": "dot"}}
    seams = [seam | {"x0": start, "x1": start, "yref": row} for row in _SEAMED for start in starts]
    return (stripes if len(starts) <= _MOST_STRIPES else []) + (seams if len(starts) <= _MOST_SEAMS else [])


def _equity_row(data: WalkForward, currency: str) -> _Row:
    money = cut(currency, 12)
    traces = [_line(data.equity, "Equity", ",.2f", color=BLUE, width=2)]
    if data.benchmark is not None:
        traces.append(_line(data.benchmark, "Buy and hold", ",.2f", color=GREY, width=1.5, dash="5px,3px"))
    return _Row(f"Equity, out of sample{f' ({money})' if money else ''}", traces, 230, {"tickformat": "~s"})


def _drawdown_row(data: WalkForward) -> _Row:
    trace = _line(data.drawdown, "Drawdown", ".2%", color=LOSS, width=1)
    trace.update(fill="tozeroy", fillcolor="rgba(213,94,0,.22)", showlegend=False)
    return _Row("Drawdown", [trace], 100, {"tickformat": ",.2~%", "rangemode": "tozero", "nticks": 5})


def _line(points: Points, name: str, form: str, **style: Any) -> go.Scatter:
    hover = f"%{{y:{form}}}<extra>{name}</extra>"
    return go.Scatter(x=points.x, y=points.y, name=name, mode="lines", line=style, hovertemplate=hover)


def _metric_row(data: WalkForward, style: MetricStyle) -> _Row:
    low, high, beyond = reach(np.append(np.concatenate([data.in_sample, data.out_of_sample]), 0.0))
    edge = 0.08 * (high - low)
    axis = {"tickformat": style.tick, "ticksuffix": style.suffix, "nticks": 6, "zeroline": True}
    if beyond:
        axis["range"] = [low - edge, high + edge]
    hatched = {
        "color": GREY,
        "pattern": {"shape": "/", "size": 6, "solidity": 0.3},
        "line": {"color": GREY, "width": 1},
    }
    trained = [f", trained {days}" for days in data.training] if len(data.training) <= _MOST_STRIPES else None
    traces = [
        _bars(data, data.in_sample, "In sample", hatched, offset=0.1),
        _bars(data, data.out_of_sample, "Out of sample", {"color": BLUE}, offset=0.5),
        _told(data, data.in_sample, "In sample", [style.text(value) for value in data.in_sample], trained),
        _told(data, data.out_of_sample, "Out of sample", [style.text(value) for value in data.out_of_sample]),
    ]
    return _Row(f"{style.title}, in sample and out of sample", traces, 130, axis)


def _bars(data: WalkForward, values: NDArray[np.float64], name: str, marker: dict[str, Any], offset: float) -> go.Bar:
    length = data.ends - data.starts
    return go.Bar(
        x=data.starts,
        y=values.astype(np.float32),
        offset=(offset * length).astype(np.float32),
        width=(0.4 * length).astype(np.float32),
        marker=marker,
        name=name,
        hoverinfo="skip",
    )


def _told(
    data: WalkForward, values: NDArray[np.float64], name: str, words: list[str], more: list[str] | None = None
) -> go.Scatter:
    """Return what a hover box says of each window: an unseen line, since boxes take the bar whose start is nearest."""
    x, count = _within(data)
    words = [word + tail for word, tail in zip(words, more or [""] * len(words), strict=True)]
    return go.Scatter(
        x=x,
        y=np.repeat(values, count).astype(np.float32),
        text=np.repeat(np.array(words, dtype=object), count),
        name=name,
        mode="lines",
        line={"width": 0, "color": "rgba(0,0,0,0)"},
        hovertemplate=f"%{{text}}<extra>{name}</extra>",
        showlegend=False,
    )


def _within(data: WalkForward) -> tuple[NDArray[np.float64], int]:
    """Return several times within each window, so that a hover box finds it from everywhere; and how many."""
    count = int(np.clip(240 // max(len(data.starts), 1), 1, 8))
    share = np.linspace(0.0, 1.0, count)
    return (data.starts[:, None] + share * (data.ends - data.starts)[:, None]).ravel(), count


def _parameter_row(data: WalkForward, levels: Levels) -> _Row:
    x, count = _within(data)
    labels = [escape_text(levels.labels[code], limit=24) for code in levels.codes]
    name = escape_text(levels.name, limit=40)
    trace = go.Scatter(
        x=x,
        y=np.repeat(levels.places, count).astype(np.float32),
        text=np.repeat(np.array(labels, dtype=object), count),
        name=name,
        mode="lines",
        line={"color": PURPLE, "width": 2, "shape": "hv"},
        hovertemplate=f"%{{text}}<extra>{name}</extra>",
        showlegend=False,
    )
    return _Row(levels.name, [trace], 56, _value_axis(levels))


def _value_axis(levels: Levels) -> dict[str, Any]:
    """Return an axis with ticks at the first and the last value, and at others where there is room for them."""
    places = np.arange(len(levels.values), dtype=np.float64)
    if levels.is_spaced:
        places = levels.values.astype(np.float64)
    low, high = float(places[0]), float(places[-1])
    named = [0, len(places) - 1]
    for at in range(1, len(places) - 1):
        if min(abs(places[at] - places[other]) for other in named) >= (high - low) / 3 - 1e-9:
            named.append(at)
    edge = 0.15 * (high - low)
    return {
        "range": [low - edge, high + edge],
        "tickvals": [float(places[at]) for at in named],
        "ticktext": [escape_text(levels.labels[at], limit=16) for at in named],
    }


def _notes(data: WalkForward, style: MetricStyle) -> list[str]:
    count = len(data.starts)
    notes = ["1 window" if count == 1 else f"{count:,} windows"]
    defined = data.out_of_sample[~np.isnan(data.out_of_sample)]
    trained = data.in_sample[~np.isnan(data.in_sample)]
    if len(defined) and len(trained):
        middle = [style.text(float(np.median(values))) for values in (trained, defined)]
        notes.append(f"median {style.title} {middle[0]} in sample, {middle[1]} out of sample")
    if len(defined) and style.even is not None:
        notes.append(f"out of sample above {style.even:g} in {int((defined > style.even).sum())} of {len(defined)}")
    if data.constant:
        notes.append(f"the same in all windows: {pairs(data.constant)}")
    further = data.parameters[_most_parameters(data) :]
    if further:
        notes.append(f"not shown: {', '.join(cut(levels.name) for levels in further[:8])}")
    if len(data.equity.x) < data.equity.total:
        notes.append(f"Points shown: {len(data.equity.x):,} of {data.equity.total:,} for each line")
    return notes
