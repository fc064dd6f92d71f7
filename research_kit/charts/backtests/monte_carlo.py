"""How equity may go on: bands of sampled paths around their median, and the path that it took."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import heading
from research_kit.charts.template import BLUE, VERMILLION, Theme, chart_template, money_axis
from research_kit.charts.text import escape_text
from research_kit.metrics.inference.monte_carlo import Fan

_FILLS = ("rgba(43,140,203,.16)", "rgba(43,140,203,.30)", "rgba(43,140,203,.40)")


@dataclass(frozen=True, eq=False)
class FanBands:
    """Money over periods: bands from the widest to the narrowest, their middle, and equity as it was (NaN: unknown).

    Each band is (share of the paths inside, lowest, highest), arrays of shape (points,); `middle` is None where the
    fan has no level of 0.5. `notes` say what the paths came to.
    """

    periods: NDArray[np.int64]
    bands: tuple[tuple[float, NDArray[np.float64], NDArray[np.float64]], ...]
    middle: NDArray[np.float64] | None
    actual: NDArray[np.float64]
    notes: tuple[str, ...]


def fan_data(fan: Fan, initial_cash: float = 1.0) -> FanBands:
    """Return the bands between levels that mirror each other around the median, in money."""
    order = np.argsort(fan.levels)
    levels = [fan.levels[at] for at in order]
    lines = fan.quantiles[order] * initial_cash
    bands = tuple(
        (levels[-1 - at] - levels[at], lines[at], lines[-1 - at])
        for at in range(len(levels) // 2)
        if abs(levels[at] + levels[-1 - at] - 1.0) < 1e-9
    )
    middle = lines[levels.index(0.5)] if 0.5 in levels else None
    notes = (
        f"{len(fan.finals):,} paths of blocks of {fan.block:.1f} periods on average, drawn with replacement",
        f"{fan.probability_of_loss:.0%} end below the start",
        f"one in twenty falls by {-fan.drawdown(0.05):.0%} or more",
    )
    return FanBands(fan.periods, bands, middle, fan.actual * initial_cash, notes)


def fan_figure(
    data: FanBands, *, theme: Theme = "notebook", title: str = "Monte Carlo", period: str = "day", currency: str = ""
) -> go.Figure:
    """Return the fan on a logarithmic axis of money, with the path that equity took."""
    figure = go.Figure(layout={"template": chart_template(theme)})
    for at, (share, low, high) in enumerate(data.bands):
        same = {"x": data.periods, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        figure.add_scatter(y=low, showlegend=False, **same)
        fill = {"fill": "tonexty", "fillcolor": _FILLS[min(at, len(_FILLS) - 1)]}
        figure.add_scatter(y=high, name=f"{share:.0%} of the paths", **same, **fill)
    hover = f"%{{y:,.4~g}} after %{{x:,}} {escape_text(period)}s<extra></extra>"
    if data.middle is not None:
        figure.add_scatter(
            x=data.periods, y=data.middle, mode="lines", name="Median", hovertemplate=hover,
            line={"color": BLUE, "width": 2, "dash": "dash"},
        )  # fmt: skip
    if not np.isnan(data.actual).all():
        figure.add_scatter(
            x=data.periods, y=data.actual, mode="lines", name="As it was", hovertemplate=hover,
            line={"color": VERMILLION, "width": 1.5},
        )  # fmt: skip
    lowest = min((float(low.min()) for _, low, _ in data.bands), default=0.0)
    money = escape_text(currency, limit=12)
    figure.update_yaxes(title_text=f"Equity ({money})" if money else "Equity", **money_axis(lowest))
    figure.update_xaxes(title_text=f"{escape_text(period).capitalize()}s from the start", showspikes=False)
    return figure.update_layout(heading(title, data.notes, plot=340, bottom=96))
