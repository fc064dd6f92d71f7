"""A strategy that sleeps: called where it asked to be, or after something happened to it, and nowhere else."""

import numpy as np
import pytest
from twins import OPTIONS, PARAMETERS, TWINS, differs

import research_kit as rk
from research_kit.bars.timeframe import HOUR
from research_kit.engine.options import EngineOptions
from research_kit.engine.window import simulate_window
from research_kit.errors import SignalError
from research_kit.metrics.registry import METRICS
from research_kit.strategy.base import Strategy
from research_kit.strategy.signals import EVENTS

FREE = {"commission": 0.0, "sizing": "units", "size": 10.0}


def sleeper(awake, action=lambda ctx: None):
    """Return a strategy that does something where it is called, and the list of bars on which it was."""
    called: list[int] = []

    class Sleeps(rk.Strategy):
        """Is called where it wakes."""

        def wake(self, bars, indicators):
            return awake(bars) if callable(awake) else awake

        def on_bar(self, ctx):
            called.append(ctx.i)
            action(ctx)

    return Sleeps(), called


def flags(n: int, *bars: int) -> np.ndarray:
    marked = np.zeros(n, dtype=np.bool_)
    marked[list(bars)] = True
    return marked


@pytest.mark.parametrize(
    ("awake", "expected"),
    [
        (flags(9, 0, 4, 8), [0, 4, 8]),
        (flags(9), []),
        (~flags(9), list(range(9))),
        ([True, False] * 4 + [True], [0, 2, 4, 6, 8]),
        (None, list(range(9))),
        (lambda bars: bars.close > bars.close[3], None),
    ],
    ids=["some", "none", "all", "a list", "None: every bar", "of the bars"],
)
def test_it_is_called_where_it_asked_to_be(awake, expected, make_bars):
    bars = make_bars(9, sigma=0.01)
    strategy, called = sleeper(awake)
    rk.run_backtest(bars, strategy)
    assert called == (np.flatnonzero(bars.close > bars.close[3]).tolist() if expected is None else expected)


@pytest.mark.parametrize(
    ("awake", "told"),
    [
        (np.ones(9), r"it returned ndarray of shape \(9,\) that holds float64"),
        (np.ones(9, dtype=int), r"it returned ndarray of shape \(9,\) that holds int64"),
        (np.ones(8, dtype=bool), r"it returned ndarray of shape \(8,\) that holds bool"),
        (np.ones((9, 1), dtype=bool), r"it returned ndarray of shape \(9, 1\) that holds bool"),
        (True, r"it returned bool of shape \(\) that holds bool"),
        ([0, 3], r"it returned list of shape \(2,\) that holds int64"),
        ("always", r"it returned str of shape \(\)"),
    ],
)
def test_what_wake_must_return(awake, told, make_bars):
    strategy, called = sleeper(awake)
    wanted = rf"sleeps\.wake\(\) must return True or False for each of 9 bars, or None for all; {told}"
    with pytest.raises(SignalError, match=wanted):
        rk.run_backtest(make_bars(9), strategy)
    assert called == []


def test_wake_sees_the_bars_and_the_indicators(make_bars):
    seen = {}

    class Sees(rk.Strategy):
        """Keeps what wake is given."""

        def indicators(self, bars):
            return {"average": rk.indicators.sma(bars.close, 3)}

        def wake(self, bars, indicators):
            seen.update(bars=bars, indicators=indicators)
            return indicators["average"] > 0

        def on_bar(self, ctx): ...

    bars = make_bars(9)
    rk.run_backtest(bars, Sees())
    assert seen["bars"] is bars
    assert not seen["indicators"]["average"].flags.writeable
    assert np.isnan(seen["indicators"]["average"][:2]).all()


def test_a_raised_error_names_the_bar_that_woke_it(make_bars):
    strategy, _ = sleeper(flags(9, 6), lambda ctx: ctx["nothing"])
    with pytest.raises(rk.errors.MissingColumnError) as caught:
        rk.run_backtest(make_bars(9), strategy)
    assert caught.value.__notes__[0].startswith("sleeps.on_bar was at bar 6, ")


# after something happened


