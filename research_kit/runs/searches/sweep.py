"""A recorded sweep as users hold it: the table of its sets, and what they are as trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.engine.measure import daily_periods
from research_kit.metrics.registry import METRICS
from research_kit.search.objective import Objective
from research_kit.search.result import SweepResult
from research_kit.search.space import ParameterSets
from research_kit.store import stored_trials, sweeps
from research_kit.store.datasets import find_dataset
from research_kit.store.trials import count_trials

if TYPE_CHECKING:
    from research_kit.runs.home import Home, Paper
    from research_kit.store.stored_trials import StoredTrials
    from research_kit.store.tables import SweepRow

Refused = Sequence[tuple[dict[str, Any], str]]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Sweep(SweepResult):
    """A recorded sweep: ``table``, ``best``, ``top(n)`` and the charts of every sweep, and what the store knows of it.

    Sets that have not been run (the sweep was cancelled) are not in it. ``refused`` is known to the sweep that was just
    run, and empty where it was loaded.
    """

    home: Home
    row: SweepRow

    @property
    def id(self) -> int:
        """The id of the sweep in the table ``sweeps``."""
        return self.row.id

    @property
    def status(self) -> str:
        """``running``, ``completed``, ``failed`` or ``cancelled``."""
        return self.row.status

    @cached_property
    def returns(self) -> NDArray[np.float32]:
        """Daily returns, fractions of shape (sets, days), NaN where a set has none."""
        return stored_trials.daily_returns(self.home.database, list(self.keys or ()))

    @property
    def trials(self) -> int:
        """How many different things were tried on this data so far, with any strategy."""
        return count_trials(self.home.database, dataset_sha256=self.row.dataset_sha256)

    @property
    def best_key(self) -> str | None:
        """The spec hash of the best set, None where no set has a value."""
        return self.key(int(self.ranking[0])) if self.ranking.size else None

    def report(self, path: Path | str | None = None, *, paper: Paper = "A4") -> Path:
        """Write one offline file about this sweep and return its path: HTML, or a PDF where it ends in .pdf."""
        return self.home.report(self, path, paper=paper)

    def refreshed(self) -> Sweep:
        """Return the sweep with its row as it is now."""
        return replace(self, row=sweeps.get_sweep(self.home.database, self.id))


def load_sweep(home: Home, sweep_id: int, *, refused: Refused = ()) -> Sweep:
    """Return a recorded sweep with the sets that have been run.

    Raises
    ------
    NotFoundError
        There is no sweep of this id.
    """
    stored = sweeps.load_sweep(home.database, sweep_id)
    row, found = stored.row, stored.sets
    ran = sorted(at for at in found.places.values() if found.state[at] != "pending")  # of equal sets the first
    nothing = np.full(len(found), np.nan)
    reasons = [_reason(found.state[at], found.error[at]) for at in ran]
    return Sweep(
        strategy_name=row.strategy_name,
        sets=_sets(home, row, found, ran),
        metrics={name: found.metrics.get(name, nothing)[ran] for name in METRICS},
        objective=Objective.of(row.objective or "sharpe_ratio"),
        errors={place: reason for place, reason in enumerate(reasons) if reason is not None},
        refused=refused,
        keys=[found.spec_hash[at] for at in ran],
        is_grid=row.method == "grid",
        periods_per_year=_periods_per_year(home, row),
        risk_free_rate=float((row.options or {}).get("risk_free_rate", 0.0)),
        home=home,
        row=row,
    )


def _periods_per_year(home: Home, row: SweepRow) -> float | None:
    """Return how many daily returns make a year; None where the dataset is gone."""
    if row.dataset_id is None:
        return None
    dataset = find_dataset(home.database, row.dataset_id)
    return daily_periods(dataset.timeframe, dataset.session or "24/7") if dataset.timeframe else None


def _sets(home: Home, row: SweepRow, found: StoredTrials, ran: list[int]) -> ParameterSets:
    """Return the sets that have been run, with the values of each axis in the order in which they were searched."""
    options = stored_trials.options_of(home.database, row.id, (row.settings or {}).get("searched_options", []))
    columns = {
        name: [
            _hashable(options[name][at] if name in options else (found.parameters[at] or {}).get(name)) for at in ran
        ]
        for name in row.grid or {}
    }
    sets = ParameterSets.of_columns(columns, len(ran))
    for axis, (name, searched) in enumerate((row.grid or {}).items()):
        listed = [_hashable(value) for value in searched] if isinstance(searched, list) else []
        values = list(dict.fromkeys([*listed, *sets.values[name]]))
        places = {value: place for place, value in enumerate(values)}
        sets.codes[axis] = [places[value] for value in columns[name]]
        sets.values[name] = values
    return sets


def _hashable(value: Any) -> Any:
    """Return a value as it was searched: lists are how JSON keeps tuples."""
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


def _reason(state: str, error: str | None) -> str | None:
    """Return why a set has no result, None where it has one; of a run that was deleted the trial stays."""
    if state in ("completed", "deleted"):
        return error
    return error or state
