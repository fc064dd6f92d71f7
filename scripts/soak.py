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
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import numpy as np
import pandas as pd
import psutil
import sqlalchemy as sa

import research_kit as rk
from research_kit.runs.job import Job
from research_kit.workspace import Workspace

WAITING = 12  # jobs that are kept waiting or running
SWEEP = (
    "import sys, research_kit as rk; ws = rk.open_workspace(sys.argv[1], sys.argv[2]); "
    "ws.sweep('sma_cross', 'walk', {'fast': range(2, 40), 'slow': range(50, 150)}, "
    "commission=int(sys.argv[3]) / 1e6, workers=1, progress=False)"
)
SETS = 3_800  # of each sweep
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
    "completed sweeps that lack sets": f"sweeps WHERE status = 'completed' AND completed_sets <> {SETS}",
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


def _torment(ws: Workspace, seconds: float, random: Random) -> tuple[dict[int, tuple[str, int, Job]], Counter[str]]:
    """Submit, kill and cancel until the time is over; return how each job ended, and how often what was killed."""
    until, kills = monotonic() + seconds, Counter[str]()
    open_jobs: dict[int, tuple[int, Job]] = {}
    ended: dict[int, tuple[str, int, Job]] = {}
    sweep, commission = None, 0
    while monotonic() < until:
        while len(open_jobs) < WAITING:
            fast = random.choice((5, 8, 12))
            job = ws.submit("sma_cross", "walk", {"fast": fast}, retries=20)
            open_jobs[job.id] = fast, job
        if sweep is None or sweep.poll() is not None:
            commission += sweep is None or sweep.returncode == 0
            sweep = subprocess.Popen([sys.executable, "-c", SWEEP, str(ws.folder), ws.database.url, str(commission)])
        sleep(random.uniform(0.0, 0.4))
        kills[_strike(ws, random, sweep, [job for _, job in open_jobs.values()])] += 1
        ws.jobs()  # any client settles what died
        for job_id, (fast, job) in list(open_jobs.items()):
            if (state := job.state) in ("completed", "failed", "cancelled"):
                ended[job_id] = state, fast, job
                del open_jobs[job_id]
    if sweep is not None:
        sweep.kill()
        sweep.wait()
    for job_id, (fast, job) in open_jobs.items():
        ended[job_id] = job.wait(300), fast, job
    ws.sweeps()
    return ended, kills


def _strike(ws: Workspace, random: Random, sweep: subprocess.Popen[bytes], jobs: list[Job]) -> str:
    """Kill or cancel something; return what."""
    what = random.choices(("worker", "process of a job", "sweep", "cancelled", "nothing"), (1, 4, 2, 1, 8))[0]
    worker = _worker(ws)
    if what == "sweep":
        if sweep.poll() is not None:
            return "nothing"
        sweep.send_signal(signal.SIGKILL)
    elif what == "cancelled" and jobs:
        random.choice(jobs).cancel(timeout=0.0)
    elif what in ("worker", "process of a job"):
        if worker is None:
            return "nothing"
        try:
            below = worker.children(recursive=True)
            victim = worker if what == "worker" or not below else random.choice(below)
            victim.kill()
        except psutil.NoSuchProcess:
            return "nothing"
    return what


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
