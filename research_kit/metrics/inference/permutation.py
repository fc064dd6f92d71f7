"""Did the positions know the returns? The same positions at other times, against the same returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from research_kit.errors import DataError, OptionError, did_you_mean
from research_kit.metrics.inference.resampling import Resampling
from research_kit.metrics.inference.series import as_returns
from research_kit.metrics.values import FloatArray

METHODS = ("shift", "shuffle")
DRAWS = Resampling(draws=1_000)


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """What the positions earned, and what the same positions earned at other times.

    Attributes
    ----------
    value : float
        Mean of position × return, a fraction per period.
    p_value : float
        (1 + how often other times earned as much) / (1 + how many were tried): never 0.
    others : array
        What they earned at each of the other times.
    """

    value: float
    p_value: float
    others: FloatArray = field(repr=False)
    method: str = "shift"


def permutation_test(
    positions: ArrayLike,
    returns: ArrayLike,
    *,
    method: Literal["shift", "shuffle"] = "shift",
    resampling: Resampling = DRAWS,
) -> PermutationTest | None:
    """Return whether positions were held at the right times, or would have earned as much at any other.

    What a position earns by being held at all (a market that rises) is the same at all times, and proves nothing; costs
    are left out. None where positions or returns do not vary, or for fewer than 10 periods. Source: Masters,
    Permutation and randomization tests for trading system development, 2020.

    Parameters
    ----------
    positions
        Exposure **during** each period, decided before it: 1 long, −1 short; shape (n,).
    returns
        Return of the market in each period, a fraction, shape (n,).
    method
        "shift": the positions are moved around the circle by 1, 2, … n − 1 periods, every one of them; what follows one
        another stays together on both sides. "shuffle": days in random order, right only where they do not depend on
        each other.
    resampling
        Samples and seed of "shuffle".

    Examples
    --------
    >>> market = np.random.default_rng(0).normal(0.0, 0.01, 500)
    >>> permutation_test(market > 0.0, market).p_value
    0.002
    """
    if method not in METHODS:
        raise OptionError(f"There is no method {method!r}. {did_you_mean(str(method), METHODS)}")
    held, earned = as_returns(positions, "positions"), as_returns(returns)
    if len(held) != len(earned):
        raise DataError(
            f"There are {len(held):,} positions and {len(earned):,} returns; they must be of the same periods."
        )
    if len(held) < 10 or np.ptp(held) == 0.0 or np.ptp(earned) == 0.0:
        return None
    value = float(held @ earned) / len(held)
    others = _shifted(held, earned) if method == "shift" else _shuffled(held, earned, resampling)
    rounding = 1e-12 * float(np.abs(held) @ np.abs(earned)) / len(held)
    as_good = int(np.count_nonzero(others >= value - rounding))
    return PermutationTest(value, (1 + as_good) / (1 + len(others)), others, method)


def _shifted(held: FloatArray, earned: FloatArray) -> FloatArray:
    """Return the mean of position × return for each shift around the circle but the first."""
    from scipy.fft import irfft, rfft

    n = len(held)
    sums = irfft(np.conj(rfft(held)) * rfft(earned), n=n)
    return np.asarray(sums[1:] / n, dtype=np.float64)


def _shuffled(held: FloatArray, earned: FloatArray, resampling: Resampling) -> FloatArray:
    generator = np.random.default_rng(resampling.seed)
    return np.array([generator.permutation(earned) @ held / len(held) for _ in range(resampling.draws)])
