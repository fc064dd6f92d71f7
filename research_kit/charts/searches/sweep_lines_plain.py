"""Parallel coordinates drawn with plain lines: they print sharp, and need no WebGL and no code that is compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import cut, heading
from research_kit.charts.searches.sweep_lines import Parallel, lines_notes, spread_out
from research_kit.charts.searches.sweep_metric import MetricStyle, metric_style
from research_kit.charts.searches.sweep_table import Levels
from research_kit.charts.template import BLUE, GREY, VERMILLION, Theme, chart_template
from research_kit.charts.text import escape_text

MOST = 400  # lines that an eye can follow
_MOST_TICKS = 9
_LABEL = 18  # characters of a parameter's name
_GOOD = 0.1  # share of the lines that are told apart as the best


def plain_parallel_figure(data: Parallel, *, theme: Theme = "notebook", title: str = "") -> go.Figure:
    """Return each set as a line through its parameters to its metric: the best tenth in colour, the best one bold.

    Make the data with ``parallel_data(..., most=MOST)``. Each axis has its own scale; the metric is the last one, its
    best end above.
    """
    style = metric_style(data.metric, data.values)
    figure = go.Figure(layout={"template": chart_template(theme), "hovermode": "closest"})
    notes = [style.of_sets(data.total), *lines_notes(data, style)]
    if not len(data.values) or not data.parameters:
        return figure.update_layout(heading(title, [*notes, "no parameter has two values"], plot=120))
    lines = _lines(data)
    good = max(1, round(_GOOD * len(lines)))
    parts = (
        ("Others", lines[:-good], {"color": GREY, "width": 1}, 0.35),
        ("Best tenth", lines[-good:-1], {"color": BLUE, "width": 1.5}, 0.75),
        ("Best", lines[-1:], {"color": VERMILLION, "width": 3, "dash": "dash"}, 1.0),
    )
    for name, part, line, opacity in parts:
        if len(part):
            figure.add_trace(_trace(name, part, line, opacity))
    _draw_axes(figure, data, style)
    figure.update_layout(heading(title, notes, plot=360, bottom=72))
    top = figure.layout.margin.t + 24
    return figure.update_layout(margin={"t": top, "l": 48, "r": 48}, height=figure.layout.height + 24)


def _lines(data: Parallel) -> NDArray[np.float64]:
    """Return where each line crosses each axis, 0 to 1, shape (lines, axes), the best last."""
    across = [_scaled(spread_out(levels, levels.places), *_ends(levels)) for levels in data.parameters]
    low, high = float(data.values.min()), float(data.values.max())
    measured = _scaled(data.values, low, high)
    return np.stack([*across, 1.0 - measured if data.direction == "lowest" else measured], axis=1)


def _scaled(places: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    return (places - low) / (high - low) if high > low else np.full(len(places), 0.5)


def _ends(levels: Levels) -> tuple[float, float]:
    """Return the ends of an axis: of all values that were searched, with the room that spread lines need."""
    if levels.is_spaced:
        values = levels.values.astype(np.float64)
        gap = float(np.diff(values).min()) / 4 if len(values) > 1 else 0.0
        return float(values.min()) - gap, float(values.max()) + gap
    return -0.25, len(levels.values) - 0.75


def _trace(name: str, lines: NDArray[np.float64], line: dict[str, Any], opacity: float) -> go.Scatter:
    """Return many lines as one trace, parted by gaps."""
    count, axes = lines.shape
    x = np.tile(np.append(np.arange(axes, dtype=np.float64), np.nan), count)
    y = np.hstack([lines, np.full((count, 1), np.nan)]).ravel()
    title = f"{name} ({count:,})" if count > 1 else name
    return go.Scatter(
        x=x, y=y.round(4), mode="lines", name=title, line=line, opacity=opacity, hoverinfo="skip", connectgaps=False
    )


def _draw_axes(figure: go.Figure, data: Parallel, style: MetricStyle) -> None:
    names = [*(cut(levels.name, _LABEL) for levels in data.parameters), style.title_with_unit]
    figure.update_xaxes(
        tickvals=list(range(len(names))),
        ticktext=[escape_text(name, limit=2 * _LABEL) for name in names],
        side="top",
        range=[-0.35, len(names) - 0.65],
        showgrid=False,
        showspikes=False,
        zeroline=False,
    )
    figure.update_yaxes(visible=False, range=[-0.04, 1.04])
    for at, marks in enumerate([*(_ticks(levels) for levels in data.parameters), _metric_ticks(data, style)]):
        figure.add_shape(type="line", x0=at, x1=at, y0=0, y1=1, line={"color": GREY, "width": 1.5})
        for place, label in marks:
            figure.add_annotation(
                x=at,
                y=place,
                text=escape_text(label, limit=16),
                showarrow=False,
                xanchor="left",
                xshift=5,
                font={"size": 12},
            )


def _ticks(levels: Levels) -> list[tuple[float, str]]:
    """Return places from 0 to 1 and labels: of many values an even sample of them, first and last included."""
    places = levels.values.astype(np.float64) if levels.is_spaced else np.arange(len(levels.values), dtype=np.float64)
    shown = np.unique(np.linspace(0, len(places) - 1, min(_MOST_TICKS, len(places))).round().astype(np.int64))
    scaled = _scaled(places, *_ends(levels))
    return [(float(scaled[at]), levels.labels[at]) for at in shown]


def _metric_ticks(data: Parallel, style: MetricStyle) -> list[tuple[float, str]]:
    low, high = float(data.values.min()), float(data.values.max())
    if low == high:
        return [(0.5, style.text(low))]
    marks = [(place, low + place * (high - low)) for place in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return [(1.0 - place if data.direction == "lowest" else place, style.text(value)) for place, value in marks]
