"""The probability of overfitting: a second, slow way to it, noise, and an edge."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import rankdata

from research_kit.errors import OptionError
from research_kit.metrics.inference import cscv
from research_kit.metrics.inference.cscv import probability_of_overfitting


def slowly(returns: np.ndarray, blocks: int) -> tuple[list[int], list[float], list[float], list[float]]:
    """Return chosen sets, their performances and logits, as the paper's text says it."""
    sets, days = returns.shape
    pieces = [returns[:, at * days // blocks : (at + 1) * days // blocks] for at in range(blocks)]
    chosen, inside, outside, logits = [], [], [], []
    for half in combinations(range(blocks), blocks // 2):
        here = np.concatenate([pieces[at] for at in half], axis=1)
        there = np.concatenate([pieces[at] for at in range(blocks) if at not in half], axis=1)
        first, second = (part.mean(axis=1) / part.std(axis=1, ddof=1) for part in (here, there))
        best = int(np.argmax(first))
        share = rankdata(second)[best] / (sets + 1)
        chosen.append(best)
        inside.append(first[best])
        outside.append(second[best])
        logits.append(np.log(share / (1 - share)))
    return chosen, inside, outside, logits


@pytest.mark.parametrize(("sets", "days", "blocks"), [(5, 60, 4), (12, 101, 6), (30, 163, 8), (2, 24, 10)])
def test_it_is_what_the_paper_says(sets, days, blocks):
    returns = np.random.default_rng(sets).normal(0.0005, 0.01, (sets, days))
    found = probability_of_overfitting(returns, blocks=blocks)
    chosen, inside, outside, logits = slowly(returns, blocks)
    assert found.chosen.tolist() == chosen
    assert found.in_sample == pytest.approx(inside, rel=1e-9)
    assert found.out_of_sample == pytest.approx(outside, rel=1e-9)
    assert found.logits == pytest.approx(logits, rel=1e-9)
    assert found.pbo == np.mean(np.array(logits) <= 0)


def test_the_distributions_are_those_of_all_halves(monkeypatch, noise):
    monkeypatch.setattr(cscv, "CELLS", 100)  # many small parts
    returns = noise(3, sets=7, days=64).astype(np.float64)
    found = probability_of_overfitting(returns, blocks=4)
    every = []
    for half in combinations(range(4), 2):
        there = np.concatenate([returns[:, at * 16 : at * 16 + 16] for at in range(4) if at not in half], axis=1)
        every.append(there.mean(axis=1) / there.std(axis=1, ddof=1))
    expected = np.searchsorted(np.sort(np.ravel(every)), found.levels + 1e-12, "right") / np.size(every)
    assert found.any_below == pytest.approx(expected, abs=1e-9)
    assert found.levels[[0, -1]] == pytest.approx([np.min(every), np.max(every)])
    assert found.chosen_below[-1] == found.any_below[-1] == 1.0


def test_noise_is_overfitted(noise):
    found = [probability_of_overfitting(noise(seed, sets=30, days=240), blocks=10).pbo for seed in range(40)]
    assert np.mean(found) > 0.45  # one of them may be anything: the halves of one history depend on each other


def test_one_real_edge_is_not(edge):
    found = probability_of_overfitting(edge, blocks=10)
    assert found.pbo < 0.01
    assert found.constancy > 0.99
    assert found.probability_of_loss < 0.01
    assert found.first_order_dominance
    assert found.second_order_dominance
    assert np.bincount(found.chosen).argmax() == 17
    assert repr(found) == f"Overfit(PBO {found.pbo:.3f}: 60 sets, 1,000 days, 252 halves)"


def test_what_fits_the_past_best_is_worst_afterwards():
    generator = np.random.default_rng(0)
    days = np.arange(400)
    waves = np.array([0.01 * np.sign(np.sin(days * 2 * np.pi / 200 + phase)) for phase in np.linspace(0, 6, 20)])
    found = probability_of_overfitting(waves + generator.normal(0, 0.001, waves.shape), blocks=8)
    assert found.degradation.slope < -0.5
    assert not found.first_order_dominance
    assert found.degradation.r_squared <= 1.0


def test_sets_that_failed_keep_their_positions(edge):
    holes = edge.copy()
    holes[[0, 3]] = np.nan
    found = probability_of_overfitting(holes, blocks=4)
    assert found.sets == 58
    assert np.bincount(found.chosen).argmax() == 17


def test_sets_that_never_trade_share_one_rank():
    generator = np.random.default_rng(1)
    returns = np.zeros((11, 100))
    returns[4] = generator.normal(-0.01, 0.01, 100)
    found = probability_of_overfitting(returns, blocks=4)
    assert (found.chosen != 4).all()
    assert (found.out_of_sample == 0.0).all()
    assert found.logits == pytest.approx(np.log(6.5 / 5.5))  # the mean of ranks 2 to 11, of 11


def test_a_set_that_rests_in_one_half_is_worth_nothing_there():
    generator = np.random.default_rng(2)
    returns = np.zeros((2, 80))
    returns[0, :40] = generator.normal(0.003, 0.01, 40)
    returns[1] = generator.normal(-0.001, 0.01, 80)
    found = probability_of_overfitting(returns, blocks=2)
    assert found.chosen.tolist() == [0, 0]  # in the other half, nothing was better than a loss
    assert (found.out_of_sample[0], found.in_sample[1]) == (0.0, 0.0)


@pytest.mark.parametrize("shape", [(1, 100), (0, 100), (5, 7), (5, 0)])
def test_too_little_is_undefined(shape):
    assert probability_of_overfitting(np.zeros(shape), blocks=4) is None


def test_equal_sets_have_no_line(noise):
    found = probability_of_overfitting(np.zeros((3, 40)), blocks=4)
    assert found.degradation is None
    assert found.pbo == 1.0  # the median itself counts as overfitted


@pytest.mark.parametrize("blocks", [3, 0, 22, True, -2])
def test_blocks_that_cannot_be_halved(blocks):
    with pytest.raises(OptionError, match="even number from 2 to 20"):
        probability_of_overfitting(np.zeros((2, 100)), blocks=blocks)
