"""What ``on_bar`` holds: the market and the account up to now, verbs that refuse in one sentence, and orders."""

import numpy as np
import pytest

import research_kit as rk
from research_kit.bars.frame import Bars
from research_kit.errors import MissingColumnError, OptionError, SignalError, StrategyError

DAY = 86_400_000_000_000
FREE = {"commission": 0.0, "sizing": "units", "size": 10.0}


@pytest.fixture
def bars():
    """Return eight days at 100 that rise by 1 a day."""
    close = 100.0 + np.arange(8)
    return Bars(DAY * np.arange(8), {"open": close, "high": close + 1, "low": close - 1, "close": close})


def run(bars, on_bar, indicators=None, **options):
    """Return the backtest of a strategy that is this function."""

    class Asks(rk.Strategy):
        """Asks what it is told to ask."""

        def on_bar(self, ctx):
            on_bar(ctx)

        def indicators(self, bars):
            return indicators(bars) if indicators else {}

    return rk.run_backtest(bars, Asks(), **FREE | options)


def at_bar(number, action):
    return lambda ctx: action(ctx) if ctx.i == number else None


# what is refused

TARGET = "oco takes a buy, a sell or a close; order 0 is a target."
WRONG = [
    (lambda ctx: ctx.buy(0), "size must be a number above 0; given was 0."),
    (lambda ctx: ctx.buy(-1.0), "size must be a number above 0; given was -1.0."),
    (lambda ctx: ctx.sell(np.nan), "size must be a number above 0; given was nan."),
    (lambda ctx: ctx.buy(np.inf), "size must be a number above 0; given was inf."),
    (lambda ctx: ctx.buy("all"), "size must be a number above 0; given was 'all'."),
    (lambda ctx: ctx.buy([1]), "size must be a number above 0; given was [1]."),
    (lambda ctx: ctx.buy(units=0), "units must be a number above 0; given was 0."),
    (lambda ctx: ctx.sell(units="many"), "units must be a number above 0; given was 'many'."),
    (lambda ctx: ctx.buy(1.0, units=2.0), "An order takes a size or units, not both."),
    (lambda ctx: ctx.sell(1.0, units=2.0), "An order takes a size or units, not both."),
    (lambda ctx: ctx.close(0.5, units=2.0), "close takes a part or units, not both."),
    (lambda ctx: ctx.close(1.5), "close takes a part of at most 1 (all of it); given was 1.5."),
    (lambda ctx: ctx.close(0.0), "part must be a number above 0; given was 0.0."),
    (lambda ctx: ctx.close(units=-3), "units must be a number above 0; given was -3."),
    (lambda ctx: ctx.buy(limit=np.nan), "limit is a finite price, or None for none; it is nan."),
    (lambda ctx: ctx.sell(stop=np.inf), "stop is a finite price, or None for none; it is inf."),
    (lambda ctx: ctx.close(limit="low"), "limit is a price; 'low' is none."),
    (lambda ctx: ctx.buy(stop_loss=np.nan), "stop_loss is a finite price, or None for none; it is nan."),
    (lambda ctx: ctx.buy(take_profit="far"), "take_profit is a price; 'far' is none."),
    (lambda ctx: ctx.target(1, stop_loss=np.inf), "stop_loss is a finite price, or None for none; it is inf."),
    (lambda ctx: ctx.protect(stop_loss="here"), "stop_loss is a price; 'here' is none."),
    (lambda ctx: ctx.protect(take_profit=np.inf), "take_profit is a finite price, or None for none; it is inf."),
    (lambda ctx: ctx.buy(good_for=3), "good_for is for orders with a limit or a stop; this one fills at once."),
    (lambda ctx: ctx.close(good_till="1970-01-09"),
     "good_till is for orders with a limit or a stop; this one fills at once."),
    (lambda ctx: ctx.buy(limit=90, good_for=0), "good_for is a whole number of bars, at least 1; given was 0."),
    (lambda ctx: ctx.buy(limit=90, good_for=2.5), "good_for is a whole number of bars, at least 1; given was 2.5."),
    (lambda ctx: ctx.buy(stop=90, good_for=True), "good_for is a whole number of bars, at least 1; given was True."),
    (lambda ctx: ctx.buy(oco=3), "oco takes another order, as buy, sell and close return it; not 3."),
    (lambda ctx: ctx.buy(oco=ctx.target(1)), TARGET),
    (lambda ctx: ctx.buy(oco=ctx.protect(stop_loss=5)), TARGET.replace("a target", "a protect")),
    (lambda ctx: ctx.cancel(ctx.target(1)), "A target is not cancelled; ask for another one, which replaces it."),
    (lambda ctx: ctx.protect(stop_loss=5).cancel(),
     "A protect is not cancelled; ask for another one, which replaces it."),
    (lambda ctx: ctx.buy(label="x" * 101), "A label is a text of at most 100 characters; given was 'xxxx"),
    (lambda ctx: ctx.target(1, label=7), "A label is a text of at most 100 characters; given was 7."),
    (lambda ctx: ctx.buy(labl="x"), "An order has no 'labl'; Did you mean 'label'?"),
    (lambda ctx: ctx.close(ocp=None), "An order has no 'ocp'; Did you mean 'oco'?"),
    (lambda ctx: ctx.buy(trailing=1), "An order has no 'trailing'; Known: good_for, good_till, label, oco."),
    (lambda ctx: ctx.target(np.nan), "A target must be a finite number; given was nan. Ask for nothing to keep it."),
    (lambda ctx: ctx.target(-np.inf), "A target must be a finite number; given was -inf. Ask for nothing to keep it."),
]  # fmt: skip


