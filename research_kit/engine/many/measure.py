"""From what many sets came to, to their metrics and daily returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from research_kit.bars.sessions import day_ends
from research_kit.engine.measure import daily_periods_per_year, measure
from research_kit.metrics.many import Columns, ManyInputs, compute_many, many_daily_returns
from research_kit.metrics.returns import periodic_returns

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars, FloatArray
    from research_kit.engine.many.runner import Outcomes, SetRunner
    from research_kit.engine.options import EngineOptions
    from research_kit.engine.simulation import Simulation
    from research_kit.metrics.result import Metrics


def measure_many(runner: SetRunner, outcomes: Outcomes) -> tuple[Columns, FloatArray]:
    """Return every metric by name, shape (sets,), and the daily returns, shape (sets, days)."""
    bars, options = runner.bars, runner.options
    benchmark = np.concatenate([bars.close[:1], bars.close[runner.day_ends]])
    inputs = ManyInputs(
        summaries=outcomes.summaries,
        tallies=outcomes.tallies,
        daily=outcomes.daily,
        day_time_ns=bars.time_ns[runner.day_ends],
        first_time_ns=int(bars.time_ns[0]) if len(bars) else 0,
        last_time_ns=int(bars.time_ns[-1]) if len(bars) else 0,
        bars=len(bars),
        initial_cash=options.initial_cash,
        periods_per_year=daily_periods_per_year(bars),
        risk_free_rate=options.risk_free_rate,
        daily_target=options.daily_target,
        benchmark=benchmark,
    )
    return compute_many(inputs), many_daily_returns(outcomes.daily, options.initial_cash)


def measure_one(bars: Bars, options: EngineOptions, simulation: Simulation) -> tuple[Metrics, FloatArray]:
    """Return every metric of one simulation, and its daily returns, shape (days,)."""
    returns = periodic_returns(simulation.equity[day_ends(bars)], options.initial_cash)
    return measure(bars, options, simulation), returns
