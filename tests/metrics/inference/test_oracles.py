"""Figures of the papers, and of other implementations of them."""

import math

import numpy as np
import pandas as pd
import pytest

from research_kit.metrics.inference.cscv import probability_of_overfitting
from research_kit.metrics.inference.haircut import adjusted_p_values, haircuts
from research_kit.metrics.inference.luck import (
    deflated_sharpe_ratio,
    expected_maximum,
    expected_maximum_sharpe,
    minimum_backtest_length,
)
from research_kit.metrics.inference.sharpe import (
    SharpeEstimate,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    sharpe_estimate,
)

PAPER = SharpeEstimate(2.5 / math.sqrt(250), n=1250, skew=-3, kurtosis=10)
SPREAD = 0.5 / 250  # variance of yearly ratios over the trials, per day


def test_deflated_sharpe_ratio_of_the_paper():
    assert expected_maximum_sharpe(100, SPREAD) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe_ratio(PAPER, trials=100, variance=SPREAD) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe_ratio(PAPER, trials=46, variance=SPREAD) == pytest.approx(0.9505, abs=5e-5)
    normal = PAPER._replace(skew=0, kurtosis=3)
    assert deflated_sharpe_ratio(normal, trials=88, variance=SPREAD) == pytest.approx(0.9505, abs=5e-5)


def test_deflated_sharpe_ratio_to_all_digits():
    assert expected_maximum_sharpe(100, SPREAD) == pytest.approx(0.11317200186513214, rel=1e-12)
    assert deflated_sharpe_ratio(PAPER, trials=100, variance=SPREAD) == pytest.approx(0.90039683444939034, rel=1e-12)
    assert deflated_sharpe_ratio(PAPER, trials=46, variance=SPREAD) == pytest.approx(0.9505017068755787, rel=1e-12)
    normal = PAPER._replace(skew=0, kurtosis=3)
    assert deflated_sharpe_ratio(normal, trials=88, variance=SPREAD) == pytest.approx(0.9504908166760139, rel=1e-12)


def test_probabilistic_sharpe_ratio_of_the_paper():
    month = SharpeEstimate(0.458, n=24, skew=-2.448, kurtosis=10.164)
    assert probabilistic_sharpe_ratio(month) == pytest.approx(0.913361083860933, rel=1e-12)
    assert probabilistic_sharpe_ratio(SharpeEstimate(0.458, n=24)) == pytest.approx(0.9816749190910771, rel=1e-12)
    exact = month._replace(sharpe=1.585 / math.sqrt(12))
    assert probabilistic_sharpe_ratio(exact) == pytest.approx(0.91323430688486018, rel=1e-12)


@pytest.mark.parametrize(
    ("year", "sharpe", "least", "skew", "kurtosis", "expected"),
    [
        (250, 2, 1, 0, 3, 2.73118780172818),  # by hand: 1.008 × 1.6448536269514722² + 1 / 250
        (252, 2, 1, 0, 3, 2.7309842751596634),
        (52, 2, 1, 0, 3, 2.8288335869452368),
        (12, 2, 1, 0, 3, 3.239800696444647),
        (12, 3, 2.5, -0.72, 5.78, 27.352920196040301),
    ],
)
def test_minimum_track_record_length_of_the_paper(year, sharpe, least, skew, kurtosis, expected):
    period = SharpeEstimate(sharpe / math.sqrt(year), 0, skew, kurtosis)
    found = minimum_track_record_length(period, least / math.sqrt(year))
    assert found / year == pytest.approx(expected, rel=1e-12)


def test_expected_maximum_and_minimum_backtest_length_of_the_paper():
    assert expected_maximum(10) == pytest.approx(1.57459830134575, rel=1e-12)
    assert expected_maximum(45) == pytest.approx(2.2356401777664052, rel=1e-12)
    assert expected_maximum(100) == pytest.approx(2.5306028932016846, rel=1e-12)
    assert minimum_backtest_length(45) == pytest.approx(4.9980870044434038, rel=1e-12)


def test_the_tiny_matrix_by_hand(oracles):
    tiny = oracles["cscv_tiny"]
    found = probability_of_overfitting(np.array(tiny["matrix_T_by_N"]).T, blocks=tiny["S"])
    assert len(found.logits) == tiny["combinations"]
    assert found.pbo == pytest.approx(tiny["pbo"], rel=1e-12)
    assert sorted(found.logits) == pytest.approx(tiny["logits_sorted"], rel=1e-12)


@pytest.mark.real_data
@pytest.mark.parametrize(("row", "file", "column"), [(0, "mplfinance/yahoofinance-SPY-20080101-20180101.csv", "Close")])
def test_the_market_itself(oracles, shared_data, row, file, column):
    closes = pd.read_csv(shared_data / file)[column].to_numpy(float)
    estimate = sharpe_estimate(closes[1:] / closes[:-1] - 1.0)
    assert probabilistic_sharpe_ratio(estimate) == pytest.approx(oracles["series"][row]["psr_vs_0"], rel=1e-9)


SIX = [0.005, 0.009, 0.0128, 0.0135, 0.045, 0.06]  # Harvey, Liu and Zhu, ... and the cross-section of expected returns


def test_six_tests_of_harvey_liu_and_zhu():
    assert adjusted_p_values(SIX, "bonferroni") == pytest.approx([0.03, 0.054, 0.0768, 0.081, 0.27, 0.36])
    assert adjusted_p_values(SIX, "holm") == pytest.approx([0.03, 0.045, 0.0512, 0.0512, 0.09, 0.09])
    # They leave the largest p-value as it is; Benjamini and Yekutieli, and we, do not.
    assert adjusted_p_values(SIX, "bhy") == pytest.approx([0.0496125] * 4 + [0.1323, 0.147])


@pytest.mark.parametrize(
    ("ours", "theirs"), [("bonferroni", "bonferroni"), ("sidak", "sidak"), ("holm", "holm"), ("bhy", "fdr_by")]
)
def test_corrections_are_those_of_statsmodels(ours, theirs):
    from statsmodels.stats.multitest import multipletests

    values = np.random.default_rng(2).uniform(size=50) ** 4
    assert adjusted_p_values(values, ours) == pytest.approx(multipletests(values, method=theirs)[1], rel=1e-9)


def test_the_opening_example_of_harvey_and_liu():
    # A yearly ratio of 0.75 over 20 years of months, 200 tests: they find about 0.32, a haircut of about 60 %.
    left = haircuts([0.75 / math.sqrt(12)], 240, tests=200)["sidak"]
    assert left.sharpe * math.sqrt(12) == pytest.approx(0.32, abs=0.02)
    assert left.haircut == pytest.approx(0.6, abs=0.03)
