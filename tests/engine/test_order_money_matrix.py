"""What orders cost, how large they are, why they are rejected, and margin calls: by hand, asked of both engines.

See order_hands.py for how a hand reads; when and where orders fill is in test_order_matrix.py.
"""

import math

import pytest
from order_hands import SAME, Filled, Hand, buy, close, last, protect, sell, target
from order_scripts import Wish

F = Filled
SHORTLESS = {"allow_short": False}
ALL_IN = {"sizing": "fraction", "size": 1.0}
LEVERED = {"sizing": "fraction", "size": 2.0, "leverage": 2.0}  # 200 units at 100, 10,000 borrowed
CALLED = LEVERED | {"maintenance_margin": 0.25}  # at p: 200 p - 10,000 <= 50 p, so at 66.67
WILD = {1: (110.0,) * 4, 2: (99.0,) * 4}  # closes 100, 110, 99: returns +0.1 and -0.1
V = 0.1 * math.sqrt(2) * math.sqrt(365)  # their yearly volatility (ddof 1, daily bars)

NO_SHORTS = [
    Hand("a sell while flat", {0: [sell()]}, [], ["rejected"], options=SHORTLESS,
         also={"rejections": [(1, "short_not_allowed")]}),
    Hand("a size that would turn round closes", {0: [buy()], 1: [sell()]}, [(1, 100, 2, 100, "enter_short")],
         [F(1, 100), F(2, 100)], options=SHORTLESS, units=[10, -10], also={"rejections": [(2, "short_not_allowed")]}),
    Hand("units that would go through zero close", {0: [buy()], 1: [sell(units=15)]},
         [(1, 100, 2, 100, "enter_short")], [F(1, 100), F(2, 100)], options=SHORTLESS, units=[10, -10],
         also={"rejections": [(2, "short_not_allowed")]}),
    Hand("units that just close", {0: [buy()], 1: [sell(units=10)]}, [(1, 100, 2, 100, "exit_long")],
         [F(1, 100), F(2, 100)], options=SHORTLESS, also={"rejections": []}),
    Hand("before too_small while flat", {0: [sell(units=0.4)]}, [], ["rejected"],
         options=SHORTLESS | {"whole_units": True}, also={"rejections": [(1, "short_not_allowed")]}),
    Hand("too_small while long, as nothing would open", {0: [buy()], 1: [sell(units=0.4)]}, [last(1)],
         [F(1, 100), "rejected"], options=SHORTLESS | {"whole_units": True}, also={"rejections": [(2, "too_small")]}),
    Hand("a sell order that waits, reached while flat", {0: [sell(limit=102)]}, [], ["rejected"],
         {2: (100, 103, 99, 100)}, SHORTLESS, also={"rejections": [(2, "short_not_allowed")]}),
    Hand("a negative target is none", {0: [target(1)], 1: [target(-1)]}, [(1, 100, 2, 100, "exit_long")],
         [F(1), F(2)], options=SHORTLESS, also={"rejections": []}),
]  # fmt: skip

