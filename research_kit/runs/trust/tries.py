"""How many tries a result took: of its strategy, and of everything on its data, as counted and as they differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from research_kit.metrics.inference.clusters import cluster_trials
from research_kit.store.database import Database
from research_kit.store.register import Register, read_register, register_mark

if TYPE_CHECKING:
    from research_kit.runs.home import Home

FAMILY, DATASET = "family", "dataset"
_WORDS = {FAMILY: "of this strategy on this data", DATASET: "on this data"}


@dataclass(frozen=True)
class Tries:
    """How many things were tried within a scope.

    Parameters
    ----------
    scope
        ``"family"``: this strategy on these bars; ``"dataset"``: everything on these bars.
    trials
        Different specs, of every kind: completed, failed, cancelled, deleted.
    effective
        How many of them are really different: clusters of daily returns that correlate. Trials without returns (they
        failed) count in proportion, as if they were as much alike as the others.
    spread
        Variance of ``Sharpe ratio × √returns`` over the trials that have one; None for fewer than two. Histories of
        different lengths, such as the fits of a walk-forward, so stand beside each other.
    """

    scope: str
    trials: int
    effective: float
    spread: float | None

    @property
    def where(self) -> str:
        """Words that say where they were counted."""
        return _WORDS[self.scope]

    def variance(self, returns: int) -> float | None:
        """Return the variance of the trials' Sharpe ratios, per return, as it is over so many returns."""
        return None if self.spread is None or returns < 1 else self.spread / returns

    @property
    def sentence(self) -> str:
        """What is shown.

        >>> Tries("dataset", 212, 31.0, 0.001).sentence
        '212 trials on this data (31 effective)'
        """
        noun = "trial" if self.trials == 1 else "trials"
        effective = f" ({self.effective:,.0f} effective)" if self.trials > 1 else ""
        return f"{self.trials:,} {noun} {self.where}{effective}"

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Counted:
    """The tries in both scopes."""

    family: Tries
    dataset: Tries

    @property
    def headline(self) -> Tries:
        """The larger scope: the dataset's, of which the family is a part."""
        return self.dataset


def count_tries(home: Home, dataset_sha256: str | None, strategy_name: str) -> Counted:
    """Return how many things were tried on these bars, with this strategy and with all; kept until one is added."""
    key, mark = (dataset_sha256, strategy_name), register_mark(home.database, dataset_sha256)
    kept = _KEPT.setdefault(home.database, {})
    if key in kept and kept[key][0] == mark:
        return kept[key][1]
    register = read_register(home.database, dataset_sha256)
    everything = np.arange(len(register))
    own = everything[np.array([name == strategy_name for name in register.strategy_name], dtype=np.bool_)]
    dataset = _tries(home, DATASET, register, everything)
    family = replace(dataset, scope=FAMILY) if len(own) == len(register) else _tries(home, FAMILY, register, own)
    counted = Counted(family, dataset)
    kept[key] = mark, counted
    return counted


_Key = tuple[str | None, str]
_KEPT: WeakKeyDictionary[Database, dict[_Key, tuple[tuple[int, int, int], Counted]]] = WeakKeyDictionary()


def _tries(home: Home, scope: str, register: Register, positions: NDArray[np.int64]) -> Tries:
    chosen = np.zeros(len(register), dtype=np.bool_)
    chosen[positions] = True
    clusters, seen = 0, 0
    for group in register.groups():
        members = group[chosen[group]]
        if len(members):
            clusters += cluster_trials(register.returns(home.database, members)).count
            seen += len(members)
    trials = len(positions)
    effective = clusters * trials / seen if seen else float(trials)
    return Tries(scope, trials, effective, register.spread(positions))
