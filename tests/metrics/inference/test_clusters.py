"""How many trials are different: twins are one, strangers are many, and large searches agree with small ones."""

import numpy as np
import pytest

from research_kit.errors import OptionError
from research_kit.metrics.inference import clusters
from research_kit.metrics.inference.clusters import cluster_trials


def ideas(count: int, each: int, days: int = 300, apart: float = 0.2, seed: int = 0) -> np.ndarray:
    """Return variations of a few ideas, shuffled, which correlate by 1 / (1 + apart²) within one."""
    generator = np.random.default_rng(seed)
    base = np.repeat(generator.normal(size=(count, days)), each, axis=0)
    returns = 0.01 * (base + apart * generator.normal(size=base.shape))
    return returns[generator.permutation(len(returns))].astype(np.float32)


def test_strangers_are_as_many_as_they_are(noise):
    assert cluster_trials(noise(0, sets=80)).count == 80


def test_variations_of_an_idea_are_one():
    assert cluster_trials(ideas(7, 20)).count == 7


def test_twins_mirrors_and_scales():
    a = np.array([0.1, -0.2, 0.3, 0.0])
    found = cluster_trials(np.array([a, a, 5.0 * a + 0.01, -a]))
    assert found.labels.tolist() == [0, 0, 0, 1]


def test_sets_without_returns_or_movement():
    a = np.array([0.1, -0.2, 0.3])
    found = cluster_trials(np.array([np.full(3, np.nan), np.zeros(3), a, np.full(3, 0.01)]))
    assert found.labels.tolist() == [-1, 0, 1, 0]
    assert found.count == 2
    assert repr(found) == "Clusters(2 of 4 trials)"


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0, 0)])
def test_nothing_is_no_trial(shape):
    assert cluster_trials(np.empty(shape)).count == (1 if shape[0] else 0)
    assert len(cluster_trials(np.empty(shape)).labels) == shape[0]


def test_a_large_search_agrees_with_a_small_one(monkeypatch):
    returns = ideas(12, 30)
    small = cluster_trials(returns)
    monkeypatch.setattr(clusters, "LINKED", 100)
    monkeypatch.setattr(clusters, "NEARLY_SAME", 0.93)
    joined = cluster_trials(returns)  # nearly the same first, then linked
    assert joined.labels.tolist() == small.labels.tolist()
    monkeypatch.setattr(clusters, "LINKED", 5)
    led = cluster_trials(returns)  # leaders alone
    assert led.count == small.count == 12


def test_the_leaders_cross_tiles(monkeypatch, noise):
    monkeypatch.setattr(clusters, "LINKED", 10)
    monkeypatch.setattr(clusters, "TILE", 16)
    returns = np.concatenate([noise(1, sets=50), 2 * noise(1, sets=50)])
    assert cluster_trials(returns).labels.tolist() == [*range(50), *range(50)]


def test_more_than_the_first_room_for_leaders(monkeypatch):
    monkeypatch.setattr(clusters, "LINKED", 10)
    returns = np.random.default_rng(0).normal(size=(1_500, 60)).astype(np.float32)
    assert cluster_trials(returns, correlation=0.9).count == 1_500


def test_a_lower_threshold_never_finds_more():
    returns = ideas(20, 5, apart=0.8)
    counts = [cluster_trials(returns, correlation=threshold).count for threshold in (0.2, 0.4, 0.6, 0.8, 0.95)]
    assert counts == sorted(counts)


def test_a_correlation_that_is_none():
    with pytest.raises(OptionError, match="correlation lies between 0 and 1"):
        cluster_trials(np.zeros((2, 2)), correlation=80)
