"""Is any of many sets really better than a benchmark? Reality Check, SPA and StepM.

White, A reality check for data snooping, 2000; Hansen, A test for superior predictive ability, 2005; Romano and Wolf,
Stepwise multiple testing as formalized data snooping, 2005. The tests compare this module with ``arch`` 8 for the same
seeds; it differs where ``arch`` leaves the papers (its SPA does not divide by standard errors, its p-values can be 0),
and draws for thousands of sets in a second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from research_kit.errors import DataError
from research_kit.metrics.inference.resampling import Resampling, block_length
from research_kit.metrics.inference.series import as_returns, as_rows, check_share
from research_kit.metrics.values import NOISE, FloatArray

SETS_AT_ONCE = 256
SAMPLED = 64  # sets whose block lengths are averaged
DRAWS = Resampling(draws=1_000)


@dataclass(frozen=True, eq=False)
class Superior:
    """Whether any set beats the benchmark, after all that were tried. p-values are never 0.

    Attributes
    ----------
    reality_check : float
        White's p-value: the chance of a best mean this high if no set were better than the benchmark.
    spa : float
        Hansen's consistent p-value: the same for means in standard errors; poor sets do not dilute it.
    spa_lower, spa_upper : float
        Its bounds.
    superior : array
        Positions of the sets that StepM finds better; one wrong among them at most ``size`` of the time.
    size, block, draws
        Of StepM; mean length of blocks in days; samples drawn.
    """

    reality_check: float
    spa: float
    spa_lower: float
    spa_upper: float
    superior: NDArray[np.int64]
    size: float
    block: float
    draws: int

    def __repr__(self) -> str:
        words = f"reality check {self.reality_check:.3f}, SPA {self.spa:.3f}, {len(self.superior):,} sets better"
        return f"Superior({words})"


def superior_sets(
    returns: NDArray[Any],
    benchmark: ArrayLike | None = None,
    *,
    size: float = 0.05,
    resampling: Resampling = DRAWS,
) -> Superior | None:
    """Return the p-values that no set is better than the benchmark, and the sets that StepM finds better.

    None where no set differs from the benchmark, or for fewer than 10 days. Memory: four bytes for each set and sample.

    Parameters
    ----------
    returns
        Daily returns, fractions, shape (sets, days), of **all** sets that were tried; a row of NaN is left out.
    benchmark
        Daily returns to beat, shape (days,); None: cash that earns nothing.
    size
        How often StepM may name a set wrongly.
    resampling
        Samples, seed and blocks; the length of blocks that is not given is the mean of what suits the sets.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(0.0, 0.01, (20, 500))
    >>> superior_sets(noise).spa > 0.05
    True
    >>> noise[3] += 0.003
    >>> superior_sets(noise).superior
    array([3])
    """
    check_share("size", size)
    rows, positions = as_rows(returns)
    days = rows.shape[1]
    market = np.zeros(days) if benchmark is None else as_returns(benchmark, "benchmark")
    if len(market) != days:
        raise DataError(f"The benchmark has {len(market):,} returns; the sets have {days:,}.")
    if days < 10 or not len(rows):
        return None
    block = resampling.block or _mean_block(rows, market, resampling)
    mean, error, scale = _moments(rows, market, block)
    moving = error > NOISE * (1.0 + scale)
    if not moving.any():
        return None
    drawn = _drawn_means(rows, market, mean, moving, replace(resampling, block=block))
    mean, error = mean[moving], error[moving] / math.sqrt(days)
    test = _Test(mean, error, drawn, _hopeless(mean, error, days))
    return Superior(
        reality_check=test.p_value(np.zeros_like(mean), np.ones_like(mean)),
        spa=test.p_value(np.where(test.hopeless, mean, 0.0), error),
        spa_lower=test.p_value(np.minimum(mean, 0.0), error),
        spa_upper=test.p_value(np.zeros_like(mean), error),
        superior=positions[np.flatnonzero(moving)[test.better(size)]],
        size=size,
        block=block,
        draws=resampling.draws,
    )


@dataclass(frozen=True, eq=False)
class _Test:
    mean: FloatArray  # above the benchmark, (sets,)
    error: FloatArray
    drawn: NDArray[np.float32]  # means of the samples less the mean, (draws, sets)
    hopeless: NDArray[np.bool_]  # so far below the benchmark that they tell nothing about the best

    def p_value(self, centre: FloatArray, unit: FloatArray) -> float:
        """Return the share of samples whose best is as good as the best of all, the sets centred at ``centre``."""
        best = max(float((self.mean / unit).max()), 0.0)
        beyond = int(
            np.count_nonzero(np.maximum(self._highest(centre, unit, np.ones(len(unit), np.bool_)), 0.0) >= best)
        )
        return (1 + beyond) / (1 + len(self.drawn))

    def better(self, size: float) -> NDArray[np.bool_]:
        """Return which sets are better: StepM, with the centres of the consistent SPA."""
        better = np.zeros(len(self.mean), dtype=np.bool_)
        centre = np.where(self.hopeless, self.mean, 0.0)
        while not better.all():
            limit = max(float(np.quantile(self._highest(centre, self.error, ~better), 1.0 - size)), 0.0)
            found = ~better & (self.mean / self.error > limit)
            if not found.any():
                break
            better |= found
        return better

    def _highest(self, centre: FloatArray, unit: FloatArray, of: NDArray[np.bool_]) -> FloatArray:
        """Return the highest of some sets in each sample, a few sets at a time."""
        highest = np.full(len(self.drawn), -np.inf)
        places = np.flatnonzero(of)
        for first in range(0, len(places), SETS_AT_ONCE):
            part = places[first : first + SETS_AT_ONCE]
            np.maximum(highest, ((self.drawn[:, part] + centre[part]) / unit[part]).max(axis=1), out=highest)
        return highest


def _hopeless(mean: FloatArray, error: FloatArray, days: int) -> NDArray[np.bool_]:
    return np.asarray(mean < -error * math.sqrt(2.0 * math.log(math.log(days))))


def _mean_block(rows: NDArray[Any], market: FloatArray, resampling: Resampling) -> float:
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(SAMPLED, len(rows))).astype(np.int64))
    return float(np.mean([block_length(rows[at] - market, kind=resampling.kind) for at in chosen]))


def _moments(rows: NDArray[Any], market: FloatArray, block: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return mean, long-run standard deviation (that of √n × mean over samples of blocks) and size of each set."""
    from scipy.fft import irfft, next_fast_len, rfft

    days = rows.shape[1]
    lag, stay = np.arange(days), 1.0 - 1.0 / block
    weight = (1.0 - lag / days) * stay**lag + lag / days * stay ** (days - lag)  # Politis and Romano's kernel
    weight[1:] *= 2.0
    weight[0] = 1.0
    length = next_fast_len(2 * days, real=True)
    mean, error, scale = (np.empty(len(rows)) for _ in range(3))
    for first in range(0, len(rows), SETS_AT_ONCE):
        part = rows[first : first + SETS_AT_ONCE] - market
        here = slice(first, first + len(part))
        mean[here], scale[here] = part.mean(axis=1), np.abs(part).max(axis=1)
        spectrum = rfft(part - mean[here, None], n=length, axis=1)
        covariance = irfft(spectrum.real**2 + spectrum.imag**2, n=length, axis=1)[:, :days] / days
        error[here] = np.sqrt(np.maximum(covariance @ weight, 0.0))
    return mean, error, scale


def _drawn_means(
    rows: NDArray[Any], market: FloatArray, mean: FloatArray, moving: NDArray[np.bool_], resampling: Resampling
) -> NDArray[np.float32]:
    """Return the means of the samples less those of all days, for the sets that move; shape (draws, sets)."""
    days, block = rows.shape[1], resampling.block or 1.0
    times = np.empty((resampling.draws, days), np.float64)  # how often each sample has each day
    for at, sample in enumerate(resampling.samples(days, block)):
        times[at] = np.bincount(sample, minlength=days)
    places = np.flatnonzero(moving)
    drawn = np.empty((resampling.draws, len(places)), np.float32)
    for first in range(0, len(places), SETS_AT_ONCE):
        part = places[first : first + SETS_AT_ONCE]
        drawn[:, first : first + len(part)] = times @ ((rows[part] - market) - mean[part, None]).T / days
    return drawn
