"""Did two engines do the same work? Asked before any time counts."""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose


class UnequalWorkError(Exception):
    """Two engines did not do the same work: their times must not be compared."""


def check_values(
    engine: str, found: Mapping[str, float], expected: Mapping[str, float], tolerance: float, reference: str
) -> int:
    """Return how many values both have, all equal to a relative tolerance.

    Raises
    ------
    UnequalWorkError
        One differs, or they have none in common.
    """
    common = [name for name in found if name in expected]
    if not common:
        raise UnequalWorkError(f"{engine} and {reference} have no value in common.")
    for name in common:
        if not isclose(found[name], expected[name], rel_tol=tolerance, abs_tol=tolerance * 1e-3):
            raise UnequalWorkError(f"{name} is {found[name]!r} with {engine}, {expected[name]!r} with {reference}.")
    return len(common)
