"""Both ways of writing a strategy give the same trades: the built-in ones, and signals of every kind as orders."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from cases import seeded_case
from twins import OPTIONS, PARAMETERS, TWINS, as_orders, differs

import research_kit as rk
from research_kit.bars.importing.reading import ImportOptions, read_bars
from research_kit.bars.timeframe import DAY, HOUR
from research_kit.engine.simulation import simulate


def check(bars, strategy, twin, parameters, **options) -> int:
    chosen = rk.EngineOptions(**options)
    one, other = (rk.run_backtest(bars, kind(**parameters), chosen) for kind in (strategy, twin))
    assert differs(one.simulation, other.simulation, chosen) == []
    return len(one.trades)


def every_case(strategy):
    for parameters in PARAMETERS[strategy.name]:
        for short in (False, True) if "short" in strategy.model_fields else (None,):
            yield parameters | ({} if short is None else {"short": short})


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("strategy", TWINS, ids=lambda kind: kind.name)
def test_the_built_in_strategies(strategy, options, make_bars):
    trades = 0
    for step in (DAY, HOUR):
        bars = make_bars(500, seed=3, sigma=0.01, step_ns=step)
        trades += sum(check(bars, strategy, TWINS[strategy], case, **OPTIONS[options]) for case in every_case(strategy))
    assert trades > 20 or strategy is rk.strategies.BuyAndHold


@pytest.mark.real_data
@pytest.mark.parametrize("strategy", TWINS, ids=lambda kind: kind.name)
def test_the_built_in_strategies_on_real_days(strategy, shared_data):
    options = ImportOptions(timezone="America/New_York", session="XNYS")
    bars = read_bars(shared_data / "lean/equity__usa__daily__spy.zip", options).bars
    assert len(bars) > 4_000
    for case in every_case(strategy):
        trades = check(bars, strategy, TWINS[strategy], case, slippage=0.0005, stop_loss=0.05)
        assert trades > (0 if strategy is rk.strategies.BuyAndHold else 20)


@pytest.mark.parametrize("block", range(4))
def test_random_events_as_orders(block):
    """Buying and closing by hand what events ask for, under all options; a delay would read the position later."""
    seen = Counter()
    for seed in range(500 * block, 500 * (block + 1)):
        case = seeded_case(seed)
        if case.exposure is not None:
            continue
        case = replace(case, synthetic=None, options=case.options | {"delay": 0})
        bars, signals, options = case.bars(), case.signals(), case.engine_options()
        orders = rk.run_backtest(bars, as_orders(signals, allow_short=options.allow_short), options).simulation
        run = simulate(bars, signals, options)
        assert differs(run, orders, options) == [], str(case)
        seen.update(run.exit_labels())
        seen["rejections"] += len(run.rejections)
    assert seen.total() > 500
    assert min(seen[name] for name in ("stop_loss", "take_profit", "trailing_stop", "time_stop", "rejections")) > 3


@pytest.mark.parametrize("block", range(4))
def test_random_targets_as_orders(block):
    """Also delayed, on synthetic bars and rebalanced. A target that is asked for again is no new order, so that its
    bar is that of the first; and only signals have levels on bars that keep their target.
    """
    trades = 0
    for seed in range(500 * block, 500 * (block + 1)):
        case = seeded_case(seed)
        if case.exposure is None:
            continue
        keeps = np.isnan(np.array(case.exposure, dtype=float)).any()
        case = replace(case, labels={}, prices={} if keeps else case.prices)
        bars, signals, options = case.bars(), case.signals(), case.engine_options()
        orders = rk.run_backtest(bars, as_orders(signals, allow_short=True), options).simulation
        run = simulate(bars, signals, options)
        found = [line for line in differs(run, orders, options) if "signal_bar" not in line]
        assert found == [], str(case)
        trades += len(run.trades)
    assert trades > 500
