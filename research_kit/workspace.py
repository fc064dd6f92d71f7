"""What a notebook holds: it opens the store and hands each verb to the room that does it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from research_kit.bars.reading import ImportOptions
from research_kit.engine.options import EngineOptions
from research_kit.runs.importing import import_dataset, open_dataset
from research_kit.runs.recording import Progress, record_run
from research_kit.runs.run import Run
from research_kit.runs.strategies import StrategyKey, keep_all_strategies, make_strategy
from research_kit.store import listings
from research_kit.store.database import Database
from research_kit.store.datasets import find_dataset
from research_kit.store.files import FileStore, remove_leftovers
from research_kit.store.tables import Dataset, StrategyRow
from research_kit.strategy.base import Strategy
from research_kit.strategy.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.bars.frame import Bars

DatasetKey = int | str | Dataset
DATABASE = "RESEARCH_KIT_DATABASE"
FOLDERS = ("data", "artifacts", "reports", "strategies")


def open_workspace(folder: Path | str, database: str | None = None) -> Workspace:
    """Return the workspace in a folder, made on its first use, its database migrated on later ones.

    Parameters
    ----------
    folder
        Holds ``research.db``, ``data/``, ``artifacts/``, ``reports/`` and ``strategies/``.
    database
        Another database for it, such as a team's ``postgresql+psycopg://user@host/name``; files stay in the folder.
        When not given, the environment variable ``RESEARCH_KIT_DATABASE`` is read.

    Raises
    ------
    StoreError
        The folder or the database cannot be opened; it is left as it is.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, open_workspace(folder) as ws:
    ...     len(ws.datasets()), "sma_cross" in set(ws.strategies()["name"])
    (0, True)
    """
    return Workspace(Path(folder), database)


class Workspace:
    """Datasets, strategies and recorded runs in one folder."""

    def __init__(self, folder: Path, database: str | None = None) -> None:
        self.folder = folder.expanduser().absolute()
        self.database = Database.open(database or os.environ.get(DATABASE) or self.folder / "research.db")
        self.files = FileStore(self.folder)
        for name in FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("data", "artifacts", "reports"):
            remove_leftovers(self.folder / name)
        self.registry = Registry(self.folder / "strategies")
        self.kept: dict[type[Strategy], StrategyRow] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Workspace({str(self.folder)!r}, {self.database.url_safe!r})"

    def close(self) -> None:
        """Close the connections to the database."""
        self.database.close()

    def import_dataset(self, source: Any, *, name: str | None = None, **options: Any) -> Dataset:
        """Import price data and return its row: counts, span, quality and the hash of its bars.

        Parameters
        ----------
        source
            A CSV file (also .gz or .zip), a Parquet or Feather file, or a DataFrame.
        name
            What the dataset is called; the file's name when not given.
        options
            The fields of ``ImportOptions``, such as ``symbol="SPY"``, ``timezone="America/New_York"``.

        Raises
        ------
        DataError
            The data cannot be taken as it is; the message says what is wrong and what to do. Nothing is stored.
        """
        return import_dataset(self, source, name=name, options=ImportOptions(**options))

    def datasets(self) -> pd.DataFrame:
        """Return the datasets, newest first."""
        return listings.datasets_table(self.database)

    def strategies(self) -> pd.DataFrame:
        """Return the strategies that can be named, those of ``strategies/`` included."""
        keep_all_strategies(self)
        return listings.strategies_table(self.database)

    def jobs(self) -> pd.DataFrame:
        """Return the jobs, newest first, with state, progress and error."""
        return listings.jobs_table(self.database)

    def backtests(self) -> pd.DataFrame:
        """Return the recorded runs, newest first, with their headline metrics."""
        return listings.backtests_table(self.database)

    def dataset(self, dataset: DatasetKey) -> Dataset:
        """Return a dataset's row by its id or its name (the newest version of it)."""
        return dataset if isinstance(dataset, Dataset) else find_dataset(self.database, dataset)

    def bars(self, dataset: DatasetKey) -> Bars:
        """Return the bars of a dataset, mapped into memory."""
        return open_dataset(self, self.dataset(dataset))

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

    def load_run(self, run_id: int) -> Run:
        """Return a recorded run by its id."""
        return Run.load(self, run_id)

    def report(self, run: Run | int, path: Path | str | None = None) -> Path:
        """Write the offline HTML report of a run and return its path; ``reports/run-ID.html`` when none is given."""
        from research_kit.report.run import write_run_report

        return write_run_report(self.load_run(run) if isinstance(run, int) else run, path)
