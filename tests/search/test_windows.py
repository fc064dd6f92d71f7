"""Folds worked by hand: where training and test begin and end, and that no test is seen twice."""

from itertools import pairwise

import numpy as np
import pytest

from research_kit.bars.frame import Bars
from research_kit.errors import DataError, OptionError
from research_kit.search.windows import FEWEST, Fold, Spans, folds

DAY = 86_400_000_000_000
WEEK = [0, 1, 2, 3, 4]  # 1970-01-05 is a Monday


def bars_at(days) -> Bars:
    time_ns = np.round((np.array(days) + 4) * DAY).astype(np.int64)
    return Bars(time_ns, {"close": np.ones(len(time_ns))}, timeframe="1d")


def found(days, train, test, **spans) -> list[tuple[int, int, int, int]]:
    """Return the folds of bars at these days as (train start, train end, test start, test end)."""
    bars = bars_at(range(days) if isinstance(days, int) else days)
    return [
        (fold.train_start, fold.train_end, fold.test_start, fold.test_end)
        for fold in folds(bars, Spans(train, test, **spans))
    ]


def test_windows_roll():
    assert found(10, 4, 2) == [(0, 4, 4, 6), (2, 6, 6, 8), (4, 8, 8, 10)]


def test_the_last_test_may_be_shorter_but_not_a_single_bar():
    assert found(11, 4, 3) == [(0, 4, 4, 7), (3, 7, 7, 10)]
    assert found(12, 4, 3) == [(0, 4, 4, 7), (3, 7, 7, 10), (6, 10, 10, 12)]


def test_anchored_training_begins_with_the_first_bar():
    assert found(10, 4, 2, anchored=True) == [(0, 4, 4, 6), (0, 6, 6, 8), (0, 8, 8, 10)]


def test_a_purge_is_taken_from_the_end_of_training():
    assert found(10, 5, 2, purge=2) == [(0, 3, 5, 7), (2, 5, 7, 9)]
    assert found(10, 5, 2, purge="2d") == [(0, 3, 5, 7), (2, 5, 7, 9)]


def test_an_embargo_is_taken_from_the_beginning_of_the_test():
    assert found(12, 4, 4, embargo=1) == [(0, 4, 5, 8), (4, 8, 9, 12)]
    assert found(12, 4, 4, embargo="1d") == [(0, 4, 5, 8), (4, 8, 9, 12)]


def test_a_longer_step_leaves_bars_untested():
    assert found(14, 4, 2, step=5) == [(0, 4, 4, 6), (5, 9, 9, 11)]


def test_a_fold_that_is_left_without_bars_is_no_fold():
    """An embargo or a purge that takes all but one bar; the others stand."""
    with pytest.raises(DataError, match="10 bars are too few for a training of 4 and a test of 3"):
        found(10, 4, 3, embargo=2)
    with pytest.raises(DataError, match="10 bars are too few"):
        found(10, 4, 3, purge=3)
    assert found(12, 4, 4, purge=3, anchored=True) == [(0, 5, 8, 12)]


def test_spans_of_time_are_those_of_bars_where_none_is_missing():
    for spans in ({}, {"anchored": True}, {"purge": 1, "embargo": 2}):
        times = {name: value if value is True else f"{value}d" for name, value in spans.items()}
        assert found(60, 14, 7, **spans) == found(60, "14d", "7d", **times) == found(60, "2W", "1w", **times)
    assert found(100, 30, 30) == found(100, "1mo", "30D")


def test_weekends_are_part_of_a_span_of_time():
    days = [7 * week + day for week in range(5) for day in WEEK]
    assert found(days, "14d", "7d") == [(0, 10, 10, 15), (5, 15, 15, 20), (10, 20, 20, 25)]
    # Thursday and 3 days more is Sunday: the test goes on to Monday
    assert found(days, "3d", "3d")[:3] == [(0, 3, 3, 5), (3, 5, 5, 8), (5, 8, 8, 10)]


def test_a_gap_in_the_data_is_passed_over():
    """A month without bars: the training before it and the test after it are as long as any."""
    days = [*range(30), *range(60, 90)]
    rolled = found(days, "20d", "5d")
    assert rolled[:4] == [(0, 20, 20, 25), (5, 25, 25, 30), (10, 30, 30, 35), (15, 35, 35, 40)]
    assert {end - start for start, end, *_ in rolled} == {20}


