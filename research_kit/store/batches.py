"""Runs of notebooks: what was asked for, how it ended; final states stay."""

from __future__ import annotations

from typing import Any

from research_kit.store.database import Database, database_time
from research_kit.store.records import NewNotebookRun, checked_row, row_of
from research_kit.store.states import UNFINISHED, change_row, ending, insert_row
from research_kit.store.tables import columns_of

_NOTEBOOKS = columns_of("notebook_runs")


def create_notebook_run(database: Database, run: NewNotebookRun) -> int:
    """Record a notebook that waits to be run and return the id of the run."""
    with database.write() as session:
        return insert_row(session, _NOTEBOOKS, row_of("notebook_runs", run) | {"status": "pending"})


def start_notebook_run(database: Database, run_id: int) -> None:
    """Note that a pending notebook runs now; of several that try, one succeeds.

    Raises
    ------
    StoreError
        It is not pending.
    """
    changes = {"status": "running", "started_at": database_time()}
    with database.write() as session:
        change_row(session, _NOTEBOOKS, run_id, changes, states=("pending",))


def finish_notebook_run(database: Database, run_id: int, status: str, error: object = None, **left: Any) -> None:
    """End a notebook's run; ``left`` is what it left: ``output_path``, ``html_path``, ``backtest_job_id``."""
    changes = checked_row("notebook_runs", left) | ending(status, error)
    with database.write() as session:
        change_row(session, _NOTEBOOKS, run_id, changes, states=UNFINISHED)
