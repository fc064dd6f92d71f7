"""What holds for every run, whatever the numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.metrics.drawdown import drawdown_series
from research_kit.metrics.performance import sharpe_ratio
from research_kit.metrics.registry import METRICS
from research_kit.metrics.risk import tails
from research_kit.metrics.summary import compute_metrics

ANY = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=5e-324, allow_infinity=False)
PLAIN = st.floats(min_value=-1e6, max_value=1e6)
MONEY = ("total_return", "max_drawdown")


def same(found: float | None, expected: float | None, rel: float, tiny: float) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=rel, abs_tol=tiny)


@settings(deadline=None, max_examples=150)
@given(
    equity=st.lists(POSITIVE, max_size=12) | st.lists(ANY, max_size=6),
    pnl=st.lists(ANY, max_size=8),
    cash=POSITIVE,
    free=st.floats(-0.5, 0.5),
    market=POSITIVE,
)
def test_never_nan_never_infinite_and_always_a_reason(make_inputs, equity, pnl, cash, free, market):
    inputs = make_inputs(
        equity,
        initial_cash=cash,
        trade_pnl=pnl,
        trade_pnl_percent=pnl,
        risk_free_rate=free,
        traded_value=market,
        benchmark=np.geomspace(1.0, market, len(equity)) if market < 1e300 else None,
        daily_target=0.01,
    )
    metrics = compute_metrics(inputs)
    for name, value in metrics.items():
        assert value is None or math.isfinite(value), name
        assert (value is None) == (name in metrics.reasons), name
        assert value is None or type(value) in (int, float), name
    assert all(metrics.reasons.values())


@settings(deadline=None)
@given(equity=st.lists(st.floats(-1e150, 1e150), min_size=1), cash=st.floats(1e-3, 1e9))
def test_drawdown_is_never_above_zero(make_inputs, equity, cash):
    assert (drawdown_series(equity, cash) <= 0.0).all()
    metrics = compute_metrics(make_inputs(equity, initial_cash=cash))
    for name in ("max_drawdown", "max_drawdown_percent"):
        assert metrics[name] is None or metrics[name] <= 0.0
    assert metrics["max_drawdown_duration"] >= 0.0


@settings(deadline=None)
@given(returns=st.lists(PLAIN, min_size=2), level=st.floats(0.5, 1.0))
def test_cvar_is_never_above_var(returns, level):
    found = tails(returns, level)
    assert min(returns) - 1e-9 <= found.conditional_value_at_risk <= found.value_at_risk <= found.gain + 1e-9


@settings(deadline=None)
@given(pnl=st.lists(PLAIN.map(lambda value: round(value, 2)), min_size=1), data=st.data())
def test_the_order_of_trades_matters_to_streaks_alone(make_inputs, pnl, data):
    shuffled = data.draw(st.permutations(pnl))
    before, after = (compute_metrics(make_inputs([100.0], trade_pnl=order)) for order in (pnl, shuffled))
    for name, metric in METRICS.items():
        if metric.group == "Trades" and "consecutive" not in name:
            assert same(after[name], before[name], rel=1e-9, tiny=1e-9), name


@pytest.mark.parametrize("factor", [0.001, 3.0, 1e6])
def test_the_size_of_the_account_changes_money_alone(make_inputs, walk, factor):
    small = compute_metrics(make_inputs(walk, benchmark=walk[::-1]))
    large = compute_metrics(make_inputs(walk * factor, initial_cash=100.0 * factor, benchmark=walk[::-1]))
    for name, value in small.items():
        expected = value * factor if name in MONEY else value
        assert same(large[name], expected, rel=1e-7, tiny=1e-12), name


@pytest.mark.parametrize("seed", range(5))
def test_noise_lowers_sharpe(walk, seed):
    returns = np.diff(walk) / walk[:-1]
    noise = np.random.default_rng(seed).normal(0, 0.005, len(returns))
    basis = np.column_stack([np.ones_like(returns), returns])
    noise -= basis @ np.linalg.lstsq(basis, noise, rcond=None)[0]  # no mean, nothing in common with the returns
    calm, noisy = (sharpe_ratio(series, periods_per_year=252) for series in (returns, returns + noise))
    assert 0.0 < noisy < calm


def test_more_return_at_the_same_risk_is_a_higher_sharpe(walk):
    returns = np.diff(walk) / walk[:-1]
    ladder = [sharpe_ratio(returns + extra, periods_per_year=252) for extra in (-0.001, 0.0, 0.001)]
    assert ladder == sorted(ladder)
    assert len(set(ladder)) == 3


def test_inputs_are_not_changed(make_inputs, walk):
    given_arrays = {
        "equity": walk.copy(),
        "benchmark": walk[::-1].copy(),
        "trade_pnl": walk[:50] - 100.0,
        "trade_pnl_percent": walk[:50].copy(),
        "trade_minutes": walk[:50].copy(),
    }
    copies = {name: array.copy() for name, array in given_arrays.items()}
    compute_metrics(make_inputs(**given_arrays))
    for name, array in given_arrays.items():
        assert np.array_equal(array, copies[name]), name
        assert array.flags.writeable


def test_strided_and_whole_number_arrays_give_the_same(make_inputs):
    equity = np.array([100, 105, 101, 120, 90, 111])
    spaced = np.repeat(equity.astype(float), 2)[::2]
    assert compute_metrics(make_inputs(spaced)) == compute_metrics(make_inputs(equity))


def test_two_runs_are_the_same(make_inputs, walk):
    first, second = (compute_metrics(make_inputs(walk)) for _ in range(2))
    assert dict(first) == dict(second)
