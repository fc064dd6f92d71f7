"""All metrics of a run: from equity, trades and a benchmark to one read-only mapping."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from research_kit.metrics.benchmark import alpha_and_beta, information_ratio
from research_kit.metrics.drawdown import Drawdowns, drawdowns
from research_kit.metrics.inputs import MetricInputs
from research_kit.metrics.moments import Moments, moments
from research_kit.metrics.performance import calmar_ratio, sharpe_ratio, sortino_ratio
from research_kit.metrics.registry import METRICS
from research_kit.metrics.result import Metrics
from research_kit.metrics.returns import cagr, monthly_returns, periodic_returns, total_return, years_between
from research_kit.metrics.risk import annualised_volatility, tails
from research_kit.metrics.trade_statistics import (
    average_loss,
    average_win,
    expectancy,
    largest_loss,
    largest_win,
    longest_streaks,
    mean,
    payoff_ratio,
    profit_factor,
    system_quality_number,
    win_rate,
)
from research_kit.metrics.values import NOISE, FloatArray, Scalar, finite, ratio

LONG = 1_000_000  # points from which on a second thread is worth starting
SHORT = 30  # daily returns below which an estimate is flagged
TOO_SHORT = "too short to mean much: {n} daily returns"
NOT_RECOVERED = "not recovered by the end"
RUINED = "equity reached zero or less; returns after that count as 0"

Values = dict[str, float | int | None]


def compute_metrics(inputs: MetricInputs) -> Metrics:
    """Return every metric of the registry for one run.

    What is undefined is None, with its reason in ``.reasons``; what is computed but weak is in ``.flags``. Nothing is
    ever NaN or infinite, and the inputs are not changed.

    Examples
    --------
    >>> day = 86_400_000_000_000
    >>> inputs = MetricInputs(
    ...     equity=np.array([100.0, 110.0, 99.0]),
    ...     time_ns=np.arange(3) * day,
    ...     initial_cash=100.0,
    ...     day_ends=np.arange(3),
    ...     periods_per_year=365,
    ... )
    >>> metrics = compute_metrics(inputs)
    >>> round(metrics["total_return_percent"], 6), round(metrics["max_drawdown_percent"], 6), metrics["win_rate"]
    (-1.0, -10.0, None)
    >>> metrics.reasons["win_rate"]
    'no trade was closed'
    """
    run = _Run(inputs)
    if len(inputs.equity) < LONG:
        return _metrics(run)
    with ThreadPoolExecutor(1, thread_name_prefix="falls") as pool:  # the one scan of all points, beside the rest
        run.begun = pool.submit(drawdowns, inputs.equity, inputs.time_ns, inputs.initial_cash)
        return _metrics(run)


def _metrics(run: _Run) -> Metrics:
    values: Values = {}
    with np.errstate(all="ignore"):
        for part in (_returns, _risk, _days, _trades, _activity, _benchmark, _falls, _ratios):
            values |= part(run)
        values = {name: finite(values[name]) for name in METRICS}
        reasons = {name: _reason(name, run) for name, value in values.items() if value is None}
        flags = {name: flag for name in METRICS if name not in reasons and (flag := _flag(name, run))}
    return Metrics(values, reasons, flags)


class _Run:
    """What several metrics need, computed once."""

    def __init__(self, inputs: MetricInputs) -> None:
        self.inputs = inputs
        self.bars = len(inputs.equity)
        self.days = len(inputs.day_ends)
        self.begun: Future[Drawdowns | None] | None = None

    def at_day_ends(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        return values if self.days == self.bars else values[self.inputs.day_ends]

    @cached_property
    def daily_equity(self) -> FloatArray:
        return self.at_day_ends(self.inputs.equity)

    @cached_property
    def returns(self) -> FloatArray:
        return periodic_returns(self.daily_equity, self.inputs.initial_cash)

    @cached_property
    def moments(self) -> Moments:
        return moments(self.returns)

    @cached_property
    def falls(self) -> Drawdowns | None:
        if self.begun is not None:
            return self.begun.result()
        return drawdowns(self.inputs.equity, self.inputs.time_ns, self.inputs.initial_cash)

    @cached_property
    def years(self) -> float:
        return years_between(int(self.inputs.time_ns[0]), int(self.inputs.time_ns[-1])) if self.bars else 0.0

    @cached_property
    def growth(self) -> float | None:
        return cagr(self.inputs.initial_cash, float(self.inputs.equity[-1]), self.years) if self.bars else None

    @cached_property
    def market(self) -> FloatArray | None:
        """Daily returns of the benchmark from the first bar's close; None where it is missing or not positive."""
        if self.inputs.benchmark is None or not self.bars:
            return None
        first, closes = float(self.inputs.benchmark[0]), self.at_day_ends(self.inputs.benchmark)
        return periodic_returns(closes, first) if min(first, closes.min()) > 0.0 else None

    @cached_property
    def ruined(self) -> bool:
        return bool(self.bars and self.daily_equity.min() <= 0.0)


def _returns(run: _Run) -> Values:
    names = ("total_return", "total_return_percent", "cagr", "best_day", "worst_day", "best_month", "worst_month")
    if not run.bars:
        return dict.fromkeys(names)
    cash, last = run.inputs.initial_cash, float(run.inputs.equity[-1])
    months = monthly_returns(run.daily_equity, run.at_day_ends(run.inputs.time_ns), cash)[2]
    extremes = (float(pick(part)) for part in (run.returns, months) for pick in (np.max, np.min))
    return dict(zip(names, (last - cash, _percent(total_return(cash, last)), run.growth, *extremes), strict=True))


