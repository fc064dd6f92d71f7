"""The project itself, through its public names only."""

from __future__ import annotations

import numpy as np
import workloads
from measuring import Figures
from workloads import Case

import research_kit as rk
from backtests.measuring import Engine, Outcome, main

FIGURES = ("total_return", "sharpe_ratio", "max_drawdown", "total_trades")


class LongWhileAbove(rk.Strategy):
    """Long while the fast average is above the slow one."""

    fast: int = rk.Param(workloads.FAST, ge=1)
    slow: int = rk.Param(workloads.SLOW, ge=2)

    def signals(self, bars: rk.Bars) -> rk.Signals:
        fast, slow = rk.indicators.sma(bars.close, self.fast), rk.indicators.sma(bars.close, self.slow)
        return rk.Signals.target(fast > slow)


class LongOrShort(LongWhileAbove):
    """Long while the fast average is above the slow one, short while it is below."""

    def signals(self, bars: rk.Bars) -> rk.Signals:
        fast, slow = rk.indicators.sma(bars.close, self.fast), rk.indicators.sma(bars.close, self.slow)
        return rk.Signals.target((fast > slow) * np.int8(1) - (fast < slow))


def options(case: Case) -> rk.EngineOptions:
    """Return the options of a workload; a position that is open at the end stays open, as with the peers."""
    return rk.EngineOptions(
        initial_cash=case.initial_cash,
        commission=workloads.COMMISSION,
        sizing="fraction" if case.all_in else "units",
        size=1,
        stop_loss=workloads.STOP_LOSS if case.has_stops else None,
        take_profit=workloads.TAKE_PROFIT if case.has_stops else None,
        close_at_end=False,
    )


def bars_of(case: Case) -> rk.Bars:
    return rk.Bars(case.time_ns(), dict(zip(("open", "high", "low", "close"), case.prices(), strict=False)))


def prepare(case: Case) -> Engine:
    return prepare_strategy(case, (LongOrShort if case.has_stops else LongWhileAbove)())


def prepare_strategy(case: Case, strategy: rk.Strategy) -> Engine:
    bars, settings = bars_of(case), options(case)
    run_backtest, _ = rk.run_backtest, rk.indicators  # imported when named, as the peers are when they start

    def run() -> tuple[rk.BacktestResult, Figures]:
        result = run_backtest(bars, strategy, settings)
        return result, {name: result.metrics[name] for name in FIGURES}

    return Engine(run, lambda ran: _read(*ran))


def _read(result: rk.BacktestResult, figures: Figures) -> Outcome:
    trades = result.simulation.trades[: result.simulation.closed]
    rows = np.column_stack([trades[name] for name in ("entry_bar", "exit_bar", "entry_price", "exit_price")])
    return Outcome(rows.astype(float), float(result.simulation.equity[-1]), figures)


if __name__ == "__main__":
    main(prepare, "numpy", "numba", "pandas")
