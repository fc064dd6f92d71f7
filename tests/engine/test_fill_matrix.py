"""Five- and six-bar cases worked out by hand from docs/semantics.md, each asked of both engines.

Unless a row says otherwise: every bar is (100, 101, 99, 100), a long position of 10 units is asked for on bar 0, fills
are at the next open, nothing costs anything, and what is open at the end closes at the last close. ``expected`` lists
the trades as (entry bar, entry price, exit bar, exit price, exit label).
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from cases import NAN, Case
from oracles import AT_CLOSE, VECTORBT, around

FLAT = (100.0, 101.0, 99.0, 100.0)
SAME = {"fill": "same_close"}
STOP, TARGET = {"stop_loss": 0.05}, {"take_profit": 0.1}
BOTH = {**STOP, **TARGET}

Trade = tuple[int, float, int, float, str]


@dataclass(frozen=True)
class Hand:
    """One hand-worked case: what is changed, and what must come of it."""

    name: str
    expected: list[Trade]
    bars: dict[int, tuple[float, float, float, float]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    target: list[float] | None = None
    enter_long: tuple[int, ...] = (0,)
    exit_long: tuple[int, ...] = ()
    enter_short: tuple[int, ...] = ()
    exit_short: tuple[int, ...] = ()
    prices: dict[str, list[float]] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)
    synthetic: tuple[int, ...] = ()
    count: int = 6
    also: dict[str, Any] = field(default_factory=dict)  # fields of the result
    trade: dict[str, float] = field(default_factory=dict)  # fields of the first trade
    quantities: list[float] | None = None
    side: int = 1  # of the first trade

    def case(self) -> Case:
        names = ("enter_long", "exit_long", "enter_short", "exit_short")
        events = {name: [bar in getattr(self, name) for bar in range(self.count)] for name in names}
        return Case(
            rows=[self.bars.get(bar, FLAT) for bar in range(self.count)],
            exposure=self.target,
            events={} if self.target is not None else events,
            prices=self.prices,
            labels=self.labels,
            options={"commission": 0.0, "sizing": "units", "size": 10.0} | self.options,
            synthetic=[bar in self.synthetic for bar in range(self.count)] if self.synthetic else None,
            allow_nonpositive=any(min(row) <= 0 for row in self.bars.values()),
        )

    def mirrored(self) -> "Hand":
        """Return the short case whose prices lie as far on the other side of 100."""
        swap = {"enter_long": self.enter_short, "enter_short": self.enter_long}
        swap |= {"exit_long": self.exit_short, "exit_short": self.exit_long}
        return replace(
            self,
            name=f"short: {self.name}",
            side=-self.side,
            bars={bar: (200 - o, 200 - low, 200 - high, 200 - c) for bar, (o, high, low, c) in self.bars.items()},
            prices={name: [200 - level for level in levels] for name, levels in self.prices.items()},
            target=None if self.target is None else [-value for value in self.target],
            expected=[(e, 200 - p, x, 200 - q, label.replace("long", "short")) for e, p, x, q, label in self.expected],
            **swap,
        )


def last(bar: int, price: float = 100.0) -> Trade:
    """Return a trade from that bar's price to the last close of six flat bars."""
    return (bar, price, 5, 100.0, "end_of_data")


def stopped(price: float, bar: int = 3, label: str = "stop_loss") -> Trade:
    return (1, 100.0, bar, price, label)


