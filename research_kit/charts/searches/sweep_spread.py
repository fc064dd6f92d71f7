"""The distribution of a metric over all sets of a parameter search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import heading
from research_kit.charts.searches.sweep_metric import MetricStyle, metric_style, reach
from research_kit.charts.searches.sweep_ranks import Best, best_place
from research_kit.charts.searches.sweep_table import SweepTable, metric_column
from research_kit.charts.template import BLUE, GREEN, GREY, LOSS, OCHRE, PURPLE, Theme, chart_template
from research_kit.charts.text import escape_text

_LINES = (  # of the best, the median, and the marks that a caller adds
    (GREEN, "solid"),
    (GREY, "dash"),
    (PURPLE, "dot"),
    (OCHRE, "dashdot"),
    (PURPLE, "longdash"),
    (OCHRE, "longdashdot"),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Distribution:
    """How the values of a metric are spread over the sets of a search.

    Attributes
    ----------
    edges, counts : arrays, shapes (k + 1,) and (k,)
        A histogram of the values between the first and the last edge; where gain and loss meet, there is an edge.
    below, above : int
        Values outside of it, left out because few of them would hide all others.
    best, median : float or None
        Of all values.
    share : float or None
        The fraction of sets, of those with a value, above the number where gain and loss meet.
    even : float or None
        That number: 0, for profit factors 1; None where the metric lies on one side of it by its nature.
    marks : dict
        Further numbers to mark, by name.
    total, undefined : int
        How many sets there are, and how many of them have no value.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    below: int
    above: int
    best: float | None
    median: float | None
    share: float | None
    even: float | None
    metric: str
    marks: Mapping[str, float]
    total: int
    undefined: int


def sweep_distribution_data(
    table: SweepTable, metric: str, *, best: Best = "highest", marks: Mapping[str, float] | None = None
) -> Distribution:
    """Return a histogram of a metric over all sets, its best value, its median and the share of sets above zero.

    Parameters
    ----------
    table : mapping of arrays, or DataFrame
        One row for each parameter set.
    metric : str
        Column of numbers; NaN is undefined, and does not count.
    best : {"highest", "lowest"}
        Which end of the metric is the best.
    marks : dict, optional
        Further numbers to mark, such as the best that luck alone would bring, by name; at most four.

    Raises
    ------
    NotFoundError
        The column is not there.
    OptionError
        The column is text.

    >>> data = sweep_distribution_data({"sharpe_ratio": [-1.0, 0.5, 1.0, 2.0]}, "sharpe_ratio")
    >>> data.best, data.median, data.share
    (2.0, 0.75, 0.75)
    """
    every = metric_column(table, metric)
    values = every[~np.isnan(every)]
    style = metric_style(metric, values)
    place = best_place(values, best)
    low, high, _ = reach(values)
    edges = _edges(low, high, len(values), style.even)
    within = values[(values >= edges[0]) & (values <= edges[-1])]
    above_even = None if style.even is None or len(values) == 0 else float((values > style.even).mean())
    return Distribution(
        edges=edges,
        counts=np.histogram(within, bins=edges)[0].astype(np.int64),
        below=int((values < edges[0]).sum()),
        above=int((values > edges[-1]).sum()),
        best=None if place is None else float(values[place]),
        median=None if place is None else float(np.median(values)),
        share=above_even,
        even=style.even,
        metric=metric,
        marks=dict(marks or {}),
        total=len(every),
        undefined=len(every) - len(values),
    )


def _edges(low: float, high: float, count: int, even: float | None) -> NDArray[np.float64]:
    """Return edges that hold both ends, counted from where gain and loss meet, or else from the lower end."""
    bins = int(np.clip(np.ceil(2 * np.cbrt(count)), 8, 60))  # Rice's rule
    width = (high - low) / bins
    if width <= 1e-12 * max(abs(low), abs(high), 1e-300):  # all values are one
        width = max(abs(high), 1.0) / 10
    origin = low if even is None else even
    first, last = np.floor((low - origin) / width + 1e-9), np.ceil((high - origin) / width - 1e-9)
    edges = origin + width * np.arange(first, max(last, first + 1) + 1)
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)  # rounding may have lost an end
    return edges.astype(np.float64)


def sweep_distribution_figure(data: Distribution, *, theme: Theme = "notebook", title: str = "") -> go.Figure:
    """Return the histogram, with lines at the best set, the median and further marks; losing bars are hatched."""
    style = metric_style(data.metric, np.empty(0))
    figure = go.Figure(layout={"template": chart_template(theme), "hovermode": "closest"})
    figure.add_traces([*_bars(data, style), *_lines(data, style)])
    figure.update_layout(heading(title, _notes(data, style), plot=230, bottom=100), barmode="overlay", showlegend=True)
    figure.update_xaxes(style.axis(), range=_range(data), showspikes=False, zeroline=False)
    return figure.update_yaxes(title_text="Parameter sets", rangemode="tozero")


def _range(data: Distribution) -> list[float]:
    """Return what the axis shows: the bars, and marks that are no further from them than the bars reach."""
    low, high = float(data.edges[0]), float(data.edges[-1])
    span = high - low
    near = [value for _, value in _marked(data) if low - span <= value <= high + span]
    low, high = min(low, *near, low), max(high, *near, high)
    return [low - 0.02 * (high - low), high + 0.02 * (high - low)]


def _marked(data: Distribution) -> list[tuple[str, float]]:
    every = [("Best", data.best), ("Median", data.median), *data.marks.items()]
    return [(name, value) for name, value in every if value is not None and np.isfinite(value)]


def _bars(data: Distribution, style: MetricStyle) -> list[go.Bar]:
    middles = (data.edges[:-1] + data.edges[1:]) / 2
    loses = np.zeros(len(middles), dtype=np.bool_) if data.even is None else middles < data.even
    ends = np.array([f"{style.text(low)} to {style.text(high)}" for low, high in pairwise(data.edges.tolist())])
    hatched = {"shape": "/", "fillmode": "overlay", "size": 6, "solidity": 0.25}
    looks = ((loses, {"color": LOSS, "pattern": hatched}), (~loses, {"color": BLUE}))
    return [
        go.Bar(
            x=middles[these],
            y=data.counts[these],
            width=np.diff(data.edges)[these],
            text=ends[these],
            textposition="none",
            showlegend=False,
            marker=marker | {"opacity": 0.75},
            hovertemplate="%{y:,} sets<br>%{text}<extra></extra>",
        )
        for these, marker in looks
        if these.any()
    ]


def _lines(data: Distribution, style: MetricStyle) -> list[go.Scatter]:
    top = float(data.counts.max(initial=1)) * 1.06
    low, high = _range(data)
    return [
        go.Scatter(
            x=[value, value],
            y=[0, top],
            mode="lines",
            line={"color": colour, "width": 2.5, "dash": dash},
            name=escape_text(f"{name}: {style.text(value)}{'' if low <= value <= high else ' (off the axis)'}"),
            hoverinfo="name",
        )
        for (name, value), (colour, dash) in zip(_marked(data), _LINES, strict=False)
    ]


def _notes(data: Distribution, style: MetricStyle) -> list[str]:
    notes = [style.of_sets(data.total)]
    if data.share is not None:
        notes.append(f"{100 * data.share:.1f} % above {data.even:g}")
    if data.undefined:
        notes.append(f"{data.undefined:,} without a value do not count")
    if data.below or data.above:
        notes.append(f"beyond the bars: {data.below:,} below, {data.above:,} above")
    return notes
