"""Columns of a search, the order of their values, and what is said of groups of sets."""

import numpy as np
import pandas as pd
import pytest

from research_kit.charts.searches.sweep_metric import colouring, metric_style, reach
from research_kit.charts.searches.sweep_ranks import best_place, grouped, sampled
from research_kit.charts.searches.sweep_table import (
    column,
    in_bins,
    levels_of,
    metric_column,
    parameter_columns,
    pinned,
)
from research_kit.charts.template import BLUE, LOSS
from research_kit.errors import NotFoundError, OptionError

NAN = float("nan")


def levels(values, dtype=None):
    return levels_of("name", np.array(values, dtype=dtype))


@pytest.mark.parametrize(
    ("values", "labels", "ordered"),
    [
        ([10, 5, 10], ["5", "10"], True),
        ([0.5, 20.0, 1e-6], ["1e-06", "0.5", "20"], True),
        ([True, False], ["False", "True"], False),
        (["b", "a"], ["a", "b"], False),
        ([5.0, NAN], ["5", "none"], False),
        ([5.0, float("inf")], ["5", "inf"], False),
        (np.array([None, 10, 9], dtype=object), ["9", "10", "none"], False),
        (np.array([2, 1.5], dtype=object), ["1.5", "2"], True),
        (np.array([True, None], dtype=object), ["True", "none"], False),
        (np.array(["x", 1], dtype=object), ["1", "x"], False),
        (pd.array([3, 2, None], dtype="Int64"), ["2", "3", "none"], False),
        (pd.Series(["b", "a"], dtype="category"), ["a", "b"], False),
        (pd.Series(["b", None]), ["b", "none"], False),
        ([], [], True),
    ],
)
def test_values_stand_in_their_order(values, labels, ordered):
    found = levels_of("name", np.asarray(values))
    assert (found.labels, found.ordered) == (labels, ordered)


def test_codes_lead_back_to_the_values():
    values = np.array([30, 10, 20, 10])
    found = levels_of("fast", values)
    np.testing.assert_array_equal(found.values[found.codes], values)


def test_numbers_that_look_alike_get_more_digits():
    assert levels([1.0000001, 1.0000002]).labels == ["1.0000001", "1.0000002"]


def test_numbers_stand_at_their_distance_and_steps_of_a_ladder_do_not():
    even, ladder, text = levels([5, 20, 10]), levels([1, 10, 100, 10]), levels(["x", "y"])
    assert even.places.tolist() == [5, 20, 10]
    assert even.ticks == ([5.0, 10.0, 20.0], ["5", "10", "20"])
    assert ladder.places.tolist() == [0, 1, 2, 1]
    assert ladder.ticks == ([0.0, 1.0, 2.0], ["1", "10", "100"])
    assert text.places.tolist() == [0, 1]
    assert levels(range(100)).ticks is None


def test_bins_have_round_edges_and_hold_their_values():
    values = np.array([0.013, 0.97, 0.5, 0.05])
    found = in_bins(levels_of("x", values), 10)
    assert found.labels[:2] == ["0.0 to 0.1", "0.1 to 0.2"]
    assert found.codes.tolist() == [0, 9, 5, 0]
    np.testing.assert_allclose(found.values, np.arange(0.05, 1, 0.1))


@pytest.mark.parametrize("low", [-1000, -3.7, 0, 12, 1e6])
@pytest.mark.parametrize("bins", [8, 50])
def test_every_value_lies_in_its_bin(low, bins):
    values = low + np.random.default_rng(1).uniform(0, 300, 1000)
    found = in_bins(levels_of("x", values), bins)
    width = found.values[1] - found.values[0]
    assert len(found.values) <= bins + 1
    assert (np.abs(values - found.values[found.codes]) <= width * 0.500001).all()


def test_bins_of_whole_numbers_are_whole():
    found = in_bins(levels_of("n", np.arange(3, 40)), 10)
    assert found.labels[:2] == ["0 to 4", "5 to 9"]
    assert np.bincount(found.codes)[1:-1].tolist() == [5] * 6


@pytest.mark.parametrize("reduce", ["median", "max", "min", "mean"])
def test_groups_agree_with_pandas(reduce):
    rng = np.random.default_rng(2)
    codes, values = rng.integers(0, 40, 500), rng.normal(size=500)
    values[rng.random(500) < 0.1] = np.nan
    codes[codes == 7] = 8
    expected = pd.Series(values).groupby(codes).agg(reduce).reindex(range(41)).to_numpy()
    np.testing.assert_allclose(grouped(codes, values, 41, reduce), expected)


def test_groups_without_values_are_undefined():
    assert np.isnan(grouped(np.array([0]), np.array([NAN]), 2, "max")).all()


