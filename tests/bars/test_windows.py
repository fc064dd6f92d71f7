"""Windows over bars: what is found in pieces is what is found at once, in memory that does not grow."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research_kit.bars.frame import Bars
from research_kit.bars.sessions import GapJudge
from research_kit.bars.timeframe import MINUTE
from research_kit.bars.windows import Runs, Window, count_before, samples, spans, windows


@given(st.integers(0, 50), st.integers(1, 60))
def test_spans_cover_everything_once(length, size):
    parts = list(spans(np.arange(length), size=size))
    assert np.concatenate([np.arange(length)[part] for part in parts] or [[]]).tolist() == list(range(length))


def test_samples_are_spread_and_keep_no_beat():
    assert list(samples(np.zeros(200_000))) == [slice(0, 200_000)]
    day, days = 1440, 2000  # 5 days for each place: a fixed beat would see the same hours of every fifth day
    places = list(samples(np.zeros(day * days, dtype=np.int8)))
    assert len(places) == 400
    assert all(part.stop - part.start == 500 and part.stop <= day * days for part in places)
    assert all(one.stop <= other.start for one, other in pairwise(places))
    assert len(np.unique(np.concatenate([np.arange(part.start, part.stop) % day for part in places]))) == day


@given(st.lists(st.integers(0, 300), unique=True), st.lists(st.integers(-5, 310)), st.integers(1, 40))
def test_counts_before_moments_are_those_of_a_search(times, moments, size):
    times, moments = np.sort(np.array(times, dtype=np.int64)), np.sort(np.array(moments, dtype=np.int64))
    assert count_before(times, moments, size).tolist() == np.searchsorted(times, moments).tolist()


def runs_by_hand(labels: list[int]) -> list[tuple[int, int, int]]:
    found: list[tuple[int, int, int]] = []
    for at, label in enumerate(labels):
        if found and found[-1][0] == label and sum(found[-1][1:]) == at:
            found[-1] = (label, found[-1][1], found[-1][2] + 1)
        elif label:
            found.append((label, at, 1))
    return found


@given(st.lists(st.integers(0, 2), min_size=1, max_size=40), st.integers(1, 45))
def test_runs_do_not_care_where_they_are_cut(labels, size):
    runs, found = Runs(), []
    for start in range(0, len(labels), size):
        found += zip(*(part.tolist() for part in runs.add(np.array(labels[start : start + size]), start)), strict=True)
    found += zip(*(part.tolist() for part in runs.rest()), strict=True)
    assert found == runs_by_hand(labels)


def test_a_window_reaches_to_its_neighbours():
    bars = Bars(np.arange(6) * MINUTE, {"close": np.array([5.0, 5, 5, 6, 6, 7])})
    hours = GapJudge(bars.time_ns, "1min", "24/7").hours
    assert [part.flat.tolist() for part in windows(bars, hours, 2)] == [[False, True], [True, False], [True, False]]
    assert not Window(bars, 0, 6, hours).closed.any()


def test_bars_that_were_filled_in_on_request_are_not_called_flat():
    synthetic = np.array([False, True, False])
    bars = Bars(np.arange(3) * MINUTE, {"close": np.ones(3)}, synthetic=synthetic)
    window = Window(bars, 0, 3, GapJudge(bars.time_ns, "1min", "24/7").hours)
    assert window.flat.tolist() == [False, False, True]


MEASURED = """
import sys
from itertools import pairwise
import numpy as np
from research_kit.bars.frame import Bars
from research_kit.bars.mapped import ScratchArray
from research_kit.bars.quality.report import check_quality
from research_kit.bars.sessions import day_ends, learn_session, missing_bars

def stored(make, dtype):
    array = ScratchArray(np.dtype(dtype))
    for start in range(0, ROWS, 500_000):
        array.append(make(np.arange(start, min(start + 500_000, ROWS))))
    return array.mapped()

ROWS = 6_000_000
price = 100 + np.sin(np.arange(500_000) / 1e4)
columns = {name: stored(lambda at: price[: len(at)] + shift, float)
           for name, shift in (("open", 0), ("high", 1), ("low", -1), ("close", 0.5), ("volume", 0))}
time_ns = stored(lambda at: (at // 7200 * 10080 + at % 7200) * 60 * 10**9, np.int64)
bars = Bars(time_ns, columns, timeframe="1min", session="24/5", check=False)

def peak(name):
    return next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith(name))

before = peak("VmRSS")
open("/proc/self/clear_refs", "w").write("5")
report = check_quality(bars)
learn_session(time_ns, "1min"), missing_bars(time_ns, "1min", "24/5"), day_ends(bars)
assert report.bars == ROWS
print(peak("VmHWM") - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_mapped_bars_take_no_more_memory_than_a_few_windows():
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100  # MiB, of 275 that are mapped; about 25 measured
