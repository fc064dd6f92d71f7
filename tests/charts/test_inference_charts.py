"""Charts of overfitting, deflation and Monte Carlo: what is drawn, and what is said where there is nothing to draw."""

from dataclasses import replace

import numpy as np
import pytest

from research_kit.charts.backtests.monte_carlo import fan_data, fan_figure
from research_kit.charts.searches.deflation import deflation_data, deflation_figure
from research_kit.charts.searches.overfitting import degradation_data, degradation_figure, logits_data, logits_figure
from research_kit.metrics.inference.cscv import probability_of_overfitting
from research_kit.metrics.inference.headline import headline
from research_kit.metrics.inference.monte_carlo import monte_carlo
from research_kit.metrics.inference.resampling import Resampling

FEW = Resampling(draws=100)


@pytest.fixture(scope="module")
def overfit():
    return probability_of_overfitting(np.random.default_rng(0).normal(0.0, 0.01, (21, 200)), blocks=8)


@pytest.fixture(scope="module")
def daily():
    return np.random.default_rng(4).normal(0.001, 0.01, 500)


def words(figure):
    return figure.layout.title.subtitle.text.replace("\u00a0", " ").replace("<br>", " ")


def test_the_histogram_counts_every_way_and_agrees_with_the_probability(overfit):
    data = logits_data(overfit)
    middles = (data.edges[:-1] + data.edges[1:]) / 2
    assert data.counts.sum() == len(overfit.logits) == 70
    assert data.counts[middles < 0].sum() / 70 == overfit.pbo == data.pbo
    assert np.isclose(data.edges, 0.0).any()


@pytest.mark.parametrize("logits", [[0.0, 0.0], [-5.0, 5.0], [1e-9, -1e-9], [0.3]])
def test_a_logit_of_zero_is_overfitted(overfit, logits):
    made = replace(overfit, logits=np.array(logits))
    data = logits_data(made)
    below = data.edges[1:] <= 1e-12
    assert data.counts[below].sum() == np.count_nonzero(np.array(logits) <= 0.0)


def test_what_is_overfitted_is_hatched(overfit):
    figure = logits_figure(logits_data(overfit))
    worse, better = figure.data
    assert max(worse.x) < 0 < min(better.x)
    assert (worse.marker.pattern.shape, better.marker.pattern.shape) == ("/", "")
    assert sum(worse.y) + sum(better.y) == pytest.approx(1.0)
    assert f"{overfit.pbo:.0%} at or below 0" in words(figure)


def test_points_of_the_degradation_are_yearly(overfit):
    data = degradation_data(overfit, 252)
    assert data.promised == pytest.approx(overfit.in_sample * np.sqrt(252))
    line = np.polyfit(data.promised, data.kept, 1)
    assert (data.line.slope, data.line.intercept) == pytest.approx(tuple(line))
    lost, earned, *_ = degradation_figure(data).data
    assert len(lost.x) + len(earned.x) == 70
    assert (np.array(lost.y) < 0).all()
    assert lost.marker.symbol != earned.marker.symbol


def test_many_ways_are_sampled_and_said(overfit):
    data = degradation_data(overfit, 252, most=20)
    assert len(data.kept) == 20
    assert "20 of 70 ways shown" in words(degradation_figure(data))
    assert data.line == degradation_data(overfit, 252).line


def test_deflation_falls_and_marks_what_was_tried(daily):
    found = headline(daily, periods_per_year=252, trials=40, effective=5, resampling=FEW)
    data = deflation_data(found)
    assert (np.diff(data.deflated) <= 0).all()
    assert data.trials[[0, -1]] == pytest.approx([1, 400])
    assert data.marks["Trials"] == (40, found.deflated)
    assert data.marks["Effective"][1] > found.deflated
    figure = deflation_figure(data)
    assert [trace.name for trace in figure.data][1] == f"Trials: 40 ({found.deflated:.2f})"
    assert len({trace.line.dash for trace in figure.data}) == 3
    assert figure.layout.xaxis.type == "log"


def test_how_many_trials_a_result_can_bear(daily):
    strong = deflation_data(headline(daily + 0.002, periods_per_year=252, trials=10, resampling=FEW))
    assert strong.convincing >= 10
    assert "convincing (0.95) for at most" in words(deflation_figure(strong))
    weak = deflation_data(headline(daily - 0.001, periods_per_year=252, trials=10, resampling=FEW))
    assert weak.convincing is None
    assert "not convincing" in words(deflation_figure(weak))


def test_bands_lie_within_one_another(daily):
    fan = monte_carlo(daily, resampling=FEW)
    data = fan_data(fan, 10_000.0)
    (wide, low, high), (narrow, lower, upper) = data.bands
    assert (wide, narrow) == pytest.approx((0.9, 0.5))
    assert ((low <= lower) & (lower <= data.middle) & (data.middle <= upper) & (upper <= high)).all()
    assert low[0] == high[0] == data.actual[0] == 10_000.0
    figure = fan_figure(data, currency="<USD>")
    assert [trace.name for trace in figure.data if trace.showlegend is None] == [
        "90% of the paths",
        "50% of the paths",
        "Median",
        "As it was",
    ]
    assert "100 paths of blocks" in words(figure)
    assert figure.layout.yaxis.title.text == "Equity (&lt;USD&gt;)"
    assert figure.layout.yaxis.type == "log"


def test_a_fan_of_other_levels_and_of_ruin(daily):
    odd = fan_data(monte_carlo(daily, resampling=FEW, levels=(0.9, 0.1)))
    assert odd.middle is None
    assert [share for share, *_ in odd.bands] == pytest.approx([0.8])
    ruin = fan_data(monte_carlo([0.1] * 10 + [-1.0] * 5, resampling=FEW))
    assert fan_figure(ruin).layout.yaxis.type == "linear"


def test_nothing_is_said_to_be_nothing():
    undefined = headline([0.0] * 20, periods_per_year=252, trials=3, resampling=FEW)
    for figure in (
        logits_figure(logits_data(None)),
        degradation_figure(degradation_data(None, 252)),
        deflation_figure(deflation_data(undefined)),
    ):
        assert len(figure.data) == 0
        assert "undefined" in words(figure)
