"""How far trades went against and for before they closed: where a stop or a target would have met them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import heading
from research_kit.charts.series import BacktestSeries
from research_kit.charts.template import GAIN, GREY, LOSS, Theme, chart_template

FloatArray = NDArray[np.float64]
DOTS = 1_000  # of trades; more hide one another


@dataclass(frozen=True, eq=False)
class Excursions:
    """What closed trades came to, and how far they went before: fractions of the value at entry, shape (shown,).

    Attributes
    ----------
    worst, best : array
        Maximum adverse and favourable excursion (MAE, MFE): the worst and the best unrealised result while the trade
        was open, net of its entry commission.
    result : array
        What it closed with, net of its costs.
    time : array of datetime64
        When it was entered.
    total : int
        How many closed trades there are.
    """

    worst: FloatArray
    best: FloatArray
    result: FloatArray
    time: NDArray[np.datetime64]
    total: int


def excursions(series: BacktestSeries, limit: int = DOTS) -> Excursions:
    """Return the excursions of at most `limit` closed trades: the most extreme, and of the others each nth."""
    value = series.closed_numbers("quantity") * series.closed_numbers("entry_price")
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = [series.closed_numbers(name) / np.abs(value) for name in ("max_loss", "max_profit", "pnl")]
    kept = _chosen(columns, limit)
    worst, best, result = (column[kept] for column in columns)
    time = np.asarray(series.closed("entry_time"), dtype="datetime64[ns]")
    return Excursions(worst, best, result, time[kept], len(value))


def _chosen(columns: list[FloatArray], limit: int) -> NDArray[np.int64]:
    whole = np.flatnonzero(np.isfinite(columns).all(axis=0))
    if len(whole) <= limit:
        return whole
    ends = [whole[np.argsort(column[whole], kind="stable")] for column in columns]
    tenth = max(1, limit // 60)
    extreme = np.unique(np.concatenate([np.append(order[:tenth], order[-tenth:]) for order in ends]))
    others = np.setdiff1d(whole, extreme)
    even = np.linspace(0, len(others) - 1, limit - len(extreme)).astype(np.int64)
    return np.union1d(extreme, others[even])


def excursion_figure(data: Excursions, *, theme: Theme = "notebook") -> go.Figure:
    """Return two scatters: the result over how far a trade went against, and over how far it went for."""
    figure = go.Figure(layout={"template": chart_template(theme), "hovermode": "closest"})
    figure.add_traces(_dots(data, data.worst, "x", "went against"))
    figure.add_traces(_dots(data, data.best, "x2", "went for"))
    ends = {"x": float(data.worst.min(initial=-0.01)), "x2": float(data.best.max(initial=0.01))}
    way = {"type": "line", "yref": "y", "x0": 0, "y0": 0, "line": {"color": GREY, "width": 1, "dash": "dot"}}
    figure.update_layout(
        shapes=[way | {"xref": axis, "x1": end, "y1": end} for axis, end in ends.items()],
        xaxis={"title": {"text": "Worst while open (MAE)"}, "domain": [0, 0.48]},
        xaxis2={"title": {"text": "Best while open (MFE)"}, "domain": [0.52, 1], "anchor": "y"},
        yaxis={"title": {"text": "Result"}, "tickformat": ",.1~%", "zeroline": True, "zerolinecolor": GREY},
    )
    figure.update_xaxes(showspikes=False, nticks=6, tickformat=",.1~%")
    fewer = len(data.result) < data.total
    notes = [
        "on the dotted line a trade closed at its extreme; percent of the value at entry",
        f"Trades shown: {len(data.result):,} of {data.total:,}, with the extremes" if fewer else "",
    ]
    return figure.update_layout(heading("How far trades went", notes, plot=300, bottom=92))


def _dots(data: Excursions, x: FloatArray, axis: str, said: str) -> list[go.Scatter]:
    days = np.datetime_as_string(data.time, unit="D") if len(data.time) else np.empty(0, dtype=str)
    told = f"entered %{{text}}: {said} by %{{x:.2%}}, came to %{{y:+.2%}}"
    return [
        go.Scatter(
            x=x[where],
            y=data.result[where],
            text=days[where].tolist(),
            mode="markers",
            name=name,
            legendgroup=name,
            showlegend=axis == "x",
            marker=look | {"size": 7, "opacity": 0.7},
            xaxis=axis,
            yaxis="y",
            hovertemplate=f"{told}<extra>{name}</extra>",
        )
        for name, where, look in (
            ("Profit", data.result > 0.0, {"color": GAIN, "symbol": "circle"}),
            ("Loss or zero", data.result <= 0.0, {"color": LOSS, "symbol": "x"}),
        )
    ]
