"""From a backtest's arrays to its metrics: daily equity by the session, closed trades, the benchmark."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from research_kit.bars.sessions import bars_per_year, day_ends, periods_per_year
from research_kit.bars.timeframe import DAY, timeframe_ns
from research_kit.engine.trade_table import MINUTE_NS
from research_kit.metrics.inputs import MetricInputs
from research_kit.metrics.result import Metrics
from research_kit.metrics.summary import compute_metrics

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars
    from research_kit.engine.options import EngineOptions
    from research_kit.engine.simulation import Simulation


def measure(bars: Bars, options: EngineOptions, simulation: Simulation) -> Metrics:
    """Return every metric of a backtest; the benchmark is the bars' own close, bought and held."""
    trades = simulation.bare_trades[: simulation.closed]
    pnl = np.ascontiguousarray(trades["pnl"])  # a dozen metrics read it; the records are 19 fields wide
    held_ns = bars.time_ns[trades["exit_bar"]] - bars.time_ns[trades["entry_bar"]]
    inputs = MetricInputs(
        equity=simulation.equity,
        time_ns=bars.time_ns,
        initial_cash=options.initial_cash,
        day_ends=day_ends(bars),
        periods_per_year=daily_periods_per_year(bars),
        risk_free_rate=options.risk_free_rate,
        daily_target=options.daily_target,
        trade_pnl=pnl,
        trade_pnl_percent=100.0 * pnl / (trades["quantity"] * trades["entry_price"]),
        trade_minutes=held_ns / MINUTE_NS,
        exposure=simulation.bars_in_market / len(bars) if len(bars) else None,
        traded_value=simulation.traded_value,
        total_commission=simulation.total_commission,
        total_slippage=simulation.total_slippage,
        total_borrow=simulation.total_borrow,
        benchmark=bars.close,
        check=not isfinite(simulation.final_cash),  # an overflow gets its sentence
    )
    return compute_metrics(inputs)


def daily_periods_per_year(bars: Bars) -> float:
    """Return how many of the returns that annualised figures come from make a year."""
    return daily_periods(bars.timeframe, bars.session)


def daily_periods(timeframe: str, session: str) -> float:
    """Return the same by the names of timeframe and session.

    >>> daily_periods("1min", "24/7"), daily_periods("1d", "XNYS")
    (365, 252.0)
    """
    return bars_per_year(timeframe, session) if timeframe_ns(timeframe) >= DAY else periods_per_year(session)