def _risk(run: _Run) -> Values:
    ends = tails(run.returns)
    return {
        "volatility": annualised_volatility(run.moments, periods_per_year=run.inputs.periods_per_year),
        "var_95": ends and ends.value_at_risk,
        "cvar_95": ends and ends.conditional_value_at_risk,
        "tail_ratio": ends and ends.ratio,
        "skew": run.moments.skew,
        "kurtosis": run.moments.kurtosis,
    }


def _falls(run: _Run) -> Values:
    falls = run.falls
    return {
        "max_drawdown": falls and falls.money,
        "max_drawdown_percent": falls and _percent(falls.fraction),
        "max_drawdown_duration": falls and falls.longest_days,
        "recovery_time": falls and falls.recovery_days,
        "ulcer_index": falls and falls.ulcer_index,
    }


def _ratios(run: _Run) -> Values:
    year, free = run.inputs.periods_per_year, run.inputs.risk_free_rate
    return {
        "sharpe_ratio": sharpe_ratio(run.moments, periods_per_year=year, risk_free_rate=free),
        "sortino_ratio": sortino_ratio(run.returns, periods_per_year=year, risk_free_rate=free),
        "calmar_ratio": calmar_ratio(run.growth, run.falls and run.falls.fraction),
    }


def _days(run: _Run) -> Values:
    target = run.inputs.daily_target
    hits = 0 if target is None else int(np.count_nonzero(run.returns >= target - NOISE))
    return {
        "total_trading_days": run.days,
        "profitable_days": int(np.count_nonzero(run.returns > 0.0)),
        "daily_target_hit_rate": None if target is None else ratio(hits, run.days),
    }


def _trades(run: _Run) -> Values:
    pnl = run.inputs.trade_pnl
    wins, losses = longest_streaks(pnl)
    return {
        "total_trades": len(pnl),
        "winning_trades": int(np.count_nonzero(pnl > 0.0)),
        "losing_trades": int(np.count_nonzero(pnl < 0.0)),
        "average_trade_percent": mean(run.inputs.trade_pnl_percent),
        "average_holding_time": mean(run.inputs.trade_minutes),
        "max_consecutive_wins": wins,
        "max_consecutive_losses": losses,
        **{name: formula(pnl) for name, formula in _OF_PNL.items()},
    }


_OF_PNL: dict[str, Callable[[FloatArray], float | None]] = {
    "win_rate": win_rate,
    "profit_factor": profit_factor,
    "expectancy": expectancy,
    "payoff_ratio": payoff_ratio,
    "sqn": system_quality_number,
    "largest_win": largest_win,
    "largest_loss": largest_loss,
    "average_win": average_win,
    "average_loss": average_loss,
}


def _activity(run: _Run) -> Values:
    given = run.inputs
    level = mean(given.equity)
    return {
        "exposure": given.exposure,
        "turnover": ratio(given.traded_value, level * run.years) if level and level > 0.0 else None,
        "total_commission": given.total_commission,
        "total_slippage": given.total_slippage,
        "total_borrow": given.total_borrow,
    }


def _benchmark(run: _Run) -> Values:
    market, closes = run.market, run.inputs.benchmark
    if market is None or closes is None:
        return dict.fromkeys(("benchmark_return_percent", "alpha", "beta", "information_ratio"))
    year, free = run.inputs.periods_per_year, run.inputs.risk_free_rate
    alpha, beta = alpha_and_beta(run.returns, market, periods_per_year=year, risk_free_rate=free)
    return {
        "benchmark_return_percent": _percent(total_return(float(closes[0]), float(closes[-1]))),
        "alpha": alpha,
        "beta": beta,
        "information_ratio": information_ratio(run.returns, market, periods_per_year=year),
    }


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100.0 * fraction


def _reason(name: str, run: _Run) -> str:
    metric = METRICS[name]
    missing: dict[str, tuple[bool, str]] = {
        "bars": (not run.bars, "there are no bars"),
        "daily returns": (run.days < 2, "there are fewer than 2 daily returns"),
        "trades": (not len(run.inputs.trade_pnl), "no trade was closed"),
        "exposure": (run.inputs.exposure is None, "the time in the market was not recorded"),
        "daily target": (run.inputs.daily_target is None, "no daily target was set"),
        "benchmark": (run.inputs.benchmark is None, "no benchmark was given"),
    }
    lacking, text = missing.get(metric.needs, (False, ""))
    if lacking:
        return text
    if not run.bars:
        return "there are no bars"
    if metric.needs == "benchmark" and run.market is None:
        return "the benchmark's daily closes are not all positive"
    return metric.undefined or "the numbers are too large to compute with"


def _flag(name: str, run: _Run) -> str:
    of_returns = METRICS[name].needs in ("daily returns", "benchmark") and name != "benchmark_return_percent"
    flags = []
    if of_returns and run.days < SHORT:
        flags.append(TOO_SHORT.format(n=run.days))
    if of_returns and run.ruined:
        flags.append(RUINED)
    if name == "max_drawdown_duration" and run.falls is not None and not run.falls.recovered:
        flags.append(NOT_RECOVERED)
    return "; ".join(flags)
