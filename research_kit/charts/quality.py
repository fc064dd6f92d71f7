"""The chart of a quality report: how full each period is, when bars are missing, and which bars stand apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.series import epoch_ms
from research_kit.charts.template import BLUE, OCHRE, PURPLE, VERMILLION, Theme, chart_template
from research_kit.charts.text import escape_text

GRADES = ("complete", "99 % or more", "90 to 99 %", "50 to 90 %", "under 50 %", "none")
# From blue over pale to vermillion: colour-blind eyes tell the two ends apart, and the pale middle from both.
_COLOURS = (BLUE, "#8cc0e2", "#d3dbe5", "#f2c29c", "#e58f4f", VERMILLION)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONDAY = np.datetime64("1970-01-05", "D")
_KINDS = {
    "spike": ("Spike", {"symbol": "diamond", "color": VERMILLION, "size": 8}),
    "split": ("Looks like a split", {"symbol": "star", "color": PURPLE, "size": 11}),
    "jump": ("Jump", {"symbol": "triangle-up", "color": OCHRE, "size": 9}),
}
_TICKS = (  # of the axis of changes: up to which reach in decades, and which factors are named
    (0.5, (0.5, 0.65, 0.8, 1.0, 1.25, 1.6, 2.0)),
    (1.6, (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)),
    (np.inf, (1e-6, 1e-4, 0.01, 0.1, 1.0, 10.0, 100.0, 1e4, 1e6)),
)
_ROW, _STRIP, _SPACE, _TOP, _LINE, _BOTTOM = 24, 150, 52, 88, 16, 76  # pixels


@dataclass(frozen=True, eq=False, kw_only=True)
class QualitySeries:
    """What the chart of a quality report is drawn from.

    Parameters
    ----------
    unit
        "day", "week", "month" or "year": how long the periods are.
    starts : array of datetime64
        The day on which each period begins, rising, shape (n,).
    bars, expected
        Bars that are there, and those that should be, in each period, shape (n,).
    gaps
        For each gap to draw: when it begins, when it ends (text, UTC), and how many bars are missing.
    outliers
        For each bar to mark: its time (text, UTC), "spike", "split" or "jump", and its change as a fraction.
    gap_count
        How many gaps there are in all.
    title, subtitle
        Any text; it is escaped where it is drawn.
    """

    unit: Literal["day", "week", "month", "year"]
    starts: NDArray[np.datetime64]
    bars: Sequence[int]
    expected: Sequence[int]
    gaps: Sequence[tuple[str, str, int]] = ()
    outliers: Sequence[tuple[str, str, float]] = ()
    gap_count: int = 0
    title: str = ""
    subtitle: str = ""


@dataclass(frozen=True, eq=False)
class CoverageGrid:
    """A calendar: labels of columns `x` and rows `y`, and of each cell its grade, its text and its hover text.

    `grade` counts in `GRADES`, from complete to none; NaN where no bar is expected and none is there.
    """

    x: list[Any]
    y: list[str]
    grade: NDArray[np.float64]
    text: list[list[str]]
    hover: list[list[str]]


def coverage_grid(series: QualitySeries) -> CoverageGrid:
    """Return the periods laid out as a calendar: weeks × weekdays, weeks × years, months × years, or years in a row."""
    x, y, column, row = _places(series.starts, series.unit)
    grade = np.full((len(y), len(x)), np.nan)
    text, hover = ([["" for _ in x] for _ in y] for _ in range(2))
    bars, expected = (np.asarray(values, dtype=np.float64) for values in (series.bars, series.expected))
    share = np.divide(bars, expected, out=np.full(len(bars), np.nan), where=expected > 0)
    for at, name in enumerate(_period_names(series)):
        i, j = row[at], column[at]
        grade[i, j] = _grade(share[at])
        if expected[at]:
            shown = f"{np.floor(1000 * share[at]) / 10:g}"  # never 100 where a bar is missing
            text[i][j] = shown if series.unit in ("month", "year") else ""
            hover[i][j] = f"{name}: {series.bars[at]:,} of {series.expected[at]:,} bars ({shown} %)"
    return CoverageGrid(x, y, grade, text, hover)


def _grade(share: float) -> float:
    if np.isnan(share):
        return np.nan
    return float(np.searchsorted([-1.0, -0.99, -0.9, -0.5, -1e-300], -share, side="left")) if share else 5.0


def _places(
    starts: NDArray[np.datetime64], unit: str
) -> tuple[list[Any], list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Return labels of columns and rows, and column and row of each period."""
    days = starts.astype("datetime64[D]")
    if unit == "day":
        week = ((days - _MONDAY) // np.timedelta64(7, "D")).astype(np.int64)
        weeks = np.arange(week[0], week[-1] + 1)
        return (
            (_MONDAY + 7 * weeks).astype(str).tolist(),
            list(_WEEKDAYS),
            week - week[0],
            (days - _MONDAY).astype(int) % 7,
        )
    if unit == "year":
        years = days.astype("datetime64[Y]")
        return years.astype(str).tolist(), [""], np.arange(len(years)), np.zeros(len(years), dtype=np.int64)
    owner = days + 3 if unit == "week" else days  # a week belongs to the year of its Thursday
    year = owner.astype("datetime64[Y]").astype(np.int64)
    labels = [f"{number + 1970}" for number in range(year[0], year[-1] + 1)]
    if unit == "month":
        return list(_MONTHS), labels, days.astype("datetime64[M]").astype(np.int64) % 12, year - year[0]
    day_of_year = (owner - owner.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    return list(range(1, 54)), labels, day_of_year // 7, year - year[0]


def _period_names(series: QualitySeries) -> list[str]:
    if series.unit in ("month", "year"):
        code = "M" if series.unit == "month" else "Y"
        return [str(name) for name in series.starts.astype(f"datetime64[{code}]")]
    prefix = "week of " if series.unit == "week" else ""
    weekday = (series.starts.astype("datetime64[D]") - _MONDAY).astype(int) % 7
    return [
        f"{prefix}{_WEEKDAYS[of]} {day}" for of, day in zip(weekday, series.starts.astype("datetime64[D]"), strict=True)
    ]


@dataclass
class _Row:
    traces: list[Any]
    pixels: int
    axis: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def quality_figure(series: QualitySeries, *, theme: Theme = "notebook") -> go.Figure:
    """Return a calendar of how full each period is, and under it, over one time axis, gaps and outliers if there are.

    Each gap stands at the number of bars that it lacks, each outlier at its change, both on logarithmic axes.
    """
    grid = coverage_grid(series) if len(series.starts) else None
    strips = [row for row in (_gap_row(series), _outlier_row(series)) if row is not None]
    calendar = max(60, _ROW * len(grid.y)) if grid else 0
    notes = [escape_text(series.subtitle, limit=200), *(note for row in strips for note in row.notes)]
    margin = _TOP + _LINE * (len(notes) - 1)
    height = margin + _BOTTOM + calendar + sum(_SPACE + row.pixels for row in strips)
    figure = go.Figure(layout={"template": chart_template(theme), "height": height})
    inside, top = height - margin - _BOTTOM, 1.0
    if grid:
        figure.add_traces([_heat_map(grid), *_legend(grid)])
        top -= calendar / inside
        figure.update_layout(xaxis=_calendar_axis(series.unit, len(grid.x)), yaxis=_rows_axis(top))
    for number, row in enumerate(strips, start=2):
        first = top - _SPACE / inside
        top = max(first - row.pixels / inside, 0.0)
        figure.add_traces([trace.update(xaxis="x2", yaxis=f"y{number}") for trace in row.traces])
        figure.update_layout({f"yaxis{number}": row.axis | {"domain": [top, first], "anchor": "x2"}})
    if strips:
        figure.update_layout(xaxis2=_time_axis(series, len(strips) + 1))
    title = {"text": escape_text(series.title) or " ", "subtitle": {"text": "<br>".join(notes)}}
    place = {"y": 1 - 12 / height, "yanchor": "top"}
    return figure.update_layout(title=title | place, margin={"t": margin, "b": _BOTTOM}, hovermode="closest")


def _heat_map(grid: CoverageGrid) -> go.Heatmap:
    steps = len(_COLOURS)
    scale = [[(at + side) / steps, colour] for at, colour in enumerate(_COLOURS) for side in (0, 1)]
    return go.Heatmap(
        x=grid.x,
        y=grid.y,
        z=grid.grade,
        text=grid.text,
        texttemplate="%{text}",
        hovertext=grid.hover,
        hovertemplate="%{hovertext}<extra></extra>",
        hoverongaps=False,
        colorscale=scale,
        zmin=-0.5,
        zmax=steps - 0.5,
        xgap=2,
        ygap=2,
        showscale=False,
    )


def _legend(grid: CoverageGrid) -> list[go.Scatter]:
    """Return what names the colours that are seen."""
    seen = sorted({int(grade) for grade in grid.grade[~np.isnan(grid.grade)]})
    marker = {"symbol": "square", "size": 12}
    return [
        go.Scatter(x=[None], y=[None], mode="markers", name=GRADES[at], marker=marker | {"color": _COLOURS[at]})
        for at in seen
    ]


def _calendar_axis(unit: str, columns: int) -> dict[str, Any]:
    axis = {"side": "top", "showgrid": False, "showspikes": False, "zeroline": False}
    if unit == "week":
        return axis | {"type": "linear", "dtick": 4, "tick0": 1, "tickprefix": "W"}
    # few cells stay small, and their labels upright
    return axis | {"type": "category", "nticks": 8, "tickangle": 0, "range": [-0.5, max(columns, 12) - 0.5]}


def _rows_axis(bottom: float) -> dict[str, Any]:
    return {"type": "category", "autorange": "reversed", "showgrid": False, "domain": [bottom, 1.0]}


def _time_axis(series: QualitySeries, last: int) -> dict[str, Any]:
    times = [time for start, end, _ in series.gaps for time in (start, end)] + [time for time, _, _ in series.outliers]
    ends = epoch_ms(np.concatenate([series.starts[[0, -1]].astype("datetime64[ns]"), _ns(times)]))
    low, high = float(ends.min()), float(ends.max())
    edge = 0.02 * (high - low) or 3.6e6
    return {"type": "date", "anchor": f"y{last}", "range": [low - edge, high + edge], "hoverformat": "%d %b %Y %H:%M"}


def _ns(times: Sequence[str]) -> NDArray[np.datetime64]:
    return np.array(times, dtype="datetime64[ns]")


def _gap_row(series: QualitySeries) -> _Row | None:
    if not series.gaps:
        return None
    starts, ends = (
        epoch_ms(_ns(times)) for times in ([gap[0] for gap in series.gaps], [gap[1] for gap in series.gaps])
    )
    missing = np.array([gap[2] for gap in series.gaps], dtype=np.float64)
    nothing = np.full(len(starts), np.nan)
    ways = go.Scatter(
        x=np.column_stack([starts, ends, nothing]).ravel(),
        y=np.column_stack([missing, missing, nothing]).ravel(),
        mode="lines",
        line={"color": VERMILLION, "width": 4},
        hoverinfo="skip",
        showlegend=False,
        name="From start to end",
    )
    words = [f"{count:,} missing<br>{escape_text(start)}<br>to {escape_text(end)}" for start, end, count in series.gaps]
    marks = go.Scatter(
        x=starts,
        y=missing,
        mode="markers",
        name="Gap",
        marker={"symbol": "line-ns", "size": 10, "line": {"width": 2, "color": VERMILLION}},
        text=words,
        hovertemplate="%{text}<extra>Gap</extra>",
    )
    top = float(np.log10(missing.max()))
    axis = {"title": {"text": "Bars missing"}, "type": "log", "range": [-0.25, top + 0.25], "dtick": 1}
    left_out = series.gap_count > len(series.gaps)
    note = f"Gaps shown: {len(series.gaps):,} of {series.gap_count:,} (the longest)"
    return _Row([ways, marks], _STRIP, axis | {"tickformat": "~s"}, [note] if left_out else [])


def _outlier_row(series: QualitySeries) -> _Row | None:
    if not series.outliers:
        return None
    factors = 1.0 + np.array([change for _, _, change in series.outliers])
    factors = np.clip(factors, 1e-6, 1e6)
    traces = []
    for kind, (name, marker) in _KINDS.items():
        at = [place for place, outlier in enumerate(series.outliers) if outlier[1] == kind]
        if at:
            words = [
                f"{escape_text(series.outliers[place][0])}<br>{_change(series.outliers[place][2])}" for place in at
            ]
            traces.append(
                go.Scatter(
                    x=epoch_ms(_ns([series.outliers[place][0] for place in at])),
                    y=factors[at],
                    mode="markers",
                    name=name,
                    marker=marker,
                    text=words,
                    hovertemplate=f"%{{text}}<extra>{name}</extra>",
                )
            )
    reach = [float(np.log10(edge)) for edge in (min(factors.min(), 0.8), max(factors.max(), 1.25))]
    edge = 0.1 * (reach[1] - reach[0])
    ticks = next(factors for most, factors in _TICKS if reach[1] - reach[0] <= most)
    axis = {"title": {"text": "Change"}, "type": "log", "range": [reach[0] - edge, reach[1] + edge]}
    return _Row(traces, _STRIP, axis | {"tickvals": ticks, "ticktext": [_change(factor - 1.0) for factor in ticks]})


def _change(change: float) -> str:
    """Return a fraction as a change in percent, or as a factor where that is clearer.

    >>> _change(-0.5), _change(0.25), _change(9.0)
    ('-50 %', '+25 %', '× 10')
    """
    if change >= 4:
        return f"× {1 + change:,.4g}"
    return f"{100 * change:+.3g} %" if change else "0 %"
