"""A run as plain HTML, for a notebook that is opened without its kernel: key figures, equity as a drawing, the call."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from research_kit.charts.reduce import reduce_points
from research_kit.metrics.registry import METRICS, format_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from research_kit.runs.run import Run

WIDTH, HIGH, LOW, GAP = 900.0, 170.0, 60.0, 22.0  # of the drawing: equity above, drawdown below
POINTS = 400


def run_html(run: Run) -> str:
    """Return the title, the headline metrics and the equity of a run."""
    figures = {METRICS[name].title: format_value(name, value) for name, value in run.summary.headline().items()}
    return f"<h3>Run {run.id}: {escape(run.title)}</h3>{facts_html(figures)}{equity_svg(run)}"


def facts_html(facts: Mapping[str, str]) -> str:
    """Return names and values, one after the other; nothing for no facts."""
    said = " · ".join(f"<b>{escape(name)}</b> {escape(value)}" for name, value in facts.items())
    return f"<p>{said}</p>" if said else ""


def equity_svg(run: Run) -> str:
    """Return equity and drawdown as a drawing in the ink of the page, with what it shows in words."""
    equity, drawdown = np.asarray(run.equity), np.asarray(run.drawdown)
    if len(equity) < 2:
        return ""
    days = run.equity.index
    words = (
        f"Equity from {equity[0]:,.0f} to {equity[-1]:,.0f}, {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}; "
        f"deepest drawdown {drawdown.min():.1%}."
    )
    top = _path(equity, 0.0, HIGH)
    below = _path(drawdown, HIGH + GAP, LOW, high=0.0)
    label = 'font-size="11" fill="currentColor" opacity=".75"'
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {HIGH + GAP + LOW:g}" role="img" aria-label="{escape(words)}" '
        'fill="none" stroke-linejoin="round">'
        f'<path d="{top}" stroke="#2b8ccb" stroke-width="1.8"/>'
        f'<text x="0" y="{HIGH + GAP - 6:g}" {label}>Drawdown</text>'
        f'<path d="{below}" stroke="#d55e00" stroke-width="1.3"/></svg><p class="rkw-faint">{escape(words)}</p>'
    )


def _path(values: NDArray[np.float64], top: float, height: float, high: float | None = None) -> str:
    """Return the line of values between ``top`` and ``top + height``."""
    points = reduce_points(np.arange(len(values)), values, limit=POINTS)
    upper = points.y.max() if high is None else high
    span = (upper - points.y.min()) or 1.0
    across = points.x / max(len(values) - 1, 1) * WIDTH
    down = top + 2 + (upper - points.y) / span * (height - 4)
    return "M" + " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
