"""What must hold for every backtest, whatever the bars, signals and options: asked of both engines on random cases."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from cases import Case, seeded_case
from slow_account import SlowResult, SlowTrade

from research_kit.engine.options import EngineOptions
from research_kit.engine.simulation import simulate
from research_kit.errors import SignalError
from research_kit.strategy.signals import Signals

FIRST_SEED, CASES = 1_000_000, 250  # other cases than the comparison's
FIXED_ORDERS = {"sizing": "units", "size": 1.0, "whole_units": False, "lot": 0.0}
FIXED_ORDERS |= {"initial_cash": 1e6, "leverage": 100.0, "maintenance_margin": 0.0}
NOT_PROPORTIONAL = ("commission_per_order", "minimum_commission", "whole_units", "lot")


def run(case: Case, engine) -> SlowResult:
    return engine(case.bars(), case.signals(), case.engine_options())


def cases() -> Iterator[Case]:
    for seed in range(FIRST_SEED, FIRST_SEED + CASES):
        case = seeded_case(seed)
        if not case.allow_nonpositive:
            yield case


def with_options(case: Case, **options) -> Case:
    return replace(case, options=case.options | options)


def same_trades(some: list[SlowTrade], others: list[SlowTrade], money: float = 1.0) -> bool:
    """Tell whether trades are the same, those of the others being this many times as large."""
    sized = ("quantity", "pnl", "commission", "entry_commission", "slippage", "borrow", "max_profit", "max_loss")
    scale = 1e-9 * max((trade.quantity * trade.entry_price for trade in others), default=1.0)
    for a, b in zip(some, others, strict=False):
        expected = {name: money * getattr(a, name) if name in sized else getattr(a, name) for name in vars(a)}
        numbers = {name: value for name, value in expected.items() if not isinstance(value, str)}
        if {name: getattr(b, name) for name in numbers} != pytest.approx(numbers, rel=1e-9, abs=scale, nan_ok=True):
            return False
        if (a.entry_label, a.exit_label) != (b.entry_label, b.exit_label):
            return False
    return len(some) == len(others)


def closed(result: SlowResult) -> list[SlowTrade]:
    return [trade for trade in result.trades if trade.exit_bar >= 0]


def test_equity_is_cash_and_units_at_the_close(engine):
    for case in cases():
        result = run(case, engine)
        closes = case.bars().close.tolist()[-len(result.cash) :]  # the compiled engine tells the last bar's alone
        equity = result.equity[-len(result.cash) :]
        for total, cash, units, close in zip(equity, result.cash, result.units, closes, strict=True):
            assert total == pytest.approx(cash + units * close, rel=1e-9, abs=1e-9 * (abs(cash) + 1)), str(case)


def test_pnl_of_all_trades_is_what_equity_gained(engine):
    for case in cases():
        result, initial = run(case, engine), case.engine_options().initial_cash
        last = float(case.bars().close[-1])
        gained = sum(trade.pnl for trade in closed(result))
        for trade in result.trades[len(closed(result)) :]:
            open_profit = trade.side * trade.quantity * (last - trade.entry_price)
            gained += open_profit - trade.commission - trade.borrow
        scale = initial + result.traded_value
        assert result.equity[-1] - initial == pytest.approx(gained, rel=1e-9, abs=1e-9 * scale), str(case)


def test_totals_are_those_of_the_trades(engine):
    for case in cases():
        result = run(case, engine)
        for total, name in (("commission", "commission"), ("slippage", "slippage"), ("borrow", "borrow")):
            of_trades = sum(getattr(trade, name) for trade in result.trades)
            assert getattr(result, f"total_{total}") == pytest.approx(of_trades, rel=1e-9, abs=1e-9), str(case)
        traded = sum(trade.quantity * trade.entry_price for trade in result.trades)
        traded += sum(trade.quantity * trade.exit_price for trade in closed(result))
        assert result.traded_value == pytest.approx(traded, rel=1e-9), str(case)


def test_raw_fills_lie_within_their_bar(engine):
    for case in cases():
        bars, result = case.bars(), run(case, engine)
        if "high" not in bars:
            continue
        fills = [(trade.entry_bar, trade.entry_raw) for trade in result.trades]
        fills += [(trade.exit_bar, trade.exit_raw) for trade in closed(result)]
        assert all(bars.low[bar] <= raw <= bars.high[bar] for bar, raw in fills), str(case)


def test_no_fill_before_its_signal_is_known(engine):
    for case in cases():
        options = case.engine_options()
        wait = options.delay + (options.fill == "next_open")
        for trade in run(case, engine).trades:
            assert trade.entry_bar >= trade.entry_signal_bar + wait, str(case)
            assert trade.exit_signal_bar < 0 or trade.exit_bar >= trade.exit_signal_bar + wait, str(case)


def test_nothing_is_filled_on_synthetic_bars_but_the_end(engine):
    seen = 0
    for case in cases():
        if case.synthetic is None:
            continue
        for trade in run(case, engine).trades:
            seen += 1
            assert not case.synthetic[trade.entry_bar], str(case)
            assert trade.exit_label == "end_of_data" or trade.exit_bar < 0 or not case.synthetic[trade.exit_bar]
    assert seen > 100


def test_best_and_worst_moment_enclose_the_ends(engine):
    for case in cases():
        for trade in closed(run(case, engine)):
            for raw in (trade.entry_raw, trade.exit_raw):
                money = trade.side * trade.quantity * (raw - trade.entry_price) - trade.entry_commission
                slack = 1e-9 * (abs(money) + trade.quantity * trade.entry_price)
                assert trade.max_loss - slack <= money <= trade.max_profit + slack, str(case)


def test_without_signals_equity_stays(engine):
    for case in cases():
        count = len(case.rows)
        for idle in (
            replace(case, exposure=[math.nan] * count, events={}),
            replace(case, exposure=None, events={"exit_long": [True] * count, "exit_short": [True] * count}),
        ):
            result = run(idle, engine)
            assert result.equity == [case.engine_options().initial_cash] * count
            assert (result.trades, result.rejections, result.bars_in_market) == ([], [], 0)


def test_no_order_is_larger_than_leverage_allows(engine):
    for case in cases():
        options, result = case.engine_options(), run(case, engine)
        first = next(iter(sorted(result.trades, key=lambda trade: (trade.entry_bar, trade.exit_bar))), None)
        if first is None:
            continue
        opened = [trade for trade in result.trades if trade.entry_bar == first.entry_bar]
        if len({(trade.side, trade.exit_bar) for trade in opened}) > 1:
            continue  # closed and opened again, or closed in parts, on one bar
        cost = sum(trade.quantity * trade.entry_price + trade.entry_commission for trade in opened)
        assert cost <= options.leverage * options.initial_cash * (1 + 1e-8), str(case)


def test_nothing_happens_after_the_account_is_gone(engine):
    seen = 0
    for case in cases():
        result = run(case, engine)
        if result.liquidated:
            seen += 1
            end = max(trade.exit_bar for trade in result.trades)
            assert len(set(result.equity[end:])) == 1
            assert result.equity[-1] <= 0
            assert result.trades[-1].exit_label == "liquidation"
            assert all(bar <= end for bar, _ in result.rejections)
    assert seen > 0


def test_twice_the_cash_is_twice_the_profit(engine):
    seen = 0
    for case in cases():
        options = {name: value for name, value in case.options.items() if name not in NOT_PROPORTIONAL}
        if callable(options["commission"]) or options["sizing"] not in ("fraction", "risk", "volatility"):
            continue
        small = replace(case, options=options)
        large = with_options(small, initial_cash=2 * small.engine_options().initial_cash)
        some, others = run(small, engine), run(large, engine)
        assert same_trades(some.trades, others.trades, money=2.0), str(small)
        assert others.equity == pytest.approx([2 * equity for equity in some.equity], rel=1e-9, abs=1e-6), str(small)
        seen += len(some.trades)
    assert seen > 200


def test_a_higher_commission_never_earns_more(engine):
    """For fixed orders: so many units, cash without end, so that nothing is rejected or liquidated."""
    seen = 0
    for case in cases():
        finals = []
        for commission in (0.0, 0.001, 0.02):
            result = run(with_options(case, **FIXED_ORDERS, commission=commission, minimum_commission=0.0), engine)
            assert (result.rejections, result.liquidations) == ([], 0)
            finals.append(result.equity[-1])
        if result.trades:
            seen += 1
            assert finals[0] > finals[1] > finals[2], str(case)
        else:
            assert finals == [1e6] * 3
    assert seen > 100


@pytest.mark.parametrize("option", ["slippage", "spread", "borrow_rate", "commission_per_order", "commission_per_unit"])
def test_no_cost_beats_some_cost(option, engine):
    """For fixed orders without levels: levels hang on the entry's fill, and so on slippage."""
    seen = 0
    for case in cases():
        bare = FIXED_ORDERS | dict.fromkeys(("stop_loss", "take_profit", "trailing_stop"))
        bare |= {"commission": 0.0, "minimum_commission": 0.0, option: 0.0}
        free = with_options(replace(case, prices={}), **bare)
        paid = with_options(free, **{option: 0.05})
        without, some = run(free, engine), run(paid, engine)
        if not some.trades or (option == "borrow_rate" and some.total_borrow == 0):
            continue
        seen += 1
        assert some.equity[-1] < without.equity[-1], str(paid)
    assert seen > 30


