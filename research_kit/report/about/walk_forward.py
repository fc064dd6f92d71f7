"""The figures of a walk-forward's report, plain: its windows, what was chosen in each, the account that came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from research_kit.engine.options import COSTS
from research_kit.metrics.registry import METRICS
from research_kit.report.facts import dataset_name, pairs_text, searched_text
from research_kit.runs.reported import WalkForward
from research_kit.runs.searches.walk_forward import RecordedWalkForward


@dataclass(frozen=True, eq=False, kw_only=True)
class WalkForwardStats:
    """What the report of a walk-forward is made from.

    Attributes
    ----------
    windows : mapping
        One value for each fold: ``train_start`` to ``test_end``, parameters under their names, in and out of sample,
        sets, trades, final equity.
    steps : sequence of mapping
        The folds as the chart of a walk-forward takes them.
    time, equity, benchmark : arrays, shape (bars,)
        Of the joined tests; the benchmark is the market, bought and held.
    metrics, reasons : mapping
        Of the joined account; why a metric is undefined.
    trades : mapping
        One array for each column.
    choices : sequence of (parameter, value, folds)
        How often each value was chosen.
    steady : sequence of float or None
        For each parameter of ``parameters`` the share of folds that kept the value of the fold before.
    counts : mapping
        Folds, sets that were run in all trainings, and trials on this data.
    """

    title: str
    facts: Mapping[str, str]
    objective: str
    parameters: Sequence[str]
    windows: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]
    time: Any
    equity: Any
    benchmark: Any
    initial_cash: float
    metrics: Mapping[str, float | int | None]
    reasons: Mapping[str, str]
    trades: Mapping[str, Any]
    choices: Sequence[Sequence[Any]]
    steady: Sequence[float | None]
    efficiency: float | None
    stability: float | None
    counts: Mapping[str, int]

    @classmethod
    def of(cls, walk: WalkForward) -> WalkForwardStats:
        """Return the figures of a walk-forward, recorded or not."""
        metrics = walk.metrics
        names = list(walk.steps[0].parameters)
        return cls(
            title=_title(walk),
            facts=_facts(walk),
            objective=walk.search.objective.metric,
            parameters=names,
            windows=_columns(walk.table),
            steps=walk.windows(),
            time=walk.bars.time,
            equity=np.asarray(walk.simulation.equity),
            benchmark=walk.benchmark,
            initial_cash=walk.initial_cash,
            metrics=dict(metrics),
            reasons=dict(metrics.reasons),
            trades=_columns(walk.trades),
            choices=_choices(walk, names),
            steady=[_steady(walk, name) for name in names],
            efficiency=walk.efficiency,
            stability=walk.stability,
            counts=_counts(walk),
        )


def _title(walk: WalkForward) -> str:
    name = walk.search.task.strategy.name
    if not isinstance(walk, RecordedWalkForward):
        return f"Walk-forward: {name}"
    return f"Walk-forward {walk.id}: {name} on {dataset_name(walk.home, walk.row.dataset_id)}"


def _facts(walk: WalkForward) -> dict[str, str]:
    search, spans = walk.search, walk.spans
    options = search.task.options.model_dump(mode="json")
    facts = {
        "Strategy": search.task.strategy.name,
        "Searched": searched_text(search.sets.values),
        "Not searched": pairs_text(search.task.fixed) or "nothing",
        "Objective": f"{METRICS[search.objective.metric].title}, the {search.objective.best} is the best",
        "Training": f"{spans.train}{', anchored at the first bar' if spans.anchored else ''}",
        "Test": f"{spans.test}, a step of {spans.step or spans.test}",
        "Purge, embargo": f"{spans.purge}, {spans.embargo}",
        "Costs": pairs_text({name: options[name] for name in COSTS if options[name]}) or "none",
        "Fills": "next bar's open" if options["fill"] == "next_open" else "same bar's close (optimistic)",
    }
    if not isinstance(walk, RecordedWalkForward):
        return facts
    row = walk.row
    recorded = {"Walk-forward": f"{row.id}, {row.status}", "Dataset": dataset_name(walk.home, row.dataset_id)}
    hashes = {"Data sha256": row.dataset_sha256 or "", "Source sha256": row.strategy_sha256 or ""}
    chosen = {"Choice": f"the {(row.settings or {}).get('select', 'best')} set of each training"}
    return recorded | facts | chosen | hashes


def _columns(frame: Any) -> dict[str, Any]:
    """Return the columns of a table as arrays, times without a zone: all are UTC."""
    columns = {str(name): frame[name] for name in frame}
    return {
        name: (column.dt.tz_localize(None) if hasattr(column, "dt") else column).to_numpy()
        for name, column in columns.items()
    }


def _choices(walk: WalkForward, names: Sequence[str]) -> list[tuple[str, Any, int]]:
    found = []
    for name in names:
        values = [step.parameters[name] for step in walk.steps]
        searched = [value for value in walk.search.sets.values.get(name, ()) if value in values]
        found += [(name, value, values.count(value)) for value in searched or dict.fromkeys(values)]
    return found


def _steady(walk: WalkForward, name: str) -> float | None:
    values = [step.parameters[name] for step in walk.steps]
    return sum(one == other for one, other in pairwise(values)) / (len(values) - 1) if len(values) > 1 else None


def _counts(walk: WalkForward) -> dict[str, int]:
    sets = sum(step.sets for step in walk.steps)
    trials = walk.trials if isinstance(walk, RecordedWalkForward) else sets
    return {"folds": len(walk.steps), "sets": sets, "trials": trials}
