"""How a cost grows with the amount of work: the exponent of a power law, by least squares on logarithms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST = 3  # points
STEEP = 1.1  # an exponent above it is flagged: more than linear, and more than noise


@dataclass(frozen=True)
class Fit:
    """An exponent, and the amounts of work that it was fitted to."""

    exponent: float
    amounts: tuple[float, ...]

    @property
    def is_steep(self) -> bool:
        return self.exponent > STEEP


def fit(amounts: Sequence[float], costs: Sequence[float], floor: float = 0.0) -> Fit | None:
    """Return the exponent over the larger half of the amounts, at least ``LEAST`` of them.

    Small amounts cost mostly what every run costs; they would make any growth look flat. Costs of at most ``floor`` are
    left out; None where fewer than ``LEAST`` points are left.

    >>> round(fit([1, 10, 100, 1000], [5, 10, 100, 1000]).exponent, 6)
    1.0
    """
    points = sorted((amount, cost) for amount, cost in zip(amounts, costs, strict=True) if cost > floor and amount > 0)
    used = points[-max(LEAST, (len(points) + 1) // 2) :]
    if len(used) < LEAST or used[0][0] == used[-1][0]:
        return None
    logs = np.log(np.array(used))
    slope, _ = np.polyfit(logs[:, 0], logs[:, 1], 1)
    return Fit(float(slope), tuple(amount for amount, _ in used))
