"""Rows that have a state: begun, changed only while they are in one that allows it, ended once; final states stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from research_kit.errors import NotFoundError, StoreError, did_you_mean
from research_kit.store.database import database_time
from research_kit.store.jobs import LeaseLostError
from research_kit.store.records import ERROR_LENGTH, short_text
from research_kit.store.tables import FINAL_STATES

UNFINISHED = ("pending", "running")
_WORDS = {"sweeps": "sweep", "notebook_runs": "notebook run"}


def insert_row(session: Session, table: sa.Table, row: Mapping[str, Any]) -> int:
    """Write a new row and return its id."""
    statement = sa.insert(table).values(**row, created_at=database_time()).returning(table.c.id)
    return int(session.execute(statement).scalar_one())


def change_row(
    session: Session,
    table: sa.Table,
    row_id: int,
    changes: Mapping[str, Any],
    *,
    states: Sequence[str],
    held: sa.ColumnElement[bool] | None = None,
) -> None:
    """Change a row that is in one of these states, and ``held`` by whoever changes it.

    Raises
    ------
    NotFoundError
        There is no such row.
    LeaseLostError
        It is in another state, or held by another; nothing was changed.
    """
    query = sa.update(table).where(table.c.id == row_id, table.c.status.in_(states))
    if held is not None:
        query = query.where(held)
    if session.execute(query.values(**changes).returning(table.c.id)).first() is not None:
        return
    state, name = state_of(session, table, row_id), f"The {_WORDS[table.name]} {row_id}"
    if state in states:
        raise LeaseLostError(f"{name} is worked on by another process; what this one did is not recorded with it.")
    raise LeaseLostError(f"{name} is {state}, it cannot be changed as one that is {' or '.join(states)}.")


def state_of(session: Session, table: sa.Table, row_id: int) -> str:
    """Return the state of a row, or raise ``NotFoundError``."""
    state = session.scalar(sa.select(table.c.status).where(table.c.id == row_id))
    if state is None:
        raise NotFoundError(f"There is no {_WORDS[table.name]} {row_id}.")
    return str(state)


def ending(status: str, error: object) -> dict[str, Any]:
    """Return what changes when something ends: completed, failed or cancelled, with the reason where there is one."""
    if status not in FINAL_STATES:
        raise StoreError(f"{status!r} is not how something ends. {did_you_mean(status, FINAL_STATES)}")
    reason = None if error is None else short_text(error, ERROR_LENGTH)
    return {"status": status, "completed_at": database_time(), "error": reason}
