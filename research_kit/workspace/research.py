"""The verbs of a workspace for research: run, search, walk forward, list what was tried, report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from research_kit.engine.options import EngineOptions
from research_kit.runs.recording import Progress, record_run
from research_kit.runs.run import Run
from research_kit.runs.strategies import StrategyKey, keep_all_strategies, make_strategy
from research_kit.runs.sweep import Sweep, load_sweep
from research_kit.runs.sweeping import record_sweep
from research_kit.runs.walking import record_walk_forward
from research_kit.search.sweep import OnProgress
from research_kit.search.walk_forward import WalkForward
from research_kit.search.windows import Span
from research_kit.store import listings
from research_kit.workspace.base import DatasetKey, OpenWorkspace

if TYPE_CHECKING:
    import pandas as pd


class ResearchVerbs(OpenWorkspace):
    """What can be done with strategies."""

    def strategies(self) -> pd.DataFrame:
        """Return the strategies that can be named, those of ``strategies/`` included."""
        keep_all_strategies(self)
        return listings.strategies_table(self.database)

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

    def backtests(self) -> pd.DataFrame:
        """Return the recorded runs, newest first, with their headline metrics."""
        return listings.backtests_table(self.database)

    def jobs(self) -> pd.DataFrame:
        """Return the jobs, newest first, with state, progress and error."""
        return listings.jobs_table(self.database)

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
    ) -> WalkForward:
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

    def sweeps(self) -> pd.DataFrame:
        """Return the sweeps and walk-forwards, newest first, with their states and counts."""
        return listings.sweeps_table(self.database)

    def trials(self, dataset: DatasetKey | None = None, strategy: str | None = None) -> pd.DataFrame:
        """Return what was tried, newest first: on a dataset, with a strategy (its name), or everything."""
        sha256 = None if dataset is None else self.dataset(dataset).sha256
        return listings.trials_table(self.database, sha256, strategy)
