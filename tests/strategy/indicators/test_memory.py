"""Indicators in a sweep: each is computed once for each argument, in bounded memory, and never a stale one."""

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import research_kit as rk
from research_kit.strategy.indicators import (
    bollinger,
    crossed_above,
    donchian,
    ema,
    macd,
    previous,
    remembered,
    rolling_std,
    sma,
)
from research_kit.strategy.indicators.memory import Memory, remembering

N = 1_000
ARRAY = 8 * N  # bytes


class Counted:
    """A function that counts how often it is computed."""

    def __init__(self, function):
        self.calls = 0
        self.function = function
        self.__name__ = "counted"

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.function(*args, **kwargs)


def counted(function):
    """Return a remembered function, and what counts how often it is computed."""
    inner = Counted(function)
    return remembered(inner), inner


@pytest.fixture
def bars(make_bars):
    return make_bars(N)


@pytest.fixture
def memory(bars):
    return Memory(bars, 100 * ARRAY)


@pytest.fixture
def remembers(memory):
    """Let this test be within a sweep."""
    with remembering(memory):
        yield memory


def test_each_argument_is_computed_once(bars, remembers):
    first, other = sma(bars.close, 5), sma(bars.close, 6)
    assert sma(bars.close, 5) is first
    assert sma(bars.open, 5) is not first
    assert sma(bars.close, length=6) is not other  # another way to write it is another key
    assert sma(bars.close, length=6) is sma(bars.close, length=6)
    assert remembers.computed == 4


def test_what_is_remembered_is_what_is_computed(bars, memory):
    def everything():
        channel = donchian(bars.high, bars.low, 20)
        return [
            sma(bars.close, 7),
            *channel,
            *macd(bars.close),
            previous(channel.upper),
            crossed_above(bars.close, channel.middle),
            rolling_std(ema(bars.close, 9), 12, ddof=0),
        ]

    alone = everything()
    with remembering(memory):
        first, again = everything(), everything()
    for expected, one, two in zip(alone, first, again, strict=True):
        np.testing.assert_array_equal(one, expected)
        assert two is one


def test_bands_are_made_of_what_is_remembered(bars, remembers):
    bands = bollinger(bars.close, 20, 2.0)
    assert bands.middle is sma(bars.close, 20)
    assert bollinger(bars.close, 20, 3.0).middle is bands.middle
    assert bollinger(bars.close, 20, 2.0) is bands


def test_nothing_is_remembered_outside_of_a_sweep(bars, memory):
    assert sma(bars.close, 5) is not sma(bars.close, 5)
    with remembering(memory):
        inside = sma(bars.close, 5)
    outside = sma(bars.close, 5)
    assert outside is not inside
    outside[0] = 1.0  # nobody else's
    with remembering(memory), pytest.raises(ZeroDivisionError), remembering(Memory(bars, 0)):
        raise ZeroDivisionError
    assert sma(bars.close, 5) is not sma(bars.close, 5)


def test_nothing_is_remembered_after_a_sweep(bars):
    average, function = counted(lambda close, length: close - length)

    class Above(rk.Strategy):
        length: int = 1

        def signals(self, bars):
            return rk.Signals.target(average(bars.close, self.length % 2) > 99.0)

    rk.run_sweep(bars, Above, {"length": range(10)}, objective="total_return", workers=1)
    assert function.calls == 2
    rk.run_sweep(bars, Above, {"length": range(10)}, objective="total_return", workers=1)
    assert function.calls == 4
    rk.run_backtest(bars, Above(length=0))
    rk.run_backtest(bars, Above(length=0))
    assert function.calls == 6


def test_another_thread_remembers_nothing(bars, remembers):
    made = sma(bars.close, 5)
    found = []
    thread = threading.Thread(target=lambda: found.append(sma(bars.close, 5)))
    thread.start()
    thread.join()
    assert found[0] is not made


