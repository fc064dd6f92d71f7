"""The machine's clock is set an hour forward and back while jobs run: nobody who lives is taken for dead (F14)."""

import ast
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest
import sqlalchemy as sa
from jobs.conftest import arrived, go_on
from waiting import eventually

import research_kit
from research_kit.processes.identity import identity
from research_kit.report.batches.batch import settle_batches
from research_kit.runs.jobs.settling import settle
from research_kit.store import batches, jobs
from research_kit.store.records import NewNotebookRun
from research_kit.store.tables import BacktestJob, NotebookRun

pytestmark = pytest.mark.faults

HOUR = timedelta(hours=1)
COMPILER = shutil.which("cc")
CLOCK = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long moved(void) {
    char text[32] = {0};
    const char *path = getenv("CLOCK_OF_TESTS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    if (read(file, text, sizeof text - 1) < 0) text[0] = 0;
    close(file);
    return atol(text);
}

int clock_gettime(clockid_t which, struct timespec *found) {
    int done = syscall(SYS_clock_gettime, which, found);
    if (!done && which == CLOCK_REALTIME) found->tv_sec += moved();
    return done;
}

int gettimeofday(struct timeval *restrict found, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    found->tv_sec = now.tv_sec;
    found->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *found) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (found) *found = now.tv_sec;
    return now.tv_sec;
}
"""


def set_clock(ws, by):
    """Move every sign of life against the database's clock, which is what a jump of that clock looks like."""
    with ws.database.write() as session:
        for table in (BacktestJob, NotebookRun):
            for row in session.scalars(sa.select(table).where(table.status == "running")):
                row.heartbeat_at -= by
                row.started_at -= by


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_job_goes_on_when_the_clock_of_the_database_jumps(by, ws):
    job = ws.submit("steady", "walk", {"waits_for": "clock"}, retries=1)
    arrived(ws, "clock")
    set_clock(ws, by)
    until = monotonic() + 7.0  # the next sign of life comes within five seconds
    while monotonic() < until:
        assert settle(ws.database) == {}
        assert job.state == "running"
        sleep(0.2)
    row = job.row
    assert timedelta(0) <= ws.database.time() - row.heartbeat_at < timedelta(seconds=10)
    go_on(ws, "clock")
    assert job.wait(60) == "completed"
    assert job.row.attempt == 1
    assert job.row.actual_duration >= 0.0
    (ws.folder / "strategies" / "clock").unlink()


def test_who_lives_and_is_silent_all_the_same_is_given_up_by_the_clock_that_nobody_sets(ws, make_job):
    """Such as a notebook that could not write down how its run ended."""
    job_id = make_job(ws)
    jobs.claim_job(ws.database, job_id, identity())
    set_clock(ws, HOUR)
    assert settle(ws.database, grace=1.0) == {}
    sleep(0.5)
    assert settle(ws.database, grace=1.0) == {}
    eventually(lambda: settle(ws.database, grace=1.0).get(job_id) == "failed", timeout=10)


def test_a_worker_of_another_machine_has_the_databases_clock_alone(ws, make_job):
    job_id = make_job(ws)
    jobs.claim_job(ws.database, job_id, "another machine:1:5.0")
    assert settle(ws.database) == {}
    set_clock(ws, HOUR)
    assert settle(ws.database) == {job_id: "failed"}


def test_a_notebook_goes_on_when_the_clock_jumps(ws):
    run_id = batches.create_notebook_run(
        ws.database, NewNotebookRun(notebook="a.ipynb", notebook_sha256="a" * 64, batch="b", position=1)
    )
    token = batches.start_notebook_run(ws.database, run_id, identity())
    set_clock(ws, HOUR)
    assert settle_batches(ws) == []
    batches.keep_notebooks_alive(ws.database, {run_id: token})
    assert settle_batches(ws) == []
    set_clock(ws, HOUR)
    assert settle_batches(ws, grace=0.3) == []
    sleep(0.4)
    assert settle_batches(ws, grace=0.3) == [run_id]


