"""Plateaus, worked by hand: the median of what stands around a set."""

import numpy as np
import pytest

from research_kit.search.plateau import NEAREST, plateau_scores
from research_kit.search.space import ParameterSets, Space
from research_kit.strategy.library import SmaCross

NAN = np.nan
AXES = ("fast", "slow", "delay", "size", "seed")


def lattice(*shape: int) -> ParameterSets:
    """Return every set of a grid with so many values on each axis."""
    return Space(SmaCross, {name: range(1, n + 1) for name, n in zip(AXES, shape, strict=False)}).grid()


def plateau(sets: ParameterSets, values, *, is_grid: bool = True) -> list[float]:
    return plateau_scores(sets, np.array(values, dtype=float), is_grid=is_grid).tolist()


def test_a_line():
    assert plateau(lattice(5), [1, 5, 3, 9, 2]) == [3, 3, 5, 3, 5.5]


def test_sets_without_a_value_are_left_out_but_have_a_plateau():
    assert plateau(lattice(5), [1, 5, NAN, 9, 2]) == [3, 3, 7, 5.5, 5.5]


def test_nothing_but_sets_without_a_value_has_none():
    found = plateau(lattice(5), [1, NAN, NAN, NAN, 2])
    assert found == pytest.approx([1, 1, NAN, 2, 2], nan_ok=True)


def test_holes_are_no_neighbours_and_what_lies_beyond_them_neither():
    holes = lattice(5).take(np.array([0, 1, 3, 4]))
    assert plateau(holes, [1, 5, 9, 2]) == [3, 3, 5.5, 5.5]


def test_a_plane():
    """A lonely peak of 9 in the middle, and a broad hill of 5 at the right."""
    table = [
        [1, 1, 1, 5, 5],
        [1, 9, 1, 5, 5],
        [1, 1, 1, 5, 5],
    ]
    expected = [
        [1, 1, 3, 5, 5],
        [1, 1, 1, 5, 5],
        [1, 1, 3, 5, 5],
    ]
    assert plateau(lattice(3, 5), np.ravel(table)) == list(np.ravel(expected))


def test_a_plane_with_a_corner_cut_off():
    """What ``where`` leaves out of a grid: only sets with fast < slow."""
    sets = lattice(4, 4)
    kept = np.flatnonzero(sets.column("fast") < sets.column("slow"))
    half = sets.take(kept)
    values = 10.0 * half.column("fast") + half.column("slow")
    around = {
        12: [12, 13, 23],
        13: [12, 13, 14, 23, 24],
        14: [13, 14, 23, 24],
        23: [12, 13, 14, 23, 24, 34],
        24: [13, 14, 23, 24, 34],
        34: [23, 24, 34],
    }
    found = dict(zip(values.tolist(), plateau(half, values), strict=True))
    assert found == {12: 13, 13: 14, 14: 18.5, 23: 18.5, 24: 23, 34: 24}
    assert found == {value: np.median(near) for value, near in around.items()}


def test_a_space():
    values = np.zeros((3, 3, 3))
    values[:2, :2, :2] = 1.0  # eight of them
    found = np.reshape(plateau(lattice(3, 3, 3), values.ravel()), (3, 3, 3))
    assert found[0, 0, 0] == 1.0  # all of its eight neighbours
    assert found[1, 1, 1] == 0.0  # 8 of 27
    assert found[0, 0, 1] == 1.0  # 8 of 12
    assert found[0, 1, 1] == 0.0  # 8 of 18
    assert found[0, 0, 2] == 0.5  # 4 of 8
    assert found[2, 2, 2] == 0.0


@pytest.mark.parametrize("shape", [(7,), (4, 6), (3, 4, 5), (3, 3, 2, 4)])
def test_a_grid_is_what_a_look_at_each_neighbour_finds(shape):
    sets, random = lattice(*shape), np.random.default_rng(len(shape))
    values = random.normal(0, 1, len(sets))
    values[random.random(len(sets)) < 0.2] = NAN
    kept = np.sort(random.choice(len(sets), max(1, int(0.8 * len(sets))), replace=False))
    sets, values = sets.take(kept), values[kept]
    for at, found in enumerate(plateau(sets, values)):
        near = np.all(np.abs(sets.codes - sets.codes[:, [at]]) <= 1, axis=0)
        around = values[near & ~np.isnan(values)]
        assert found == pytest.approx(np.median(around) if len(around) else NAN, nan_ok=True)


