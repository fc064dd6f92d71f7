"""The chart of a convention band: the equity of every convention, and how far apart they are in each metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import heading
from research_kit.charts.curves import BandCurve
from research_kit.charts.series import epoch_ms
from research_kit.charts.template import BLUE, GREY, OCHRE, PURPLE, VERMILLION, Theme, chart_template
from research_kit.charts.text import escape_text

_LOOKS = {"next_open": (BLUE, "solid"), "same_close": (VERMILLION, "dot"), "one_bar_later": (PURPLE, "dash")}
_ROW, _EQUITY, _SPACE = 46, 260, 60  # pixels
_FACTORS = {"fraction": (100.0, " %"), "percent": (1.0, " %")}


@dataclass(frozen=True, eq=False)
class Span:
    """One metric over all conventions: its values (NaN: undefined), the one that was run, and how it is written."""

    title: str
    values: NDArray[np.float64]
    as_run: float
    suffix: str


def spans_of(
    values: Mapping[str, Sequence[float]], as_run: Mapping[str, float], units: Mapping[str, str]
) -> list[Span]:
    """Return the metrics that a chart can show, those with a value: fractions as percents.

    >>> [span] = spans_of({"Win rate": [0.25, 0.5]}, {"Win rate": 0.5}, {"Win rate": "fraction"})
    >>> span.values.tolist(), span.suffix
    ([25.0, 50.0], ' %')
    """
    spans = []
    for title, one in values.items():
        factor, suffix = _FACTORS.get(units.get(title, ""), (1.0, ""))
        numbers = factor * np.asarray(one, dtype=np.float64)
        if np.isfinite(numbers).any():
            spans.append(Span(title, numbers, factor * as_run.get(title, np.nan), suffix))
    return spans


def band_figure(
    curves: Sequence[BandCurve],
    values: Mapping[str, Sequence[float]],
    as_run: Mapping[str, float],
    *,
    units: Mapping[str, str],
    theme: Theme = "notebook",
    title: str = "",
) -> go.Figure:
    """Return the equity of every convention, and below one row for each metric: a dot for each, a diamond as run."""
    spans = spans_of(values, as_run, units)
    inside = _EQUITY + _SPACE + _ROW * len(spans)
    figure = go.Figure(layout={"template": chart_template(theme), "hovermode": "closest"})
    notes = ["solid: next open", "dots: same close (optimistic)", "dashes: one bar later", "diamond: as run"]
    figure.update_layout(heading(title, notes, plot=inside), showlegend=False)
    bottom = (inside - _EQUITY) / inside
    figure.update_layout(xaxis={"type": "date", "anchor": "y"}, yaxis={"title": "Equity", "domain": [bottom, 1]})
    for curve in curves:
        figure.add_trace(_line(curve))
    for number, span in enumerate(spans, start=2):
        top = (_ROW * (len(spans) - number + 2)) / inside
        place = {"domain": [top - 0.6 * _ROW / inside, top - 0.15 * _ROW / inside], "anchor": f"x{number}"}
        rows = {"visible": False, "range": [-1, 1], "fixedrange": True}
        axis = {
            "anchor": f"y{number}",
            "domain": [0.24, 1],
            "ticksuffix": span.suffix,
            "nticks": 6,
            "showspikes": False,
        }
        figure.update_layout({f"yaxis{number}": place | rows, f"xaxis{number}": axis})
        figure.add_traces(_dots(span, curves, number))
        figure.add_annotation(
            text=escape_text(span.title),
            x=0,
            xref="paper",
            xanchor="left",
            y=sum(place["domain"]) / 2,  # type: ignore[arg-type]
            yref="paper",
            yanchor="middle",
            showarrow=False,
        )
    return figure


def _line(curve: BandCurve) -> go.Scatter:
    colour, dash = _LOOKS.get(curve.fill, (GREY, "solid"))
    name = escape_text(curve.name)
    return go.Scatter(
        x=epoch_ms(curve.time),
        y=curve.equity,
        mode="lines",
        line={"color": colour, "dash": dash, "width": 1.2},
        opacity=0.8,
        name=name,
        hovertemplate=f"%{{y:,.2f}}<extra>{name}</extra>",
    )


def _dots(span: Span, curves: Sequence[BandCurve], number: int) -> list[go.Scatter]:
    axes: dict[str, Any] = {"xaxis": f"x{number}", "yaxis": f"y{number}", "cliponaxis": False}
    low, high = np.nanmin(span.values), np.nanmax(span.values)
    reach = go.Scatter(
        x=[low, high], y=[0, 0], mode="lines", line={"color": GREY, "width": 3}, hoverinfo="skip", **axes
    )
    colours = [_LOOKS.get(curve.fill, (GREY, ""))[0] for curve in curves]
    names = [escape_text(curve.name) for curve in curves]
    form = f"%{{text}}: %{{x:.4g}}{span.suffix}<extra></extra>"
    dots = go.Scatter(
        x=span.values,
        y=np.zeros(len(span.values)),
        mode="markers",
        marker={"color": colours, "size": 8, "opacity": 0.8},
        text=names,
        hovertemplate=form,
        **axes,
    )
    run = go.Scatter(
        x=[span.as_run],
        y=[0],
        mode="markers",
        marker={"symbol": "diamond-open", "size": 14, "color": OCHRE, "line": {"width": 2}},
        text=["as run"],
        hovertemplate=form,
        **axes,
    )
    return [reach, dots, run]
