"""Reality check, SPA and StepM: those of arch where it does what the papers say; noise, and an edge."""

import numpy as np
import pytest

from research_kit.errors import DataError, OptionError
from research_kit.metrics.inference import superior
from research_kit.metrics.inference.resampling import Resampling
from research_kit.metrics.inference.superior import superior_sets

DRAWS = 400


@pytest.fixture(scope="module")
def returns() -> np.ndarray:
    found = np.random.default_rng(0).normal(0.0, 1.0, (12, 300)) * np.linspace(0.002, 0.03, 12)[:, None]
    found[0] += 0.0003
    found[5] -= 0.004  # hopeless
    return found


@pytest.fixture(scope="module")
def comparison():
    from arch.bootstrap import SPA, StepM

    return SPA, StepM


def errors(returns: np.ndarray, block: float) -> np.ndarray:
    return superior._moments(returns, np.zeros(returns.shape[1]), block)[1]


def counted(p_value: float) -> float:
    """Return White's p-value of a share of the samples."""
    return (1 + p_value * DRAWS) / (1 + DRAWS)


@pytest.mark.parametrize("seed", range(3))
def test_p_values_are_those_of_arch(comparison, returns, seed):
    found = superior_sets(returns, resampling=Resampling(draws=DRAWS, seed=seed, block=6))
    plain = comparison[0](np.zeros(300), -returns.T, block_size=6, reps=DRAWS, seed=seed)
    plain.compute()
    assert found.reality_check == pytest.approx(counted(plain.pvalues["upper"]), abs=1e-12)
    scaled = (returns / errors(returns, 6.0)[:, None]).T  # arch does not divide by standard errors
    studentised = comparison[0](np.zeros(300), -scaled, block_size=6, reps=DRAWS, seed=seed)
    studentised.compute()
    expected = [counted(studentised.pvalues[name]) for name in ("lower", "consistent", "upper")]
    assert [found.spa_lower, found.spa, found.spa_upper] == pytest.approx(expected, abs=1e-12)


def test_the_long_run_variance_is_that_of_arch(comparison, returns):
    spa = comparison[0](np.zeros(300), -returns.T, block_size=6, reps=1, seed=0)
    spa.compute()
    assert errors(returns, 6.0) ** 2 == pytest.approx(spa._loss_diff_var, rel=1e-9)


def test_better_sets_are_those_of_arch(comparison, returns):
    better = returns + np.array([0.0008, 0, 0.002, 0, 0, 0, 0, 0.004, 0, 0, 0, 0])[:, None]
    found = superior_sets(better, resampling=Resampling(draws=DRAWS, seed=1, block=6))
    scaled = (better / errors(better, 6.0)[:, None]).T
    step = comparison[1](np.zeros(300), -scaled, block_size=6, reps=DRAWS, seed=1)
    step.compute()
    assert found.superior.tolist() == step.superior_models
    assert len(found.superior) >= 2


def test_one_edge_is_found(edge):
    found = superior_sets(edge)
    assert found.spa == found.reality_check == 1 / 1_001  # never 0
    assert found.superior.tolist() == [17]
    assert repr(found) == "Superior(reality check 0.001, SPA 0.001, 1 sets better)"


def test_noise_is_rarely_taken_for_an_edge(noise):
    few = Resampling(draws=200)
    found = [superior_sets(noise(seed, sets=20, days=150), resampling=few) for seed in range(60)]
    wrong = np.mean([one.spa <= 0.05 for one in found])
    assert wrong <= 0.1
    assert np.mean([len(one.superior) > 0 for one in found]) <= 0.1
    assert 0.35 < np.mean([one.spa_upper for one in found]) < 0.65


def test_a_benchmark_must_be_beaten(edge):
    assert superior_sets(edge, edge[17]).superior.tolist() == []
    assert superior_sets(edge, edge[17]).spa == 1.0
    with pytest.raises(DataError, match="The benchmark has 3 returns"):
        superior_sets(edge, [0.1, 0.2, 0.3])


def test_poor_sets_do_not_dilute(edge):
    crowd = np.concatenate([edge[15:20], np.random.default_rng(0).normal(-0.01, 0.01, (300, 1_000))])
    alone, among = superior_sets(edge[15:20]), superior_sets(crowd)
    assert among.spa == pytest.approx(alone.spa, abs=0.01)
    assert among.spa_upper >= among.spa >= among.spa_lower


def test_all_sets_can_be_better(edge):
    assert superior_sets(edge[17:18]).superior.tolist() == [0]


def test_sets_without_returns_or_movement(edge):
    holes = np.concatenate([np.full((1, 1_000), np.nan), np.zeros((1, 1_000)), edge])
    found = superior_sets(holes)
    assert found.superior.tolist() == [19]
    assert superior_sets(np.zeros((3, 100))) is None
    assert superior_sets(np.zeros((3, 5))) is None
    assert superior_sets(np.empty((0, 100))) is None
    with pytest.raises(OptionError, match="size lies between"):
        superior_sets(edge, size=5)