def test_a_sample_keeps_the_best_and_is_even_among_the_others():
    values = np.arange(1000.0)
    high, low = (sampled(values, 100, 25, best) for best in ("highest", "lowest"))
    assert high[-25:].tolist() == list(range(975, 1000))
    assert low[-1] == 0
    assert high[0] == 0
    assert np.ptp(np.diff(high[:75])) <= 1
    assert len(np.unique(high)) == len(high) == 100


def test_the_best_may_be_the_lowest_or_missing():
    values = np.array([NAN, 3.0, 1.0, 3.0])
    assert (best_place(values, "highest"), best_place(values, "lowest")) == (1, 2)
    assert best_place(np.array([NAN]), "highest") is None


def test_fixed_values_choose_sets():
    table = {
        "fast": np.array([5, 10, 5]),
        "stop": np.array([0.1 + 0.2, 0.1, None], dtype=object),
        "on": [True, False, True],
    }
    assert pinned(table, {"fast": 5}, 3).tolist() == [True, False, True]
    assert pinned(table, {"stop": 0.3}, 3).tolist() == [True, False, False]
    assert pinned(table, {"stop": None}, 3).tolist() == [False, False, True]
    assert pinned(table, {"fast": 5.0, "on": True}, 3).tolist() == [True, False, True]


def test_wrong_names_and_values_are_answered():
    table = {"fast": [1, 2], "slow": [3], "kind": ["a", "b"], "grid": [[1, 2]]}
    with pytest.raises(NotFoundError, match=r"no column 'fsat'. Did you mean 'fast'"):
        column(table, "fsat")
    with pytest.raises(OptionError, match="'kind' holds text"):
        metric_column(table, "kind")
    with pytest.raises(OptionError, match="'grid' has 2 dimensions"):
        column(table, "grid")
    with pytest.raises(OptionError, match="'slow' has 1 values where the metric has 2"):
        parameter_columns(table, ["fast", "slow"], 2)
    with pytest.raises(OptionError, match="No parameter"):
        parameter_columns(table, [], 2)
    with pytest.raises(OptionError, match=r"No set has fast = 3; its values are 1, 2\."):
        pinned(table, {"fast": 3}, 2)
    with pytest.raises(OptionError, match="Did you mean 'median'"):
        grouped(np.array([0]), np.array([1.0]), 1, "medien")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="Did you mean 'lowest'"):
        best_place(np.array([1.0]), "low")  # type: ignore[arg-type]


def test_a_single_name_is_not_read_letter_by_letter():
    assert list(parameter_columns({"fast": [1]}, "fast", 1)) == ["fast"]


def test_a_frame_is_a_table():
    frame = pd.DataFrame({"fast": [5, 10], "sharpe_ratio": pd.array([1.5, None], dtype="Float64")})
    assert column(frame, "fast").tolist() == [5, 10]
    np.testing.assert_array_equal(metric_column(frame, "sharpe_ratio"), [1.5, NAN])


@pytest.mark.parametrize(
    ("name", "values", "even"),
    [
        ("sharpe_ratio", [1.0, 2.0], 0.0),
        ("profit_factor", [1.5, 2.0], 1.0),
        ("max_drawdown_percent", [-30.0, -10.0], None),
        ("win_rate", [0.3, 0.6], None),
        ("score", [1.0, 2.0], None),
        ("score", [-1.0, 2.0], 0.0),
        ("score", [NAN], None),
    ],
)
def test_where_gain_and_loss_meet(name, values, even):
    assert metric_style(name, np.array(values)).even == even


def test_values_are_written_with_their_unit():
    assert metric_style("win_rate", np.empty(0)).text(0.4) == "40.0 %"
    assert metric_style("total_return_percent", np.empty(0)).title_with_unit == "Total return (%)"
    assert metric_style("score", np.empty(0)).text(1234.5678) == "1,235"
    assert metric_style("score", np.empty(0)).text(NAN) == "–"


def test_colours_part_where_gain_and_loss_meet():
    values = np.array([0.5, 3.0])
    scale, ends, _ = colouring(metric_style("profit_factor", values), values, theme="light", reverse=False)
    assert ends == (-1.0, 3.0)
    assert (scale["colorscale"][0][1], scale["colorscale"][-1][1]) == (LOSS, BLUE)
    scale, ends, _ = colouring(metric_style("sharpe_ratio", values), values, theme="light", reverse=True)
    assert ends == (-3.0, 3.0)
    assert scale == {"autocolorscale": True, "reversescale": True}


def test_few_wild_values_do_not_hide_the_others():
    values = np.append(np.linspace(-1, 1, 199), 500.0)
    assert reach(values)[2]
    assert reach(values)[1] < 2
    assert reach(values[:-1]) == (-1.0, 1.0, False)
    assert reach(np.array([1.0, 500.0])) == (1.0, 500.0, False)


def test_one_value_still_has_a_scale():
    values = np.full(3, 0.5)
    _, (low, high), _ = colouring(metric_style("win_rate", values), values, theme="dark", reverse=False)
    assert low < 0.5 < high
