"""All metrics of a run: in groups, explained, with their range and the benchmark's beside them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import ipywidgets as w
import numpy as np

from research_kit.engine.measure import daily_periods_per_year
from research_kit.metrics.inference.intervals import Interval, bootstrap_intervals, trade_intervals
from research_kit.metrics.registry import GROUPS, METRICS, format_value
from research_kit.metrics.result import Metrics
from research_kit.widgets.parts.background import Background
from research_kit.widgets.parts.part import Note, Part, alert, hint
from research_kit.widgets.parts.words import scroll, told

if TYPE_CHECKING:
    from research_kit.runs.run import Run

Intervals = Mapping[str, Interval]
_OF_MARKET = ("bars", "daily returns")  # what a metric may need that buying and holding has, too
EXPLAINED = (
    "95 % interval: the metric over stretches of days (or trades) drawn again and again with replacement. "
    "A metric's name, pressed, tells what it means."
)


class MetricsTable(Part):
    """Every metric in its group with its unit; its name opens its meaning and formula, by mouse or keys.

    For a run the range of each metric that days or trades decide is added once it is computed, in the background, and
    beside it the same metric of buying and holding.

    Parameters
    ----------
    run
        A run, or the metrics of ``rk.run_backtest(...)``; more may be given to ``show``.

    Attributes
    ----------
    metrics, intervals, benchmark
        What is shown: the metrics, their ranges by name, the benchmark's metrics; None, or empty, where there are none.
    """

    def __init__(self, run: Run | Metrics | None = None) -> None:
        super().__init__()
        self.metrics: Metrics | None = None
        self.intervals: Intervals = {}
        self.benchmark: Metrics | None = None
        self.table, self.told = Note(), Note()
        self.body = w.VBox([self.table, self.told, self.note])
        self._work = Background("intervals")
        if run is not None:
            self.show(run)

    def __repr__(self) -> str:
        return "MetricsTable(nothing)" if self.metrics is None else f"MetricsTable({len(self.metrics)} metrics)"

    def show(self, run: Run | Metrics) -> None:
        """Show the metrics of a run, or metrics alone, in the place of those before."""
        self._work.forget()
        self.metrics = run if isinstance(run, Metrics) else run.summary
        self.intervals, self.benchmark = {}, None
        if isinstance(run, Metrics):
            self._fill()
            return
        self.told.show(hint("Computing intervals and the benchmark …"))
        self._fill()
        self._work.start(partial(_beside, run), self._add, self._failed)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the intervals are there, at most so many seconds; return whether they are."""
        return self._work.wait(timeout)

    def static(self) -> str:
        return "" if self.metrics is None else self.metrics._repr_html_()

    def close(self) -> None:
        self._work.forget()
        super().close()

    def _add(self, beside: tuple[Intervals, Metrics | None]) -> None:
        self.intervals, self.benchmark = beside
        self.told.show(hint(EXPLAINED))
        self._fill()

    def _failed(self, error: BaseException) -> None:
        words = told(error)
        self.told.show(alert(f"There are no intervals. {words}"))

    def _fill(self) -> None:
        if self.metrics is not None:
            self.table.show(metrics_html(self.metrics, self.intervals, self.benchmark))
        self._changed()


def metrics_html(metrics: Metrics, intervals: Intervals, benchmark: Metrics | None) -> str:
    """Return all metrics as a table with a heading for each group; columns that nothing is known of are left out."""
    heads = ["Metric", "Value"] + ["95 % interval"] * bool(intervals) + ["Buy and hold"] * (benchmark is not None)
    head = "".join(f'<th scope="col"{_text(at == 0)}>{name}</th>' for at, name in enumerate(heads))
    groups = "".join(_group_html(group, metrics, intervals, benchmark, len(heads)) for group in GROUPS)
    return scroll("All metrics", f"<table><thead><tr>{head}</tr></thead>{groups}</table>", "rkw-metrics")


def _group_html(group: str, metrics: Metrics, intervals: Intervals, benchmark: Metrics | None, width: int) -> str:
    names = [name for name, metric in METRICS.items() if metric.group == group and name in metrics]
    if not names:
        return ""
    rows = "".join(_row_html(name, metrics, intervals, benchmark) for name in names)
    head = f'<tr class="rkw-group"><th colspan="{width}" scope="rowgroup" class="rkw-text">{escape(group)}</th></tr>'
    return f"<tbody>{head}{rows}</tbody>"


def _row_html(name: str, metrics: Metrics, intervals: Intervals, benchmark: Metrics | None) -> str:
    note = metrics.reasons.get(name) or metrics.flags.get(name, "")
    small = f"<small>{escape(note)}</small>" if note else ""
    cells = [f"{escape(format_value(name, metrics[name]))}{small}"]
    cells += [_interval_text(intervals.get(name))] * bool(intervals)
    if benchmark is not None:
        cells.append(escape(format_value(name, benchmark[name])) if METRICS[name].needs in _OF_MARKET else "")
    told = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr data-metric="{name}"><th scope="row" class="rkw-text">{_explained(name)}</th>{told}</tr>'


def _explained(name: str) -> str:
    """Return a metric's title, which opens what it means."""
    about = METRICS[name]
    source = "" if about.source == "definition" else f"Source: {about.source}"
    parts = [about.meaning, about.formula, about.convention, source, f"Unit: {about.unit}. In code: {name}"]
    lines = "".join(f"<div>{escape(part)}</div>" for part in parts if part)
    tip = escape(f"{about.meaning} {about.formula}")
    return (
        f'<details><summary title="{tip}">{escape(about.title)}</summary><div class="rkw-about">{lines}</div></details>'
    )


def _interval_text(found: Interval | None) -> str:
    if found is None:
        return ""
    if found.low is None or found.high is None:
        return f'<small title="{escape(found.reason)}">–</small>'
    low, high = (format_value(found.metric, bound) for bound in (found.low, found.high))
    return escape(f"{low} … {high}")


def _text(yes: bool) -> str:
    return ' class="rkw-text"' if yes else ""


def _beside(run: Run) -> tuple[Intervals, Metrics | None]:
    """Return the ranges of a run's metrics, and the metrics of buying and holding over the same bars."""
    return intervals_of(run), run.market


def intervals_of(run: Run) -> dict[str, Interval]:
    """Return the range of every metric of a run that its days or its closed trades decide, by name."""
    from research_kit.runs.trust.believing import daily_returns_of

    pnl = run.trades["pnl"][run.trades["exit_time"].notna()].to_numpy(np.float64)
    of_days = bootstrap_intervals(
        daily_returns_of(run),
        periods_per_year=daily_periods_per_year(run.bars),
        risk_free_rate=float(run.options["risk_free_rate"]),
    )
    return of_days | trade_intervals(pnl)
