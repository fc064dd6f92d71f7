"""Every planted leak is caught and named rightly, and nobody who is honest is accused."""

import math

import numpy as np
import pandas as pd
import pytest
from checks.leaks import (
    CLEAN,
    LEAKS,
    Brackets,
    DayClose,
    Expanding,
    FullZScore,
    KnowsTheEnd,
    LaterIndicator,
    Mondays,
    NeedsThirty,
    NextClose,
    NoLosers,
    RareJump,
    Remembers,
    Sma,
    YesterdaysClose,
)

import research_kit as rk
from research_kit.checks.verdict import LookaheadVerdict
from research_kit.errors import OptionError, SignalError

DAY = 86_400_000_000_000


def forget():
    """Let the strategy that remembers its first answer begin anew."""
    if "_kept" in vars(Remembers):
        del Remembers._kept


def bars_for(strategy, make_bars, n=500):
    """Return bars on which a strategy has something to decide."""
    if strategy in (DayClose, YesterdaysClose):
        return make_bars(n, step_ns=4 * 3_600_000_000_000)
    if strategy is RareJump:
        bars = make_bars(3 * n, step_ns=DAY, sigma=0.045)
        assert 0.01 < np.mean(np.abs(np.diff(bars.close) / bars.close[:-1]) > 0.1) < 0.04
        return bars
    return make_bars(n, step_ns=DAY, sigma=0.01)


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")
@pytest.mark.parametrize("strategy", LEAKS)
def test_a_leak_is_caught(strategy, make_bars):
    bars = bars_for(strategy, make_bars)
    forget()
    verdict = rk.check_lookahead(bars, strategy)
    assert verdict.outcome == "failed"
    assert not verdict.passed
    assert verdict.bar is not None
    assert verdict.time == bars.time[verdict.bar]
    assert verdict.value_known != verdict.value_all
    assert f"bar {verdict.bar:,}" in verdict.sentence or verdict.column == "length"


@pytest.mark.parametrize("strategy", CLEAN)
def test_the_honest_are_not_accused(strategy, make_bars):
    bars = bars_for(strategy, make_bars)
    verdict = rk.check_lookahead(bars, strategy)
    assert verdict.outcome == "passed", verdict
    assert verdict.checked == len(bars) - (29 if strategy is NeedsThirty else 0)
    assert verdict.deterministic
    assert verdict.futures >= 16
    assert verdict.window is None


def test_the_first_differing_bar_is_named_with_both_values(make_bars):
    bars = make_bars(300, step_ns=DAY)
    verdict = rk.check_lookahead(bars, NextClose)
    first = int(np.argmax(np.diff(bars.close) > 0))
    assert (verdict.bar, verdict.column, verdict.value_known, verdict.value_all) == (first, "exposure", False, True)
    assert verdict.known == first + 1
    assert verdict.found_by == "prefix"
    day = str(bars.time[first].astype("datetime64[D]"))
    known = "the first bar" if first == 0 else f"the first {first + 1} bars"
    assert verdict.sentence == (
        f"Look-ahead in next_close(): exposure at bar {first} ({day}) is False with {known} alone, and True with the "
        f"later ones (checked {first + 1} of 300 bars)."
    )


def test_a_rare_leak_is_found_at_the_bar_where_it_acts(make_bars):
    bars = bars_for(RareJump, make_bars)
    close = pd.Series(bars.close)
    acts = (close.pct_change().abs() > 0.1) & (close.shift(-1) > close)
    assert rk.check_lookahead(bars, RareJump).bar == int(np.argmax(acts))


def test_suppressed_trades_are_seen(make_bars):
    verdict = rk.check_lookahead(make_bars(500, step_ns=DAY, sigma=0.01), NoLosers)
    assert (verdict.column, verdict.value_known, verdict.value_all) == ("enter_long", True, False)


def test_orders_are_told_as_one_reads_them(make_bars):
    verdict = rk.check_lookahead(make_bars(200, step_ns=DAY), LaterIndicator)
    assert verdict.column == "orders"
    assert {verdict.value_known, verdict.value_all} == {"target 0", "target 1"}


def test_who_knows_the_number_of_bars_is_told_so(make_bars):
    verdict = rk.check_lookahead(make_bars(200, step_ns=DAY), KnowsTheEnd)
    assert verdict.found_by == "length"
    assert "it depends on how many bars there are" in verdict.sentence


def test_what_is_remembered_from_another_call_is_told_so(make_bars):
    forget()
    verdict = rk.check_lookahead(make_bars(200, step_ns=DAY), Remembers)
    assert "returned 100 signals for 200 bars" in verdict.sentence
    bars = make_bars(200, step_ns=DAY)
    Remembers._kept = NextClose().signals(bars).exposure  # as an earlier run would leave it
    verdict = rk.check_lookahead(bars, Remembers)
    assert "returned 200 signals for 220 bars" in verdict.sentence


class Random(rk.Strategy):
    """Flips another coin each time."""

    def signals(self, bars):
        return rk.Signals.target(np.random.default_rng().random(len(bars)) < 0.5)


def test_two_runs_that_differ_say_nothing_of_look_ahead(make_bars):
    verdict = rk.check_lookahead(make_bars(200), Random)
    assert verdict.outcome == "inconclusive"
    assert not verdict.deterministic
    assert "from a seed" in str(verdict)