SIZES = [
    Hand("all-in at a limit with 0.2 %: value and commission are all the cash", {0: [buy(limit=98)]}, [last(2, 98)],
         [F(2, 98)], {2: (100, 101, 97, 100)}, ALL_IN | {"commission": 0.002},
         trade={"quantity": 10_000 / (98 * 1.002), "entry_commission": 10_000 - 10_000 / 1.002}),
    Hand("a limit has no slippage in its size either", {0: [buy(limit=98)]}, [(2, 98, 5, 99, "end_of_data")],
         [F(2, 98)], {2: (100, 101, 97, 100)}, ALL_IN | {"slippage": 0.01}, quantities=[10_000 / 98]),
    Hand("a stop order has: 10,000 / 103.02", {0: [buy(stop=102)]}, [(2, 103.02, 5, 99, "end_of_data")],
         [F(2, 103.02)], {2: (100, 103, 99, 101)}, ALL_IN | {"slippage": 0.01}, quantities=[10_000 / 103.02]),
    Hand("half of equity twice: a further lot of half of all of it", {0: [buy(0.5), buy(0.5)]}, [last(1), last(1)],
         [F(1, 100), F(1, 100)], options=ALL_IN, quantities=[50, 50]),
    Hand("equity at the fill: half of 5,000 + 50 x 120 at 120", {0: [buy(0.5)], 1: [buy(0.5)]},
         [last(1), last(2, 120)], [F(1, 100), F(2, 120)], {2: (120,) * 4}, ALL_IN | {"leverage": 2.0},
         quantities=[50, 5_500 / 120]),
    Hand("equity at a fill inside is that at its level: half of 5,000 + 50 x 90", {0: [buy(0.5)], 1: [buy(0.5,
         limit=90)]}, [last(1), last(2, 90)], [F(1, 100), F(2, 90)], {2: (100, 100, 85, 95)}, ALL_IN,
         quantities=[50, 4_750 / 90]),
    Hand("cash", {0: [buy(0.5, limit=98)]}, [last(2, 98)], [F(2, 98)], {2: (100, 101, 97, 100)},
         {"sizing": "cash", "size": 1_000.0}, quantities=[500 / 98]),
    Hand("after a reversal: the equity that the exit leaves, 10,000 + 10 x 10", {0: [buy(units=10)], 1: [sell()]},
         [(1, 100, 2, 110, "enter_short"), last(2, 110)], [F(1, 100), F(2, 110)], {2: (110,) * 4}, ALL_IN,
         quantities=[10, 10_100 / 110], sides=[1, -1]),
    Hand("risk: the order's stop, 1 % of 10,000 over 5", {0: [buy(stop_loss=95)]}, [last(1)], [F(1, 100)],
         options={"sizing": "risk", "size": 0.01}, quantities=[20]),
    Hand("risk at a limit: 98 itself, and 95 x 0.99 where the stop slips", {0: [buy(limit=98, stop_loss=95)]},
         [(2, 98, 2, 94.05, "stop_loss")], [F(2, 98)], {2: (100, 101, 94, 95)},
         {"sizing": "risk", "size": 0.01, "slippage": 0.01}, quantities=[100 / 3.95], trade={"pnl": -100}),
    Hand("risk: without a stop no size, but units", {0: [buy(), buy(units=7), buy(stop_loss=95)]}, [last(1), last(1)],
         ["rejected", F(1, 100), F(1, 100)], options={"sizing": "risk", "size": 0.01}, quantities=[7, 20],
         also={"rejections": [(1, "no_stop")]}),
    Hand("volatility up to the bar before, at a fill inside", {2: [buy(limit=98)]}, [last(3, 98)], [F(3, 98)],
         WILD | {3: (100, 100, 97, 100)}, {"sizing": "volatility", "size": 1.0, "volatility_window": 2},
         quantities=[10_000 / V / 98]),
    Hand("volatility up to the bar itself at its close", {2: [buy()]}, [last(2, 99)], [F(2, 99)], WILD,
         SAME | {"sizing": "volatility", "size": 1.0, "volatility_window": 2}, quantities=[10_000 / V / 99]),
    Hand("volatility unknown: no size, but units", {0: [buy(), buy(units=5)]}, [last(1)], ["rejected", F(1, 100)],
         options={"sizing": "volatility", "size": 1.0, "volatility_window": 2},
         also={"rejections": [(1, "no_volatility")]}),
    Hand("lots of 3: 9 of 10, then 3 of 5", {0: [buy(units=10)], 1: [close(units=5)]},
         [(1, 100, 2, 100, "exit_long"), last(1)], [F(1, 100), F(2, 100)], options={"lot": 3.0}, quantities=[3, 6]),
    Hand("whole units: 3 of 7 x 0.5, then all of the 4", {0: [buy(units=7.9)], 1: [close(0.5)], 2: [close(units=4.5)]},
         [(1, 100, 2, 100, "exit_long"), (1, 100, 3, 100, "exit_long")], [F(1, 100), F(2, 100), F(3, 100)],
         options={"whole_units": True}, quantities=[3, 4]),
    Hand("a size in whole units", {0: [buy(limit=98)]}, [last(2, 98)], [F(2, 98)], {2: (100, 101, 97, 100)},
         ALL_IN | {"whole_units": True}, quantities=[102]),
    Hand("lots of 3 through zero: 9 of 10, 3 of them close", {0: [buy(units=4)],
         1: [sell(units=10)]}, [(1, 100, 2, 100, "enter_short"), last(2)], [F(1, 100), F(2, 100)],
         options={"lot": 3.0}, quantities=[3, 6], units=[3, -9], sides=[1, -1]),
]  # fmt: skip

