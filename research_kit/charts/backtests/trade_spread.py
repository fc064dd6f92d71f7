"""Trades as a crowd: what they earned in percent, and how long they were held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.backtests.returns import histogram, histogram_bars, mark_value, marked_heading
from research_kit.charts.captions import heading
from research_kit.charts.series import BacktestSeries
from research_kit.charts.template import GAIN, LOSS, Theme, chart_template

FloatArray = NDArray[np.float64]
_MINUTES = {"minutes": 1.0, "hours": 60.0, "days": 1440.0}


def trade_returns_figure(series: BacktestSeries, *, theme: Theme = "notebook") -> go.Figure:
    """Return how the closed trades' results are spread, in percent of the value at entry; mean and median marked."""
    earned = series.closed_numbers("pnl_percent") / 100.0
    figure = go.Figure(layout={"template": chart_template(theme), "showlegend": False})
    figure.add_trace(histogram_bars(histogram(earned), "trades"))
    finite = earned[np.isfinite(earned)]
    if len(finite):
        mean, median = float(finite.mean()), float(np.median(finite))
        mark_value(figure, mean, "mean", "left" if mean >= median else "right")
        mark_value(figure, median, "median", "right" if mean >= median else "left")
    wins = int((finite > 0).sum())
    notes = [f"{len(finite):,} closed trades, {wins:,} with profit", "percent of the value at entry, net of costs"]
    figure.update_xaxes(tickformat=",.2~%", title_text="Result of a trade", showspikes=False)
    figure.update_yaxes(title_text="Trades")
    return figure.update_layout(marked_heading("Results of trades", notes, plot=240))


@dataclass(frozen=True, eq=False)
class HoldingTimes:
    """How long closed trades were held, in `unit` ("minutes", "hours" or "days"), and the counts of wins and others.

    `edges` (n + 1) are those of the bins; each trade is in one of `wins` and `others` (n).
    """

    edges: FloatArray
    wins: NDArray[np.int64]
    others: NDArray[np.int64]
    unit: str
    median: float | None
    longest: float | None


def holding_times(series: BacktestSeries, bins: int = 30) -> HoldingTimes:
    """Return how many closed trades were held for how long, from entry bar to exit bar."""
    minutes, won = series.closed_numbers("holding_time_minutes"), series.closed_numbers("pnl") > 0.0
    known = np.isfinite(minutes)
    minutes, won = minutes[known], won[known]
    middle = float(np.median(minutes)) if len(minutes) else 0.0
    unit = "days" if middle >= 2880 else "hours" if middle >= 120 else "minutes"
    held = minutes / _MINUTES[unit]
    data = histogram(held, bins)
    wins, _ = np.histogram(np.clip(held[won], data.edges[0], data.edges[-1]), bins=data.edges)
    longest = float(held.max()) if len(held) else None
    middle_held = float(np.median(held)) if len(held) else None
    return HoldingTimes(data.edges, wins, data.counts - wins, unit, middle_held, longest)


def holding_figure(data: HoldingTimes, *, theme: Theme = "notebook") -> go.Figure:
    """Return the holding times as bars: trades with profit below, the others hatched on top."""
    figure = go.Figure(layout={"template": chart_template(theme), "barmode": "stack"})
    middles, widths = (data.edges[:-1] + data.edges[1:]) / 2, np.diff(data.edges)
    hatched = {"color": LOSS, "pattern": {"shape": "/", "size": 6, "solidity": 0.4}}
    for name, counts, look in (("With profit", data.wins, {"color": GAIN}), ("Without", data.others, hatched)):
        form = f"%{{y:,}} held near %{{x:,.3~r}} {data.unit}<extra>{name}</extra>"
        figure.add_bar(x=middles, y=counts, width=widths, name=name, marker=look, hovertemplate=form)
    note = "no trade was closed"
    if data.median is not None:
        note = (
            f"half of the trades were held for at most {data.median:,.3g} {data.unit}, the longest {data.longest:,.4g}"
        )
    figure.update_xaxes(title_text=f"Held, in {data.unit}", showspikes=False, rangemode="tozero")
    figure.update_yaxes(title_text="Trades")
    return figure.update_layout(heading("Holding times", [note], plot=240, bottom=84))
