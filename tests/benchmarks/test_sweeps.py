"""Sweeps compare equal work: the limit finds what backtests of this project find, and other tables are refused."""

from types import SimpleNamespace

import numpy as np
import pytest

import research_kit as rk


@pytest.fixture
def grid(script):
    return script("sweeps.work").Grid("few", "10k", range(5, 15, 5), range(30, 36, 3))


@pytest.fixture
def swept(script, grid):
    """Return the limit's table of the grid."""
    sweep, read = script("sweeps.limit").prepare(grid, None)
    return read(grid, sweep(grid))


@pytest.mark.parametrize("way", ["signals", "built-in"])
def test_sets_of_this_project_are_those_of_the_limit(script, grid, swept, monkeypatch, way):
    monkeypatch.setenv("BENCHMARK_ENGINE", way)
    sweep, read = script("sweeps.ours").prepare(grid, SimpleNamespace(where=False))
    table = read(grid, sweep(grid))
    script("sweeps.equality").check_tables("ours", table, "limit", swept, 1e-9)
    assert np.isnan(table[:, 5]).all()
    assert not np.isnan(swept).any()
    assert (swept[:, 4] > 100).all()


def test_one_thread_and_several_find_the_same(script, grid, swept, monkeypatch):
    monkeypatch.setenv("BENCHMARK_ENGINE", "1 thread")
    sweep, read = script("sweeps.limit").prepare(grid, None)
    assert np.array_equal(read(grid, sweep(grid)), swept)


def test_parts_of_a_grid_are_evenly_spread(script):
    work = script("sweeps.work")
    whole = work.GRIDS["1k"]
    assert len(whole) == len(whole.sets()) == 1_000
    assert whole.part(1_000) is whole
    few = whole.part(20)
    assert {tuple(one) for one in few.sets().tolist()} < {tuple(one) for one in whole.sets().tolist()}
    assert 10 <= len(few) <= 30
    assert few.slow[-1] - few.slow[0] > 30
    assert len(whole.part(1)) <= 2
    assert [grid.title for grid in work.GRIDS.values()] == [
        "100 sets × 10k bars",
        "1,000 sets × 100k bars",
        "10,000 sets × 10k bars",
    ]


def test_a_few_sets_of_a_peer_are_compared_with_all(script, swept):
    check = script("sweeps.equality").check_tables
    few = swept[[2, 0]].copy()
    few[:, 2] *= 1 + 1e-12
    few[:, 3:] = np.nan
    check("peer", few, "ours", swept, 1e-9)


@pytest.mark.parametrize("column", [2, 3, 4, 5, 6])
def test_a_metric_that_differs_is_refused(script, swept, column):
    other = swept.copy()
    other[1, column] += 1e-3
    with pytest.raises(script("equality").UnequalWorkError, match=r"of 1 of 4 sets differs .* at fast 5, slow 33"):
        script("sweeps.equality").check_tables("peer", other, "ours", swept, 1e-6)


def test_other_sets_are_refused(script, swept):
    check, error = script("sweeps.equality").check_tables, script("equality").UnequalWorkError
    other = swept.copy()
    other[3, 1] += 1
    with pytest.raises(error, match="did not try the same sets"):
        check("peer", other, "ours", swept, 1e-6)
    silent = swept.copy()
    silent[:, 2] = np.nan
    with pytest.raises(error, match="total_return"):
        check("peer", silent, "ours", swept, 1e-6)


def test_without_the_api_a_sweep_says_so(script, grid, monkeypatch, capsys):
    monkeypatch.setattr(script("sweeps.ours"), "rk", SimpleNamespace(Workspace=rk.Workspace))
    with pytest.raises(SystemExit) as ended:
        script("sweeps.ours").prepare(grid, SimpleNamespace(where=False))
    assert ended.value.code == script("processes").MISSING
    assert capsys.readouterr().err == "rk.run_sweep is not there yet\n"
