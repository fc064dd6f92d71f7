"""Charts of the probability of backtest overfitting: where the chosen sets stood, and what they kept of a promise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import heading
from research_kit.charts.template import BLUE, GREY, LOSS, Theme, chart_template
from research_kit.metrics.inference.cscv import Degradation, Overfit

BINS = 40
MOST_POINTS = 2_000


@dataclass(frozen=True, eq=False)
class Logits:
    """A histogram of logits with one edge at 0: `edges` (n + 1) and `counts` (n), and the share at or below 0.

    `pbo` is None, and the arrays are empty, where the probability of overfitting is undefined.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    pbo: float | None
    sets: int = 0


def logits_data(overfit: Overfit | None, bins: int = BINS) -> Logits:
    """Return a histogram of the logits of all ways to halve the days, one edge at 0.

    A logit of exactly 0, the median, counts as overfitted, and lies in the bin below 0.
    """
    if overfit is None:
        return Logits(np.empty(0), np.empty(0, np.int64), None)
    logits = overfit.logits
    reach = max(float(np.abs(logits).max()), 1.0)
    width = 2.0 * reach / bins
    places = np.clip(np.ceil(logits / width).astype(np.int64) + bins // 2 - 1, 0, 2 * (bins // 2) - 1)
    edges = width * np.arange(-(bins // 2), bins // 2 + 1).astype(np.float64)
    return Logits(edges, np.bincount(places, minlength=len(edges) - 1), overfit.pbo, overfit.sets)


def logits_figure(data: Logits, *, theme: Theme = "notebook", title: str = "Probability of overfitting") -> go.Figure:
    """Return the histogram; what lies at or below 0 did worse than the median set, and is drawn as a loss, hatched."""
    figure = go.Figure(layout={"template": chart_template(theme)})
    if data.pbo is None:
        return figure.update_layout(heading(title, ["undefined: too few sets or days"], plot=260))
    middles, width = (data.edges[:-1] + data.edges[1:]) / 2, np.diff(data.edges)
    share = data.counts / max(int(data.counts.sum()), 1)
    for name, part, colour, pattern in (
        ("Worse than the median set", middles < 0, LOSS, "/"),
        ("Better than the median set", middles > 0, BLUE, ""),
    ):
        figure.add_bar(
            x=middles[part], y=share[part], width=width[part], name=name,
            marker={"color": colour, "opacity": 0.75, "pattern": {"shape": pattern}},
            hovertemplate="%{y:.1%} of the ways near %{x:.2f}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": GREY, "width": 1, "dash": "dash"})
    figure.update_xaxes(title_text="Logit of the rank in the other half (0: the median set)", showspikes=False)
    figure.update_yaxes(title_text="Share of the ways to halve the days", tickformat=".0%")
    notes = [
        f"{data.pbo:.0%} at or below 0: so often the best of {data.sets:,} sets in one half was poor in the other",
        f"{int(data.counts.sum()):,} ways to halve the days",
    ]
    return figure.update_layout(heading(title, notes, plot=300, bottom=96))


@dataclass(frozen=True, eq=False)
class DegradationPoints:
    """Sharpe ratios per year of the chosen sets: `promised` in sample and `kept` out of it, shape (points,).

    `line` is the least squares line through all ways, not only those that are drawn; None where it is undefined.
    """

    promised: NDArray[np.float64]
    kept: NDArray[np.float64]
    line: Degradation | None
    loss: float | None
    total: int


def degradation_data(overfit: Overfit | None, periods_per_year: float, most: int = MOST_POINTS) -> DegradationPoints:
    """Return what each way to halve the days promised and kept, an even sample of at most `most` of them, per year."""
    if overfit is None:
        return DegradationPoints(np.empty(0), np.empty(0), None, None, 0)
    total, year = len(overfit.logits), math.sqrt(periods_per_year)
    places = np.unique(np.linspace(0, total - 1, min(most, total)).round().astype(np.int64))
    line = overfit.degradation
    yearly = None if line is None else Degradation(line.slope, line.intercept * year, line.r_squared)
    kept = overfit.out_of_sample[places] * year
    return DegradationPoints(overfit.in_sample[places] * year, kept, yearly, overfit.probability_of_loss, total)


def degradation_figure(
    data: DegradationPoints, *, theme: Theme = "notebook", title: str = "Performance degradation"
) -> go.Figure:
    """Return the Sharpe ratio of the chosen sets in one half against the other, and the line through them."""
    figure = go.Figure(layout={"template": chart_template(theme)})
    if not len(data.promised):
        return figure.update_layout(heading(title, ["undefined: too few sets or days"], plot=260))
    losing = data.kept < 0.0
    for name, part, colour, symbol in (("Lost", losing, LOSS, "x"), ("Earned", ~losing, BLUE, "circle")):
        figure.add_scattergl(
            x=data.promised[part], y=data.kept[part], mode="markers", name=name,
            marker={"color": colour, "size": 5, "opacity": 0.45, "symbol": symbol},
            hovertemplate="%{x:.2f} in one half, %{y:.2f} in the other<extra></extra>",
        )  # fmt: skip
    ends = np.array([data.promised.min(), data.promised.max()])
    if data.line is not None:
        figure.add_scatter(
            x=ends, y=data.line.intercept + data.line.slope * ends, mode="lines", name=f"Slope {data.line.slope:+.2f}",
            line={"color": GREY, "width": 2}, hoverinfo="skip",
        )  # fmt: skip
    figure.add_hline(y=0, line={"color": GREY, "width": 1, "dash": "dash"})
    figure.update_xaxes(title_text="Sharpe ratio in the half it was chosen in", showspikes=False)
    figure.update_yaxes(title_text="Sharpe ratio in the other half")
    shown = "" if len(data.promised) == data.total else f"{len(data.promised):,} of {data.total:,} ways shown"
    return figure.update_layout(heading(title, [f"{data.loss:.0%} lost in the other half", shown], plot=340, bottom=96))
