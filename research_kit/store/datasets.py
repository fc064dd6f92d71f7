"""Datasets as rows: add, find, note that one was opened. The same bars under the same name are one row."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Session, col, select

from research_kit.errors import NotFoundError, did_you_mean
from research_kit.store.database import Database, database_time, now, serialise
from research_kit.store.records import NewDataset, row_of
from research_kit.store.tables import Dataset


def add_dataset(database: Database, dataset: NewDataset) -> Dataset:
    """Return the row of a dataset, made unless this name holds these bars (sha256) already.

    A row that is there keeps its id and its counters and takes the new details. Other bars under a name that is
    taken are a new version: the name means the newest.
    """
    values = row_of("datasets", dataset)
    with database.write() as session:
        serialise(session, f"dataset {dataset.name}")
        query = select(Dataset).where(Dataset.name == values["name"], Dataset.sha256 == values["sha256"])
        row = session.exec(query).first() or Dataset(created_at=now(), **values)
        row.sqlmodel_update(values)
        session.add(row)
        session.flush()
    return row


def find_dataset(database: Database, key: int | str | Dataset) -> Dataset:
    """Return a dataset by its id or its name (of several versions the newest); a row is returned as it is now.

    Raises
    ------
    NotFoundError
        There is none; the message has the nearest name.
    """
    if isinstance(key, Dataset):
        key = key.id
    with database.read() as session:
        found = _by_name(session, key) if isinstance(key, str) else None
        if found is None and str(key).isdecimal():
            found = session.get(Dataset, int(key))
        if found is None:
            names = session.scalars(sa.select(col(Dataset.name)).distinct()).all()
            raise NotFoundError(f"There is no dataset {key!r}. {did_you_mean(str(key), names)}")
    return found


def touch_dataset(database: Database, dataset_id: int) -> None:
    """Note that a dataset was opened now."""
    with database.write() as session:
        session.execute(sa.update(Dataset).where(col(Dataset.id) == dataset_id).values(last_accessed=database_time()))


def _by_name(session: Session, name: str) -> Dataset | None:
    return session.exec(select(Dataset).where(Dataset.name == name).order_by(col(Dataset.id).desc())).first()
