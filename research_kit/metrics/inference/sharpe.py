"""What one Sharpe ratio is worth: its error, the chance that it is above a benchmark, how long it takes to know.

Everything here is **per period** (per day, for daily returns): a yearly ratio is divided by √q first. Kurtosis is raw,
3 for a normal distribution.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from research_kit.errors import OptionError
from research_kit.metrics.inference.series import check_share
from research_kit.metrics.moments import Sample, moments
from research_kit.metrics.values import finite, ratio

_NORMAL = NormalDist()


class SharpeEstimate(NamedTuple):
    """A Sharpe ratio per period, and what its error depends on: the number of returns, their skewness and kurtosis."""

    sharpe: float
    n: int
    skew: float = 0.0
    kurtosis: float = 3.0

    @property
    def standard_error(self) -> float | None:
        """√((1 − skew·SR + (kurtosis − 1)/4·SR²) / (n − 1)), per period; None for fewer than 2 returns.

        Source: Mertens, Comments on variance of the IID estimator in Lo (2002); Bailey and López de Prado 2012.

        Raises
        ------
        OptionError
            No distribution has this skewness and kurtosis: kurtosis is raw, at least 1 + skew².
        """
        if self.kurtosis < (1.0 + self.skew**2) * (1.0 - 1e-9):
            raise OptionError(
                f"kurtosis is raw (3 for a normal distribution), at least 1 + skew²; given were skew {self.skew:.6g} "
                f"and kurtosis {self.kurtosis:.6g}."
            )
        if self.n < 2:
            return None
        spread = 1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe**2
        return finite(math.sqrt(max(spread, 0.0) / (self.n - 1)))


def sharpe_estimate(returns: Sample, *, periodic_rate: float = 0.0) -> SharpeEstimate | None:
    """Return the Sharpe ratio per period of a sample, shape (n,), or of its moments.

    None for fewer than 2 returns, or returns that do not vary.

    >>> sharpe_estimate([0.01, 0.03]).sharpe.__round__(6)
    1.414214
    """
    sample = moments(returns)
    sharpe, skew, kurtosis = ratio(sample.mean - periodic_rate, sample.deviation), sample.skew, sample.kurtosis
    if sharpe is None or skew is None or kurtosis is None:
        return None
    return SharpeEstimate(sharpe, sample.n, skew, kurtosis)


def probabilistic_sharpe_ratio(estimate: SharpeEstimate | None, benchmark: float = 0.0) -> float | None:
    """Return the probability, 0 to 1, that the true Sharpe ratio is above ``benchmark``, as if nothing else was tried.

    Φ((SR − benchmark) / standard error), both per period. None where the estimate or its error is undefined. Source:
    Bailey and López de Prado, The Sharpe ratio efficient frontier, 2012.

    >>> round(probabilistic_sharpe_ratio(SharpeEstimate(0.458, n=24, skew=-2.448, kurtosis=10.164)), 3)
    0.913
    """
    score = sharpe_score(estimate, benchmark)
    return None if score is None else normal_share(score)


def sharpe_score(estimate: SharpeEstimate | None, benchmark: float = 0.0) -> float | None:
    """Return how many standard errors an estimate lies above a benchmark per period."""
    return None if estimate is None else ratio(estimate.sharpe - benchmark, estimate.standard_error)


def minimum_track_record_length(
    estimate: SharpeEstimate | None, benchmark: float = 0.0, *, confidence: float = 0.95
) -> float | None:
    """Return how many returns it takes until a ratio like this is above ``benchmark`` with ``confidence``.

    1 + (1 − skew·SR + (kurtosis − 1)/4·SR²)·(z / (SR − benchmark))². None where the estimate is not above the
    benchmark: then no length is enough. Source: Bailey and López de Prado 2012.

    >>> day = SharpeEstimate(2 / 252**0.5, n=252)
    >>> round(minimum_track_record_length(day, 1 / 252**0.5) / 252, 2)  # years
    2.73
    """
    check_share("confidence", confidence)
    if estimate is None or estimate.sharpe <= benchmark:
        return None
    one = estimate._replace(n=2).standard_error
    needed = ratio(one and one * normal_quantile(confidence), estimate.sharpe - benchmark)
    return None if needed is None else finite(1.0 + needed * needed)


def sharpe_interval(estimate: SharpeEstimate | None, *, confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the interval SR ± z × standard error per period, for returns that do not depend on one another.

    None where the error is undefined. ``intervals.bootstrap_intervals`` asks for less: it keeps dependence.

    >>> low, high = sharpe_interval(SharpeEstimate(0.0, n=101))
    >>> round(low, 3), round(high, 3)
    (-0.196, 0.196)
    """
    check_share("confidence", confidence)
    error = None if estimate is None else estimate.standard_error
    if estimate is None or error is None:
        return None
    reach = error * normal_quantile(0.5 + confidence / 2.0)
    return estimate.sharpe - reach, estimate.sharpe + reach


def normal_share(score: float) -> float:
    """Return the share of a normal distribution that lies below ``score``; exact in both tails.

    >>> normal_share(0.0)
    0.5
    """
    return 0.5 * math.erfc(-score / math.sqrt(2.0))


def normal_quantile(share: float) -> float:
    """Return the score below which ``share`` of a normal distribution lies.

    >>> round(normal_quantile(0.95), 3)
    1.645
    """
    return _NORMAL.inv_cdf(share)