# Each of these holds for a short position in the mirror as well.
MIRRORED = [
    # which level, and at which price
    Hand("both hit", [stopped(95)], {3: (100, 112, 92, 100)}, BOTH, also={"ambiguous_bars": 1}),
    Hand(
        "both hit, target first",
        [stopped(110, label="take_profit")],
        {3: (100, 112, 92, 100)},
        BOTH | {"intrabar": "target_first"},
        also={"ambiguous_bars": 1},
    ),
    Hand("both hit, stop nearer", [stopped(95)], {3: (100, 112, 92, 100)}, BOTH | {"intrabar": "nearest_open"}),
    Hand(
        "both hit, target nearer: 110 - 104 < 104 - 95",
        [stopped(110, label="take_profit")],
        {3: (104, 112, 92, 100)},
        BOTH | {"intrabar": "nearest_open"},
    ),
    Hand(
        "both hit, equally near: the stop",
        [stopped(95)],
        {3: (100, 106, 94, 100)},
        {"intrabar": "nearest_open"},
        prices={"stop_loss": [95.0] * 6, "take_profit": [105.0] * 6},
        also={"ambiguous_bars": 1},
    ),
    Hand("gap through the stop", [stopped(90)], {3: (90, 96, 88, 92)}, BOTH),
    Hand("gap through the target", [stopped(120, label="take_profit")], {3: (120, 125, 118, 122)}, BOTH),
    Hand(
        "gap through the stop and then the target: the gap came first, nothing is ambiguous",
        [stopped(94)],
        {3: (94, 112, 92, 100)},
        BOTH | {"intrabar": "target_first"},
        also={"ambiguous_bars": 0},
    ),
    Hand("stop on the entry bar", [stopped(95, bar=1)], {1: (100, 101, 80, 100)}, STOP),
    Hand("target touched exactly", [(1, 100, 3, 110, "take_profit")], {3: (100, 110, 99, 100)}, TARGET),
    Hand("target on the entry bar", [stopped(110, 1, "take_profit")], {1: (100, 115, 99, 100)}, TARGET),
    Hand("stop touched exactly", [stopped(95)], {3: (100, 101, 95, 100)}, STOP),
    Hand("stop missed by a half", [last(1)], {3: (100, 101, 95.5, 100)}, STOP),
    Hand(
        "target touched exactly",
        [stopped(110, label="take_profit")],
        {3: (100, 110, 99, 100)},
        prices={"take_profit": [110.0] * 6},
    ),
    Hand("stop that the strategy gave", [stopped(97)], {3: (100, 101, 96, 100)}, prices={"stop_loss": [97.0] * 6}),
    Hand(
        "the strategy's stop replaces the option's, further away as well",
        [stopped(90, bar=4)],
        {3: (100, 101, 92, 100), 4: (100, 101, 89, 100)},
        STOP,
        prices={"stop_loss": [90.0] * 6},
    ),
    Hand(
        "a level of NaN leaves the option's",
        [stopped(95)],
        {3: (100, 101, 94, 100)},
        STOP,
        prices={"stop_loss": [NAN, 90, 90, 90, 90, 90]},
    ),
    Hand(
        "levels are those of the signal's bar: later ones do not move them",
        [stopped(90, bar=4)],
        {3: (100, 101, 92, 100), 4: (100, 101, 89, 100)},
        prices={"stop_loss": [90.0, 99.5, 99.5, 99.5, 99.5, 99.5]},
    ),
    Hand(
        "a stop on the wrong side of the open closes at once",
        [stopped(100, bar=1)],
        prices={"stop_loss": [100.5] * 6},
    ),
    # where the open is
    Hand("last bar marks the close", [(1, 100, 5, 100, "end_of_data")], {5: (97, 101, 96, 100)}),
    Hand("open below its bar's low, at entry", [(1, 99, 5, 100, "end_of_data")], {1: (97, 101, 99, 100)}),
    Hand("open below its bar's low, at a stop", [stopped(92)], {3: (90, 96, 92, 94)}, STOP),
    Hand(
        "open above its bar's high, at a target",
        [stopped(115, label="take_profit")],
        {3: (118, 115, 112, 113)},
        TARGET,
    ),
    # trailing stops (levels chosen so that the best price stays at the entry price)
    Hand(
        "trailing stop acts on the entry bar, from the entry price",
        [stopped(90, 1, "trailing_stop")],
        {1: (100, 101, 89, 95)},
        {"trailing_stop": 0.1},
    ),
    Hand(
        "stop above the trailing stop names itself",
        [stopped(95)],
        {1: (100, 100, 99, 100), 2: (100, 100, 99, 100), 3: (100, 101, 89, 100)},
        STOP | {"trailing_stop": 0.1},
    ),
    Hand(
        "stop and trailing stop at one level: the stop",
        [stopped(90, bar=1)],
        {1: (100, 101, 89, 95)},
        {"stop_loss": 0.1, "trailing_stop": 0.1},
    ),
    # time
    Hand("time stop at the open", [stopped(102, label="time_stop")], {3: (102, 103, 101, 102)}, {"time_stop": 2}),
    Hand(
        "time stop comes before a stop of its bar",
        [stopped(93, label="time_stop")],
        {3: (93, 94, 80, 93)},
        STOP | {"time_stop": 2},
    ),
    Hand("time stop at the close", [(0, 100, 2, 97, "time_stop")], {2: (100, 101, 96, 97)}, SAME | {"time_stop": 2}),
    Hand(
        "time stop waits for a real bar",
        [stopped(104, bar=4, label="time_stop")],
        {3: (102, 103, 101, 102), 4: (104, 105, 103, 104)},
        {"time_stop": 2},
        synthetic=(3,),
    ),
    Hand("delay", [last(3, 103)], {1: (105, 105, 100, 101), 3: (103, 103, 99, 100)}, {"delay": 2}),
    Hand("delay at the close", [last(1, 98)], {1: (100, 101, 98, 98)}, SAME | {"delay": 1}),
    Hand("same close", [last(0, 98)], {0: (100, 101, 97, 98)}, SAME),
    Hand("same close: no stop on the bar of entry", [last(0)], {0: (100, 101, 80, 100)}, SAME | STOP),
    Hand("same close: a gap on the next bar", [(0, 100, 1, 90, "stop_loss")], {1: (90, 96, 88, 92)}, SAME | STOP),
    Hand("signal on the last bar but one", [(5, 99, 5, 100, "end_of_data")], {5: (99, 101, 98, 100)}, enter_long=(4,)),
    Hand("signal on the last bar", [], enter_long=(5,)),
    Hand("same close: signal on the last bar", [], options=SAME, enter_long=(5,)),
    # synthetic bars
    Hand("an event waits on a synthetic bar", [last(2, 99)], {2: (99, 101, 98, 100)}, synthetic=(1,)),
    Hand("no stop on a synthetic bar", [last(1)], {3: (100, 101, 80, 100)}, STOP, synthetic=(3,)),
    Hand("the last close is filled, synthetic or not", [(1, 100, 5, 98, "end_of_data")], {5: (100, 100, 97, 98)},
         synthetic=(5,)),
    Hand("the newer event replaces the one that waits", [last(3)], enter_short=(1,), enter_long=(2,), synthetic=(2,)),
    Hand("of two events that wait the newer one acts", [last(4)], enter_short=(1,), enter_long=(2,), synthetic=(2, 3)),
    Hand("the event that waits keeps its levels", [(3, 100, 4, 95, "stop_loss")], {4: (100, 101, 94, 96)},
         prices={"stop_loss": [95, 98, 98, 98, 98, 98]}, synthetic=(1, 2)),
    Hand("a target that changed while bars were synthetic", [last(3)], target=[1, 0, 1, 1, 1, 1], synthetic=(1, 2)),
    Hand("a target that came and went while bars were synthetic", [], target=[1, 0, 0, 0, 0, 0], synthetic=(1, 2)),
    # signals
    Hand("exit", [(1, 100, 4, 103, "exit_long")], {4: (103, 104, 102, 103)}, exit_long=(3,)),
    Hand("exit before entry: both on one bar close and open again", [(1, 100, 3, 102, "exit_long"), last(3, 102)],
         {3: (102, 103, 99, 100)}, enter_long=(0, 2), exit_long=(2,)),
    Hand("enter while there is nothing new to enter", [last(1)], enter_long=(0, 1, 2, 3)),
    Hand("an entry that stays enters again after a stop", [stopped(95), last(4)], {3: (100, 101, 94, 100)}, STOP,
         enter_long=(0, 1, 2, 3, 4)),
    Hand("a target that stays does not", [stopped(95)], {3: (100, 101, 94, 100)}, STOP, target=[1] * 6),
    Hand("a target enters again once it changed", [stopped(95), last(5)], {3: (100, 101, 94, 100)}, STOP,
         target=[1, 1, 1, 0, 1, 1]),
    Hand("NaN keeps", [(1, 100, 5, 100, "exit_long")], target=[1, NAN, NAN, NAN, 0, NAN]),
]  # fmt: skip

