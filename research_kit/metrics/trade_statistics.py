"""Statistics of closed trades: each takes their net pnl in money, shape (n,), in the order of closing."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from research_kit.metrics.moments import moments
from research_kit.metrics.values import as_floats, finite, ratio


def win_rate(pnl: ArrayLike) -> float | None:
    """Return the wins as a fraction of **all** trades, those of exactly 0 included; None without trades.

    >>> win_rate([100.0, -50.0, 0.0, 25.0])
    0.5
    """
    values = as_floats(pnl)
    return ratio(int(np.count_nonzero(values > 0.0)), len(values))


def profit_factor(pnl: ArrayLike) -> float | None:
    """Return what the winners won over what the losers lost, >= 0; None without a losing trade.

    >>> profit_factor([100.0, -50.0, 25.0])
    2.5
    """
    values = as_floats(pnl)
    return ratio(float(values[values > 0.0].sum()), -float(values[values < 0.0].sum()))


def expectancy(pnl: ArrayLike) -> float | None:
    """Return the mean pnl of a trade, money; None without trades.

    >>> expectancy([100.0, -50.0, 25.0])
    25.0
    """
    return mean(as_floats(pnl))


def average_win(pnl: ArrayLike) -> float | None:
    """Return the mean of the winning trades, money above 0; None without one."""
    values = as_floats(pnl)
    return mean(values[values > 0.0])


def average_loss(pnl: ArrayLike) -> float | None:
    """Return the mean of the losing trades, money below 0; None without one."""
    values = as_floats(pnl)
    return mean(values[values < 0.0])


def largest_win(pnl: ArrayLike) -> float | None:
    """Return the best trade, money above 0; None without a winning trade."""
    best = as_floats(pnl).max(initial=0.0)
    return float(best) if best > 0.0 else None


def largest_loss(pnl: ArrayLike) -> float | None:
    """Return the worst trade, money below 0; None without a losing trade."""
    worst = as_floats(pnl).min(initial=0.0)
    return float(worst) if worst < 0.0 else None


def payoff_ratio(pnl: ArrayLike) -> float | None:
    """Return the average win over the size of the average loss; None without both.

    >>> payoff_ratio([100.0, -50.0, 50.0])
    1.5
    """
    loss = average_loss(pnl)
    return ratio(average_win(pnl), None if loss is None else -loss)


def system_quality_number(pnl: ArrayLike) -> float | None:
    """Return sqrt(n) x mean(pnl) / std(pnl, n - 1); None for fewer than 2 trades, or trades all alike.

    Van Tharp's SQN, of net money, without his cap at 100 trades.

    >>> round(system_quality_number([3.0, 1.0]), 6)
    2.0
    """
    values = as_floats(pnl)
    largest = float(np.abs(values).max(initial=0.0))
    if not largest:
        return None
    scaled = moments(values / largest)  # free of the currency, so that rounding is told from spread
    return ratio(math.sqrt(scaled.n) * scaled.mean, scaled.deviation)


def longest_streaks(pnl: ArrayLike) -> tuple[int, int]:
    """Return the most wins and the most losses in a row; a trade of exactly 0 breaks both.

    >>> longest_streaks([1.0, 2.0, 0.0, 3.0, -1.0])
    (2, 1)
    """
    values = as_floats(pnl)
    return _longest_run(values > 0.0), _longest_run(values < 0.0)


def mean(values: ArrayLike) -> float | None:
    """Return the mean, or None of nothing."""
    array = as_floats(values)
    return finite(float(array.mean())) if len(array) else None


def _longest_run(hits: NDArray[np.bool_]) -> int:
    misses = np.flatnonzero(~hits)
    bounds = np.concatenate(([-1], misses, [len(hits)]))
    return int(np.diff(bounds).max()) - 1
