"""Fifty notebooks of which eleven are lost, and a runner that is killed: what is written is true, nothing is left."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from notebook_files import write_notebook
from waiting import eventually, is_gone

import research_kit as rk
from research_kit.report.batches.batch import Batch

pytestmark = [pytest.mark.faults, pytest.mark.slow]

WORK = """
import os, time
from pathlib import Path
if not Path(mended).exists():
    if n in (3, 13, 23, 33, 43): Path(mended).with_name(f"pid-{n}").write_text(str(os.getpid())); time.sleep(600)
    if n in (5, 15, 25, 35, 45): raise ValueError(f"no {n}")
    if n == 30: held = bytearray(16 << 30)
"""
LOST = {3: "SIGKILL", 5: "ValueError: no 5", 30: "MemoryError"}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ws(request, tmp_path):
    """Return a workspace on each kind of database."""
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres").empty()
    with rk.open_workspace(tmp_path / "ws", url) as opened:
        yield opened


def kill_those_that_wait(folder, stop):
    """Kill, with SIGKILL, each kernel that says its number."""
    killed = set()
    while not stop.wait(0.05):
        for path in folder.glob("pid-*"):
            text = path.read_text()
            if text and path.name not in killed:
                killed.add(path.name)
                os.kill(int(text), signal.SIGKILL)


def test_of_fifty_eleven_are_lost_and_only_these_run_again(ws, tmp_path):
    import threading

    source = write_notebook(
        tmp_path / "work.ipynb", WORK, "print('done', n)", parameters='n: int = 0\nmended: str = ""'
    )
    mended, stop = tmp_path / "signs" / "mended", threading.Event()
    mended.parent.mkdir()
    killer = threading.Thread(target=kill_those_that_wait, args=(mended.parent, stop))
    killer.start()
    asked = {"parameters": {"mended": str(mended)}, "grid": {"n": range(50)}, "name": "fifty", "workers": 2}
    try:
        batch = ws.run_notebooks(source, memory_limit=2 << 30, **asked)
    finally:
        stop.set()
        killer.join()

    assert batch.counts == {"completed": 39, "failed": 11}
    errors = {row.run.parameters["n"]: row.run.error for row in batch.rows if row.run.status == "failed"}
    assert set(errors) == {3, 13, 23, 33, 43, 5, 15, 25, 35, 45, 30}
    assert all(words in errors[n] for n, words in LOST.items())
    assert sum("SIGKILL" in error for error in errors.values()) == 5
    for row in batch.rows:
        assert (ws.folder / row.run.output_path).is_file()
        assert (ws.folder / row.run.html_path).is_file()
    assert not list(batch.folder.rglob("*.tmp"))

    ids = {row.run.position: row.run.id for row in batch.rows}
    mended.touch()
    again = ws.run_notebooks(source, memory_limit=2 << 30, **asked)
    assert again.counts == {"completed": 50}
    changed = {row.run.parameters["n"] for row in again.rows if row.run.id != ids[row.run.position]}
    assert changed == set(errors)
    index = again.index.read_text(encoding="utf-8")
    assert len(re.findall(r'<span class="state completed">completed</span>', index)) == 50


RUNNER = """
import sys
import research_kit as rk
with rk.open_workspace(sys.argv[1], sys.argv[2]) as ws:
    ws.run_notebooks(sys.argv[3], {"go": sys.argv[4]}, grid={"n": range(4)}, name="b", workers=2, progress=False)
"""
WAITING = """
import os, time
from pathlib import Path
Path(go).with_name(f"pid-{os.getpid()}").touch()
until = time.monotonic() + 600
while n and not Path(go).exists() and time.monotonic() < until:
    time.sleep(0.05)
"""


def test_a_runner_that_is_killed_leaves_no_kernel_and_its_batch_goes_on(ws, tmp_path):
    source = write_notebook(tmp_path / "work.ipynb", WAITING, parameters='n: int = 0\ngo: str = ""')
    go = tmp_path / "signs" / "go"
    go.parent.mkdir()
    command = [sys.executable, "-c", RUNNER, str(ws.folder), ws.database.url, str(source), str(go)]
    runner = subprocess.Popen(command)
    batch = Batch(ws, "b")
    try:
        eventually(
            lambda: runner.poll() is not None or batch.counts == {"completed": 1, "running": 2, "pending": 1}, 300
        )
        assert runner.poll() is None
        started = [child.pid for child in psutil.Process(runner.pid).children(recursive=True)]
        kernels = [int(path.name[4:]) for path in go.parent.glob("pid-*")]
        assert len(kernels) >= 3
        os.kill(runner.pid, signal.SIGKILL)
    finally:
        runner.kill()
        runner.wait(20)
    eventually(lambda: all(is_gone(pid) for pid in {*started, *kernels}))

    found = ws.load_batch("b")  # whoever looks settles it
    assert found.counts == {"completed": 1, "failed": 2, "pending": 1}
    assert all("died" in row.run.error for row in found.rows if row.run.status == "failed")
    first = found.rows[0].run.id
    go.touch()
    resumed = found.resume(workers=2)
    assert resumed.counts == {"completed": 4}
    assert resumed.rows[0].run.id == first
    assert not [file for file in Path(resumed.folder).rglob("*.tmp") if not file.name.startswith(".")]


KILLS_ITS_PARENT = """
import os, signal, time
from pathlib import Path
if n == 1 and not Path(mark).exists():
    Path(mark).touch()
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)  # it is killed with its parent
print("done", n)
"""


def test_a_batch_goes_on_where_the_process_is_killed_that_kernels_are_forked_from(tmp_path):
    """What ran then is lost, with the reason; what comes after has a new one to come from."""
    with rk.open_workspace(tmp_path / "ws") as ws:
        source = write_notebook(tmp_path / "work.ipynb", KILLS_ITS_PARENT, parameters='n: int = 0\nmark: str = ""')
        asked = {"parameters": {"mark": str(tmp_path / "mark")}, "grid": {"n": range(8)}, "name": "b", "workers": 1}
        batch = ws.run_notebooks(source, **asked)
        failed = {row.run.parameters["n"]: row.run.error for row in batch.rows if row.run.status == "failed"}
        assert 1 in failed
        assert len(failed) <= 3  # itself, and kernels that were being made ready
        assert all("killed by SIGKILL" in error or "is gone" in error for error in failed.values()), failed
        assert batch.counts["completed"] == 8 - len(failed)
        assert batch.resume(workers=1).counts == {"completed": 8}


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="a small disk needs root on Linux")
def test_a_full_disk_fails_the_notebooks_that_do_not_fit(tmp_path):
    """S1: what was written before stays, no half file is taken for a whole one."""
    with rk.open_workspace(tmp_path / "ws") as ws:
        source = write_notebook(tmp_path / "work.ipynb", "print('x' * size)", parameters="size: int = 1")
        folder = ws.folder / "reports" / "batches" / "b"
        folder.mkdir(parents=True)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False)
        if mounted.returncode:
            pytest.skip("no file system can be mounted here")
        try:
            batch = ws.run_notebooks(source, grid={"size": [10, 3_000_000, 20]}, name="b", workers=1)
            assert list(batch.table["status"]) == ["completed", "failed", "completed"]
            assert "could not be written" in batch.rows[1].run.error
            assert not (folder / "notebooks" / "002.ipynb").exists()
            assert not list(folder.rglob("*.tmp"))
            assert batch.resume(workers=1).counts == {"completed": 2, "failed": 1}
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
