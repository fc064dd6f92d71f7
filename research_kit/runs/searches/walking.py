"""A walk-forward from beginning to end: every set of every training is recorded as a trial."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from research_kit.errors import StoreError, error_text
from research_kit.processes.identity import identity
from research_kit.runs.importing import checked_bars
from research_kit.runs.progress_bar import showing
from research_kit.runs.searches.sweeping import TrialSpecs, new_sweep
from research_kit.runs.searches.walk_forward import RecordedWalkForward
from research_kit.runs.stored_bars import StoredBars
from research_kit.runs.strategies import StrategyKey, keep_strategy
from research_kit.search.evaluate import Results
from research_kit.search.sweep import OnProgress, Search, SweepProgress
from research_kit.search.walk_forward import Plan
from research_kit.store import sweeps
from research_kit.store.records import Lease, NewSweep

if TYPE_CHECKING:
    from research_kit.engine.options import EngineOptions
    from research_kit.runs.home import Home
    from research_kit.search.windows import Fold
    from research_kit.store.tables import Dataset, StrategyRow


def record_walk_forward(
    home: Home,
    strategy: StrategyKey,
    dataset: Dataset,
    grid: Mapping[str, Any],
    options: EngineOptions | None = None,
    *,
    progress: bool | OnProgress | None = None,
    **how: Any,
) -> RecordedWalkForward:
    """Walk forward, record every set of every training as a trial of its window, and return what came of it."""
    bars = checked_bars(home, dataset)
    found = home.registry.resolve(strategy)
    with showing(progress, "folds") as on_progress:
        plan = Plan.of(bars, found, grid, options, source=StoredBars.of(home, dataset), **how)
        row = keep_strategy(home, plan.search.task.strategy)
        return _Recording(home, plan, dataset, row, on_progress).run()


class _Recording:
    """One walk-forward on its way into the store."""

    def __init__(
        self, home: Home, plan: Plan, dataset: Dataset, row: StrategyRow, on_progress: OnProgress | None
    ) -> None:
        self.home = home
        self.plan = plan
        self.dataset = dataset
        self.row = row
        self.on_progress = on_progress
        self.lease = Lease(identity())
        self.sweep_id = 0
        self.trained = 0

    def run(self) -> RecordedWalkForward:
        database = self.home.database
        self.sweep_id = sweeps.create_sweep(database, self._new_sweep(), [], lease=self.lease)
        try:
            steps = list(self.plan.steps(self._record))
        except BaseException as error:
            status = "failed" if isinstance(error, Exception) else "cancelled"
            with suppress(StoreError):  # what cannot be recorded must not hide the error itself
                sweeps.finish_sweep(database, self.sweep_id, status, error_text(error), lease=self.lease)
            error.add_note(f"The walk-forward is recorded as sweep {self.sweep_id}, {status}.")
            raise
        sweeps.finish_sweep(database, self.sweep_id, "completed", lease=self.lease)
        row = sweeps.get_sweep(database, self.sweep_id)
        return RecordedWalkForward(self.plan.search, self.plan.spans, steps, home=self.home, row=row)

    def _record(self, fold: Fold, search: Search, parts: list[Results]) -> None:
        """Record the sets of one training, each a trial of its window."""
        time = self.plan.search.bars.time
        window = [str(time[fold.train_start]), str(time[fold.train_end - 1])]
        specs = TrialSpecs(search, self.dataset, self.row, kind="walk_forward", window=window)
        for part in parts:
            for hashes, batch in specs.batches(part):
                sweeps.add_sets(self.home.database, self.sweep_id, hashes, lease=self.lease)
                if sweeps.record_sets(self.home.database, self.sweep_id, batch, lease=self.lease):
                    raise KeyboardInterrupt("The walk-forward was cancelled.")
        self.trained += 1
        if self.on_progress is not None:
            self.on_progress(SweepProgress(self.trained, len(self.plan.folds), None, None))

    def _new_sweep(self) -> NewSweep:
        plan = self.plan
        specs = TrialSpecs(plan.search, self.dataset, self.row, kind="walk_forward")
        settings = {**plan.spans.as_dict(), "select": plan.select, "folds": len(plan.folds)}
        search = plan.search
        sets = search.sets.rows(np.arange(len(search.sets)))
        text = repr((specs.base, settings, search.method, search.seed, search.total, sets))
        return new_sweep(specs, self.dataset, sha256(text.encode()).hexdigest(), kind="walk_forward", settings=settings)