REVERSAL = {3: (102.0, 103.0, 99.0, 100.0)}
LEVERED = {"sizing": "fraction", "size": 2.0, "leverage": 2.0}
HALF_OUT = {1: (100.0, 101.0, 99.0, 100.0), 2: (104.0, 105.0, 103.0, 104.0), 3: (106.0, 107.0, 105.0, 106.0)}
WILD = {1: (110.0,) * 4, 2: (99.0,) * 4, 3: (100.0,) * 4}  # closes 100, 110, 99: returns +0.1 and -0.1
V = 0.1 * math.sqrt(2) * math.sqrt(365)  # their yearly volatility (ddof 1, daily bars)

HANDS = [
    *MIRRORED,
    *(hand.mirrored() for hand in MIRRORED),
    # trailing: the best high of completed bars, 120 x 0.9 = 108
    Hand("trailing stop follows the high", [stopped(108, label="trailing_stop")],
         {2: (100, 120, 99, 110), 3: (110, 111, 107, 109)}, {"trailing_stop": 0.1}),
    Hand("a bar's own high does not move its trailing stop: 105 < 108 on bar 2, gap on bar 4",
         [stopped(100, 4, "trailing_stop")], {2: (100, 120, 105, 110), 3: (110, 111, 109, 110)},
         {"trailing_stop": 0.1}),
    Hand("short: trailing stop follows the low: 80 x 1.1 = 88", [stopped(88, label="trailing_stop")],
         {2: (100, 101, 80, 85), 3: (85, 89, 84, 86)}, {"trailing_stop": 0.1}, side=-1,
         enter_long=(), enter_short=(0,)),
    Hand("same close: the high before the entry does not count", [last(0)], {0: (100, 150, 99, 100)},
         SAME | {"trailing_stop": 0.1}),
    Hand("next open: the entry bar's high counts once it is completed", [stopped(100, 2, "trailing_stop")],
         {1: (100, 150, 99, 100)}, {"trailing_stop": 0.1}),
    Hand("a synthetic bar's high counts", [stopped(108, 4, "trailing_stop")],
         {3: (100, 120, 99, 110), 4: (110, 111, 107, 109)}, {"trailing_stop": 0.1}, synthetic=(3,)),
    Hand("the trailing stop overtakes the stop: 110 x 0.9 = 99", [stopped(99, label="trailing_stop")],
         {2: (100, 110, 100, 105), 3: (105, 106, 98, 100)}, STOP | {"trailing_stop": 0.1}),
    # reversals and labels
    Hand("reversal: exit first, then entry, at one price", [(1, 100, 3, 102, "enter_short"), last(3, 102)], REVERSAL,
         target=[1, 1, -1, -1, -1, -1], quantities=[10, 10]),
    Hand("reversal by events", [(1, 100, 3, 102, "enter_short"), last(3, 102)], REVERSAL, enter_short=(2,)),
    Hand("the exit's label goes before the entry's", [(1, 100, 3, 102, "exit_long"), last(3, 102)], REVERSAL,
         enter_short=(2,), exit_long=(2,)),
    Hand("own labels, of the signal's bar", [(1, 100, 3, 100, "out 2")], exit_long=(2,),
         labels={"exit_long": [f"out {bar}" for bar in range(6)], "enter_long": "in"}),
    Hand("no shorts: a negative target is none", [(1, 100, 3, 102, "exit_long")], REVERSAL, {"allow_short": False},
         target=[1, 1, -1, -1, -1, -1]),
    Hand("no shorts: enter_short closes, under its own name", [(1, 100, 3, 102, "enter_short")], REVERSAL,
         {"allow_short": False}, enter_short=(2,)),
    Hand("a rejected entry leaves the reversal's exit", [(1, 100, 3, 102, "enter_short")], REVERSAL,
         {"sizing": "risk", "size": 0.01}, enter_short=(2,), prices={"stop_loss": [95.0, *[NAN] * 5]},
         also={"rejections": [(3, "no_stop")]}),
    # several lots
    Hand("a decrease closes the oldest lot", [(1, 100, 3, 106, "exit_long"), (2, 104, 5, 100, "end_of_data")],
         HALF_OUT, {"leverage": 2.0}, target=[1, 2, 1, 1, 1, 1], quantities=[10, 10]),
    Hand("a decrease closes a lot and a part of the next",
         [(1, 100, 3, 106, "exit_long"), (2, 104, 3, 106, "exit_long"), (2, 104, 5, 100, "end_of_data")],
         HALF_OUT, {"leverage": 2.0, "commission_per_order": 3.0}, target=[1, 2, 0.5, 0.5, 0.5, 0.5],
         quantities=[10, 5, 5], trade={"commission": 3 + 2}, also={"total_commission": 3 * 4}),
    Hand("each lot has its own stop: 104.5 of 110, 95 of 100", [(2, 110, 3, 104.5, "stop_loss"), last(1)],
         {2: (110, 110, 110, 110), 3: (109, 110, 104, 105)}, STOP | {"leverage": 2.0}, target=[1, 2, 2, 2, 2, 2]),
    Hand("two lots stopped by one gap, the oldest first", [(1, 100, 3, 80, "stop_loss"), (2, 104, 3, 80, "stop_loss")],
         {2: (104, 104, 104, 104), 3: (80, 81, 79, 80)}, STOP | {"leverage": 2.0}, target=[1, 2, 2, 2, 2, 2]),
    Hand("a lot that is gapped over closes before an older one that is reached inside",
         [(2, 100, 3, 96, "stop_loss"), (1, 100, 3, 90, "stop_loss")], {3: (96, 97, 89, 95)}, {"leverage": 2.0},
         target=[1, 2, 2, 2, 2, 2], prices={"stop_loss": [90.0, 97.0, *[NAN] * 4]}),
    Hand("rebalance: 50 at 100, then half of 15,000 at 200 is 37.5",
         [(1, 100, 2, 200, "exit_long"), (1, 100, 5, 200, "end_of_data")], dict.fromkeys(range(2, 6), (200.0,) * 4),
         {"sizing": "fraction", "size": 1.0, "rebalance": True}, target=[0.5] * 6, quantities=[12.5, 37.5]),
    Hand("crumbs of rounding are no trade: 0.7, 0.35, 0.175 of 0.525 and 0.175",
         [(1, 100, 3, 106, "exit_long"), (1, 100, 4, 100, "exit_long"), (2, 104, 5, 100, "end_of_data")],
         HALF_OUT, {"size": 0.7}, target=[0.75, 1, 0.5, 0.25, 0.25, 0.25], quantities=[0.35, 0.175, 0.175]),
    # the end
    Hand("left open", [(1, 100, -1, NAN, "")], options={"close_at_end": False}, also={"bars_in_market": 5},
         trade={"quantity": 10, "pnl": NAN, "exit_signal_bar": -1}),
    # costs
    Hand("slippage and half the spread, both ways: 102 and 98", [(1, 102, 5, 98, "end_of_data")],
         options={"slippage": 0.01, "spread": 0.02}, trade={"pnl": -40, "slippage": 40, "entry_raw": 100}),
    Hand("a short sells at 98 and buys at 102", [(1, 98, 5, 102, "end_of_data")],
         options={"slippage": 0.01, "spread": 0.02}, side=-1, enter_long=(), enter_short=(0,), trade={"pnl": -40}),
    Hand("a target is a limit order: no slippage", [(1, 102, 3, 110, "take_profit")], {3: (105, 112, 104, 110)},
         {"slippage": 0.02}, prices={"take_profit": [110.0] * 6}, trade={"slippage": 20}),
    Hand("a stop slips: 95 x 0.98", [(1, 102, 3, 93.1, "stop_loss")], {3: (100, 101, 94, 95)}, {"slippage": 0.02},
         prices={"stop_loss": [95.0] * 6}, trade={"slippage": 20 + 19, "exit_raw": 95}),
    Hand("levels come from the entry fill: 102 x 0.95 = 96.9", [(1, 102, 3, 96.9 * 0.98, "stop_loss")],
         {3: (100, 101, 96, 97)}, STOP | {"slippage": 0.02}),
    Hand("minimum commission: 7, not 1", [last(1)], options={"commission": 0.001, "minimum_commission": 7.0},
         trade={"pnl": -14, "commission": 14, "entry_commission": 7}),
    Hand("per order, per unit and by value: 2 + 5 + 10", [last(1)],
         options={"commission": 0.01, "commission_per_order": 2.0, "commission_per_unit": 0.5},
         trade={"pnl": -34}, also={"total_commission": 34, "traded_value": 2000}),
    Hand("borrow: a thousandth of 1,000 on each of 4 days", [last(1)], options={"borrow_rate": 0.365}, side=-1,
         enter_long=(), enter_short=(0,), trade={"pnl": -4, "borrow": 4}),
    Hand("borrow on the price of the day before", [last(1)], {2: (200, 200, 200, 200)}, {"borrow_rate": 0.365},
         side=-1, enter_long=(), enter_short=(0,), trade={"borrow": 1 + 2 + 1 + 1}),
    Hand("borrow on borrowed cash: 10,000, then 10,010 and so on", [last(1)], options=LEVERED | {"borrow_rate": 0.365},
         trade={"borrow": 10_000 * (1.001**4 - 1)}),
    # size
    Hand("all-in with 0.2 %: value and commission are all the cash", [last(1)],
         options={"sizing": "fraction", "size": 1.0, "commission": 0.002, "close_at_end": True},
         trade={"quantity": 10_000 / 100.2, "entry_commission": 10_000 - 10_000 / 1.002}),
    Hand("cash: 1,000 with its commission of 1 %", [last(1)],
         options={"sizing": "cash", "size": 1_000.0, "commission": 0.01}, trade={"quantity": 1_000 / 101}),
    Hand("all-in against a minimum commission", [last(1)],
         options={"sizing": "fraction", "size": 1.0, "commission": 0.001, "minimum_commission": 50.0},
         trade={"quantity": 99.5}),
    Hand("whole units", [last(1)], quantities=[99],
         options={"sizing": "fraction", "size": 1.0, "commission": 0.002, "whole_units": True}),
    Hand("lots of 0.3: three of them in 1", [last(1)], options={"size": 1.0, "lot": 0.3}, quantities=[0.9]),
    Hand("0.3 is three times 0.1, whatever floats say", [last(1)], options={"size": 0.3, "lot": 0.1}, quantities=[0.3]),
    Hand("risk: 1 % of 10,000 over 5 a unit", [stopped(95)], {3: (100, 101, 94, 95)},
         STOP | {"sizing": "risk", "size": 0.01}, quantities=[20], trade={"pnl": -100}),
    Hand("risk counts slippage and commission: the stop loses just 1 %", [(1, 101, 3, 94.9905, "stop_loss")],
         {3: (100, 101, 94, 95)}, STOP | {"sizing": "risk", "size": 0.01, "slippage": 0.01, "commission": 0.001},
         quantities=[100 / (6.0095 + 0.001 * 195.9905)], trade={"pnl": -100}),
    Hand("risk with a trailing stop alone: 10 a unit", [last(1)],
         options={"sizing": "risk", "size": 0.01, "trailing_stop": 0.1}, quantities=[10]),
    Hand("volatility: the share is 1 / v", [last(3)], WILD,
         {"sizing": "volatility", "size": 1.0, "volatility_window": 2}, enter_long=(2,), quantities=[100 / V]),
    Hand("volatility unknown on bar 2: one return only", [], WILD,
         {"sizing": "volatility", "size": 1.0, "volatility_window": 2}, enter_long=(1,),
         also={"rejections": [(2, "no_volatility")]}),
    Hand("no volatility at all: as much as leverage allows", [last(3)],
         options={"sizing": "volatility", "size": 1.0, "volatility_window": 2, "leverage": 3.0}, enter_long=(2,),
         quantities=[300]),
    # rejections
    Hand("too small", [], options={"size": 0.5, "whole_units": True}, also={"rejections": [(1, "too_small")]}),
    Hand("costs above the budget", [], options={"sizing": "cash", "size": 5.0, "commission_per_order": 6.0},
         also={"rejections": [(1, "too_small")]}),
    Hand("too little cash", [], options={"size": 100.1}, also={"rejections": [(1, "insufficient_cash")]}),
    Hand("commission tips the scale", [], options={"size": 100.0, "commission_per_order": 1.0},
         also={"rejections": [(1, "insufficient_cash")]}),
    Hand("a short obeys the same limit", [], options={"size": 100.1}, side=-1, enter_long=(), enter_short=(0,),
         also={"rejections": [(1, "insufficient_cash")]}),
    Hand("no stop to risk against", [], options={"sizing": "risk", "size": 0.01},
         also={"rejections": [(1, "no_stop")]}),
    Hand("below zero: bought at -10 + 0.1, stopped 5 % of 9.9 lower, sold 1 % lower still",
         [(1, -9.9, 3, -9.9 - 0.05 * 9.9 - 0.01 * 9.9 * 1.05, "stop_loss")],
         {1: (-10, -9, -10.2, -10), 2: (-10, -9, -10.2, -10), 3: (-10, -9, -11, -10)}, STOP | {"slippage": 0.01}),
    Hand("price at zero", [], {1: (0, 1, 0, 1)}, {"sizing": "fraction", "size": 1.0},
         also={"rejections": [(1, "price_not_positive")]}),
    Hand("a target that was rejected is not asked for again", [], options={"size": 100.1}, target=[1, 1, 1, 1, 1, 1],
         also={"rejections": [(1, "insufficient_cash")]}),
    # liquidation
    Hand("gone: 200 x 40 - 10,000", [stopped(40, label="liquidation")], {3: (90, 91, 40, 90)}, LEVERED,
         enter_long=(0, 3, 4),
         also={"liquidations": 1, "liquidated": True, "equity": [10_000, 10_000, 10_000, -2_000, -2_000, -2_000]}),
    Hand("a margin call leaves 2,000: 200 x 60 - 10,000 <= 0.25 x 200 x 60, and events may enter again",
         [stopped(60, label="liquidation"), last(4)], {3: (90, 91, 60, 90)}, LEVERED | {"maintenance_margin": 0.25},
         enter_long=(0, 3), also={"liquidations": 1, "liquidated": False}, quantities=[200, 40]),
    Hand("a stop beyond the margin call does not fill: liquidation at the low", [stopped(55, label="liquidation")],
         {3: (90, 91, 55, 90)}, LEVERED | {"maintenance_margin": 0.25, "stop_loss": 0.4}),
    Hand("a stop before the margin call does: 200 x 70 - 10,000 > 3,500", [stopped(70)],
         {3: (90, 91, 55, 90)}, LEVERED | {"maintenance_margin": 0.25, "stop_loss": 0.3}, also={"liquidations": 0}),
    Hand("a gap beyond the margin call: liquidation at the low, not at the open",
         [stopped(55, label="liquidation")], {3: (60, 61, 55, 60)},
         LEVERED | {"maintenance_margin": 0.25, "stop_loss": 0.3}),
    Hand("a short is gone at the high: 20,000 - 100 x 210", [stopped(210, label="liquidation")],
         {3: (100, 210, 99, 100)}, {"sizing": "fraction", "size": 1.0}, side=-1, enter_long=(), enter_short=(0,),
         also={"liquidated": True}),
    Hand("no liquidation on a synthetic bar", [last(1)], {3: (90, 91, 40, 90)}, LEVERED, synthetic=(3,),
         also={"liquidations": 0}),
    # best and worst moment, 10 units from 100
    Hand("closed inside the bar: its open and exit price, not its high", [stopped(95)],
         {2: (100, 104, 98, 100), 3: (106, 120, 94, 100)}, STOP, trade={"max_profit": 60, "max_loss": -50}),
    Hand("closed at the open: that price alone of the bar", [(1, 100, 3, 103, "exit_long")],
         {2: (100, 102, 98, 100), 3: (103, 120, 80, 100)}, exit_long=(2,), trade={"max_profit": 30, "max_loss": -20}),
    Hand("closed at the close: the whole bar, less the entry's commission", [last(1)], {5: (100, 107, 91, 100)},
         {"commission_per_order": 4.0}, trade={"max_profit": 66, "max_loss": -94}),
    Hand("opened at the close: that bar does not count", [last(0)], {0: (100, 150, 50, 100)}, SAME,
         trade={"max_profit": 10, "max_loss": -10}),
]  # fmt: skip


