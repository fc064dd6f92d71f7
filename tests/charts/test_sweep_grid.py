"""The heat map of a search, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from research_kit.charts.searches.sweep_grid import heatmap_data, heatmap_figure
from research_kit.errors import NotFoundError, OptionError

HOSTILE = "<script>alert(1)</script><b>$x$ %{y}"
NAN = float("nan")
TABLE = {
    "fast": [5, 5, 5, 10, 10, 20],
    "slow": [20, 20, 50, 20, 50, 50],
    "stop": [0.1, 0.2, 0.1, 0.1, 0.1, 0.1],
    "sharpe_ratio": [1.0, 2.0, -0.5, 0.25, NAN, 3.0],
    "around": [0.1, 0.1, 0.9, 0.2, 0.3, 0.4],
}


def heat(figure):
    return next(trace for trace in figure.data if trace.type == "heatmap")


def words(figure):
    return figure.layout.title.subtitle.text


def test_cells_are_medians_and_their_best_is_found():
    data = heatmap_data(TABLE, "fast", "slow", "sharpe_ratio", plateau="around")
    assert data.x.values.tolist() == [5, 10, 20]
    assert data.y.values.tolist() == [20, 50]
    np.testing.assert_array_equal(data.z, [[1.5, 0.25, NAN], [-0.5, NAN, 3.0]])
    assert data.counts.tolist() == [[2, 1, 0], [1, 0, 1]]
    assert (data.best, data.plateau) == ((1, 2), (1, 0))
    assert (data.sets, data.undefined) == (6, 1)


@pytest.mark.parametrize(("reduce", "value"), [("max", 2.0), ("min", 1.0), ("mean", 1.5)])
def test_cells_may_be_reduced_otherwise(reduce, value):
    data = heatmap_data(TABLE, "fast", "slow", "sharpe_ratio", reduce=reduce)
    assert data.z[0, 0] == value
    assert f"{reduce} of 1 to 2 sets" in words(heatmap_figure(data))


def test_others_can_be_pinned_and_the_chart_says_so():
    data = heatmap_data(TABLE, "fast", "slow", "sharpe_ratio", fixed={"stop": 0.2})
    np.testing.assert_array_equal(data.z, [[2.0]])
    assert data.x.values.tolist() == [5]
    assert "1 parameter set · only stop 0.2" in words(heatmap_figure(data))


def test_the_line_under_the_title_says_what_a_cell_is():
    text = words(heatmap_figure(heatmap_data(TABLE, "fast", "slow", "sharpe_ratio")))
    assert "Sharpe ratio of 6 parameter sets" in text
    assert "each cell: median of 1 to 2 sets, which differ in other parameters" in text
    assert "1 without a value" in text


def test_the_lowest_may_be_the_best():
    data = heatmap_data(TABLE, "fast", "slow", "sharpe_ratio", best="lowest")
    assert data.best == (1, 0)
    assert heat(heatmap_figure(data)).reversescale


def test_text_and_bools_and_what_is_not_set_have_cells():
    table = {"kind": ["b", "a", "a"], "stop": [None, 0.1, None], "win_rate": [0.1, 0.2, 0.3]}
    data = heatmap_data(table, "kind", "stop", "win_rate")
    assert (data.x.labels, data.y.labels) == (["a", "b"], ["0.1", "none"])
    np.testing.assert_array_equal(data.z, [[0.2, NAN], [0.3, 0.1]])


def test_few_cells_state_their_value_and_each_tells_how_many_sets():
    trace = heat(heatmap_figure(heatmap_data(TABLE, "fast", "slow", "sharpe_ratio")))
    assert [list(row) for row in trace.text] == [["1.50", "0.25", ""], ["-0.50", "", "3.00"]]
    for part in ("fast %{x}", "slow %{y}", "Sharpe ratio %{z:,.3f}", "median of %{customdata:,}"):
        assert part in trace.hovertemplate
    assert list(trace.x) == ["5", "10", "20"]


def test_colours_part_at_zero_or_run_from_dark_to_bright():
    both = heat(heatmap_figure(heatmap_data(TABLE, "fast", "slow", "sharpe_ratio")))
    assert (both.autocolorscale, both.zmin, both.zmax) == (True, -3.0, 3.0)
    table = TABLE | {"win_rate": [0.1, 0.1, 0.2, 0.3, 0.4, 0.5]}
    one = heat(heatmap_figure(heatmap_data(table, "fast", "slow", "win_rate")))
    assert not one.autocolorscale
    assert (one.zmin, one.zmax) == (0.1, 0.5)


def test_the_best_and_its_plateau_are_framed_and_named():
    figure = heatmap_figure(heatmap_data(TABLE, "fast", "slow", "sharpe_ratio", plateau="around"))
    names = [trace.name for trace in figure.data if trace.name]
    assert names == ["Best cell: fast 20, slow 50: 3.00", "Best plateau: fast 5, slow 50: -0.50"]
    assert {(box.x0, box.y0) for box in figure.layout.shapes} == {(1.5, 0.5), (-0.5, 0.5)}
    dashes = {box.line.dash for box in figure.layout.shapes}
    assert len(dashes - {None}) == 2  # told apart without colour


def test_a_random_search_is_gathered_into_bins():
    rng = np.random.default_rng(4)
    table = {"a": rng.uniform(0, 1, 600), "b": rng.integers(1, 10_000, 600), "sharpe_ratio": rng.normal(size=600)}
    data = heatmap_data(table, "a", "b", "sharpe_ratio")
    assert data.binned == ("a", "b")
    assert data.counts.sum() == 600
    assert data.z.size <= 20 * 20
    assert "a and b gathered into bins" in words(heatmap_figure(data))


def test_a_random_search_over_whole_numbers_is_gathered_too():
    rng = np.random.default_rng(4)
    table = {name: rng.integers(1, most, 400) for name, most in (("fast", 100), ("slow", 300))}
    data = heatmap_data(table | {"sharpe_ratio": rng.normal(size=400)}, "fast", "slow", "sharpe_ratio")
    assert data.binned == ("fast", "slow")
    assert (data.counts > 0).mean() > 0.9


def test_a_thin_grid_of_few_cells_stays_as_it_is():
    steps = np.arange(30)
    data = heatmap_data({"a": steps, "b": steps, "win_rate": steps / 30}, "a", "b", "win_rate")
    assert data.binned == ()
    assert data.z.shape == (30, 30)


def test_more_values_than_pixels_are_gathered_and_text_is_refused():
    many = np.arange(1000)
    table = {"n": many, "kind": many % 3, "name": [f"n{value}" for value in many], "win_rate": many / 1000}
    assert len(heatmap_data(table, "n", "kind", "win_rate").x.values) <= 51
    with pytest.raises(OptionError, match="'name' has 1,000 values that are no numbers"):
        heatmap_data(table, "name", "kind", "win_rate")


def test_two_long_texts_are_too_many_cells():
    table = {"a": [f"a{n}" for n in range(300)], "b": [f"b{n}" for n in range(300)], "win_rate": np.linspace(0, 1, 300)}
    with pytest.raises(OptionError, match="more than the 30,000 cells"):
        heatmap_data(table, "a", "b", "win_rate")


def test_wrong_names_are_answered():
    with pytest.raises(NotFoundError, match="Did you mean 'slow'"):
        heatmap_data(TABLE, "fast", "slwo", "sharpe_ratio")
    with pytest.raises(NotFoundError, match="Did you mean 'sharpe_ratio'"):
        heatmap_data(TABLE, "fast", "slow", "sharp_ratio")
    with pytest.raises(OptionError, match="two parameters that vary"):
        heatmap_data(TABLE, "fast", "fast", "sharpe_ratio")
    with pytest.raises(OptionError, match="two parameters that vary"):
        heatmap_data(TABLE, "fast", "slow", "sharpe_ratio", fixed={"fast": 5})
    with pytest.raises(OptionError, match="No set has slow = 21"):
        heatmap_data(TABLE, "fast", "stop", "sharpe_ratio", fixed={"slow": 21})


@pytest.mark.parametrize("rows", [0, 1])
def test_no_set_and_one_set_are_drawn(rows):
    table = {name: values[:rows] for name, values in TABLE.items()}
    data = heatmap_data(table, "fast", "slow", "sharpe_ratio")
    assert data.best == (None if rows == 0 else (0, 0))
    assert heatmap_figure(data).to_json()


def test_nothing_but_undefined_values_has_no_best():
    data = heatmap_data(TABLE | {"sharpe_ratio": [NAN] * 6}, "fast", "slow", "sharpe_ratio")
    assert data.best is None
    assert heatmap_figure(data).to_json()


def test_the_largest_grid_makes_a_small_figure():
    across, up = np.meshgrid(np.arange(173), np.arange(173))
    values = np.random.default_rng(0).normal(size=across.size)
    data = heatmap_data({"x": across.ravel(), "y": up.ravel(), "sharpe_ratio": values}, "x", "y", "sharpe_ratio")
    assert data.z.size == 173 * 173
    assert len(heatmap_figure(data).to_json()) < 300_000


def test_a_frame_is_not_changed():
    frame = pd.DataFrame(TABLE)
    before = frame.copy()
    heatmap_data(frame, "fast", "slow", "sharpe_ratio", fixed={"stop": 0.1})
    pd.testing.assert_frame_equal(frame, before)


def test_names_from_outside_are_escaped():
    table = {HOSTILE: [HOSTILE, "b"], "y": [HOSTILE, "c"], "<b>m": [-1.0, 1.0]}
    text = heatmap_figure(heatmap_data(table, HOSTILE, "y", "<b>m"), title=HOSTILE).to_json()
    assert "alert" in text
    for harmful in ("\\u003cscript", "\\u003cb\\u003e", "$x$"):
        assert harmful not in text
    assert text.count("%{y}") == 1  # our own
