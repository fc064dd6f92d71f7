"""Many sets in one pass: each number of each set is that of a backtest of its own."""

import tracemalloc
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from cases import Case, seeded_case

from research_kit.bars.frame import Bars
from research_kit.bars.timeframe import DAY, HOUR, MINUTE
from research_kit.engine.layout import LOT
from research_kit.engine.many.kernel import SCRATCH
from research_kit.engine.many.measure import measure_many, measure_one
from research_kit.engine.many.runner import BLOCK_BYTES, SetRunner
from research_kit.engine.options import EngineOptions
from research_kit.engine.simulation import FIRST_ROOM, check_signals, simulate
from research_kit.errors import MissingColumnError, SignalError
from research_kit.metrics.registry import METRICS
from research_kit.strategy.signals import Signals

BLOCK = 250
COUNTS = ("ambiguous_bars", "liquidations", "liquidated", "bars_in_market")
TOTALS = ("traded_value", "total_commission", "total_slippage", "total_borrow")
KINDS = ("bool", "int8", "float", "events", "prices")


def same(a: float, b: float) -> bool:
    return abs(float(a) - float(b)) <= 1e-9 * max(1.0, abs(a))


def wrong_metrics(columns, at, metrics) -> list[str]:
    """Return the metrics of one set that are not those of its backtest; NaN stands for None."""
    found = []
    for name in METRICS:
        ours, alone = float(columns[name][at]), metrics[name]
        agrees = np.isnan(ours) if alone is None else same(alone, ours)
        found += [] if agrees else [f"{name}: {ours}, alone {alone}"]
    return found


def wrong_counts(outcomes, at, run) -> list[str]:
    summary = outcomes.summaries[at]
    pairs = {name: (summary[name], getattr(run, name)) for name in (*COUNTS, *TOTALS)}
    pairs |= {"rejections": (summary["rejections"], len(run.rejections)), "trades": (outcomes.tallies[at]["trades"],
              run.closed), "final_equity": (summary["final_equity"], run.equity[-1])}  # fmt: skip
    return [f"{name}: {ours}, alone {alone}" for name, (ours, alone) in pairs.items() if not same(alone, ours)]


def differences(bars: Bars, options: EngineOptions, sets: list[Signals], runner: SetRunner | None = None) -> list[str]:
    """Return what differs between sets that are run together and the backtest of each."""
    runner = runner or SetRunner(bars, options)
    outcomes = runner.run(sets)
    columns, returns = measure_many(runner, outcomes)
    assert set(columns) == set(METRICS)
    found = []
    for at, signals in enumerate(sets):
        run = simulate(bars, signals, options)
        metrics, daily = measure_one(bars, options, run)
        lines = wrong_metrics(columns, at, metrics) + wrong_counts(outcomes, at, run)
        if not np.allclose(returns[at], daily, rtol=1e-9, atol=1e-12):
            lines.append("daily returns")
        found += [f"set {at} of {len(sets)}: {line}" for line in lines]
    return found


def any_signals(random: np.random.Generator, kind: str, bars: Bars, often: float) -> Signals:
    """Return signals of a kind that change with this probability at each bar."""
    n = len(bars)
    at = np.cumsum(random.random(n) < often)
    if kind in ("events", "prices"):
        long, out, short, cover = (random.random(n) < often for _ in range(4))
        levels = {"stop_loss": bars.close * 0.97, "take_profit": np.where(random.random(n) < 0.5, np.nan, bars.close)}
        return Signals(long, out, short & ~long, cover, prices=levels if kind == "prices" else {})
    values = {
        "bool": np.array([False, True]),
        "int8": np.array([-1, 0, 1], dtype=np.int8),
        "float": np.array([-1.0, -0.3, 0.0, 0.5, 1.0, np.nan]),
    }
    return Signals.target(random.choice(values[kind], n + 1)[at])


@pytest.mark.parametrize("block", range(6))
def test_a_set_alone_comes_to_what_a_backtest_comes_to(block):
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        case = seeded_case(seed)
        found = differences(case.bars(), case.engine_options(), [case.signals()])
        assert found == [], f"{found}\n{case}"


def fitting(base: Case, others: list[Case]) -> list[Signals]:
    """Return the signals of those cases that may be asked for on the bars and under the options of another."""
    bars, options, fit = base.bars(), base.engine_options(), []
    for other in others:
        signals = other.signals()
        try:
            check_signals(bars, signals, options)
        except SignalError:  # a target beyond the leverage
            continue
        if "high" in bars or not signals.prices:
            fit.append(signals)
    return fit


