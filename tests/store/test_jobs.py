"""The life of a job: one lease at a time, final states stay, everything recorded together and once."""

import subprocess
import sys
import threading
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from sqlmodel import select
from store.conftest import list_trials

from research_kit.errors import NotFoundError, StoreError
from research_kit.store.claims import claim_next
from research_kit.store.database import database_time
from research_kit.store.datasets import add_dataset, find_dataset
from research_kit.store.files import StoredFile
from research_kit.store.jobs import (
    LeaseLostError,
    begin_job,
    cancel_job,
    claim_job,
    complete_job,
    create_job,
    delete_job,
    fail_job,
    heartbeat,
    release_expired,
    release_job,
    report_progress,
    request_cancel,
)
from research_kit.store.listings import get_backtest, get_job, job_metrics, job_trades
from research_kit.store.strategies import find_strategy, save_strategy
from research_kit.store.tables import Backtest, BacktestJob, BacktestMetrics, Trade, Trial
from research_kit.store.trials import count_trials, unpack_returns


def rows(database, table):
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table))


def running(database, make, **more):
    job_id = create_job(database, make.job(**more))
    return job_id, claim_job(database, job_id, "worker 1")


def quiet(database, job_id, seconds):
    """Let the last sign of life of a job be so many seconds ago."""
    with database.write() as session:
        session.execute(
            sa.update(BacktestJob).where(BacktestJob.id == job_id).values(heartbeat_at=database_time(seconds))
        )


def test_a_new_job_waits(database, make):
    job = get_job(database, create_job(database, make.job(seed=2**40, max_attempts=3)))
    assert (job.status, job.progress, job.attempt, job.max_attempts, job.seed) == ("pending", 0.0, 0, 3, 2**40)
    assert (job.spec, job.strategy_params, job.spec_hash) == ({"fast": 10}, {"fast": 10}, "c" * 64)
    assert job.created_at.tzinfo is not None
    assert job.lease_token is None


def test_the_whole_life(database, make):
    dataset, strategy = add_dataset(database, make.dataset()), save_strategy(database, make.strategy())
    job_id, token = running(database, make, dataset_id=dataset.id, strategy_id=strategy.id)
    assert report_progress(database, job_id, token, 0.5, "signals") is False
    job = get_job(database, job_id)
    assert (job.status, job.progress, job.current_step, job.attempt) == ("running", 0.5, "signals", 1)
    assert job.worker_id == "worker 1"
    assert job.heartbeat_at >= job.started_at
    equity = StoredFile("artifacts/x.arrow", "e" * 64, 123)
    backtest = get_backtest(database, complete_job(database, job_id, token, make.outcome(3, equity=equity)))
    job = get_job(database, job_id)
    assert (job.status, job.progress, job.lease_token) == ("completed", 1.0, None)
    assert job.actual_duration == (job.completed_at - job.started_at).total_seconds() >= 0
    assert job.result_data == '{"equity": [1.0, null]}'
    assert (backtest.backtest_job_id, backtest.dataset_id, backtest.strategy_id) == (job_id, dataset.id, strategy.id)
    assert (backtest.strategy_name, backtest.strategy_params) == ("sma_cross", {"fast": 10})
    assert (backtest.status, backtest.results) == ("completed", {"equity": [1.0, None]})
    assert (backtest.equity_path, backtest.equity_sha256, backtest.equity_size) == (equity.path, equity.sha256, 123)
    assert len(job_trades(database, job_id)) == 3
    metrics = job_metrics(database, job_id)
    assert (metrics.values["total_trades"], metrics.values["cagr"], metrics.values["sortino_ratio"]) == (3, 0.07, None)
    assert metrics.reasons == {"sortino_ratio": "no losing day"}
    [trial] = list_trials(database, dataset_sha256="a" * 64)
    assert (trial.state, trial.kind, trial.backtest_job_id, trial.n_returns) == ("completed", "run", job_id, 2)
    np.testing.assert_array_equal(unpack_returns(trial.daily_returns), np.array([0.01, -0.02], np.float32))
    assert find_dataset(database, dataset.id).backtest_count == 1
    assert find_dataset(database, dataset.id).last_used is not None
    assert find_strategy(database, "sma_cross").total_backtests == 1
    assert find_strategy(database, "sma_cross").avg_performance == 12.5


