"""Haircuts: what is undefined, what is never gained."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.errors import DataError, OptionError
from research_kit.metrics.inference.haircut import METHODS, adjusted_p_values, haircuts, sharpe_p_values

SHARES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20)


@settings(deadline=None)
@given(values=SHARES, method=st.sampled_from(METHODS), more=st.integers(0, 50))
def test_no_p_value_falls_and_order_is_kept(values, method, more):
    adjusted = adjusted_p_values(values, method, tests=len(values) + more)
    assert ((adjusted >= np.array(values) * (1 - 1e-12)) & (adjusted <= 1.0)).all()
    assert (np.diff(adjusted[np.argsort(values)]) >= -1e-12).all()


@pytest.mark.parametrize("method", METHODS)
def test_one_test_pays_nothing(method):
    assert adjusted_p_values([0.03], method) == pytest.approx([0.03])


def test_the_haircut_of_one_test_is_none():
    found = haircuts([0.1], 500)
    assert {name: cut.haircut for name, cut in found.items()} == pytest.approx(dict.fromkeys(METHODS, 0.0), abs=1e-9)


def test_more_tests_take_more():
    for method in METHODS:
        left = [haircuts([0.15], 500, tests=count)[method].sharpe for count in (1, 10, 100, 10_000)]
        assert left == sorted(left, reverse=True)


def test_the_best_is_chosen_unless_another_is():
    sharpes = [np.nan, 0.02, 0.2, -0.1]
    assert haircuts(sharpes, 500)["holm"].p_value == pytest.approx(sharpe_p_values(0.2, 500))
    loser = haircuts(sharpes, 500, chosen=3)["holm"]
    assert loser.sharpe <= 0.0
    assert loser.haircut is None
    assert loser.tests == 4  # what failed was tried
    assert haircuts(sharpes, 500, chosen=0) == {}
    assert haircuts([np.nan], 500) == {}


def test_an_overwhelming_ratio_keeps_its_digits():
    cut = haircuts([0.9], 1_000, tests=1_000)["bonferroni"]
    assert 0.0 < cut.adjusted_p_value < 1e-100
    assert 0.85 < cut.sharpe < 0.9


def test_shidak_of_the_best_of_noise_is_even():
    generator = np.random.default_rng(0)
    found = []
    for _ in range(400):
        returns = generator.normal(size=(20, 200))
        sharpes = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
        found.append(adjusted_p_values(sharpe_p_values(sharpes, 200), "sidak").min())
    assert np.quantile(found, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.06)


def test_wrong_input():
    with pytest.raises(DataError, match="between 0 and 1"):
        adjusted_p_values([1.5])
    with pytest.raises(OptionError, match="Did you mean 'holm'"):
        adjusted_p_values([0.5], "holms")
    with pytest.raises(OptionError, match="at least the number of p-values, 2"):
        adjusted_p_values([0.5, 0.5], tests=1)
    with pytest.raises(OptionError, match="n must be at least 2"):
        sharpe_p_values([0.1], 1)
