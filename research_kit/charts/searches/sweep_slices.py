"""Slices of a parameter search: the metric against each parameter by itself, whatever the others are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import cut, heading, pairs
from research_kit.charts.searches.sweep_metric import MetricStyle, metric_style, reach
from research_kit.charts.searches.sweep_ranks import Best, best_place, grouped, sampled
from research_kit.charts.searches.sweep_table import (
    Levels,
    SweepTable,
    in_bins,
    levels_of,
    metric_column,
    parameter_columns,
)
from research_kit.charts.template import BLUE, OCHRE, VERMILLION, Theme, chart_template
from research_kit.charts.text import escape_text

_MOST_POINTS = 9000  # in all panels: browsers draw each as a shape of its own
_MOST_PANELS = 24
_MOST_MEDIANS = 60  # of one line; numbers that are more are gathered into bins
_MOST_TICKS = 12
_PANEL, _SPACE, _TOP, _BOTTOM, _ACROSS = 190, 74, 8, 96, 3  # pixels, and panels in a row


@dataclass(frozen=True, eq=False, kw_only=True)
class Slice:
    """One parameter against the metric.

    Attributes
    ----------
    levels : Levels
        The parameter's values; its codes are those of all sets with a value, shape (n,).
    places, medians : arrays
        Where the line of medians has its points on the parameter's axis, and the medians, of all sets; shape (k,).
    best : float
        Where the best set stands on the axis.
    """

    levels: Levels
    places: NDArray[np.float64]
    medians: NDArray[np.float64]
    best: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Slices:
    """The slices of a search.

    Attributes
    ----------
    slices : tuple of Slice
        One for each parameter with more than one value.
    constant : dict
        Parameters with one value in all sets, as text.
    values : array, shape (n,)
        The metric of the sets that have a value.
    best : int or None
        The place of the best in `values`.
    total : int
        How many sets there are, those without a value included.
    """

    slices: tuple[Slice, ...]
    constant: dict[str, str]
    metric: str
    direction: Best
    values: NDArray[np.float64]
    best: int | None
    total: int


def slice_data(table: SweepTable, parameters: Iterable[str], metric: str, *, best: Best = "highest") -> Slices:
    """Return the metric against each parameter, and the median of all sets that share a value of it.

    Parameters
    ----------
    table : mapping of arrays, or DataFrame
        One row for each parameter set.
    parameters : iterable of str
        Columns of parameters: numbers, bools or text. Numbers with more than 60 values have a median for each of
        fewer bins.
    metric : str
        Column of numbers; sets where it is NaN are left out.
    best : {"highest", "lowest"}
        Which end of the metric is the best.

    Raises
    ------
    NotFoundError
        A column is not there.
    OptionError
        The metric is text.

    >>> table = {"fast": [5, 5, 10], "sharpe_ratio": [1.0, 2.0, 0.5]}
    >>> found = slice_data(table, ["fast"], "sharpe_ratio").slices[0]
    >>> found.places, found.medians, found.best
    (array([ 5., 10.]), array([1.5, 0.5]), 5.0)
    """
    every = metric_column(table, metric)
    columns = parameter_columns(table, parameters, len(every))
    defined = ~np.isnan(every)
    values = every[defined]
    winner = best_place(values, best)
    found = [levels_of(name, column[defined]) for name, column in columns.items()]
    return Slices(
        slices=tuple(
            _slice(levels, values, winner) for levels in found if len(levels.values) > 1 and winner is not None
        ),
        constant={levels.name: levels.labels[0] for levels in found if len(levels.values) == 1},
        metric=metric,
        direction=best,
        values=values,
        best=winner,
        total=len(every),
    )


def _slice(levels: Levels, values: NDArray[np.float64], winner: int) -> Slice:
    many = levels.is_spaced and len(levels.values) > _MOST_MEDIANS
    steps = in_bins(levels, _MOST_MEDIANS // 2) if many else levels
    medians = grouped(steps.codes, values, len(steps.values), "median")
    places = steps.values.astype(np.float64) if steps.is_spaced else np.arange(len(steps.values), dtype=np.float64)
    there = ~np.isnan(medians)
    return Slice(levels=levels, places=places[there], medians=medians[there], best=float(levels.places[winner]))


def slice_figure(data: Slices, *, theme: Theme = "notebook", title: str = "") -> go.Figure:
    """Return a panel for each parameter: a dot for each set, the medians, and a star at the best set.

    At most 9,000 dots and 24 panels are drawn; the line under the title says what is left out. Medians are those of all
    sets.
    """
    style = metric_style(data.metric, data.values)
    panels = data.slices[:_MOST_PANELS]
    rows = sampled(data.values, int(np.clip(_MOST_POINTS // max(len(panels), 1), 300, 3000)), 1, data.direction)
    low, high, beyond = reach(data.values)
    notes = [style.of_sets(data.total), *_notes(data, style, len(rows))]
    notes.append(f"the axis ends at {style.text(low)} and {style.text(high)}" if beyond else "")
    figure = go.Figure(layout={"template": chart_template(theme), "hovermode": "closest"})
    across = {1: 1, 2: 2, 4: 2}.get(len(panels), 3)
    down = max(-(-len(panels) // across), 1)
    inside = down * _PANEL + (down - 1) * _SPACE
    figure.update_layout(heading(title, notes, plot=inside, bottom=_BOTTOM))
    pad = 0.06 * (high - low) or 0.5
    for number, panel in enumerate(panels):
        row, place = divmod(number, across)
        top = 1 - row * (_PANEL + _SPACE) / inside
        box = (place / across, (place + 0.9) / across), (max(top - _PANEL / inside, 0.0), top)
        suffix = "" if number == 0 else str(number + 1)
        vertical = style.axis() if place == 0 else {"showticklabels": False}
        vertical |= {"domain": box[1], "anchor": f"x{suffix}", "range": [low - pad, high + pad]}
        figure.update_layout({f"xaxis{suffix}": _axis(panel.levels) | {"domain": box[0], "anchor": f"y{suffix}"}})
        figure.update_layout({f"yaxis{suffix}": vertical | ({"matches": "y"} if number else {})})
        traces = _traces(data, panel, style, rows)
        figure.add_traces([trace.update(xaxis=f"x{suffix}", yaxis=f"y{suffix}") for trace in traces])
    figure.for_each_trace(lambda trace: trace.update(showlegend=trace.xaxis == "x"))
    return figure


def _axis(levels: Levels) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": escape_text(levels.name)}, "showspikes": False, "zeroline": False}
    if levels.ticks is None:
        return axis | {"nticks": 6}
    places, labels = levels.ticks
    step = -(-len(places) // _MOST_TICKS)
    words = [escape_text(label, limit=16) for label in labels[::step]]
    edge = 0.06 * (places[-1] - places[0]) if levels.is_spaced else 0.5
    ends = [places[0] - edge, places[-1] + edge]
    return axis | {"tickvals": places[::step], "ticktext": words, "range": ends}


def _traces(data: Slices, panel: Slice, style: MetricStyle, rows: NDArray[np.int64]) -> list[go.Scatter]:
    levels, name = panel.levels, escape_text(panel.levels.name, limit=40)
    value = f"{name} %{{x:,~r}}<br>" if levels.is_spaced else ""  # else a number would stand for a name
    hover = f"{value}{style.hover_line('y')}"
    joined = levels.ordered or levels.is_spaced
    flat = {"symbol": "line-ew", "size": 22, "line": {"width": 3, "color": VERMILLION}}
    dots = {"color": BLUE, "size": 5, "opacity": 0.45}
    star = {"symbol": "star", "size": 15, "color": OCHRE, "line": {"width": 1, "color": "#ffffff"}}
    drawn: list[tuple[str, Any, Any, dict[str, Any]]] = [
        ("Set", levels.places[rows], data.values[rows], {"mode": "markers", "marker": dots}),
        (
            "Median",
            panel.places,
            panel.medians,
            {"mode": "lines+markers", "line": {"color": VERMILLION, "width": 2}, "marker": {"size": 5}}
            if joined
            else {"mode": "markers", "marker": flat},
        ),
        ("Best set", [panel.best], [float(data.values[data.best or 0])], {"mode": "markers", "marker": star}),
    ]
    return [
        go.Scatter(
            x=np.asarray(x, dtype=np.float32),
            y=np.asarray(y, dtype=np.float32),
            name=label,
            legendgroup=label,
            hovertemplate=f"{hover}<extra>{label}</extra>",
            **look,
        )
        for label, x, y, look in drawn
    ]


def _notes(data: Slices, style: MetricStyle, shown: int) -> list[str]:
    notes = []
    if shown < len(data.values):
        notes.append(f"{shown:,} are drawn, evenly by rank; medians are those of all")
    if len(data.values) < data.total:
        notes.append(f"{data.total - len(data.values):,} without a value are left out")
    if data.constant:
        notes.append(f"the same in all: {pairs(data.constant)}")
    if len(data.slices) > _MOST_PANELS:
        notes.append(f"not shown: {', '.join(cut(part.levels.name) for part in data.slices[_MOST_PANELS:][:8])}")
    if data.best is not None and data.slices:
        winner = {part.levels.name: part.levels.labels[part.levels.codes[data.best]] for part in data.slices}
        notes.append(f"best: {pairs(winner)}: {style.text(float(data.values[data.best]))}")
    return notes
