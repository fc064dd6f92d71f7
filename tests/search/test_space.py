"""What is searched: ranges, grids in their order, and sets drawn at random."""

import numpy as np
import pytest

from research_kit.errors import OptionError, ParameterError, StrategyError
from research_kit.search.space import MOST_SETS, Between, ParameterSets, Space, between, ranks_of
from research_kit.strategy.base import Strategy
from research_kit.strategy.library import Momentum, SmaCross


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((5, 8), [5, 6, 7, 8]),
        ((5, 20, 5), [5, 10, 15, 20]),
        ((5, 50, 20), [5, 25, 45]),  # the upper end is not on the grid
        ((3, 3), [3]),
        ((-2, 2, 2), [-2, 0, 2]),
        ((0.1, 0.3, 0.1), [0.1, 0.2, 0.3]),
        ((0, 1, 0.25), [0.0, 0.25, 0.5, 0.75, 1.0]),
        ((1.0, 3.0, 1), [1.0, 2.0, 3.0]),
        ((1e-13, 3e-13, 1e-13), [1e-13, 2e-13, 3e-13]),
        ((np.int64(2), np.int64(6), np.int64(2)), [2, 4, 6]),
    ],
)
def test_values_of_a_range(given, expected):
    values = between(*given).values()
    assert values == expected
    assert [type(value) for value in values] == [type(value) for value in expected]


def test_no_value_lies_beyond_an_end():
    values = between(1 / 3, 1.0, 1 / 3).values()
    assert (values[0], values[-1]) == (1 / 3, 1.0)
    assert all(1 / 3 <= value <= 1.0 for value in values)


@pytest.mark.parametrize("open_range", [between(0.0, 1.0), between(1, 100, log=True), between(0.001, 1.0, log=True)])
def test_a_range_without_a_step_has_no_values(open_range):
    assert open_range.values() is None
    with pytest.raises(
        OptionError, match=r"A grid over 'threshold' needs a step: between\(.*, step\)\. Or search with"
    ):
        Space(Momentum, {"threshold": open_range}).grid()


@pytest.mark.parametrize(
    ("given", "how", "sentence"),
    [
        ((2, 1), {}, "between takes the lower end first; given was 2, 1."),
        ((0, 1, 0), {}, "The step of between must be above 0; given was 0."),
        ((0, 1, -0.5), {}, "The step of between must be above 0; given was -0.5."),
        (("1", 2), {}, "between takes numbers; given was '1'."),
        ((True, 2), {}, "between takes numbers; given was True."),
        ((0, None), {}, "between takes numbers; given was None."),
        ((0, float("inf")), {}, "between takes numbers; given was inf."),
        ((float("nan"), 1), {}, "between takes numbers; given was nan."),
        ((0, 1), {"log": True}, "between(..., log=True) takes ends above 0, and no step."),
        ((1, 9, 2), {"log": True}, "between(..., log=True) takes ends above 0, and no step."),
    ],
)
def test_ranges_that_are_refused(given, how, sentence):
    with pytest.raises(OptionError) as caught:
        between(*given, **how)
    assert str(caught.value) == sentence


def test_the_last_parameter_changes_fastest():
    sets = Space(SmaCross, {"slow": [30, 20], "fast": range(2, 4), "short": True}).grid()
    assert sets.names == ("slow", "fast", "short")
    assert len(sets) == 4
    assert list(sets) == [
        {"slow": 30, "fast": 2, "short": True},
        {"slow": 30, "fast": 3, "short": True},
        {"slow": 20, "fast": 2, "short": True},
        {"slow": 20, "fast": 3, "short": True},
    ]
    assert sets[2] == {"slow": 20, "fast": 2, "short": True}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, 2, 3], [3, 2]),
        ((2, 3), [2, 3]),
        (range(2, 8, 2), [2, 4, 6]),
        (np.array([2, 3]), [2, 3]),
        (np.array([0.5]), [0.5]),
        ((n * n for n in (2, 3)), [4, 9]),
        (7, [7]),
        (np.int32(7), [7]),
        (None, [None]),
        ("text", ["text"]),
        ({5}, [5]),
        (between(2, 4), [2, 3, 4]),
    ],
)
def test_what_values_may_be_given_as(values, expected):
    found = Space(SmaCross, {"fast": values}).grid().values["fast"]
    assert found == expected
    assert not any(isinstance(value, np.generic) for value in found)


