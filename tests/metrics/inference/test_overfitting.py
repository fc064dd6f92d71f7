"""The line and the table: what they say, what is undefined, and that noise is told from an edge."""

import math

import numpy as np
import pytest

from research_kit.errors import DataError
from research_kit.metrics.inference.headline import headline
from research_kit.metrics.inference.luck import deflated_sharpe_ratio
from research_kit.metrics.inference.overfitting import Overfitting
from research_kit.metrics.inference.resampling import Resampling
from research_kit.metrics.inference.sharpe import probabilistic_sharpe_ratio, sharpe_estimate
from research_kit.metrics.performance import sharpe_ratio

FEW = Resampling(draws=200)


@pytest.fixture(scope="module")
def daily() -> np.ndarray:
    return np.random.default_rng(4).normal(0.0008, 0.01, 1_000)


def line(returns, **given):
    return headline(returns, **({"periods_per_year": 252, "trials": 1, "resampling": FEW} | given))


def test_the_line(daily):
    found = line(daily, trials=1_212, effective=31)
    assert str(found).startswith("Sharpe 1.10 [")
    assert str(found).endswith("] · 1,212 trials on this data (31 effective) · deflated 0.13")
    assert found._repr_html_() == f"<p>{found}</p>"


def test_one_trial_is_not_deflated(daily):
    found = line(daily, effective=1)
    assert found.deflated == found.probabilistic
    assert found.luck == 0.0
    assert "· 1 trial on this data ·" in str(found)


def test_the_numbers_are_those_of_the_functions(daily):
    found = line(daily, trials=50, sharpe_variance=0.002, risk_free_rate=0.02)
    estimate = sharpe_estimate(daily, periodic_rate=0.02 / 252)
    assert found.sharpe_ratio == pytest.approx(sharpe_ratio(daily, periods_per_year=252, risk_free_rate=0.02))
    assert found.deflated == deflated_sharpe_ratio(estimate, trials=50, variance=0.002)
    assert found.years == pytest.approx(1_000 / 252)
    assert (found.low, found.high) == (found.intervals["sharpe_ratio"].low, found.intervals["sharpe_ratio"].high)
    assert found.reasons == {}


@pytest.mark.parametrize(
    ("returns", "why"), [([], "fewer than 2"), ([0.0] * 50, "do not vary"), ([-0.01, 0.002] * 30, "not above 0")]
)
def test_what_is_undefined_has_its_reason(returns, why):
    found = line(returns, trials=3)
    numbers = ("sharpe_ratio", "probabilistic", "luck", "deflated", "track_record", "low", "high")
    for name in numbers:
        assert (getattr(found, name) is None) == (name in found.reasons), name
    assert any(why in reason for reason in found.reasons.values())
    if not returns:
        assert str(found) == "Sharpe – · 3 trials on this data · deflated –"


def test_the_best_of_noise_is_deflated_to_the_middle(noise):
    found, alone = [], []
    for seed in range(100):
        returns = noise(seed, sets=50, days=250)
        sharpes = returns.mean(axis=1, dtype=float) / returns.std(axis=1, ddof=1, dtype=float)
        best = sharpe_estimate(returns[np.argmax(sharpes)])
        found.append(deflated_sharpe_ratio(best, trials=50, variance=sharpes.var(ddof=1)))
        alone.append(probabilistic_sharpe_ratio(best))
    assert np.mean(alone) > 0.95  # as if nothing else had been tried
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)
    assert np.mean(np.array(found) > 0.95) <= 0.05


def test_a_single_trial_of_noise_is_even():
    """With one trial the deflated ratio is uniform; of the best of many it lies nearer to the middle."""
    rows = np.random.default_rng(3).normal(0.0, 0.01, (1_000, 250))
    found = np.array([deflated_sharpe_ratio(sharpe_estimate(row), trials=1, variance=0.0) for row in rows])
    gap = np.abs(np.sort(found) - (np.arange(1_000) + 0.5) / 1_000).max()
    assert gap < 1.63 / math.sqrt(1_000)  # Kolmogorov and Smirnov, 1 %


def test_noise_is_told_from_an_edge(noise, edge):
    lucky = Overfitting.of(noise(1, sets=60, days=1_000), periods_per_year=252, resampling=FEW)
    assert "Luck" in lucky.verdict
    assert lucky.deflated < 0.95
    real = Overfitting.of(edge, periods_per_year=252, resampling=FEW)
    assert real.chosen == 17
    assert real.deflated > 0.95
    assert real.pbo < 0.01
    assert real.verdict.startswith("Luck alone is an unlikely explanation")
    assert real.superior.superior.tolist() == [17]
    assert "PBO 0.00" in repr(real)


def test_every_statistic_has_a_meaning(edge):
    found = Overfitting.of(edge, periods_per_year=252, resampling=FEW)
    assert {"sharpe_ratio", "deflated", "pbo", "spa", "superior", "haircut_holm", "effective"} <= set(found.statistics)
    for name, one in found.statistics.items():
        assert one.name == name
        assert one.title
        assert one.meaning.endswith((".", "undefined")) or one.value is None
        assert one.value is None or math.isfinite(one.value)
    assert list(found.table.columns) == ["title", "value", "shown", "meaning"]
    page = found._repr_html_()
    assert page.count("<tr>") == len(found.statistics)
    assert found.verdict.replace("'", "&#x27;") in page


def test_trials_elsewhere_count(edge):
    here, everywhere = (
        Overfitting.of(edge, periods_per_year=252, trials=count, scope="on this data", resampling=FEW)
        for count in (None, 5_000)
    )
    assert everywhere.headline.trials == 5_000
    assert everywhere.headline.effective is None
    assert everywhere.deflated < here.deflated
    assert everywhere.haircuts["holm"].sharpe < here.haircuts["holm"].sharpe


def test_a_rate_without_risk_must_be_beaten(edge):
    found = Overfitting.of(edge, periods_per_year=252, risk_free_rate=0.6, resampling=FEW)
    assert found.headline.sharpe_ratio == pytest.approx(
        sharpe_ratio(edge[17].astype(float), periods_per_year=252, risk_free_rate=0.6)
    )
    assert found.superior.spa > 0.05


@pytest.mark.parametrize(("shape", "missing"), [((1, 300), "overfit"), ((5, 8), "overfit"), ((5, 8), "superior")])
def test_a_small_search_says_what_it_cannot_tell(shape, missing):
    returns = np.random.default_rng(0).normal(0.0, 0.01, shape)
    found = Overfitting.of(returns, periods_per_year=252, resampling=FEW)
    assert getattr(found, missing) is None
    assert found.reasons[missing].startswith("fewer than")
    assert found.verdict
    assert found._repr_html_()


def test_failed_sets_are_trials(edge):
    holes = np.concatenate([np.full((40, 1_000), np.nan, np.float32), edge])
    found = Overfitting.of(holes, periods_per_year=252, resampling=FEW)
    assert (found.chosen, found.headline.trials, found.clusters.count) == (57, 100, 60)


def test_nothing_to_judge(edge):
    with pytest.raises(DataError, match="No set has daily returns that vary"):
        Overfitting.of(np.zeros((3, 50)), periods_per_year=252)
    with pytest.raises(DataError, match="Set 70 has no daily returns"):
        Overfitting.of(edge, periods_per_year=252, chosen=70)


def test_the_same_seed_gives_the_same_words(edge):
    same = [Overfitting.of(edge[:20], periods_per_year=252, resampling=FEW)._repr_html_() for _ in range(2)]
    assert same[0] == same[1]
