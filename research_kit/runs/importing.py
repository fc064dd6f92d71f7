"""Price data on its way into the store: read, checked, kept once as a file and a row."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.importing.reading import Reading, read_bars
from research_kit.errors import DataError
from research_kit.runs.facts import facts_of
from research_kit.runs.import_bar import showing
from research_kit.runs.stored_bars import StoredBars
from research_kit.store.datasets import add_dataset
from research_kit.store.records import NAME_LENGTH, NewDataset, check_dataset_name, short_text

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars
    from research_kit.bars.importing.progress import OnProgress
    from research_kit.runs.home import Home
    from research_kit.store.files import FileStore
    from research_kit.store.tables import Dataset

SYMBOL_LENGTH = 20


def import_dataset(
    home: Home,
    source: Any,
    *,
    name: str | None,
    options: ImportOptions,
    progress: bool | OnProgress | None = None,
) -> Dataset:
    """Read price data, keep its bars and return its row; the same bars under the same name are the same dataset.

    ``progress`` shows a bar (True), none (False), one for large files (None), or calls a function. Whatever ends the
    import before the row is there leaves nothing behind.
    """
    if name is not None:
        check_dataset_name(name)  # before hours of reading
    with showing(progress) as on_progress:
        reading = read_bars(source, options, scratch=home.files.scratch, on_progress=on_progress)
        if not len(reading.bars):
            raise DataError(f"{reading.source_name or 'The data'} holds no bars.")
        return keep_reading(home, reading, options, name=name)


def keep_reading(
    home: Home,
    reading: Reading,
    options: ImportOptions,
    *,
    name: str | None,
    origin: dict[str, Any] | None = None,
) -> Dataset:
    """Store the bars of a reading and return their row; its name and symbol are checked before anything is kept."""
    name = _checked_name(reading, name)
    stored = home.files.save_bars(reading.bars, reading.bars_sha256)
    return add_dataset(
        home.database,
        NewDataset(
            name=name,
            filename=Path(reading.source_name).name,
            timezone=reading.timezone or "UTC",
            exchange=options.exchange,
            data_source=reading.layout[:100],
            source_sha256=reading.source_sha256,
            origin=origin,
            import_options=options.model_dump(mode="json", exclude_defaults=True),
            **facts_of(reading.bars, reading.quality, stored),
        ),
    )


def import_all(home: Home, source: Any, *, name: str | None, options: ImportOptions) -> list[Dataset]:
    """Import each instrument of a source as a dataset of its own, ``"prices AAPL"`` of ``prices.csv``; all or none.

    Raises
    ------
    DataError
        One of them cannot be taken as it is; nothing is stored.
    """
    from research_kit.bars.importing.instruments import instruments

    names = instruments(source, options)
    chosen = [options.model_copy(update={"symbol": symbol}) for symbol in names] or [options]
    readings = [read_bars(source, one, scratch=home.files.scratch) for one in chosen]
    bases = [_name_of(reading) if name is None else name for reading in readings]
    each = [
        _checked_name(reading, f"{base} {one.symbol}".strip())
        for reading, base, one in zip(readings, bases, chosen, strict=True)
    ]  # of all, before the first is stored
    return [
        keep_reading(home, reading, one, name=own) for reading, one, own in zip(readings, chosen, each, strict=True)
    ]


def open_dataset(home: Home, dataset: Dataset) -> Bars:
    """Return the bars of a dataset, mapped into memory."""
    return StoredBars.of(home, dataset).load()


def checked_bars(home: Home, dataset: Dataset) -> Bars:
    """Return the bars of a dataset, read and compared with their sha256 unless this file was, as it is, before.

    Raises
    ------
    ArtifactMissingError
        The file is not there, or one byte of its numbers is not what was stored.
    """
    bars = open_dataset(home, dataset)  # finds a missing, shortened or swapped file without reading it
    about = home.files.path(dataset.file_path).stat()
    _compare(home.files, dataset.file_path, dataset.sha256 or "", about.st_size, about.st_mtime_ns)
    return bars


@lru_cache(maxsize=256)
def _compare(files: FileStore, path: str, sha256: str, size: int, changed_ns: int) -> None:
    files.verify_bars(path, sha256, size)


def _checked_name(reading: Reading, name: str | None) -> str:
    """Return the name of a dataset to be. Raises an error where it, or the symbol, cannot be kept."""
    if len(reading.bars.symbol) > SYMBOL_LENGTH:
        raise DataError(
            f"A symbol has at most {SYMBOL_LENGTH} characters; {reading.bars.symbol!r:.60} has "
            f"{len(reading.bars.symbol)}. Say symbol= with a shorter one."
        )
    return check_dataset_name(_name_of(reading) if name is None else name)


def _name_of(reading: Reading) -> str:
    stem = Path(reading.source_name or "").name.split(".")[0]
    return short_text(stem or reading.bars.symbol or "dataset", NAME_LENGTH)