def test_averages_are_of_all_backtests(database, make):
    strategy = save_strategy(database, make.strategy())
    jobs = []
    for i, percent in enumerate([10.0, -4.0, 6.0]):
        job_id, token = running(database, make, spec_hash=str(i) * 64, strategy_id=strategy.id)
        complete_job(database, job_id, token, make.outcome(1, percent, trial=make.trial(str(i) * 64)))
        jobs.append(job_id)
    assert find_strategy(database, strategy.id).avg_performance == pytest.approx(4.0)
    delete_job(database, jobs[1])
    found = find_strategy(database, strategy.id)
    assert (found.total_backtests, found.avg_performance) == (2, pytest.approx(8.0))


def test_only_one_claims(database, make):
    job_id, token = running(database, make)
    with pytest.raises(LeaseLostError, match=f"Job {job_id} is running"):
        claim_job(database, job_id, "worker 2")
    assert get_job(database, job_id).worker_id == "worker 1"
    heartbeat(database, job_id, token)


CLAIMERS = """
import sys, threading
from research_kit.store.database import Database
from research_kit.store.jobs import LeaseLostError, claim_job, complete_job
from research_kit.store.records import JobOutcome
database, jobs, won = Database.open(sys.argv[1]), range(1, int(sys.argv[2]) + 1), []
def work(name):
    for job_id in jobs:
        try:
            token = claim_job(database, job_id, name)
        except LeaseLostError:
            continue
        complete_job(database, job_id, token, JobOutcome())
        won.append(job_id)
threads = [threading.Thread(target=work, args=(str(i),)) for i in range(4)]
sys.stdin.readline()
[thread.start() for thread in threads]
[thread.join() for thread in threads]
database.close()
print(*won)
"""


def test_eight_claimers_in_two_processes_run_each_job_once(database, make):
    jobs = [create_job(database, make.job()) for _ in range(40)]
    command = [sys.executable, "-W", "error", "-c", CLAIMERS, database.url, str(len(jobs))]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    won = " ".join(worker.communicate(timeout=120)[0] for worker in workers).split()
    assert sorted(map(int, won)) == jobs
    assert rows(database, Backtest) == len(jobs)
    assert {get_job(database, job_id).attempt for job_id in jobs} == {1}


def test_a_lost_lease_writes_nothing(database, make):
    job_id, old = running(database, make, max_attempts=2)
    assert release_job(database, job_id, old, "the worker died") == "pending"
    new = claim_job(database, job_id, "worker 2")
    before = get_job(database, job_id)
    for verb in (
        lambda: heartbeat(database, job_id, old),
        lambda: report_progress(database, job_id, old, 0.9),
        lambda: complete_job(database, job_id, old, make.outcome()),
        lambda: fail_job(database, job_id, old, "no"),
        lambda: cancel_job(database, job_id, old),
        lambda: release_job(database, job_id, old, "no"),
    ):
        with pytest.raises(LeaseLostError, match="run by another worker"):
            verb()
    assert get_job(database, job_id) == before
    assert [rows(database, table) for table in (Trade, BacktestMetrics, Backtest, Trial)] == [0, 0, 0, 0]
    complete_job(database, job_id, new, make.outcome())


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_final_states_stay(database, make, end):
    job_id, token = running(database, make)
    ends = {
        "completed": lambda: complete_job(database, job_id, token, make.outcome()),
        "failed": lambda: fail_job(database, job_id, token, "no"),
        "cancelled": lambda: cancel_job(database, job_id, token),
    }
    ends[end]()
    before = get_job(database, job_id)
    assert before.status == end
    verbs = [*ends.values(), lambda: cancel_job(database, job_id), lambda: claim_job(database, job_id, "w")]
    for verb in verbs:
        with pytest.raises(LeaseLostError, match=f"Job {job_id} is {end}"):
            verb()
    assert request_cancel(database, job_id) == end
    assert get_job(database, job_id) == before


def test_a_second_attempt_overwrites_and_never_duplicates(database, make):
    dataset, strategy = add_dataset(database, make.dataset()), save_strategy(database, make.strategy())
    job_id, token = running(database, make, dataset_id=dataset.id, strategy_id=strategy.id)
    first = complete_job(database, job_id, token, make.outcome(5, 10.0))
    with database.write() as session:  # as if the first attempt's end had not been recorded
        session.get_one(BacktestJob, job_id).status = "pending"
    token = claim_job(database, job_id, "worker 2")
    assert complete_job(database, job_id, token, make.outcome(4, 10.0)) == first
    assert [rows(database, table) for table in (Trade, BacktestMetrics, Backtest, Trial)] == [4, 1, 1, 1]
    assert find_dataset(database, dataset.id).backtest_count == 1
    assert find_strategy(database, strategy.id).total_backtests == 1