@pytest.fixture
def make_job():
    """Return the maker of a job that no worker takes: it has no specification of ours."""
    from research_kit.store.records import NewJob

    def make(ws):
        return jobs.create_job(ws.database, NewJob(strategy="nobody's", spec={}, spec_hash=None))

    return make


JUMPS = """
import os, sys, time
from pathlib import Path
import research_kit as rk

folder, clock = Path(sys.argv[1]), Path(sys.argv[2])

def set_clock(by):
    clock.with_suffix(".new").write_text(by)
    os.replace(clock.with_suffix(".new"), clock)
    time.sleep(0.1)

def watch(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ws.jobs()
        assert job.state == "running", (job.state, job.error)
        time.sleep(0.2)

with rk.open_workspace(folder) as ws:
    job = ws.submit("steady", "walk", {"waits_for": "jump"}, retries=3, time_limit=600)
    here = folder / "strategies" / "jump.here"
    while not here.exists():
        time.sleep(0.05)
    before = time.time()
    for by in ("3600", "0", "-3600", "0"):
        set_clock(by)
        watch(6.0)
        print(by, round((time.time() - before) / 3600), flush=True)
    (folder / "strategies" / "jump").touch()
    print(job.wait(120), job.row.attempt, flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(COMPILER is None or sys.platform != "linux", reason="a clock of its own is compiled, on Linux")
def test_the_clock_of_the_machine_jumps_for_everyone_at_once(own_ws, tmp_path):
    """Client, worker and job see another time at the same moment, SQLite too; only monotonic clocks go on."""
    clock, source, library = (tmp_path / name for name in ("clock", "clock.c", "clock.so"))
    clock.write_text("0")
    source.write_text(CLOCK)
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    environment = {"LD_PRELOAD": str(library), "CLOCK_OF_TESTS": str(clock)}
    done = subprocess.run(
        [sys.executable, "-c", JUMPS, own_ws.folder, clock],
        env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == ["3600 1", "0 0", "-3600 -1", "0 0", "completed 1"]
    assert own_ws.jobs()["status"].tolist() == ["completed"]


WALL = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "now"}
MAY = {
    "store/columns.py": "what now() is",
    "store/database.py": "the name of a backup; time() where a database gives none",
    "cli/database.py": "the name of a backup",
    "report/batches/plan.py": "the name of a batch",
    "runs/trust/importing_run.py": "when a run was taken over from a file",
    "store/cache.py": "which file of the cache was used last",
    "store/bulk.py": "created_at of rows",
    "store/trial_rows.py": "created_at of rows",
    "store/datasets.py": "created_at of rows",
    "store/strategies.py": "created_at of rows",
    "store/files.py": "temporary files that are older than a day",
    "sources/pages.py": "how old a page of a vendor is",
    "sources/patience.py": "when a vendor may be asked again",
    "sources/fetching.py": "until when a vendor is asked for bars",
    "sources/yahoo_ear.py": "what a vendor's Retry-After means",
    "widgets/work/errands.py": "how long a run may still take, as it is shown",
    "sources/exchange.py": "what a vendor's Retry-After means",
}


def wall_clocks(file):
    """Return the calls in a file that ask the machine's clock for the time of day."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return sorted(name for name in called if name in WALL or name.endswith((".now", "create_time")))


def test_no_lease_and_no_time_out_asks_the_clock_of_the_wall():
    """Leases are reckoned by the database, time-outs by clocks that only go on."""
    package = Path(research_kit.__file__).parent
    found = {file.relative_to(package).as_posix(): wall_clocks(file) for file in sorted(package.rglob("*.py"))}
    elsewhere = {name: calls for name, calls in found.items() if calls and name not in MAY}
    assert elsewhere == {"processes/identity.py": ["psutil.Process(pid).create_time"]}  # not on Linux
