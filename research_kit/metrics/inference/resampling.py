"""Blocks of days drawn with replacement, so that what follows one another stays together.

Block lengths and draws equal those of ``arch`` 8 for the same seed, number for number (the tests compare them). They
are made here because importing ``arch`` takes seconds, and an interval belongs beside every number that is shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from research_kit.compiled import compiled
from research_kit.errors import OptionError, did_you_mean
from research_kit.metrics.inference.series import as_returns, check_count
from research_kit.metrics.moments import moments
from research_kit.metrics.values import FloatArray

Kind = Literal["stationary", "circular"]
KINDS = ("stationary", "circular")
DRAWS = 2_000


@dataclass(frozen=True)
class Resampling:
    """How days are drawn.

    Parameters
    ----------
    draws
        How many samples are drawn, at least 1.
    seed
        The same seed gives the same samples.
    kind
        "stationary": blocks of random length, exponentially distributed (Politis and Romano 1994); "circular": of equal
        length (Politis and Romano 1992). Both go on at the first day after the last.
    block
        Mean length of a block in days, at least 1; None: as ``block_length`` finds for the series.
    """

    draws: int = DRAWS
    seed: int = 0
    kind: Kind = "stationary"
    block: float | None = None

    def __post_init__(self) -> None:
        check_count("draws", self.draws)
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise OptionError(f"seed is a whole number, at least 0; given was {self.seed!r}.")
        if self.kind not in KINDS:
            raise OptionError(f"There is no kind {self.kind!r} of bootstrap. {did_you_mean(str(self.kind), KINDS)}")
        if self.block is not None:
            check_count("block", self.block)

    def length_for(self, returns: ArrayLike) -> float:
        """Return the mean length of a block for a series of shape (n,), in days."""
        return float(block_length(returns, kind=self.kind) if self.block is None else self.block)

    def samples(self, n: int, block: float, size: int | None = None) -> Iterator[NDArray[np.int64]]:
        """Yield ``draws`` samples of positions in a series of length n, shape (size,) each; n when not given."""
        generator, length = np.random.default_rng(self.seed), size or n
        for _ in range(self.draws):
            if self.kind == "circular":
                yield _circular(generator, n, length, max(1, round(block)))
            else:
                yield _stationary(generator, n, length, 1.0 / block)


PLAIN = Resampling()


def block_length(series: ArrayLike, *, kind: Kind = "stationary") -> float:
    """Return the mean length of a block that suits how a series depends on its past, at least 1; 1 where none varies.

    Source: Politis and White, Automatic block-length selection for the dependent bootstrap, 2004, as corrected by
    Patton, Politis and White 2009.

    >>> steps = np.random.default_rng(0).normal(size=1_000)
    >>> block_length(steps) < 5 < block_length(np.convolve(steps, np.ones(10), "valid"))
    True
    """
    if kind not in KINDS:
        raise OptionError(f"There is no kind {kind!r} of bootstrap. {did_you_mean(str(kind), KINDS)}")
    values = as_returns(series, "series")
    n = len(values)
    if n < 10 or not moments(values).deviation:
        return 1.0
    apart = values - values.mean()
    span = max(5, int(math.log10(n)))
    most = min(math.ceil(math.sqrt(n)) + span, n - 2)
    covariance, correlation = _lagged(apart, most)
    lags = min(_last_lag(correlation, 2.0 * math.sqrt(math.log10(n) / n), span, most), most)
    at = np.arange(1, lags + 1)
    weight = np.minimum(1.0, 2.0 * (1.0 - at / lags))
    slope = float(2.0 * np.sum(weight * at * covariance[1 : lags + 1]))
    level = float(covariance[0] + 2.0 * np.sum(weight * covariance[1 : lags + 1]))
    longest = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    if level == 0.0:
        return float(longest)
    constant = 2.0 if kind == "stationary" else 4.0 / 3.0
    return float(max(1.0, min((2.0 * slope**2 / (constant * level**2) * n) ** (1.0 / 3.0), longest)))


def _lagged(apart: FloatArray, most: int) -> tuple[FloatArray, FloatArray]:
    """Return autocovariances and absolute autocorrelations at lags from 0 to ``most``; the latter of common days."""
    n = len(apart)
    covariance, correlation = np.zeros(most + 1), np.zeros(most + 1)
    for lag in range(most + 1):
        product = float(apart[lag:] @ apart[: n - lag])
        late, early = apart[lag + 1 :], apart[: n - lag - 1]
        scale = math.sqrt(float(late @ late) * float(early @ early))
        covariance[lag] = product / n
        correlation[lag] = abs(product) / scale if scale > 0.0 else 0.0
    return covariance, correlation


def _last_lag(correlation: FloatArray, limit: float, span: int, most: int) -> int:
    """Return twice the lag after which ``span`` correlations in a row are small."""
    for lag in range(span, most + 1):
        if (correlation[lag - span : lag] < limit).all():
            return 2 * max(lag - span, 1)
    return most


def _stationary(generator: np.random.Generator, n: int, size: int, new: float) -> NDArray[np.int64]:
    positions = generator.integers(0, n, size=size)
    _continue(positions, generator.random(size), new, n)
    return positions


def _circular(generator: np.random.Generator, n: int, size: int, block: int) -> NDArray[np.int64]:
    starts = generator.integers(0, n, size=-(-size // block))
    positions: NDArray[Any] = (starts[:, None] + np.arange(block)).ravel()[:size]
    return positions % n


@compiled
def _continue(positions: NDArray[np.int64], chance: FloatArray, new: float, n: int) -> None:
    """Let each position follow the one before it, unless chance begins a new block there."""
    for at in range(1, len(positions)):
        if chance[at] > new:
            following = positions[at - 1] + 1
            positions[at] = following if following < n else 0
