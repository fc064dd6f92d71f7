"""What workers ask of the job table: the next job to run, which of theirs were cancelled or lost, whose worker died."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import sqlalchemy as sa
from sqlmodel import col

from research_kit.errors import NotFoundError
from research_kit.store.database import Database, database_time
from research_kit.store.jobs import LeaseLostError, claim_job, release_job
from research_kit.store.tables import BacktestJob, columns_of

_JOBS, _DATASETS, _BACKTESTS = columns_of("backtest_jobs"), columns_of("datasets"), columns_of("backtests")
LEARNT_FROM = 20  # past jobs that tell how long one takes


@dataclass(frozen=True)
class Claim:
    """A job that is ours, and the token that proves it."""

    job_id: int
    token: str


def claim_next(database: Database, worker_id: str) -> Claim | None:
    """Take the oldest job that waits; None where none does. Of several that ask at once each gets another one.

    A job without a specification was not made by this package: it stays as it is.
    """
    while True:
        with database.read() as session:  # mostly there is none: looking needs no lock
            job_id = session.scalar(
                sa.select(_JOBS.c.id)
                .where(_JOBS.c.status == "pending", _JOBS.c.spec_hash.is_not(None))
                .order_by(_JOBS.c.id)
                .limit(1)
            )
        if job_id is None:
            return None
        try:
            return Claim(job_id, claim_job(database, job_id, worker_id))
        except LeaseLostError:  # another was faster
            continue


def keep_alive(database: Database, claims: Mapping[int, str]) -> dict[int, str]:
    """Say that the worker of these jobs (tokens by id) is alive; return the state of each that is not ours any more.

    ``cancel`` stands for one that is still ours, and that someone asked to cancel.
    """
    if not claims:
        return {}
    held = sa.and_(_JOBS.c.status == "running", sa.tuple_(_JOBS.c.id, _JOBS.c.lease_token).in_(claims.items()))
    with database.write() as session:
        changed = session.execute(
            sa.update(_JOBS).where(held).values(heartbeat_at=database_time()).returning(_JOBS.c.id)
        )
        changed.all()
    return news_of(database, claims)


def news_of(database: Database, claims: Mapping[int, str]) -> dict[int, str]:
    """Return what happened to jobs that we run: ``cancel`` where that was asked for, else the state of one we lost."""
    if not claims:
        return {}
    columns = (_JOBS.c.id, _JOBS.c.status, _JOBS.c.lease_token, _JOBS.c.cancel_requested)
    with database.read() as session:
        rows = session.execute(sa.select(*columns).where(_JOBS.c.id.in_(claims))).all()
    found = {job_id: (status, token, cancel) for job_id, status, token, cancel in rows}
    news: dict[int, str] = {}
    for job_id, mine in claims.items():
        status, token, cancel = found.get(job_id, ("deleted", None, False))
        if status != "running" or token != mine:
            news[job_id] = status if status != "running" else "lost"
        elif cancel:
            news[job_id] = "cancel"
    return news


def release_dead(database: Database, is_over: Callable[[str], bool]) -> dict[int, str]:
    """Release the running jobs whose worker is no more, as ``is_over`` says of a worker's id; return states by id."""
    query = sa.select(_JOBS.c.id, _JOBS.c.worker_id, _JOBS.c.lease_token).where(_JOBS.c.status == "running")
    with database.read() as session:
        running = session.execute(query.where(_JOBS.c.worker_id.is_not(None))).all()
    workers = {worker: is_over(worker) for _, worker, _ in running}
    released = {}
    for job_id, worker, token in running:
        if workers[worker]:
            try:
                released[job_id] = release_job(database, job_id, token, f"The worker {worker} died.")
            except LeaseLostError:  # another client found it first
                continue
    return released


def expected_seconds(database: Database, strategy: str, rows: int) -> float | None:
    """Return how long a job will take, learnt from past ones of this strategy (else of any) by the size of their data.

    None where nothing was run yet.
    """
    query = (
        sa.select(_JOBS.c.actual_duration, _DATASETS.c.rows_count)
        .join_from(_JOBS, _DATASETS, _JOBS.c.dataset_id == _DATASETS.c.id)
        .where(col(BacktestJob.status) == "completed", _JOBS.c.actual_duration.is_not(None), _DATASETS.c.rows_count > 0)
        .order_by(_JOBS.c.id.desc())
        .limit(LEARNT_FROM)
    )
    with database.read() as session:
        past = session.execute(query.where(_JOBS.c.strategy == strategy)).all() or session.execute(query).all()
    if not past or rows < 1:
        return None
    alike = [seconds for seconds, size in past if size / 2 <= rows <= size * 2]
    if alike:
        return float(median(alike))
    seconds, size = min(past, key=lambda one: max(one[1] / rows, rows / one[1]))
    return float(seconds * rows / size)


def backtest_of_job(database: Database, job_id: int) -> int:
    """Return the id of the backtest that a completed job left, or raise ``NotFoundError``."""
    with database.read() as session:
        found = session.scalar(sa.select(_BACKTESTS.c.id).where(_BACKTESTS.c.backtest_job_id == job_id))
    if found is None:
        raise NotFoundError(f"Job {job_id} has left no backtest.")
    return int(found)