def test_sets_of_every_kind_stand_beside_one_another():
    by_length = defaultdict(list)
    for seed in range(500):
        case = seeded_case(seed)
        by_length[len(case.rows)].append(case)
    kinds = Counter()
    for cases in by_length.values():
        for at, case in enumerate(cases[:25]):
            sets = fitting(case, cases[at : at + 12])
            kinds.update((s.exposure is None, bool(s.prices), getattr(s.exposure, "dtype", "")) for s in sets)
            found = differences(case.bars(), case.engine_options(), sets)
            assert found == [], f"{found}\n{case}"
    assert len(kinds) == 6  # events, floats and booleans, each with and without prices
    assert min(kinds.values()) > 20


CHOICES = {
    "commission": (0.0, 0.001, 0.01),
    "slippage": (0.0, 0.001),
    "stop_loss": (None, None, 0.02, 0.1),
    "take_profit": (None, None, 0.03),
    "trailing_stop": (None, None, None, 0.05),
    "time_stop": (None, None, None, 30),
    "delay": (0, 0, 1, 3),
    "fill": ("next_open", "same_close"),
    "borrow_rate": (0.0, 0.0, 0.1),
    "risk_free_rate": (0.0, 0.03),
    "daily_target": (None, 0.001),
    "close_at_end": (True, False),
    "rebalance": (False, False, False, True),
    "allow_short": (True, True, False),
    "maintenance_margin": (0.0, 0.1),
}


@pytest.mark.parametrize("seed", range(40))
def test_long_markets_of_every_session_and_timeframe(seed, make_bars):
    """Quiet stretches longer than what is looked at together, days within the bars, and bars that are missing."""
    random = np.random.default_rng(seed)
    n = int(random.choice([63, 64, 65, 500, SCRATCH - 1, SCRATCH, SCRATCH + 1, 2 * SCRATCH + 70, 7_000]))
    bars = make_bars(n, seed=seed, sigma=random.choice([1e-4, 1e-3, 1e-2]), step_ns=random.choice([MINUTE, HOUR, DAY]))
    kept = np.flatnonzero(random.random(n) < random.choice([1.0, 0.9]))
    session = str(random.choice(["24/7", "24/5", "XNYS"]))
    bars = Bars(bars.time_ns[kept], {name: column[kept] for name, column in bars.columns.items()}, session=session)
    chosen = {name: values[random.integers(len(values))] for name, values in CHOICES.items()}
    levered = {"leverage": 5.0, "size": 5.0} if random.random() < 0.3 else {}
    sets = [any_signals(random, kind, bars, random.choice([5e-4, 5e-3, 0.05, 0.5])) for kind in KINDS * 2]
    assert differences(bars, EngineOptions(**chosen, **levered), sets) == []


@pytest.mark.parametrize("fill", ["next_open", "same_close"])
def test_synthetic_bars(fill, make_bars):
    random = np.random.default_rng(2)
    bars = replace(make_bars(900, sigma=0.01, step_ns=HOUR), synthetic=random.random(900) < 0.3, check=True)
    sets = [any_signals(random, kind, bars, 0.1) for kind in KINDS]
    assert differences(bars, EngineOptions(fill=fill, stop_loss=0.02, time_stop=9), sets) == []


