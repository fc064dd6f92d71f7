"""The probability of backtest overfitting: how often the best of one half of the days is a poor one in the other half.

Combinatorially symmetric cross-validation. Source: Bailey, Borwein, López de Prado and Zhu, The probability of backtest
overfitting, Journal of Computational Finance 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.compiled import compiled
from research_kit.errors import OptionError
from research_kit.metrics.inference.series import as_rows
from research_kit.metrics.values import NOISE, FloatArray

CELLS = 1 << 21  # performances that are in memory at once
LEVELS = 201  # at which the distributions are compared
MOST_BLOCKS = 20  # 184,756 ways to halve them


@dataclass(frozen=True)
class Degradation:
    """The line through (in sample, out of sample) of the chosen sets: what a promise of 1 more has kept."""

    slope: float
    intercept: float
    r_squared: float


@dataclass(frozen=True, eq=False)
class Overfit:
    """What choosing the best set in one half of the days came to in the other half, over all ways to halve them.

    Performances are Sharpe ratios per day.

    Attributes
    ----------
    logits : array, shape (ways,)
        ln(w / (1 − w)), w = rank / (sets + 1) of the chosen set among all, out of sample; 0 is the median, less is
        worse.
    chosen : array, shape (ways,)
        Position of the chosen set: the best in sample, of equal ones the first.
    in_sample, out_of_sample : arrays, shape (ways,)
        Performance of the chosen set in the half it was chosen in, and in the other.
    levels : array, shape (201,)
        Performances out of sample, from the lowest to the highest that any set showed.
    chosen_below, any_below : arrays, shape (201,)
        Share of the chosen sets, and of all sets, whose performance out of sample is at or below each level.
    sets, days, blocks : int
        What was compared, over how many days, in how many blocks.
    """

    logits: FloatArray
    chosen: NDArray[np.int64]
    in_sample: FloatArray
    out_of_sample: FloatArray
    levels: FloatArray
    chosen_below: FloatArray
    any_below: FloatArray
    sets: int
    days: int
    blocks: int

    def __repr__(self) -> str:
        return f"Overfit(PBO {self.pbo:.3f}: {self.sets:,} sets, {self.days:,} days, {len(self.logits):,} halves)"

    @property
    def pbo(self) -> float:
        """Probability of backtest overfitting: share of the ways in which the chosen set was at or below the median."""
        return float(np.mean(self.logits <= 0.0))

    @property
    def probability_of_loss(self) -> float:
        """Share of the ways in which the chosen set lost out of sample."""
        return float(np.mean(self.out_of_sample < 0.0))

    @property
    def constancy(self) -> float:
        """Share of the ways that chose the set which was chosen most often."""
        return float(np.bincount(self.chosen).max() / len(self.chosen))

    @cached_property
    def degradation(self) -> Degradation | None:
        """Least squares of out of sample on in sample; None where the performances in sample do not vary.

        Both halves of one set make up its whole history: where the same set is chosen always, the slope is −1 whatever
        it is worth.
        """
        across = self.in_sample - self.in_sample.mean()
        along = self.out_of_sample - self.out_of_sample.mean()
        square, total = float(across @ across), float(along @ along)
        if square <= NOISE**2 * len(across):
            return None
        slope = float(across @ along) / square
        intercept = float(self.out_of_sample.mean() - slope * self.in_sample.mean())
        return Degradation(slope, intercept, slope * slope * square / total if total > 0.0 else 0.0)

    @property
    def first_order_dominance(self) -> bool:
        """Whether the chosen sets were never more often below any level than sets taken at random."""
        return bool((self.chosen_below <= self.any_below + 1e-12).all())

    @property
    def second_order_dominance(self) -> bool:
        """Whether one who shuns risk prefers the chosen sets: the area under their distribution is never larger."""
        return bool((self.dominance_area >= -1e-12).all())

    @cached_property
    def dominance_area(self) -> FloatArray:
        """The area between both distributions up to each level, shape (201,); at or above 0 speaks for choosing."""
        gap = self.any_below - self.chosen_below
        steps = np.diff(self.levels) * (gap[1:] + gap[:-1]) / 2.0
        return np.concatenate([np.zeros(1), np.cumsum(steps)])


def probability_of_overfitting(returns: NDArray[Any], *, blocks: int = 16) -> Overfit | None:
    """Return how often the set with the best Sharpe ratio in one half of the days is a poor one in the other half.

    The days are cut into ``blocks`` of equal length (to one day); of every way to halve the blocks, the best set in one
    half is looked up among all sets in the other. A half without any movement counts as a Sharpe ratio of 0; equal
    ranks share their mean. None for fewer than 2 sets with returns, or fewer than 2 days a block.

    Parameters
    ----------
    returns
        Daily returns, fractions, float32 or float64, shape (sets, days); a row of NaN is left out, but keeps its
        position. The sets must be all that were tried, good and bad, on the same days.
    blocks
        Even, from 2 to 20; 16 are 12,870 ways.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> noise = rng.normal(0.0, 0.01, (20, 500))
    >>> probability_of_overfitting(noise, blocks=8).pbo > 0.3
    True
    >>> noise[7] += 0.005
    >>> probability_of_overfitting(noise, blocks=8).pbo
    0.0
    """
    if isinstance(blocks, bool) or blocks % 2 or not 2 <= blocks <= MOST_BLOCKS:
        raise OptionError(f"blocks is an even number from 2 to {MOST_BLOCKS}; given was {blocks!r}.")
    rows, positions = as_rows(returns)
    if len(rows) < 2 or rows.shape[1] < 2 * blocks:
        return None
    halves = _Halves.of(rows, blocks)
    lowest, highest = halves.reach()
    levels = np.linspace(lowest, highest, LEVELS)
    found = [_look_up(*halves.performances(part), levels) for part in halves.parts()]
    chosen, inside, outside, ranks = (np.concatenate([part[at] for part in found]) for at in range(4))
    counts = np.sum([part[4] for part in found], axis=0)
    share = ranks / (len(rows) + 1.0)
    return Overfit(
        logits=np.log(share / (1.0 - share)),
        chosen=positions[chosen],
        in_sample=inside,
        out_of_sample=outside,
        levels=levels,
        chosen_below=np.searchsorted(np.sort(outside), levels, "right") / len(outside),
        any_below=np.cumsum(counts)[:-1] / (len(rows) * len(ranks)),
        sets=len(rows),
        days=rows.shape[1],
        blocks=blocks,
    )


@dataclass(frozen=True, eq=False)
class _Halves:
    """The sums that the Sharpe ratio of any half is made of, and all the ways to halve the blocks."""

    lengths: FloatArray  # days of each block
    sums: FloatArray  # of each block and set, after the set's mean over all days is taken off; (blocks, sets)
    squares: FloatArray
    means: FloatArray
    tiny: FloatArray  # a variance up to this is rounding
    masks: FloatArray  # 1 where a block is in sample, (ways, blocks)

    @classmethod
    def of(cls, rows: NDArray[Any], blocks: int) -> _Halves:
        sets, days = rows.shape
        starts = np.arange(blocks) * days // blocks
        sums, squares, means, tiny = np.empty((blocks, sets)), np.empty((blocks, sets)), np.empty(sets), np.empty(sets)
        step = max(1, CELLS // days)
        for first in range(0, sets, step):
            part = rows[first : first + step].astype(np.float64)
            here = slice(first, first + len(part))
            means[here] = part.mean(axis=1)
            tiny[here] = (NOISE * (1.0 + np.abs(part).max(axis=1))) ** 2
            part -= means[here, None]
            sums[:, here] = np.add.reduceat(part, starts, axis=1).T
            squares[:, here] = np.add.reduceat(part * part, starts, axis=1).T
        ways = np.array(list(combinations(range(blocks), blocks // 2)))
        masks = np.zeros((len(ways), blocks))
        np.put_along_axis(masks, ways, 1.0, axis=1)
        return cls(np.diff(starts, append=days).astype(np.float64), sums, squares, means, tiny, masks)

    def parts(self) -> list[slice]:
        step = max(1, CELLS // len(self.means))
        return [slice(first, first + step) for first in range(0, len(self.masks), step)]

    def performances(self, part: slice) -> tuple[FloatArray, FloatArray]:
        """Return the Sharpe ratios of all sets in both halves, shape (ways of this part, sets) each."""
        mask = self.masks[part]
        return self._sharpe(mask), self._sharpe(1.0 - mask)

    def _sharpe(self, mask: FloatArray) -> FloatArray:
        result = mask @ self.sums
        _to_sharpe(result, mask @ self.squares, mask @ self.lengths, self.means, self.tiny)
        return result

    def reach(self) -> tuple[float, float]:
        """Return the lowest and the highest Sharpe ratio of any half: each half is once in and once out of sample."""
        found = [(half.min(), half.max()) for half in map(self._sharpe, (self.masks[part] for part in self.parts()))]
        return float(min(low for low, _ in found)), float(max(high for _, high in found))


@compiled
def _to_sharpe(sums: FloatArray, squares: FloatArray, days: FloatArray, means: FloatArray, tiny: FloatArray) -> None:
    """Turn sums of what stands above a set's mean into Sharpe ratios, in place."""
    for way in range(len(sums)):
        n = days[way]
        for at in range(len(means)):
            mean = sums[way, at] / n
            variance = (squares[way, at] - mean * sums[way, at]) / (n - 1.0)
            least = max(tiny[at], 1e-12 * squares[way, at] / n)  # below it is what cancelling digits leave
            sums[way, at] = (mean + means[at]) / np.sqrt(variance) if variance > least else 0.0


@compiled
def _look_up(
    inside: FloatArray, outside: FloatArray, levels: FloatArray
) -> tuple[NDArray[np.int64], FloatArray, FloatArray, FloatArray, NDArray[np.int64]]:
    """Return the best set in sample of each way, its performances, its rank out of sample, and a histogram of all."""
    ways, sets = inside.shape
    chosen = np.empty(ways, np.int64)
    kept, held, ranks = np.empty(ways), np.empty(ways), np.empty(ways)
    counts = np.zeros(len(levels) + 1, np.int64)
    low, scale = levels[0], 0.0
    if levels[-1] > low:
        scale = (len(levels) - 1) / (levels[-1] - low)
    for way in range(ways):
        best = 0
        for at in range(1, sets):
            if inside[way, at] > inside[way, best]:
                best = at
        value = outside[way, best]
        below = equal = 0
        for at in range(sets):
            other = outside[way, at]
            below += other < value
            equal += other == value
            place = min(int(np.ceil((other - low) * scale)), len(levels) - 1)
            counts[max(place, 0)] += 1
        chosen[way], kept[way], held[way] = best, inside[way, best], value
        ranks[way] = below + (equal + 1) / 2.0
    return chosen, kept, held, ranks, counts
