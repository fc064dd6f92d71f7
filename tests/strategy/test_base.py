"""The base class: parameters that are declared once, checked, frozen, and told to others."""

import json
from typing import ClassVar, Literal

import numpy as np
import pytest
from pydantic import ValidationError

from research_kit.errors import ParameterError, StrategyError
from research_kit.strategy.base import Param, Strategy, snake_case
from research_kit.strategy.signals import Signals


class Example(Strategy):
    """Long while the close is above a level.

    More about it.
    """

    length: int = Param(20, ge=2, le=500, description="Bars")
    level: float = Param(0.5, gt=0, lt=1)
    side: Literal["long", "short"] = "long"
    stop: float | None = None

    def signals(self, bars):
        return Signals.target(bars.close > self.level)


class Needy(Example):
    wanted: float = Param(ge=1)


def test_defaults_and_given_values():
    assert Example().parameters() == {"length": 20, "level": 0.5, "side": "long", "stop": None}
    given = {"length": 5, "stop": 0.1}
    assert Example.with_parameters(given) == Example(length=5, stop=0.1)
    assert given == {"length": 5, "stop": 0.1}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"lenght": 3}, "example has no parameter 'lenght'. Did you mean 'length'?"),
        ({"zzz": 3}, "example has no parameter 'zzz'. Known: length, level, side, stop."),
        ({"length": 1}, "example: length=1: Input should be greater than or equal to 2."),
        ({"length": 501}, "example: length=501: Input should be less than or equal to 500."),
        ({"level": 0.0}, "example: level=0.0: Input should be greater than 0."),
        ({"level": 1.0}, "example: level=1.0: Input should be less than 1."),
        ({"level": float("nan")}, "example: level=nan: Input should be a finite number."),
        ({"stop": float("inf")}, "example: stop=inf: Input should be a finite number."),
        ({"length": 2.5}, "example: length=2.5: Input should be a valid integer, got a number with a fractional part."),
        ({"side": "both"}, "example: side='both': Input should be 'long' or 'short'."),
        (
            {"length": 0, "level": 3},
            "example: length=0: Input should be greater than or equal to 2; level=3: Input should be less than 1.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(given, sentence):
    with pytest.raises(ParameterError) as caught:
        Example.with_parameters(given)
    assert str(caught.value) == sentence


def test_a_parameter_without_default_must_be_given():
    with pytest.raises(ParameterError, match=r"^needy: wanted has no default and must be given\.$"):
        Needy.with_parameters({})
    assert Needy.with_parameters({"wanted": 2}).parameters()["wanted"] == 2.0


def test_texts_from_a_terminal_are_read():
    assert Example.with_parameters({"length": "7", "level": "0.25"}) == Example(length=7, level=0.25)


def test_a_strategy_never_changes():
    strategy = Example()
    with pytest.raises(ValidationError):
        strategy.length = 3
    assert hash(strategy) == hash(Example())
    assert len({strategy, Example(length=3), Example()}) == 2


def test_direct_construction_refuses_unknown_names():
    with pytest.raises(ParameterError, match="Did you mean 'length'"):
        Example(lenght=3)


def test_the_schema_holds_bounds_defaults_and_descriptions():
    schema = Example.model_json_schema()["properties"]
    assert schema["length"] == {
        "default": 20,
        "description": "Bars",
        "maximum": 500,
        "minimum": 2,
        "title": "Length",
        "type": "integer",
    }
    assert (schema["level"]["exclusiveMinimum"], schema["level"]["exclusiveMaximum"]) == (0, 1)
    assert schema["side"]["enum"] == ["long", "short"]


def test_parameters_are_json_both_ways():
    strategy = Example(length=3, stop=0.25)
    assert Example.with_parameters(json.loads(json.dumps(strategy.parameters()))) == strategy


def test_names_come_from_the_class_unless_given():
    class Named(Example):
        name: ClassVar[str] = "other"

    class Heir(Named):
        pass

    assert (Example.name, Named.name, Heir.name) == ("example", "other", "heir")
    cases = {"SmaCross": "sma_cross", "RSIReversion": "rsi_reversion", "Sma20Cross": "sma20_cross", "A": "a"}
    assert {name: snake_case(name) for name in cases} == cases


def test_the_description_is_the_first_line():
    assert Example.description() == "Long while the close is above a level."
    assert Needy.description() == ""


def test_a_strategy_is_written_in_one_of_two_ways(make_bars):
    class Empty(Strategy):
        pass

    class ByBars(Strategy):
        def on_bar(self, ctx):
            pass

    assert (Empty.style(), Example.style(), ByBars.style()) == ("none", "signals", "on_bar")
    with pytest.raises(StrategyError, match=r"empty does not define signals\(\)"):
        Empty().signals(make_bars(2))
    with pytest.raises(StrategyError, match=r"both defines both signals\(\) and on_bar\(\); keep the one"):

        class Both(ByBars):
            def signals(self, bars):
                return Signals.target(bars.close > 1)


def test_signals_come_from_the_bars(make_bars):
    bars = make_bars(5)
    np.testing.assert_array_equal(Example().signals(bars).exposure, np.ones(5, dtype=bool))
