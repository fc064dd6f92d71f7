"""The metrics of many runs at once are those of each run by itself."""

from typing import Any

import numpy as np
import pytest

from research_kit.engine.many.tally import SUMMARY, TALLY
from research_kit.metrics.drawdown import drawdowns
from research_kit.metrics.many import ManyInputs, ManyMoments, compute_many, many_daily_returns
from research_kit.metrics.moments import moments
from research_kit.metrics.registry import METRICS
from research_kit.metrics.returns import periodic_returns
from research_kit.metrics.summary import compute_metrics
from research_kit.metrics.trade_statistics import longest_streaks
from research_kit.metrics.values import DAY_NS

START = 1_704_067_200_000_000_000  # 2024-01-01
CASH = 100.0


def summary_of(equity: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the record that a kernel would have written of an equity curve."""
    record, falls = np.zeros(1, SUMMARY), drawdowns(equity, times, CASH)
    if falls is None:
        return record
    record["final_equity"], record["mean_equity"] = equity[-1], equity.mean()
    record["falls_money"], record["falls_fraction"] = falls.money, falls.fraction
    record["falls_longest"], record["falls_recovered"] = round(falls.longest_days * DAY_NS), falls.recovered
    record["falls_recovery"] = -1 if falls.recovery_days is None else round(falls.recovery_days * DAY_NS)
    record["falls_squares"] = falls.ulcer_index**2 * len(equity)
    return record


def tally_of(pnl: np.ndarray, percent: np.ndarray, minutes: np.ndarray) -> np.ndarray:
    """Return the record that a kernel would have written of these trades."""
    record, won, lost = np.zeros(1, TALLY), pnl[pnl > 0], pnl[pnl < 0]
    record["trades"], record["wins"], record["losses"] = len(pnl), len(won), len(lost)
    record["won"], record["lost"] = won.sum(), lost.sum()
    record["best"], record["worst"] = won.max(initial=0.0), lost.min(initial=0.0)
    record["mean"] = pnl.mean() if len(pnl) else 0.0
    record["spread"] = np.sum((pnl - record["mean"]) ** 2)
    record["percents"], record["held_ns"] = percent.sum(), 60e9 * minutes.sum()
    record["most_wins"], record["most_losses"] = longest_streaks(pnl)
    return record


class Run:
    """One run as both ways of computing metrics take it: a curve of daily bars, trades, and what was counted."""

    def __init__(self, equity: Any, pnl: Any = ()) -> None:
        self.equity, self.pnl = np.array(equity, dtype=float), np.array(pnl, dtype=float)
        self.times = START + DAY_NS * np.arange(len(self.equity))
        self.percent, self.minutes = self.pnl / 7.0, 30.0 + np.arange(len(self.pnl))
        self.counted = {"traded_value": 17.0 * len(self.pnl), "total_commission": 1.5, "total_borrow": 0.25}

    def summary(self) -> np.ndarray:
        record = summary_of(self.equity, self.times)
        record["bars_in_market"] = len(self.equity) // 2
        for name, value in self.counted.items():
            record[name] = value
        return record


def together(runs: list[Run], **given: Any) -> dict[str, np.ndarray]:
    times, bars = runs[0].times, len(runs[0].equity)
    daily = np.stack([run.equity for run in runs])
    inputs = {
        "summaries": np.concatenate([run.summary() for run in runs]),
        "tallies": np.concatenate([tally_of(run.pnl, run.percent, run.minutes) for run in runs]),
        "daily": daily,
        "day_time_ns": times,
        "first_time_ns": int(times[0]) if bars else 0,
        "last_time_ns": int(times[-1]) if bars else 0,
        "bars": bars,
        "initial_cash": CASH,
        "periods_per_year": 252,
    }
    market = given.pop("benchmark", None)
    if market is not None:
        given["benchmark"] = np.concatenate([market[:1], market])
    return compute_many(ManyInputs(**inputs | given))


def alone(run: Run, make_inputs, **given: Any):
    return compute_metrics(
        make_inputs(
            run.equity,
            trade_pnl=run.pnl,
            trade_pnl_percent=run.percent,
            trade_minutes=run.minutes,
            exposure=(len(run.equity) // 2) / len(run.equity) if len(run.equity) else None,
            **run.counted,
            **given,
        )
    )


def check(runs: list[Run], make_inputs, **given: Any) -> None:
    columns = together(runs, **given)
    assert list(columns) == list(METRICS)
    for at, run in enumerate(runs):
        expected = alone(run, make_inputs, **given)
        found = {name: column[at] for name, column in columns.items()}
        wanted = {name: np.nan if value is None else value for name, value in expected.items()}
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-12, nan_ok=True)


def any_run(random: np.random.Generator, n: int) -> Run:
    """Return a run: a walk, one that stands still, jumps, ruin, or noise of rounding, with some trades or none."""
    kind = random.integers(6)
    equity = CASH * np.exp(np.cumsum(random.normal(0, 0.01, n)))
    if kind == 1:
        equity = np.full(n, CASH)
    if kind == 2:
        equity = CASH * random.choice([0.5, 1.0, 1.0, 2.0], n)
    if kind == 3:
        equity[n // 2 :] = -20.0
    if kind == 4:
        equity = CASH * (1.0 + 1e-16 * random.integers(-2, 3, n))
    pnl = random.choice([-3.0, 0.0, 2.5, 10.0], random.choice([0, 1, 2, 9])) + random.choice([0.0, 0.01])
    return Run(equity, pnl)


@pytest.mark.parametrize("n", [1, 2, 3, 29, 30, 90, 400])
@pytest.mark.parametrize("given", [{}, {"risk_free_rate": 0.03, "daily_target": 0.004}], ids=["plain", "with rates"])
def test_each_metric_is_that_of_the_run_by_itself(make_inputs, n, given):
    random = np.random.default_rng(n)
    market = 50.0 * np.exp(np.cumsum(random.normal(0, 0.01, n)))
    runs = [any_run(random, n) for _ in range(60)]
    check(runs, make_inputs, benchmark=market, **given)
    check(runs, make_inputs, **given)


@pytest.mark.parametrize("market", [np.full(40, 3.0), np.linspace(-1.0, 2.0, 40)], ids=["that stands still", "below 0"])
def test_a_benchmark_that_says_nothing(make_inputs, market):
    random = np.random.default_rng(1)
    check([any_run(random, 40) for _ in range(12)], make_inputs, benchmark=market)


def test_no_bars(make_inputs):
    check([Run([]), Run([])], make_inputs)


def test_no_runs():
    runs = [Run([100.0, 101.0])]
    columns = together(runs, summaries=np.zeros(0, SUMMARY), tallies=np.zeros(0, TALLY), daily=np.empty((0, 2)))
    assert {column.shape for column in columns.values()} == {(0,)}


def test_trades_that_are_all_alike_have_no_quality(make_inputs):
    runs = [Run([100.0, 101.0], pnl) for pnl in ([0.1] * 3, [1e-9] * 7, [0.1 + 0.2, 0.3], [0.0, 0.0], [5.0], [])]
    check(runs, make_inputs)
    assert np.isnan(together(runs)["sqn"]).all()


def test_numbers_too_large_are_undefined_and_leave_the_others_alone(make_inputs):
    usual = Run([100.0, 101.0, 102.0])
    columns = together([Run([1e-300, 1e300, 1e-300]), usual])
    assert np.isnan(columns["best_day"][0])
    assert columns["best_day"][1] == pytest.approx(alone(usual, make_inputs)["best_day"])


def test_nothing_is_infinite_and_nothing_warns():
    random = np.random.default_rng(9)
    columns = together([any_run(random, 5) for _ in range(200)] + [Run([0.0, 0.0, 0.0, 0.0, 0.0])])
    assert not any(np.isinf(column).any() for column in columns.values())


def test_daily_returns_are_periodic_returns():
    daily = np.array([[110.0, 99.0, 99.0], [50.0, -10.0, 30.0], [0.0, 5.0, 6.0], [100.0, 100.0, 100.0]])
    kept = daily.copy()
    found = many_daily_returns(daily, CASH)
    for row, equity in zip(found, daily, strict=True):
        np.testing.assert_allclose(row, periodic_returns(equity, CASH), rtol=1e-15)
    np.testing.assert_array_equal(daily, kept)
    assert many_daily_returns(np.empty((3, 0)), CASH).shape == (3, 0)


@pytest.mark.parametrize("n", [0, 1, 2, 50])
def test_moments_are_those_of_each_row(n):
    random = np.random.default_rng(n)
    rows = np.stack([random.normal(0, 0.01, n), np.full(n, 0.1), np.zeros(n), 1e-15 * random.integers(-2, 3, n)])
    many = ManyMoments.of(rows)
    for at, row in enumerate(rows):
        one = moments(row)
        for name in ("mean", "m2", "m3", "m4", "largest", "deviation", "skew", "kurtosis"):
            value, found = getattr(one, name), float(getattr(many, name)[at])
            assert found == pytest.approx(np.nan if value is None else value, rel=1e-12, nan_ok=True), (name, at)
