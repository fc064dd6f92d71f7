"""Against a benchmark: how much of a result was the market, and how much was left.

Both series hold one return for each period of the same window, aligned, shape (n,).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from research_kit.compiled import compiled
from research_kit.errors import DataError
from research_kit.metrics.moments import Moments, moments
from research_kit.metrics.performance import periodic_rate
from research_kit.metrics.values import FloatArray, as_floats, finite, ratio


def beta(returns: ArrayLike, benchmark: ArrayLike) -> float | None:
    """Return cov(r, b) / var(b); None for fewer than 2 returns, or a benchmark that does not vary.

    >>> beta([0.02, -0.02, 0.04], [0.01, -0.01, 0.02])
    2.0
    """
    values, market = _aligned(returns, benchmark)
    return _slope(values, moments(values), market, moments(market))


def alpha(
    returns: ArrayLike, benchmark: ArrayLike, *, periods_per_year: float, risk_free_rate: float = 0.0
) -> float | None:
    """Return Jensen's alpha a year, q x (mean(r - rf) - beta x mean(b - rf)), a fraction, not compounded.

    None where beta is. Source: Jensen, The performance of mutual funds, 1968.

    >>> round(alpha([0.03, -0.01, 0.05], [0.01, -0.01, 0.02], periods_per_year=252), 12)
    2.52
    """
    return alpha_and_beta(returns, benchmark, periods_per_year=periods_per_year, risk_free_rate=risk_free_rate)[0]


def alpha_and_beta(
    returns: ArrayLike, benchmark: ArrayLike, *, periods_per_year: float, risk_free_rate: float = 0.0
) -> tuple[float | None, float | None]:
    """Return alpha a year and beta, from one look at both series."""
    values, market = _aligned(returns, benchmark)
    own, other = moments(values), moments(market)
    slope = _slope(values, own, market, other)
    if slope is None:
        return None, None
    free = periodic_rate(risk_free_rate, periods_per_year)
    return finite(periods_per_year * ((own.mean - free) - slope * (other.mean - free))), slope


def information_ratio(returns: ArrayLike, benchmark: ArrayLike, *, periods_per_year: float) -> float | None:
    """Return mean(r - b) / std(r - b, n - 1) x sqrt(q); None where r and b differ by a constant, or n < 2.

    Source: Grinold and Kahn, Active portfolio management, 1999.

    >>> round(information_ratio([0.02, 0.01], [0.01, 0.02], periods_per_year=252), 12)
    0.0
    """
    values, market = _aligned(returns, benchmark)
    active = moments(np.subtract(values, market))
    return ratio(active.mean * math.sqrt(periods_per_year), active.deviation)


def _aligned(returns: ArrayLike, benchmark: ArrayLike) -> tuple[FloatArray, FloatArray]:
    values, market = as_floats(returns), as_floats(benchmark)
    if values.shape != market.shape:
        raise DataError(f"{len(values):,} returns cannot be set against {len(market):,} of the benchmark.")
    return values, market


def _slope(values: FloatArray, own: Moments, market: FloatArray, other: Moments) -> float | None:
    if not other.deviation:
        return None
    return ratio(_covariance(values, own.mean, market, other.mean), other.m2)


@compiled
def _covariance(values: FloatArray, mean: float, market: FloatArray, market_mean: float) -> float:
    total = 0.0
    for i in range(len(values)):
        total += (values[i] - mean) * (market[i] - market_mean)
    return total / len(values)
