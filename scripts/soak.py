"""Random kills under load, for an hour or as long as asked: ``python scripts/soak.py --seconds 3600 [--database URL]``.

Jobs are submitted without end while workers, the processes of jobs and whole sweeps are killed with SIGKILL at random
moments, and jobs are cancelled. A sweep that was killed is asked again until it completes, then comes another one. At
the end everything is left to settle; then nothing may be lost, doubled or stuck.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from argparse import ArgumentParser
from collections import Counter
from math import inf
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import numpy as np
import pandas as pd
import psutil
import sqlalchemy as sa

import research_kit as rk
from research_kit.runs.jobs.job import Job
from research_kit.workspace import Workspace

WAITING = 12  # jobs that are kept waiting or running
PAUSE = 60.0  # seconds after which a worker may be killed that has completed nothing since the last was
SWEEP_SECONDS = 15.0  # in which a sweep is killed that is to be killed
SWEEP = (
    "import sys, research_kit as rk; ws = rk.open_workspace(sys.argv[1], sys.argv[2]); "
    "ws.sweep('sma_cross', 'walk', {'fast': range(2, 40), 'slow': range(50, 150)}, "
    "commission=int(sys.argv[3]) / 1e6, workers=1, progress=False)"
)
FIGURES = {
    "attempts": "attempt, count(*) FROM backtest_jobs GROUP BY attempt ORDER BY attempt",
    "sweeps": "status, count(*) FROM sweeps GROUP BY status ORDER BY status",
    "rows": "'trades', count(*) FROM trades UNION ALL SELECT 'trials', count(*) FROM trials",
}
COMPLETED, NOT_COMPLETED = "backtest_jobs.status = 'completed'", "backtest_jobs.status <> 'completed'"
OF_A_JOB = "JOIN backtest_jobs ON backtest_jobs.id = backtest_job_id WHERE"
CLOSED = "(SELECT count(*) FROM trades WHERE trades.backtest_job_id = backtest_jobs.id AND exit_time IS NOT NULL)"
BACKTESTS = "(SELECT count(*) FROM backtests WHERE backtests.backtest_job_id = backtest_jobs.id)"
PROBLEMS = {
    "jobs that are stuck": "backtest_jobs WHERE status IN ('pending', 'running')",
    "sweeps that are stuck": "sweeps WHERE status IN ('pending', 'running')",
    "trades of jobs that did not complete": f"trades {OF_A_JOB} {NOT_COMPLETED}",
    "backtests of jobs that did not complete": f"backtests {OF_A_JOB} {NOT_COMPLETED}",
    "completed jobs without exactly one backtest": f"backtest_jobs WHERE {COMPLETED} AND 1 <> {BACKTESTS}",
    "jobs whose trades are not those of their metrics": f"backtest_metrics {OF_A_JOB} total_trades <> {CLOSED}",
    "completed sweeps that lack sets": "sweeps WHERE status = 'completed' AND completed_sets <> total_sets",
    "trials that are there twice": "(SELECT spec_hash FROM trials GROUP BY spec_hash HAVING count(*) > 1) AS twice",
}


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", help="of PostgreSQL; SQLite when none is given")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="soak-") as folder, rk.open_workspace(Path(folder), given.database) as ws:
        ws.import_dataset(_walk(), name="walk", symbol="WALK")
        wanted = {fast: dict(ws.run("sma_cross", "walk", {"fast": fast}).summary) for fast in (5, 8, 12)}
        ws.sweep("sma_cross", "walk", {"fast": [5, 8]}, workers=1)  # compiled here, so that no kill falls on that alone
        jobs, kills = _torment(ws, given.seconds, Random(given.seed))
        faults = _faults(ws, jobs, wanted)
        states = Counter(job_state for job_state, _, _ in jobs.values())
        print(f"{len(jobs):,} jobs: {dict(states)}; kills: {dict(kills)}; {given.seconds:g} s, seed {given.seed}")
        with ws.database.read() as session:
            told = {
                name: dict(map(tuple, session.execute(sa.text(f"SELECT {query}")))) for name, query in FIGURES.items()
            }
        print("; ".join(f"{name}: {counts}" for name, counts in told.items()))
    if faults:
        sys.exit("\n".join(faults))
    print("nothing was lost, doubled or stuck")


def _walk() -> pd.DataFrame:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.001, 20_000)))
    index = pd.date_range("2024-01-01", periods=len(close), freq="min", tz="UTC", name="time")
    return pd.DataFrame({"open": close, "high": close, "low": close, "close": close, "volume": 1.0}, index=index)


class _Killer:
    """Kills and cancels at random moments, and lets something be done between two kills of the same kind."""

    def __init__(self, ws: Workspace, random: Random) -> None:
        self.ws, self.random = ws, random
        self.kills = Counter[str]()
        self._jobs_ended, self._not_before = 0, 0.0
        self._sweep: subprocess.Popen[bytes] | None = None
        self._sweep_dies_at = inf
        self._commission = 0

    def keep_sweeping(self) -> None:
        """Start a sweep where none runs: the one that was killed again, or the next one; two of three are killed."""
        if self._sweep is None or self._sweep.poll() is not None:
            self._commission += self._sweep is None or self._sweep.returncode == 0
            command = [sys.executable, "-c", SWEEP, str(self.ws.folder), self.ws.database.url, str(self._commission)]
            self._sweep = subprocess.Popen(command)
            dies = self.random.random() < 2 / 3
            self._sweep_dies_at = monotonic() + self.random.uniform(0.0, SWEEP_SECONDS) if dies else inf
        elif monotonic() > self._sweep_dies_at:
            self._sweep.send_signal(signal.SIGKILL)
            self._sweep_dies_at = inf
            self.kills["sweep"] += 1

    def strike(self, jobs: list[Job], ended: int) -> None:
        """Kill a worker or what it started, or cancel a job, or do nothing."""
        choices = ("worker", "process of a worker", "cancelled", "nothing")
        what = self.random.choices(choices, (1, 4, 1, 10))[0]
        if what == "cancelled" and jobs:
            self.random.choice(jobs).cancel(timeout=0.0)
            self.kills[what] += 1
        elif what in choices[:2] and (ended > self._jobs_ended or monotonic() > self._not_before):
            worker = _worker(self.ws)
            if worker is None:
                return
            try:
                below = worker.children(recursive=True)
                (worker if what == "worker" or not below else self.random.choice(below)).kill()
            except psutil.NoSuchProcess:
                return
            self.kills[what] += 1
            self._jobs_ended, self._not_before = ended, monotonic() + PAUSE

    def rest(self) -> None:
        """Leave nothing running that this started."""
        if self._sweep is not None:
            self._sweep.kill()
            self._sweep.wait()


def _torment(ws: Workspace, seconds: float, random: Random) -> tuple[dict[int, tuple[str, int, Job]], Counter[str]]:
    """Submit, kill and cancel until the time is over; return how each job ended, and how often what was killed."""
    until, killer = monotonic() + seconds, _Killer(ws, random)
    open_jobs: dict[int, tuple[int, Job]] = {}
    ended: dict[int, tuple[str, int, Job]] = {}
    while monotonic() < until:
        while len(open_jobs) < WAITING:
            fast = random.choice((5, 8, 12))
            job = ws.submit("sma_cross", "walk", {"fast": fast}, retries=20)
            open_jobs[job.id] = fast, job
        killer.keep_sweeping()
        sleep(random.uniform(0.0, 0.4))
        killer.strike(
            [job for _, job in open_jobs.values()], sum(state == "completed" for state, _, _ in ended.values())
        )
        ws.jobs()  # any client settles what died
        for job_id, (fast, job) in list(open_jobs.items()):
            if (state := job.state) in ("completed", "failed", "cancelled"):
                ended[job_id] = state, fast, job
                del open_jobs[job_id]
    killer.rest()
    for job_id, (fast, job) in open_jobs.items():
        ended[job_id] = job.wait(300), fast, job
    ws.sweeps()
    return ended, killer.kills


def _worker(ws: Workspace) -> psutil.Process | None:
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "research_kit.workspace.worker" in command and str(ws.folder) in command:
            return process
    return None


def _faults(
    ws: Workspace, jobs: dict[int, tuple[str, int, Job]], wanted: dict[int, dict[str, float | int | None]]
) -> list[str]:
    """Return what is wrong in the end."""
    with ws.database.read() as session:
        counts = {name: session.scalar(sa.text(f"SELECT count(*) FROM {query}")) for name, query in PROBLEMS.items()}
    faults = [f"{count} {name}" for name, count in counts.items() if count]
    for job_id, (state, fast, job) in jobs.items():
        if state == "completed" and dict(job.result().summary) != wanted[fast]:
            faults.append(f"job {job_id} has other metrics than the same run by itself")
        if state == "failed":
            faults.append(f"job {job_id} failed: {job.error}")
    left = [str(file) for name in ("data", "artifacts", "reports") for file in (ws.folder / name).rglob("*.tmp*")]
    worker = _worker(ws)
    if worker is not None:
        worker.terminate()
        worker.wait(30)
    sleep(1.0)
    alive = [
        str(process)
        for process in psutil.process_iter(["cmdline"])
        if str(ws.folder) in (process.info["cmdline"] or [])
    ]
    return faults + [f"left behind: {file}" for file in left] + [f"still running: {process}" for process in alive]


if __name__ == "__main__":
    main()
