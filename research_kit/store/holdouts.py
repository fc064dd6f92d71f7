"""Holdouts as rows: a name is locked from a time on, every locking is kept, and who has seen the data is counted.

A holdout holds for the whole family of a name (``store.families``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session

from research_kit.errors import OptionError
from research_kit.store.database import Database, serialise
from research_kit.store.families import family_of
from research_kit.store.records import checked_row
from research_kit.store.tables import HoldoutLock, columns_of

_DATASETS, _LOCKS, _TRIALS = columns_of("datasets"), columns_of("holdout_locks"), columns_of("trials")


class LockedName(NamedTuple):
    """The holdout of a name: from when on, and all of its lockings, oldest first."""

    name: str
    start: datetime
    locks: tuple[HoldoutLock, ...]


def lock_name(database: Database, name: str, start: datetime, *, force: bool = False) -> None:
    """Lock the data of a name from a time on, for all of its versions; where it is locked from then on, do nothing.

    Raises
    ------
    OptionError
        It is locked from an earlier time on: by its own name and without ``force``, or by another of its family.
    """
    with database.write() as session:
        serialise(session, "holdouts")
        serialise(session, f"dataset {name}")
        held = _held(session, name)
        if held is not None and held.start == start:
            return
        later = held is not None and start > held.start
        if held is not None and later and not (force and held.name == name):
            raise _refusal(held, name)
        row = {"dataset_name": name, "start": start, "forced": later}
        session.add(HoldoutLock(**checked_row("holdout_locks", row)))
        session.execute(sa.update(_DATASETS).where(_DATASETS.c.name == name).values(holdout_start=start))


def locked_name(database: Database, name: str) -> LockedName | None:
    """Return the holdout that holds for a name: the earliest of its family's; None where none is locked."""
    with database.read() as session:
        return _held(session, name)


def held_datasets(database: Database) -> dict[int, datetime]:
    """Return from when on each dataset is locked, by id, by its own name or another of its family."""
    held: dict[int, datetime] = {}
    with database.read() as session:
        locked = sa.select(_DATASETS.c.name, _DATASETS.c.holdout_start).where(_DATASETS.c.holdout_start.is_not(None))
        for name, start in session.execute(locked.distinct()).all():
            for member in session.scalars(sa.select(_family(name).c.id)):
                held[member] = min(start, held.get(member, start))
    return held


def count_seen(database: Database, name: str, start: datetime) -> int:
    """Return how many trials, of every kind and state, ran on data of a name's family that goes beyond a time."""
    with database.read() as session:
        return session.scalar(seen_query(name, start)) or 0


def seen_query(name: str, start: datetime) -> sa.Select[Any]:
    """Return the query of ``count_seen``; every step of it goes by an index."""
    family = _family(name)
    members = (
        sa.select(_DATASETS.c.id, _DATASETS.c.sha256)
        .join(family, family.c.id == _DATASETS.c.id)
        .where(_reaches(start))
        .cte("members")
    )
    by_content = sa.select(_TRIALS.c.id).where(_TRIALS.c.dataset_sha256.in_(sa.select(members.c.sha256)))
    by_row = sa.select(_TRIALS.c.id).where(_TRIALS.c.dataset_id.in_(sa.select(members.c.id)))
    return sa.select(sa.func.count()).select_from(by_content.union(by_row).subquery("seen"))


def _held(session: Session, name: str) -> LockedName | None:
    family = _family(name)
    query = (
        sa.select(_DATASETS.c.name, _DATASETS.c.holdout_start)
        .join(family, family.c.id == _DATASETS.c.id)
        .where(_DATASETS.c.holdout_start.is_not(None))
        .order_by(_DATASETS.c.holdout_start, _DATASETS.c.name != name, _DATASETS.c.id)
        .limit(1)
    )
    found = session.execute(query).first()
    if found is None:
        return None
    history = sa.select(HoldoutLock).where(_LOCKS.c.dataset_name == found.name).order_by(_LOCKS.c.id)
    return LockedName(found.name, found.holdout_start, tuple(session.scalars(history)))


def _refusal(held: LockedName, name: str) -> OptionError:
    remedy = "force=True does it, and both starts stay on record."
    if held.name != name:
        remedy = f"It holds for {name!r} as well, which has the same data."
    return OptionError(
        f"The holdout of {held.name!r} is locked from {held.start:%Y-%m-%d %H:%M} UTC on, and a later start would open "
        f"what was locked. {remedy}"
    )


def _reaches(start: datetime) -> sa.ColumnElement[bool]:
    """Return whether a dataset's data goes beyond a time; one that does not say where it ends may."""
    until, last = _DATASETS.c.data_until, _DATASETS.c.end_date
    return sa.or_(until > start, sa.and_(until.is_(None), sa.or_(last.is_(None), last >= start)))


def _family(name: str) -> sa.CTE:
    """Return the ids of the datasets of a name and of all that hold the same market."""
    return family_of(_DATASETS.c.name == name)
