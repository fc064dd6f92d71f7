"""What else could have happened: equity from the same returns, drawn in blocks with replacement.

Returns are drawn, not money, and with replacement: the same profits in another order would always end at the same
value, and a fall could pass −100 %.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from research_kit.compiled import compiled
from research_kit.errors import DataError
from research_kit.metrics.inference.resampling import PLAIN, Resampling
from research_kit.metrics.inference.series import as_returns, check_count
from research_kit.metrics.values import FloatArray

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
POINTS = 240


@dataclass(frozen=True, eq=False)
class Fan:
    """How equity may go on, as multiples of the start.

    Attributes
    ----------
    periods : array, shape (points,)
        How many returns have been earned at each point; the first is 0.
    quantiles : array, shape (levels, points)
        Equity that a share of the samples, ``levels``, does not exceed.
    actual : array, shape (points,)
        Equity as it was; NaN beyond the history.
    finals, deepest : arrays, shape (draws,)
        Equity at the end, and the deepest drawdown (a fraction, <= 0), of each sample.
    block : float
        Mean length of the blocks.
    """

    periods: NDArray[np.int64]
    levels: tuple[float, ...]
    quantiles: FloatArray
    actual: FloatArray
    finals: FloatArray = field(repr=False)
    deepest: FloatArray = field(repr=False)
    block: float

    def __repr__(self) -> str:
        end, fall = self.final(0.5), self.drawdown(0.5)
        drawn = f"{len(self.finals):,} samples of {self.periods[-1]:,} periods"
        return f"Fan({drawn}: median end {end:.3g}, drawdown {fall:.1%})"

    @property
    def probability_of_loss(self) -> float:
        """Share of the samples that end below the start."""
        return float(np.mean(self.finals < 1.0))

    def probability_of_drawdown(self, depth: float) -> float:
        """Return the share of the samples that fall by ``depth`` or more from a peak; −0.3 and 0.3 are both 30 %."""
        return float(np.mean(self.deepest <= -abs(depth)))

    def final(self, share: float) -> float:
        """Return the equity at the end, a multiple of the start, that a share of the samples does not exceed."""
        return float(np.quantile(self.finals, share))

    def drawdown(self, share: float) -> float:
        """Return the drawdown, <= 0, that a share of the samples exceeds in depth.

        0.05 is the one to be ready for: one sample in twenty is worse.
        """
        return float(np.quantile(self.deepest, share))


def monte_carlo(
    returns: ArrayLike,
    *,
    periods: int | None = None,
    resampling: Resampling = PLAIN,
    levels: tuple[float, ...] = LEVELS,
    points: int = POINTS,
) -> Fan | None:
    """Return how equity may go on over a number of periods if the future is drawn from the past, block by block.

    None for fewer than 10 returns. It knows no market that is not in the history.

    Parameters
    ----------
    returns
        Daily returns, or the returns of trades on the account in the order of closing: fractions from −1 on,
        shape (n,).
    periods
        How far it goes; as far as the history when not given.
    resampling
        Samples, seed and blocks.
    levels, points
        Shares between 0 and 1; how many points of time the fan has at most.

    Examples
    --------
    >>> fan = monte_carlo(np.random.default_rng(0).normal(0.0005, 0.01, 500))
    >>> fan.quantiles[:, 0].tolist(), fan.probability_of_drawdown(0.9)
    ([1.0, 1.0, 1.0, 1.0, 1.0], 0.0)
    """
    values = as_returns(returns)
    if len(values) and values.min() < -1.0:
        raise DataError(f"A return below -1 loses more than there is; the lowest is {values.min():.6g}.")
    far = len(values) if periods is None else periods
    check_count("periods", far, least=0 if periods is None else 1)
    if len(values) < 10:
        return None
    at = np.unique(np.linspace(0, far, min(points, far) + 1).round().astype(np.int64))
    block = resampling.length_for(values)
    paths, deepest = np.empty((resampling.draws, len(at))), np.empty(resampling.draws)
    for row, sample in enumerate(resampling.samples(len(values), block, far)):
        deepest[row] = _follow(values, sample, at, paths[row])
    actual = np.full(len(at), np.nan)
    known = at[at <= len(values)]
    _follow(values, np.arange(len(values)), known, actual[: len(known)])
    return Fan(at, levels, np.quantile(paths, levels, axis=0), actual, paths[:, -1].copy(), deepest, block)


@compiled
def _follow(returns: FloatArray, sample: NDArray[np.int64], at: NDArray[np.int64], equity: FloatArray) -> float:
    """Write equity at some counts of periods, from 1 at 0; return the deepest drawdown on the way."""
    level = peak = equity[0] = 1.0
    deepest, place = 0.0, 1
    for done in range(len(sample)):
        level *= 1.0 + returns[sample[done]]
        peak = max(peak, level)
        deepest = min(deepest, level / peak - 1.0)
        if place < len(at) and at[place] == done + 1:
            equity[place] = level
            place += 1
    return deepest
