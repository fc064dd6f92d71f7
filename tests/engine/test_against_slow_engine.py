"""The compiled engine against the slow one: the same trades, money and counts on every random case."""

from collections import Counter

import pytest
from cases import Case, any_case, seeded_case, smallest
from engines import differences
from hypothesis import HealthCheck, Phase, given, settings
from slow_engine import slow_backtest

from research_kit.engine.records import LABELS, REASONS

BLOCK = 400


def compare(case: Case, compiled_engine) -> list[str]:
    bars, signals, options = case.bars(), case.signals(), case.engine_options()
    expected = slow_backtest(bars, signals, options)
    return differences(expected, compiled_engine(bars, signals, options), options.initial_cash)


def check(case: Case, compiled_engine) -> None:
    """Fail with the smallest case that still differs."""
    if compare(case, compiled_engine):
        small = smallest(case, lambda smaller: bool(compare(smaller, compiled_engine)))
        found = compare(small, compiled_engine)[:12]
        lines = ["the slow engine says (first), the compiled engine says (second):", *found, str(small)]
        pytest.fail("\n".join(lines), pytrace=False)


@pytest.mark.parametrize("block", range(10))
def test_the_engines_agree_on_seeded_cases(block, compiled_engine):
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        check(seeded_case(seed), compiled_engine)


@settings(
    max_examples=400,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # smallest() cuts a case down faster and further
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(case=any_case())
def test_the_engines_agree_on_cases_that_hypothesis_makes(case, compiled_engine):
    check(case, compiled_engine)


def test_the_cases_reach_every_rule_often():
    """A generator that stopped reaching a rule would let the comparison pass for nothing."""
    seen: Counter[str] = Counter()
    for seed in range(1_000):
        case = seeded_case(seed)
        result = slow_backtest(case.bars(), case.signals(), case.engine_options())
        seen.update(trade.exit_label for trade in result.trades)
        seen.update(reason for _, reason in result.rejections)
        seen["ambiguous"] += result.ambiguous_bars
        seen["liquidated"] += result.liquidated
        seen["borrow"] += result.total_borrow > 0
        seen["open at the end"] += any(trade.exit_bar < 0 for trade in result.trades)
        seen["part of a lot"] += len({(t.entry_bar, t.entry_signal_bar) for t in result.trades}) < len(result.trades)
        seen["trades"] += bool(result.trades)
    rare = {name: seen[name] for name in (*LABELS, *REASONS) if seen[name] < 10 and name != "short_not_allowed"}
    assert rare == {}
    assert seen["trades"] > 600
    assert min(seen[name] for name in ("ambiguous", "borrow", "open at the end", "part of a lot")) > 40
    assert seen["liquidated"] > 5
