"""Searches whose truth is known: noise, one real edge among noise, and variations of a few ideas."""

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture(scope="session")
def noise() -> Callable[..., np.ndarray]:
    """Return what makes daily returns without skill, float32 of shape (sets, days), by seed."""

    def make(seed: int, sets: int = 40, days: int = 500) -> np.ndarray:
        return np.random.default_rng(seed).normal(0.0, 0.01, (sets, days)).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def edge(noise) -> np.ndarray:
    """Return 60 sets of which the one at 17 has a yearly Sharpe ratio of about 4."""
    returns = noise(5, sets=60, days=1_000)
    returns[17] += np.float32(0.0025)
    return returns