REJECTED = [
    Hand("units that round to nothing", {0: [buy(units=0.5)]}, [], ["rejected"], options={"whole_units": True},
         also={"rejections": [(1, "too_small")]}),
    Hand("a size that rounds to nothing", {0: [buy(0.05)]}, [], ["rejected"], options={"whole_units": True},
         also={"rejections": [(1, "too_small")]}),
    Hand("a part that rounds to nothing", {0: [buy(units=1)], 1: [close(0.5)]}, [last(1)], [F(1, 100), "rejected"],
         options={"whole_units": True}, also={"rejections": [(2, "too_small")]}),
    Hand("costs above the budget", {0: [buy()]}, [], ["rejected"],
         options={"sizing": "cash", "size": 5.0, "commission_per_order": 6.0}, also={"rejections": [(1, "too_small")]}),
    Hand("all that would be held counts: 120 x 100", {0: [buy(units=60)], 1: [buy(units=60)]}, [last(1)],
         [F(1, 100), "rejected"], quantities=[60], also={"rejections": [(2, "insufficient_cash")]}),
    Hand("all-in once more", {0: [buy(), buy()]}, [last(1)], [F(1, 100), "rejected"], options=ALL_IN,
         also={"rejections": [(1, "insufficient_cash")]}),
    Hand("twice the leverage", {0: [buy(2.0)]}, [], ["rejected"], options=ALL_IN,
         also={"rejections": [(1, "insufficient_cash")]}),
    Hand("commission tips the scale", {0: [buy(units=100)]}, [], ["rejected"], options={"commission_per_order": 1.0},
         also={"rejections": [(1, "insufficient_cash")]}),
    Hand("the exit of a reversal stands", {0: [buy()], 1: [sell(units=200)]}, [(1, 100, 2, 100, "enter_short")],
         [F(1, 100), F(2, 100)], units=[10, -10], also={"rejections": [(2, "insufficient_cash")]}),
    Hand("the exit of a sized reversal stands", {0: [buy(units=10)], 1: [sell()]}, [(1, 100, 2, 100, "enter_short")],
         [F(1, 100), F(2, 100)], options={"sizing": "risk", "size": 0.01}, also={"rejections": [(2, "no_stop")]}),
    Hand("a price of zero has units only", {0: [buy(), buy(units=10)]}, [last(1, 0)], ["rejected", F(1, 0)],
         {1: (0, 1, 0, 1)}, ALL_IN, also={"rejections": [(1, "price_not_positive")]}),
    Hand("a size in units at a price of zero", {0: [buy()]}, [last(1, 0)], [F(1, 0)], {1: (0, 1, 0, 1)}),
    Hand("leverage limits the size of a price below zero as well: 1,000 x 13", {0: [buy(units=1_000)]}, [],
         ["rejected"], {1: (-13, -12, -14, -13)}, also={"rejections": [(1, "insufficient_cash")]}),
    Hand("the price comes before the stop", {0: [buy()]}, [], ["rejected"], {1: (0, 1, 0, 1)},
         {"sizing": "risk", "size": 0.01}, also={"rejections": [(1, "price_not_positive")]}),
    Hand("an order that waited is gone once it was rejected", {0: [buy(units=101, limit=99.5)]}, [], ["rejected"],
         also={"rejections": [(1, "insufficient_cash")]}),
]  # fmt: skip

SLIP = {"slippage": 0.01}

