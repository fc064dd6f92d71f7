"""The sections of a run's report, each a card made from the run's own figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from research_kit.charts.returns import monthly_returns
from research_kit.engine.options import COSTS, EngineOptions
from research_kit.metrics.inference.headline import chance
from research_kit.metrics.registry import GROUPS, METRICS, format_value
from research_kit.report.cards import (
    Card,
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
from research_kit.runs.trust.belief import MARKS

if TYPE_CHECKING:
    from research_kit.runs.run import Run

TRADE_COLUMNS = (
    *("entry_time", "exit_time", "side", "quantity", "entry_price", "exit_price"),
    *("pnl", "pnl_percent", "entry_signal", "exit_signal"),
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
            "Parameters": _pairs(run.parameters),
            "Fills": "next bar's open" if run.options["fill"] == "next_open" else "same bar's close (optimistic)",
            "Costs": _pairs({name: run.options[name] for name in COSTS if run.options[name]}) or "none",
            "Further options": _pairs(_changed(run.options)) or "the defaults",
            "Trials on this dataset": f"{run.trials:,}",
            "Holdout": run.holdout.sentence.removeprefix("holdout ") if run.holdout else "none is locked",
            "Data sha256": spec["dataset_sha256"],
            "Source sha256": spec["strategy_sha256"],
            "Spec sha256": spec["spec_hash"],
            "Versions": _pairs(spec["versions"]),
        }
    )


def lead_of(run: Run) -> Card:
    """Return one line on what was run, over which data, as which of how many trials, and who has seen the holdout."""
    dataset = run.dataset
    span = f"{dataset.start_date:%Y-%m-%d} to {dataset.end_date:%Y-%m-%d}" if dataset.start_date else "no bars"
    trials = f"{run.trials:,} trial{'s' if run.trials != 1 else ''} on this dataset so far"
    facts = [run.dataset_title, f"{dataset.rows or 0:,} bars of {dataset.timeframe}", span, trials]
    return lead(" · ".join(facts + ([run.holdout.sentence] if run.holdout else [])))


def key_figures_of(run: Run) -> Card:
    """Return the headline metrics as tiles."""
    flags = run.summary.flags
    rows = ((name, *_row(run, name)) for name in run.summary.headline())
    tiles = [(title, value, flags.get(name, "")) for name, title, value, _ in rows]
    return key_figures([*tiles, _deflated(run)])


def trust_of(run: Run) -> Card:
    """Return whether the run can be believed, the evidence, and what would change it."""
    found = run.believe()
    rows = ((MARKS[one.weight], one.weight, one.title, one.shown, one.sentence) for one in found.evidence)
    return evidence_table(str(found.headline), found.sentence, rows, found.changes)


def metrics_of(run: Run) -> Card:
    """Return all metrics by group, with units; what each means shows on hovering."""
    return metrics_table(
        {group: [_row(run, name) for name in METRICS if METRICS[name].group == group] for group in GROUPS}
    )


def monthly_of(run: Run) -> Card:
    """Return the returns of each month and year."""
    series = run.chart_series
    months = monthly_returns(series.time, series.equity, series.initial_cash)
    return monthly_table(months.years, months.returns, months.totals)


def trades_of(run: Run, limit: int = 60) -> Card:
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
        (not any(run.options[name] for name in COSTS), "This run is without costs."),
    ]
    return [warning_box(text) for applies, text in texts if applies]


def _deflated(run: Run) -> CardRow:
    """Return the tile that says what the Sharpe ratio is worth after so many trials."""
    figures = run.metrics
    count = f"{figures['trials']:,} trial{'' if figures['trials'] == 1 else 's'}"
    return "Deflated Sharpe ratio", chance(figures["deflated_sharpe_ratio"]), f"chance of skill, after {count}"


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
    metric = METRICS[name]
    reason = run.summary.reasons.get(name)
    note = f"{metric.meaning} {metric.formula}"
    return metric.title, format_value(name, run.summary[name]), f"{reason}. {note}" if reason else note


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
