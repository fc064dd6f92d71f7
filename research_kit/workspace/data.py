"""The verbs of a workspace for data: bring it in, look at it, make other data of it, lock a part away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.importing.preview import Preview, preview_bars
from research_kit.errors import OptionError
from research_kit.runs import derive, fetching
from research_kit.runs.holdout import Holdout, find_holdout, lock_holdout
from research_kit.runs.importing import import_all, import_dataset, open_dataset
from research_kit.store import listings
from research_kit.store.tables import Dataset
from research_kit.workspace.base import DatasetKey, OpenWorkspace

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.bars.derive.join import Moment
    from research_kit.bars.frame import Bars
    from research_kit.bars.importing.progress import OnProgress


class DataVerbs(OpenWorkspace):
    """What can be done with price data."""

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
