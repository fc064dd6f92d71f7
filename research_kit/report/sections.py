"""The sections of a run's report, each a card made from the run's own figures."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.charts.backtests.days import days_of, extreme_days
from research_kit.charts.backtests.returns import monthly_returns
from research_kit.charts.backtests.underwater import worst_falls
from research_kit.charts.backtests.yearly import yearly
from research_kit.charts.text import signed_percent
from research_kit.engine.options import COSTS, TRADING_COSTS, EngineOptions
from research_kit.metrics.inference.headline import chance
from research_kit.metrics.registry import GROUPS, METRICS, UNDEFINED, format_value
from research_kit.report.cards import (
    Card,
    Compared,
    Tile,
    evidence_table,
    key_figures,
    lead,
    metrics_table,
    monthly_table,
    run_card,
    trades_table,
    warning_box,
)
from research_kit.report.cards import Row as CardRow
from research_kit.report.facts import pairs_text, trials_text
from research_kit.report.tables import Cell, Head, data_table, metric_cell, metric_row
from research_kit.runs.trust.belief import MARKS

if TYPE_CHECKING:
    from research_kit.runs.run import Run

TRADE_COLUMNS = (
    *("entry_time", "exit_time", "side", "quantity", "entry_price", "exit_price"),
    *("pnl", "pnl_percent", "entry_signal", "exit_signal"),
)
HELD = ("Return", "Risk", "Return for risk", "Days")
DRAWDOWN_HEADS = [
    Head("#"),
    Head("Depth", "Lowest equity / peak - 1."),
    Head("Peak", "The last bar before equity fell; the start where it never rose before."),
    Head("Trough"),
    Head("Recovered", "The first bar with as much equity as at the peak; a dash where there was none until the end."),
    Head("Days", "Calendar days from peak to recovery, or to the last bar."),
    Head("Down", "Days from peak to trough."),
    Head("Up", "Days from trough to recovery."),
]
YEAR_HEADS = [
    Head("Year"),
    Head("Strategy", "Equity at the year's end / at its start - 1."),
    Head("Buy and hold", "The same of the market, without costs."),
    Head("Difference", "Strategy less buy and hold."),
    Head("Max drawdown", "Deepest fall within the year, from days' ends."),
    Head("Volatility", "Standard deviation of the year's returns, of days or of longer bars, annualised."),
]
DEFLATED = (
    "The chance that the Sharpe ratio is better than the best of as many trials without any skill. "
    "Bailey and López de Prado, 2014."
)
OPTIMISTIC = "Signals are filled at the close of the bar that made them (fill='same_close'): an optimistic convention."


def card_of(run: Run) -> Card:
    """Return what the run is: data, strategy, parameters, options, hashes, versions, and the trials so far."""
    spec, dataset = run.spec, run.dataset
    span = f"{dataset.start_date:%Y-%m-%d} to {dataset.end_date:%Y-%m-%d}" if dataset.start_date else ""
    return run_card(
        {
            "Run": f"{run.id} (job {run.job.id}, {run.job.completed_at:%Y-%m-%d %H:%M} UTC)",
            "Dataset": f"{run.dataset_title}: {dataset.rows or 0:,} bars of {dataset.timeframe}, {span}",
            "Strategy": spec["strategy_name"],
            "Parameters": pairs_text(run.parameters),
            "Fills": "next bar's open" if run.options["fill"] == "next_open" else "same bar's close (optimistic)",
            "Costs": pairs_text({name: run.options[name] for name in COSTS if run.options[name]}) or "none",
            "Further options": pairs_text(_changed(run.options)) or "the defaults",
            "Trials on this dataset": f"{run.trials:,}",
            "Holdout": run.holdout.sentence.removeprefix("holdout ") if run.holdout else "none is locked",
            "Data sha256": spec["dataset_sha256"],
            "Source sha256": spec["strategy_sha256"],
            "Spec sha256": spec["spec_hash"],
            "Versions": pairs_text(spec["versions"]),
        }
    )


def lead_of(run: Run) -> Card:
    """Return one line on what was run, over which data, as which of how many trials, and who has seen the holdout."""
    dataset = run.dataset
    span = f"{dataset.start_date:%Y-%m-%d} to {dataset.end_date:%Y-%m-%d}" if dataset.start_date else "no bars"
    trials = f"{trials_text(run.trials)} on this dataset so far"
    facts = [run.dataset_title, f"{dataset.rows or 0:,} bars of {dataset.timeframe}", span, trials]
    return lead(" · ".join(facts + ([run.holdout.sentence] if run.holdout else [])))


def key_figures_of(run: Run) -> Card:
    """Return the headline metrics as tiles."""
    flags = run.summary.flags
    rows = ((name, *_row(run, name)) for name in run.summary.headline())
    tiles = [(title, value, flags.get(name, ""), note) for name, title, value, note in rows]
    return key_figures([*tiles, _deflated(run)])


def trust_of(run: Run) -> Card:
    """Return whether the run can be believed, the evidence, and what would change it."""
    found = run.believe()
    rows = ((MARKS[one.weight], one.weight, one.title, one.shown, one.sentence) for one in found.evidence)
    return evidence_table(str(found.headline), found.sentence, rows, found.changes)


def metrics_of(run: Run) -> Card:
    """Return all metrics by group, with units, beside those of holding the market; what each means shows on hovering.

    The market has no trades and no costs, so that only the groups of returns and risk compare both.
    """
    held = run.market
    rows: dict[str, Compared] = {name: _row(run, name) for name in METRICS}
    if held is not None:
        both = [name for name in METRICS if METRICS[name].group in HELD]
        rows |= {name: (*_row(run, name), format_value(name, held[name])) for name in both}
    groups = {group: [rows[name] for name in METRICS if METRICS[name].group == group] for group in GROUPS}
    return metrics_table(groups, heads=("Strategy", "Buy and hold"))


def monthly_of(run: Run) -> Card:
    """Return the returns of each month and year."""
    series = run.chart_series
    months = monthly_returns(series.time, series.equity, series.initial_cash)
    return monthly_table(months.years, months.returns, months.totals)


def drawdowns_of(run: Run, count: int = 10) -> Card:
    """Return the deepest falls of equity: how deep, from when to when, and how long down and up again."""
    series = run.chart_series
    falls = worst_falls(series.time, series.drawdown, count)
    dates = zip(*(_dates(times) for times in (falls.peak, falls.trough, falls.recovery)), strict=True)
    spans = zip(falls.days, falls.days_down, falls.days_up, strict=True)
    rows = [
        [_number(str(number), number), _percents(depth), *three, *map(_days_cell, lasting)]
        for number, (depth, three, lasting) in enumerate(zip(falls.depth, dates, spans, strict=True), start=1)
    ]
    return data_table(DRAWDOWN_HEADS, rows, caption=f"The worst {len(rows)} of {falls.total:,} falls below a peak.")


def years_of(run: Run) -> Card:
    """Return what each calendar year earned beside the market, how deep it fell, and how much it varied."""
    found = yearly(run.chart_series)
    market = np.full(len(found.years), np.nan) if found.market is None else found.market
    rows = [
        [_number(str(year), year), *(_percents(value) for value in values), metric_cell("volatility", spread)]
        for year, spread, *values in zip(
            found.years, found.volatility, found.returns, market, found.returns - market, found.drawdown, strict=True
        )
    ]
    return data_table(YEAR_HEADS, rows[::-1], caption="By UTC; the first and the last may be parts of years.")


def days_of_extremes(run: Run, count: int = 5) -> Card:
    """Return the best and the worst days, or bars where these are longer, side by side."""
    series = run.chart_series
    found = extreme_days(days_of(series), count)
    best, worst = _listed_days(found.best_time, found.best), _listed_days(found.worst_time, found.worst)
    blank = [Cell("")] * 2
    pairs = zip_longest(best, worst, fillvalue=blank)
    heads = map(Head, (f"Best {series.period}", "Return", f"Worst {series.period}", "Return"))
    told = f"The best and the worst {series.period}s."
    return data_table(list(heads), [[*good, *bad] for good, bad in pairs], caption=told)


def trades_of(run: Run, limit: int = 200) -> Card:
    """Return the trades, of many the first and the last."""
    return trades_table({name: run.trade_columns[name] for name in TRADE_COLUMNS}, limit=limit)


def warnings_of(run: Run) -> list[Card]:
    """Return what a reader must know before believing the figures."""
    facts = run.backtest.results or {}
    texts = [
        (run.options["fill"] == "same_close", OPTIMISTIC),
        (facts.get("liquidated"), "The account was lost: the run ended before the data did."),
        (facts.get("ambiguous_bars"), _ambiguous(run, facts.get("ambiguous_bars", 0))),
        (facts.get("rejected_orders"), f"{facts.get('rejected_orders', 0):,} orders were rejected."),
        (not any(run.options[name] for name in TRADING_COSTS), "This run is without costs."),
    ]
    return [warning_box(text) for applies, text in texts if applies]


def _number(text: str, value: float) -> Cell:
    return Cell(text, repr(float(value)) if np.isfinite(value) else "", number=True)


def _percents(value: float) -> Cell:
    return _number(signed_percent(value, 2).replace("%", " %") if np.isfinite(value) else UNDEFINED, value)


def _listed_days(times: NDArray[Any], returns: NDArray[np.float64]) -> list[list[Cell]]:
    return [[day, _percents(value)] for day, value in zip(_dates(times), returns, strict=True)]


def _dates(times: NDArray[Any]) -> list[Cell]:
    days = np.datetime_as_string(times, unit="D").tolist() if len(times) else []
    return [Cell(UNDEFINED if day == "NaT" else day, "" if day == "NaT" else day) for day in days]


def _days_cell(days: float) -> Cell:
    return _number(f"{days:,.0f}" if days >= 10 else f"{days:.2g}" if np.isfinite(days) else UNDEFINED, days)


def _deflated(run: Run) -> Tile:
    """Return the tile that says what the Sharpe ratio is worth after so many trials."""
    figures = run.metrics
    note = f"chance of skill, after {trials_text(figures['trials'])}"
    return "Deflated Sharpe ratio", chance(figures["deflated_sharpe_ratio"]), note, DEFLATED


def _ambiguous(run: Run, bars: int) -> str:
    return f"{bars:,} bars reached both stop and target; {run.options['intrabar']} decided what came first."


def _changed(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options beside costs and fills that are not the defaults; cash and size are always told."""
    usual = EngineOptions().model_dump(mode="json")
    told = ("initial_cash", "sizing", "size")
    return {
        name: value
        for name, value in options.items()
        if name in told or (value != usual.get(name) and name not in (*COSTS, "fill"))
    }


def _row(run: Run, name: str) -> CardRow:
    return metric_row(name, run.summary[name], run.summary.reasons.get(name))
