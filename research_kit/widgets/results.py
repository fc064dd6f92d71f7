"""What a finished run looks like: key figures, charts, trades, and the line of code that makes it again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.engine.options import EngineOptions
from research_kit.metrics.inference.headline import chance
from research_kit.metrics.registry import METRICS, format_value
from research_kit.metrics.result import Metrics
from research_kit.store.datasets import find_dataset
from research_kit.widgets.chart import Chart
from research_kit.widgets.part import Note, Part, hint

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from research_kit.runs.run import Run

ROWS = 100  # of the trades that a table shows
_TRADE_COLUMNS = {  # heading, and how a cell is written
    "entry_time": "Entry (UTC)",
    "exit_time": "Exit (UTC)",
    "side": "Side",
    "quantity": "Quantity",
    "entry_price": "Entry price",
    "exit_price": "Exit price",
    "pnl": "P&L",
    "pnl_percent": "P&L %",
    "entry_signal": "Opened by",
    "exit_signal": "Closed by",
}
_FORMS = {"pnl": "{:+,.2f}", "pnl_percent": "{:+,.2f} %"}
_TEXTS = ("side", "entry_signal", "exit_signal")


class RunView(Part):
    """The result of one run; ``run`` is the one that is shown, None before the first."""

    def __init__(self) -> None:
        super().__init__()
        self.run: Run | None = None
        self.chart = Chart()
        self.heading, self.figures, self.trades, self.code = Note(), Note(), Note(), Note()
        self.body = w.VBox([self.heading, self.figures, self.chart.view, self.trades, self.code, self.note])
        self.body.add_class("rkw-result")
        self.heading.show(hint("The result of a run appears here."))

    def show(self, run: Run) -> None:
        """Show a run in the place of the one before."""
        heading, figures, trades = heading_html(run), metrics_html(run.summary), trades_html(run.trades)
        figure, code = (
            untitled_figure(run),
            code_html(run),
        )  # all first: never half of one run, half of another
        self.run = run
        self.heading.show(heading)
        self.figures.show(figures)
        self.chart.show(figure, name=f"run-{run.id}")
        self.trades.show(trades)
        self.code.show(code)
        self.fade(False)

    def fade(self, old: bool) -> None:
        """Mark what is shown as older than what is being done, or not."""
        (self.body.add_class if old else self.body.remove_class)("rkw-old")

    def close(self) -> None:
        self.chart.show(None)
        super().close()


def untitled_figure(run: Run) -> go.Figure:
    """Return the figure of ``run.plot()`` without its title, which the heading says: there it wraps, here it is cut."""
    from research_kit.charts.backtest import backtest_figure

    return backtest_figure(replace(run.chart_series, title=""))


def heading_html(run: Run) -> str:
    """Return the run's number and title, and how many tries its bars have seen."""
    figures = run.metrics
    count, deflated = figures["trials"], chance(figures["deflated_sharpe_ratio"])
    tries = "This is the first thing that was" if count == 1 else f"{count:,} different things were"
    return (
        f'<h3 class="rkw-title">Run {run.id}: {escape(run.title)}</h3>'
        f'<div class="rkw-hint">{tries} tried on these bars: deflated Sharpe ratio {deflated}.</div>'
    )


def metrics_html(metrics: Metrics) -> str:
    """Return the headline metrics as tiles with their units, and all of them below, folded."""
    tiles = "".join(_tile(metrics, name, value) for name, value in metrics.headline().items())
    table = metrics._repr_html_()
    return (
        f'<dl class="rkw-tiles">{tiles}</dl>'
        f'<details class="rkw-more"><summary>All {len(metrics)} metrics</summary>{table}</details>'
    )


def trades_html(trades: pd.DataFrame) -> str:
    """Return the first trades as a table, and how many there are."""
    if trades.empty:
        return '<div class="rkw-hint">No trades were made.</div>'
    names = [name for name in _TRADE_COLUMNS if name in trades]
    head = "".join(f'<th scope="col"{_text_class(name)}>{escape(_TRADE_COLUMNS[name])}</th>' for name in names)
    forms = {name: _form(name, trades) for name in names}
    body = "".join(_trade_row(row, forms) for row in trades[names].head(ROWS).to_dict("records"))
    total = len(trades)
    shown = f"the first {ROWS} of {total:,} (all: run.trades)" if total > ROWS else f"{total:,}"
    return (
        f'<details class="rkw-more" open><summary>Trades: {shown}</summary>'
        f'<div class="rkw-scroll" tabindex="0" role="region" aria-label="Trades"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></details>"
    )


def code_html(run: Run) -> str:
    """Return the call that makes this run again, folded."""
    return f'<details class="rkw-more"><summary>The same in code</summary><pre>{escape(code_of(run))}</pre></details>'


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


def _trade_row(row: Mapping[Any, Any], forms: Mapping[str, str]) -> str:
    cells = (f"<td{_text_class(name)}>{escape(_cell(value, forms[name]))}</td>" for name, value in row.items())
    return f"<tr>{''.join(cells)}</tr>"


def _cell(value: Any, form: str) -> str:
    return "–" if value is None or value != value else form.format(value)  # noqa: PLR0124 - NaN, NaT


def _form(name: str, trades: pd.DataFrame) -> str:
    """Return how the cells of a column are written: numbers with as many decimals as the largest of them needs."""
    if name in _TEXTS:
        return "{}"
    if name.endswith("_time"):
        return "{:%Y-%m-%d}" if _is_daily(trades) else "{:%Y-%m-%d %H:%M}"
    largest = trades[name].abs().max()
    whole = math.floor(math.log10(largest)) if largest > 0 else 0
    return _FORMS.get(name, f"{{:,.{min(max(5 - whole, 2), 8)}f}}")


def _text_class(name: str) -> str:
    return ' class="rkw-text"' if name in _TEXTS else ""


def _is_daily(trades: pd.DataFrame) -> bool:
    """Return whether no time of the trades has an hour of its own, so that days say enough."""
    times = trades["entry_time"].dt
    return bool((times.hour.nunique() <= 2) and (times.minute == 0).all() and (times.second == 0).all())