def test_one_true_and_one_point_zero_are_three_arguments(bars, remembers):
    typed, function = counted(lambda values, x: np.full(len(values), x))
    kinds = [typed(bars.close, x).dtype for x in (1, 1.0, True, np.float32(1), 1, 1.0, True)]
    assert kinds == [np.int64, np.float64, np.bool_, np.float32, np.int64, np.float64, np.bool_]
    assert function.calls == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (((5,), {}), ((), {"a": 5})),
        (((), {"a": 1, "b": 2}), ((), {"a": 2, "b": 1})),
        (((1, 2), {}), ((2, 1), {})),
        ((("a",), {"b": 1}), (("b",), {"a": 1})),
        (((None,), {}), ((0,), {})),
        ((("1",), {}), ((1,), {})),
    ],
)
def test_other_arguments_are_not_confused(one, other, bars, remembers):
    kept, function = counted(lambda values, *args, **kwargs: np.zeros(len(values)))
    for args, kwargs in (one, other, one, other):
        kept(bars.close, *args, **kwargs)
    assert function.calls == 2


def test_two_functions_are_not_confused(bars, remembers):
    plus, _ = counted(lambda values, x: values + x)
    minus, _ = counted(lambda values, x: values - x)
    assert plus(bars.close, 1)[0] - minus(bars.close, 1)[0] == pytest.approx(2.0)


def test_what_is_made_of_what_is_remembered_is_remembered(bars, remembers):
    before = previous(donchian(bars.high, bars.low, 20).upper)
    computed = remembers.computed
    assert previous(donchian(bars.high, bars.low, 20).upper) is before
    assert remembers.computed == computed
    assert previous(donchian(bars.high, bars.low, 21).upper) is not before
    assert previous(donchian(bars.high, bars.low, 20).lower) is not before


@pytest.mark.parametrize(
    "values",
    [
        lambda bars: bars.close.copy(),  # may be changed by whoever made it
        lambda bars: bars.close[:],  # another object that may vanish
        lambda bars: bars.close.tolist(),
        lambda bars: bars.frame["close"],
        lambda bars: bars.window(0, len(bars)).close,
    ],
    ids=["a copy", "a view", "a list", "a series", "other bars"],
)
def test_other_arrays_are_computed_each_time(values, bars, remembers):
    given = values(bars)
    first, second = sma(given, 5), sma(given, 5)
    assert second is not first
    np.testing.assert_array_equal(first, second)
    assert remembers.computed == 0
    first[0] = 1.0  # nobody else's, so that it may be written to


def test_an_array_that_its_owner_changes_is_computed_anew(bars, remembers):
    own = np.ones(N)
    assert sma(own, 1)[0] == 1.0
    own[:] = 2.0
    assert sma(own, 1)[0] == 2.0


def test_what_is_remembered_cannot_be_written_to(bars, remembers):
    arrays = [sma(bars.close, 5), *donchian(bars.high, bars.low, 5), crossed_above(bars.close, sma(bars.close, 5))]
    assert not any(array.flags.writeable for array in arrays)
    with pytest.raises(ValueError, match="read-only"):
        arrays[0] *= 2.0


NOT_ARRAYS = [lambda v: v.tolist(), lambda v: 3.0, lambda v: None, lambda v: (v * 2, 1), lambda v: ()]


@pytest.mark.parametrize("made", NOT_ARRAYS)
def test_only_arrays_are_remembered(made, bars, remembers):
    kept, function = counted(made)
    kept(bars.close), kept(bars.close)
    assert function.calls == 2
    assert remembers.computed == 0


def test_an_error_is_raised_each_time(bars, remembers):
    for _ in range(2):
        with pytest.raises(rk.errors.OptionError, match="length must be a whole number"):
            sma(bars.close, 0)
    assert remembers.computed == 0


def test_functions_keep_their_name_and_their_words():
    assert rk.indicators.remembered is remembered
    assert sma.__name__ == "sma"
    assert sma.__doc__.startswith("Return the simple moving average")


# bytes


def test_those_used_last_stay(bars):
    memory = Memory(bars, 3 * ARRAY)
    with remembering(memory):
        kept = sma(bars.close, 1)
        for length in range(2, 30):
            sma(bars.close, length)
            assert sma(bars.close, 1) is kept
        assert memory.computed == 29
        sma(bars.close, 2)
        assert memory.computed == 30


def test_what_is_too_large_is_not_remembered(bars):
    memory = Memory(bars, ARRAY - 1)
    with remembering(memory):
        made = sma(bars.close, 5)
        made[0] = 1.0
        assert sma(bars.close, 5) is not made
    assert memory.computed == 0


class Watched(np.ndarray):
    """An array that can be referred to weakly, as plain ones cannot."""


