"""The distribution of a metric over all sets of a search."""

import numpy as np
import pytest

from research_kit.charts.searches.sweep_spread import sweep_distribution_data, sweep_distribution_figure
from research_kit.errors import NotFoundError

NAN = float("nan")


def spread(values, metric="sharpe_ratio", **options):
    return sweep_distribution_data({metric: np.asarray(values, dtype=float)}, metric, **options)


def words(figure):
    return figure.layout.title.subtitle.text


def test_best_median_and_share_are_those_of_the_defined():
    data = spread([-1.0, 0.0, 2.0, 1.0, NAN])
    assert (data.best, data.median, data.share) == (2.0, 0.5, 0.5)
    assert (data.total, data.undefined) == (5, 1)
    assert spread([1.0, -2.0], best="lowest").best == -2.0


@pytest.mark.parametrize(
    "values",
    [[-1.0, 2.0, 0.5], [0.5], [0.0, 0.0], [-3.0, -1.0], [0.1, 0.11, 0.12], [1e-12, 2e-12], [-1e9, 3.0], [0.3] * 50],
)
def test_every_value_is_counted_and_no_bar_mixes_signs(values):
    data = spread(values)
    assert data.counts.sum() + data.below + data.above == len(values)
    assert not ((data.edges[:-1] < -1e-15) & (data.edges[1:] > 1e-15)).any()
    assert len(data.edges) == len(data.counts) + 1
    assert (np.diff(data.edges) > 0).all()


def test_profit_factors_win_above_one():
    data = spread([0.5, 1.5, 2.0, 1.0], metric="profit_factor")
    assert (data.even, data.share) == (1.0, 0.5)
    assert np.isclose(data.edges, 1.0).any()
    assert "50.0 % above 1" in words(sweep_distribution_figure(data))


def test_a_metric_of_one_side_has_no_share():
    data = spread([-30.0, -20.0], metric="max_drawdown_percent")
    assert data.share is None
    assert "above" not in words(sweep_distribution_figure(data))


def test_few_wild_values_stand_beyond_and_are_counted():
    values = np.append(np.linspace(-1, 1.5, 498), [700.0, -900.0])
    data = spread(values)
    assert data.edges[-1] < 3
    assert data.counts.sum() + data.below + data.above == 500
    assert data.above >= 1
    figure = sweep_distribution_figure(data)
    assert "beyond the bars" in words(figure)
    assert [trace.name for trace in figure.data if trace.type == "scatter"] == [
        "Best: 700.0 (off the axis)",
        "Median: 0.25",
    ]


def test_marks_are_told_apart_by_dash_and_name():
    data = spread([-1.0, 0.5, 1.0], marks={"<b>luck": 0.8, "two": 3.0})
    losing, winning, *lines = sweep_distribution_figure(data).data
    assert [line.name for line in lines] == ["Best: 1.00", "Median: 0.50", "&lt;b&gt;luck: 0.80", "two: 3.00"]
    assert len({line.line.dash for line in lines}) == 4
    assert list(lines[2].x) == [0.8, 0.8]
    assert sweep_distribution_figure(data).layout.xaxis.range[1] > 3
    assert max(losing.x) < 0 < min(winning.x)
    assert (losing.marker.pattern.shape, winning.marker.pattern.shape) == ("/", None)


def test_units_are_those_of_the_metric():
    figure = sweep_distribution_figure(spread([0.1, 0.2], metric="win_rate"))
    assert figure.layout.xaxis.title.text == "Win rate"
    assert figure.data[1].name == "Best: 20.0 %"
    assert "Win rate of 2 parameter sets" in words(figure)


@pytest.mark.parametrize("values", [[], [NAN], [1.0]])
def test_no_value_and_one_value_are_drawn(values):
    data = spread(values)
    assert data.best == (1.0 if values == [1.0] else None)
    assert sweep_distribution_figure(data, title="<b>").to_json()


def test_wrong_names_are_answered():
    with pytest.raises(NotFoundError, match="Did you mean 'sharpe_ratio'"):
        sweep_distribution_data({"sharpe_ratio": [1.0]}, "sharpe")
