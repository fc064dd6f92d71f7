"""What a list of datasets shows of each, and nothing more: of thousands, too, it is there at once."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from research_kit.store.database import Database
from research_kit.store.tables import columns_of

_DATASETS = columns_of("datasets")


class DatasetLabel(NamedTuple):
    """One version of a dataset; what is unknown is ``""`` or None."""

    id: int
    name: str
    symbol: str
    timeframe: str
    bars: int | None


def dataset_labels(database: Database) -> list[DatasetLabel]:
    """Return all datasets, every version, newest first."""
    columns = (_DATASETS.c[name] for name in ("id", "name", "symbol", "timeframe", "rows_count"))
    query = sa.select(*columns).order_by(_DATASETS.c.id.desc())
    with database.read() as session:
        rows = session.execute(query).all()
    return [DatasetLabel(key, name, symbol or "", timeframe or "", bars) for key, name, symbol, timeframe, bars in rows]
