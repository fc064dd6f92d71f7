"""A disk that is full when a job commits: one sentence or another try, nothing half written, later jobs run (S1)."""

import os
import subprocess
import sys

import pytest
from jobs.conftest import arrived, go_on, nothing_left, opened, stop_worker, worker_of
from jobs.test_faults import orphans, twins, visible_leftovers
from waiting import eventually

from research_kit.errors import StoreError

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="a small disk needs root on Linux"),
]
SIZE = 24 << 20


@pytest.fixture
def mount():
    """Return a function that lays a small disk over a folder."""
    mounted = []

    def lay(folder, size=SIZE):
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=False)
        if done.returncode:
            pytest.skip("no file system can be mounted here")
        mounted.append(folder)

    yield lay
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def small_ws(tmp_path, mount, make_bars):
    """Return a workspace that lies on a small disk as a whole: database, write-ahead log, bars, curves."""
    mount(tmp_path / "disk")
    with opened(tmp_path / "disk" / "ws", None, make_bars) as workspace:
        yield workspace
        stop_worker(workspace)


def fill(folder):
    """Write until nothing more fits, and return the file that did it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 512, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return filler


def run_many(ws):
    for length in range(10, 40):
        ws.run("steady", "walk", {"length": length})


def whole(ws):
    return (orphans(ws), twins(ws), visible_leftovers(ws), ws.database.check()) == (0, 0, [], [])


def test_the_disk_of_everything_is_full_when_a_job_commits(small_ws):
    ws = small_ws
    wanted = ws.run("steady", "walk", {"length": 9}).summary
    job = ws.submit("steady", "walk", {"waits_for": "room"})
    arrived(ws, "room")
    (ws.folder / "mark").touch()
    filler = fill(ws.folder)
    (ws.folder / "mark").rename(ws.folder / "strategies" / "room")  # takes no room
    eventually(lambda: worker_of(ws) is None or not worker_of(ws).children()[0].children(), 60)  # its process ended
    assert job.row.status in ("running", "failed")  # as far as it could be written down
    filler.unlink()
    assert job.wait(60) == "failed"
    assert "full" in job.error or "No space left" in job.error
    assert "Traceback" not in job.error
    assert nothing_left(ws, job.id)
    assert whole(ws)
    later = ws.submit("steady", "walk", {"length": 9})
    assert later.result(120).summary == wanted


def test_the_disk_of_the_curves_is_full_when_a_job_commits(own_ws, mount):
    ws = own_ws
    job = ws.submit("steady", "walk", {"waits_for": "room"})
    arrived(ws, "room")
    mount(ws.folder / "artifacts", 1 << 16)
    filler = fill(ws.folder / "artifacts")
    go_on(ws, "room")
    assert job.wait(60) == "failed"
    assert job.error.startswith("StoreError: ")
    assert "could not be written: No space left on device" in job.error
    assert nothing_left(ws, job.id)
    assert whole(ws)
    filler.unlink()
    assert ws.submit("steady", "walk", {"waits_for": "room"}).wait(120) == "completed"


def test_a_job_with_retries_is_run_again_when_there_is_room(own_ws, mount):
    ws = own_ws
    job = ws.submit("steady", "walk", {"waits_for": "room"}, retries=1)
    arrived(ws, "room")
    mount(ws.folder / "artifacts", 1 << 16)
    filler = fill(ws.folder / "artifacts")
    file = ws.folder / "strategies" / "room"
    file.touch()
    while job.row.attempt < 2 and job.state == "running":
        pass
    filler.unlink()
    assert job.wait(120) == "completed"
    assert job.row.attempt == 2
    assert whole(ws)


def test_a_run_that_a_full_disk_refuses_leaves_what_was_there(small_ws):
    """The database, its log and the curves have no room; bars and earlier runs stay as they were."""
    ws = small_ws
    kept = ws.run("steady", "walk", {"length": 9})
    sha256 = ws.dataset("walk").sha256
    filler = fill(ws.folder)
    with pytest.raises(StoreError, match=r"full|No space left"):
        run_many(ws)
    filler.unlink()
    assert ws.dataset("walk").sha256 == sha256
    assert ws.bars("walk").close.size == 2_000
    assert ws.database.check() == []
    assert kept.summary == ws.run("steady", "walk", {"length": 9}).summary
    assert (twins(ws), visible_leftovers(ws)) == (0, [])
