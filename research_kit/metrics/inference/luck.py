"""What the best of many trials would show by luck alone, and what is left of a Sharpe ratio after that."""

from __future__ import annotations

import math

import numpy as np

from research_kit.errors import OptionError
from research_kit.metrics.inference.series import check_count
from research_kit.metrics.inference.sharpe import SharpeEstimate, normal_quantile, probabilistic_sharpe_ratio
from research_kit.metrics.values import finite


def expected_maximum(trials: float) -> float:
    """Return how high the best of so many independent standard normal numbers is on average; 0 for one.

    (1 − γ)·Φ⁻¹(1 − 1/N) + γ·Φ⁻¹(1 − 1/(N·e)), γ Euler's constant. Never falls with ``trials``. Source: Bailey, Borwein,
    López de Prado and Zhu, Pseudo-mathematics and financial charlatanism, Notices of the AMS 2014.

    >>> round(expected_maximum(10), 2), expected_maximum(1)
    (1.57, 0.0)
    """
    check_count("trials", trials)
    if trials == 1:
        return 0.0
    # −Φ⁻¹(p) and Φ⁻¹(1 − p) are the same number; the former keeps its digits where p is small.
    height = (1.0 - np.euler_gamma) * normal_quantile(1.0 / trials)
    height += np.euler_gamma * normal_quantile(1.0 / (trials * math.e))
    return max(-height, 0.0)


def expected_maximum_sharpe(trials: float, variance: float) -> float:
    """Return the Sharpe ratio that the best of so many trials without any skill is expected to show: √V × E[max].

    ``variance`` is that of the Sharpe ratios over the trials, and decides the unit: per period in, per period out.

    >>> round(expected_maximum_sharpe(100, 0.5 / 250), 4)
    0.1132
    """
    if not (math.isfinite(variance) and variance >= 0.0):
        raise OptionError(f"variance of Sharpe ratios is a number from 0 on; given was {variance!r}.")
    return math.sqrt(variance) * expected_maximum(trials)


def deflated_sharpe_ratio(estimate: SharpeEstimate | None, *, trials: float, variance: float) -> float | None:
    """Return the probability, 0 to 1, that the true Sharpe ratio is above what luck shows as the best of ``trials``.

    The probabilistic Sharpe ratio with ``expected_maximum_sharpe`` as its benchmark. None where the estimate is
    undefined. Source: Bailey and López de Prado, The deflated Sharpe ratio, 2014.

    Parameters
    ----------
    estimate
        Of the chosen trial, per period.
    trials
        How many independent ones it was chosen from, at least 1; need not be whole.
    variance
        Of the trials' Sharpe ratios, per period: a yearly variance is divided by q.

    Examples
    --------
    >>> chosen = SharpeEstimate(2.5 / 250**0.5, n=1250, skew=-3, kurtosis=10)
    >>> round(deflated_sharpe_ratio(chosen, trials=100, variance=0.5 / 250), 4)
    0.9004
    """
    return probabilistic_sharpe_ratio(estimate, expected_maximum_sharpe(trials, variance))


def minimum_backtest_length(trials: float, sharpe: float = 1.0) -> float | None:
    """Return how many **years** of data keep the best of ``trials`` without skill below a yearly Sharpe ratio.

    (E[max] / sharpe)². With less data luck alone is expected to show ``sharpe``. None where that is not above 0; 0 for
    one trial. Source: Bailey, Borwein, López de Prado and Zhu 2014.

    >>> round(minimum_backtest_length(45), 1)
    5.0
    """
    return finite((expected_maximum(trials) / sharpe) ** 2) if sharpe > 0.0 else None


def null_variance(n: int) -> float | None:
    """Return the variance per period of the Sharpe ratio of n returns without skill, 1 / (n − 1); None for n < 2.

    >>> null_variance(101)
    0.01
    """
    return 1.0 / (n - 1) if n > 1 else None