COSTS = [
    Hand("a market order slips", {0: [buy()]}, [(1, 101, 5, 99, "end_of_data")], [F(1, 101)], options=SLIP),
    Hand("a stop order slips: 102 x 1.01", {0: [buy(stop=102)]}, [(2, 103.02, 5, 99, "end_of_data")], [F(2, 103.02)],
         {2: (100, 103, 99, 101)}, SLIP, trade={"slippage": 10 * (1.02 + 1), "entry_raw": 102}),
    Hand("a stop order at a gap slips: 105 x 1.01", {0: [buy(stop=102)]}, [(2, 106.05, 5, 99, "end_of_data")],
         [F(2, 106.05)], {2: (105, 106, 104, 105)}, SLIP),
    Hand("a limit does not", {0: [buy(limit=98)]}, [(2, 98, 5, 99, "end_of_data")], [F(2, 98)],
         {2: (100, 101, 97, 100)}, SLIP, trade={"slippage": 10}),
    Hand("nor at a gap", {0: [buy(limit=98)]}, [(2, 96, 5, 99, "end_of_data")], [F(2, 96)],
         {2: (96, 99, 95, 98)}, SLIP),
    Hand("a stop-limit does not", {0: [buy(stop=102, limit=103)]}, [(2, 102, 5, 99, "end_of_data")], [F(2, 102)],
         {2: (100, 103, 99, 101)}, SLIP),
    Hand("a closing stop slips: 96 x 0.99", {0: [buy()], 1: [close(stop=96)]}, [(1, 101, 3, 95.04, "exit_long")],
         [F(1, 101), F(3, 95.04)], {3: (100, 101, 95, 100)}, SLIP),
    Hand("a closing limit does not", {0: [buy()], 1: [close(limit=105)]}, [(1, 101, 3, 105, "exit_long")],
         [F(1, 101), F(3, 105)], {3: (100, 106, 99, 100)}, SLIP),
    Hand("a limit that turns round slips at neither end", {0: [buy(), sell(units=20, limit=105)]},
         [(1, 101, 3, 105, "enter_short"), (3, 105, 5, 101, "end_of_data")], [F(1, 101), F(3, 105)],
         {3: (100, 106, 99, 100)}, SLIP, sides=[1, -1], trade={"slippage": 10}),
    Hand("closing and opening are two orders: 3 each", {0: [buy(units=4)], 1: [sell(units=10)]},
         [(1, 100, 2, 100, "enter_short"), last(2)], [F(1, 100), F(2, 100)], options={"commission_per_order": 3.0},
         sides=[1, -1], also={"total_commission": 12}),
    Hand("lots that one order closes share its commission: 3 x 4/7 and 3 x 3/7", {0: [buy(units=4)],
         1: [buy(units=3)], 2: [close()]}, [(1, 100, 3, 100, "exit_long"), (2, 100, 3, 100, "exit_long")],
         [F(1, 100), F(2, 100), F(3, 100)], options={"commission_per_order": 3.0},
         trade={"commission": 3 + 12 / 7}, also={"total_commission": 9}),
    Hand("levels come from the fill price: 103.02 x 0.95, sold 1 % lower", {0: [buy(stop=102)]},
         [(2, 103.02, 2, 103.02 * 0.95 * 0.99, "stop_loss")], [F(2, 103.02)], {2: (100, 103, 97, 98)},
         SLIP | {"stop_loss": 0.05}, also={"ambiguous_bars": 1}),
    Hand("a level at the fill price lies beyond the raw one: 102 <= 103.02 x 0.999", {0: [buy(stop=102)]},
         [(2, 103.02, 2, 102 * 0.99, "stop_loss")], [F(2, 103.02)], {2: (100, 103, 101, 102)},
         SLIP | {"stop_loss": 0.001}, also={"ambiguous_bars": 0}),
    Hand("its target slips not", {0: [buy(stop=102, take_profit=104)]}, [(2, 103.02, 2, 104, "take_profit")],
         [F(2, 103.02)], {2: (100, 105, 99, 101)}, SLIP),
    Hand("the trailing stop of a new lot leaves out its bar: 95 on bar 3, then 105 x 0.95", {0: [buy(limit=100)]},
         [(2, 100, 5, 99.75, "trailing_stop")], [F(2, 100)],
         {1: (102, 103, 101, 102), 2: (102, 110, 99, 105), 3: (105, 105, 100, 101), 4: (101, 102, 100, 101)},
         {"trailing_stop": 0.05}),
    Hand("closed at the close of the bar inside which it opened: those two prices", {0: [buy(limit=98)],
         1: [Wish("close", {}, "long")]}, [(1, 98, 1, 99.5, "exit_long")], [F(1, 98), F(1, 99.5)],
         {1: (100, 110, 90, 99.5)}, SAME, trade={"max_profit": 15, "max_loss": 0}),
    Hand("opened and closed at one close", {0: [buy(), close()]}, [(0, 100, 0, 100, "exit_long")],
         [F(0, 100), F(0, 100)], {0: (100, 110, 90, 100)}, SAME, trade={"max_profit": 0, "max_loss": 0}),
]  # fmt: skip

GONE = {3: (90, 91, 40, 90)}  # 200 x 40 - 10,000 = -2,000
CALL = {3: (90, 91, 55, 90)}  # 200 x 55 - 10,000 = 1,000

