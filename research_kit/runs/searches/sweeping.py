"""A sweep from beginning to end: its sets run here or elsewhere, and each of them recorded as a trial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.engine.options import EngineOptions
from research_kit.errors import OptionError, ParameterError, StoreError, error_text
from research_kit.processes.identity import identity
from research_kit.runs.importing import checked_bars
from research_kit.runs.progress_bar import showing
from research_kit.runs.searches.sweep import Sweep, load_sweep
from research_kit.runs.spec import RunSpec, current_versions, spec_hashes
from research_kit.runs.stored_bars import StoredBars
from research_kit.runs.strategies import StrategyKey, keep_strategy
from research_kit.search.evaluate import LONGEST_ERROR, Results
from research_kit.search.space import Between
from research_kit.search.sweep import OnProgress, Search
from research_kit.store import stored_trials, sweeps
from research_kit.store.records import Lease, NewSweep
from research_kit.store.trial_batch import TrialBatch
from research_kit.version import ENGINE_VERSION

if TYPE_CHECKING:
    from research_kit.runs.home import Home
    from research_kit.store.tables import Dataset, StrategyRow

FLUSH_SETS = 2_000  # results that wait to be written at most
FLUSH_SECONDS = 1.0


def record_sweep(
    home: Home,
    strategy: StrategyKey,
    dataset: Dataset,
    grid: Mapping[str, Any],
    options: EngineOptions | None = None,
    *,
    progress: bool | OnProgress | None = None,
    **how: Any,
) -> Sweep:
    """Run every set that has not been run before, record each as a trial, and return the sweep.

    What is recorded stays, whatever ends the sweep: asked again it runs only what is missing. The same sweep asked
    again after it completed is returned as it is.
    """
    bars = checked_bars(home, dataset)
    found = home.registry.resolve(strategy)
    with showing(progress) as on_progress:
        search = Search.of(bars, found, grid, options, progress=on_progress, source=StoredBars.of(home, dataset), **how)
        row = keep_strategy(home, search.task.strategy)
        return _Recording(home, search, dataset, row, how).run()


class _Recording:
    """One sweep on its way into the store."""

    def __init__(
        self, home: Home, search: Search, dataset: Dataset, row: StrategyRow, asked: Mapping[str, Any]
    ) -> None:
        self.home = home
        self.search = search
        self.dataset = dataset
        self.row = row
        self.asked = asked
        self.lease = Lease(identity())
        self.specs = TrialSpecs(search, dataset, row)
        self.sweep_id = 0
        self.refused: list[tuple[dict[str, Any], str]] = []

    def run(self) -> Sweep:
        database = self.home.database
        listed = self.specs.of(self.search.sets.rows(np.arange(len(self.search.sets))))
        self.refused = listed.refused
        self._check_taken(len(listed.positions))
        sets_hash = self._sets_hash(listed)
        if done := self._done_before(sets_hash):
            return load_sweep(self.home, done, refused=self.refused)
        skip = self._known(listed)
        self.sweep_id = sweeps.create_sweep(
            database, self._row(sets_hash), listed.hashes, known_sets=int(skip.sum()), lease=self.lease
        )
        try:
            self._run_sets(skip | listed.is_refused)
            found = load_sweep(self.home, self.sweep_id, refused=self.refused)
            self._check_taken(len(found))
        except BaseException as error:
            self._end_early(error)
            raise
        sweeps.finish_sweep(database, self.sweep_id, "completed", best_spec_hash=found.best_key, lease=self.lease)
        return found.refreshed()

    def _done_before(self, sets_hash: str) -> int | None:
        """Return the id of the same sweep, if it completed under this version of the engine."""
        if self.search.method == "optuna":
            return None
        found = sweeps.find_completed_sweep(self.home.database, sets_hash)
        same = found is not None and (found.settings or {}).get("engine_version") == ENGINE_VERSION
        return found.id if found is not None and same else None

    def _known(self, listed: Listed) -> NDArray[np.bool_]:
        """Return which sets were completed before, under this version of the engine."""
        known = stored_trials.known_trials(self.home.database, listed.hashes, engine_version=ENGINE_VERSION)
        skip = np.zeros(len(listed.is_refused), dtype=np.bool_)
        skip[[at for at, mark in zip(listed.positions, listed.hashes, strict=True) if mark in known.places]] = True
        return skip

    def _run_sets(self, skip: NDArray[np.bool_]) -> None:
        waiting: list[Results] = []
        written = monotonic()
        try:
            for results in self._results(skip):
                waiting.append(results)
                if sum(map(len, waiting)) >= FLUSH_SETS or monotonic() - written > FLUSH_SECONDS:
                    self._write(waiting)
                    written = monotonic()
        except BaseException:
            with suppress(StoreError, KeyboardInterrupt):  # what is done is kept; why it ended is told all the same
                self._write(waiting)
            raise
        self._write(waiting)

    def _results(self, skip: NDArray[np.bool_]) -> Iterator[Results]:
        """Yield the results of the sets that are missing; progress counts these alone."""
        if self.search.method == "optuna":
            return self.search.results()
        missing = len(skip) - int(skip.sum())
        search = self.search if missing == len(skip) else replace(self.search, total=missing)
        return search.results(skip)

    def _write(self, waiting: list[Results]) -> None:
        """Record what waits, and leave nothing waiting.

        Raises
        ------
        KeyboardInterrupt
            Someone asked to cancel the sweep; all was recorded.
        """
        cancelled = False
        while waiting:
            results = waiting[0]
            for hashes, batch in self.specs.batches(results):
                if self.search.method == "optuna":
                    sweeps.add_sets(self.home.database, self.sweep_id, hashes, lease=self.lease)
                cancelled |= sweeps.record_sets(self.home.database, self.sweep_id, batch, lease=self.lease)
            if self.search.method == "optuna":
                self._note_refused(results)
            del waiting[0]
        if cancelled:
            raise KeyboardInterrupt("The sweep was cancelled.")

    def _note_refused(self, results: Results) -> None:
        """Remember which of the suggested sets the strategy does not take, each once."""
        for at, why in results.refused.items():
            if (told := (dict(results.sets[at]), why)) not in self.refused:
                self.refused.append(told)

    def _check_taken(self, count: int) -> None:
        if self.refused and not count:
            (_, why), name = self.refused[0], self.search.task.strategy.name
            raise ParameterError(f"{name} takes none of {len(self.refused):,} sets: {why}")

    def _end_early(self, error: BaseException) -> None:
        status = "failed" if isinstance(error, Exception) else "cancelled"
        with suppress(StoreError):  # what cannot be recorded must not hide the error itself
            sweeps.finish_sweep(self.home.database, self.sweep_id, status, error_text(error), lease=self.lease)
        error.add_note(f"The sweep is recorded as {self.sweep_id}, {status}; asked again it runs what is missing.")

    def _sets_hash(self, listed: Listed) -> str:
        search = self.search
        asked = [search.method, str(search.seed), str(search.total), str(search.objective), *search.space.axes]
        text = "\n".join([*asked, *listed.hashes])
        return sha256(text.encode()).hexdigest()

    def _row(self, sets_hash: str) -> NewSweep:
        where = self.asked.get("where")
        told = where if where is None or isinstance(where, str) else "a function"
        return new_sweep(self.specs, self.dataset, sets_hash, settings={"where": told})


def new_sweep(
    specs: TrialSpecs, dataset: Dataset, sets_hash: str, *, kind: str = "sweep", settings: Mapping[str, Any]
) -> NewSweep:
    """Return the row of a sweep that begins."""
    search, base = specs.search, specs.base
    return NewSweep(
        strategy_name=base.strategy_name,
        strategy_sha256=base.strategy_sha256,
        strategy_class=base.strategy_class,
        dataset_id=dataset.id,
        dataset_sha256=dataset.sha256,
        kind=kind,
        method=search.method,
        sets_hash=sets_hash,
        objective=str(search.objective),
        grid={name: _described(axis) for name, axis in search.space.axes.items()},
        options=base.options,
        settings={
            **settings,
            "engine_version": ENGINE_VERSION,
            "searched_options": sorted(search.space.options),
            "versions": base.versions,
        },
        seed=search.seed,
    )


@dataclass(frozen=True)
class Listed:
    """Sets as trials: which of them the strategy takes, and their hashes."""

    positions: list[int]
    hashes: list[str]
    refused: list[tuple[dict[str, Any], str]]
    is_refused: NDArray[np.bool_]


class TrialSpecs:
    """What the sets of a search are as trials: specs, hashes, and rows."""

    def __init__(
        self, search: Search, dataset: Dataset, row: StrategyRow, kind: str = "sweep", window: list[str] | None = None
    ) -> None:
        self.search = search
        self.dataset = dataset
        self.kind = kind
        options = search.task.options
        self.base = RunSpec(
            dataset_sha256=dataset.sha256 or "",
            dataset_name=dataset.name,
            timeframe=dataset.timeframe or "",
            session=dataset.session or "",
            strategy_name=search.task.strategy.name,
            strategy_sha256=row.source_sha256 or "",
            strategy_class=f"{row.module_path}:{row.class_name}",
            parameters={},
            options=options.model_dump(mode="json"),
            engine_version=ENGINE_VERSION,
            seed=options.seed,
            versions=current_versions(),
            window=window,
        )
        self._listed: set[str] = set()

    def of(self, sets: list[dict[str, Any]]) -> Listed:
        """Return sets as trials, in their order."""
        made: dict[int, dict[str, Any]] = {}
        refused: dict[int, str] = {}
        for at, one in enumerate(sets):
            try:
                made[at] = self.search.evaluator.made(one).parameters()
            except OptionError as error:
                refused[at] = str(error)[:LONGEST_ERROR]
            except Exception as error:  # a validator that raised: nothing is run, either
                refused[at] = error_text(error, LONGEST_ERROR)
        positions = list(made)
        hashes = self.hashes([sets[at] for at in positions], list(made.values()))
        is_refused = np.zeros(len(sets), dtype=np.bool_)
        is_refused[list(refused)] = True
        return Listed(positions, hashes, [(sets[at], why) for at, why in refused.items()], is_refused)

    def hashes(self, sets: Sequence[Mapping[str, Any]], parameters: Sequence[dict[str, Any]]) -> list[str]:
        """Return the hash of each set, of which ``parameters`` are those of the strategy."""
        found = [""] * len(sets)
        for options, members in self._by_options(sets):
            spec = replace(self.base, options=options)
            marks = spec_hashes(spec, [parameters[at] for at in members])
            for at, mark in zip(members, marks, strict=True):
                found[at] = mark
        return found

    def batches(self, results: Results) -> Iterator[tuple[list[str], TrialBatch]]:
        """Yield results as trials, those with the same options together, with the hashes that are new among them."""
        ran = [at for at, strategy in enumerate(results.strategies) if strategy is not None]
        sets = [results.sets[at] for at in ran]
        parameters = [strategy.parameters() for strategy in results.strategies if strategy is not None]
        hashes = self.hashes(sets, parameters)
        for options, members in self._by_options(sets):
            rows = [ran[at] for at in members]
            marks = [hashes[at] for at in members]
            yield self._new(marks), self._batch(results, rows, marks, [parameters[at] for at in members], options)

    def _new(self, marks: list[str]) -> list[str]:
        """Return the hashes that were not there before: optuna may suggest a set again, which counts once."""
        if self.search.method != "optuna":
            return marks
        new = [mark for mark in dict.fromkeys(marks) if mark not in self._listed]
        self._listed.update(new)
        return new

    def _batch(
        self,
        results: Results,
        rows: list[int],
        marks: list[str],
        parameters: list[dict[str, Any]],
        options: dict[str, Any],
    ) -> TrialBatch:
        errors = [results.failed.get(at) for at in rows]
        shape = {name: column[rows] for name, column in results.moments.items()}
        return TrialBatch(
            kind=self.kind,
            strategy_name=self.base.strategy_name,
            strategy_sha256=self.base.strategy_sha256,
            dataset_id=self.dataset.id,
            dataset_sha256=self.dataset.sha256,
            engine_version=ENGINE_VERSION,
            options=options,
            spec_hash=marks,
            parameters=parameters,
            state=["completed" if error is None else "failed" for error in errors],
            first_day=self._first_day,
            daily_returns=results.daily_returns[rows],
            mean=shape["mean"],
            std=shape["std"],
            skew=shape["skew"],
            kurtosis=shape["kurtosis"],
            metrics={name: column[rows] for name, column in results.metrics.items()},
            error=errors,
        )

    @cached_property
    def _first_day(self) -> date:
        return datetime.fromtimestamp(int(self.search.bars.time_ns[0]) / 1e9, tz=UTC).date()

    def _by_options(self, sets: Sequence[Mapping[str, Any]]) -> Iterator[tuple[dict[str, Any], list[int]]]:
        """Yield options as JSON values, and which sets run under them."""
        for options, members in self.search.evaluator.by_options(sets).items():
            yield options.model_dump(mode="json"), members


def _described(axis: Any) -> Any:
    if isinstance(axis, Between):
        return {"low": axis.low, "high": axis.high, "step": axis.step, "log": axis.log}
    return axis
