"""Datasets as rows: add, find, note that one was opened. The same bars under the same name are one row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from research_kit.errors import NotFoundError, did_you_mean
from research_kit.store.database import Database, database_time, now, serialise
from research_kit.store.reach import data_end
from research_kit.store.records import NewDataset, row_of
from research_kit.store.tables import Dataset, DatasetParent

_OF_THE_FIRST = ("name", "sha256", "lineage", "data_until")  # what the first who adds a version decides


def add_dataset(database: Database, dataset: NewDataset) -> Dataset:
    """Return the row of a dataset, made unless this name holds these bars (sha256) already.

    A row that is there keeps its id, its parents, its lineage and its counters; an import brings its other details up
    to date, a derivation leaves it as it is. Other bars under a name that is taken are a new version: the name means
    the newest. Its parents are those that are given, otherwise the version before it; its holdout is that of its name.
    """
    values = row_of("datasets", dataset)
    values["data_until"] = values["data_until"] or data_end(dataset.end_date, dataset.timeframe, dataset.session)
    with database.write() as session:
        serialise(session, f"dataset {dataset.name}")
        query = select(Dataset).where(Dataset.name == values["name"], Dataset.sha256 == values["sha256"])
        row = session.exec(query).first()
        if row is None:
            row = _new_version(session, values, dataset)
        elif dataset.lineage is None:
            row.sqlmodel_update({name: value for name, value in values.items() if name not in _OF_THE_FIRST})
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


def dataset_with_bars(database: Database, sha256: str) -> Dataset | None:
    """Return the newest dataset, under any name, that holds the bars of this hash; None where there is none."""
    query = select(Dataset).where(Dataset.sha256 == sha256).order_by(col(Dataset.id).desc())
    with database.read() as session:
        return session.exec(query).first()


def version_of(database: Database, dataset: Dataset) -> tuple[int, int]:
    """Return which version of its name a dataset is, counted from 1, and how many there are."""
    older = sa.func.count().filter(col(Dataset.id) <= dataset.id)
    with database.read() as session:
        number, total = session.execute(
            sa.select(older, sa.func.count()).where(col(Dataset.name) == dataset.name)
        ).one()
    return number, total


def touch_dataset(database: Database, dataset_id: int) -> None:
    """Note that a dataset was opened now."""
    with database.write() as session:
        session.execute(sa.update(Dataset).where(col(Dataset.id) == dataset_id).values(last_accessed=database_time()))


def _new_version(session: Session, values: Mapping[str, Any], dataset: NewDataset) -> Dataset:
    before = _by_name(session, dataset.name)
    parents = list(dict.fromkeys(dataset.parents)) or ([before.id] if before else [])
    row = Dataset(
        **values,
        created_at=now(),
        parent_id=parents[0] if parents else None,
        holdout_start=before.holdout_start if before else None,
    )
    session.add(row)
    session.flush()
    session.add_all(DatasetParent(dataset_id=row.id, parent_id=parent) for parent in parents)
    return row


def _by_name(session: Session, name: str) -> Dataset | None:
    return session.exec(select(Dataset).where(Dataset.name == name).order_by(col(Dataset.id).desc())).first()