def test_the_past_does_not_change_when_bars_are_added(engine):
    """A run on the first k bars makes the trades, equity and rejections of the whole run up to its last bar."""
    seen = 0
    for case in cases():
        whole = run(case, engine)
        for k in {len(case.rows) // 2, len(case.rows) - 1} - {0}:
            part = run(case.cut(range(k)), engine)
            before = [trade for trade in closed(part) if trade.exit_bar < k - 1]
            assert same_trades(before, [trade for trade in closed(whole) if trade.exit_bar < k - 1]), str(case)
            assert part.equity[: k - 1] == whole.equity[: k - 1], str(case)
            assert [r for r in part.rejections if r[0] < k - 1] == [r for r in whole.rejections if r[0] < k - 1]
            seen += len(before)
    assert seen > 200


def test_two_runs_are_identical(engine):
    for case in cases():
        one, two = run(case, engine), run(case, engine)
        assert repr(one) == repr(two)


@pytest.mark.parametrize("count", [1, 2])
def test_very_few_bars(count, engine):
    case = Case(rows=[(100.0, 101.0, 99.0, 100.0)] * count, exposure=[1.0] * count, options={"commission": 0.0})
    result = run(case, engine)
    assert result.equity == [10_000.0] * count
    assert len(result.trades) == count - 1


@pytest.mark.parametrize("leverage", [1.0, 3.0])
def test_a_target_of_whole_numbers_trades_like_the_same_numbers_as_floats(make_bars, leverage):
    random = np.random.default_rng(5)
    bars = make_bars(400, sigma=0.01)
    target = random.choice(np.array([-1, 0, 1], dtype=np.int8), 400, p=[0.1, 0.8, 0.1])
    options = EngineOptions(leverage=leverage, stop_loss=0.02, commission=0.001)
    small, large = (simulate(bars, Signals.target(kind), options) for kind in (target, target.astype(float)))
    assert np.array_equal(small.equity, large.equity)
    assert small.trades.tobytes() == large.trades.tobytes()
    assert small.closed > 20


def test_a_whole_target_beyond_the_leverage_is_refused(make_bars):
    with pytest.raises(SignalError, match=r"within -1 and 1 .leverage over size.; bar 2 has -2"):
        simulate(make_bars(4), Signals.target(np.array([0, 1, -2, 1], dtype=np.int8)), EngineOptions())
