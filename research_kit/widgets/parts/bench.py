"""What the controls need of a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from research_kit.runs.home import Home
from research_kit.widgets.parts.shelf import Shelf

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.runs.jobs.job import Job
    from research_kit.runs.recording import Progress
    from research_kit.runs.run import Run
    from research_kit.runs.searches.sweep import Sweep
    from research_kit.runs.strategies import StrategyKey
    from research_kit.store.tables import Dataset


class Bench(Home, Protocol):
    """Something with datasets and strategies that can run one on the other; ``rk.open_workspace`` returns one."""

    def datasets(self) -> pd.DataFrame:
        """Return the datasets, newest first."""

    def dataset(self, dataset: int | str) -> Dataset:
        """Return a dataset's row by its id or its name."""

    def versions(self, dataset: int | str) -> pd.DataFrame:
        """Return the versions of a dataset's name, newest first."""

    def import_dataset(self, source: Any, *, name: str | None = None, **options: Any) -> Any:
        """Import price data and return its row, or look at what would be imported."""

    def run(
        self,
        strategy: StrategyKey,
        dataset: int | str,
        parameters: Mapping[str, Any] | None = None,
        *,
        progress: Progress | None = None,
        **changes: Any,
    ) -> Run:
        """Run a backtest with these engine options, record it, and return it."""

    def submit(
        self, strategy: StrategyKey, dataset: int | str, parameters: Mapping[str, Any] | None = None, **changes: Any
    ) -> Job:
        """Record a backtest and let another process run it."""

    def job(self, job_id: int) -> Job:
        """Return a job by its id."""

    def load_run(self, run_id: int) -> Run:
        """Return a recorded run by its id."""

    def backtests(self, limit: int | None = ..., before: int | None = None, **which: Any) -> pd.DataFrame:
        """Return the newest recorded runs, newest first: all, or some."""

    def sweep(self, strategy: StrategyKey, dataset: int | str, grid: Mapping[str, Any], **how: Any) -> Sweep:
        """Run every set of a grid, record each, and return the sweep."""

    def sweeps(self, limit: int | None = ...) -> pd.DataFrame:
        """Return the newest sweeps, newest first."""

    def load_sweep(self, sweep_id: int) -> Sweep:
        """Return a recorded sweep by its id."""


class Laboratory(Bench, Shelf, Protocol):
    """All that the dashboard needs."""
