"""The figures of a sweep's report, plain: what was searched, every set, the best, and how much of it is luck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.charts.searches.deflation import deflation_data
from research_kit.charts.searches.overfitting import degradation_data, logits_data
from research_kit.engine.options import COSTS, EngineOptions
from research_kit.errors import DataError
from research_kit.metrics.registry import HEADLINE, METRICS
from research_kit.report.facts import dataset_name, pairs_text, searched_text
from research_kit.runs.reported import SweepResult
from research_kit.runs.searches.sweep import Sweep

TOP = 25  # sets in the table of the best
REASONS = 10  # different reasons why sets failed or were refused


@dataclass(frozen=True, eq=False, kw_only=True)
class SweepStats:
    """What the report of a sweep is made from: texts, numbers, and one array for each column of its sets.

    Attributes
    ----------
    facts : mapping
        What was searched, over which data, how: texts by name.
    parameters : sequence of str
        What was searched; those with one value included.
    columns : mapping
        Of every set: its parameters, the objective's metric, and the median of its neighbourhood (``plateau``).
    best : mapping
        Of the best sets, the best first: parameters, metrics, ``plateau``.
    winner, broadest : mapping or None
        The best set, and the one whose neighbourhood is the best: ``parameters``, ``value``, ``plateau``.
    counts : mapping
        How many sets ran, failed, were refused, and how many trials there are on this data.
    failures, refusals : sequence of (reason, count)
        The most frequent first.
    luck : mapping or None
        The statistics of overfitting and the data of their charts; None where ``why`` says why.
    """

    title: str
    facts: Mapping[str, str]
    objective: str
    direction: str
    parameters: Sequence[str]
    columns: Mapping[str, Any]
    best: Mapping[str, Any]
    winner: Mapping[str, Any] | None
    broadest: Mapping[str, Any] | None
    counts: Mapping[str, int]
    failures: Sequence[Sequence[Any]]
    refusals: Sequence[Sequence[Any]]
    luck: Mapping[str, Any] | None
    why: str = ""

    @classmethod
    def of(cls, sweep: SweepResult) -> SweepStats:
        """Return the figures of a sweep, recorded or not."""
        found = sweep.ranking.size > 0
        luck, why = _luck(sweep) if found else (None, "No set has a value.")
        return cls(
            title=_title(sweep),
            facts=_facts(sweep),
            objective=sweep.objective.metric,
            direction=sweep.objective.best,
            parameters=sweep.sets.names,
            columns=_columns(sweep, (sweep.objective.metric,)),
            best=_columns(sweep, _best_metrics(sweep.objective.metric), sweep.ranking[:TOP]),
            winner=asdict(sweep.best) if found else None,
            broadest=asdict(sweep.broadest) if found else None,
            counts=_counts(sweep),
            failures=_reasons(sweep.errors.values()),
            refusals=_reasons(reason for _, reason in sweep.refused),
            luck=luck,
            why=why,
        )


def _title(sweep: SweepResult) -> str:
    on = f" on {dataset_name(sweep.home, sweep.row.dataset_id)}" if isinstance(sweep, Sweep) else ""
    number = f" {sweep.id}" if isinstance(sweep, Sweep) else ""
    return f"Sweep{number}: {sweep.strategy_name}{on}"


def _facts(sweep: SweepResult) -> dict[str, str]:
    objective = f"{METRICS[sweep.objective.metric].title}, the {sweep.objective.best} is the best"
    searched = searched_text({name: sweep.sets.values[name] for name in sweep.sets.names})
    if not isinstance(sweep, Sweep):
        return {"Strategy": sweep.strategy_name, "Searched": searched, "Objective": objective}
    row, options = sweep.row, sweep.row.options or {}
    usual = EngineOptions().model_dump(mode="json")
    changed = {name: value for name, value in options.items() if name not in COSTS and value != usual.get(name)}
    how = f"{row.method}, seed {row.seed}" if row.method != "grid" else "every combination of the grid"
    return {
        "Sweep": f"{row.id}, {row.status}" + (f": {row.error}" if row.error else ""),
        "Strategy": row.strategy_name,
        "Dataset": dataset_name(sweep.home, row.dataset_id),
        "Searched": searched,
        "Method": how,
        "Objective": objective,
        "Costs": pairs_text({name: options[name] for name in COSTS if options.get(name)}) or "none",
        "Further options": pairs_text(changed) or "the defaults",
        "Data sha256": row.dataset_sha256 or "",
        "Source sha256": row.strategy_sha256 or "",
    }


def _columns(
    sweep: SweepResult, metrics: Sequence[str], rows: NDArray[np.int64] | slice = slice(None)
) -> dict[str, Any]:
    columns: dict[str, Any] = {name: _plain(sweep.sets.column(name)[rows]) for name in sweep.sets.names}
    columns |= {name: np.asarray(sweep.metrics[name])[rows] for name in metrics if name not in columns}
    return columns | {"plateau": sweep.plateau[rows]}


def _plain(column: NDArray[Any]) -> Any:
    """Return numbers as they are; of objects the texts of what is no number, bool, text or None, such as a tuple."""
    if column.dtype.kind != "O":
        return column
    return [value if value is None or isinstance(value, bool | int | float | str) else str(value) for value in column]


def _best_metrics(objective: str) -> list[str]:
    return [objective, *(name for name in HEADLINE if name != objective)]


def _counts(sweep: SweepResult) -> dict[str, int]:
    asked = sweep.row.total_sets if isinstance(sweep, Sweep) else len(sweep)
    return {
        "asked": asked,
        "ran": len(sweep),
        "with_value": int(sweep.ranking.size),
        "failed": len(sweep.errors),
        "refused": len(sweep.refused),
        "trials": sweep.trials,
    }


def _reasons(reasons: Iterable[str]) -> list[tuple[str, int]]:
    return Counter(reasons).most_common(REASONS)


def _luck(sweep: SweepResult) -> tuple[dict[str, Any] | None, str]:
    """Return the statistics of the best set and what their charts need, or why there are none."""
    try:
        found = sweep.overfitting()
    except DataError as error:
        return None, str(error)
    rows = [(one.title, one.shown, one.meaning) for one in found.statistics.values()]
    luck = {
        "headline": str(found.headline),
        "verdict": found.verdict,
        "statistics": rows,
        "pbo": found.pbo,
        "deflated": found.deflated,
        "effective": found.clusters.count,
        "logits": asdict(logits_data(found.overfit)),
        "degradation": asdict(degradation_data(found.overfit, found.days / found.headline.years)),
        "deflation": asdict(deflation_data(found.headline, effective=found.clusters.count)),
    }
    return luck, ""