def test_a_repeated_spec_is_the_same_trial(database, make):
    for _ in range(3):
        job_id, token = running(database, make)
        complete_job(database, job_id, token, make.outcome())
    assert rows(database, Backtest) == 3
    assert count_trials(database) == 1


def test_an_error_in_the_middle_leaves_nothing(database, make):
    job_id, token = running(database, make, dataset_id=add_dataset(database, make.dataset()).id)
    outcome = make.outcome(trial=make.trial(dataset_id=999))  # the trial is written late, and its key is wrong
    with pytest.raises(StoreError, match="refused a row"):
        complete_job(database, job_id, token, outcome)
    assert [rows(database, table) for table in (Trade, BacktestMetrics, Backtest, Trial)] == [0, 0, 0, 0]
    assert get_job(database, job_id).status == "running"
    assert find_dataset(database, 1).backtest_count == 0
    complete_job(database, job_id, token, make.outcome())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trades": {"pnl": [1.0]}}, "Trades need the columns"),
        ({"metrics": {"sharpe_ratio": "good"}}, "The metric 'sharpe_ratio' is 'good'"),
        ({"metrics": {"total_trades": 1.5}}, "total_trades is a whole number"),
        ({"results": {"x": object()}}, "no JSON form"),
        ({"metrics": {"sharpe_ratio": float("nan")}}, "The metric 'sharpe_ratio' is nan"),
    ],
)
def test_an_outcome_that_cannot_be_stored_is_refused_before(database, make, change, message):
    job_id, token = running(database, make)
    with pytest.raises(StoreError, match=message):
        complete_job(database, job_id, token, make.outcome(**change))
    assert get_job(database, job_id).status == "running"


def test_a_failed_job_keeps_its_reason_and_counts_as_a_trial(database, make):
    job_id, token = running(database, make, dataset_sha256="a" * 64)
    fail_job(database, job_id, token, "<script>\0" + "x" * 1_000_000)
    job = get_job(database, job_id)
    assert (job.status, len(job.error_message)) == ("failed", 20_000)
    assert job.error_message.startswith("<script>\ufffdx")
    [trial] = list_trials(database)
    assert (trial.state, trial.backtest_job_id, trial.dataset_sha256) == ("failed", job_id, "a" * 64)
    assert trial.error == job.error_message


def test_a_failure_takes_nothing_from_a_trial_that_completed(database, make):
    job_id, token = running(database, make)
    complete_job(database, job_id, token, make.outcome())
    again, token = running(database, make)
    fail_job(database, again, token, "out of memory")
    [trial] = list_trials(database)
    assert (trial.state, trial.backtest_job_id, trial.error) == ("completed", job_id, None)


def test_cancel_before_it_runs(database, make):
    job_id = create_job(database, make.job())
    assert request_cancel(database, job_id) == "cancelled"
    assert [trial.state for trial in list_trials(database)] == ["cancelled"]


def test_cancel_while_it_runs(database, make):
    job_id, token = running(database, make)
    assert heartbeat(database, job_id, token) is False
    assert request_cancel(database, job_id) == "running"
    assert heartbeat(database, job_id, token) is True
    assert report_progress(database, job_id, token, 0.2) is True
    cancel_job(database, job_id, token)
    assert get_job(database, job_id).status == "cancelled"


def test_cancel_after_the_worker_was_stopped_refuses_what_it_still_writes(database, make):
    job_id, token = running(database, make)
    cancel_job(database, job_id)
    with pytest.raises(LeaseLostError, match="is cancelled"):
        complete_job(database, job_id, token, make.outcome())