@pytest.mark.parametrize(("ask", "sentence"), WRONG)
def test_what_cannot_be_asked_for(ask, sentence, bars):
    with pytest.raises(SignalError) as caught:
        run(bars, at_bar(2, ask))
    assert str(caught.value).startswith(sentence)
    assert caught.value.__notes__ == ["asks.on_bar was at bar 2, 1970-01-03T00:00:00.000000000."]


def test_a_target_beyond_the_leverage(bars):
    with pytest.raises(SignalError, match=r"A target must lie within -1 and 1 \(leverage over size\); bar 2 has 1.5\."):
        run(bars, at_bar(2, lambda ctx: ctx.target(1.5)), sizing="fraction", size=1.0)
    with pytest.raises(SignalError, match=r"within -4 and 4 \(leverage over size\); bar 0 has -5\."):
        run(bars, lambda ctx: ctx.target(-5), sizing="fraction", size=0.5, leverage=2.0)
    assert len(run(bars, lambda ctx: ctx.target(4), sizing="fraction", size=0.5, leverage=2.0).trades) == 1


NEEDS_PRICES = [
    lambda ctx: ctx.buy(limit=90),
    lambda ctx: ctx.sell(stop=90),
    lambda ctx: ctx.buy(stop_loss=90),
    lambda ctx: ctx.sell(take_profit=90),
    lambda ctx: ctx.close(limit=90),
    lambda ctx: ctx.protect(stop_loss=90),
]


@pytest.mark.parametrize("ask", NEEDS_PRICES)
def test_orders_with_a_price_need_bars_that_tell_it(ask, bars):
    closes = Bars(bars.time_ns, {"close": bars.close})
    with pytest.raises(
        MissingColumnError, match="a stop, a limit or a target needs the column 'open'; these bars have"
    ):
        run(closes, ask, fill="same_close")
    no_range = Bars(bars.time_ns, {"open": bars.close, "close": bars.close})
    with pytest.raises(MissingColumnError, match="needs the column 'high'; these bars have open, close"):
        run(no_range, ask)
    assert len(run(no_range, lambda ctx: ctx.target(1)).trades) == 1


