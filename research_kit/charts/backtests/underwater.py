"""How far equity lay below its highest point, with the worst falls marked: from peak to trough to recovery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import heading
from research_kit.charts.reduce import LIMIT
from research_kit.charts.series import BacktestSeries, drawdown_line, epoch_ms, stamps, time_axis
from research_kit.charts.template import GREY, LOSS, Theme, chart_template

WORST = 5
_BANDS = "rgba(127,135,150,.16)"
_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, eq=False)
class Falls:
    """Falls of equity from a peak, the deepest first; a fall lasts until equity is as high again.

    Attributes
    ----------
    peak, trough, recovery : array of datetime64
        When it began, was deepest, and was over; NaT where it was not over at the end.
    depth : array
        Trough / peak - 1, a fraction below 0.
    days, days_down, days_up : array
        How long it lasted in days of the calendar (to the last bar, where it is not over), from peak to trough, and
        from trough to recovery (NaN where it is not over).
    total : int
        How many falls there were.
    """

    peak: NDArray[np.datetime64]
    trough: NDArray[np.datetime64]
    recovery: NDArray[np.datetime64]
    depth: NDArray[np.float64]
    days: NDArray[np.float64]
    days_down: NDArray[np.float64]
    days_up: NDArray[np.float64]
    total: int


def worst_falls(time: NDArray[Any], drawdown: NDArray[np.float64], count: int = WORST) -> Falls:
    """Return the `count` deepest falls of a drawdown series (fractions <= 0, every bar), the deepest first.

    The initial cash is a peak at the first bar, as in `metrics.drawdown`.

    >>> time = np.arange(6).astype("datetime64[D]")
    >>> falls = worst_falls(time, np.array([0.0, -0.1, -0.3, 0.0, 0.0, -0.2]))
    >>> falls.depth.tolist(), falls.days.tolist(), falls.recovery.tolist()[1]
    ([-0.3, -0.2], [3.0, 1.0], None)
    """
    below = np.concatenate([[False], np.asarray(drawdown) < 0.0, [False]])
    edges = np.flatnonzero(below[1:] != below[:-1])
    first, after = edges[::2], edges[1::2]
    if not len(first):
        return _falls(np.asarray(time, dtype="datetime64[ns]"), drawdown, first, first, first, total=0)
    lowest = np.minimum.reduceat(drawdown, edges[edges < len(drawdown)])[::2]
    kept = np.argsort(lowest, kind="stable")[:count]
    first, after = first[kept], after[kept]
    trough = np.array([low + int(np.argmin(drawdown[low:high])) for low, high in zip(first, after, strict=True)])
    return _falls(np.asarray(time, dtype="datetime64[ns]"), drawdown, first, trough, after, total=len(lowest))


def _falls(
    time: NDArray[np.datetime64],
    drawdown: NDArray[np.float64],
    first: NDArray[np.int64],
    trough: NDArray[np.int64],
    after: NDArray[np.int64],
    *,
    total: int,
) -> Falls:
    if not total:
        none, empty = np.empty(0, dtype="datetime64[ns]"), np.empty(0)
        return Falls(none, none, none, empty, empty, empty, empty, 0)
    last = len(drawdown) - 1
    peak, low, end = time[np.maximum(first - 1, 0)], time[trough], time[np.minimum(after, last)]
    over = after <= last
    recovery = np.where(over, end, np.datetime64("NaT", "ns"))
    up = np.where(over, _days(end - low), np.nan)
    return Falls(peak, low, recovery, drawdown[trough], _days(end - peak), _days(low - peak), up, total)


def _days(spans: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(spans.astype(np.int64) / _DAY_NS, dtype=np.float64)


def underwater_figure(
    series: BacktestSeries, *, theme: Theme = "notebook", limit: int = LIMIT, worst: int = WORST
) -> go.Figure:
    """Return the drawdown with its `worst` falls shaded from peak to recovery and numbered at their troughs."""
    points, falls = drawdown_line(series, limit), worst_falls(series.time, series.drawdown, worst)
    figure = go.Figure(layout={"template": chart_template(theme), "hovermode": "x unified"})
    figure.add_scatter(
        x=points.x, y=points.y, name="Drawdown", mode="lines", line={"color": LOSS, "width": 1}, fill="tozeroy",
        fillcolor="rgba(213,94,0,.22)", hovertemplate="%{y:.2%}<extra>Drawdown</extra>",
    )  # fmt: skip
    if falls.total:
        figure.add_trace(_numbers(falls, series))
        figure.update_layout(shapes=_bands(falls, series))
    shown = f"Points shown: {len(points.x):,} of {points.total:,}" if len(points.x) < points.total else ""
    title = f"Underwater: the worst {len(falls.depth)} of {falls.total:,} falls" if falls.total > 1 else "Underwater"
    figure.update_yaxes(title_text="Drawdown", tickformat=",.2~%", rangemode="tozero")
    figure.update_xaxes(**time_axis(series))
    notes = ["shaded from peak to recovery, numbered at the trough" if falls.total else "Equity never fell", shown]
    return figure.update_layout(heading(title, notes, plot=250, bottom=40), showlegend=False)


def _numbers(falls: Falls, series: BacktestSeries) -> go.Scatter:
    ends = stamps(falls.recovery)
    rows = zip(stamps(falls.peak), stamps(falls.trough), ends, falls.days, strict=True)
    told = [
        f"peak {peak}, trough {trough}, {'not recovered' if end == '–' else f'recovered {end}'}: {days:,.0f} days"
        for peak, trough, end, days in rows
    ]
    return go.Scatter(
        x=epoch_ms(falls.trough),
        y=falls.depth,
        mode="markers+text",
        text=[str(number) for number in range(1, len(told) + 1)],
        textposition="bottom center",
        cliponaxis=False,
        marker={"color": LOSS, "size": 7, "symbol": "diamond", "line": {"color": GREY, "width": 1}},
        customdata=told,
        hovertemplate="%{text}: %{y:.2%}, %{customdata}<extra></extra>",
        name="Worst falls",
    )


def _bands(falls: Falls, series: BacktestSeries) -> list[dict[str, Any]]:
    start, end = epoch_ms(falls.peak), epoch_ms(falls.recovery)
    end = np.where(np.isnan(end), epoch_ms(series.time[-1:])[0], end)
    look = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "fillcolor": _BANDS, "line": {"width": 0}}
    return [look | {"x0": low, "x1": high, "layer": "below"} for low, high in zip(start, end, strict=True)]