def test_a_dead_worker_is_found_by_its_silence(database, make):
    silent, lively, retried, cancelled = (
        running(database, make, spec_hash=mark * 64, max_attempts=2 if mark == "3" else 1) for mark in "1234"
    )
    for job_id, _ in (silent, retried, cancelled):
        quiet(database, job_id, 31)
    quiet(database, lively[0], 29)
    request_cancel(database, cancelled[0])
    assert release_expired(database, grace=30) == {
        silent[0]: "failed",
        retried[0]: "pending",
        cancelled[0]: "cancelled",
    }
    assert get_job(database, silent[0]).error_message == (
        "The worker gave no sign of life for 30 seconds. It was attempt 1 of 1."
    )
    assert get_job(database, lively[0]).status == "running"
    assert release_expired(database, grace=30) == {}
    with pytest.raises(LeaseLostError):
        complete_job(database, silent[0], silent[1], make.outcome())
    claim_job(database, retried[0], "worker 2")
    quiet(database, retried[0], 31)
    assert release_expired(database, grace=30) == {retried[0]: "failed"}
    assert sorted(trial.state for trial in list_trials(database)) == ["cancelled", "failed", "failed"]


def test_a_worker_that_died_before_its_first_heartbeat_is_found(database, make):
    job_id, _ = running(database, make)
    with database.write() as session:
        old = {"heartbeat_at": None, "started_at": database_time(31)}
        session.execute(sa.update(BacktestJob).values(**old))
    assert release_expired(database, grace=30) == {job_id: "failed"}


def test_a_clock_that_jumped_back_gives_no_negative_duration(database, make):
    job_id, token = running(database, make)
    with database.write() as session:
        job = session.get_one(BacktestJob, job_id)
        job.started_at = job.started_at + timedelta(hours=1)
    fail_job(database, job_id, token, "no")
    assert get_job(database, job_id).actual_duration == 0.0


def test_a_deleted_run_stays_counted(database, make):
    job_id, token = running(database, make, dataset_id=add_dataset(database, make.dataset()).id)
    with pytest.raises(StoreError, match="is running; cancel it before"):
        delete_job(database, job_id)
    complete_job(database, job_id, token, make.outcome())
    delete_job(database, job_id)
    assert [rows(database, table) for table in (BacktestJob, Trade, BacktestMetrics, Backtest)] == [0, 0, 0, 0]
    [trial] = list_trials(database)
    assert (trial.state, trial.backtest_job_id, trial.n_returns) == ("deleted", None, 2)
    assert find_dataset(database, 1).backtest_count == 0
    assert create_job(database, make.job()) == job_id + 1  # an id is never given twice


@pytest.mark.parametrize("progress", [-0.1, 1.1, float("nan")])
def test_progress_is_a_fraction(database, make, progress):
    job_id, token = running(database, make)
    with pytest.raises(StoreError, match="fraction from 0 to 1"):
        report_progress(database, job_id, token, progress)


def test_no_such_job(database):
    for verb in (claim_job, heartbeat, cancel_job):
        with pytest.raises(NotFoundError, match="no job 7"):
            verb(database, 7, "x")
    with pytest.raises(NotFoundError, match="no job 7"):
        request_cancel(database, 7)
    with pytest.raises(NotFoundError, match="no job 7"):
        delete_job(database, 7)


def test_a_job_that_cannot_be_stored_is_refused(database, make):
    with pytest.raises(StoreError, match="spec_hash has 65 characters, at most 64"):
        create_job(database, make.job("x" * 65))
    with pytest.raises(StoreError, match="refused a row"):
        create_job(database, make.job(max_attempts=0))


def test_trades_of_two_jobs_stay_apart(database, make):
    jobs = [running(database, make, spec_hash=mark * 64) for mark in "12"]
    for n, (job_id, token) in enumerate(jobs, 1):
        complete_job(database, job_id, token, make.outcome(n, trial=None))
    assert [len(job_trades(database, job_id)) for job_id, _ in jobs] == [1, 2]
    with database.read() as session:
        assert session.exec(select(Trade.backtest_job_id).distinct().order_by(Trade.backtest_job_id)).all() == [1, 2]


def test_a_job_that_is_begun_is_never_taken_by_a_worker(database, make):
    """A notebook runs a backtest itself while the workspace's worker looks for jobs that wait."""
    taken, over = [], threading.Event()

    def look():
        while not over.is_set():
            taken.append(claim_next(database, "worker"))

    thief = threading.Thread(target=look)
    thief.start()
    begun = [begin_job(database, make.job(f"{number:064d}"), "notebook") for number in range(40)]
    over.set()
    thief.join(30)
    assert set(taken) == {None}
    assert [get_job(database, job_id).worker_id for job_id, _ in begun] == ["notebook"] * 40
    for job_id, token in begun:
        assert heartbeat(database, job_id, token) is False
