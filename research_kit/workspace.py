"""What a notebook holds: it opens the store and hands each verb to the room that does it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.importing.preview import Preview, preview_bars
from research_kit.engine.options import EngineOptions
from research_kit.errors import OptionError
from research_kit.runs import derive, fetching
from research_kit.runs.holdout import Holdout, find_holdout, lock_holdout
from research_kit.runs.importing import import_all, import_dataset, open_dataset
from research_kit.runs.recording import Progress, record_run
from research_kit.runs.run import Run
from research_kit.runs.strategies import StrategyKey, keep_all_strategies, make_strategy
from research_kit.runs.sweep import Sweep, load_sweep
from research_kit.runs.sweeping import record_sweep
from research_kit.runs.walking import record_walk_forward
from research_kit.search.sweep import OnProgress as OnSweepProgress
from research_kit.search.walk_forward import WalkForward
from research_kit.search.windows import Span
from research_kit.store import listings
from research_kit.store.database import Database
from research_kit.store.datasets import find_dataset
from research_kit.store.files import FileStore, remove_leftovers
from research_kit.store.tables import Dataset, StrategyRow
from research_kit.strategy.base import Strategy
from research_kit.strategy.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.bars.derive.join import Moment
    from research_kit.bars.frame import Bars
    from research_kit.bars.importing.progress import OnProgress

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

    @overload
    def import_dataset(
        self, source: Any, *, name: str | None = ..., preview: Literal[True], **options: Any
    ) -> Preview: ...

    @overload
    def import_dataset(
        self,
        source: Any,
        *,
        name: str | None = ...,
        preview: Literal[False] = ...,
        progress: bool | OnProgress | None = ...,
        **options: Any,
    ) -> Dataset: ...

    def import_dataset(
        self,
        source: Any,
        *,
        name: str | None = None,
        preview: bool = False,
        progress: bool | OnProgress | None = None,
        **options: Any,
    ) -> Dataset | Preview:
        """Import price data and return its row: counts, span, quality and the hash of its bars.

        Parameters
        ----------
        source
            A file of any layout (``docs/data.md`` lists them; also packed), a list of files, a folder or a pattern that
            are one dataset, a DataFrame, or rows as exchanges' libraries return them.
        name
            What the dataset is called; the file's name when not given. Other bars under a name that is taken are its
            next version.
        preview
            True returns what would be imported, what is doubtful and what is asked, and stores nothing.
        progress
            True shows a progress bar, False none, None one for large files; or a function that is called with each
            ``ImportProgress`` (what it raises cancels the import).
        options
            The fields of ``ImportOptions``, such as ``symbol="SPY"``, ``timezone="America/New_York"``.

        Raises
        ------
        DataError
            The data cannot be taken as it is; the message says what is wrong and what to do. Nothing is stored.
        """
        chosen = ImportOptions(**options)
        if preview:
            return preview_bars(source, chosen)
        return import_dataset(self, source, name=name, options=chosen, progress=progress)

    def import_all(self, source: Any, *, name: str | None = None, **options: Any) -> list[Dataset]:
        """Import every instrument of a source as a dataset of its own: ``"prices AAPL"``, ``"prices MSFT"``.

        ``name`` stands before the symbols; the file's name when not given.

        Raises
        ------
        DataError
            One of them cannot be taken as it is; nothing is stored.
        """
        return import_all(self, source, name=name, options=ImportOptions(**options))

    def fetch(self, library: str, *what: str, name: str | None = None, **options: Any) -> Dataset:
        """Fetch bars through ``"yfinance"`` or ``"ccxt"`` and store them with where they came from.

        ``ws.fetch("yfinance", "SPY", start="2000-01-01")``; ``ws.fetch("ccxt", "binance", "BTC/USDT", timeframe="1h",
        since="2020-01-01")``. Only bars that have ended are kept; a fetch that was interrupted goes on where it was.

        Raises
        ------
        NotFoundError
            The library is not installed, or the vendor does not know the symbol.
        DataError
            The vendor failed; nothing is stored.
        """
        return fetching.fetch(self, library, *what, name=name, **options)

    def update(self, dataset: DatasetKey, **options: Any) -> Dataset:
        """Fetch what has ended since a dataset was fetched: a new version under its name, or the dataset as it is.

        Raises
        ------
        DataError
            The vendor contradicts what is stored (``on_change=`` says what then); nothing is stored.
        """
        return fetching.update(self, self.dataset(dataset), **options)

    def datasets(self) -> pd.DataFrame:
        """Return the datasets, every version, newest first."""
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

    def versions(self, dataset: DatasetKey) -> pd.DataFrame:
        """Return the versions of a dataset's name, newest first: imported or made, by what, from which (ids)."""
        return listings.versions_table(self.database, self.dataset(dataset).name)

    def bars(self, dataset: DatasetKey) -> Bars:
        """Return the bars of a dataset, mapped into memory."""
        return open_dataset(self, self.dataset(dataset))

    def verify_dataset(self, dataset: DatasetKey) -> None:
        """Read all of a dataset's bars and raise ``ArtifactMissingError`` unless they are what was stored."""
        derive.verified_bars(self, self.dataset(dataset))

    def resample(self, dataset: DatasetKey, timeframe: str, *, name: str | None = None) -> Dataset:
        """Make a dataset of longer bars and return its row; ``"SPY 1h"`` when no name is given.

        Hours are counted from the session's opening, days and longer end with the session's day; labels are opening
        times. The same data under the same name is the same row; the original stays.

        Parameters
        ----------
        timeframe
            Such as ``"1h"``, ``"1d"``, ``"1w"``, ``"1mo"``: a multiple of the dataset's own.

        Raises
        ------
        DataError
            The timeframe does not fit; nothing is stored.
        ArtifactMissingError
            The dataset's file is not what was stored.
        """
        return derive.resample(self, self.dataset(dataset), timeframe, name=name)

    def adjust(
        self,
        dataset: DatasetKey,
        factors: Any,
        *,
        method: Literal["backward", "forward"] = "backward",
        name: str | None = None,
    ) -> Dataset:
        """Make a dataset without the jumps of splits and dividends; ``"SPY adjusted"`` when no name is given.

        Parameters
        ----------
        factors
            A LEAN factor file, a DataFrame or rows ``(date, price_factor[, split_factor])``;
            ``{"splits": [(ex_date, ratio)], "dividends": [(ex_date, cash)]}``; or a column such as ``"adj_close"``.
        method
            ``"backward"`` leaves the last prices as they are, ``"forward"`` the first.

        Raises
        ------
        DataError
            The factors cannot be used; nothing is stored.
        OptionError
            These factors were used on this data already.
        """
        return derive.adjust(self, self.dataset(dataset), factors, method=method, name=name)

    def slice(
        self, dataset: DatasetKey, start: Moment | None = None, end: Moment | None = None, *, name: str | None = None
    ) -> Dataset:
        """Make a dataset of the bars from ``start`` up to but not including ``end``.

        A date is the beginning of the session's day, a time is UTC unless it carries a zone. Without a name it is
        called ``"SPY from 2019-01-01 to 2020-01-01"``.

        Raises
        ------
        DataError
            No bar lies between the two; nothing is stored.
        """
        return derive.cut(self, self.dataset(dataset), start, end, name=name)

    def merge(
        self,
        datasets: Iterable[DatasetKey],
        *,
        overlap: Literal["error", "first", "last"] = "error",
        name: str | None = None,
    ) -> Dataset:
        """Make one dataset of several spans of one symbol; ``"BTC 2017 + BTC 2018"`` when no name is given.

        Parameters
        ----------
        overlap
            What becomes of bars of one time that differ: ``"error"`` refuses them, ``"first"`` and ``"last"`` keep
            those of the dataset that was named first or last. Equal bars are one.

        Raises
        ------
        DataError
            They are not of one symbol, timeframe and session, or contradict each other; nothing is stored.
        """
        if isinstance(datasets, DatasetKey):
            raise OptionError(
                f"merge takes a list of datasets, such as ['BTC 2017', 'BTC 2018']; given was {datasets!r}."
            )
        return derive.merge(self, [self.dataset(one) for one in datasets], overlap=overlap, name=name)

    def repair(
        self,
        dataset: DatasetKey,
        *,
        fill: Literal["flat"] | None = None,
        drop_bad: bool = False,
        drop: Sequence[str] = (),
        name: str | None = None,
    ) -> Dataset:
        """Make a repaired version under the same name, which means it from then on; the original stays, by its id.

        Where there is nothing to repair, the dataset itself is returned.

        Parameters
        ----------
        fill
            ``"flat"``: each missing bar is filled in at the close before it, without volume, marked as synthetic.
        drop_bad
            Bars that the quality report calls an error are left out (before anything is filled in).
        drop
            Names of further findings whose bars are left out as well, such as ``["spikes"]``.

        Raises
        ------
        OptionError
            Nothing was asked for, or a word is misspelt.
        DataError
            It cannot be done with these bars; nothing is stored.
        """
        return derive.repair(self, self.dataset(dataset), fill=fill, drop_bad=drop_bad, drop=drop, name=name)

    def lock_holdout(self, dataset: DatasetKey, start: Moment, *, force: bool = False) -> Holdout:
        """Lock the data from ``start`` on: from now on every report says how many runs have seen it.

        It counts, it does not forbid. The lock holds for the name: for all versions of it, and through lineage for what
        it was made from and what is made from it. An earlier start may follow and is recorded.

        Parameters
        ----------
        start
            A date (the beginning of the session's day) or a time (UTC unless it carries a zone) inside the data.
        force
            Needed for a later start than the locked one; both stay on record, and reports show the first.

        Raises
        ------
        OptionError
            The start cannot be read, lies outside of the data, or later than the locked one.
        """
        return lock_holdout(self, self.dataset(dataset), start, force=force)

    def holdout(self, dataset: DatasetKey) -> Holdout | None:
        """Return the locked period of a dataset and how many runs have seen it; None where nothing is locked.

        Runs before the lock count as well: the data was seen.
        """
        return find_holdout(self, self.dataset(dataset))

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

    def sweep(
        self,
        strategy: StrategyKey,
        dataset: DatasetKey,
        grid: Mapping[str, Any],
        *,
        options: EngineOptions | None = None,
        progress: bool | OnSweepProgress | None = None,
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
        progress: bool | OnSweepProgress | None = None,
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

    def load_run(self, run_id: int) -> Run:
        """Return a recorded run by its id."""
        return Run.load(self, run_id)

    def report(self, run: Run | int, path: Path | str | None = None) -> Path:
        """Write the offline HTML report of a run and return its path; ``reports/run-ID.html`` when none is given."""
        from research_kit.report.run import write_run_report

        return write_run_report(self.load_run(run) if isinstance(run, int) else run, path)