def test_options_of_the_engine_may_be_searched():
    space = Space(SmaCross, {"fast": [2], "stop_loss": [None, 0.1]})
    assert space.options == {"stop_loss"}
    assert [one["stop_loss"] for one in space.grid()] == [None, 0.1]


def test_a_parameter_of_the_strategy_comes_before_an_option_of_its_name():
    class Sized(Strategy):
        size: float = 1.0

        def signals(self, bars): ...

    assert Space(Sized, {"size": [1.0], "delay": [1]}).options == {"delay"}


def test_nothing_searched_is_one_set():
    assert list(Space(SmaCross, {}).grid()) == [{}]


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        ({"fasst": [1]}, "sma_cross has no parameter 'fasst' to be searched. Did you mean 'fast'?"),
        ({"comission": [1]}, "sma_cross has no parameter 'comission' to be searched. Did you mean 'commission'?"),
        ({"fast": []}, "'fast' has no values to be searched; give at least one."),
        ({"fast": range(0)}, "'fast' has no values to be searched; give at least one."),
        ({"fast": [[1], [2]]}, "'fast' has a value that cannot be searched; write lists as tuples."),
    ],
)
def test_grids_that_are_refused(grid, sentence):
    with pytest.raises(ParameterError) as caught:
        Space(SmaCross, grid)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("strategy", "sentence"),
    [
        (int, "A strategy is an rk.Strategy, or its class; this is int."),
        (Strategy, "Strategy defines neither signals() nor on_bar()."),
    ],
)
def test_what_is_no_strategy_is_refused(strategy, sentence):
    with pytest.raises(StrategyError) as caught:
        Space(strategy, {})
    assert str(caught.value) == sentence


def test_too_many_sets_are_refused_before_they_are_made():
    with pytest.raises(OptionError, match="The grid has 8,000,000 sets, and at most 5,000,000 are run at once"):
        Space(SmaCross, {"fast": range(2_000), "slow": range(4_000)}).grid()
    for large in (between(0, 10**12), between(0.0, 1.0, 1e-12)):
        with pytest.raises(OptionError, match="1,000,000,000,001 values, and at most 5,000,000 are listed"):
            Space(SmaCross, {"fast": large}).grid()


# sets


def test_sets_in_columns():
    sets = Space(SmaCross, {"fast": [2, 3], "slow": [20, 20.5], "short": [False, True]}).grid()
    assert sets.column("fast").dtype == np.int64
    assert sets.column("slow").tolist() == [20.0, 20.0, 20.5, 20.5] * 2
    assert sets.column("short").dtype == np.bool_
    assert sets.rows(np.array([7, 0])) == [sets[7], sets[0]]


@pytest.mark.parametrize("values", [[None, 0.1], ["a", "b"], [True, 2], [(1, 2), (3, 4)], [(1, 2), (3,)]])
def test_values_that_are_no_numbers_stay_what_they_are(values):
    column = Space(SmaCross, {"fast": values}).grid().column("fast")
    assert column.shape == (2,)
    assert column.tolist() == values


def test_taking_keeps_the_order_that_is_asked_for():
    sets = Space(SmaCross, {"fast": [5, 6, 7]}).grid()
    assert [one["fast"] for one in sets.take(np.array([2, 0]))] == [7, 5]


