"""How many trials were really different: clusters of return series that move together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.compiled import compiled
from research_kit.metrics.inference.series import as_rows, check_share
from research_kit.metrics.values import NOISE

LINKED = 3_000  # so many series are compared each with each; of more, those that are nearly the same are joined before
NEARLY_SAME = 0.95
# Of sets of moving averages on noise, so many clusters predict the best of them as well as independent trials would; a
# threshold of 0.5 leaves one cluster, and a Sharpe ratio that looks as if nothing had been chosen.
SAME_IDEA = 0.8
TILE = 256

Matrix32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which trials count as one.

    Attributes
    ----------
    labels : array, shape (sets,)
        The cluster of each set, numbered by first appearance; −1 for a set without returns.
    count : int
        The effective number of trials.
    correlation : float
        Sets that correlate by this much, on average of two clusters, are one.
    """

    labels: NDArray[np.int64]
    count: int
    correlation: float

    def __repr__(self) -> str:
        return f"Clusters({self.count:,} of {len(self.labels):,} trials)"


def cluster_trials(returns: NDArray[Any], *, correlation: float = SAME_IDEA) -> Clusters:
    """Return the clusters of sets whose daily returns correlate: variations of one idea are one trial, not thousands.

    Average linkage on 1 − correlation, cut where clusters correlate by less than ``correlation`` on average. Of more
    than 3,000 series those that correlate by 0.95 are joined first; where that leaves too many, each series joins the
    first one before it with which it correlates enough, or begins a cluster. Nothing is drawn at random. All series
    that never vary are one trial. Memory: one float32 copy of the returns (two where no series is like another), and at
    most 75 MB beside it.
    Source: the idea is that of López de Prado and Lewis, Detection of false investment strategies using unsupervised
    learning methods, 2019; the linkage is Sokal and Michener's.

    Parameters
    ----------
    returns
        Fractions, float32 or float64, shape (sets, days); a row of NaN is a set without returns.
    correlation
        Between 0 and 1.

    Examples
    --------
    >>> a, b = np.array([1.0, -1.0, 1.0, -1.0]), np.array([1.0, 1.0, -1.0, -1.0])
    >>> cluster_trials(np.array([a, 2 * a, b, a + 0.1 * b])).labels
    array([0, 0, 1, 0])
    """
    check_share("correlation", correlation)
    rows, positions = as_rows(returns)
    labels = np.full(len(returns), -1)
    series, moving = _standardised(rows)
    labels[positions[~moving]] = len(positions)  # a label that no other has
    labels[positions[moving]] = _labels(series, correlation)
    return Clusters(_by_appearance(labels), len(np.unique(labels[labels >= 0])), correlation)


def _standardised(rows: NDArray[Any]) -> tuple[Matrix32, NDArray[np.bool_]]:
    """Return the rows that vary with mean 0 and length 1, and which rows these are; a few rows at a time."""
    result = np.empty(rows.shape, np.float32)
    moving = np.zeros(len(rows), dtype=np.bool_)
    filled = 0
    for first in range(0, len(rows), TILE):
        part = rows[first : first + TILE].astype(np.float64)
        largest = np.abs(part).max(axis=1, initial=0.0)
        part -= part.mean(axis=1, keepdims=True) if part.shape[1] else 0.0
        length = np.sqrt(np.einsum("ij,ij->i", part, part))
        varies = length > NOISE * (1.0 + largest) * np.sqrt(max(part.shape[1], 1))
        moving[first : first + TILE] = varies
        count = int(varies.sum())
        result[filled : filled + count] = part[varies] / length[varies, None]
        filled += count
    return result[:filled], moving


def _labels(series: Matrix32, correlation: float) -> NDArray[np.int64]:
    if len(series) <= LINKED:
        return _linked(series, correlation)
    first = _leaders(series, NEARLY_SAME, most=LINKED)
    if first is None:
        whole = _leaders(series, correlation, most=len(series))
        assert whole is not None
        return whole
    leaders = np.unique(first, return_index=True)[1]
    return np.asarray(_linked(series[leaders], correlation)[first])


def _linked(series: Matrix32, correlation: float) -> NDArray[np.int64]:
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(series) < 2:
        return np.zeros(len(series), dtype=np.int64)
    distance = np.empty(len(series) * (len(series) - 1) // 2)
    filled = 0
    for first in range(0, len(series), TILE):
        part = series[first : first + TILE] @ series[first:].T
        for at, row in enumerate(part):
            apart = row[at + 1 :]
            np.subtract(1.0, apart, out=distance[filled : filled + len(apart)])
            filled += len(apart)
    np.maximum(distance, 0.0, out=distance)  # twins correlate by a rounding more than 1
    return np.asarray(fcluster(linkage(distance, "average"), 1.0 - correlation, "distance"), dtype=np.int64)


def _leaders(series: Matrix32, correlation: float, most: int) -> NDArray[np.int64] | None:
    """Return the first earlier series that each is like, numbered; None where there are more than ``most`` of them."""
    labels = np.empty(len(series), dtype=np.int64)
    leaders = np.empty((min(most, 1024), series.shape[1]), np.float32)
    count = 0
    for first in range(0, len(series), TILE):
        tile = series[first : first + TILE]
        new = _join(tile @ leaders[:count].T, tile @ tile.T, correlation, count, labels[first : first + TILE])
        chosen = tile[new]
        if count + len(chosen) > most:
            return None
        while count + len(chosen) > len(leaders):
            grown = np.empty((min(2 * len(leaders), most), series.shape[1]), np.float32)
            grown[:count] = leaders[:count]
            leaders = grown
        leaders[count : count + len(chosen)] = chosen
        count += len(chosen)
    return labels


@compiled
def _join(
    before: Matrix32, within: Matrix32, correlation: float, count: int, labels: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Label a tile of series by the first leader that each is like; return the places of the new leaders."""
    new = np.empty(len(within), dtype=np.int64)
    found = 0
    for at in range(len(within)):
        labels[at] = -1
        for leader in range(count):
            if before[at, leader] >= correlation:
                labels[at] = leader
                break
        if labels[at] < 0:
            for place in range(found):
                if within[at, new[place]] >= correlation:
                    labels[at] = count + place
                    break
        if labels[at] < 0:
            labels[at] = count + found
            new[found] = at
            found += 1
    return new[:found].copy()


def _by_appearance(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the labels numbered in the order in which they appear; −1 stays."""
    there = labels >= 0
    _, first, inverse = np.unique(labels[there], return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    ordered = np.full(len(labels), -1)
    ordered[there] = rank[inverse]
    return ordered
