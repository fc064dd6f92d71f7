"""Mean, spread and shape of a sample, from one compiled scan that all the ratios share."""

from __future__ import annotations

import math
from typing import NamedTuple

from numpy.typing import ArrayLike

from research_kit.compiled import compiled
from research_kit.metrics.values import NOISE, FloatArray, as_floats, finite, ratio


class Moments(NamedTuple):
    """Moments of a sample: its size, mean, and central moments divided by n (``m2`` is the population variance)."""

    n: int
    mean: float
    m2: float
    m3: float
    m4: float
    largest: float  # the greatest absolute value: what rounding is measured against

    @property
    def deviation(self) -> float | None:
        """Standard deviation with n - 1; 0 where the values differ by rounding only; None for fewer than 2 values."""
        if self.n < 2:
            return None
        return without_noise(math.sqrt(self.m2 * self.n / (self.n - 1)), self.largest)

    @property
    def skew(self) -> float | None:
        """Population skewness, m3 / m2^1.5; None where the values do not vary."""
        return ratio(self.m3, self.m2 * math.sqrt(self.m2)) if self.deviation else None

    @property
    def kurtosis(self) -> float | None:
        """Population kurtosis, m4 / m2^2, raw: 3 for a normal distribution; None where the values do not vary."""
        return ratio(self.m4, self.m2 * self.m2) if self.deviation else None


Sample = ArrayLike | Moments


def moments(sample: Sample) -> Moments:
    """Return the moments of a sample of shape (n,); moments are handed back as they are.

    Every function that takes a ``Sample`` so takes an array, or its moments where they are known already.

    >>> moments([1.0, 2.0, 3.0, 4.0])[:3]
    (4, 2.5, 1.25)
    """
    if isinstance(sample, Moments):
        return sample
    values = as_floats(sample)
    return Moments(len(values), *scan_moments(values)) if len(values) else Moments(0, 0.0, 0.0, 0.0, 0.0, 0.0)


def skew(sample: Sample) -> float | None:
    """Return the population skewness (below 0: the long tail is on the side of losses).

    >>> skew([-2.0, 1.0, 1.0])
    -0.7071067811865475
    """
    return moments(sample).skew


def kurtosis(sample: Sample) -> float | None:
    """Return the population kurtosis, raw (not excess): 3 for a normal distribution, more for fat tails.

    >>> kurtosis([-1.0, 1.0])
    1.0
    """
    return moments(sample).kurtosis


def downside_deviation(returns: ArrayLike, threshold: float = 0.0) -> float | None:
    """Return the root of the mean squared shortfall below ``threshold``, over **all** n returns.

    Fraction per period, at least 0; None without returns. Source: Sortino and Price, Performance measurement in a
    downside risk framework, 1994.

    >>> downside_deviation([0.03, -0.04])
    0.0282842712474619
    """
    values = as_floats(returns)
    if not len(values):
        return None
    squares, largest = scan_shortfall(values, threshold)
    return finite(without_noise(math.sqrt(squares / len(values)), max(largest, abs(threshold))))


def without_noise(spread: float, largest: float) -> float:
    """Return ``spread``, or 0 where it is no more than rounding in numbers of size 1 + ``largest``."""
    return 0.0 if spread <= NOISE * (1.0 + largest) else spread


@compiled
def scan_moments(values: FloatArray) -> tuple[float, float, float, float, float]:
    """Return mean, m2, m3, m4 and the greatest size of a sample that is not empty."""
    n = len(values)
    total = largest = 0.0
    for value in values:
        total += value
        largest = max(largest, abs(value))
    mean = total / n
    second = third = fourth = 0.0
    for value in values:
        gap = value - mean
        square = gap * gap
        second += square
        third += square * gap
        fourth += square * square
    return mean, second / n, third / n, fourth / n, largest


@compiled
def scan_shortfall(values: FloatArray, threshold: float) -> tuple[float, float]:
    """Return the sum of squares below a threshold, and the greatest size of a value."""
    squares = largest = 0.0
    for value in values:
        largest = max(largest, abs(value))
        if value < threshold:
            squares += (value - threshold) * (value - threshold)
    return squares, largest
