"""Workers and clients that are killed, stopped or raced: every job ends once, in the right state."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from random import Random
from time import monotonic, sleep

import psutil
import pytest
import sqlalchemy as sa
from jobs.conftest import arrived, go_on, nothing_left, opened, stop_worker, worker_of
from waiting import eventually, is_gone

import research_kit as rk
from research_kit.runs.jobs.settling import settle
from research_kit.store import jobs
from research_kit.store.listings import get_job

pytestmark = pytest.mark.faults

TABLES = {"trades": "backtest_job_id", "backtest_metrics": "backtest_job_id", "backtests": "backtest_job_id"}


def orphans(ws):
    """Return how many rows belong to a job that did not complete."""
    with ws.database.read() as session:
        return sum(
            session.scalar(
                sa.text(
                    f"SELECT count(*) FROM {table} JOIN backtest_jobs ON backtest_jobs.id = {table}.{key} "
                    "WHERE backtest_jobs.status <> 'completed'"
                )
            )
            for table, key in TABLES.items()
        )


def twins(ws):
    """Return how many jobs have more than one backtest, or other trades than their metrics say."""
    query = (
        "SELECT count(*) FROM backtest_metrics JOIN backtest_jobs "
        "ON backtest_jobs.id = backtest_metrics.backtest_job_id "
        "WHERE total_trades <> (SELECT count(*) FROM trades WHERE trades.backtest_job_id = backtest_jobs.id) "
        "OR 1 <> (SELECT count(*) FROM backtests WHERE backtests.backtest_job_id = backtest_jobs.id)"
    )
    with ws.database.read() as session:
        return session.scalar(sa.text(query))


def visible_leftovers(ws):
    return [file for folder in ("data", "artifacts", "reports") for file in (ws.folder / folder).rglob("*.tmp*")]


def test_a_worker_killed_in_mid_job_is_noticed_within_two_seconds(own_ws):
    job = own_ws.submit("steady", "walk", {"waits_for": "never"})
    (child,) = arrived(own_ws, "never")
    worker = worker_of(own_ws)
    os.kill(worker.pid, signal.SIGKILL)
    began = monotonic()
    assert job.wait(20) == "failed"
    assert monotonic() - began < 2.0
    assert job.error.startswith(f"The worker {job.row.worker_id} died.")
    eventually(lambda: is_gone(child))
    assert nothing_left(own_ws, job.id)


def test_a_job_with_retries_goes_on_with_another_worker(own_ws):
    job = own_ws.submit("steady", "walk", {"waits_for": "second"}, retries=1)
    arrived(own_ws, "second")
    os.kill(worker_of(own_ws).pid, signal.SIGKILL)
    go_on(own_ws, "second")
    run = job.result(120)
    assert job.row.attempt == 2
    assert run.summary == own_ws.run("steady", "walk", {"waits_for": "second"}).summary
    assert (orphans(own_ws), twins(own_ws)) == (0, 0)


@pytest.mark.slow
def test_kills_at_any_moment_lose_and_double_nothing(own_ws):
    """Twenty times a worker or a job's process is killed at a random moment; everything is run again."""
    random = Random(5)
    wanted = own_ws.run("steady", "walk", {"length": 7}).summary
    submitted = []
    for turn in range(20):
        submitted.append(own_ws.submit("steady", "walk", {"length": 7}, retries=5))
        if worker_of(own_ws) is None:
            continue
        sleep(random.uniform(0.0, 0.6))
        worker = worker_of(own_ws)
        victims = [] if worker is None else [worker, *worker.children(recursive=True)]
        if victims:
            victim = victims[0] if turn % 2 else random.choice(victims)
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                continue
    states = [job.wait(120) for job in submitted]
    assert states == ["completed"] * 20
    assert all(job.result().summary == wanted for job in submitted)
    assert (orphans(own_ws), twins(own_ws), visible_leftovers(own_ws)) == (0, 0, [])


def test_a_worker_that_slept_too_long_writes_nothing(own_ws):
    """The worker and its processes are stopped; their lease runs out; when they go on, what they write is refused."""
    job = own_ws.submit("steady", "walk", {"waits_for": "asleep"}, retries=1)
    arrived(own_ws, "asleep")
    worker = worker_of(own_ws)
    everyone = [worker, *worker.children(recursive=True)]
    for process in everyone:
        process.suspend()
    eventually(lambda: settle(own_ws.database, grace=0.5).get(job.id))
    assert job.row.status == "pending"
    token = jobs.claim_job(own_ws.database, job.id, "another worker")
    go_on(own_ws, "asleep")
    for process in everyone:
        process.resume()
    eventually(lambda: (own_ws.folder / "logs" / "worker.log").exists() and not everyone[-1].is_running())
    row = get_job(own_ws.database, job.id)
    assert (row.status, row.worker_id) == ("running", "another worker")
    assert nothing_left(own_ws, job.id)
    jobs.fail_job(own_ws.database, job.id, token, "the end of the test")


def test_a_worker_that_is_told_to_end_at_any_moment_ends():
    """A handler of signals that asked for a lock would wait for ever where the loop holds it just then."""
    found = subprocess.run([sys.executable, "-c", STOPPED], capture_output=True, text=True, timeout=120, check=False)
    assert found.stdout == "2000\n", found.stderr


