"""Runs of notebooks, alone or in batches: what was asked for, who runs it, how it ended; final states stay.

::

    pending ──start──> running ──finish──> completed, failed, cancelled
                          └─ its runner died: failed, with the reason, when anyone looks
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from research_kit.errors import StoreError
from research_kit.store.database import Database, database_time
from research_kit.store.jobs import LeaseLostError
from research_kit.store.listings import HEADLINE_METRICS
from research_kit.store.records import NewNotebookRun, checked_row, row_of, short_text
from research_kit.store.states import UNFINISHED, change_row, ending, insert_row
from research_kit.store.tables import NotebookRun, columns_of

if TYPE_CHECKING:
    import pandas as pd

_NOTEBOOKS = columns_of("notebook_runs")
_BACKTESTS, _METRICS = columns_of("backtests"), columns_of("backtest_metrics")
_AT_ONCE = 500  # ids in one query


class BatchRow(NamedTuple):
    """One place of a batch: its newest run, the backtest that was recorded in it, and that one's headline metrics."""

    run: NotebookRun
    backtest_id: int | None
    metrics: dict[str, float | int | None]


def create_notebook_run(database: Database, run: NewNotebookRun) -> int:
    """Record a notebook that waits to be run and return the id of the run."""
    return create_notebook_runs(database, [run])[0]


def create_notebook_runs(database: Database, runs: Sequence[NewNotebookRun]) -> list[int]:
    """Record notebooks that wait to be run, all or none, and return the ids of the runs."""
    rows = [row_of("notebook_runs", run) | {"status": "pending"} for run in runs]
    with database.write() as session:
        return [insert_row(session, _NOTEBOOKS, row) for row in rows]


def start_notebook_run(database: Database, run_id: int, worker_id: str = "", token: str = "") -> str:
    """Note that a pending notebook runs now and return the token that proves who runs it; of several, one succeeds.

    The token is a new one unless it is given.

    Raises
    ------
    StoreError
        It is not pending.
    """
    token = token or token_hex(16)
    changes = {
        "status": "running",
        "started_at": database_time(),
        "heartbeat_at": database_time(),
        "worker_id": short_text(worker_id, 100) or None,
        "lease_token": token,
        "attempt": _NOTEBOOKS.c.attempt + 1,
    }
    with database.write() as session:
        change_row(session, _NOTEBOOKS, run_id, changes, states=("pending",))
    return token


def retry_notebook_run(database: Database, run_id: int, token: str, error: object) -> None:
    """Note that a running notebook failed and is begun again; the error is kept until it ends."""
    changes = {
        "attempt": _NOTEBOOKS.c.attempt + 1,
        "backtest_job_id": None,
        "error": ending("failed", error)["error"],
        "heartbeat_at": database_time(),
    }
    with database.write() as session:
        change_row(session, _NOTEBOOKS, run_id, changes, states=("running",), held=_NOTEBOOKS.c.lease_token == token)


def finish_notebook_run(
    database: Database, run_id: int, status: str, error: object = None, *, token: str | None = None, **left: Any
) -> None:
    """End a notebook's run; ``left`` is what it left: ``output_path``, ``html_path``, ``backtest_job_id``.

    With a token: by whoever runs it, and by nobody else.
    """
    changes = checked_row("notebook_runs", left) | ending(status, error) | {"lease_token": None}
    held = None if token is None else _NOTEBOOKS.c.lease_token == token
    with database.write() as session:
        change_row(session, _NOTEBOOKS, run_id, changes, states=UNFINISHED, held=held)
        run = session.get_one(NotebookRun, run_id)
        if run.started_at is not None and run.completed_at is not None:
            run.actual_duration = max(0.0, (run.completed_at - run.started_at).total_seconds())
            session.add(run)


