"""The benchmarks compare equal work: the data never changes, and this project makes the trades of the limit kernel."""

from hashlib import sha256
from itertools import product

import numpy as np
import pytest

SIGMAS = (0.001, 0.01)
SMALL_RUNS = [*product(("W1", "W2"), SIGMAS)]
DATA = {
    0.001: "0cecc15720ddf3ff",
    0.01: "0f243e0f0dc3ef0a",
}


@pytest.mark.parametrize("sigma", SIGMAS)
def test_data_are_the_same_on_every_machine(script, sigma):
    prices = script("workloads").generate(10_000, sigma)
    assert sha256(prices.round(6).tobytes()).hexdigest()[:16] == DATA[sigma]


def test_data_are_bars(script):
    opens, high, low, close, volume = script("workloads").generate(10_000)
    assert (low > 0).all()
    assert (low <= np.minimum(opens, close)).all()
    assert (high >= np.maximum(opens, close)).all()
    assert (volume >= 0).all()


def test_kept_data_are_the_generated_ones(script):
    workloads = script("workloads")
    case = workloads.Case("W1", "10k")
    first, second = case.prices(), case.prices()
    assert np.array_equal(first, workloads.generate(10_000))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(("workload", "sigma"), SMALL_RUNS)
def test_this_project_makes_the_trades_and_the_equity_of_the_limit(script, workload, sigma):
    case = script("workloads").Case(workload, "10k", sigma)
    ours, limit = (outcome_of(script(name).prepare(case)) for name in ("backtests.ours", "backtests.limit"))
    assert len(ours.trades) > 100
    assert np.array_equal(ours.trades[:, :2], limit.trades[:, :2])
    assert np.allclose(ours.trades[:, 2:], limit.trades[:, 2:], rtol=1e-12, atol=0.0)
    assert ours.final_equity == pytest.approx(limit.final_equity, rel=1e-12)
    assert ours.final_equity - case.initial_cash == pytest.approx(limit.final_equity - case.initial_cash, rel=1e-6)


@pytest.mark.parametrize("way", ["every bar", "wake"])
def test_the_rule_bar_by_bar_makes_the_trades_of_the_limit(script, way, monkeypatch):
    monkeypatch.setenv("BENCHMARK_ENGINE", way)
    case = script("workloads").Case("W1", "10k")
    ours, limit = (outcome_of(script(name).prepare(case)) for name in ("backtests.ours_event", "backtests.limit"))
    script("backtests.equality").common_share(
        script("backtests.equality").Work("limit", limit.trades, limit.final_equity),
        script("backtests.equality").Work("ours", ours.trades, ours.final_equity),
        equity_tolerance=1e-12,
        same_stops=True,
    )
    assert len(ours.trades) > 100


def test_stop_heavy_data_reach_stops_on_the_entry_bar(script):
    case = script("workloads").Case("W2", "10k", 0.01)
    entry_bar, exit_bar, *_ = outcome_of(script("backtests.limit").prepare(case)).trades.T
    assert (entry_bar == exit_bar).sum() > 10


def test_equal_work_passes(script):
    other = trades()
    other[:, 2:] *= 1 + 1e-13
    assert common_share(script("backtests.equality"), other, 100.0 * (1 + 1e-12)) == 1.0


@pytest.mark.parametrize(("row", "column", "change"), [(3, 0, 1.0), (3, 1, 1.0), (7, 2, 1e-6), (0, 3, 1e-6)])
def test_a_trade_that_differs_is_refused(script, row, column, change):
    equality = script("backtests.equality")
    other = trades()
    other[row, column] += change
    with pytest.raises(equality.UnequalWorkError, match=f"Trade {row}:"):
        common_share(equality, other, 100.0)


def test_missing_trades_are_refused(script):
    equality = script("backtests.equality")
    with pytest.raises(equality.UnequalWorkError, match="b made 19 trades, a 20"):
        common_share(equality, trades()[:-1], 100.0)


def test_another_equity_is_refused(script):
    equality = script("backtests.equality")
    with pytest.raises(equality.UnequalWorkError, match="off"):
        common_share(equality, trades(), 100.0 * (1 + 1e-8))


def test_other_rules_for_stops_tell_the_share_of_common_trades(script):
    equality = script("backtests.equality")
    assert common_share(equality, trades()[:-1], 99.0, same_stops=False) == pytest.approx(0.95)
    with pytest.raises(equality.UnequalWorkError):
        common_share(equality, trades()[:10], 99.0, same_stops=False)


def outcome_of(engine):
    return engine.read(engine.run())


def common_share(equality, other, final_equity, *, same_stops=True):
    ours, theirs = equality.Work("a", trades(), 100.0), equality.Work("b", other, final_equity)
    return equality.common_share(ours, theirs, equity_tolerance=1e-9, same_stops=same_stops)


def trades():
    entries = np.arange(0.0, 200.0, 10.0)
    return np.column_stack([entries, entries + 5.0, 100.0 + entries, 101.0 + entries])
