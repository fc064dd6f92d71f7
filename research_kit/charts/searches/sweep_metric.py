"""How the values of a metric are written and coloured in the charts of a parameter search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.charts.captions import cut
from research_kit.charts.template import BLUE, GREY, LOSS, Theme, chart_template
from research_kit.charts.text import escape_text
from research_kit.metrics.registry import METRICS, UNDEFINED, format_value

_FORMS = {  # of a unit: in a hover box, and on an axis (both d3's), and what stands behind the number
    "money": (",.2f", "~s", ""),
    "percent": (",.2f", ",~g", " %"),
    "fraction": (",.2%", ",.2~%", ""),
    "ratio": (",.3f", ",~g", ""),
    "count": (",.1~f", ",~g", ""),
    "minutes": (",.1~f", ",~g", " minutes"),
    "days": (",.1~f", ",~g", " days"),
    "per year": (",.2f", ",~g", " per year"),
}
# Of these, gain and loss meet at a number even where all sets lie on one side; of others only where both sides are met.
_EVEN = dict.fromkeys(
    (
        "total_return", "total_return_percent", "cagr", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "sqn",
        "expectancy", "average_trade_percent", "alpha", "information_ratio",
    ),
    0.0,
) | {"profit_factor": 1.0}  # fmt: skip

# Cells: dark to bright, so that colour-blind eyes and grey prints keep the order; neither end is the page's colour.
_CELLS = [[0.0, "#33507f"], [0.25, "#5a6b86"], [0.5, "#8a8f86"], [0.75, "#c2b46a"], [1.0, "#f4d84a"]]
# Lines are thin: each colour has a contrast of 3 : 1 on white and on #111 alike.
_LINES = [[0.0, GREY], [1.0, BLUE]]
_DIVERGING_LINES = [[0.0, LOSS], [0.5, GREY], [1.0, BLUE]]


@dataclass(frozen=True)
class MetricStyle:
    """How one metric is shown: its title, its number formats (d3's), and where gain and loss meet, if they do."""

    name: str
    title: str
    hover: str
    tick: str
    suffix: str
    even: float | None

    @property
    def title_with_unit(self) -> str:
        """Return the title for places whose numbers stand without their unit."""
        return f"{self.title} ({self.suffix.strip()})" if self.suffix else self.title

    def text(self, value: float | None) -> str:
        """Return a value as people read it, with its unit; undefined is a dash."""
        if value is None or not np.isfinite(value):
            return UNDEFINED
        return format_value(self.name, float(value)) if self.name in METRICS else f"{value:,.4g}"

    def axis(self) -> dict[str, Any]:
        """Return what an axis, or a colour bar, of this metric needs."""
        return {"title": {"text": escape_text(self.title)}, "tickformat": self.tick, "ticksuffix": self.suffix}

    def colour_bar(self) -> dict[str, Any]:
        """Return the colour bar of this metric; it has no title, which would stand on its edge."""
        return self.axis() | {"title": {"text": ""}, "thickness": 12, "outlinewidth": 0, "tickfont": {"size": 12}}

    def hover_line(self, place: str) -> str:
        """Return the line of a hover box that tells the metric from a place such as "z"."""
        return f"{escape_text(self.title)} %{{{place}:{self.hover}}}{self.suffix}"

    def of_sets(self, count: int) -> str:
        """Return the words with which a subtitle begins."""
        return f"{self.title} of {count:,} parameter set{'' if count == 1 else 's'}"


def metric_style(name: str, values: NDArray[np.float64]) -> MetricStyle:
    """Return how a metric is shown; names that the registry of metrics lacks are shown as plain numbers.

    >>> style = metric_style("win_rate", np.array([0.4, 0.6]))
    >>> style.title, style.text(0.4), style.even
    ('Win rate', '40.0 %', None)
    >>> metric_style("score", np.array([-1.0, 2.0])).even
    0.0
    """
    known = METRICS.get(name)
    hover, tick, suffix = _FORMS[known.unit] if known else (",.4~g", ",~g", "")
    low, high = _ends(values)
    even = _EVEN.get(name, 0.0 if low < 0 < high else None)
    return MetricStyle(name, known.title if known else cut(name), hover, tick, suffix, even)


def colouring(
    style: MetricStyle, values: NDArray[np.float64], *, theme: Theme, reverse: bool, lines: bool = False
) -> tuple[dict[str, Any], tuple[float, float], bool]:
    """Return a colour scale, its ends, and whether some values lie beyond them, since few would hide all others.

    `reverse` turns the scale round, for metrics of which the lowest is the best.
    """
    low, high, beyond = reach(values)
    if style.even is None:
        scale: dict[str, Any] = {"colorscale": _LINES if lines else _CELLS}
    else:
        arm = max(abs(low - style.even), abs(high - style.even)) or 1.0
        low, high = style.even - arm, style.even + arm
        scale = {"colorscale": _DIVERGING_LINES} if lines else _diverging(style.even, theme)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return scale | {"reversescale": reverse}, (low, high), beyond


def _diverging(even: float, theme: Theme) -> dict[str, Any]:
    if even == 0.0:
        return {"autocolorscale": True}  # that of the template, which a report may change with its page
    return {"colorscale": [list(stop) for stop in chart_template(theme).layout.colorscale.diverging]}


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    defined = values[~np.isnan(values)]
    return (float(defined.min()), float(defined.max())) if len(defined) else (0.0, 0.0)


def reach(values: NDArray[np.float64]) -> tuple[float, float, bool]:
    """Return the ends of what is shown: all, or the middle 96 % where the rest reaches more than three times as far."""
    defined = values[~np.isnan(values)]
    low, high = _ends(values)
    if len(defined) < 20:
        return low, high, False
    inner = [float(end) for end in np.quantile(defined, [0.02, 0.98])]
    if high - low <= 3 * (inner[1] - inner[0]) or inner[0] == inner[1]:
        return low, high, False
    return inner[0], inner[1], True
