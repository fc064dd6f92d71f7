"""The sections of a comparison's report, each made from its figures alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from research_kit.charts.comparison import overlay, overlay_figure
from research_kit.charts.curves import Curve
from research_kit.metrics.registry import METRICS, UNDEFINED, format_value
from research_kit.report.about.comparison import ComparisonStats
from research_kit.report.cards import Card, lead, warning_box
from research_kit.report.tables import (
    Cell,
    Head,
    data_table,
    diff_card,
    metric_cell,
    metric_note,
    text_table,
    time_text,
    value_cell,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go


def lead_of(stats: ComparisonStats) -> Card:
    """Return one line on what is compared."""
    return lead(" · ".join(side["What"] for side in stats.sides))


def verdict_of(stats: ComparisonStats) -> Card:
    """Return whether the two are the same, and what differs, in one sentence."""
    word = "The same, number for number" if stats.is_same else "Not the same"
    return warning_box(f"{word}: {stats.summary}.", "info" if stats.is_same else "warning")


def sides_of(stats: ComparisonStats) -> Card:
    """Return what each side is."""
    rows = {name: [side[name] for side in stats.sides] for name in stats.sides[0]}
    return text_table(rows, ("", *stats.names))


def spec_of(stats: ComparisonStats) -> Card:
    """Return what differs in what was run."""
    if not stats.spec:
        return warning_box("The same was run: data, source, parameters, options, engine and packages.", "info")
    return text_table({name: (a, b) for name, a, b in stats.spec}, ("What", *stats.names))


def source_of(stats: ComparisonStats) -> list[Card]:
    """Return the unified diff of the strategies, where there is one."""
    return [diff_card(stats.diff)] if stats.diff else []


def order_of(stats: ComparisonStats) -> Card:
    """Return the first order in which the two differ, or where their equity does."""
    order = stats.order
    if order is None:
        return warning_box(_without_order(stats), "info")
    rows = {"Order": [f"{order['position'] + 1:,}"] * 2}
    for name in ("time", "action", "units", "price", "label"):
        rows[_marked(name, order["differs"])] = [_fill(fill, name) for fill in order["fills"]]
    differs = "The first order that differs; ≠ marks what differs in it."
    told = differs if order["differs"] else "One side has no more orders."
    return text_table(rows, ("", *stats.names), caption=told)


def contexts_of(stats: ComparisonStats) -> list[Card]:
    """Return the bars around that order, of each side."""
    return [
        _context(name, context) for name, context in zip(stats.names, stats.contexts, strict=True) if len(context) > 1
    ]


def equity_of(stats: ComparisonStats) -> go.Figure:
    """Return both equities and drawdowns over one another, and a line where their orders part."""
    curves = [Curve(**curve) for curve in stats.curves]
    parting = None if stats.order is None else stats.order["time"]
    return overlay_figure(overlay(curves, parting), title=" and ".join(stats.names))


def metrics_of(stats: ComparisonStats) -> Card:
    """Return every metric that a side has, of both, and second minus first."""
    rows = [_metric_row(name, *pair) for name, pair in stats.metrics.items() if set(pair) != {None}]
    heads = map(Head, ("Metric", "Group", *stats.names))
    return data_table([*heads, Head("Difference", "Second minus first.")], rows)


def _metric_row(name: str, first: float | None, second: float | None) -> list[Cell]:
    metric = METRICS[name]
    change = None if first is None or second is None else second - first
    cell = Cell("0", "0", number=True) if change == 0 else metric_cell(name, change)
    signed = Cell(f"+{cell.text}", cell.key, number=True) if change and change > 0 else cell
    return [
        Cell(metric.title, metric.title, note=metric_note(name)),
        Cell(metric.group, metric.group),
        metric_cell(name, first),
        metric_cell(name, second),
        signed,
    ]


def _without_order(stats: ComparisonStats) -> str:
    if stats.equity is None:
        return "Every order was filled in the same way, and the equity is the same at every bar."
    time, first, second = stats.equity
    values = " and ".join(format_value("total_return", value) for value in (first, second))
    return f"Every order was filled in the same way, but the equity parts at {time_text(time)}: {values}."


def _marked(name: str, differs: Any) -> str:
    return f"{name.capitalize()}{' ≠' if name in differs else ''}"


def _fill(fill: Any, name: str) -> str:
    if fill is None:
        return UNDEFINED
    value = fill[name]
    if isinstance(value, np.datetime64):
        return time_text(value)
    return f"{value:,.10g}" if isinstance(value, float) else str(value) or UNDEFINED


def _context(name: str, context: Any) -> Card:
    columns = [column for column in context if column != "time"]
    rows = [
        [Cell(time_text(time), str(time)), *(value_cell(context[column][row]) for column in columns)]
        for row, time in enumerate(context["time"])
    ]
    return data_table([*map(Head, ("Time (UTC)", *columns))], rows, caption=f"Around it: {name}")