@pytest.mark.parametrize(
    ("look", "sentence"),
    [
        (lambda ctx: ctx["clsoe"], "There is no column or indicator 'clsoe'. Did you mean 'close'?"),
        (lambda ctx: ctx["fats"], "There is no column or indicator 'fats'. Did you mean 'fast'?"),
        (lambda ctx: ctx.bars.clsoe, "There is no column 'clsoe'. Did you mean 'close'?"),
        (lambda ctx: ctx.bars["volume"], "There is no column 'volume'. Known: close, high, low, open, time."),
        (lambda ctx: ctx.indicators.fats, "There is no indicator 'fats'. Did you mean 'fast'?"),
        (lambda ctx: ctx.indicators["close"], "There is no indicator 'close'. Known: fast."),
    ],
)
def test_a_name_that_is_not_there(look, sentence, bars):
    with pytest.raises(MissingColumnError) as caught:
        run(bars, look, lambda bars: {"fast": bars.close})
    assert str(caught.value) == sentence


def test_a_time_that_cannot_be_read(bars):
    with pytest.raises((OptionError, SignalError), match="good_till"):
        run(bars, lambda ctx: ctx.buy(limit=90, good_till="soon"))


def test_what_a_strategy_raises_carries_the_bar(bars):
    def on_bar(ctx):
        if ctx.i == 5:
            raise KeyError("volume2")

    with pytest.raises(KeyError, match="volume2") as caught:
        run(bars, on_bar)
    assert caught.value.__notes__ == ["asks.on_bar was at bar 5, 1970-01-06T00:00:00.000000000."]


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (lambda bars: {"fast": bars.close[1:]}, "The indicator 'fast' needs one number for each of 8 bars; it has"),
        (lambda bars: {"fast": 3.0}, "The indicator 'fast' needs one number for each of 8 bars; it has the shape (1,)"),
        (lambda bars: {"fast": bars.close[:, None]}, "The indicator 'fast' needs one number for each of 8 bars;"),
        (
            lambda bars: {"fast": ["a"] * 8},
            "The indicator 'fast' needs one number for each of 8 bars; it has the shape",
        ),
        (lambda bars: {"close": bars.close}, "The indicator 'close' has the name of a column of the bars; call it"),
        (lambda bars: bars.close, "asks.indicators() must return arrays by name; it returned ndarray."),
        (lambda bars: None, "asks.indicators() must return arrays by name; it returned NoneType."),
    ],
)
def test_indicators_that_are_refused(made, sentence, bars):
    class Asks(rk.Strategy):
        """Declares an indicator."""

        def indicators(self, bars):
            return made(bars)

        def on_bar(self, ctx): ...

    with pytest.raises(SignalError) as caught:
        rk.run_backtest(bars, Asks())
    assert str(caught.value).startswith(sentence)


def test_a_strategy_is_written_in_one_way():
    with pytest.raises(StrategyError, match=r"both_ways defines both signals\(\) and on_bar\(\); keep the one"):

        class BothWays(rk.Strategy):
            """Defines both."""

            def signals(self, bars): ...

            def on_bar(self, ctx): ...


# what is seen


def test_nothing_beyond_this_bar_is_shown(bars):
    average, flags = np.arange(8.0), bars.close > 103
    seen = []

    def on_bar(ctx):
        for name in ("open", "high", "low", "close", "time"):
            assert len(getattr(ctx.bars, name)) == ctx.i + 1
        assert ctx.bars.close.tolist() == ctx.bars["close"].tolist() == bars.close[: ctx.i + 1].tolist()
        assert ctx.indicators.average.tolist() == average[: ctx.i + 1].tolist()
        assert ctx.indicators["flags"].dtype == np.bool_
        assert (ctx["close"], ctx["average"], ctx["flags"]) == (100.0 + ctx.i, float(ctx.i), ctx.i > 3)
        assert ctx.bars.close[-1] == ctx["close"]
        assert ctx.time == ctx.bars.time[-1] == bars.time[ctx.i]
        assert len(ctx.bars) == len(ctx.indicators) == ctx.i + 1
        assert ("close" in ctx.bars, "average" in ctx.bars, "average" in ctx.indicators) == (True, False, True)
        assert dir(ctx.bars) == ["close", "high", "low", "open", "time"]
        with pytest.raises(IndexError):
            ctx.bars.close[ctx.i + 1]
        seen.append(ctx.i)

    run(bars, on_bar, lambda bars: {"average": average, "flags": flags})
    assert seen == list(range(8))