MARGIN = [
    Hand("the end of the run cancels what waits", {0: [buy()], 1: [buy(units=1, limit=30), close(limit=120)],
         2: [close(limit=130, good_for=1)]}, [(1, 100, 3, 40, "liquidation")],
         [F(1, 100), "cancelled", "cancelled", "cancelled"], GONE, LEVERED, also={"liquidated": True}),
    Hand("the end of the run cancels orders, targets and levels that are not due", {0: [buy()], 2: [sell(), target(1),
         protect(stop_loss=30)]}, [(2, 100, 3, 40, "liquidation")], [F(2, 100), "cancelled", "cancelled", "cancelled"],
         GONE, LEVERED | {"delay": 1}, also={"liquidated": True}),
    Hand("a closing stop beyond the margin call does not fill", {0: [buy()], 1: [close(stop=60)]},
         [(1, 100, 3, 55, "liquidation")], [F(1, 100), "cancelled"], CALL, CALLED, also={"liquidations": 1}),
    Hand("one before it does", {0: [buy()], 1: [close(stop=70)]}, [(1, 100, 3, 70, "exit_long")],
         [F(1, 100), F(3, 70)], CALL, CALLED, also={"liquidations": 0}),
    Hand("at the open it fills, call or not", {0: [buy()], 1: [close(stop=70)]}, [(1, 100, 3, 60, "exit_long")],
         [F(1, 100), F(3, 60)], {3: (60, 61, 55, 60)}, CALLED, also={"liquidations": 0}),
    Hand("a buy below the margin call goes on waiting", {0: [buy()], 1: [buy(units=1, limit=60)]},
         [(1, 100, 3, 55, "liquidation"), last(4, 58)], [F(1, 100), F(4, 58)], CALL | {4: (58, 61, 57, 60)}, CALLED),
    Hand("a half that closes in time saves the rest: 100 p - 3,000 at 55", {0: [buy()], 1: [close(0.5, stop=70)]},
         [(1, 100, 3, 70, "exit_long"), last(1)], [F(1, 100), F(3, 70)], CALL, CALLED, also={"liquidations": 0}),
    Hand("the lot's stop at 60 fills once half is closed at 70: 100 x 60 - 3,000 > 1,500", {0: [buy(stop_loss=60)],
         1: [close(0.5, stop=70)]}, [(1, 100, 3, 70, "exit_long"), (1, 100, 3, 60, "stop_loss")],
         [F(1, 100), F(3, 70)], CALL, CALLED, also={"liquidations": 0}),
    Hand("a stop that fills in time saves the lot with the lower one: 100 x 60 - 3,000 > 1,500",
         {0: [buy(units=100, stop_loss=70), buy(units=100, stop_loss=60)]},
         [(1, 100, 3, 70, "stop_loss"), (1, 100, 3, 60, "stop_loss")], [F(1, 100), F(1, 100)], CALL, CALLED,
         also={"liquidations": 0}),
    Hand("oldest first: the lower stop is held back before the higher one fills, and the rest stays open",
         {0: [buy(units=100, stop_loss=60), buy(units=100, stop_loss=70)]}, [(1, 100, 3, 70, "stop_loss"), last(1)],
         [F(1, 100), F(1, 100)], CALL, CALLED, also={"liquidations": 0}),
    Hand("target_first: a lot held back at a gap is asked again at the open, once half is closed at 80",
         {0: [buy(stop_loss=70)], 2: [close(0.5, limit=80)]},
         [(1, 100, 3, 80, "exit_long"), (1, 100, 3, 60, "stop_loss")], [F(1, 100), F(3, 80)], {3: (60, 85, 55, 60)},
         CALLED | {"intrabar": "target_first"}, also={"liquidations": 0}),
    Hand("a buy order outlives the margin call", {0: [buy()], 1: [buy(units=5, limit=50)]},
         [(1, 100, 3, 55, "liquidation"), last(4, 50)], [F(1, 100), F(4, 50)], CALL | {4: (60, 61, 49, 60)}, CALLED),
    Hand("a stop-limit reached beyond the margin call is a limit from the next bar on", {0: [buy()],
         1: [sell(units=5, stop=60, limit=52)]}, [(1, 100, 3, 55, "liquidation"), last(4, 80)],
         [F(1, 100), F(4, 80)], CALL | {4: (80, 81, 79, 80)}, CALLED, sides=[1, -1]),
    Hand("a new lot can be called on its own bar", {0: [buy(limit=98)]}, [(2, 98, 2, 40, "liquidation")], [F(2, 98)],
         {2: (100, 101, 40, 90)}, LEVERED, also={"liquidated": True}, trade={"max_profit": 0}),
]  # fmt: skip

TABLES = {"shortless": NO_SHORTS, "size": SIZES, "rejected": REJECTED, "costs": COSTS, "margin": MARGIN}


@pytest.mark.parametrize(
    "hand", [pytest.param(hand, id=f"{table}: {hand.name}") for table, hands in TABLES.items() for hand in hands]
)
def test_hand_worked(hand, order_engine):
    hand.check(order_engine)