def test_more_lots_than_the_first_room(make_bars):
    """A lot for each bar, thousands of them, closed on one bar, between sets that need little room."""
    n = 6 * FIRST_ROOM
    bars, up = make_bars(n, sigma=1e-4), np.linspace(0.001, 1.0, n)
    few = np.where(np.arange(n) % 500 < 250, 1.0, 0.0)
    falling = np.concatenate([np.linspace(0.001, 1.0, n // 2), np.linspace(1.0, 0.0, n - n // 2)])
    sets = [Signals.target(target) for target in (few, up, few, falling, up, few)]
    runner = SetRunner(bars, EngineOptions(commission=0.0))
    assert differences(bars, runner.options, sets, runner) == []
    assert runner.run(sets).tallies["trades"].tolist() == [simulate(bars, s, runner.options).closed for s in sets]
    room = max(len(book.lots) for book in runner._books.values())
    assert 4 * FIRST_ROOM < room < 64 * FIRST_ROOM  # of LOT.itemsize bytes each
    assert room * LOT.itemsize < 10_000_000


def test_sets_know_nothing_of_those_before_them(make_bars):
    """In another order, and by a runner that ran others before, each set comes to the same to the last bit."""
    random = np.random.default_rng(5)
    bars, options = make_bars(1_500, sigma=0.01, step_ns=HOUR), EngineOptions(leverage=3.0, size=3.0)
    sets = [any_signals(random, kind, bars, 0.05) for kind in KINDS * 3]
    order = random.permutation(len(sets))
    runner = SetRunner(bars, options)
    first, again = runner.run(sets), runner.run([sets[at] for at in order])
    for name in ("summaries", "tallies", "daily"):
        assert np.array_equal(getattr(first, name)[order], getattr(again, name))


def test_blocks_that_are_full_make_no_difference(make_bars, monkeypatch):
    random = np.random.default_rng(6)
    bars = make_bars(300, sigma=0.01)
    sets = [any_signals(random, kind, bars, 0.1) for kind in ("bool", "float") for _ in range(7)]
    whole = SetRunner(bars, EngineOptions()).run(sets)
    monkeypatch.setattr("research_kit.engine.many.runner.BLOCK_BYTES", 3 * 300)
    parts = SetRunner(bars, EngineOptions()).run(sets)
    assert np.array_equal(whole.tallies, parts.tallies)
    assert np.array_equal(whole.daily, parts.daily)


@pytest.mark.parametrize("n", [1, 2])
def test_very_few_bars(n, make_bars):
    bars = make_bars(n, step_ns=DAY)
    sets = [any_signals(np.random.default_rng(n), kind, bars, 0.9) for kind in KINDS]
    sets.append(Signals.target(np.ones(n)))
    assert differences(bars, EngineOptions(), sets) == []


def test_no_bars(make_bars):
    bars, options = make_bars(3).window(0, 0), EngineOptions()
    runner, signals = SetRunner(bars, options), Signals.target(np.empty(0))
    columns, returns = measure_many(runner, runner.run([signals, signals]))
    metrics, _ = measure_one(bars, options, simulate(bars, signals, options))
    assert wrong_metrics(columns, 1, metrics) == []
    assert returns.shape == (2, 0)


def test_no_sets(make_bars):
    runner = SetRunner(make_bars(50), EngineOptions())
    columns, returns = measure_many(runner, runner.run([]))
    assert {column.shape for column in columns.values()} == {(0,)}
    assert returns.shape == (0, 1)


def test_daily_equity_is_that_of_the_last_bar_of_each_day(make_bars):
    bars = make_bars(200, sigma=0.01, step_ns=HOUR)
    signals = any_signals(np.random.default_rng(8), "bool", bars, 0.1)
    runner = SetRunner(bars, EngineOptions())
    equity = simulate(bars, signals, runner.options).equity
    assert runner.run([signals]).daily[0] == pytest.approx(equity[[*range(23, 200, 24), 199]], rel=1e-12)


def test_columns_that_are_missing_are_named(make_bars):
    bars = make_bars(30)
    closes = Bars(bars.time_ns, {"close": bars.close})
    with pytest.raises(MissingColumnError, match="fill='next_open' needs the column 'open'"):
        SetRunner(closes, EngineOptions()).run([Signals.target(np.ones(30))])
    prices = {"stop_loss": np.full(30, 90.0)}
    with pytest.raises(MissingColumnError, match="a stop, a limit or a target needs the column 'open'"):
        SetRunner(closes, EngineOptions(fill="same_close")).run([Signals.target(np.ones(30), prices=prices)])


@pytest.mark.parametrize("kind", ["bool", "float", "events"])
def test_memory_does_not_grow_with_the_number_of_sets(kind, make_bars):
    """Curves and trades of 1,000 sets would take 160 MB; what is held at once is one block of signals."""
    bars, random = make_bars(20_000), np.random.default_rng(3)
    some = [any_signals(random, kind, bars, 0.05) for _ in range(5)]
    runner = SetRunner(bars, EngineOptions())
    runner.run(some)
    peaks = {}
    for count in (200, 1_000):
        tracemalloc.start()
        runner.run(some * (count // 5))
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    own_rows = 1_000 * 20_000 if kind == "events" else 0  # the bits of each set's events
    assert peaks[1_000] < BLOCK_BYTES + own_rows + 2_000_000
