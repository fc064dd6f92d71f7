"""The scheduler of a Dask cluster is killed, stopped or started again: one clear error, nothing lost, nothing hangs."""

import signal
from time import monotonic

import pytest
from dask_processes import dask_processes, local_cluster
from jobs.conftest import arrived, nothing_left, opened
from jobs.test_faults import orphans, twins
from waiting import eventually

import research_kit as rk
from research_kit.errors import JobError

pytest.importorskip("distributed", reason="dask is not installed")
pytestmark = [pytest.mark.faults, pytest.mark.slow]

SLOW = '''
import time
from pathlib import Path
import research_kit as rk


class Slow(rk.Strategy):
    """Takes its time over each set, until it is told to hurry."""
    length: int = rk.Param(20, ge=2)

    def signals(self, bars):
        if not (Path(__file__).parent / "hurry").exists():
            time.sleep(0.004)
        return rk.Signals.target(bars.close > rk.indicators.sma(bars.close, self.length))
'''
GRID = {"length": range(2, 1_026)}  # four chunks
GAVE_UP = "The executor gave up what it was to run: it was shut down, or lost its processes or its scheduler"


BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture
def desk(request, tmp_path, make_bars):
    """Return a workspace with a strategy that is slow enough to be interrupted; on SQLite unless a test wants both."""
    kind = getattr(request, "param", "sqlite")
    database = request.getfixturevalue("postgres").emptied() if kind == "postgres" else None
    with opened(tmp_path / "desk", database, make_bars) as ws:
        (ws.folder / "strategies" / "slow.py").write_text(SLOW, encoding="utf-8")
        yield ws


def struck_once(strike):
    """Return a progress function that strikes when the first sets are done, and the list of what it was told."""
    told = []

    def hear(progress):
        told.append(progress)
        if len(told) == 1:
            strike()

    return hear, told


def assert_nothing_half(ws):
    """Fail unless the interrupted sweep has just the sets that it counts; return how many."""
    stopped = ws.load_sweep(1)
    assert stopped.status == "failed"
    assert 0 < stopped.row.completed_sets < 1_024
    assert len(stopped) == stopped.row.completed_sets == len(ws.trials("walk", limit=None))
    return stopped.row.completed_sets


def assert_goes_on(ws, executor, done):
    """Fail unless the same sweep runs just what is missing, and has the numbers that it has without a cluster."""
    (ws.folder / "strategies" / "hurry").touch()
    told = []
    sweep = ws.sweep("slow", "walk", GRID, executor=executor, workers=2, progress=told.append)
    assert (told[-1].done, told[-1].total) == (1_024 - done, 1_024 - done)
    assert (sweep.status, sweep.row.completed_sets, sweep.trials) == ("completed", 1_024, 1_024)
    alone = rk.run_sweep(ws.bars("walk"), ws.registry.resolve("slow"), GRID)
    assert sweep.returns.tobytes() == alone.returns.tobytes()
    assert sweep.best == alone.best


@pytest.mark.parametrize("desk", BOTH, indirect=True)
def test_a_scheduler_that_is_killed_in_a_sweep_and_started_again(desk, tmp_path):
    with dask_processes(tmp_path / "dask.log") as cluster:
        with cluster.client() as client:
            hear, told = struck_once(cluster.kill_scheduler)
            began = monotonic()
            with pytest.raises(JobError) as caught:
                desk.sweep("slow", "walk", GRID, executor=client.get_executor(pure=False), workers=2, progress=hear)
            assert monotonic() - began < 60
        assert str(caught.value).startswith(GAVE_UP)
        assert caught.value.__notes__ == ["The sweep is recorded as 1, failed; asked again it runs what is missing."]
        assert desk.load_sweep(1).row.error.startswith(f"JobError: {GAVE_UP}")
        done = assert_nothing_half(desk)
        assert done >= told[-1].done
        cluster.start()
        with cluster.client() as client:
            assert_goes_on(desk, client.get_executor(pure=False), done)


def test_a_local_cluster_whose_scheduler_ends_in_a_sweep(desk):
    with local_cluster() as (cluster, client):
        hear, _ = struck_once(lambda: cluster.sync(cluster.scheduler.close))
        with pytest.raises(JobError, match="lost its processes or its scheduler"):
            desk.sweep("slow", "walk", GRID, executor=client.get_executor(pure=False), workers=2, progress=hear)
    done = assert_nothing_half(desk)
    with local_cluster() as (_, client):
        assert_goes_on(desk, client.get_executor(pure=False), done)


def test_a_scheduler_that_hangs_ends_a_sweep_when_patience_does(desk, tmp_path):
    with dask_processes(tmp_path / "dask.log") as cluster, cluster.client() as client:
        hear, _ = struck_once(lambda: cluster.scheduler.send_signal(signal.SIGSTOP))
        executor = client.get_executor(pure=False)
        desk.sweep("slow", "walk", {"length": [1_500]}, executor=executor)  # compiled: patience is for the sets alone
        began = monotonic()
        with pytest.raises(JobError) as caught:
            desk.sweep("slow", "walk", GRID, executor=executor, workers=2, patience=8.0, progress=hear)
        assert monotonic() - began < 60
        assert str(caught.value) == ("The executor returned nothing for 8 seconds (patience=); it may have been lost.")
        stopped = desk.load_sweep(2)
        assert (stopped.status, 0 < len(stopped) < 1_024) == ("failed", True)
        cluster.scheduler.send_signal(signal.SIGCONT)


def test_a_scheduler_that_is_killed_while_jobs_run_and_wait(desk, tmp_path):
    with dask_processes(tmp_path / "dask.log") as cluster:
        with cluster.client() as client:
            executor = client.get_executor(pure=False)
            running = [desk.submit("steady", "walk", {"waits_for": f"w{n}"}, executor=executor) for n in range(2)]
            for n in range(2):
                arrived(desk, f"w{n}")
            waiting = [desk.submit("steady", "walk", {"length": n}, executor=executor) for n in range(5, 8)]
            cluster.kill_scheduler()
            assert [job.wait(60) for job in waiting] == ["failed"] * 3
            assert [job.wait(60) for job in running] == ["failed"] * 2  # the workers end with their scheduler
        for job in waiting:
            assert job.error.startswith("Its executor gave it up: ")
            assert job.row.attempt == 0
        assert all(f"The worker {job.row.worker_id} died." in job.error for job in running)
        assert all(nothing_left(desk, job.id) for job in [*running, *waiting])
        cluster.start()
        with cluster.client() as client:
            again = [
                desk.submit("steady", "walk", {"length": n}, executor=client.get_executor(pure=False)) for n in (5, 6)
            ]
            assert [job.wait(60) for job in again] == ["completed"] * 2
    assert (orphans(desk), twins(desk)) == (0, 0)
    eventually(lambda: list(desk.jobs()["status"]) == ["completed"] * 2 + ["failed"] * 5)
