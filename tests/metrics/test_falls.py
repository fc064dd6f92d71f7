"""Falls followed piece by piece are those of the whole curve, wherever it is cut."""

from typing import NamedTuple

import numpy as np
import pytest
from numba import njit

from research_kit.metrics import falls as parts
from research_kit.metrics.falls import CHUNK, FALLS

HOUR = 3_600_000_000_000
LENGTHS = (1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 7)


@njit
def begin_falls(falls, initial):
    parts.begin_falls(falls, initial)


@njit
def follow_falls(falls, values, first, times):
    parts.follow_falls(falls, values, first, times)


@njit
def follow_flat(falls, value, first, end, times):
    parts.follow_flat(falls, value, first, end, times)


@njit
def end_falls(falls, times):
    return parts.end_falls(falls, times)


class Found(NamedTuple):
    money: float
    fraction: float
    longest: int
    recovered: bool
    recovery: int
    squares: float


def begun(initial: float):
    falls = np.zeros(1, FALLS)[0]
    begin_falls(falls, initial)
    return falls


def followed(pieces, times, initial: float = 100.0) -> Found:
    """Return what the falls of a curve are that comes in pieces."""
    falls, first = begun(initial), 0
    for values in pieces:
        follow_falls(falls, values, first, times)
        first += len(values)
    return Found(*end_falls(falls, times))


def looked_up(values, times, initial: float = 100.0) -> Found:
    """Return the same from a plain look at every fall, one at a time."""
    peak, since, falls, below = initial, times[0], [], []
    for value, time in zip(values.tolist(), times.tolist(), strict=True):
        if value >= peak:
            if below:
                falls.append((peak, since, below, time))
            peak, since, below = value, time, []
        else:
            below.append((value, time))
    open_fall = [(peak, since, below, None)] if below else []
    money, fraction, recovery, longest = 0.0, 0.0, -1, 0
    for top, start, low, end in falls + open_fall:
        trough, at = min(low, key=lambda point: point[0])
        money = min(money, trough - top)
        longest = max(longest, (times[-1] if end is None else end) - start)
        if trough / top - 1.0 < fraction:
            fraction, recovery = trough / top - 1.0, -1 if end is None else end - at
    peaks = np.maximum(np.maximum.accumulate(values), initial)
    lasting = times[-1] - since if below else -1
    return Found(
        money, fraction, longest, bool(lasting < longest), recovery, float(np.sum((values / peaks - 1.0) ** 2))
    )


def curve(kind: str, n: int, random: np.random.Generator) -> np.ndarray:
    """Return a curve of a kind: below its first value for long, on a grid where highs come back exactly, or wild."""
    steps = random.normal(0.0, 1.0, n)
    if kind == "walk":
        return 100.0 * np.exp(0.01 * np.cumsum(steps))
    if kind == "ticks":
        return 100.0 + np.cumsum(np.rint(steps))
    if kind == "under water":
        return 90.0 + 0.1 * steps
    return 100.0 * (1.0 + 3.0 * steps)  # below zero, too


def uneven_times(n: int, random: np.random.Generator) -> np.ndarray:
    return HOUR * np.cumsum(random.integers(1, 5, n))


@pytest.mark.parametrize("kind", ["walk", "ticks", "under water", "wild"])
@pytest.mark.parametrize("n", LENGTHS)
def test_falls_are_those_that_one_look_at_each_finds(kind, n):
    random = np.random.default_rng(n)
    for _ in range(20):
        values, times = curve(kind, n, random), uneven_times(n, random)
        found, expected = followed([values], times), looked_up(values, times)
        assert found[:5] == expected[:5]
        assert found.squares == pytest.approx(expected.squares, rel=1e-12)


@pytest.mark.parametrize("kind", ["walk", "ticks", "under water", "wild"])
def test_where_a_curve_is_cut_makes_no_difference(kind):
    random = np.random.default_rng(4)
    for _ in range(40):
        n = int(random.integers(2, 6 * CHUNK))
        values, times = curve(kind, n, random), uneven_times(n, random)
        cuts = np.sort(random.integers(0, n + 1, random.integers(1, 8)))
        whole, cut = followed([values], times), followed(np.split(values, cuts), times)
        assert cut[:5] == whole[:5]
        assert cut.squares == pytest.approx(whole.squares, rel=1e-12)


@pytest.mark.parametrize("value", [80.0, 100.0, 120.0, -5.0])
@pytest.mark.parametrize("count", [1, 2, 3, 200])
def test_values_that_are_all_the_same(value, count):
    """A stretch that stands still, between a fall and a rise: as if each of its values had been looked at."""
    before, after = np.array([110.0, 90.0]), np.array([85.0, 130.0, 125.0])
    times = HOUR * np.arange(5 + count)
    flat = begun(100.0)
    follow_falls(flat, before, 0, times)
    follow_flat(flat, value, 2, 2 + count, times)
    follow_falls(flat, after, 2 + count, times)
    expected = followed([np.concatenate([before, np.full(count, value), after])], times)
    found = Found(*end_falls(flat, times))
    assert found[:5] == expected[:5]
    assert found.squares == pytest.approx(expected.squares, rel=1e-12)


def test_asking_changes_nothing():
    values, times = np.array([100.0, 80.0, 90.0, 105.0, 95.0]), HOUR * np.arange(5)
    asked = begun(100.0)
    for at in range(5):
        follow_falls(asked, values[at : at + 1], at, times)
        first = end_falls(asked, times[: at + 1])
        assert end_falls(asked, times[: at + 1]) == first
        assert Found(*first)[:5] == looked_up(values[: at + 1], times[: at + 1])[:5]


def test_beginning_forgets_what_was():
    falls, times = begun(100.0), HOUR * np.arange(3)
    follow_falls(falls, np.array([120.0, 30.0, 60.0]), 0, times)
    begin_falls(falls, 50.0)
    assert falls.tobytes() == begun(50.0).tobytes()
    assert Found(*end_falls(falls, times)) == (0.0, 0.0, 0, True, -1, 0.0)


def test_the_money_at_the_start_is_a_peak():
    found = followed([np.array([90.0, 95.0])], HOUR * np.arange(2))
    assert found[:5] == (-10.0, pytest.approx(-0.1), HOUR, False, -1)
    assert found.squares == pytest.approx(0.1**2 + 0.05**2)