def cancel_waiting_notebooks(database: Database, run_ids: Sequence[int], reason: str) -> None:
    """Cancel those of these notebooks that were not begun."""
    with database.write() as session:
        for start in range(0, len(run_ids), _AT_ONCE):
            mine = _NOTEBOOKS.c.id.in_(run_ids[start : start + _AT_ONCE])
            waiting = sa.update(_NOTEBOOKS).where(mine, _NOTEBOOKS.c.status == "pending")
            session.execute(waiting.values(ending("cancelled", reason)))


def note_backtest(database: Database, run_id: int, token: str, job_id: int) -> bool:
    """Note which backtest job a running notebook recorded; False where the run is not that of this token."""
    mine = (_NOTEBOOKS.c.id == run_id, _NOTEBOOKS.c.status == "running", _NOTEBOOKS.c.lease_token == token)
    statement = sa.update(_NOTEBOOKS).where(*mine).values(backtest_job_id=job_id).returning(_NOTEBOOKS.c.id)
    with database.write() as session:
        return session.execute(statement).first() is not None


def keep_notebooks_alive(database: Database, tokens: Mapping[int, str]) -> None:
    """Say that whoever runs these notebooks (tokens by id) is alive."""
    held = sa.tuple_(_NOTEBOOKS.c.id, _NOTEBOOKS.c.lease_token).in_(tokens.items())
    with database.write() as session:
        session.execute(sa.update(_NOTEBOOKS).where(held).values(heartbeat_at=database_time()))


def request_batch_cancel(database: Database, batch: str) -> int:
    """Cancel what waits in a batch, ask for the end of what runs, and return how many of these there are."""
    mine = _NOTEBOOKS.c.batch == batch
    with database.write() as session:
        waiting = sa.update(_NOTEBOOKS).where(mine, _NOTEBOOKS.c.status == "pending")
        session.execute(waiting.values(ending("cancelled", "It was cancelled before it began.")))
        running = sa.update(_NOTEBOOKS).where(mine, _NOTEBOOKS.c.status == "running")
        asked = session.execute(running.values(cancel_requested=True).returning(_NOTEBOOKS.c.id)).all()
    return len(asked)


def is_batch_cancelled(database: Database, batch: str, run_ids: Sequence[int]) -> bool:
    """Return whether somebody asked for the end of one of these runs of a batch."""
    asked = sa.or_(_NOTEBOOKS.c.cancel_requested, _NOTEBOOKS.c.status == "cancelled")
    query = sa.select(_NOTEBOOKS.c.id).where(_NOTEBOOKS.c.batch == batch, asked)
    with database.read() as session:
        return not set(run_ids).isdisjoint(session.scalars(query).all())


def settle_notebook_runs(
    database: Database, is_over: Callable[[str], bool], grace: float, is_alive: Callable[[str], bool] | None = None
) -> list[int]:
    """Fail the running notebooks whose runner is over, as ``is_over`` says of its id, or was silent for ``grace`` s.

    Anyone may do so at any time; returns the ids. Of a runner that is there, as ``is_alive`` says, the silence must
    have been heard here for as long: the database's clock may have been set.
    """
    sign = sa.func.coalesce(_NOTEBOOKS.c.heartbeat_at, _NOTEBOOKS.c.started_at)
    columns = (_NOTEBOOKS.c.id, _NOTEBOOKS.c.worker_id, _NOTEBOOKS.c.lease_token, sign, sign < database_time(grace))
    with database.read() as session:
        running = session.execute(sa.select(*columns).where(_NOTEBOOKS.c.status == "running")).all()
    settled = []
    for run_id, worker, token, last, is_silent in running:
        if worker and is_over(worker):
            reason = f"The process that ran it ({worker}) died."
        elif is_silent and not (
            is_alive
            and worker
            and is_alive(worker)
            and database.silences.lasted(("notebook", run_id), (token, last)) < grace
        ):
            reason = f"The process that ran it gave no sign of life for {grace:g} seconds."
        else:
            continue
        try:
            finish_notebook_run(database, run_id, "failed", reason, token=token)
            settled.append(run_id)
        except LeaseLostError:  # it ended meanwhile
            continue
    return settled