@pytest.mark.parametrize("hand", HANDS, ids=lambda hand: hand.name)
def test_hand_worked(hand, engine):
    case = hand.case()
    result = engine(case.bars(), case.signals(), case.engine_options())
    found = [(t.entry_bar, t.entry_price, t.exit_bar, t.exit_price, t.exit_label) for t in result.trades]
    assert len(found) == len(hand.expected), found
    assert [trade.side for trade in result.trades[:1]] == [hand.side] * bool(hand.expected)
    for got, expected in zip(found, hand.expected, strict=True):
        assert got[-1] == expected[-1], found
        assert got[:-1] == pytest.approx(expected[:-1], rel=1e-12, nan_ok=True), found
    for name, value in hand.also.items():
        got = getattr(result, name)
        assert got == (value if name == "rejections" else pytest.approx(value)), name
    for name, value in hand.trade.items():
        assert getattr(result.trades[0], name) == pytest.approx(value, nan_ok=True), name
    if hand.quantities is not None:
        assert [t.quantity for t in result.trades] == pytest.approx(hand.quantities)


def test_a_shorts_trades_carry_their_side(engine):
    case = Hand("short", [], side=-1, enter_long=(), enter_short=(0,)).case()
    result = engine(case.bars(), case.signals(), case.engine_options())
    assert [(trade.side, trade.entry_label) for trade in result.trades] == [(-1, "enter_short")]


