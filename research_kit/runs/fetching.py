"""Bars from vendors' services on their way into the store, and what has ended since."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from research_kit import sources
from research_kit.bars.findings import Finding
from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.importing.reading import read_bars
from research_kit.errors import OptionError, did_you_mean
from research_kit.runs.importing import checked_bars, keep_reading
from research_kit.store.records import check_dataset_name

if TYPE_CHECKING:
    from research_kit.runs.home import Home
    from research_kit.sources.fetching import Fetched
    from research_kit.store.tables import Dataset

LIBRARIES = ("yfinance", "ccxt")


def fetch(home: Home, library: str, *what: str, name: str | None = None, **options: Any) -> Dataset:
    """Fetch bars through a library, store them with where they came from, and return their row.

    Raises
    ------
    OptionError
        The library is not one of ``LIBRARIES``, or an option is unknown.
    NotFoundError
        The library is not installed, or the vendor does not know the symbol.
    DataError
        The vendor failed; what was fetched is kept for the next try.
    """
    if library not in LIBRARIES:
        raise OptionError(f"There is no source {library!r}. {did_you_mean(library, LIBRARIES)}")
    if name is not None:
        check_dataset_name(name)  # before anything is asked for
    fetched = getattr(sources, library)(*what, **{"cache": home.files.folder / "fetching", **options})
    return _keep(home, fetched, fetched.name if name is None else name)


def update(home: Home, dataset: Dataset, **options: Any) -> Dataset:
    """Fetch what has ended since a dataset was fetched, and return the new version; the dataset where nothing has.

    Raises
    ------
    OptionError
        The dataset was not fetched, but imported or derived.
    DataError
        The vendor contradicts what is stored, or failed; nothing is stored.
    """
    if not dataset.origin:
        raise OptionError(
            f"Dataset {dataset.name!r} was not fetched from a vendor; import its newer file under the same name."
        )
    cache = {"cache": home.files.folder / "fetching"}
    fetched = sources.update(checked_bars(home, dataset), dataset.origin, **{**cache, **options})
    return _keep(home, fetched, dataset.name) if fetched.added else dataset


def _keep(home: Home, fetched: Fetched, name: str) -> Dataset:
    chosen = ImportOptions(**fetched.options)
    reading = read_bars(fetched.frame, chosen)
    notes = tuple(Finding("fetched", "note", 1, note) for note in fetched.notes)
    quality = replace(reading.quality, findings=(*reading.quality.findings, *notes))
    return keep_reading(home, replace(reading, quality=quality), chosen, name=name, origin=fetched.origin)
