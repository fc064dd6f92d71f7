import numpy as np
import pytest

from research_kit.metrics.moments import downside_deviation, kurtosis, moments, skew


def test_moments_by_hand():
    sample = moments([1.0, 2.0, 6.0])
    assert sample == pytest.approx((3, 3.0, 14 / 3, 6.0, 98 / 3, 6.0))
    assert sample.deviation == pytest.approx(np.sqrt(7.0))


def test_moments_of_moments_are_themselves():
    sample = moments([1.0, 2.0])
    assert moments(sample) is sample


def test_moments_agree_with_numpy(walk):
    sample, centred = moments(walk), walk - walk.mean()
    assert sample.mean == pytest.approx(walk.mean(), rel=1e-13)
    assert sample.deviation == pytest.approx(walk.std(ddof=1), rel=1e-12)
    assert sample.skew == pytest.approx(np.mean(centred**3) / walk.std() ** 3, rel=1e-10)
    assert sample.kurtosis == pytest.approx(np.mean(centred**4) / walk.var() ** 2, rel=1e-10)


def test_kurtosis_is_raw():
    assert kurtosis(np.random.default_rng(0).normal(size=200_000)) == pytest.approx(3.0, abs=0.05)


def test_skew_is_negative_for_a_tail_of_losses():
    assert skew([0.01, 0.01, 0.01, -0.09]) < -1.0


def test_rounding_is_not_spread():
    equity = 100.0 * 1.01 ** np.arange(50)
    sample = moments(equity[1:] / equity[:-1] - 1.0)
    assert sample.m2 > 0.0  # the returns do differ, in their last digit
    assert (sample.deviation, sample.skew, sample.kurtosis) == (0.0, None, None)


@pytest.mark.parametrize(("values", "deviation"), [([], None), ([0.1], None), ([0.1, 0.1], 0.0)])
def test_too_little_to_vary(values, deviation):
    assert moments(values).deviation == deviation
    assert skew(values) is None
    assert kurtosis(values) is None


def test_downside_counts_all_returns():
    assert downside_deviation([0.05, -0.03, 0.05, -0.04]) == pytest.approx(np.sqrt(0.0025 / 4))
    assert downside_deviation([0.02, 0.0], threshold=0.01) == pytest.approx(np.sqrt(0.0001 / 2))
    assert downside_deviation([0.01, 0.02]) == 0.0
    assert downside_deviation([]) is None
