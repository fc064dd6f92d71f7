"""How overfitted a sweep's best set is: from its own daily returns, for any way the sweep was made."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

import research_kit as rk
from research_kit.errors import DataError, NotFoundError
from research_kit.metrics.inference.overfitting import Overfitting
from research_kit.search.sweep import run_sweep

GRID = {"fast": [3, 5, 8, 13], "slow": [20, 30, 50]}


@pytest.fixture(scope="module")
def sweep(bars):
    return run_sweep(bars, rk.strategies.SmaCross, GRID, risk_free_rate=0.02)


@pytest.fixture(scope="module")
def found(sweep):
    return sweep.overfitting(draws=100)


def test_it_is_about_the_best_set(sweep, found):
    assert found.chosen == sweep.best.position
    assert found.headline.sharpe_ratio == pytest.approx(sweep.best.value, rel=1e-5)  # returns are kept as float32
    assert found.sharpes == pytest.approx(sweep.metrics["sharpe_ratio"], rel=1e-4)
    assert (found.sets, found.headline.trials) == (12, 12)
    assert "12 trials in this search" in str(found.headline)


def test_the_year_is_found_where_it_was_not_kept(sweep, found):
    lost = replace(sweep, periods_per_year=None).overfitting(draws=100)
    assert sweep.periods_per_year is not None
    assert lost.headline == found.headline


def test_another_objective_has_another_best_set(bars):
    calm = run_sweep(bars, rk.strategies.SmaCross, GRID, objective="-volatility")
    assert calm.overfitting(draws=50).chosen == calm.best.position


def test_it_draws_itself(found):
    for name in ("logits", "degradation", "deflation"):
        figure = getattr(found, name)(theme="light")
        assert isinstance(figure, go.Figure)
        assert len(figure.data) > 0
    assert isinstance(found, Overfitting)
    assert repr(found).startswith("SweepOverfitting(Sharpe ")
    assert "<table>" in found._repr_html_()


def test_the_same_seed_gives_the_same(sweep, found):
    assert repr(sweep.overfitting(draws=100)) == repr(found)


def test_a_sweep_without_returns_says_so(sweep):
    with pytest.raises(DataError, match="kept no daily returns"):
        replace(sweep, kept_returns=None).overfitting()
    nothing = replace(sweep, metrics={name: np.full(12, np.nan) for name in sweep.metrics})
    with pytest.raises(NotFoundError, match="No set of 12"):
        nothing.overfitting()
    still = replace(sweep, kept_returns=np.zeros((12, 50), np.float32), periods_per_year=None)
    still = replace(still, metrics={**sweep.metrics, "volatility": np.zeros(12)})
    with pytest.raises(DataError, match="returns that vary"):
        still.overfitting()
