"""Sets that optuna suggests: the same for the same seed and any number of workers, each counted once."""

import sys

import numpy as np
import pytest
from searched import Quotient, Trend, Troubled

import research_kit as rk
from research_kit.errors import NotFoundError
from research_kit.metrics.registry import METRICS

optuna = pytest.importorskip("optuna", reason="optuna is not installed")

GRID = {"length": rk.between(2, 200), "share": rk.between(0.1, 1.0), "stop_loss": [None, 0.02, 0.05]}


def suggested(bars, strategy=Trend, grid=GRID, sets=60, **how):
    return rk.run_sweep(bars, strategy, grid, method="optuna", sets=sets, **how)


def test_the_same_seed_suggests_the_same_sets_with_any_number_of_workers(bars):
    one, two = suggested(bars, workers=1), suggested(bars, workers=3)
    assert list(one.sets) == list(two.sets)
    for name in METRICS:
        assert one.metrics[name].tobytes() == two.metrics[name].tobytes()
    assert list(suggested(bars, seed=1).sets) != list(one.sets)


def test_every_set_is_what_its_backtest_is(bars):
    sweep = suggested(bars)
    assert len(sweep) == 60
    assert not sweep.is_grid
    for at in (0, 17, 59):
        one = dict(sweep.sets[at])
        alone = rk.run_backtest(bars, Trend(length=one["length"], share=one["share"]), stop_loss=one["stop_loss"])
        assert sweep.value("sharpe_ratio", at) == pytest.approx(alone.metrics["sharpe_ratio"])


def test_what_is_suggested_lies_within_what_is_searched(bars):
    grid = {
        "length": rk.between(5, 50, 7),  # the upper end is not on the grid
        "share": rk.between(0.0, 0.7, 0.13),
        "commission": rk.between(1e-4, 1e-1, log=True),
        "delay": [2],
        "fill": ["next_open", "same_close"],
    }
    table = suggested(bars, grid=grid).table
    assert set(table["length"]) <= set(rk.between(5, 50, 7).values())
    assert set(table["share"]) <= set(rk.between(0.0, 0.7, 0.13).values())
    assert table["commission"].between(1e-4, 1e-1).all()
    assert set(table["delay"]) == {2}
    assert set(table["fill"]) == {"next_open", "same_close"}


def test_a_set_that_is_suggested_twice_counts_once(bars):
    told = []
    sweep = suggested(bars, grid={"length": [5, 10, 20]}, progress=told.append)
    assert sorted(one["length"] for one in sweep.sets) == [5, 10, 20]
    assert (told[-1].done, told[-1].total) == (60, 60)
    assert [step.done for step in told] == [16, 32, 48, 60]


def test_it_learns(bars):
    """Of a hundred sets those of the second half are better than those of the first, which are drawn at random."""
    sweep = suggested(bars, grid={"length": rk.between(2, 300)}, sets=100, objective="total_return", commission=0.0)
    lengths = sweep.sets.column("length")
    by_length = dict(zip(lengths.tolist(), sweep.metrics["total_return"].tolist(), strict=True))
    values = np.array([by_length[int(length)] for length in lengths])
    assert np.median(values[len(values) // 2 :]) > np.median(values[: len(values) // 2])


def test_the_lowest_is_looked_for_where_that_is_wanted(bars):
    sweep = suggested(bars, grid={"share": rk.between(0.05, 1.0)}, objective="-volatility")
    assert sweep.best.parameters["share"] < 0.15


def test_sets_that_fail_or_are_refused_do_not_stop_it(bars):
    failing = suggested(bars, Troubled, {"how": ["well", "raises"], "length": rk.between(5, 50)}, sets=40)
    assert 0 < len(failing.errors) < len(failing)
    refused = suggested(bars, Quotient, {"parts": rk.between(1, 40)}, sets=40)
    assert len({one["parts"] for one, _ in refused.refused}) == len(refused.refused) > 0
    assert len(refused) > 0


def test_without_optuna_it_says_what_to_install(bars, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(NotFoundError, match=r"method='optuna' needs optuna\. Install it with: pip install"):
        suggested(bars)
