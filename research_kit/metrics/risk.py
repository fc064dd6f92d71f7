"""Risk of a series of returns: how much they vary, and what their worst twentieth looks like."""

from __future__ import annotations

import math
from typing import NamedTuple

from numpy.typing import ArrayLike

from research_kit.metrics.moments import Sample, moments
from research_kit.metrics.values import FloatArray, as_floats, finite, ratio


class Tails(NamedTuple):
    """Both ends of a sample of returns, fractions: losses are negative."""

    value_at_risk: float
    conditional_value_at_risk: float
    gain: float  # the quantile at the other end

    @property
    def ratio(self) -> float | None:
        """Size of the gain quantile over the size of the loss quantile; None where the latter is 0."""
        return ratio(abs(self.gain), abs(self.value_at_risk))


def tails(returns: ArrayLike, level: float = 0.95) -> Tails | None:
    """Return VaR, CVaR and the opposite quantile of a sample at one level; None for fewer than 2 returns.

    Quantiles are historical and linear between order statistics (Hyndman and Fan's type 7, NumPy's default).
    """
    values = as_floats(returns)
    if len(values) < 2:
        return None
    scratch = values.copy()
    low, high = _quantile(scratch, 1.0 - level), _quantile(scratch, level)
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    worst = values[values <= low]
    return Tails(low, min(float(worst.mean()), low), high)


def annualised_volatility(returns: Sample, *, periods_per_year: float) -> float | None:
    """Return std(r, n - 1) x sqrt(q), a fraction per year; 0 for equal returns; None for fewer than 2.

    >>> annualised_volatility([0.01, -0.01, 0.01, -0.01], periods_per_year=3)
    0.02
    """
    deviation = moments(returns).deviation
    return None if deviation is None else finite(deviation * math.sqrt(periods_per_year))


def value_at_risk(returns: ArrayLike, level: float = 0.95) -> float | None:
    """Return the (1 - level) quantile of the returns, linear; a loss is negative; None for fewer than 2.

    >>> value_at_risk([-0.04, -0.02, 0.0, 0.02, 0.04], level=0.75)
    -0.02
    """
    found = tails(returns, level)
    return found and finite(found.value_at_risk)


def conditional_value_at_risk(returns: ArrayLike, level: float = 0.95) -> float | None:
    """Return the mean of the returns at or below the value at risk; a loss is negative; None for fewer than 2.

    >>> conditional_value_at_risk([-0.04, -0.02, 0.0, 0.02, 0.04], level=0.75)
    -0.03
    """
    found = tails(returns, level)
    return found and finite(found.conditional_value_at_risk)


def tail_ratio(returns: ArrayLike, level: float = 0.95) -> float | None:
    """Return |upper quantile| / |lower quantile| at ``level``; None for fewer than 2 returns or a lower one of 0.

    >>> tail_ratio([-0.02, 0.0, 0.04], level=1.0)
    2.0
    """
    found = tails(returns, level)
    return found and found.ratio


def _quantile(scratch: FloatArray, position: float) -> float:
    """Return one quantile and leave ``scratch`` reordered: NumPy is five times slower when asked for two at once."""
    spot = position * (len(scratch) - 1)
    place = min(int(spot), len(scratch) - 2)
    scratch.partition(place)
    low, high = float(scratch[place]), float(scratch[place + 1 :].min())
    return low + (high - low) * (spot - place)
