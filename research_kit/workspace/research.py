"""The verbs of a workspace for research: run, search, walk forward, list what was tried, report."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from research_kit.engine.options import EngineOptions
from research_kit.runs.jobs.job import Job
from research_kit.runs.jobs.settling import settle
from research_kit.runs.jobs.submitting import Limits, ensure_worker, give_up_lost, record_job
from research_kit.runs.recording import Progress, record_run
from research_kit.runs.run import Run
from research_kit.runs.searches.sweep import Sweep, load_sweep
from research_kit.runs.searches.sweeping import record_sweep
from research_kit.runs.searches.walk_forward import RecordedWalkForward
from research_kit.runs.searches.walking import record_walk_forward
from research_kit.runs.strategies import StrategyKey, keep_all_strategies, make_strategy, name_of
from research_kit.runs.strategy_file import save_strategy_file
from research_kit.search.sweep import OnProgress
from research_kit.search.windows import Span
from research_kit.store import listings
from research_kit.store.batches import batches_table
from research_kit.strategy.base import Strategy
from research_kit.workspace.base import DatasetKey, OpenWorkspace
from research_kit.workspace.child import run_submitted

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.checks.verdict import LookaheadVerdict
    from research_kit.report.batches.batch import Batch
    from research_kit.report.batches.progress import OnBatchProgress


class ResearchVerbs(OpenWorkspace):
    """What can be done with strategies."""

    def strategies(self) -> pd.DataFrame:
        """Return the strategies that can be named, those of ``strategies/`` included."""
        keep_all_strategies(self)
        return listings.strategies_table(self.database)

    def save_strategy(self, strategy: type[Strategy], *, replace: bool = False) -> Path:
        """Write a notebook's class into ``strategies/`` with all that it uses, and return the file.

        From then on every process finds it by its name: ``ws.run("my_strategy", …)``, the dashboard, sweeps in other
        processes, batches, the terminal.

        Parameters
        ----------
        replace
            Write over a file that is there with another text; runs keep the source that made them.

        Raises
        ------
        StrategyError
            The name is taken, the file holds another text, or the class uses a value that cannot be written down.
        """
        return save_strategy_file(self, strategy, replace=replace)

    def run(
        self,
        strategy: StrategyKey,
        dataset: DatasetKey,
        parameters: Mapping[str, Any] | None = None,
        *,
        options: EngineOptions | None = None,
        progress: Progress | None = None,
        **changes: Any,
    ) -> Run:
        """Run a backtest, record it, and return it.

        Parameters
        ----------
        strategy
            A class, an instance, a registered name such as ``"sma_cross"``, or ``"module:Class"``.
        dataset
            A row, an id or a name.
        parameters
            Of the strategy; defaults for the rest.
        options, changes
            Engine options, whole or by keyword: ``commission=0.001``.
        progress
            Called with the fraction done and the step, for a progress bar.

        Raises
        ------
        NotFoundError, ParameterError, OptionError
            Something is misspelt or out of range; nothing is recorded.
        Exception
            What the strategy raised; the job is recorded as failed.
        """
        made = make_strategy(self, strategy, parameters)
        row = self.dataset(dataset)
        chosen = EngineOptions(**(options.model_dump() if options else {}) | changes)
        return record_run(self, made, row, chosen, progress)

    def submit(
        self,
        strategy: StrategyKey,
        dataset: DatasetKey,
        parameters: Mapping[str, Any] | None = None,
        *,
        options: EngineOptions | None = None,
        time_limit: float | None = None,
        memory_limit: int | None = None,
        retries: int = 0,
        executor: Executor | None = None,
        **changes: Any,
    ) -> Job:
        """Record a backtest and let another process run it; this one stays free.

        A worker is started on this machine unless one is there. It goes on when this process ends; what it runs is seen
        in ``ws.jobs()`` by everyone, and ``ws.job(id)`` finds it again.

        Parameters
        ----------
        strategy, dataset, parameters, options, changes
            As in ``run``. A notebook's class is written into a corner of the workspace's strategies folder.
        time_limit
            Seconds from its start after which it is killed.
        memory_limit
            Bytes that it may use beyond what an empty process has (Linux).
        retries
            How often it is begun again when its worker dies; an error of the strategy is not tried again.
        executor
            Runs it instead of a worker: any ``concurrent.futures.Executor`` whose processes reach the workspace's
            folder and its database. Time and memory are for that executor to limit.

        Raises
        ------
        NotFoundError, ParameterError, OptionError
            Something is misspelt or out of range; nothing is recorded.
        StrategyError
            No other process could make this strategy; nothing is recorded.
        """
        made = make_strategy(self, strategy, parameters)
        chosen = EngineOptions(**(options.model_dump() if options else {}) | changes)
        limits = Limits(time_limit, memory_limit, retries)
        job_id = record_job(self, made, self.dataset(dataset), chosen, limits)
        if executor is not None:
            files = self.files.place.where if self.files.elsewhere else None
            future = executor.submit(run_submitted, str(self.folder), self.database.url, job_id, files=files)
            future.add_done_callback(partial(give_up_lost, self, job_id))
            return Job(self, job_id, partial(give_up_lost, self, job_id, future))
        ensure_worker(self)
        return self.job(job_id)

    def check_lookahead(
        self,
        strategy: StrategyKey,
        dataset: DatasetKey,
        parameters: Mapping[str, Any] | None = None,
        *,
        options: EngineOptions | None = None,
        time_limit: float = 50.0,
        **changes: Any,
    ) -> LookaheadVerdict:
        """Return whether a strategy decides with bars that it could not know, and keep the verdict for its runs.

        A source's first run on a dataset is checked in the background (``ws.background_checks = False``, or
        ``RESEARCH_KIT_BACKGROUND_CHECKS=0``, switches that off); ``run.lookahead`` shows what came of it.

        Parameters
        ----------
        strategy, dataset, parameters, options, changes
            As in ``run``; options count for strategies that order (``on_bar``).
        time_limit
            Seconds, after which the verdict says how many bars were checked.

        Raises
        ------
        NotFoundError, ParameterError, OptionError
            Something is misspelt or out of range.
        Exception
            What the strategy raises on all the bars.
        """
        from research_kit.runs.trust.lookahead import check_strategy

        made = make_strategy(self, strategy, parameters)
        chosen = EngineOptions(**(options.model_dump() if options else {}) | changes)
        return check_strategy(self, made, self.dataset(dataset), chosen, time_limit=time_limit)

    def job(self, job_id: int) -> Job:
        """Return a job by its id: its state, its progress, ``cancel()`` and ``result()``."""
        listings.get_job(self.database, job_id)
        return Job(self, job_id, partial(ensure_worker, self))

    def work(self, slots: int | None = None, idle: float | None = None) -> bool:
        """Be this machine's worker of the workspace: run jobs until stopped, or ``idle`` seconds without any.

        ``slots`` is how many run at once, one for each core when none is given. Returns False where there is a worker
        already.
        """
        from research_kit.runs.jobs.worker import work

        return work(self, slots or os.cpu_count() or 1, idle)

    def jobs(self, limit: int | None = listings.NEWEST, before: int | None = None) -> pd.DataFrame:
        """Return the newest jobs, newest first, with progress and error; those whose worker died are ended first.

        ``limit`` rows (None: all), of ids below ``before``: ``ws.jobs(before=last_id)`` is the next page. Below an
        error stands the place where it happened; ``ws.job(7).error`` and ``.place`` have them apart.
        """
        settle(self.database)
        return listings.jobs_table(self.database, limit, before=before)

    def sweep(
        self,
        strategy: StrategyKey,
        dataset: DatasetKey,
        grid: Mapping[str, Any],
        *,
        options: EngineOptions | None = None,
        progress: bool | OnProgress | None = None,
        **how: Any,
    ) -> Sweep:
        """Run every set of a grid (or a random search, or optuna's), record each as a trial, and return the sweep.

        ``ws.sweep("sma_cross", "SPY daily", {"fast": range(5, 50, 5), "slow": [50, 100, 200]}, where="fast < slow")``

        Sets that were run before, under the same options and this version of the engine, are not run again; so a sweep
        that was cancelled goes on where it was, and the same sweep asked again is there at once.

        Parameters
        ----------
        strategy
            A class, an instance (its other parameters are kept), a registered name, or ``"module:Class"``.
        grid
            For each parameter (or engine option) a list, a range, ``rk.between(...)`` or one value.
        options
            Engine options, whole or by keyword.
        progress
            True shows a bar, False none, None one where it takes a while; or a function called with ``SweepProgress``.
        how
            ``where``, ``method``, ``objective``, ``sets``, ``seed``, ``workers`` and ``executor`` as in
            ``rk.run_sweep``, and engine options.

        Raises
        ------
        NotFoundError, ParameterError, OptionError
            Something is misspelt or out of range; nothing is recorded.
        """
        return record_sweep(self, strategy, self.dataset(dataset), grid, options, progress=progress, **how)

    def load_sweep(self, sweep_id: int) -> Sweep:
        """Return a recorded sweep by its id."""
        return load_sweep(self, sweep_id)

    def walk_forward(
        self,
        strategy: StrategyKey,
        dataset: DatasetKey,
        grid: Mapping[str, Any],
        *,
        train: Span,
        test: Span,
        options: EngineOptions | None = None,
        progress: bool | OnProgress | None = None,
        **how: Any,
    ) -> RecordedWalkForward:
        """Choose parameters in each training and trade them in the test that follows; every set is a trial.

        ``ws.walk_forward("sma_cross", "SPY daily", grid, train="730d", test="180d")``

        Parameters
        ----------
        train, test
            Numbers of bars, or times such as ``"730d"``.
        how
            ``anchored``, ``step``, ``purge``, ``embargo``, ``select`` as in ``rk.run_walk_forward``, and what ``sweep``
            takes.

        Raises
        ------
        DataError
            The bars are too few.
        NotFoundError, ParameterError, OptionError
            Something is misspelt or out of range, or in a training no set can be chosen.
        """
        row = self.dataset(dataset)
        spans = {"train": train, "test": test}
        return record_walk_forward(self, strategy, row, grid, options, progress=progress, **spans, **how)

    def run_notebooks(
        self,
        notebook: Path | str,
        parameters: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None = None,
        *,
        grid: Mapping[str, Any] | None = None,
        name: str | None = None,
        progress: bool | OnBatchProgress | None = None,
        **limits: Any,
    ) -> Batch:
        """Run a notebook once for each set of parameters, in parallel, each in a fresh kernel; return the batch.

        ``ws.run_notebooks("research", {"dataset": "SPY daily"}, grid={"strategy": ["sma_cross", "momentum"]})``

        Each run is a row, an executed notebook and an HTML page; ``batch.index`` lists them. A notebook that fails is
        a failed row, no exception. Under a name that there is, what is completed with the same inputs is not run
        again.

        Parameters
        ----------
        notebook
            A file, or a template's name; its cell tagged ``parameters`` says what it takes.
        parameters
            A set, or a list of sets, by name.
        grid
            For each name a list of values: every combination is run, with every set.
        name
            Of the batch and its folder in ``reports/batches``; made from notebook and time when not given.
        progress
            True shows a bar, False none, None one where it takes a while; or a function called with ``BatchProgress``.
        limits
            ``workers`` (one for each core), ``time_limit`` (seconds of one notebook), ``memory_limit`` (bytes),
            ``retries`` (0), ``stop_on_error`` (False).

        Raises
        ------
        ReportError, NotFoundError, OptionError
            A parameter is unknown, of the wrong type or out of range, a dataset is unknown; nothing was started.
        """
        from research_kit.report.batches.batch import run_batch

        return run_batch(self, notebook, parameters, grid=grid, name=name, progress=progress, **limits)

    def load_batch(self, name: str) -> Batch:
        """Return a batch by its name: its table, its index, ``resume()``, ``cancel()``, ``zip()``."""
        from research_kit.report.batches.batch import Batch

        return Batch.load(self, name)

    def batches(self) -> pd.DataFrame:
        """Return the batches of notebooks, newest first, with how many are in which state."""
        from research_kit.report.batches.batch import settle_batches

        settle_batches(self)
        return batches_table(self.database)

    def sweeps(self, limit: int | None = listings.NEWEST, before: int | None = None) -> pd.DataFrame:
        """Return the newest sweeps and walk-forwards, newest first, with their counts; those that died are ended first.

        ``limit`` and ``before`` are those of ``backtests``.
        """
        settle(self.database)
        return listings.sweeps_table(self.database, limit, before=before)

    def trials(
        self,
        dataset: DatasetKey | None = None,
        strategy: StrategyKey | None = None,
        *,
        limit: int | None = listings.NEWEST,
        before: int | None = None,
    ) -> pd.DataFrame:
        """Return the newest of what was tried, newest first: on a dataset and its family, with a strategy, or of all.

        ``limit`` and ``before`` are those of ``backtests``. ``error`` is the error of one that failed, below it the
        place where that happened.
        """
        sha256 = None if dataset is None else self.dataset(dataset).sha256
        name = None if strategy is None else name_of(strategy)
        return listings.trials_table(self.database, sha256, name, limit=limit, before=before)
