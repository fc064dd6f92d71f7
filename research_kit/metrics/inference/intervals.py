"""How far off each headline metric may be: block-bootstrap intervals of daily returns and of trades."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from research_kit.compiled import compiled
from research_kit.errors import DataError
from research_kit.metrics.inference.resampling import PLAIN, Resampling
from research_kit.metrics.inference.series import as_returns, check_count, check_share
from research_kit.metrics.moments import scan_moments, scan_shortfall
from research_kit.metrics.registry import format_value
from research_kit.metrics.values import FloatArray, finite

LEAST = 10  # fewer returns (or trades) than this have no interval
OF_DAYS = (
    *("total_return_percent", "cagr", "volatility", "max_drawdown_percent"),
    *("sharpe_ratio", "sortino_ratio", "calmar_ratio"),
)
OF_TRADES = ("win_rate", "profit_factor", "expectancy")


@dataclass(frozen=True)
class Interval:
    """A metric with the range that holds its true value at the level of confidence, in the metric's own unit.

    ``low`` and ``high`` are None where they are undefined; ``reason`` says why. ``value`` is what the same formula
    gives for the returns as they were: a drawdown of daily equity, not of every bar.
    """

    metric: str
    value: float | None
    low: float | None
    high: float | None
    confidence: float
    block: float  # mean length of the blocks that were drawn
    reason: str = ""

    def __str__(self) -> str:
        low, high = (format_value(self.metric, bound) for bound in (self.low, self.high))
        return f"{format_value(self.metric, self.value)} [{low}, {high}]"


def bootstrap_intervals(
    returns: ArrayLike,
    *,
    periods_per_year: float,
    risk_free_rate: float = 0.0,
    years: float | None = None,
    confidence: float = 0.95,
    resampling: Resampling = PLAIN,
) -> dict[str, Interval]:
    """Return an interval for each headline metric that daily returns decide, by name.

    Total return, compound growth, volatility, max drawdown, Sharpe, Sortino and Calmar ratio. Percentiles of the metric
    over samples of blocks drawn with replacement. Undefined for fewer than 10 returns, or where more than one sample in
    twenty has no value. Source: Efron 1979; Politis and Romano, The stationary bootstrap, 1994. The benchmark's returns
    give the interval of its own total return.

    Parameters
    ----------
    returns
        Daily, fractions, shape (n,).
    periods_per_year, risk_free_rate
        As in ``sharpe_ratio``.
    years
        Calendar time that the returns span, for compound growth; n / q when not given.
    confidence
        0.95: one in forty true values lies below, one above.
    resampling
        How many samples, their seed, the kind and length of blocks.

    Examples
    --------
    >>> daily = np.random.default_rng(0).normal(0.0005, 0.01, 750)
    >>> print(bootstrap_intervals(daily, periods_per_year=252)["sharpe_ratio"])
    0.30 [-0.79, 1.46]
    """
    check_share("confidence", confidence)
    check_count("periods_per_year", periods_per_year, least=0)
    values = as_returns(returns)
    span = len(values) / periods_per_year if years is None else years
    numbers = np.array([periods_per_year, risk_free_rate / periods_per_year, span])
    block = resampling.length_for(values)
    if len(values) < LEAST:
        return _without(OF_DAYS, confidence, block, f"fewer than {LEAST} daily returns")
    own, drawn = np.empty(len(OF_DAYS)), np.empty((resampling.draws, len(OF_DAYS)))
    _measure_days(values, np.arange(len(values)), numbers, own)
    for row, sample in zip(drawn, resampling.samples(len(values), block), strict=True):
        _measure_days(values, sample, numbers, row)
    return _between(OF_DAYS, own, drawn, confidence, block)


def trade_intervals(
    trade_pnl: ArrayLike, *, confidence: float = 0.95, resampling: Resampling = PLAIN
) -> dict[str, Interval]:
    """Return an interval for win rate, profit factor and expectancy, by name.

    ``trade_pnl`` is the net money of each closed trade, in the order of closing, shape (trades,). How many trades there
    are is no estimate, and has no interval. Undefined for fewer than 10 trades.

    >>> print(trade_intervals([1.0, -1.0, 2.0, -0.5] * 25)["win_rate"])
    50.0 % [48.0 %, 52.0 %]
    """
    check_share("confidence", confidence)
    values = as_returns(trade_pnl, "trade_pnl")
    block = resampling.length_for(values)
    if len(values) < LEAST:
        return _without(OF_TRADES, confidence, block, f"fewer than {LEAST} closed trades")
    own, drawn = np.empty(len(OF_TRADES)), np.empty((resampling.draws, len(OF_TRADES)))
    _measure_trades(values, np.arange(len(values)), own)
    for row, sample in zip(drawn, resampling.samples(len(values), block), strict=True):
        _measure_trades(values, sample, row)
    return _between(OF_TRADES, own, drawn, confidence, block)


def _without(names: tuple[str, ...], confidence: float, block: float, reason: str) -> dict[str, Interval]:
    return {name: Interval(name, None, None, None, confidence, block, reason) for name in names}


def _between(
    names: tuple[str, ...], own: FloatArray, drawn: FloatArray, confidence: float, block: float
) -> dict[str, Interval]:
    found = {}
    for at, name in enumerate(names):
        defined = drawn[np.isfinite(drawn[:, at]), at]
        value, low, high, reason = finite(float(own[at])), None, None, ""
        if value is None:
            reason = "the metric itself is undefined"
        elif len(defined) < 0.95 * len(drawn):
            reason = f"undefined in {1 - len(defined) / len(drawn):.0%} of the samples"
        else:
            tail = (1.0 - confidence) / 2.0
            low, high = (float(bound) for bound in np.quantile(defined, [tail, 1.0 - tail]))
        found[name] = Interval(name, value, low, high, confidence, block, reason)
    return found


def largest_fall(returns: ArrayLike) -> float:
    """Return the deepest drawdown of compounded returns as a fraction of the peak, <= 0; the start is a peak.

    >>> round(largest_fall([0.5, -0.2, -0.5, 1.0]), 6)
    -0.6
    """
    values = as_returns(returns)
    if (values < -1.0).any():
        raise DataError(f"A return below -1 loses more than there is; the lowest is {values.min():.6g}.")
    return float(_grow(values, np.arange(len(values)))[1])


@compiled
def _grow(returns: FloatArray, sample: NDArray[np.int64]) -> tuple[float, float]:
    """Return what 1 grows to, and the deepest fall from a peak; what is lost stays lost."""
    level = peak = 1.0
    deepest = 0.0
    for at in sample:
        level = max(level * (1.0 + returns[at]), 0.0)
        peak = max(peak, level)
        deepest = min(deepest, level / peak - 1.0)
    return level, deepest


@compiled
def _measure_days(returns: FloatArray, sample: NDArray[np.int64], numbers: FloatArray, row: FloatArray) -> None:
    year, rate, years = numbers[0], numbers[1], numbers[2]
    values = returns[sample]
    mean, second, _, _, largest = scan_moments(values)
    final, deepest = _grow(returns, sample)
    growth = np.nan
    if final > 0.0 and years > 0.0:
        growth = final ** (1.0 / years) - 1.0
    deviation = math.sqrt(second * len(values) / (len(values) - 1))
    squares, most = scan_shortfall(values, rate)
    downside = math.sqrt(squares / len(values))
    quiet = 1e-13 * (1.0 + max(largest, most))  # spreads up to this are rounding
    row[0], row[1], row[2], row[3] = 100.0 * (final - 1.0), growth, deviation * math.sqrt(year), 100.0 * deepest
    row[4] = (mean - rate) * math.sqrt(year) / deviation if deviation > quiet else np.nan
    row[5] = (mean - rate) * math.sqrt(year) / downside if downside > quiet else np.nan
    row[6] = growth / -deepest if deepest < 0.0 else np.nan


@compiled
def _measure_trades(pnl: FloatArray, sample: NDArray[np.int64], row: FloatArray) -> None:
    wins, won, lost = 0, 0.0, 0.0
    for at in sample:
        if pnl[at] > 0.0:
            wins += 1
            won += pnl[at]
        else:
            lost -= pnl[at]
    row[0] = wins / len(sample)
    row[1] = won / lost if lost > 0.0 else np.nan
    row[2] = (won - lost) / len(sample)
