"""Sweeps and notebook runs: what was asked for, how far it is, how it ended; final states stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from research_kit.errors import NotFoundError, StoreError, did_you_mean
from research_kit.store.database import Database, database_time
from research_kit.store.jobs import ERROR_LENGTH
from research_kit.store.records import NewNotebookRun, NewSweep, TrialRecord, checked_row, row_of, short_text
from research_kit.store.tables import FINAL_STATES, columns_of
from research_kit.store.trials import trial_rows, write_trial_rows

_SWEEPS, _NOTEBOOKS = columns_of("sweeps"), columns_of("notebook_runs")


def create_sweep(database: Database, sweep: NewSweep) -> int:
    """Record a sweep that begins now and return its id."""
    with database.write() as session:
        start = {"status": "running", "completed_sets": 0, "started_at": database_time()}
        return _insert(session, _SWEEPS, row_of("sweeps", sweep) | start)


def record_sets(database: Database, sweep_id: int, trials: Sequence[TrialRecord]) -> None:
    """Record the trials of a running sweep and that so many more of its sets are done, in one transaction."""
    rows = trial_rows([replace(trial, sweep_id=sweep_id) for trial in trials])
    with database.write() as session:
        _change(session, _SWEEPS, sweep_id, {"completed_sets": _SWEEPS.c.completed_sets + len(rows)}, ("running",))
        write_trial_rows(session, rows)


def finish_sweep(database: Database, sweep_id: int, status: str, error: object = None) -> None:
    """End a sweep as completed, failed or cancelled; the sets that were done stay recorded."""
    with database.write() as session:
        _finish(session, _SWEEPS, sweep_id, status, {"error": _reason(error)})


def create_notebook_run(database: Database, run: NewNotebookRun) -> int:
    """Record a notebook that waits to be run and return the id of the run."""
    with database.write() as session:
        return _insert(session, _NOTEBOOKS, row_of("notebook_runs", run) | {"status": "pending"})


def start_notebook_run(database: Database, run_id: int) -> None:
    """Note that a pending notebook runs now; of several that try, one succeeds.

    Raises
    ------
    StoreError
        It is not pending.
    """
    with database.write() as session:
        _change(session, _NOTEBOOKS, run_id, {"status": "running", "started_at": database_time()}, ("pending",))


def finish_notebook_run(database: Database, run_id: int, status: str, error: object = None, **left: Any) -> None:
    """End a notebook's run; ``left`` is what it left: ``output_path``, ``html_path``, ``backtest_job_id``."""
    changes = checked_row("notebook_runs", left) | {"error": _reason(error)}
    with database.write() as session:
        _finish(session, _NOTEBOOKS, run_id, status, changes)


def _insert(session: Session, table: sa.Table, row: dict[str, Any]) -> int:
    statement = sa.insert(table).values(**row, created_at=database_time()).returning(table.c.id)
    return int(session.execute(statement).scalar_one())


def _finish(session: Session, table: sa.Table, row_id: int, status: str, changes: dict[str, Any]) -> None:
    if status not in FINAL_STATES:
        raise StoreError(f"{status!r} is not how something ends. {did_you_mean(status, FINAL_STATES)}")
    changes |= {"status": status, "completed_at": database_time()}
    _change(session, table, row_id, changes, ("pending", "running"))


def _change(session: Session, table: sa.Table, row_id: int, changes: dict[str, Any], states: Sequence[str]) -> None:
    query = sa.update(table).where(table.c.id == row_id, table.c.status.in_(states)).values(**changes)
    if session.execute(query.returning(table.c.id)).first() is not None:
        return
    word = "sweep" if table is _SWEEPS else "notebook run"
    state = session.scalar(sa.select(table.c.status).where(table.c.id == row_id))
    if state is None:
        raise NotFoundError(f"There is no {word} {row_id}.")
    raise StoreError(f"The {word} {row_id} is {state}, it cannot be changed as one that is {' or '.join(states)}.")


def _reason(error: object) -> str | None:
    return None if error is None else short_text(error, ERROR_LENGTH)
