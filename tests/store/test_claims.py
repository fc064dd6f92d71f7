"""What workers ask of the job table."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from research_kit.errors import NotFoundError
from research_kit.store.claims import (
    Claim,
    backtest_of_job,
    claim_next,
    expected_seconds,
    keep_alive,
    news_of,
    release_dead,
)
from research_kit.store.datasets import add_dataset
from research_kit.store.jobs import cancel_job, claim_job, complete_job, create_job, fail_job, request_cancel
from research_kit.store.listings import get_job
from research_kit.store.tables import BacktestJob


def test_the_oldest_job_is_claimed_first(database, make):
    first, second = create_job(database, make.job()), create_job(database, make.job())
    claims = [claim_next(database, "worker 1"), claim_next(database, "worker 2")]
    assert [claim.job_id for claim in claims] == [first, second]
    assert claim_next(database, "worker 3") is None
    assert claims[0] == Claim(first, get_job(database, first).lease_token)


def test_a_sign_of_life_is_for_our_jobs_alone(database, make):
    ours, theirs = create_job(database, make.job()), create_job(database, make.job())
    token = claim_job(database, ours, "worker 1")
    claim_job(database, theirs, "worker 2")
    with database.write() as session:
        session.execute(sa.update(BacktestJob).values(heartbeat_at=get_job(database, ours).created_at - timedelta(9)))
    assert keep_alive(database, {ours: token, theirs: "not its token"}) == {theirs: "lost"}
    assert get_job(database, ours).heartbeat_at >= get_job(database, ours).created_at
    assert get_job(database, theirs).heartbeat_at < get_job(database, theirs).created_at


def test_news_of_jobs(database, make):
    jobs = {name: create_job(database, make.job()) for name in ("calm", "asked", "ended", "failed")}
    claims = {job_id: claim_job(database, job_id, "worker 1") for job_id in jobs.values()}
    request_cancel(database, jobs["asked"])
    cancel_job(database, jobs["ended"])
    fail_job(database, jobs["failed"], claims[jobs["failed"]], "no good")
    claims[999] = "a token"
    assert news_of(database, claims) == {
        jobs["asked"]: "cancel",
        jobs["ended"]: "cancelled",
        jobs["failed"]: "failed",
        999: "deleted",
    }
    assert news_of(database, {}) == keep_alive(database, {}) == {}


def test_jobs_of_dead_workers_are_released(database, make):
    jobs = [create_job(database, make.job()) for _ in range(3)]
    for job_id, worker in zip(jobs, ("dead", "alive", "dead"), strict=True):
        claim_job(database, job_id, worker)
    assert release_dead(database, lambda worker: worker == "dead") == {jobs[0]: "failed", jobs[2]: "failed"}
    assert get_job(database, jobs[0]).error_message == "The worker dead died. It was attempt 1 of 1."
    assert get_job(database, jobs[1]).status == "running"
    assert release_dead(database, lambda worker: worker == "dead") == {}


def test_how_long_a_job_takes_is_learnt_from_those_like_it(database, make):
    assert expected_seconds(database, "sma_cross", 1_000) is None
    rows, done = 1_000, []
    dataset = add_dataset(database, make.dataset(rows_count=rows))
    for seconds in (1.0, 2.0, 9.0):
        job_id = create_job(database, make.job(dataset_id=dataset.id))
        complete_job(database, job_id, claim_job(database, job_id, "worker 1"), make.outcome())
        done.append((job_id, seconds))
    with database.write() as session:
        for job_id, seconds in done:
            session.execute(sa.update(BacktestJob).where(BacktestJob.id == job_id).values(actual_duration=seconds))
    strategy = get_job(database, done[0][0]).strategy
    assert expected_seconds(database, strategy, rows) == 2.0
    assert expected_seconds(database, "another one", rows) == 2.0
    assert expected_seconds(database, strategy, 100 * rows) == pytest.approx(900.0)  # of the newest, by its size
    assert expected_seconds(database, strategy, 0) is None


def test_the_backtest_of_a_job(database, make):
    job_id = create_job(database, make.job())
    with pytest.raises(NotFoundError, match=f"Job {job_id} has left no backtest."):
        backtest_of_job(database, job_id)
    left = complete_job(database, job_id, claim_job(database, job_id, "worker 1"), make.outcome())
    assert backtest_of_job(database, job_id) == left
