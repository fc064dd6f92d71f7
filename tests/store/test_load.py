"""Two processes with eight writers each, a widget that looks every 200 ms, and a reader that stays: nothing fails."""

import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest
import sqlalchemy as sa

from research_kit.store.datasets import add_dataset
from research_kit.store.listings import jobs_table
from research_kit.store.tables import BacktestJob, Dataset

pytestmark = pytest.mark.faults

ROUNDS = 20
TESTS = Path(__file__).parents[1]
WRITERS = """
import sys
from concurrent.futures import ThreadPoolExecutor
import sqlalchemy as sa
from store.conftest import new_job
from research_kit.store.database import Database
from research_kit.store.jobs import claim_job, create_job, fail_job, report_progress
from research_kit.store.tables import Dataset

database, rounds = Database.open(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()


def write(writer):
    for turn in range(rounds):
        job_id = create_job(database, new_job(seed=writer * 1000 + turn))
        token = claim_job(database, job_id, f"writer {writer}")
        report_progress(database, job_id, token, 0.5, "half")
        with database.write() as session:  # read, then write: what fails where a transaction takes its lock late
            dataset = session.scalars(sa.select(Dataset).with_for_update()).one()
            dataset.backtest_count = dataset.backtest_count + 1
            session.add(dataset)
        fail_job(database, job_id, token, "the end")


with ThreadPoolExecutor(8) as pool:
    list(pool.map(write, range(8)))
print("done", flush=True)
"""


def test_two_processes_with_eight_writers_each(database, make):
    add_dataset(database, make.dataset())
    command = [sys.executable, "-W", "error", "-c", WRITERS, database.url, str(ROUNDS)]
    writers = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=TESTS
        )
        for _ in range(2)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n", writer.stderr.read()
    looks = 0
    with database.read() as stays:  # a transaction of a reader that stays open all the time
        before = stays.scalar(sa.select(sa.func.count()).select_from(BacktestJob))
        for writer in writers:
            writer.stdin.write("go\n")
            writer.stdin.flush()
        until = monotonic() + 120
        while any(writer.poll() is None for writer in writers) and monotonic() < until:
            assert len(jobs_table(database)) <= 2 * 8 * ROUNDS
            looks += 1
            sleep(0.2)
        seen = stays.scalar(sa.select(sa.func.count()).select_from(BacktestJob))
    ends = [writer.communicate(timeout=60) for writer in writers]
    assert [out for out, _ in ends] == ["done\n"] * 2, ends
    assert looks > 1
    if database.file is not None:
        assert seen == before  # SQLite: one state as long as the transaction lasts
    total = 2 * 8 * ROUNDS
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).where(BacktestJob.status == "failed")) == total
        assert session.scalars(sa.select(Dataset.backtest_count)).one() == total
