"""What a finished run looks like: what it is worth, key figures, chart, metrics, trades, and its code."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import ipywidgets as w

from research_kit.engine.options import EngineOptions
from research_kit.metrics.registry import METRICS, format_value
from research_kit.metrics.result import Metrics
from research_kit.store.datasets import find_dataset
from research_kit.widgets.parts.fold import Fold
from research_kit.widgets.parts.part import Note, Part, hint
from research_kit.widgets.results.metrics_table import MetricsTable
from research_kit.widgets.results.report_button import ReportButton
from research_kit.widgets.results.run_chart import RunChart, TradeChart
from research_kit.widgets.results.static_run import run_html
from research_kit.widgets.results.trades import TradesTable
from research_kit.widgets.results.trust import TrustPanel

if TYPE_CHECKING:
    from research_kit.runs.run import Run


class RunView(Part):
    """The result of one run; ``run`` is the one that is shown, None before the first.

    Attributes
    ----------
    trust, chart, metrics, trades, trade, report
        Its parts: headline and verdicts, the chart, all metrics, the trades, the trade that was opened, the report.
    """

    def __init__(self, run: Run | None = None) -> None:
        super().__init__()
        self.run: Run | None = None
        self.heading, self.figures, self.code = Note(), Note(), Note()
        self.trust, self.chart, self.metrics, self.report = TrustPanel(), RunChart(), MetricsTable(), ReportButton()
        self.trades, self.trade = TradesTable(), TradeChart()
        self.metrics_fold = Fold("All metrics", self.metrics.body)
        self.trades_fold = Fold("Trades", w.VBox([self.trades.body, self.trade.body]), is_open=True)
        self.code_fold = Fold("The same in code", self.code)
        self.folds = (self.metrics_fold, self.trades_fold, self.code_fold)
        self.below = w.VBox([self.chart.body, *(fold.body for fold in self.folds), self.report.body])
        self.body = w.VBox([self.heading, self.trust.body, self.figures, self.below, self.note])
        self.body.add_class("rkw-result")
        self.below.layout.display = "none"
        self.heading.show(hint("The result of a run appears here."))
        self.trades.on_open(self._show_trade)
        self.metrics_fold.on_change(self._opened)
        if run is not None:
            self.show(run)

    def __repr__(self) -> str:
        return f"RunView({self.run!r})"

    def show(self, run: Run) -> None:
        """Show a run in the place of the one before."""
        heading, figures, code = heading_html(run), tiles_html(run.summary), code_html(run)
        trades, _ = run.trades, run.chart_series  # all that is read first: never half of one run, half of another
        self.run = run
        self.heading.show(heading)
        self.figures.show(figures)
        self.trust.show(run)
        self.trade.hide()
        self.trades.show(trades)
        self.trades_fold.title = f"Trades: {len(trades):,}"
        self.metrics_fold.title = f"All {len(run.summary)} metrics"
        self.code.show(code)
        self.report.show(run)
        self.below.layout.display = None
        self.fade(False)
        self.chart.show(run)  # the browser draws it while the rest can be read already
        self._opened()
        self._changed()

    def fade(self, old: bool) -> None:
        """Mark what is shown as older than what is being done, or not."""
        (self.body.add_class if old else self.body.remove_class)("rkw-old")

    def static(self) -> str:
        if self.run is None:
            return "<p>No run is shown.</p>"
        return run_html(self.run) + self.trust.static() + self.trades.static() + self.code.value

    def close(self) -> None:
        for part in (self.trust, self.chart, self.metrics, self.trades, self.trade, self.report, *self.folds):
            part.close()
        super().close()

    def _show_trade(self, number: int) -> None:
        if self.run is not None:
            self.trade.show(self.run, number)

    def _opened(self) -> None:
        """Fill the table of metrics once somebody looks at it: its intervals take a moment to compute."""
        if self.run is not None and self.metrics_fold.is_open:
            self.metrics.show(self.run)


def heading_html(run: Run) -> str:
    """Return the run's number and title."""
    return f'<h3 class="rkw-title">Run {run.id}: {escape(run.title)}</h3>'


def tiles_html(metrics: Metrics) -> str:
    """Return the headline metrics as tiles with their units."""
    tiles = "".join(_tile(metrics, name, value) for name, value in metrics.headline().items())
    return f'<dl class="rkw-tiles">{tiles}</dl>'


def code_html(run: Run) -> str:
    """Return the call that makes this run again."""
    return f"<pre>{escape(code_of(run))}</pre>"


def code_of(run: Run) -> str:
    """Return the call that makes this run again; options that are the defaults are left out."""
    usual = EngineOptions().model_dump(mode="json")
    changed = {name: value for name, value in run.options.items() if usual.get(name, value) != value}
    options = "".join(f", {name}={value!r}" for name, value in changed.items())
    return f"run = ws.run({_strategy_word(run)}, {_dataset_word(run)}, {run.parameters!r}{options})"


def _strategy_word(run: Run) -> str:
    """Return the strategy's name, or its class where the name means another or none: one of a notebook's cells."""
    name, place = run.backtest.strategy_name, run.spec["strategy_class"]
    known = run.home.registry.classes().get(str(name))
    if known is not None and f"{known.__module__}:{known.__name__}" == place:
        return repr(name)
    return str(place).rpartition(":")[2]


def _dataset_word(run: Run) -> str:
    """Return the dataset's name, or its id where the name means a newer version."""
    name, own = run.dataset.name, run.dataset.id
    return repr(name if find_dataset(run.home.database, name).id == own else own)


def _tile(metrics: Metrics, name: str, value: float | None) -> str:
    about, why = METRICS[name], metrics.reasons.get(name, "")
    tip = f"{about.meaning} {about.formula}".strip()
    small = f"<small>{escape(why)}</small>" if why else ""
    return (
        f'<div title="{escape(tip)}"><dt>{escape(about.title)}</dt>'
        f'<dd data-metric="{name}">{escape(format_value(name, value))}{small}</dd></div>'
    )
