"""Words for what was run: names and values in a line, searched values, trials, the name of a dataset, even if gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from research_kit.errors import NotFoundError
from research_kit.store.datasets import find_dataset

if TYPE_CHECKING:
    from research_kit.runs.home import Home

MOST_VALUES = 12  # that are listed of one parameter


def pairs_text(values: Mapping[str, Any]) -> str:
    """Return names and values in one line.

    >>> pairs_text({"fast": 10, "commission": 0.001})
    'fast=10, commission=0.001'
    """
    return ", ".join(f"{name}={value}" for name, value in values.items())


def searched_text(values: Mapping[str, Sequence[Any]]) -> str:
    """Return for each parameter the values that were tried, of many the first, the last and how many.

    >>> searched_text({"fast": [5, 10], "slow": list(range(20, 200))})
    'fast: 5, 10 · slow: 20 … 199 (180 values)'
    """
    return " · ".join(f"{name}: {_listed(list(listed))}" for name, listed in values.items())


def trials_text(count: int) -> str:
    """Return how many trials there were.

    >>> trials_text(1), trials_text(1_200)
    ('1 trial', '1,200 trials')
    """
    return f"{count:,} trial{'' if count == 1 else 's'}"


def dataset_name(home: Home, dataset_id: int | None) -> str:
    """Return the name of a dataset, or that it was deleted."""
    try:
        return find_dataset(home.database, dataset_id or 0).name
    except NotFoundError:
        return "a deleted dataset"


def _listed(values: list[Any]) -> str:
    words = [f"{value:.6g}" if isinstance(value, float) else str(value) for value in values]
    if len(words) <= MOST_VALUES:
        return ", ".join(words)
    return f"{words[0]} … {words[-1]} ({len(words):,} values)"