class Fragile(rk.Strategy):
    """Raises where the last bar fell by much."""

    def signals(self, bars):
        if len(bars) > 1 and bars.close[-1] < 0.98 * bars.close[-2]:
            raise ValueError("it fell")
        return rk.Signals.target(bars.close > 100)


def test_where_it_raises_nothing_can_be_said(make_bars):
    verdict = rk.check_lookahead(make_bars(500, sigma=0.01), Fragile)
    assert verdict.outcome == "inconclusive"
    assert 450 < verdict.checked < 500
    assert "other places it raises ValueError: it fell" in str(verdict)


def test_few_bars_that_are_too_few_are_told(make_bars):
    verdict = rk.check_lookahead(make_bars(200), NeedsThirty)
    assert verdict.coverage == "checked 171 of 200 bars"
    assert verdict.notes == ("On fewer than 30 bars it raises ValueError: thirty bars are needed.",)


def test_what_a_strategy_raises_on_all_bars_is_raised(make_bars):
    with pytest.raises(ValueError, match="thirty"):
        rk.check_lookahead(make_bars(20), NeedsThirty)


class TooShort(rk.Strategy):
    """Has no signal for the last bar."""

    def signals(self, bars):
        return rk.Signals.target(bars.close[1:] > bars.close[:-1])


def test_signals_of_the_wrong_length_are_an_error(make_bars):
    with pytest.raises(SignalError, match="returned 199 signals for 200 bars"):
        rk.check_lookahead(make_bars(200), TooShort)


def test_what_is_no_check_is_refused(make_bars):
    with pytest.raises(OptionError, match="time_limit"):
        rk.check_lookahead(make_bars(20), Sma, time_limit=0)
    assert rk.check_lookahead(make_bars(1), Sma).outcome == "inconclusive"


def test_warm_up_is_what_an_indicator_needs(make_bars):
    bars = make_bars(2_000)
    assert 15 <= rk.check_lookahead(bars, Sma).warm_up <= 19
    assert rk.check_lookahead(bars, rk.strategies.Momentum(length=50)).warm_up in range(45, 51)
    assert rk.check_lookahead(bars, Expanding).warm_up is None
    assert 15 <= rk.check_lookahead(bars, Brackets).warm_up <= 19


# windows


@pytest.fixture
def in_windows(monkeypatch):
    """Let no check compare whole prefixes."""
    monkeypatch.setattr("research_kit.checks.lookahead.EXHAUSTIVE", 0.0)


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")
@pytest.mark.parametrize("strategy", [leak for leak in LEAKS if leak not in (KnowsTheEnd, Remembers)])
def test_windows_catch_them_too(strategy, make_bars, in_windows):
    verdict = rk.check_lookahead(bars_for(strategy, make_bars, 1_000), strategy)
    assert verdict.outcome == "failed"
    assert verdict.window >= 129


@pytest.mark.parametrize("strategy", [one for one in CLEAN if one is not YesterdaysClose])
def test_windows_accuse_nobody(strategy, make_bars, in_windows):
    bars = bars_for(strategy, make_bars, 1_000)
    verdict = rk.check_lookahead(bars, strategy)
    assert verdict.outcome == "passed", verdict
    assert verdict.checked == len(bars) - (29 if strategy is NeedsThirty else 0)


def test_windows_name_the_first_bar_too(make_bars, in_windows):
    bars = make_bars(3_000, step_ns=DAY, sigma=0.045)
    close = pd.Series(bars.close)
    acts = (close.pct_change().abs() > 0.1) & (close.shift(-1) > close)
    assert rk.check_lookahead(bars, RareJump).bar == int(np.argmax(acts))


def test_what_the_time_did_not_allow_is_told(make_bars, in_windows):
    bars = make_bars(60_000)
    verdict = rk.check_lookahead(bars, Sma, time_limit=1.0)
    assert 0 < verdict.checked < len(bars)
    assert verdict.outcome == ("passed" if verdict.checked >= 6_000 else "inconclusive")
    assert "The time limit of 1 seconds was over" in str(verdict)
    assert verdict.seconds < 20


# the verdict itself


@pytest.mark.parametrize("strategy", [NextClose, Mondays, FullZScore])
@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")
def test_a_verdict_goes_through_json(strategy, make_bars):
    import json

    verdict = rk.check_lookahead(make_bars(100, step_ns=DAY), strategy)
    again = LookaheadVerdict.from_dict(json.loads(json.dumps(verdict.to_dict(), allow_nan=False)))
    assert again.sentence == verdict.sentence
    assert str(again) == str(verdict)
    assert again.to_dict() == verdict.to_dict()


def test_a_verdict_shows_itself(make_bars):
    verdict = rk.check_lookahead(make_bars(100, step_ns=DAY), NextClose)
    assert repr(verdict) == f"LookaheadVerdict(failed, exposure at bar {verdict.bar}, {verdict.coverage})"
    assert "Look-ahead: failed" in verdict._repr_html_()
    hostile = LookaheadVerdict(outcome="inconclusive", strategy="<b>", bars=1, checked=0, notes=("<script>",))
    assert "<script>" not in hostile._repr_html_()
    assert "<b>()" not in hostile._repr_html_()
    assert math.isnan(LookaheadVerdict.from_dict(hostile.to_dict() | {"value_known": "NaN"}).value_known)