def test_all_in_leaves_no_cash(engine):
    hand = Hand("", [], options={"sizing": "fraction", "size": 1.0, "commission": 0.002, "close_at_end": False})
    result = engine(hand.case().bars(), hand.case().signals(), hand.case().engine_options())
    assert result.cash[-1] == pytest.approx(0.0, abs=1e-9)
    assert result.units[-1] == pytest.approx(99.8003992015968)


def test_an_open_is_filled_where_bars_have_no_high_and_low(engine):
    """The close must not stand in for the open: nobody knows it yet."""
    case = replace(Hand("", [], {1: (97, 97, 97, 102)}).case(), columns=("open", "close"))
    result = engine(case.bars(), case.signals(), case.engine_options())
    assert [(trade.entry_price, trade.max_profit) for trade in result.trades] == [(97.0, 50.0)]


@pytest.mark.parametrize(("closes", "flat", "side", "options", "exit_bar", "exit_price"), VECTORBT)
def test_stops_of_vectorbt(closes, flat, side, options, exit_bar, exit_price, engine):
    level = options.get("level")
    case = Case(
        rows=around(closes, flat=flat),
        exposure=[float(side)] * 5,
        prices={"stop_loss": [level] * 5} if level else {},
        options=AT_CLOSE | {name: value for name, value in options.items() if name != "level"},
    )
    result = engine(case.bars(), case.signals(), case.engine_options())
    assert [(trade.entry_bar, trade.exit_bar) for trade in result.trades] == [(0, exit_bar)]
    assert result.trades[0].exit_price == pytest.approx(exit_price, rel=1e-12)