@pytest.mark.parametrize("most", [4, 20])
def test_the_bytes_that_live_are_bounded(most, bars):
    """Also those of the inputs: a crossing is an eighth of the averages that it was made from."""
    memory, alive = Memory(bars, most * ARRAY), []

    @remembered
    def average(values, length):
        made = np.full(N, float(length)).view(Watched)
        alive.append(weakref.ref(made))
        return made

    @remembered
    def crossing(a, b):
        made = (a > b).view(Watched)
        alive.append(weakref.ref(made))
        return made

    with remembering(memory):
        for at in range(300):
            crossing(average(bars.close, at), average(bars.close, -at))
            living = [array for ref in alive if (array := ref()) is not None]
            assert sum(array.nbytes for array in living) <= most * ARRAY
            del living
        assert memory._bytes <= most * ARRAY


def test_an_array_that_two_functions_hand_on_is_counted_once(bars):
    memory = Memory(bars, 3 * ARRAY)

    @remembered
    def smooth(values, length):
        return sma(values, length)

    @remembered
    def itself(values):
        return values

    with remembering(memory):
        one = smooth(bars.close, 5)
        assert smooth(bars.close, 5) is sma(bars.close, 5) is one
        assert itself(bars.close) is bars.close
        assert memory._bytes == ARRAY
        sma(bars.open, 5), sma(bars.high, 5), sma(bars.low, 5)
        assert memory._bytes == 3 * ARRAY


# staleness


def test_what_is_forgotten_takes_with_it_what_was_made_from_it(bars):
    memory = Memory(bars, 4 * ARRAY)
    doubled, function = counted(lambda values: values * 2.0)
    with remembering(memory):
        doubled(sma(bars.close, 5))
        for length in range(10, 20):
            sma(bars.close, length)
        doubled(sma(bars.close, 5))
    assert function.calls == 2


@pytest.mark.parametrize("most", [1, 2, 5, 9])
def test_random_expressions_are_never_stale(most, bars):
    """Chains of functions, some of which hand on what they were given, in a memory that forgets all the time."""
    memory, random = Memory(bars, most * ARRAY), np.random.default_rng(most)
    plain = {
        "shift": np.roll,
        "scale": lambda x, k: x * (1.0 + k),
        "above": lambda x, k: x > 100.0 + k,  # an eighth of the bytes
        "same": lambda x, k: x,
        "both": lambda x, k: (x + k, x - k),
    }
    kept = {name: remembered(function) for name, function in plain.items()}

    def value(functions, steps):
        x = bars.close
        for name, k in steps:
            x = functions[name](x, k)
            x = x[k % 2] if isinstance(x, tuple) else x
        return x

    with remembering(memory):
        for _ in range(4_000):
            names = random.choice(list(plain), random.integers(1, 5))
            steps = [(str(name), int(k)) for name, k in zip(names, random.integers(0, 4, len(names)), strict=True)]
            assert np.array_equal(value(kept, steps), value(plain, steps)), steps
            assert memory._bytes <= most * ARRAY
    assert memory.computed > 1_000


def test_threads_share_a_memory_and_find_what_is_right(bars):
    memory = Memory(bars, 8 * ARRAY)
    expected = {length: np.asarray(previous(sma(bars.close, length))) for length in range(1, 40)}

    def work(seed):
        random = np.random.default_rng(seed)
        with remembering(memory):
            for length in random.integers(1, 40, 1_500).tolist():
                found = previous(sma(bars.close, length))
                if not np.array_equal(found, expected[length], equal_nan=True):
                    return length
        return None

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(work, range(12))) == [None] * 12
    assert memory._bytes <= 8 * ARRAY


def test_nothing_leaks_when_much_is_forgotten(bars):
    memory = Memory(bars, 5 * ARRAY)
    with remembering(memory):
        for length in range(1, 2_000):
            crossed_above(sma(bars.close, length % 300 + 1), sma(bars.open, length % 7 + 1))
    assert len(memory._results) < 60
    assert len(memory._known) < 60
    assert sum(len(known.led_to) for known in memory._known.values()) < 120


def test_the_bars_may_not_be_written_to_either(bars, remembers):
    with pytest.raises(ValueError, match="read-only"):
        bars.close[0] = 1.0
    other = replace(bars, columns={name: column * 2.0 for name, column in bars.columns.items()}, check=True)
    assert sma(other.close, 3)[-1] == pytest.approx(2.0 * sma(bars.close, 3)[-1])