STOPPED = """
import signal
from research_kit.runs.jobs import worker

worker.TURN = worker.REST = 0.0002
ended = 0
for turn in range(2_000):
    one = worker.Worker(None, 1)
    signal.signal(signal.SIGALRM, lambda *_: worker._stop(one))
    signal.setitimer(signal.ITIMER_REAL, 0.0005 + turn % 100 * 1e-5)
    while not one.stopping:
        one._pause()
    ended += 1
print(ended)
"""


@pytest.mark.parametrize("turns", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_cancel_at_any_moment_ends_in_one_state(turns, own_ws):
    random = Random(turns)
    own_ws.submit("steady", "walk").result(120)

    def race(delay):
        job = own_ws.submit("steady", "walk", {"length": 11})
        sleep(delay)
        return job, job.cancel()

    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(race, [random.uniform(0.0, 0.5) for _ in range(turns)]))
    assert {state for _, state in ended} <= {"cancelled", "completed"}
    for job, state in ended:
        assert job.row.status == state  # final states stay
        assert nothing_left(own_ws, job.id) == (state == "cancelled")
    assert (orphans(own_ws), twins(own_ws)) == (0, 0)


def test_a_client_that_is_killed_leaves_its_job_running(own_ws):
    """The notebook's kernel dies; the job goes on, and a notebook that is opened later finds it (F2, N3)."""
    code = (
        "import sys, research_kit as rk; ws = rk.open_workspace(sys.argv[1]); "
        "print(ws.submit('steady', 'walk', {'waits_for': 'orphan'}).id, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, own_ws.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as client:
        job_id = int(client.stdout.readline())
        arrived(own_ws, "orphan")
        client.kill()
    go_on(own_ws, "orphan")
    with rk.open_workspace(own_ws.folder) as later:
        assert later.job(job_id).result(60).metrics["total_trades"] > 0


def test_a_run_in_this_process_that_is_killed_is_settled(own_ws):
    code = (
        "import sys, research_kit as rk; ws = rk.open_workspace(sys.argv[1]); "
        "ws.run('steady', 'walk', {'waits_for': 'killed'})"
    )
    with subprocess.Popen([sys.executable, "-c", code, own_ws.folder]) as client:
        (pid,) = arrived(own_ws, "killed")
        assert pid == client.pid
        client.kill()
    (row,) = own_ws.jobs().to_dict("records")
    assert row["status"] == "failed"
    assert "died" in row["error_message"]
    assert nothing_left(own_ws, row["id"])


def test_ten_thousand_jobs_wait_and_one_is_broken(own_ws, monkeypatch):
    monkeypatch.setattr("research_kit.workspace.research.ensure_worker", lambda home: None)
    first = own_ws.submit("steady", "walk", {"length": 3})
    broken = own_ws.submit("steady", "walk", {"length": 4})
    with own_ws.database.write() as session:
        session.execute(sa.text(f"UPDATE backtest_jobs SET spec = '{{\"odd\": 1}}' WHERE id = {broken.id}"))
        session.execute(
            sa.text(
                "INSERT INTO backtest_jobs (status, strategy, progress, created_at, attempt, max_attempts, "
                "cancel_requested) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
                "SELECT 'pending', 'waiting', 0.0, '2026-01-01 00:00:00', 0, 1, 0 FROM n"
            )
        )
    began = monotonic()
    assert len(own_ws.jobs()) >= 1_000
    assert monotonic() - began < 5.0  # an order of magnitude above what it takes
    monkeypatch.undo()
    first, broken = own_ws.job(first.id), own_ws.job(broken.id)
    assert first.wait(120) == "completed"
    assert broken.wait(120) == "failed"
    assert (
        broken.error
        == f"JobError: Job {broken.id} does not say what is to be run; it was not submitted by this package."
    )
    stop_worker(own_ws)


@pytest.mark.postgres
def test_a_database_that_is_started_again_in_mid_job_loses_nothing(postgres, tmp_path, make_bars):
    with opened(tmp_path / "pg", postgres.empty(), make_bars) as ws:
        job = ws.submit("steady", "walk", {"waits_for": "restart"})
        arrived(ws, "restart")
        postgres.stop()
        sleep(1.0)  # the worker meets it while it is down
        postgres.start()
        go_on(ws, "restart")
        assert job.result(60).metrics["total_trades"] > 0
        assert job.row.attempt == 1
        stop_worker(ws)


@pytest.mark.postgres
def test_connections_that_are_cut_lose_nothing(postgres, tmp_path, make_bars):
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
    with opened(tmp_path / "pg", postgres.empty(), make_bars) as ws:
        jobs = [ws.submit("steady", "walk", {"length": length}, retries=20) for length in range(5, 15)]
        until = monotonic() + 5.0
        while monotonic() < until:
            postgres.execute(cut)
            sleep(0.2)
        assert [ws.job(job.id).wait(120) for job in jobs] == ["completed"] * 10
        assert (orphans(ws), twins(ws)) == (0, 0)
        stop_worker(ws)
