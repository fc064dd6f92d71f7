"""Orders in the compiled engine against the slow one: the same trades, states and sights on every random case."""

import math
from collections import Counter
from dataclasses import replace

import pytest
from cases import Case, seeded_case, smallest
from engines import differences
from hypothesis import HealthCheck, Phase, given, settings
from order_cases import OrderCase, any_order_case, seeded_order_case
from order_engines import order_differences, seen_differences
from order_scripts import Wish
from slow_account import SlowResult
from slow_engine import slow_backtest
from slow_orders import slow_order_backtest

from research_kit.engine.records import REASONS

BLOCK = 400


def compare(case: OrderCase, compiled_order_engine) -> list[str]:
    ours, theirs, options = case.player(), case.player(), case.engine_options()
    expected = slow_order_backtest(case.bars(), ours, options)
    found = order_differences(expected, compiled_order_engine(case.bars(), theirs, options), options.initial_cash)
    worth = max(options.initial_cash, expected.traded_value)
    return found + seen_differences(ours.seen, theirs.seen, worth)


def check(case: OrderCase, compiled_order_engine) -> None:
    """Fail with the smallest case that still differs."""
    if compare(case, compiled_order_engine):
        small = smallest(case, lambda smaller: bool(compare(smaller, compiled_order_engine)), patience=2_000)
        found = compare(small, compiled_order_engine)[:12]
        lines = ["the slow engine says (first), the compiled engine says (second):", *found, str(small)]
        pytest.fail("\n".join(lines), pytrace=False)


@pytest.mark.parametrize("block", range(10))
def test_the_engines_agree_on_seeded_cases(block, compiled_order_engine):
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        check(seeded_order_case(seed), compiled_order_engine)


@settings(
    max_examples=400,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # smallest() cuts a case down faster and further
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(case=any_order_case())
def test_the_engines_agree_on_cases_that_hypothesis_makes(case, compiled_order_engine):
    check(case, compiled_order_engine)


def as_orders(case: Case) -> OrderCase:
    """Return the case that asks at each bar, as a target order, for what the signals of this one want there."""
    script = []
    for at, exposure in enumerate(case.exposure or ()):
        levels = {name: prices[at] for name, prices in case.prices.items() if not math.isnan(prices[at])}
        script.append([Wish("target", {"exposure": float(exposure)} | levels)])
    plain = {name: value for name, value in vars(case).items() if name not in ("exposure", "prices")}
    return OrderCase(**plain, script=script)


def without_signal_bars(result: SlowResult) -> SlowResult:
    """Return a result in which trades do not say which of several equal signals made them."""
    trades = [replace(trade, entry_signal_bar=0, exit_signal_bar=0) for trade in result.trades]
    return replace(result, trades=trades)


def test_a_target_order_is_a_target_signal(order_engine):
    for seed in range(4_000, 5_500):
        case = replace(seeded_case(seed), labels={})
        if case.exposure is None or any(map(math.isnan, case.exposure)) or case.allow_nonpositive:
            continue  # all-in at a price of zero: rounding decides whether the account is gone
        orders, options = as_orders(case), case.engine_options()
        expected = slow_backtest(case.bars(), case.signals(), options)
        got = order_engine(case.bars(), orders.player(), options)
        assert differences(without_signal_bars(expected), without_signal_bars(got), options.initial_cash) == [], str(
            case
        )


RULES = [
    *(f"{kind} {state} {form}, {moment}" for kind in ("buy", "sell") for state in ("filled", "rejected")
      for form in ("market", "limit", "stop", "stop-limit") for moment in ("open", "inside")
      if (form, moment) != ("market", "inside")),
    *(f"close filled {form}, {moment}" for form in ("limit", "stop", "stop-limit") for moment in ("open", "inside")),
    *(f"{kind} {state}, close" for kind in ("buy", "sell") for state in ("filled market", "rejected market")),
    *(f"{kind} cancelled {why}" for kind in ("buy", "sell", "close")
      for why in ("another of its group filled", "asked for")),
    *(f"{kind} expired {why}" for kind in ("buy", "sell", "close") for why in ("good_for", "good_till")),
    *(f"{kind} waiting" for kind in ("buy", "sell", "close", "target", "protect")),
    "close filled market, open", "close filled market, close", "close cancelled nothing to close",
    "close cancelled flat", "close rejected market, open", "target filled", "target rejected",
    "target cancelled a newer target", "protect filled",
    *(f"ambiguous {which} lots, {rule}" for which in ("held", "new")
      for rule in ("stop_first", "target_first", "nearest_open")),
    *(f"{label} of {which} lots" for label in ("stop_loss", "take_profit", "trailing_stop")
      for which in ("gap", "held", "new")),
    "stop-limit, beyond its limit at the open", "stop-limit, beyond its limit inside", "a turn once more",
    "held back by the margin", *(f"held back {which} lots" for which in ("gap", "held", "new")),
]  # fmt: skip


def test_the_cases_reach_every_rule_often():
    """A generator that stopped reaching a rule would let the comparison pass for nothing."""
    seen: Counter[str] = Counter()
    for seed in range(4_000):
        case = seeded_order_case(seed)
        result = slow_order_backtest(case.bars(), case.player(), case.engine_options())
        seen.update(result.reached)
        seen.update(reason for _, reason in result.rejections)
        seen["ended"] += result.liquidated
        seen["called"] += result.liquidations
        seen["part of a lot"] += len({(t.entry_bar, t.entry_signal_bar) for t in result.trades}) < len(result.trades)
        seen["trades"] += bool(result.trades)
    rare = {name: seen[name] for name in (*RULES, *REASONS) if seen[name] < 10}
    assert rare == {}
    assert seen["trades"] > 2_400
    assert min(seen["part of a lot"], seen["called"]) > 40
    assert seen["ended"] > 10
