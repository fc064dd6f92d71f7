"""When ``on_bar`` is called, and what it sees then: by hand from docs/semantics.md, asked of both engines."""

import pytest
from order_cases import OrderCase
from order_hands import FLAT, SAME, Filled, Hand, buy, cancel, close, last, protect, target

F = Filled
LEVERED = {"sizing": "fraction", "size": 2.0, "leverage": 2.0}
CALLED = LEVERED | {"maintenance_margin": 0.25}
GONE, CALL = {3: (90, 91, 40, 90)}, {3: (90, 91, 55, 90)}  # the account is gone, or called with money left


def test_on_bar_is_called_on_every_bar_and_sees_its_close(order_engine):
    player = Hand("", {}, [], [], {2: (100, 103, 99, 102)}, synthetic=(1, 5)).check(order_engine)
    assert [seen.bar for seen in player.seen] == [0, 1, 2, 3, 4, 5]
    assert [seen.close for seen in player.seen] == [100, 100, 102, 100, 100, 100]


def test_on_bar_is_called_no_more_once_the_run_has_ended(order_engine):
    hand = Hand("", {0: [buy()]}, [(1, 100, 3, 40, "liquidation")], [F(1, 100)], GONE, LEVERED)
    assert [seen.bar for seen in hand.check(order_engine).seen] == [0, 1, 2]


def test_on_bar_sees_the_position(order_engine):
    script = {0: [buy(units=4)], 1: [buy(units=6)]}
    bars = {2: (105, 106, 104, 105), 3: (105, 107, 104, 106)}
    hand = Hand("", script, [last(1), last(2, 105)], [F(1, 100), F(2, 105)], bars, {"commission": 0.01})
    player = hand.check(order_engine)
    flat, first, second, third = player.seen[:4]
    assert (flat.units, flat.side, flat.entry_price, flat.entry_bar, flat.pnl) == (0, 0, None, None, 0)
    assert (first.units, first.side, first.entry_price, first.entry_bar) == (4, 1, 100, 1)
    assert (second.units, second.entry_price, second.entry_bar) == (10, pytest.approx(103), 1)
    assert third.pnl == pytest.approx(4 * 6 + 6 * 1)  # before costs
    assert third.cash == pytest.approx(10_000 - 4 * 101 - 6 * 105 * 1.01)
    assert third.equity == pytest.approx(third.cash + 10 * 106)


def test_on_bar_comes_before_the_close_and_after_the_inside(order_engine):
    hand = Hand("", {0: [buy()], 2: [close(limit=105)]}, [(0, 100, 3, 105, "exit_long")], [F(0, 100), F(3, 105)],
                {3: (100, 106, 99, 100)}, SAME)  # fmt: skip
    assert [seen.side for seen in hand.check(order_engine).seen] == [0, 1, 1, 0, 0, 0]


def test_on_bar_on_the_last_bar_sees_what_is_open(order_engine):
    player = Hand("", {0: [buy()]}, [last(1)], [F(1, 100)]).check(order_engine)
    assert player.seen[-1].units == 10


def test_an_order_has_expired_before_on_bar_of_its_last_bar(order_engine):
    script = {0: [buy(limit=98, good_for=2), buy(limit=98, good_till=2), buy(limit=98)]}
    player = Hand("", script, [], ["expired", "expired", "waiting"]).check(order_engine)
    waits = ("waiting", "waiting", "waiting")
    assert [seen.states for seen in player.seen[:3]] == [(), waits, ("expired", "expired", "waiting")]
    assert [seen.waiting for seen in player.seen[:3]] == [(), (0, 1, 2), (2,)]


def test_targets_and_levels_are_no_orders_that_wait(order_engine):
    player = Hand("", {0: [target(1), protect(stop_loss=50), buy(limit=98)]}, [last(2)], [F(2), F(2), "waiting"],
                  options={"delay": 1}).check(order_engine)  # fmt: skip
    assert player.seen[1].waiting == (2,)
    assert player.seen[1].states == ("waiting", "waiting", "waiting")


def test_an_order_that_ended_inside_the_bar_is_seen_to_have(order_engine):
    player = Hand("", {0: [buy(stop=102, oco=1), buy(limit=98, oco=0)]}, [last(2, 102)], [F(2, 102), "cancelled"],
                  {2: (100, 103, 99, 100)}).check(order_engine)  # fmt: skip
    assert player.seen[2].states == ("filled", "cancelled")


SLEEPY = [  # name, script, bars with their rows, options, bars on which it is called
    ("a fill", {0: [buy(limit=98)]}, {3: (100, 101, 97, 100)}, {}, [0, 3]),
    ("nothing", {0: [buy(limit=98)]}, {}, {}, [0]),
    ("an expiry inside", {0: [buy(limit=98, good_for=2)]}, {}, {}, [0, 2]),
    ("an expiry at a bar's beginning", {0: [buy(limit=98, good_till=3)]}, {}, {}, [0, 3]),
    ("a rejection", {0: [buy(units=500)]}, {}, {}, [0, 1]),
    ("a lot that closes", {0: [buy(stop_loss=95)]}, {3: (100, 101, 94, 100)}, {}, [0, 1, 3]),
    ("a fill and an exit on one bar", {0: [buy(stop_loss=95)]}, {1: (100, 101, 94, 100)}, {}, [0, 1]),
    ("new levels", {0: [protect(stop_loss=95)]}, {}, {}, [0, 1]),
    ("a target that changes nothing", {0: [target(0)]}, {}, {}, [0, 1]),
    ("a fill at this bar's close is news on the next one", {0: [buy()]}, {}, SAME, [0, 1]),
    ("a margin call", {0: [buy()]}, CALL, CALLED, [0, 1, 3]),
    ("a market close that finds nothing is no news", {0: [close()]}, {}, {}, [0]),
    ("cancelling is no news", {0: [buy(limit=98), cancel()]}, {}, {}, [0]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "script", "bars", "options", "called"), SLEEPY, ids=[row[0] for row in SLEEPY])
def test_a_sleeping_strategy_is_called_after_what_happened_to_it(name, script, bars, options, called, order_engine):
    case = OrderCase(
        rows=[bars.get(bar, FLAT) for bar in range(6)],
        options={"commission": 0.0, "sizing": "units", "size": 10.0} | options,
        script=[script.get(bar, []) for bar in range(6)],
        awake=[True] + [False] * 5,
    )
    player = case.player()
    order_engine(case.bars(), player, case.engine_options())
    assert [seen.bar for seen in player.seen] == called


def test_a_sleeping_strategy_is_called_where_it_wakes(order_engine):
    case = OrderCase(rows=[FLAT] * 6, script=[[]] * 6, awake=[False, True, False, False, True, False])
    player = case.player()
    order_engine(case.bars(), player, case.engine_options())
    assert [seen.bar for seen in player.seen] == [1, 4]
