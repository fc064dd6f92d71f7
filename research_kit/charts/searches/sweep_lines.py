"""Parallel coordinates of a parameter search: each set is a line across its parameters to its metric."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import cut, heading, pairs
from research_kit.charts.searches.sweep_metric import MetricStyle, colouring, metric_style
from research_kit.charts.searches.sweep_ranks import Best, best_place, sampled
from research_kit.charts.searches.sweep_table import (
    Levels,
    SweepTable,
    levels_of,
    metric_column,
    parameter_columns,
)
from research_kit.charts.template import Theme, chart_template
from research_kit.charts.text import escape_text
from research_kit.errors import OptionError

_MOST_NUMBERS = 36_000  # some 200 kB in a figure
_MOST_TICKS = 24
_LABEL = 24  # characters of a parameter's name
_MOST_SPREAD = 50  # values of a parameter; where they are more, few lines have the same


@dataclass(frozen=True, eq=False, kw_only=True)
class Parallel:
    """The sets of a search as lines.

    Attributes
    ----------
    parameters : tuple of Levels
        Parameters with more than one value; their codes are those of the sets that are drawn, shape (shown,).
    constant : dict
        Parameters that have one value in all sets, as text.
    values : array, shape (shown,)
        The metric of each line, none undefined, the best at the end so that it lies on top.
    rows : array of int, shape (shown,)
        Their rows in the table.
    top : int
        How many of them are there because they are the best.
    total, undefined : int
        How many sets there are, and how many of them have no value and are not drawn.
    """

    parameters: tuple[Levels, ...]
    constant: dict[str, str]
    metric: str
    direction: Best
    values: NDArray[np.float64]
    rows: NDArray[np.int64]
    top: int
    total: int
    undefined: int


def parallel_data(
    table: SweepTable, parameters: Iterable[str], metric: str, *, most: int = 2000, best: Best = "highest"
) -> Parallel:
    """Return at most `most` sets as lines: the best quarter of them, and an even sample of the others by rank.

    Parameters
    ----------
    table : mapping of arrays, or DataFrame
        One row for each parameter set.
    parameters : iterable of str
        Columns of parameters: numbers, bools or text. Those with one value only are named, not drawn.
    metric : str
        Column of numbers; sets where it is NaN are not drawn.
    most : int
        At least 10; fewer are drawn where the parameters are more than 17.
    best : {"highest", "lowest"}
        Which end of the metric is the best.

    Raises
    ------
    NotFoundError
        A column is not there.
    OptionError
        The metric is text, or `most` is too small.

    >>> table = {"fast": [5, 10, 20], "sharpe_ratio": [0.5, 2.0, float("nan")]}
    >>> parallel_data(table, ["fast"], "sharpe_ratio").rows
    array([0, 1])
    """
    if most < 10:
        raise OptionError(f"most is {most}; at least 10 sets must be drawn.")
    values = metric_column(table, metric)
    columns = parameter_columns(table, parameters, len(values))
    every = {name: levels_of(name, column) for name, column in columns.items()}
    best_place(values, best)  # answers a wrong word
    most = min(most, _MOST_NUMBERS // (len(every) + 1))
    rows = sampled(values, most, most // 4, best)
    return Parallel(
        parameters=tuple(
            Levels(name, levels.values, levels.labels, levels.codes[rows], levels.ordered)
            for name, levels in every.items()
            if len(levels.values) > 1
        ),
        constant={name: levels.labels[0] for name, levels in every.items() if len(levels.values) == 1},
        metric=metric,
        direction=best,
        values=values[rows],
        rows=rows,
        top=min(most // 4, len(rows)),
        total=len(values),
        undefined=int(np.isnan(values).sum()),
    )


def parallel_figure(data: Parallel, *, theme: Theme = "notebook", title: str = "") -> go.Figure:
    """Return parallel coordinates, the metric at the right; dragging along an axis keeps the lines that cross there.

    The lines of one value of a parameter are spread a little, the best on top.
    """
    style = metric_style(data.metric, data.values)
    scale, ends, beyond = colouring(style, data.values, theme=theme, reverse=data.direction == "lowest", lines=True)
    figure = go.Figure(layout={"template": chart_template(theme)})
    if len(data.values) and data.parameters:
        values = data.values.astype(np.float32)
        measured = {"label": escape_text(style.title_with_unit), "values": values, "tickformat": style.tick}
        names = [*(cut(levels.name, _LABEL) for levels in data.parameters), style.title_with_unit]
        colour = {"color": values, "cmin": ends[0], "cmax": ends[1], "colorbar": style.colour_bar(), "showscale": True}
        figure.add_trace(
            go.Parcoords(
                dimensions=[*map(_dimension, data.parameters), measured],
                line=colour | scale,
                labelfont={"size": 13},
                labelangle=-20 if _are_tight(names) else 0,
                tickfont=_tick_font(theme),
                rangefont={"size": 1, "color": "rgba(0,0,0,0)"},  # the ticks tell the range
                unselected={"line": {"opacity": 0.04}},
            )
        )
    notes = [style.of_sets(data.total), *lines_notes(data, style)]
    notes.append(f"colours end at {style.text(ends[0])} and {style.text(ends[1])}" if beyond else "")
    figure.update_layout(heading(title, notes, plot=340, bottom=24))
    return figure.update_layout(margin={"t": figure.layout.margin.t + 34, "l": 80, "r": 40})


def _are_tight(names: list[str]) -> bool:
    """Return whether names side by side would touch on a page 900 pixels wide."""
    space = 800 / max(len(names) - 1, 1)
    return any(7.5 * (len(name) + len(after)) / 2 > space - 8 for name, after in pairwise(names))


def _tick_font(theme: Theme) -> dict[str, Any]:
    """Ticks stand upon lines of any colour, on a page that may be light or dark: a halo parts them from both."""
    ink, halo = ("#f2f4f7", "#14181f") if theme == "dark" else ("#1f2733", "#ffffff")
    sides = [f"{x}px {y}px 1px {halo}" for x in (-1, 0, 1) for y in (-1, 0, 1)]
    return {"size": 12, "color": ink, "shadow": ", ".join(sides)}


def _dimension(levels: Levels) -> dict[str, Any]:
    places = levels.places
    ticks: dict[str, Any] = {}
    if len(levels.values) <= _MOST_SPREAD:
        places = spread_out(levels, places)
    if levels.ticks:
        at, labels = levels.ticks
        step = -(-len(at) // _MOST_TICKS)
        ticks = {"tickvals": at[::step], "ticktext": [_plain(label) for label in labels[::step]]}
    return {"label": escape_text(levels.name, limit=_LABEL), "values": places.astype(np.float32)} | ticks


def spread_out(levels: Levels, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return places parted within each value, in the order of the lines: else all lines of a value lie on one."""
    gap = float(np.diff(levels.values.astype(np.float64)).min()) if levels.is_spaced else 1.0
    order = np.argsort(levels.codes, kind="stable")
    count = np.bincount(levels.codes, minlength=len(levels.values))
    first = np.cumsum(count) - count
    rank = np.empty(len(places))
    rank[order] = np.arange(len(places)) - first[levels.codes[order]]
    size = count[levels.codes]
    return places + 0.5 * gap * ((rank + 0.5) / size - 0.5)


def _plain(label: str) -> str:
    """plotly.js writes these ticks letter by letter, entities too; no tag is left in case it comes to read them."""
    return html.unescape(escape_text(label, limit=16)).replace("<", "‹").replace(">", "›")


def lines_notes(data: Parallel, style: MetricStyle) -> list[str]:
    """Return what a chart of the lines of sets says below its title."""
    notes = []
    if len(data.rows) < data.total - data.undefined:
        notes.append(f"{len(data.rows):,} are drawn: the best {data.top:,} and an even sample of the others")
    if data.undefined:
        notes.append(f"{data.undefined:,} without a value are left out")
    if data.constant:
        notes.append(f"the same in all: {pairs(data.constant)}")
    if any(len(levels.values) <= _MOST_SPREAD for levels in data.parameters):
        notes.append("lines of one value are spread, the best on top")
    if len(data.values):
        winner = {levels.name: levels.labels[levels.codes[-1]] for levels in data.parameters}
        notes.append(f"best: {pairs(winner)}: {style.text(data.values[-1])}")
    return notes