def test_sets_from_rows():
    rows = [{"a": 3, "b": "x"}, {"a": 1, "b": "y"}, {"a": 3, "b": "x"}]
    sets = ParameterSets.of_rows(rows)
    assert list(sets) == rows
    assert sets.values == {"a": [1, 3], "b": ["x", "y"]}
    assert sets.first_of_each().tolist() == [0, 1]
    assert len(ParameterSets.of_rows([])) == 0
    mixed = ParameterSets.of_rows([{"a": None}, {"a": 0.5}, {"a": None}])
    assert list(mixed) == [{"a": None}, {"a": 0.5}, {"a": None}]


def test_ranks_count_from_the_smallest_number():
    assert ranks_of([20, 5, 10.5]).tolist() == [2, 0, 1]
    assert ranks_of([True, False]).tolist() == [1, 0]
    assert ranks_of(["b", "a", "c"]).tolist() == [0, 1, 2]  # as they were given
    assert ranks_of([None, 0.2, 0.1]).tolist() == [0, 1, 2]
    sets = Space(SmaCross, {"fast": [9, 3], "slow": [30, 20, 25]}).grid()
    assert sets.ranks.tolist() == [[1, 1, 1, 0, 0, 0], [2, 0, 1, 2, 0, 1]]


# drawn at random


def draw(grid, count, seed=0) -> ParameterSets:
    return Space(SmaCross, grid).draw(np.random.default_rng(seed), count)


def test_the_same_seed_draws_the_same_sets():
    grid = {"fast": between(2, 10**9), "slow": between(0.0, 1.0), "stop_loss": between(1e-4, 0.1, log=True)}
    assert list(draw(grid, 50)) == list(draw(grid, 50))
    assert list(draw(grid, 50)) != list(draw(grid, 50, seed=1))


@pytest.mark.parametrize("count", [1, 5, 11, 12, 13, 5_000])
def test_no_set_is_drawn_twice_and_none_is_left_out(count):
    drawn = list(draw({"fast": [2, 3, 4], "slow": between(20, 50, 10)}, count))
    assert len(drawn) == min(count, 12)
    assert len({tuple(one.items()) for one in drawn}) == len(drawn)


def test_as_many_sets_are_drawn_as_were_asked_for():
    assert len(draw({"fast": between(2, 100), "slow": between(20, 100)}, 1_000)) == 1_000
    assert len(draw({"fast": between(0.0, 1.0), "slow": between(20, 100)}, 1_000)) == 1_000


def test_each_parameter_is_drawn_by_itself():
    drawn = draw({"fast": between(0.0, 1.0), "slow": between(0.0, 1.0)}, 4_000)
    fast, slow = drawn.column("fast"), drawn.column("slow")
    assert abs(np.corrcoef(fast, slow)[0, 1]) < 0.05
    assert np.histogram(fast, 10, (0, 1))[0].min() > 300


def test_a_logarithm_draws_each_order_of_magnitude_as_often():
    values = Between(1e-4, 1.0, log=True).draw(np.random.default_rng(1), 8_000)
    assert 1e-4 <= min(values) <= max(values) <= 1.0
    shares = np.histogram(np.log10(values), 4, (-4, 0))[0] / 8_000
    assert shares == pytest.approx([0.25] * 4, abs=0.02)
    whole = between(1, 1_000, log=True).draw(np.random.default_rng(1), 5_000)
    assert {type(value) for value in whole} == {int}
    assert 0.4 < np.mean(np.array(whole) < 30) < 0.6
    assert set(between(2, 5, log=True).draw(np.random.default_rng(1), 200)) == {2, 3, 4, 5}


def test_a_range_with_a_step_draws_from_its_grid():
    assert set(between(5, 50, 15).draw(np.random.default_rng(1), 500)) == {5, 20, 35, 50}


def test_a_range_of_any_size_is_drawn_from_without_being_listed():
    drawn = between(1, 10**15).draw(np.random.default_rng(1), 1_000)
    assert max(drawn) > 9 * 10**14
    assert MOST_SETS < 10**15