def test_hours_within_days():
    bars = Bars(np.arange(100) * DAY // 24, {"close": np.ones(100)})
    assert [vars(fold) for fold in folds(bars, Spans("2d", "24h", purge="6h", embargo="90min"))] == [
        {"train_start": 0, "train_end": 42, "test_start": 50, "test_end": 72},
        {"train_start": 24, "train_end": 66, "test_start": 74, "test_end": 96},
        {"train_start": 48, "train_end": 90, "test_start": 98, "test_end": 100},
    ]


@pytest.mark.parametrize(("test", "step"), [(4, 3), ("4d", "3d"), (4, "3d"), ("4d", 1)])
def test_a_step_shorter_than_a_test_is_refused(test, step):
    with pytest.raises(OptionError) as caught:
        found(30, 10, test, step=step)
    assert str(caught.value) == f"step={step!r} is shorter than test={test!r}: test windows would overlap."


@pytest.mark.parametrize(
    ("spans", "error", "sentence"),
    [
        ({"train": 0}, OptionError, "train must be at least 1 bars; given was 0."),
        ({"test": -5}, OptionError, "test must be at least 1 bars; given was -5."),
        ({"step": 0}, OptionError, "step must be at least 1 bars; given was 0."),
        ({"purge": -1}, OptionError, "purge must be at least 0 bars; given was -1."),
        ({"embargo": 1.5}, OptionError, "embargo is a number of bars or a time such as '180d'; given was 1.5."),
        ({"train": True}, OptionError, "train is a number of bars or a time such as '180d'; given was True."),
        ({"train": None}, OptionError, "train is a number of bars or a time such as '180d'; given was None."),
        (
            {"test": "soon"},
            DataError,
            "'soon' is not a timeframe; write a count above 0 and one of s, min, h, d, w, mo",
        ),
        ({"test": "0d"}, DataError, "'0d' is not a timeframe"),
        ({"test": ""}, DataError, "'' is not a timeframe"),
        ({"train": "2 years"}, DataError, "'2 years' is not a timeframe"),
    ],
)
def test_spans_that_are_refused(spans, error, sentence):
    with pytest.raises(error) as caught:
        Spans(**{"train": 10, "test": 5} | spans)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("n", [0, 1, 4, 5])
@pytest.mark.parametrize("train", [4, "4d"])
def test_too_few_bars(n, train):
    with pytest.raises(
        DataError, match=rf"^{n} bars are too few for a training of {train!r} and a test of 2; take short"
    ):
        found(n, train, 2)


@pytest.mark.parametrize("seed", range(60))
def test_what_holds_for_all_folds(seed):
    """Tests never overlap, come after their training, and miss nothing where nothing is left out.

    Where the data has a gap longer than a training or a test, spans of time leave folds without bars.
    """
    random, has_gaps = np.random.default_rng(seed), seed % 2 == 1
    days = np.cumsum(random.choice([1, 2, 3, 40 if has_gaps else 1], 300, p=[0.8, 0.1, 0.09, 0.01]))
    in_time = random.random() < 0.5

    def span(low: int, high: int):
        value = int(random.integers(low, high))
        return f"{value}d" if in_time and value else value

    test, purge, embargo = span(5, 30), span(0, 4), span(0, 3)
    anchored = bool(random.random() < 0.5)
    spans = Spans(span(20, 120), test, anchored=anchored, purge=purge, embargo=embargo)
    bars = bars_at(days)
    every = folds(bars, spans)
    for fold in every:
        assert 0 <= fold.train_start <= fold.train_end - FEWEST
        assert fold.train_end <= fold.test_start <= fold.test_end - FEWEST
        assert fold.test_end <= len(bars)
        assert not anchored or fold.train_start == 0
    for one, other in pairwise(every):
        assert one.test_end <= other.test_start
        assert one.train_end < other.train_end
    if embargo == 0 and not (has_gaps and in_time):
        tested = [bar for fold in every for bar in range(fold.test_start, fold.test_end)]
        assert tested == list(range(every[0].test_start, every[-1].test_end))
        assert len(bars) - every[-1].test_end < FEWEST
    assert every == folds(bars, spans)
    assert isinstance(every[0], Fold)