def test_nothing_that_is_seen_can_be_written_to(bars):
    own = np.arange(8.0)

    def on_bar(ctx):
        ctx.target(ctx.i % 2)
        arrays = [ctx.bars.close, ctx.bars.time, ctx.indicators.own, ctx.trades, ctx.position.lots]
        assert not any(array.flags.writeable for array in arrays)
        with pytest.raises(ValueError, match="read-only"):
            ctx.bars.close[0] = 1.0
        with pytest.raises((TypeError, AttributeError)):
            ctx["close"] = 1.0

    run(bars, on_bar, lambda bars: {"own": own})
    assert own.flags.writeable  # the strategy's own array stays its own
    assert own.tolist() == list(range(8))


def test_the_account_and_the_position(bars):
    seen = {}

    def on_bar(ctx):
        if ctx.i == 0:
            ctx.buy(units=4, stop_loss=50)
        if ctx.i == 2:
            ctx.sell(units=6, label="turn")
        position = ctx.position
        seen[ctx.i] = (bool(position), position.units, position.side, position.entry_price, position.entry_bar)
        assert ctx.equity == pytest.approx(ctx.cash + position.units * ctx["close"])
        assert len(ctx.trades) == (1 if ctx.i >= 3 else 0)
        if ctx.i == 2:
            assert position.pnl == pytest.approx(4.0)
            assert position.lots["stop"].tolist() == [50.0]
            assert np.isnan(position.lots["target"]).all()
            assert position.lots.dtype.names == ("entry_bar", "side", "units", "price", "stop", "target")
        if ctx.i == 4:
            assert (position.pnl, ctx.trades["pnl"][-1]) == (pytest.approx(-2.0), pytest.approx(8.0))
            assert repr(position) == "Position(-2 units)"

    run(bars, on_bar)
    assert seen[0] == (False, 0.0, 0, None, None)
    assert seen[1] == seen[2] == (True, 4.0, 1, 101.0, 1)
    assert seen[3] == (True, -2.0, -1, 103.0, 3)


def test_state_is_empty_at_the_beginning_of_each_run(bars):
    seen = []

    class Remembers(rk.Strategy):
        """Counts its calls."""

        def on_bar(self, ctx):
            ctx.state.calls = getattr(ctx.state, "calls", 0) + 1
            seen.append(ctx.state.calls)

    strategy = Remembers()
    rk.run_backtest(bars, strategy)
    rk.run_backtest(bars, strategy)
    assert seen == [*range(1, 9), *range(1, 9)]
    rk.run_sweep(bars, strategy, {}, objective="total_return")
    assert seen[16:] == [*range(1, 9)]


def test_two_runs_are_identical(make_bars):
    def on_bar(ctx):
        ctx.cancel()
        if ctx["close"] > ctx.bars.close[-5:].mean():
            ctx.buy(0.3, limit=ctx["close"] * 0.999, stop_loss=ctx["close"] * 0.99, good_for=3)
        else:
            ctx.close(0.5)

    bars = make_bars(300, sigma=0.01)
    one, two = (run(bars, on_bar, sizing="fraction", size=1.0).simulation for _ in range(2))
    assert one.equity.tobytes() == two.equity.tobytes()
    assert one.trades.tobytes() == two.trades.tobytes()
    assert one.orders.tobytes() == two.orders.tobytes()
    assert len(one.trades) > 50