def batch_rows(database: Database, batch: str) -> list[BatchRow]:
    """Return the places of a batch in order; of the runs of one place the newest."""
    newest = select(sa.func.max(_NOTEBOOKS.c.id)).where(_NOTEBOOKS.c.batch == batch).group_by(_NOTEBOOKS.c.position)
    query = select(NotebookRun).where(col(NotebookRun.id).in_(newest)).order_by(col(NotebookRun.position))
    with database.read() as session:
        runs = session.exec(query).all()
        found = _results(session, [run.backtest_job_id for run in runs if run.backtest_job_id is not None])
    return [BatchRow(run, *found.get(run.backtest_job_id or 0, (None, {}))) for run in runs]


def batches_table(database: Database) -> pd.DataFrame:
    """Return the batches, newest first: their notebook, when they were begun, and how many are in which state."""
    import pandas as pd

    newest = (
        sa.select(sa.func.max(_NOTEBOOKS.c.id))
        .where(_NOTEBOOKS.c.batch.is_not(None))
        .group_by(_NOTEBOOKS.c.batch, _NOTEBOOKS.c.position)
    )
    columns = [_NOTEBOOKS.c[name] for name in ("id", "batch", "notebook", "status", "created_at")]
    with database.read() as session:
        rows = session.execute(sa.select(*columns).where(_NOTEBOOKS.c.id.in_(newest)).order_by(_NOTEBOOKS.c.id)).all()
    batches: dict[str, dict[str, Any]] = {}
    for _, name, notebook, status, created_at in rows:
        line = batches.setdefault(name, {"name": name} | dict.fromkeys(("notebook", "created_at"), None))
        line |= {"notebook": notebook, "created_at": max(created_at, line["created_at"] or created_at)}
        line["notebooks"] = line.get("notebooks", 0) + 1
        line[status] = line.get(status, 0) + 1
    states = ("completed", "failed", "cancelled", "running", "pending")
    frame = pd.DataFrame(list(batches.values()), columns=["name", "notebook", "notebooks", *states, "created_at"])
    counts = frame[["notebooks", *states]].fillna(0).astype("int64")
    frame = frame.assign(**counts).astype({"created_at": "datetime64[us, UTC]"})
    return frame.sort_values("created_at", ascending=False, ignore_index=True)


def equity_of_job(database: Database, job_id: int) -> list[float]:
    """Return the equity of a job's backtest, at no more than a few thousand points; empty where there is none."""
    with database.read() as session:
        results = session.scalar(sa.select(_BACKTESTS.c.results).where(_BACKTESTS.c.backtest_job_id == job_id))
    curve = (results or {}).get("equity_curve") or {}
    return [float(value) for value in curve.get("equity") or [] if value is not None]


def _results(session: Session, job_ids: Sequence[int]) -> dict[int, tuple[int, dict[str, float | int | None]]]:
    columns = [_BACKTESTS.c.backtest_job_id, _BACKTESTS.c.id, *(_METRICS.c[name] for name in HEADLINE_METRICS)]
    source = _BACKTESTS.outerjoin(_METRICS, _METRICS.c.backtest_job_id == _BACKTESTS.c.backtest_job_id)
    found = {}
    for start in range(0, len(job_ids), _AT_ONCE):
        part = _BACKTESTS.c.backtest_job_id.in_(job_ids[start : start + _AT_ONCE])
        for job_id, backtest_id, *values in session.execute(sa.select(*columns).select_from(source).where(part)):
            found[job_id] = backtest_id, dict(zip(HEADLINE_METRICS, values, strict=True))
    return found


def check_batch_free(database: Database, batch: str) -> None:
    """Raise ``StoreError`` where somebody runs a batch now."""
    query = sa.select(_NOTEBOOKS.c.worker_id).where(_NOTEBOOKS.c.batch == batch, _NOTEBOOKS.c.status == "running")
    with database.read() as session:
        worker = session.execute(query.limit(1)).first()
    if worker is not None:
        raise StoreError(f"The batch {batch!r} is run by another process ({worker[0]}). Wait for it, or cancel it.")
