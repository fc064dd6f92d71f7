"""How the deflated Sharpe ratio of a result falls with the number of trials that it was chosen from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import heading
from research_kit.charts.template import BLUE, GREY, LOSS, OCHRE, Theme, chart_template
from research_kit.metrics.inference.headline import CONVINCING, Headline
from research_kit.metrics.inference.luck import deflated_sharpe_ratio

POINTS = 120
_DASHES = ("solid", "dot", "dashdot")


@dataclass(frozen=True, eq=False)
class Deflation:
    """The deflated Sharpe ratio over numbers of trials, shape (points,), and where results stand by name.

    `marks` are (trials, deflated) pairs; `convincing` is the largest number of trials that leaves 0.95, None where not
    even one does. Arrays are empty where the ratio is undefined.
    """

    trials: NDArray[np.float64]
    deflated: NDArray[np.float64]
    marks: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    convincing: int | None = None


def deflation_data(headline: Headline, *, effective: float | None = None) -> Deflation:
    """Return what would be left of a result after each number of trials, from 1 to ten times what was made."""
    estimate, variance = headline.estimate, headline.variance
    if estimate is None or variance is None or headline.deflated is None:
        return Deflation(np.empty(0), np.empty(0))
    trials = np.geomspace(1.0, max(10.0 * headline.trials, 100.0), POINTS)
    left = [deflated_sharpe_ratio(estimate, trials=count, variance=variance) for count in trials]
    marks: dict[str, tuple[float, float]] = {"Trials": (headline.trials, headline.deflated)}
    different = headline.effective if effective is None else effective
    if different and different != headline.trials:
        there = deflated_sharpe_ratio(estimate, trials=different, variance=variance)
        marks["Effective"] = (different, float(there or 0.0))
    values = np.array(left, dtype=np.float64)
    enough = trials[values >= CONVINCING]
    return Deflation(trials, values, marks, int(enough.max()) if len(enough) else None)


def deflation_figure(
    data: Deflation, *, theme: Theme = "notebook", title: str = "Deflated Sharpe ratio and trials"
) -> go.Figure:
    """Return the curve over a logarithmic axis of trials, with what was really tried marked."""
    figure = go.Figure(layout={"template": chart_template(theme)})
    if not len(data.trials):
        return figure.update_layout(heading(title, ["undefined: the returns do not vary"], plot=260))
    figure.add_scatter(
        x=data.trials, y=data.deflated, mode="lines", name="Deflated Sharpe ratio", line={"color": BLUE, "width": 2},
        hovertemplate="%{x:,.0f} trials: %{y:.2f}<extra></extra>",
    )  # fmt: skip
    for (name, (count, left)), colour, dash in zip(data.marks.items(), (LOSS, OCHRE), _DASHES[1:], strict=False):
        figure.add_scatter(
            x=[count, count], y=[0.0, left], mode="lines+markers", name=f"{name}: {count:,.0f} ({left:.2f})",
            line={"color": colour, "width": 1.5, "dash": dash}, marker={"size": [0, 9]}, hoverinfo="skip",
        )  # fmt: skip
    figure.add_hline(y=CONVINCING, line={"color": GREY, "width": 1, "dash": "dash"})
    figure.update_xaxes(type="log", dtick=1, title_text="Trials that the result was chosen from", showspikes=False)
    figure.update_yaxes(title_text="Chance that it is better than luck", range=[0, 1.02], tickformat=".0%")
    words = "not convincing (0.95) even as the only trial"
    if data.convincing is not None:
        words = f"convincing (0.95) for at most {data.convincing:,} trials"
    return figure.update_layout(heading(title, [words], plot=300, bottom=96))
