"""Slices of a search: the metric against each parameter."""

import numpy as np
import pytest

from research_kit.charts.searches.sweep_slices import slice_data, slice_figure
from research_kit.errors import NotFoundError

HOSTILE = "<script>alert(1)</script><b>$x$ %{y}"
NAN = float("nan")
TABLE = {
    "fast": [5, 5, 5, 10, 20],
    "kind": ["sma", "ema", "sma", "ema", "sma"],
    "size": [1, 1, 1, 1, 1],
    "sharpe_ratio": [1.0, 3.0, -1.0, 0.5, NAN],
}


def words(figure):
    return figure.layout.title.subtitle.text


def test_medians_are_those_of_the_sets_that_share_a_value():
    data = slice_data(TABLE, ["fast", "kind", "size"], "sharpe_ratio")
    fast, kind = data.slices
    assert (fast.places.tolist(), fast.medians.tolist()) == ([5.0, 10.0], [1.0, 0.5])
    assert kind.levels.labels == ["ema", "sma"]
    assert (kind.places.tolist(), kind.medians.tolist()) == ([0.0, 1.0], [1.75, 0.0])
    assert data.values.tolist() == [1.0, 3.0, -1.0, 0.5]
    assert (data.best, fast.best, kind.best) == (1, 5.0, 0.0)
    assert (data.total, data.constant) == (5, {"size": "1"})


def test_the_lowest_may_be_the_best():
    assert slice_data(TABLE, ["fast"], "sharpe_ratio", best="lowest").best == 2


def test_numbers_of_a_random_search_have_medians_of_bins():
    rng = np.random.default_rng(7)
    x = rng.uniform(0, 1, 2000)
    found = slice_data({"x": x, "score": 2 * x}, ["x"], "score").slices[0]
    assert len(found.places) <= 31
    np.testing.assert_allclose(found.medians, 2 * found.places, atol=0.05)


def test_each_panel_has_dots_medians_and_the_best():
    figure = slice_figure(slice_data(TABLE, ["fast", "kind"], "sharpe_ratio"))
    assert [trace.name for trace in figure.data] == ["Set", "Median", "Best set"] * 2
    assert [trace.showlegend for trace in figure.data] == [True] * 3 + [False] * 3
    dots, _, star = figure.data[:3]
    assert sorted(dots.y) == [-1.0, 0.5, 1.0, 3.0]
    assert (list(star.x), list(star.y)) == ([5.0], [3.0])
    assert len({trace.marker.symbol for trace in figure.data[3:]}) == 3  # told apart without colour
    assert figure.layout.yaxis2.matches == "y"
    assert list(figure.layout.xaxis2.ticktext) == ["ema", "sma"]
    assert figure.layout.xaxis2.title.text == "kind"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_panels_do_not_overlap(count):
    table = {f"p{number}": [1, 2, 3] for number in range(count)} | {"score": [1.0, 2.0, 3.0]}
    layout = slice_figure(slice_data(table, [f"p{number}" for number in range(count)], "score")).layout
    names = ["", *map(str, range(2, count + 1))]
    boxes = [(*layout[f"xaxis{name}"].domain, *layout[f"yaxis{name}"].domain) for name in names]
    for one in boxes:
        assert 0 <= one[0] < one[1] <= 1
        assert 0 <= one[2] < one[3] <= 1
        apart = [one[1] < other[0] or other[1] < one[0] or one[3] < other[2] or other[3] < one[2] for other in boxes]
        assert apart.count(False) == 1  # itself


def test_dots_are_few_medians_of_all_and_both_are_said():
    rng = np.random.default_rng(8)
    table = {f"p{number}": rng.integers(0, 10, 30_000) for number in range(26)} | {"score": rng.normal(size=30_000)}
    data = slice_data(table, [name for name in table if name[0] == "p"], "score")
    figure = slice_figure(data)
    assert sum(len(trace.x) for trace in figure.data if trace.name == "Set") <= 9000
    assert "375 are drawn, evenly by rank; medians are those of all" in words(figure)
    assert "not shown: p24, p25" in words(figure)
    assert len(figure.to_json()) < 300_000
    one = slice_figure(slice_data(table, ["p1"], "score"))
    assert len(one.data[0].x) == 3000
    assert data.values.max() == pytest.approx(max(one.data[0].y))


def test_few_wild_values_do_not_flatten_the_others():
    table = {"p": np.arange(200) % 5, "score": np.append(np.linspace(-1, 1, 199), 900.0)}
    figure = slice_figure(slice_data(table, ["p"], "score"))
    assert figure.layout.yaxis.range[1] < 2
    assert "the axis ends at" in words(figure)


@pytest.mark.parametrize("rows", [0, 1])
def test_no_set_and_one_set_have_no_panels(rows):
    table = {name: values[:rows] for name, values in TABLE.items()}
    figure = slice_figure(slice_data(table, ["fast", "kind"], "sharpe_ratio"))
    assert len(figure.data) == 0
    assert "Sharpe ratio of" in words(figure)


def test_wrong_names_are_answered():
    with pytest.raises(NotFoundError, match="Did you mean 'fast'"):
        slice_data(TABLE, ["fats"], "sharpe_ratio")


def test_names_from_outside_are_escaped():
    table = {HOSTILE: [HOSTILE, "b"], "<b>m": [0.0, 1.0]}
    text = slice_figure(slice_data(table, [HOSTILE], "<b>m"), title=HOSTILE).to_json()
    assert "alert" in text
    for harmful in ("\\u003cscript", "\\u003cb\\u003e", "$x$"):
        assert harmful not in text