def test_no_bars():
    empty = Bars(np.empty(0, dtype=np.int64), {name: np.empty(0) for name in ("open", "high", "low", "close")})
    result = run(empty, lambda ctx: ctx.buy())
    assert (len(result.trades), len(result.equity), len(result.orders)) == (0, 0, 0)


# orders


def test_an_order_tells_how_it_stands(bars):
    kept = {}

    def on_bar(ctx):
        if ctx.i == 0:
            kept["bought"] = ctx.buy(units=3)
            kept["waits"] = ctx.buy(limit=50.0, units=1)
            kept["both"] = ctx.sell(stop=98.0, limit=97.5, units=1, oco=kept["waits"])
            bought, waits = kept["bought"], kept["waits"]
            assert (bought.state, bought.waits, bought.filled_bar, bought.filled_price) == ("waiting", True, None, None)
            assert (bought.filled_units, bought.made, bought.limit, bought.stop) == (0.0, 0, None, None)
            assert (waits.kind, waits.limit, kept["both"].kind, kept["both"].stop) == ("buy", 50.0, "sell", 98.0)
            assert [order.number for order in ctx.orders] == [0, 1, 2]
        if ctx.i == 1:
            assert [order.number for order in ctx.orders] == [1, 2]
            kept["waits"].cancel()
            kept["waits"].cancel()  # one that has ended stays as it is
            kept["bought"].cancel()
            kept["closes"] = ctx.close(0.5)
            assert [order.number for order in ctx.orders] == [2, 3]
        if ctx.i == 2:
            ctx.cancel(kept["both"])
            kept["goal"], kept["levels"] = ctx.target(1), ctx.protect(take_profit=None)
            assert ctx.orders == ()
            assert ctx.target(1) is kept["goal"]  # asked for before
            assert ctx.target(1, label="again") is not kept["goal"]

    result = run(bars, on_bar, slippage=0.01)
    bought = kept["bought"]
    assert (bought.state, bought.waits, bought.filled_bar) == ("filled", False, 1)
    assert bought.filled_price == pytest.approx(101 * 1.01)
    assert (bought.filled_units, kept["closes"].filled_units) == (3.0, -1.5)
    assert [kept[name].state for name in ("waits", "both", "goal", "levels")] == [
        "cancelled", "cancelled", "cancelled", "filled"]  # fmt: skip
    assert [kept[name].kind for name in ("closes", "goal", "levels")] == ["close", "target", "protect"]
    assert repr(bought) == "Order(0, buy, filled)"
    table = result.orders
    assert table["kind"].tolist() == ["buy", "buy", "sell", "close", "target", "protect", "target"]
    assert table["label"].tolist() == [""] * 6 + ["again"]
    assert table["made"].tolist() == [0, 0, 0, 1, 2, 2, 2]


def test_cancelling_all_leaves_targets_and_levels_alone(bars):
    states = {}

    def on_bar(ctx):
        if ctx.i == 0:
            states["orders"] = [ctx.buy(units=1), ctx.buy(limit=90.0), ctx.target(0.5), ctx.protect(stop_loss=80.0)]
            ctx.cancel()

    run(bars, on_bar)
    assert [order.state for order in states["orders"]] == ["cancelled", "cancelled", "filled", "filled"]


def test_more_orders_than_the_first_room(make_bars):
    """Each bar makes several, and the handles of the first still tell what became of them."""
    kept = []

    def on_bar(ctx):
        kept.extend(ctx.buy(units=1, limit=1e-3) for _ in range(4))
        if ctx.i % 100 == 99:
            ctx.cancel()

    result = run(make_bars(400), on_bar)
    assert len(result.orders) == len(kept) == 1_600
    assert {order.state for order in kept} == {"cancelled"}
    assert [order.made for order in kept] == [bar for bar in range(400) for _ in range(4)]
