"""How many tries a result took: everything on its data, as counted and as they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from research_kit.metrics.inference.clusters import cluster_trials
from research_kit.store.database import Database
from research_kit.store.register import Register, read_register, register_mark

if TYPE_CHECKING:
    from research_kit.runs.home import Home


@dataclass(frozen=True)
class Tries:
    """How many things were tried on a market: with every strategy, on its bars and those of their family.

    Parameters
    ----------
    trials
        Different specs, of every kind: completed, failed, cancelled, deleted.
    effective
        How many of them are really different: clusters of daily returns that correlate. Trials without returns (they
        failed) count in proportion, as if they were as much alike as the others.
    register
        The trials themselves.
    """

    trials: int
    effective: float
    register: Register


def count_tries(home: Home, dataset_sha256: str | None) -> Tries:
    """Return how many things were tried on these bars and their family; kept until one is added."""
    mark = register_mark(home.database, dataset_sha256)
    kept = _KEPT.setdefault(home.database, {})
    if dataset_sha256 not in kept or kept[dataset_sha256][0] != mark:
        kept[dataset_sha256] = mark, _tries(home, read_register(home.database, dataset_sha256))
    return kept[dataset_sha256][1]


_KEPT: WeakKeyDictionary[Database, dict[str | None, tuple[tuple[int, int, int], Tries]]] = WeakKeyDictionary()


def _tries(home: Home, register: Register) -> Tries:
    clusters, seen, trials = 0, 0, len(register)
    for group in register.groups():
        clusters += cluster_trials(register.returns(home.database, group)).count
        seen += len(group)
    return Tries(trials, clusters * trials / seen if seen else float(trials), register)
