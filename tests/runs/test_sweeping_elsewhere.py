"""Recorded searches whose sets run in other processes: they open the bars and the strategies of the workspace there."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
from dask_processes import local_cluster

import research_kit as rk

DAY = 86_400_000_000_000
MINE = '''
import os
import research_kit as rk
from ._average import above


class Mine(rk.Strategy):
    """Long while the close is above its average; fails in the process that it was asked in, and where it is told to."""

    length: int = rk.Param(20, ge=2, le=300)
    how: str = "well"

    def signals(self, bars):
        if self.how == "badly" or os.getpid() == int(os.environ["NOT_HERE"]):
            raise RuntimeError(f"no luck with {self.length}")
        return rk.Signals.target(above(bars.close, self.length))
'''
HELPER = """
import research_kit as rk

def above(close, length):
    return close > rk.indicators.sma(close, length)
"""
GRID = {"length": range(5, 45, 5), "how": ["well", "badly"], "stop_loss": [None, 0.02]}
REASONS = {f"RuntimeError: no luck with {length}" for length in range(5, 45, 5)}


@pytest.fixture
def desk(tmp_path, make_bars, monkeypatch):
    """Return a workspace with the dataset 'daily' and the strategy 'mine', which runs in other processes alone."""
    monkeypatch.setenv("NOT_HERE", str(multiprocessing.current_process().pid))
    with rk.open_workspace(tmp_path / "desk") as workspace:
        workspace.import_dataset(make_bars(300, sigma=0.01, step_ns=DAY).frame, name="daily", symbol="DAY")
        (workspace.folder / "strategies" / "mine.py").write_text(MINE, encoding="utf-8")
        (workspace.folder / "strategies" / "_average.py").write_text(HELPER, encoding="utf-8")
        yield workspace


def assert_swept(desk, sweep, monkeypatch):
    assert set(sweep.errors.values()) == REASONS
    assert (sweep.status, sweep.row.completed_sets, sweep.row.failed_sets) == ("completed", 16, 16)
    assert len(desk.trials("daily")) == 32
    monkeypatch.setenv("NOT_HERE", "0")
    pure = rk.run_sweep(desk.bars("daily"), desk.registry.resolve("mine"), GRID)
    assert list(sweep.sets) == list(pure.sets)
    assert sweep.errors == pure.errors
    assert sweep.returns[::4].tobytes() == pure.returns[::4].tobytes()
    assert sweep.best == pure.best


@pytest.mark.slow
def test_fresh_processes_run_a_strategy_of_the_workspace(desk, monkeypatch):
    """A sweep, and a walk-forward whose trainings are parts of the bars."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        sweep = desk.sweep("mine", "daily", GRID, executor=pool)
        assert_swept(desk, sweep, monkeypatch)
        how = {"train": 100, "test": 50}
        walked = desk.walk_forward("mine", "daily", {"length": [5, 10]}, executor=pool, **how)
        here = desk.walk_forward("mine", "daily", {"length": [5, 10]}, **how)
        assert walked.table.equals(here.table)


@pytest.mark.slow
def test_a_dask_cluster_runs_a_strategy_of_the_workspace(desk, monkeypatch):
    with local_cluster(workers=1) as (_, client):
        told = []
        sweep = desk.sweep("mine", "daily", GRID, executor=client.get_executor(), progress=told.append)
        assert (told[-1].done, told[-1].total) == (32, 32)
    assert_swept(desk, sweep, monkeypatch)
