"""Sets that the strategy does not take, and sets that fail: told apart, and none of them harms another."""

import numpy as np
import pytest
from searched import Protected, Quotient, Trend, Troubled, Writer, WriterOnBar

import research_kit as rk
from research_kit.bars.frame import Bars
from research_kit.errors import NotFoundError, ParameterError
from research_kit.metrics.registry import METRICS
from research_kit.search.evaluate import LONGEST_ERROR, Evaluator, Task

FAILURES = {
    "raises": "KeyError: 'volume2'",
    "raises a megabyte": "ValueError: xxx",
    "raises without words": "UnspeakableError: (its message could not be read)",
    "returns nothing": "SignalError: troubled.signals() must return rk.Signals; it returned NoneType.",
    "is too short": "SignalError: Signals need one value for each bar: 400 bars, 399 signals.",
    "has NaN": "SignalError: enter_long must be True or False for each bar; bar 3 has nan.",
    "is beyond the leverage": "SignalError: A target must lie within -1 and 1 (leverage over size); bar 0 has 1.5.",
}


def alone(bars, strategy, **options) -> dict[str, float]:
    metrics = rk.run_backtest(bars, strategy, **options).metrics
    return {name: np.nan if value is None else value for name, value in metrics.items()}


def of_set(sweep, at) -> dict[str, float]:
    return {name: sweep.metrics[name][at] for name in METRICS}


def test_each_failure_has_its_words_and_the_others_their_numbers(bars):
    ways = ["well", *FAILURES]
    sweep = rk.run_sweep(bars, Troubled, {"length": [10, 20], "how": ways})
    assert len(sweep) == 16
    for at, one in enumerate(sweep.sets):
        if one["how"] == "well":
            assert of_set(sweep, at) == pytest.approx(alone(bars, Trend(length=one["length"])), nan_ok=True)
            assert at not in sweep.errors
        else:
            assert sweep.errors[at].startswith(FAILURES[one["how"]])
            assert len(sweep.errors[at]) <= LONGEST_ERROR
            assert np.isnan(list(of_set(sweep, at).values())).all()
            assert np.isnan(sweep.returns[at]).all()
    assert sweep.ranking.tolist() == sorted([0, 8], key=lambda at: -sweep.scores[at])
    assert sweep.table["error"].ne("").sum() == 14
    assert sweep.refused == []


def test_what_the_strategy_does_not_take_is_no_trial(bars):
    sweep = rk.run_sweep(bars, rk.strategies.SmaCross, {"fast": [5, 20, 250], "slow": [10, 30]})
    assert [tuple(one.values()) for one in sweep.sets] == [(5, 10), (5, 30), (20, 30)]
    assert sweep.errors == {}
    assert [(one["fast"], one["slow"]) for one, _ in sweep.refused] == [(20, 10), (250, 10), (250, 30)]
    assert sweep.refused[0][1] == "sma_cross: fast must be below slow; fast is 20, slow is 10."
    assert "fast=250: Input should be less than or equal to 200" in sweep.refused[2][1]
    assert len(sweep.refusals) == 3


def test_options_that_the_engine_does_not_take_are_refused_with_their_sets(bars):
    """Some of a grid's combinations contradict each other: those alone are left out."""
    grid = {"size": [0.5, 2.0], "leverage": [1.0, 2.0]}
    sweep = rk.run_sweep(bars, Trend, grid)
    assert [tuple(one.values()) for one in sweep.sets] == [(0.5, 1.0), (0.5, 2.0), (2.0, 2.0)]
    ((one, why),) = sweep.refused
    assert one == {"size": 2.0, "leverage": 1.0}
    assert why == "The engine: size=2 of equity needs leverage of at least 2; leverage is 1."
    evaluator = Evaluator(bars, Task(Trend, rk.EngineOptions()))
    with pytest.raises(rk.errors.OptionError, match="needs leverage of at least 2"):
        evaluator.settings({"size": 2.0})


def test_a_check_that_raises_what_it_should_not(bars):
    sweep = rk.run_sweep(bars, Quotient, {"length": [20], "parts": [0, 1, 2, 30]})
    assert [one["parts"] for one in sweep.sets] == [1, 2]
    assert [why.split(":")[0] for _, why in sweep.refused] == ["ZeroDivisionError", "quotient"]


def test_all_sets_refused(bars):
    with pytest.raises(ParameterError) as caught:
        rk.run_sweep(bars, rk.strategies.SmaCross, {"fast": [300, 400]})
    sentence = "sma_cross takes none of 2 sets: sma_cross: fast=300: Input should be less than or equal to 200."
    assert str(caught.value) == sentence


