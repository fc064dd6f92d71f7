"""Return for risk taken: Sharpe, Sortino, Calmar."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from research_kit.metrics.moments import Sample, downside_deviation, moments
from research_kit.metrics.values import as_floats, ratio


def periodic_rate(annual_rate: float, periods_per_year: float) -> float:
    """Return the rate of one period, annual rate / q: simple, not compounded, as in Sharpe's and Chan's examples.

    >>> periodic_rate(0.0504, 252)
    0.0002
    """
    return annual_rate / periods_per_year


def sharpe_ratio(returns: Sample, *, periods_per_year: float, risk_free_rate: float = 0.0) -> float | None:
    """Return mean(r - rf) / std(r - rf, n - 1) x sqrt(q), per year.

    None for fewer than 2 returns, or returns that do not vary. Source: Sharpe, The Sharpe ratio, 1994.

    Parameters
    ----------
    returns
        Fraction per period, shape (n,), or their moments.
    periods_per_year
        q: 252 for days of an exchange, 365 for a market that never closes.
    risk_free_rate
        Annual fraction; one period counts rate / q.

    Examples
    --------
    >>> round(sharpe_ratio([0.01, 0.03], periods_per_year=2), 6)
    2.0
    """
    sample = moments(returns)
    excess = sample.mean - periodic_rate(risk_free_rate, periods_per_year)
    return ratio(excess * math.sqrt(periods_per_year), sample.deviation)


def sortino_ratio(returns: ArrayLike, *, periods_per_year: float, risk_free_rate: float = 0.0) -> float | None:
    """Return mean(r - rf) / downside deviation below rf x sqrt(q), per year; the deviation is over **all** n returns.

    None for fewer than 2 returns, or when none is below the risk-free rate. Source: Sortino and Price 1994; Red Rock
    Capital, Sortino: a sharper ratio.

    >>> round(sortino_ratio([0.03, -0.01], periods_per_year=2), 6)
    2.0
    """
    values = as_floats(returns)
    if len(values) < 2:
        return None
    threshold = periodic_rate(risk_free_rate, periods_per_year)
    return ratio((values.mean() - threshold) * math.sqrt(periods_per_year), downside_deviation(values, threshold))


def calmar_ratio(growth: float | None, deepest_drawdown: float | None) -> float | None:
    """Return CAGR / |max drawdown|, both fractions; None where one is undefined or equity never fell.

    Over the whole period, where Young (Futures, 1991) took the last 36 months.

    >>> calmar_ratio(0.2, -0.1)
    2.0
    """
    return ratio(growth, None if deepest_drawdown is None else abs(deepest_drawdown))
