"""What those need who let a user ask for a search: ranges, methods, and how many sets come of what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from research_kit.search.space import Between, Space, between
from research_kit.search.sweep import METHODS, SweepProgress
from research_kit.search.where import chosen
from research_kit.strategy.base import Strategy

__all__ = ["COUNTED", "METHODS", "Between", "SweepProgress", "between", "count_sets"]

COUNTED = 1_000_000  # sets for each of which a condition is looked at; of more, all are counted


def count_sets(strategy: type[Strategy], grid: Mapping[str, Any], where: str | None = None) -> int | None:
    """Return how many sets a grid has, those for which ``where`` holds; None where a range has no steps.

    The strategy may still refuse some of them.

    Raises
    ------
    ParameterError, OptionError
        Something is misspelt, or no set fulfils the condition.

    Examples
    --------
    >>> from research_kit.strategy.library import SmaCross
    >>> count_sets(SmaCross, {"fast": [5, 10, 20], "slow": between(10, 20, 5)}, "fast < slow")
    5
    """
    space = Space(strategy, grid)
    size = space.size
    return size if size is None or where is None or size > COUNTED else len(chosen(space.grid(), where))
