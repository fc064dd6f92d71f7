"""Jobs that an executor runs: threads, processes, a Dask cluster; also where a worker of it is lost."""

import multiprocessing
import os
import signal
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest
from dask_processes import local_cluster
from jobs.conftest import arrived, go_on

import research_kit as rk
from research_kit.store.jobs import claim_job
from research_kit.workspace.child import run_submitted

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_an_executor_runs_jobs(kind, own_ws):
    spawn = multiprocessing.get_context("spawn")
    pool = ThreadPoolExecutor(2) if kind == "threads" else ProcessPoolExecutor(2, mp_context=spawn)
    with pool as executor:
        jobs = [own_ws.submit("steady", "walk", {"length": length}, executor=executor) for length in (5, 6, 7)]
        runs = [job.result(120) for job in jobs]
        broken = own_ws.submit("trouble", "walk", executor=executor)
        assert broken.wait(120) == "failed"
    assert broken.error == "ValueError: no good"
    assert broken.place.startswith("in signals (of_tests.py, line ")
    assert [run.parameters["length"] for run in runs] == [5, 6, 7]
    assert runs[0].summary == own_ws.run("steady", "walk", {"length": 5}).summary
    workers = {job.row.worker_id.split(":")[1] for job in jobs}
    assert (str(os.getpid()) in workers) == (kind == "threads")


def test_a_job_whose_worker_was_lost_is_taken_over_when_it_is_silent(own_ws, monkeypatch):
    monkeypatch.setattr("research_kit.workspace.research.ensure_worker", lambda home: None)
    job = own_ws.submit("steady", "walk", retries=1)
    claim_job(own_ws.database, job.id, "a machine that is gone:1:5.0")
    assert run_submitted(str(own_ws.folder), own_ws.database.url, job.id, grace=0.3) == "completed"
    assert job.row.attempt == 2


def test_without_an_attempt_left_it_has_failed(own_ws, monkeypatch):
    monkeypatch.setattr("research_kit.workspace.research.ensure_worker", lambda home: None)
    job = own_ws.submit("steady", "walk")
    claim_job(own_ws.database, job.id, "a machine that is gone:1:5.0")
    assert run_submitted(str(own_ws.folder), own_ws.database.url, job.id, grace=0.3) == "failed"
    assert job.error == "The worker gave no sign of life for 0.3 seconds. It was attempt 1 of 1."


def test_one_that_ended_is_not_run_again(own_ws):
    job = own_ws.submit("steady", "walk")
    job.result(120)
    assert run_submitted(str(own_ws.folder), own_ws.database.url, job.id) == "completed"
    assert job.row.attempt == 1


class Loses(Executor):
    """Takes jobs and never runs them."""

    def __init__(self):
        self.given = []

    def submit(self, work, /, *args, **kwargs):
        self.given.append(Future())
        return self.given[-1]


LOST = {
    "cancelled": "it was cancelled there",
    "broken": "BrokenProcessPool: a child died",
    "returned": "it ended without running it",
}


@pytest.mark.parametrize("how", LOST)
def test_a_job_whose_executor_gives_it_up_fails_with_the_reason(how, own_ws):
    executor = Loses()
    job = own_ws.submit("steady", "walk", retries=3, executor=executor)
    assert job.wait(0.3) == "pending"
    (future,) = executor.given
    if how == "cancelled":
        future.cancel()
    elif how == "broken":
        future.set_exception(BrokenProcessPool("a child died"))
    else:
        future.set_result("pending")
        job.wait(10)
    assert job.state == "failed"
    assert job.error == f"Its executor gave it up: {LOST[how]}. Submit it again."
    assert own_ws.trials(strategy="steady")["state"].tolist() == ["failed"]


def test_a_job_that_another_worker_took_is_not_failed_with_its_executor(own_ws):
    executor = Loses()
    job = own_ws.submit("steady", "walk", executor=executor)
    assert own_ws.submit("steady", "walk", {"length": 9}).wait(120) == "completed"  # a worker takes the oldest first
    assert job.wait(120) == "completed"
    executor.given[0].cancel()
    assert job.state == "completed"


@pytest.mark.slow
def test_a_dask_cluster_runs_jobs_and_survives_a_lost_worker(own_ws):
    with local_cluster() as (_, client):
        executor = client.get_executor(pure=False)
        quick = [own_ws.submit("steady", "walk", {"length": length}, executor=executor) for length in (5, 6)]
        assert [job.wait(120) for job in quick] == ["completed"] * 2
        slow = own_ws.submit("steady", "walk", {"waits_for": "lost"}, executor=executor, retries=1)
        (pid,) = arrived(own_ws, "lost")
        os.kill(pid, signal.SIGKILL)
        go_on(own_ws, "lost")
        assert slow.wait(120) == "completed"  # Dask runs the task again; the dead worker is found at once
        assert slow.row.attempt == 2


@pytest.mark.slow
def test_a_dask_cluster_reads_bars_from_object_storage_through_its_own_caches(bucket, tmp_path, make_bars, monkeypatch):
    monkeypatch.setenv("RESEARCH_KIT_CACHE", str(tmp_path / "cache of the workers"))
    with local_cluster() as (_, client):
        client.wait_for_workers(2, timeout=60)
        monkeypatch.setenv("RESEARCH_KIT_CACHE", str(tmp_path / "cache of the notebook"))
        with rk.open_workspace(tmp_path / "ws", files=f"{bucket}/team") as ws:
            dataset = ws.import_dataset(make_bars(3_000).frame, name="walk", symbol="WALK")
            grid = {"fast": range(5, 25, 5), "slow": range(30, 60, 10)}
            executor = client.get_executor(pure=False)
            sweep = ws.sweep("sma_cross", "walk", grid, executor=executor, progress=False)
            here = rk.run_sweep(ws.bars("walk"), rk.strategies.SmaCross, grid)
            assert sweep.table["total_return"].tolist() == here.table["total_return"].tolist()
            job = ws.submit("sma_cross", "walk", {"fast": 7}, executor=executor)
            assert job.wait(120) == "completed"
            curve = job.result().backtest.equity_path
    name = dataset.file_path.rpartition("/")[2]
    for owner in ("workers", "notebook"):
        assert [path.name for path in (tmp_path / f"cache of the {owner}").rglob("data/*.arrow")] == [name]
    assert list((tmp_path / "cache of the workers").rglob(curve.rpartition("/")[2]))
