"""The fill matrix and vectorbt's stops (sections P and E of the oracles) asked for with orders, of both engines.

The figures on real data are in test_oracles.py, for signals and orders alike.
"""

import pytest
from oracles import AT_CLOSE, FALLING, VECTORBT, around
from order_cases import OrderCase
from order_hands import Filled, Hand, buy, close, last, sell

import research_kit as rk

F = Filled
LEVELS = {"stop_loss": 0.05, "take_profit": 0.1}  # of 100: 95 and 110

# Six flat bars, one of them changed: which one, how, and where a position from 100 leaves.
EXITS = {
    "both hit: the stop": (3, (100, 112, 92, 100), 95, "stop"),
    "a gap through the stop": (3, (90, 96, 88, 92), 90, "stop"),
    "a gap through the target": (3, (120, 125, 118, 122), 120, "target"),
    "the stop on the bar of entry": (1, (100, 101, 80, 100), 95, "stop"),
}


def exits(name):
    """Return the ways of asking for a stop at 95 and a target at 110, all with the same fill."""
    bar, changed, price, level = EXITS[name]
    label = "stop_loss" if level == "stop" else "take_profit"
    trade, bars = (1, 100, bar, price), {bar: changed}
    bracket = {0: [buy(), close(stop=95), close(limit=110, oco=1)]}
    ended = [F(bar, price), "cancelled"] if level == "stop" else ["cancelled", F(bar, price)]
    return [
        Hand(f"{name}, options", {0: [buy()]}, [(*trade, label)], [F(1, 100)], bars, LEVELS),
        Hand(f"{name}, levels", {0: [buy(stop_loss=95, take_profit=110)]}, [(*trade, label)], [F(1, 100)], bars),
        Hand(f"{name}, closing orders", bracket, [(*trade, "exit_long")], [F(1, 100), *ended], bars),
    ]


ENTRIES = [
    Hand("a limit at the low", {0: [buy(limit=95)]}, [last(3, 95)], [F(3, 95)], {3: (100, 101, 95, 100)}),
    Hand("a gap through the limit", {0: [buy(limit=95)]}, [last(3, 90)], [F(3, 90)], {3: (90, 96, 88, 92)}),
    Hand("a gap through the stop", {0: [buy(stop=105)]}, [last(3, 110)], [F(3, 110)], {3: (110, 112, 108, 110)}),
    Hand("an open trade is marked at the last close", {0: [buy()]}, [last(1)], [F(1, 100)], {5: (97, 101, 96, 100)},
         also={"equity": [10_000.0] * 6}),
]  # fmt: skip
MATRIX = [*(hand for name in EXITS for hand in exits(name)), *ENTRIES]
MATRIX += [hand.mirrored() for hand in MATRIX]


@pytest.mark.parametrize("hand", MATRIX, ids=lambda hand: hand.name)
def test_the_fill_matrix(hand, order_engine):
    hand.check(order_engine)


def test_all_in_leaves_no_cash(order_engine):
    options = {"sizing": "fraction", "size": 1.0, "commission": 0.002, "close_at_end": False}
    case = Hand("", {0: [buy()]}, [], [], options=options).case()
    result = order_engine(case.bars(), case.player(), case.engine_options())
    assert result.cash[-1] == pytest.approx(0.0, abs=1e-9)
    assert result.units[-1] == pytest.approx(99.8003992015968)


def stopped(order_engine, closes, options, *wishes, flat=False):
    """Return where the one trade of orders made on bar 0 of vectorbt's bars ended."""
    rows = around(closes, flat=flat)
    case = OrderCase(rows=rows, options=AT_CLOSE | options, script=[list(wishes), *([] for _ in rows[1:])])
    (trade,) = order_engine(case.bars(), case.player(), case.engine_options()).trades
    assert trade.entry_bar == 0
    return trade.exit_bar, pytest.approx(trade.exit_price, rel=1e-12)


@pytest.mark.parametrize(("closes", "flat", "side", "options", "exit_bar", "exit_price"), VECTORBT)
def test_stops_of_vectorbt(closes, flat, side, options, exit_bar, exit_price, order_engine):
    plain = {name: value for name, value in options.items() if name != "level"}
    levels = {"stop_loss": options["level"]} if "level" in options else {}
    wish = buy(**levels) if side > 0 else sell(**levels)
    assert stopped(order_engine, closes, plain, wish, flat=flat) == (exit_bar, exit_price)


@pytest.mark.parametrize(
    ("closes", "flat", "options", "exit_bar", "exit_price"),
    [(closes, flat, *rest) for closes, flat, _, *rest in VECTORBT if "trailing_stop" not in rest[0]],
)
def test_stops_of_vectorbt_as_closing_orders(closes, flat, options, exit_bar, exit_price, order_engine):
    level = options.get("level") or closes[0] * (1 - options["stop_loss"])
    slippage = {"slippage": options.get("slippage", 0.0)}
    wishes = (buy(), close(stop=level))
    assert stopped(order_engine, closes, slippage, *wishes, flat=flat) == (exit_bar, exit_price)


@pytest.mark.parametrize(("level", "exit_bar", "exit_price"), [(4.75, 1, 4.25), (2.5, 2, 2.5), (1.25, 4, 1.25)])
def test_stop_limits_of_vectorbt_slip_not(level, exit_bar, exit_price, order_engine):
    wishes = (buy(), close(stop=level, limit=1.0))
    assert stopped(order_engine, FALLING, {"slippage": 0.1}, *wishes) == (exit_bar, exit_price)


@pytest.mark.parametrize(("level", "exit_bar", "exit_price"), [(4.75, 1, 3.6), (2.5, 2, 2.7), (1.25, 4, 0.9)])
def test_stops_of_vectorbt_at_the_close(level, exit_bar, exit_price):
    """A stop that is looked at on each bar, and left at its close; nothing acts at the last close, so one more bar."""

    class AtTheClose(rk.Strategy):
        def on_bar(self, ctx):
            if ctx.i == 0:
                ctx.buy()
            elif ctx["low"] <= level:
                ctx.close()

    case = OrderCase(rows=around((*FALLING, 1.0)), options=AT_CLOSE | {"slippage": 0.1})
    (trade,) = rk.run_backtest(case.bars(), AtTheClose(), case.engine_options()).simulation.trades
    assert trade["exit_bar"] == exit_bar
    assert trade["exit_price"] == pytest.approx(exit_price, rel=1e-12)