def test_all_sets_failed(bars):
    sweep = rk.run_sweep(bars, Troubled(how="raises"), {"length": [10, 20]})
    assert sweep.errors == {0: "KeyError: 'volume2'", 1: "KeyError: 'volume2'"}
    assert len(sweep) == len(sweep.table) == 2
    assert sweep.top().empty
    assert repr(sweep) == "SweepResult(troubled, 2 sets, no set has a value)"
    for which in ("best", "broadest"):
        with pytest.raises(NotFoundError) as caught:
            getattr(sweep, which)
        assert str(caught.value) == "No set of 2 has a sharpe_ratio. The first failed with: KeyError: 'volume2'"


def test_some_refused_and_the_rest_failed(bars):
    sweep = rk.run_sweep(bars, Troubled(how="raises"), {"length": [10, "long"]})
    assert (len(sweep), len(sweep.errors), len(sweep.refused)) == (1, 1, 1)


def test_only_what_asks_for_columns_that_are_missing_fails(bars):
    closes = Bars(bars.time_ns, {"close": bars.close})
    sweep = rk.run_sweep(closes, Protected, {"levels": [False, True]}, fill="same_close")
    assert sweep.errors.keys() == {1}
    assert sweep.errors[1].startswith("MissingColumnError: a stop, a limit or a target needs the column 'open'")
    assert sweep.value("total_trades", 0) == 1.0
    fills = rk.run_sweep(closes, Trend, {"length": [10], "fill": ["next_open", "same_close"]})
    assert fills.errors.keys() == {0}
    assert fills.errors[0].startswith("MissingColumnError: fill='next_open' needs the column 'open'")


class BrokenOnBar(rk.Strategy):
    """Breaks at a bar; the first set does not."""

    at: int = 1_000
    limit: float | None = None

    def on_bar(self, ctx):
        if ctx.i == self.at:
            raise ValueError(f"no bar {ctx.i}")
        if self.limit is not None:
            ctx.buy(limit=self.limit)
        ctx.target(1.0 if ctx.i % 7 < 4 else 0.0)


def test_event_strategies_that_fail(bars):
    sweep = rk.run_sweep(bars, BrokenOnBar, {"at": [1_000, 5, 399], "limit": [None, 0.5]})
    assert sweep.errors == {2: "ValueError: no bar 5", 3: "ValueError: no bar 5", 4: "ValueError: no bar 399",
                            5: "ValueError: no bar 399"}  # fmt: skip
    for at in (0, 1):
        wanted = alone(bars, BrokenOnBar(**sweep.sets[at]))
        assert of_set(sweep, at) == pytest.approx(wanted, nan_ok=True)
    closes = Bars(bars.time_ns, {"close": bars.close})
    few = rk.run_sweep(closes, BrokenOnBar, {"limit": [None, 0.5]}, fill="same_close")
    assert few.errors.keys() == {1}
    assert few.errors[1].startswith("MissingColumnError: a stop, a limit or a target needs the column")


# strategies that write into their indicators


@pytest.mark.parametrize("strategy", [Writer, WriterOnBar])
def test_a_strategy_that_writes_into_its_indicators_does_what_it_does_alone(strategy, bars):
    """What is remembered is read-only, and shared: neither may such a set fail, nor spoil the others."""
    sweep = rk.run_sweep(bars, strategy, {"length": [10, 20], "writes": [False, True]}, workers=1)
    assert sweep.errors == {}
    for at, one in enumerate(sweep.sets):
        assert of_set(sweep, at) == pytest.approx(alone(bars, strategy(**one)), nan_ok=True)
    written, read = of_set(sweep, 1), of_set(sweep, 0)
    assert written["total_return"] != pytest.approx(read["total_return"])


def test_one_that_writes_does_not_spoil_the_one_after_it(bars):
    sweep = rk.run_sweep(bars, Writer, {"writes": [True, False], "length": [15]}, workers=1)
    assert of_set(sweep, 1) == pytest.approx(alone(bars, Writer(writes=False, length=15)), nan_ok=True)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_who_wants_to_stop_is_let(error, bars):
    class Stops(rk.Strategy):
        """Stops the program."""

        length: int = 1

        def signals(self, bars):
            raise error

    with pytest.raises(error):
        rk.run_sweep(bars, Stops, {"length": range(3)})
