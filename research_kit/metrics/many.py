"""The metrics of many runs on the same bars at once: arrays by name, NaN where one is undefined.

The numbers are those of ``summary.compute_metrics``, to rounding; what a summary alone gives, reasons and flags, is
left to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.compiled import compiled
from research_kit.metrics.moments import scan_moments, scan_shortfall
from research_kit.metrics.performance import periodic_rate
from research_kit.metrics.registry import METRICS
from research_kit.metrics.returns import month_ends, years_between
from research_kit.metrics.values import DAY_NS, NOISE, FloatArray, TimeArray

Columns = dict[str, FloatArray]

OF_BARS = (  # what nothing tells of a market without bars; the rest comes out as undefined, or as none
    *("total_return", "total_return_percent", "max_drawdown", "max_drawdown_percent", "max_drawdown_duration"),
    *("recovery_time", "ulcer_index", "exposure"),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class ManyInputs:
    """What many runs on the same bars came to.

    Parameters
    ----------
    summaries, tallies
        One record for each run: what ``engine.many.tally`` calls SUMMARY and TALLY.
    daily
        Equity at the end of each day, shape (runs, days).
    day_time_ns
        Time of the last bar of each day, shape (days,).
    first_time_ns, last_time_ns, bars
        Of the bars.
    initial_cash, periods_per_year, risk_free_rate, daily_target
        As in ``MetricInputs``.
    benchmark
        Close at the first bar and at the end of each day, shape (days + 1,); None for no benchmark.
    """

    summaries: NDArray[Any]
    tallies: NDArray[Any]
    daily: FloatArray
    day_time_ns: TimeArray
    first_time_ns: int
    last_time_ns: int
    bars: int
    initial_cash: float
    periods_per_year: float
    risk_free_rate: float = 0.0
    daily_target: float | None = None
    benchmark: FloatArray | None = None


def compute_many(inputs: ManyInputs) -> Columns:
    """Return every metric of the registry as an array with one value for each run, shape (runs,)."""
    runs = _Runs(inputs)
    columns: Columns = {}
    with np.errstate(all="ignore"):
        for part in (_returns, _risk, _falls, _ratios, _days, _trades, _money_of_trades, _activity, _benchmark):
            columns |= part(runs)
        if not inputs.bars:
            columns |= dict.fromkeys(OF_BARS, runs.undefined())
        return {name: np.where(np.isfinite(columns[name]), columns[name], np.nan) for name in METRICS}


def many_daily_returns(daily: FloatArray, initial_cash: float) -> FloatArray:
    """Return what each day earned for each row of daily equity, fractions of shape (runs, days).

    A day that starts with no equity, or with debt, earns 0, as in ``periodic_returns``.
    """
    base = np.empty_like(daily)
    base[:, :1] = initial_cash
    base[:, 1:] = daily[:, :-1]
    alive = base > 0.0
    growth = np.divide(daily, base, out=np.ones_like(daily), where=alive)
    growth -= 1.0
    return growth


@dataclass(frozen=True)
class ManyMoments:
    """Moments of many samples of one size, each an array of shape (runs,)."""

    n: int
    mean: FloatArray
    m2: FloatArray
    m3: FloatArray
    m4: FloatArray
    largest: FloatArray

    @classmethod
    def of(cls, samples: FloatArray) -> ManyMoments:
        """Return the moments of each row."""
        table = np.zeros((5, len(samples)))
        if samples.shape[1]:
            _scan_rows(np.ascontiguousarray(samples), table)
        return cls(samples.shape[1], *table)

    @cached_property
    def deviation(self) -> FloatArray:
        """Standard deviation with n - 1; 0 where values differ by rounding only; NaN for fewer than 2."""
        if self.n < 2:
            return np.full(len(self.mean), np.nan)
        return _without_noise(np.sqrt(self.m2 * self.n / (self.n - 1)), self.largest)

    @property
    def skew(self) -> FloatArray:
        return _quotient(self.m3, self.m2 * np.sqrt(self.m2), self.deviation > 0.0)

    @property
    def kurtosis(self) -> FloatArray:
        return _quotient(self.m4, self.m2 * self.m2, self.deviation > 0.0)


class _Runs:
    """What several metrics need, computed once."""

    def __init__(self, inputs: ManyInputs) -> None:
        self.inputs = inputs
        self.count, self.days = inputs.daily.shape
        self.final = inputs.summaries["final_equity"]
        self.rate = periodic_rate(inputs.risk_free_rate, inputs.periods_per_year)
        self.root = math.sqrt(inputs.periods_per_year)
        self.years = years_between(inputs.first_time_ns, inputs.last_time_ns) if inputs.bars else 0.0

    @cached_property
    def returns(self) -> FloatArray:
        return many_daily_returns(self.inputs.daily, self.inputs.initial_cash)

    @cached_property
    def moments(self) -> ManyMoments:
        return ManyMoments.of(self.returns)

    @cached_property
    def growth(self) -> FloatArray:
        if self.years <= 0.0:
            return self.undefined()
        grown = np.power(self.final / self.inputs.initial_cash, 1.0 / self.years) - 1.0
        return np.where(self.final > 0.0, grown, np.nan)

    @cached_property
    def market(self) -> FloatArray | None:
        """Daily returns of the benchmark, shape (days,); None where it is missing or not positive."""
        closes = self.inputs.benchmark
        if closes is None or not len(closes) or closes.min() <= 0.0:
            return None
        return closes[1:] / closes[:-1] - 1.0

    def undefined(self) -> FloatArray:
        return np.full(self.count, np.nan)

    def same(self, value: float | None) -> FloatArray:
        """Return one value for every run."""
        return np.full(self.count, np.nan if value is None else float(value))


def _returns(runs: _Runs) -> Columns:
    cash = runs.inputs.initial_cash
    earned = runs.final - cash
    months = many_daily_returns(runs.inputs.daily[:, month_ends(runs.inputs.day_time_ns)[1]], cash)
    extremes = {"day": runs.returns, "month": months}
    return {
        "total_return": earned,
        "total_return_percent": 100.0 * (earned / cash),
        "cagr": runs.growth,
        **{f"best_{span}": np.max(part, axis=1, initial=-np.inf) for span, part in extremes.items()},
        **{f"worst_{span}": np.min(part, axis=1, initial=np.inf) for span, part in extremes.items()},
    }


def _risk(runs: _Runs) -> Columns:
    low, high = _quantile(runs.returns, 0.05), _quantile(runs.returns, 0.95)
    beyond = np.empty(runs.count)
    _mean_up_to(runs.returns, low, beyond)
    return {
        "volatility": runs.moments.deviation * runs.root,
        "var_95": low,
        "cvar_95": np.minimum(beyond, low),
        "tail_ratio": _quotient(np.abs(high), np.abs(low)),
        "skew": runs.moments.skew,
        "kurtosis": runs.moments.kurtosis,
    }


def _falls(runs: _Runs) -> Columns:
    found, bars = runs.inputs.summaries, max(runs.inputs.bars, 1)
    recovery = found["falls_recovery"]
    return {
        "max_drawdown": found["falls_money"],
        "max_drawdown_percent": 100.0 * found["falls_fraction"],
        "max_drawdown_duration": found["falls_longest"] / DAY_NS,
        "recovery_time": np.where(recovery >= 0, recovery / DAY_NS, np.nan),
        "ulcer_index": np.sqrt(found["falls_squares"] / bars),
    }


def _ratios(runs: _Runs) -> Columns:
    moments, excess = runs.moments, (runs.moments.mean - runs.rate) * runs.root
    squares, largest = np.zeros(runs.count), np.zeros(runs.count)
    _scan_shortfalls(runs.returns, runs.rate, squares, largest)
    downside = _without_noise(np.sqrt(squares / max(runs.days, 1)), np.maximum(largest, abs(runs.rate)))
    return {
        "sharpe_ratio": _quotient(excess, moments.deviation),
        "sortino_ratio": _quotient(excess, downside) if runs.days >= 2 else runs.undefined(),
        "calmar_ratio": _quotient(runs.growth, np.abs(runs.inputs.summaries["falls_fraction"])),
    }


def _days(runs: _Runs) -> Columns:
    target = runs.inputs.daily_target
    hits = None if target is None else np.count_nonzero(runs.returns >= target - NOISE, axis=1)
    return {
        "total_trading_days": runs.same(runs.days),
        "profitable_days": np.count_nonzero(runs.returns > 0.0, axis=1).astype(np.float64),
        "daily_target_hit_rate": runs.undefined() if hits is None else hits / runs.days,
    }


def _trades(runs: _Runs) -> Columns:
    tally = runs.inputs.tallies
    trades = tally["trades"].astype(np.float64)
    return {
        "total_trades": trades,
        "winning_trades": tally["wins"].astype(np.float64),
        "losing_trades": tally["losses"].astype(np.float64),
        "win_rate": _quotient(tally["wins"], trades),
        "average_trade_percent": _quotient(tally["percents"], trades),
        "average_holding_time": _quotient(tally["held_ns"] / 60e9, trades),
        "max_consecutive_wins": tally["most_wins"].astype(np.float64),
        "max_consecutive_losses": tally["most_losses"].astype(np.float64),
    }


def _money_of_trades(runs: _Runs) -> Columns:
    tally = runs.inputs.tallies
    trades, largest = tally["trades"], np.maximum(tally["best"], -tally["worst"])
    wins, losses = _quotient(tally["won"], tally["wins"]), _quotient(tally["lost"], tally["losses"])
    scaled = _without_noise(np.sqrt(_quotient(tally["spread"], trades - 1.0)) / largest, np.ones(runs.count))
    return {
        "profit_factor": _quotient(tally["won"], -tally["lost"]),
        "expectancy": np.where(trades > 0, tally["mean"], np.nan),
        "payoff_ratio": _quotient(wins, -losses),
        "sqn": _quotient(np.sqrt(trades) * tally["mean"] / largest, scaled),
        "largest_win": np.where(tally["best"] > 0.0, tally["best"], np.nan),
        "largest_loss": np.where(tally["worst"] < 0.0, tally["worst"], np.nan),
        "average_win": wins,
        "average_loss": losses,
    }


def _activity(runs: _Runs) -> Columns:
    found = runs.inputs.summaries
    level = found["mean_equity"]
    return {
        "exposure": found["bars_in_market"] / max(runs.inputs.bars, 1),
        "turnover": _quotient(found["traded_value"], level * runs.years, level > 0.0),
        **{name: found[name] for name in ("total_commission", "total_slippage", "total_borrow")},
    }


def _benchmark(runs: _Runs) -> Columns:
    market, closes = runs.market, runs.inputs.benchmark
    if market is None or closes is None:
        names = ("benchmark_return_percent", "alpha", "beta", "information_ratio")
        return {name: runs.undefined() for name in names}
    own, other = runs.moments, ManyMoments.of(market[None, :])
    covariance = (runs.returns - own.mean[:, None]) @ (market - other.mean) / max(runs.days, 1)
    slope = _quotient(covariance, other.m2, other.deviation > 0.0)
    active = ManyMoments.of(runs.returns - market)
    return {
        "benchmark_return_percent": runs.same(100.0 * (closes[-1] - closes[0]) / closes[0]),
        "alpha": runs.inputs.periods_per_year * ((own.mean - runs.rate) - slope * (other.mean - runs.rate)),
        "beta": slope,
        "information_ratio": _quotient(active.mean * runs.root, active.deviation),
    }


def _quotient(numerator: Any, denominator: Any, where: Any = True) -> FloatArray:
    """Return the quotients, NaN where the denominator is 0 or ``where`` is false."""
    defined = np.logical_and(np.asarray(denominator) != 0.0, where)
    with np.errstate(all="ignore"):
        return np.where(defined, np.divide(numerator, denominator), np.nan)


def _without_noise(spread: FloatArray, largest: FloatArray) -> FloatArray:
    quiet: FloatArray = np.where(spread <= NOISE * (1.0 + largest), 0.0, spread)
    return quiet


def _quantile(rows: FloatArray, position: float) -> FloatArray:
    """Return a quantile of each row, linear between order statistics; NaN for fewer than 2 values."""
    n = rows.shape[1]
    if n < 2:
        return np.full(len(rows), np.nan)
    spot = position * (n - 1)
    place = min(int(spot), n - 2)
    parted = np.partition(rows, (place, place + 1), axis=1)
    low, high = parted[:, place], parted[:, place + 1]
    between: FloatArray = low + (high - low) * (spot - place)
    return between


@compiled
def _scan_rows(rows: FloatArray, table: FloatArray) -> None:
    for at in range(len(rows)):
        mean, second, third, fourth, largest = scan_moments(rows[at])
        table[0, at], table[1, at], table[2, at], table[3, at], table[4, at] = mean, second, third, fourth, largest


@compiled
def _scan_shortfalls(rows: FloatArray, threshold: float, squares: FloatArray, largest: FloatArray) -> None:
    for at in range(len(rows)):
        squares[at], largest[at] = scan_shortfall(rows[at], threshold)


@compiled
def _mean_up_to(rows: FloatArray, limits: FloatArray, means: FloatArray) -> None:
    """Write the mean of the values of each row that are not above its limit, NaN where there is none."""
    for at in range(len(rows)):
        total, count = 0.0, 0
        for value in rows[at]:
            if value <= limits[at]:
                total += value
                count += 1
        means[at] = total / count if count > 0 else np.nan