def test_beyond_four_parameters_only_the_neighbours_along_each_axis_count():
    sets, random = lattice(3, 3, 3, 3, 3), np.random.default_rng(5)
    values = random.normal(0, 1, len(sets))
    found = plateau(sets, values)
    for at in (0, 121, 200):
        steps = np.abs(sets.codes - sets.codes[:, [at]]).sum(axis=0)
        assert found[at] == np.median(values[steps <= 1])


def test_parameters_with_one_value_say_nothing():
    plain, wider = lattice(5), Space(SmaCross, {"short": [True], "fast": range(5), "slow": [30]}).grid()
    assert plateau(wider, [1, 5, 3, 9, 2]) == plateau(plain, [1, 5, 3, 9, 2])


@pytest.mark.parametrize("grid", [{}, {"fast": [5]}])
def test_a_set_alone_is_its_own_plateau(grid):
    sets = Space(SmaCross, grid).grid()
    for is_grid in (True, False):
        assert plateau(sets, [4.0], is_grid=is_grid) == [4.0]
    assert plateau(sets.take(np.array([], dtype=int)), []) == []


def test_neighbours_are_those_by_size_in_whatever_order_values_were_given():
    sets = Space(SmaCross, {"fast": [30, 10, 20]}).grid()
    assert plateau(sets, [3, 1, 7]) == [5, 4, 3]
    words = Space(SmaCross, {"fill": ["c", "a", "b"]}).grid()
    assert plateau(words, [3, 1, 7]) == [2, 3, 4]  # as they were given: they have no size


def test_values_are_not_changed():
    values = np.array([1.0, NAN, 3.0])
    kept = values.copy()
    plateau_scores(lattice(3), values, is_grid=True)[:] = 0.0
    plateau_scores(lattice(1), values[:1], is_grid=True)[:] = 0.0
    np.testing.assert_array_equal(values, kept)


# drawn at random


def drawn(columns: dict[str, list[float]]) -> ParameterSets:
    return ParameterSets.of_columns(columns, len(next(iter(columns.values()))))


@pytest.mark.parametrize("count", [2, 5, NEAREST + 1])
def test_of_few_sets_all_are_near(count):
    values = np.arange(count, dtype=float) ** 2
    assert plateau(drawn({"fast": list(range(count))}), values, is_grid=False) == [np.median(values)] * count


def test_the_nearest_are_counted_in_ranks():
    """Far away in numbers, next to it in rank: only the order of the values counts."""
    numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 100.0, 200.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8]
    order = np.random.default_rng(1).permutation(len(numbers))
    sets = drawn({"fast": [numbers[at] for at in order]})
    values = order.astype(float)
    found = dict(zip(order.tolist(), plateau(sets, values, is_grid=False), strict=True))
    assert found[0] == 4.0  # 0 to 8
    assert found[6] == 6.0  # 2 to 10
    assert found[12] == 8.0  # 4 to 12


def test_the_nearest_of_two_parameters():
    random = np.random.default_rng(2)
    columns = {"fast": random.permutation(60).tolist(), "slow": random.normal(0, 1, 60).tolist()}
    sets, values = drawn(columns), random.normal(0, 1, 60)
    values[7] = NAN
    found = plateau(sets, values, is_grid=False)
    places = sets.codes / 59
    checked = 0
    for at in range(60):
        distance = np.hypot(*(places - places[:, [at]]))
        order = np.argsort(distance, kind="stable")
        if distance[order[NEAREST + 1]] - distance[order[NEAREST]] < 1e-9:
            continue  # two are as far away
        checked += 1
        assert found[at] == pytest.approx(np.nanmedian(values[order[: NEAREST + 1]]))
    assert checked > 40


def test_a_grid_that_is_nearly_empty_is_measured_like_sets_drawn_at_random():
    sets = lattice(600, 600)
    some = sets.take(np.random.default_rng(4).choice(len(sets), 50, replace=False))
    values = np.random.default_rng(5).normal(0, 1, 50)
    assert plateau(some, values) == plateau(some, values, is_grid=False)


def test_a_large_grid_is_quick():
    """A hundred thousand sets in three parameters: no loop over sets."""
    sets = lattice(50, 50, 40)
    values = np.arange(len(sets), dtype=float)
    found = plateau_scores(sets, values, is_grid=True)
    inner = np.all([(code > 0) & (code < code.max()) for code in sets.codes], axis=0)
    np.testing.assert_array_equal(found[inner], values[inner])
