"""The life of a job: every change is one transaction, made only by whoever holds the lease; final states stay.

::

    pending ──claim──> running ──complete──> completed
       │                  ├─────fail──────> failed
       └───────cancel─────┴────────────────> cancelled
    running ──release (its worker died)──> pending while attempts remain, else failed
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from secrets import token_hex
from typing import Any

import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session, col, select

from research_kit.errors import NotFoundError, StoreError
from research_kit.store.bulk import trade_columns, write_trades
from research_kit.store.database import Database, database_time
from research_kit.store.files import StoredFile
from research_kit.store.fingerprints import trades_sha256
from research_kit.store.json_values import JsonDict, dump_json, to_json
from research_kit.store.records import (
    ERROR_LENGTH,
    JobOutcome,
    NewJob,
    TrialRecord,
    metrics_row,
    row_of,
    short_text,
)
from research_kit.store.tables import (
    FINAL_STATES,
    Backtest,
    BacktestJob,
    BacktestMetrics,
    Dataset,
    StrategyRow,
    Trade,
    Trial,
    columns_of,
)
from research_kit.store.trials import write_trial

_JOBS = columns_of("backtest_jobs")


class LeaseLostError(StoreError):
    """The job (or sweep) is not ours any more: it ended, or another worker has it. Stop, and write nothing."""


def create_job(database: Database, job: NewJob) -> int:
    """Record a job that waits to be run and return its id."""
    with database.write() as session:
        return _insert(session, job)


def begin_job(database: Database, job: NewJob, worker_id: str) -> tuple[int, str]:
    """Record a job that is ours from the first moment, so that no worker takes it; return its id and its token."""
    with database.write() as session:
        job_id = _insert(session, job)
        return job_id, _claim(session, job_id, worker_id)


def claim_job(database: Database, job_id: int, worker_id: str) -> str:
    """Take a pending job and return the token of its lease; of several that try, one gets it.

    Raises
    ------
    LeaseLostError
        The job is not pending.
    """
    with database.write() as session:
        return _claim(session, job_id, worker_id)


def _insert(session: Session, job: NewJob) -> int:
    row = row_of("backtest_jobs", job)
    start = {"status": "pending", "progress": 0.0, "attempt": 0, "cancel_requested": False}
    statement = sa.insert(_JOBS).values(**row, **start, created_at=database_time()).returning(_JOBS.c.id)
    return int(session.execute(statement).scalar_one())


def _claim(session: Session, job_id: int, worker_id: str) -> str:
    token = token_hex(16)
    changes = {
        "status": "running",
        "worker_id": short_text(worker_id, 100),
        "lease_token": token,
        "attempt": _JOBS.c.attempt + 1,
        "started_at": database_time(),
        "heartbeat_at": database_time(),
        "progress": 0.0,
        "current_step": None,
        "error_message": None,
    }
    _change(session, job_id, changes, states=("pending",))
    return token


def heartbeat(database: Database, job_id: int, token: str) -> bool:
    """Say that the worker is alive; return whether someone asked to cancel the job."""
    with database.write() as session:
        return _change(session, job_id, {"heartbeat_at": database_time()}, token=token)


def report_progress(database: Database, job_id: int, token: str, progress: float, step: str = "") -> bool:
    """Say how far a job is (0 to 1) and that its worker is alive; return whether someone asked to cancel it."""
    if not 0.0 <= progress <= 1.0:
        raise StoreError(f"progress is a fraction from 0 to 1; {progress!r} was given.")
    changes = {"progress": float(progress), "current_step": short_text(step, 200), "heartbeat_at": database_time()}
    with database.write() as session:
        return _change(session, job_id, changes, token=token)


def complete_job(database: Database, job_id: int, token: str, outcome: JobOutcome) -> int:
    """Record all that a job left, and that it completed, in one transaction; return the id of its backtest.

    What an earlier attempt of the job wrote is overwritten, and a spec that was tried before is the same trial.

    Raises
    ------
    StoreError
        The outcome cannot be stored as it is; nothing was written.
    LeaseLostError
        The lease is lost; nothing was written.
    """
    trades = trade_columns(outcome.trades)
    fingerprints = {"trades_sha256": trades_sha256(trades), "orders_sha256": outcome.orders_sha256}
    metrics = metrics_row(outcome.metrics, outcome.reasons)
    results = JsonDict(to_json(outcome.results))
    result_data = dump_json(results if outcome.result_data is outcome.results else outcome.result_data)
    with database.write() as session:
        job = _end(session, job_id, token, "completed", progress=1.0, result_data=result_data)
        _write_metrics(session, job, trades, metrics)
        is_new, backtest_id = _write_backtest(session, job, results, outcome.equity, fingerprints)
        if outcome.trial is not None:
            write_trial(session, replace(outcome.trial, backtest_job_id=job_id, state="completed"))
        if is_new:
            _count(session, job, metrics["total_return_percent"])
    return backtest_id


def fail_job(database: Database, job_id: int, token: str, message: object, trial: TrialRecord | None = None) -> None:
    """End a job as failed with the reason; it counts as a trial, made from the job where none is given."""
    text = short_text(message, ERROR_LENGTH)
    with database.write() as session:
        job = _end(session, job_id, token, "failed", error_message=text)
        _count_as_trial(session, job, trial)


def cancel_job(database: Database, job_id: int, token: str | None = None, trial: TrialRecord | None = None) -> None:
    """End a pending or running job as cancelled; it counts as a trial.

    With a token: by the worker that holds the lease. Without: by anyone, once the worker has been stopped; what it
    still tries to write is refused.
    """
    with database.write() as session:
        job = _end(session, job_id, token, "cancelled", states=("pending", "running"))
        _count_as_trial(session, job, trial)


def request_cancel(database: Database, job_id: int) -> str:
    """Ask for a job to be cancelled and return its state: a pending one is cancelled at once, a running one is told."""
    with database.write() as session:
        job = _locked(session, job_id)
        if job.status == "pending":
            job = _end(session, job_id, None, "cancelled", states=("pending",))
            _count_as_trial(session, job, None)
        elif job.status == "running":
            _change(session, job_id, {"cancel_requested": True})
        return job.status


def release_job(database: Database, job_id: int, token: str, reason: str) -> str:
    """Give up the lease of a worker that died and return the job's state.

    It is pending again while attempts remain, cancelled where that was asked for, else failed with the reason.
    """
    with database.write() as session:
        return _release(session, _locked(session, job_id), token, reason)


def release_expired(
    database: Database, grace: float = 30.0, is_alive: Callable[[str], bool] | None = None
) -> dict[int, str]:
    """Release every running job whose worker gave no sign of life for ``grace`` seconds; return states by id.

    Any client may call it at any time. Of a worker that is there, as ``is_alive`` says of its id, the silence must have
    been heard here for as long: the database's clock may have been set.
    """
    sign = sa.func.coalesce(_JOBS.c.heartbeat_at, _JOBS.c.started_at, _JOBS.c.created_at)
    stale = select(BacktestJob).where(_JOBS.c.status == "running", sign < database_time(grace)).order_by(_JOBS.c.id)
    with database.read() as session:  # mostly there is none: looking needs no lock
        silent = session.execute(
            stale.with_only_columns(_JOBS.c.id, _JOBS.c.worker_id, _JOBS.c.lease_token, sign)
        ).all()
    over = [
        job_id
        for job_id, worker, token, last in silent
        if not (is_alive and worker and is_alive(worker))
        or database.silences.lasted(("job", job_id), (token, last)) >= grace
    ]
    if not over:
        return {}
    reason = f"The worker gave no sign of life for {grace:g} seconds."
    with database.write() as session:
        jobs = session.scalars(stale.where(_JOBS.c.id.in_(over)).with_for_update(skip_locked=True)).all()
        return {job.id: _release(session, job, job.lease_token, reason) for job in jobs}


def give_up_job(database: Database, job_id: int, reason: str) -> None:
    """End a pending job as failed: nobody is going to run it. One that is run, or has ended, stays as it is."""
    with database.write() as session:
        if _locked(session, job_id).status == "pending":
            text = short_text(reason, ERROR_LENGTH)
            job = _end(session, job_id, None, "failed", states=("pending",), error_message=text)
            _count_as_trial(session, job, None)


def delete_job(database: Database, job_id: int) -> None:
    """Delete an ended job with its trades, metrics and backtest; its trial stays counted, as deleted."""
    with database.write() as session:
        job = _locked(session, job_id)
        if job.status not in FINAL_STATES:
            raise StoreError(f"Job {job_id} is {job.status}; cancel it before it is deleted.")
        session.execute(sa.update(Trial).where(col(Trial.backtest_job_id) == job_id).values(state="deleted"))
        session.delete(job)
        session.flush()
        if job.dataset_id is not None and job.status == "completed":
            dataset = session.get_one(Dataset, job.dataset_id, with_for_update=True)
            dataset.backtest_count = max(0, dataset.backtest_count - 1)
        if job.strategy_id is not None:
            _recount(session, job.strategy_id)


def _change(
    session: Session,
    job_id: int,
    changes: Mapping[str, Any],
    *,
    token: str | None = None,
    states: Sequence[str] = ("running",),
) -> bool:
    """Change a job in one of these states, held by this lease; return whether cancelling was asked for."""
    query = sa.update(_JOBS).where(_JOBS.c.id == job_id, _JOBS.c.status.in_(states))
    if token is not None:
        query = query.where(_JOBS.c.lease_token == token)
    changed = session.execute(query.values(**changes).returning(_JOBS.c.cancel_requested)).first()
    if changed is None:
        raise _lost(session, job_id, states)
    return bool(changed[0])


def _lost(session: Session, job_id: int, states: Sequence[str]) -> StoreError | NotFoundError:
    state = session.scalar(sa.select(_JOBS.c.status).where(_JOBS.c.id == job_id))
    if state is None:
        return NotFoundError(f"There is no job {job_id}.")
    if state in states:
        return LeaseLostError(f"Job {job_id} is run by another worker now; what this one did is not recorded.")
    return LeaseLostError(f"Job {job_id} is {state}, it cannot be changed as one that is {' or '.join(states)}.")


def _end(
    session: Session, job_id: int, token: str | None, state: str, states: Sequence[str] = ("running",), **changes: Any
) -> BacktestJob:
    """Bring a job to a final state and return it as it is then; the lease ends with it."""
    _change(session, job_id, {"status": state, "completed_at": database_time(), **changes}, token=token, states=states)
    job = _locked(session, job_id)
    if job.started_at is not None and job.completed_at is not None:
        job.actual_duration = max(0.0, (job.completed_at - job.started_at).total_seconds())
    job.lease_token = None
    session.add(job)
    session.flush()
    return job


def _locked(session: Session, job_id: int) -> BacktestJob:
    job = session.get(BacktestJob, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise NotFoundError(f"There is no job {job_id}.")
    return job


def _release(session: Session, job: BacktestJob, token: str | None, reason: str) -> str:
    if job.cancel_requested:
        job = _end(session, job.id, token, "cancelled")
    elif job.attempt < job.max_attempts:
        _change(session, job.id, {"status": "pending", "lease_token": None, "error_message": reason}, token=token)
        return "pending"
    else:
        text = f"{short_text(reason, ERROR_LENGTH)} It was attempt {job.attempt} of {job.max_attempts}."
        job = _end(session, job.id, token, "failed", error_message=text)
    _count_as_trial(session, job, None)
    return job.status


def _write_metrics(
    session: Session, job: BacktestJob, trades: Mapping[str, NDArray[Any]], metrics: Mapping[str, Any]
) -> None:
    if job.attempt > 1:
        for table in (Trade, BacktestMetrics):
            session.execute(sa.delete(table).where(col(table.backtest_job_id) == job.id))
    session.add(BacktestMetrics(backtest_job_id=job.id, **metrics))
    session.flush()
    write_trades(session, job.id, trades)


def _write_backtest(
    session: Session, job: BacktestJob, results: Any, equity: StoredFile | None, fingerprints: Mapping[str, Any]
) -> tuple[bool, int]:
    """Write the backtest of a job over the one of an earlier attempt; return whether there was none, and its id."""
    found = session.exec(select(Backtest).where(Backtest.backtest_job_id == job.id)).first()
    backtest = found or Backtest(strategy_name=job.strategy, backtest_job_id=job.id)
    backtest.sqlmodel_update(
        {
            "strategy_params": job.strategy_params,
            "dataset_id": job.dataset_id,
            "strategy_id": job.strategy_id,
            "status": "completed",
            "results": results,
            "completed_at": job.completed_at,
            "spec_hash": job.spec_hash,
            "equity_path": equity and equity.path,
            "equity_sha256": equity and equity.sha256,
            "equity_size": equity and equity.size,
            **fingerprints,
        }
    )
    session.add(backtest)
    session.flush()
    return found is None, backtest.id


def _count(session: Session, job: BacktestJob, total_return_percent: float | None) -> None:
    """Count a new backtest with its dataset and its strategy; the statements leave the arithmetic to the database."""
    used: dict[str, Any] = {"last_used": database_time()}
    count = {"backtest_count": col(Dataset.backtest_count) + 1, "last_accessed": database_time()}
    session.execute(sa.update(Dataset).where(col(Dataset.id) == job.dataset_id).values(**used, **count))
    total, mean = col(StrategyRow.total_backtests), col(StrategyRow.avg_performance)
    if total_return_percent is not None:
        used["avg_performance"] = (sa.func.coalesce(mean, 0.0) * total + total_return_percent) / (total + 1.0)
    session.execute(
        sa.update(StrategyRow).where(col(StrategyRow.id) == job.strategy_id).values(total_backtests=total + 1, **used)
    )


def _recount(session: Session, strategy_id: int) -> None:
    """Set a strategy's counters from its backtests that are left."""
    mine = col(Backtest.strategy_id) == strategy_id
    metrics = col(BacktestMetrics.backtest_job_id) == col(Backtest.backtest_job_id)
    query = sa.select(sa.func.count(col(Backtest.id)), sa.func.avg(col(BacktestMetrics.total_return_percent)))
    total, mean = session.execute(query.select_from(Backtest).outerjoin(BacktestMetrics, metrics).where(mine)).one()
    changes = {"total_backtests": total, "avg_performance": mean}
    session.execute(sa.update(StrategyRow).where(col(StrategyRow.id) == strategy_id).values(**changes))


def _count_as_trial(session: Session, job: BacktestJob, trial: TrialRecord | None) -> None:
    """Record the trial of a job that did not complete; a job without a spec is none."""
    if trial is None and job.spec_hash is not None:
        trial = TrialRecord(
            spec_hash=job.spec_hash,
            kind="run",
            strategy_name=job.strategy,
            dataset_id=job.dataset_id,
            dataset_sha256=job.dataset_sha256,
            strategy_sha256=job.strategy_sha256,
            parameters=job.strategy_params or {},
            options=job.engine_options or {},
        )
    if trial is not None:
        error = job.error_message or trial.error
        write_trial(session, replace(trial, state=job.status, backtest_job_id=job.id, error=error))
