"""What signals may be, and the sentence for each thing that they may not be."""

import numpy as np
import pytest

from research_kit.errors import SignalError
from research_kit.strategy.signals import MAX_LABEL, Signals

YES = np.array([True, False, False])
NO = ~YES


def test_events_are_kept_as_booleans():
    signals = Signals(enter_long=YES, exit_long=[0, 1, 0], enter_short=np.array([0.0, 0.0, 1.0]))
    assert len(signals) == 3
    assert signals.exit_long.dtype == np.bool_
    assert signals.enter_short.tolist() == [False, False, True]
    assert signals.exit_short is None
    assert signals.exposure is None


def test_objects_that_are_all_true_or_false_are_taken():
    assert Signals(enter_long=np.array([True, np.False_, False], dtype=object)).enter_long.tolist() == YES.tolist()


def test_a_target_is_kept_as_it_is():
    assert Signals.target(YES).exposure is YES
    exposure = Signals.target([1, -0.5, np.nan]).exposure
    np.testing.assert_array_equal(exposure, [1.0, -0.5, np.nan])
    assert exposure.dtype == np.float64
    np.testing.assert_array_equal(Signals.target(np.array([None, 1.0], dtype=object)).exposure, [np.nan, 1.0])


def test_a_target_of_small_whole_numbers_keeps_an_eighth_of_the_memory():
    target = np.array([0, 1, -1, 2], dtype=np.int8)
    assert Signals.target(target).exposure is target
    assert Signals.target(target.astype(np.int16)).exposure.dtype == np.float64


def test_empty_signals_are_signals():
    assert len(Signals.target([])) == 0
    assert len(Signals(enter_long=np.zeros(0, dtype=bool), enter_short=np.zeros(0, dtype=bool))) == 0


def test_labels_and_levels_go_with_them():
    signals = Signals(
        enter_long=YES,
        labels={"enter_long": ["a", "b", "c"], "exit_long": "x"},
        prices={"stop_loss": [1, 2, 3], "take_profit": np.array([np.nan, 2.0, 3.0])},
    )
    assert signals.prices["stop_loss"].dtype == np.float64
    assert Signals.target(YES, labels={"enter_long": "up"}, prices=signals.prices).labels == {"enter_long": "up"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {},
            "Signals need either a target exposure or at least one of enter_long, exit_long, enter_short, exit_short.",
        ),
        (
            {"enter_long": YES, "exposure": YES},
            "Signals need either a target exposure or at least one of enter_long, exit_long, enter_short, exit_short.",
        ),
        (
            {"enter_long": [1.0, np.nan, 0.0]},
            "enter_long must be True or False for each bar; bar 1 has nan. Decide what it means.",
        ),
        (
            {"exit_long": np.array([True, False, None], dtype=object)},
            "exit_long must be True or False for each bar; bar 2 has None. Decide what it means.",
        ),
        (
            {"enter_short": [0, 1, 2]},
            "enter_short must be True or False for each bar; bar 2 has 2. Decide what it means.",
        ),
        ({"exit_short": ["yes"]}, "exit_short must be True or False for each bar; it holds <U3."),
        (
            {"enter_long": YES, "exit_long": YES[:2]},
            "All signals must have one value for each bar; their shapes are {'enter_long': (3,), 'exit_long': (2,)}.",
        ),
        (
            {"enter_long": YES.reshape(3, 1)},
            "All signals must have one value for each bar; their shapes are {'enter_long': (3, 1)}.",
        ),
        (
            {"exposure": np.array(True)},
            "A target must have one value for each bar; its shape is ().",
        ),
        (
            {"enter_long": YES, "prices": {"stop_loss": [1.0]}},
            "All signals must have one value for each bar; their shapes are {'enter_long': (3,), 'stop_loss': (1,)}.",
        ),
        (
            {"enter_long": YES, "labels": {"enter_long": ["a"]}},
            "All signals must have one value for each bar; "
            "their shapes are {'enter_long': (3,), \"labels['enter_long']\": (1,)}.",
        ),
        ({"enter_long": NO, "enter_short": NO}, "Bar 1 enters long and short at once; choose one."),
        (
            {"exposure": np.array([0.0, -np.inf, 1.0])},
            "A target must be finite or NaN (keep); bar 1 has infinity.",
        ),
        ({"exposure": np.array(["1", "2"])}, "A target must be a number for each bar; it holds <U1."),
        (
            {"exposure": np.array([1.0, "up"], dtype=object)},
            "A target must be a number or NaN (keep) for each bar; it holds other objects.",
        ),
        (
            {"enter_long": YES, "prices": {"stop_los": [1.0, 2.0, 3.0]}},
            "There is no price level 'stop_los'. Did you mean 'stop_loss'?",
        ),
        (
            {"enter_long": YES, "prices": {"stop_loss": ["a", "b", "c"]}},
            "Price levels must be numbers or NaN (none), one for each bar.",
        ),
        (
            {"enter_long": YES, "labels": {"enter_lng": "a"}},
            "There is no event 'enter_lng' to label. Did you mean 'enter_long'?",
        ),
        (
            {"enter_long": YES, "labels": {"enter_long": ["a", None, "c"]}},
            "The labels of 'enter_long' must be texts, one for each bar or one for all.",
        ),
        (
            {"enter_long": YES, "labels": {"enter_long": 5}},
            "The labels of 'enter_long' must be texts, one for each bar or one for all.",
        ),
        (
            {"enter_long": YES, "labels": {"enter_long": "x" * (MAX_LABEL + 1)}},
            "A label has at most 100 characters; one of 'enter_long' has 101.",
        ),
    ],
)
def test_what_cannot_be_traded_is_refused(given, sentence):
    with pytest.raises(SignalError) as caught:
        Signals(**given)
    assert str(caught.value) == sentence


def test_labels_may_be_an_array_of_texts():
    assert len(Signals(enter_long=YES, labels={"enter_long": np.array(["a", "b", "c"])})) == 3