@pytest.mark.parametrize("seed", range(12))
def test_it_is_called_after_what_happened_and_nowhere_else(seed, make_bars):
    """Fills and exits on bars that nobody asked for, as the orders and trades tell of them afterwards."""
    random = np.random.default_rng(seed)
    n, bars = 400, make_bars(400, seed=seed, sigma=0.01)
    awake = random.random(n) < 0.05

    def action(ctx):
        if awake[ctx.i]:
            price = ctx["close"]
            ctx.buy(units=1, limit=price * 0.99, stop_loss=price * 0.96, take_profit=price * 1.01)
            if random.random() < 0.3:
                ctx.sell(units=2, stop=price * 0.97)

    strategy, called = sleeper(awake, action)
    run = rk.run_backtest(bars, strategy, **FREE).simulation
    happened = {bar for bar in run.orders["filled_bar"].tolist() if bar >= 0}
    exits = zip(run.trades["exit_bar"].tolist(), run.exit_labels(), strict=True)
    happened |= {bar for bar, label in exits if label != "end_of_data"}
    assert called == sorted({*np.flatnonzero(awake).tolist(), *happened})
    assert len(happened - set(np.flatnonzero(awake).tolist())) > 5


def test_a_call_can_ask_for_more(make_bars):
    """Each fill leads to the next order, although no bar but the first was asked for."""

    def action(ctx):
        if len(ctx.trades) < 5:
            ctx.close() if ctx.position else ctx.buy()

    strategy, called = sleeper(flags(40, 3), action)
    result = rk.run_backtest(make_bars(40, sigma=1e-4), strategy, **FREE)
    assert len(result.trades) == 5
    assert called == [3, *range(4, 14)]


def test_a_long_sleep_is_a_few_calls(make_bars):
    bars = make_bars(50_000, sigma=1e-4)
    strategy, called = sleeper(flags(50_000, 0, 40_000), lambda ctx: ctx.close() if ctx.position else ctx.buy())
    result = rk.run_backtest(bars, strategy, **FREE)
    assert called[:3] == [0, 1, 2]
    assert len(called) > 10  # each order is news for the next call
    quiet, called = sleeper(flags(50_000, 0, 40_000))
    assert rk.run_backtest(bars, quiet, **FREE).equity.eq(10_000.0).all()
    assert called == [0, 40_000]
    assert len(result.trades) > 100


def test_a_window_wakes_it_within_the_window_alone(make_bars):
    bars = make_bars(40)
    strategy, called = sleeper(lambda bars: flags(len(bars), 2, 9, 10, 15, 24))
    simulate_window(bars, strategy, EngineOptions(), 11, 25)
    assert called == [10, 15, 24]  # a fill at the open of bar 11 is asked for at the close of bar 10


# the same trades


def needs(strategy: Strategy, bars) -> np.ndarray:
    """Return the bars on which a rule has anything to say: its events, or where its target changes."""
    signals = strategy.signals(bars)
    if signals.exposure is None:
        return np.any([event for name in EVENTS if (event := getattr(signals, name)) is not None], axis=0)
    changed = np.diff(signals.exposure.astype(float), prepend=np.nan) != 0
    changed[0] = True
    return changed


def asleep(strategy: Strategy, twin: type[Strategy]) -> tuple[type[Strategy], list[int]]:
    """Return the on_bar twin of a strategy that sleeps where the strategy says nothing, and where it was called."""
    called: list[int] = []

    class Asleep(twin):
        """Sleeps where nothing is to be said."""

        def wake(self, bars, indicators):
            return needs(strategy, bars)

        def on_bar(self, ctx):
            called.append(ctx.i)
            super().on_bar(ctx)

    return Asleep, called


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", TWINS, ids=lambda kind: kind.name)
def test_sleeping_changes_no_trade(kind, options, make_bars):
    bars, chosen = make_bars(600, seed=4, sigma=0.01, step_ns=HOUR), EngineOptions(**OPTIONS[options])
    for parameters in PARAMETERS[kind.name]:
        for short in (False, True) if "short" in kind.model_fields else (None,):
            given = parameters | ({} if short is None else {"short": short})
            sleeping, called = asleep(kind(**given), TWINS[kind])
            rested, watched = (rk.run_backtest(bars, way(**given), chosen) for way in (sleeping, TWINS[kind]))
            assert differs(rested.simulation, watched.simulation, chosen) == []
            assert len(called) < 600
            assert rested.orders.equals(watched.orders)


def test_sleeping_strategies_in_a_sweep(make_bars):
    bars, kind = make_bars(600, sigma=0.01, step_ns=HOUR), rk.strategies.SmaCross

    class Dozes(TWINS[kind]):
        """Sleeps between crossings."""

        def wake(self, bars, indicators):
            return needs(kind(fast=self.fast, slow=self.slow, short=self.short), bars)

    grid = {"fast": [3, 5], "slow": [10, 20], "short": [False, True]}
    dozing, signals = (rk.run_sweep(bars, way, grid, stop_loss=0.03) for way in (Dozes, kind))
    for name in METRICS:
        np.testing.assert_allclose(dozing.metrics[name], signals.metrics[name], rtol=1e-9, atol=1e-9, err_msg=name)
