"""Workspaces whose jobs are run by a real worker: a process of its own, which starts others."""

import os
import signal
from textwrap import dedent

import psutil
import pytest
from waiting import eventually

import research_kit as rk
from research_kit.runs.jobs.worker import lock_file

STRATEGIES = '''
import ctypes, os, signal, subprocess, sys, time
from pathlib import Path
import numpy as np
import research_kit as rk

HERE = Path(__file__).parent


class Steady(rk.Strategy):
    """Long above its average; can be told to wait for a file, so that a test knows when it is in the middle."""
    length: int = rk.Param(20, ge=2)
    waits_for: str = ""

    def signals(self, bars):
        if self.waits_for:
            (HERE / f"{self.waits_for}.here").write_text(str(os.getpid()))
            while not (HERE / self.waits_for).exists():
                time.sleep(0.01)
        return rk.Signals.target(bars.close > rk.indicators.sma(bars.close, self.length))


class UnspeakableError(Exception):
    def __str__(self):
        raise ValueError


class Trouble(rk.Strategy):
    """Ends in one of many ways."""
    how: str = "raises"

    def signals(self, bars):
        return getattr(self, f"_{self.how}")(bars)

    def _raises(self, bars):
        raise ValueError("no good")

    def _raises_much(self, bars):
        raise ValueError("x" * 1_000_000)

    def _raises_markup(self, bars):
        raise ValueError("<script>alert(1)</script>")

    def _raises_unspeakably(self, bars):
        raise UnspeakableError

    def _exits(self, bars):
        sys.exit(3)

    def _leaves(self, bars):
        os._exit(7)

    def _crashes(self, bars):
        ctypes.string_at(0)

    def _eats(self, bars):
        return rk.Signals.target(np.ones(5_000_000_000)[: len(bars)])

    def _loops(self, bars):
        (HERE / "loops.here").write_text(str(os.getpid()))
        while True:
            pass

    def _sleeps(self, bars):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (HERE / "sleeps.here").write_text(str(os.getpid()))
        while True:
            try:
                time.sleep(600)
            except BaseException:
                pass

    def _spawns(self, bars):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (HERE / "spawns.here").write_text(f"{os.getpid()} {child.pid}")
        time.sleep(600)

    def _wrong(self, bars):
        return rk.Signals.target(np.ones(3))


class DiesOnce(rk.Strategy):
    """Is killed the first time, and runs the second time."""

    def signals(self, bars):
        mark = HERE / "died.once"
        if not mark.exists():
            mark.write_text("")
            os.kill(os.getpid(), signal.SIGKILL)
        return rk.Signals.target(bars.close > 0)
'''


def stop_worker(ws):
    """End the worker of a workspace, if there is one, and wait for that."""
    lock = lock_file(ws.folder)
    worker = worker_of(ws) if lock.exists() else None
    if worker is not None:
        worker.send_signal(signal.SIGTERM)
        worker.wait(20)


def worker_of(ws):
    """Return the process of a workspace's worker, None where there is none."""
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "research_kit.workspace.worker" in command and str(ws.folder) in command:
            return process
    return None


def arrived(ws, name):
    """Wait until a strategy says that it is there, and return the numbers that it wrote."""
    file = ws.folder / "strategies" / f"{name}.here"
    text = eventually(lambda: file.exists() and file.read_text())
    file.unlink()
    return [int(number) for number in text.split()]


def go_on(ws, name):
    """Let a strategy go on that waits for this."""
    (ws.folder / "strategies" / name).write_text("")


def nothing_left(ws, job_id):
    """Return whether a job that did not complete left no row but its own and its trial's."""
    tables = ("trades", "backtest_metrics", "backtests")
    with ws.database.read() as session:
        import sqlalchemy as sa

        counts = [
            session.scalar(sa.text(f"SELECT count(*) FROM {table} WHERE backtest_job_id = {job_id}"))
            for table in tables
        ]
    return counts == [0, 0, 0]


def opened(folder, database, make_bars):
    ws = rk.open_workspace(folder, database)
    (ws.folder / "strategies" / "of_tests.py").write_text(dedent(STRATEGIES), encoding="utf-8")
    ws.import_dataset(make_bars(2_000).frame, name="walk", symbol="WALK")
    return ws


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], scope="module")
def ws(request, tmp_path_factory, make_bars):
    """Return a workspace with the dataset 'walk' and strategies that make trouble; one for all tests of a module."""
    database = request.getfixturevalue("postgres").emptied() if request.param == "postgres" else None
    folder = tmp_path_factory.mktemp("jobs") / "work space"
    with opened(folder, database, make_bars) as workspace:
        yield workspace
        stop_worker(workspace)


@pytest.fixture
def own_ws(tmp_path, make_bars):
    """Return a workspace of a test's own, on SQLite."""
    with opened(tmp_path / "own", None, make_bars) as workspace:
        yield workspace
        stop_worker(workspace)


@pytest.fixture(scope="session", autouse=True)
def _quiet_children():
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
