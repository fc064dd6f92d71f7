"""The sections of a walk-forward's report, each made from its figures alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from research_kit.charts.backtests.returns import monthly_returns
from research_kit.charts.searches.walk_forward import walk_forward_data
from research_kit.charts.searches.walk_forward_figure import walk_forward_figure
from research_kit.metrics.registry import GROUPS, HEADLINE, METRICS, UNDEFINED, format_value
from research_kit.report.about.walk_forward import WalkForwardStats
from research_kit.report.cards import (
    Card,
    key_figures,
    lead,
    metrics_table,
    monthly_table,
    run_card,
    trades_table,
    warning_box,
)
from research_kit.report.facts import trials_text
from research_kit.report.sections import TRADE_COLUMNS
from research_kit.report.tables import (
    Cell,
    Head,
    data_table,
    metric_cell,
    metric_head,
    metric_row,
    time_text,
    value_cell,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

SPANS = (("train_start", "Training"), ("train_end", "to"), ("test_start", "Test"), ("test_end", "to"))


def lead_of(stats: WalkForwardStats) -> Card:
    """Return one line on the folds, the days of their tests, and the trials."""
    counts = stats.counts
    span = f"{time_text(stats.time[0])} to {time_text(stats.time[-1])}"
    sets = f"{counts['sets']:,} sets were run in training"
    trials = f"{trials_text(counts['trials'])} on this data"
    return lead(" · ".join([f"{counts['folds']:,} folds", f"tests from {span}", sets, trials]))


def key_figures_of(stats: WalkForwardStats) -> Card:
    """Return what the joined tests came to, and how much of the trainings' promise was kept."""
    tiles = [
        ("Efficiency", _ratio(stats.efficiency), "out of sample over in sample"),
        ("Stability", _share(stats.stability), "folds that chose the same or next to it"),
    ]
    metrics = stats.metrics
    headline = [(METRICS[name].title, format_value(name, metrics.get(name)), "out of sample") for name in HEADLINE]
    return key_figures([*tiles, *headline])


def verdict_of(stats: WalkForwardStats) -> Card:
    """Return in plain words what efficiency and stability say."""
    if stats.efficiency is None:
        kept = "The chosen sets earned nothing in training, so there is no promise to be kept"
    elif stats.efficiency <= 0:
        kept = "What was earned in training was lost out of sample: the choice followed noise"
    else:
        kept = f"Out of sample it kept {stats.efficiency:.0%} of what was earned in training"
    steady = "" if stats.stability is None else _steadiness(stats.stability)
    return warning_box(f"{kept}.{steady}", "info")


def card_of(stats: WalkForwardStats) -> Card:
    """Return what was walked forward, over which data, and how."""
    return run_card(stats.facts)


def chart_of(stats: WalkForwardStats) -> go.Figure:
    """Return the joined equity with the market, its drawdown, in and out of sample, and the parameters over time."""
    data = walk_forward_data(
        *(stats.time, stats.equity, stats.initial_cash, stats.steps),
        metric=stats.objective,
        benchmark=stats.benchmark,
    )
    return walk_forward_figure(data, title=stats.title)


def windows_of(stats: WalkForwardStats) -> Card:
    """Return one row for each fold: its spans, what was chosen, in and out of sample, trades, money at its end."""
    windows, metric = stats.windows, stats.objective
    inside, outside = f"{metric}_in_sample", f"{metric}_out_of_sample"
    heads = [Head("Fold"), *(Head(title) for _, title in SPANS), *map(Head, stats.parameters)]
    heads += [metric_head(metric, f"{METRICS[metric].title} in sample"), metric_head(metric, "out of sample")]
    heads += [Head("Sets"), Head("Trades"), Head("Equity at its end")]
    rows = [
        [
            value_cell(row + 1),
            *(Cell(time_text(windows[name][row]), str(windows[name][row])) for name, _ in SPANS),
            *(value_cell(windows[name][row]) for name in stats.parameters),
            metric_cell(metric, windows[inside][row]),
            metric_cell(metric, windows[outside][row]),
            *(value_cell(windows[name][row]) for name in ("sets", "trades")),
            metric_cell("total_return", windows["final_equity"][row]),
        ]
        for row in range(len(windows["train_start"]))
    ]
    told = "Times are UTC; an end is the last bar. The account of a test goes on in the next."
    return data_table(heads, rows, caption=told)


def parameters_of(stats: WalkForwardStats) -> Card:
    """Return how often each value was chosen, and how often a parameter stayed as it was."""
    steady = dict(zip(stats.parameters, stats.steady, strict=True))
    folds = stats.counts["folds"]
    heads = [
        Head("Parameter"),
        Head("Value"),
        Head("Folds"),
        Head("Share", "Share of the folds that chose this value."),
        Head("Unchanged", "Share of the folds that kept this parameter's value of the fold before."),
    ]
    rows = [
        [
            Cell(name, name),
            value_cell(value),
            value_cell(count),
            Cell(f"{count / folds:.0%}", repr(count / folds), number=True),
            Cell(_share(steady[name]), "" if steady[name] is None else repr(steady[name]), number=True),
        ]
        for name, value, count in stats.choices
    ]
    return data_table(heads, rows)


def monthly_of(stats: WalkForwardStats) -> Card:
    """Return the returns of each month and year of the joined tests."""
    months = monthly_returns(stats.time, stats.equity, stats.initial_cash)
    return monthly_table(months.years, months.returns, months.totals)


def metrics_of(stats: WalkForwardStats) -> Card:
    """Return all metrics of the joined account by group; what each means shows on pointing at it."""
    rows = {name: metric_row(name, stats.metrics.get(name), stats.reasons.get(name)) for name in METRICS}
    return metrics_table({group: [rows[name] for name in METRICS if METRICS[name].group == group] for group in GROUPS})


def trades_of(stats: WalkForwardStats, limit: int = 60) -> Card:
    """Return the trades of all tests, of many the first and the last."""
    columns = {name: np.asarray(stats.trades[name]) for name in TRADE_COLUMNS if name in stats.trades}
    return trades_table(columns, limit=limit)


def _steadiness(stability: float) -> str:
    word = next(
        word
        for least, word in ((0.75, "is steady"), (0.5, "is half steady"), (0.0, "moves about"))
        if stability >= least
    )
    return f" {stability:.0%} of the folds chose the parameters of the fold before, or next to them: the choice {word}."


def _ratio(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.0%}"
