"""Price data on its way into the store: read, checked, kept once as a file and a row."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from research_kit.bars.reading import ImportOptions, Reading, read_bars
from research_kit.errors import DataError
from research_kit.store.datasets import add_dataset
from research_kit.store.records import NewDataset

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars
    from research_kit.runs.home import Home
    from research_kit.store.tables import Dataset


def import_dataset(home: Home, source: Any, *, name: str | None, options: ImportOptions) -> Dataset:
    """Read price data, keep its bars and return its row; the same bars under the same name are the same dataset."""
    reading = read_bars(source, options)
    if not len(reading.bars):
        raise DataError(f"{reading.source_name or 'The data'} holds no bars.")
    stored = home.files.save_bars(reading.bars)
    return add_dataset(
        home.database,
        NewDataset(
            name=name or _name_of(reading),
            file_path=stored.path,
            file_size=stored.size,
            sha256=stored.sha256,
            **_facts(reading, options),
        ),
    )


def open_dataset(home: Home, dataset: Dataset) -> Bars:
    """Return the bars of a dataset, mapped into memory."""
    options = dataset.import_options or {}
    return home.files.open_bars(
        dataset.file_path,
        dataset.sha256 or "",
        dataset.file_size or 0,
        symbol=dataset.symbol or "",
        timeframe=dataset.timeframe or "",
        session=dataset.session or "24/7",
        allow_nonpositive=bool(options.get("allow_nonpositive")),
    )


def _name_of(reading: Reading) -> str:
    stem = Path(reading.source_name or "").name.split(".")[0]
    return stem or reading.bars.symbol or "dataset"


def _facts(reading: Reading, options: ImportOptions) -> dict[str, Any]:
    """Return what the row tells about the bars, where they came from and how good they are."""
    bars, quality = reading.bars, reading.quality
    return {
        "filename": Path(reading.source_name or "").name,
        "rows_count": len(bars),
        "columns": ["time", *bars.columns],
        "timeframe": bars.timeframe,
        "session": bars.session,
        "start_date": _moment(int(bars.time_ns[0])),
        "end_date": _moment(int(bars.time_ns[-1])),
        "missing_data_pct": quality.missing_data_pct,
        "data_quality_score": quality.data_quality_score,
        "has_gaps": quality.has_gaps,
        "quality_checks": quality.to_dict(),
        "timezone": options.timezone or "UTC",
        "symbol": bars.symbol,
        "exchange": options.exchange or "",
        "data_source": reading.layout[:100],
        "source_sha256": reading.source_sha256,
        "import_options": options.model_dump(mode="json", exclude_defaults=True),
    }


def _moment(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns / 1e9, tz=UTC)
