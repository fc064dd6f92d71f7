"""Moves: spikes, wicks, splits by their ratio, and jumps that are none of them."""

import numpy as np
import pytest

from research_kit.bars.frame import PRICE_COLUMNS, Bars
from research_kit.bars.quality.moves import SPLIT_RATIOS, robust_scale
from research_kit.bars.quality.report import check_quality
from research_kit.bars.timeframe import DAY

DAILY = {"sigma": 0.015, "step_ns": DAY}


def scaled(bars: Bars, *edits: tuple[slice, float], **details) -> Bars:
    """Return bars with all prices of some stretches multiplied."""
    columns = {name: column.copy() for name, column in bars.columns.items()}
    for where, factor in edits:
        for name in PRICE_COLUMNS:
            columns[name][where] *= factor
    return Bars(bars.time_ns, columns, timeframe=bars.timeframe, **details)


@pytest.fixture
def bars(make_bars) -> Bars:
    return make_bars(2_000)


@pytest.mark.parametrize("factor", [10.0, 0.1, 1.5])
def test_a_spike_is_found_and_its_way_back_is_not(bars, factor):
    report = check_quality(scaled(bars, (slice(500, 501), factor)))
    assert report["spikes"].count == 1
    assert report["spikes"].examples[0].startswith("2024-01-01 08:20: open ")
    assert [found.name for found in report.findings] == ["spikes"]
    (outlier,) = report.coverage.outliers
    assert (outlier.time, outlier.kind) == ("2024-01-01 08:20", "spike")
    assert outlier.change == pytest.approx(factor - 1, rel=0.02)


@pytest.mark.parametrize(("length", "name"), [(2, "spikes"), (5, "spikes"), (6, "splits")])
def test_a_wrong_unit_for_up_to_five_bars_is_a_spike_of_each(bars, length, name):
    report = check_quality(scaled(bars, (slice(500, 500 + length), 0.01)))
    assert [found.name for found in report.findings] == [name]
    assert report[name].count == (length if name == "spikes" else 2)


def test_a_slow_way_back_is_no_spike(bars):
    report = check_quality(scaled(bars, (slice(500, 501), 0.5), (slice(501, 502), 0.75)))
    assert "spikes" not in report


def test_small_moves_are_no_spikes_however_calm_the_rest(make_bars):
    calm = make_bars(2_000, sigma=1e-5)
    assert check_quality(scaled(calm, (slice(500, 501), 1.019))).findings == ()
    assert check_quality(scaled(calm, (slice(500, 501), 1.021)))["spikes"].count == 1


def test_a_wick_is_found(bars):
    columns = dict(bars.columns)
    columns["low"] = columns["low"].copy()
    columns["low"][500] *= 0.01
    report = check_quality(Bars(bars.time_ns, columns))
    assert report["spikes"].count == 1
    assert report.coverage.outliers[0].change == pytest.approx(-0.99, abs=0.001)


@pytest.mark.parametrize(("new", "old"), SPLIT_RATIOS)
def test_every_usual_split_is_named(make_bars, new, old):
    report = check_quality(scaled(make_bars(2_000, **DAILY), (slice(1000, None), old / new)))
    assert report["splits"].count == 1
    assert report["splits"].examples[0].startswith("2026-09-27: -")
    assert report["splits"].examples[0].endswith(f"looks like a {new}:{old} split")
    assert "jumps" not in report


@pytest.mark.parametrize("old", [2, 10, 50])
def test_reverse_splits_are_named(make_bars, old):
    report = check_quality(scaled(make_bars(2_000, **DAILY), (slice(1000, None), float(old))))
    assert report["splits"].examples[0].endswith(f"looks like a 1:{old} reverse split")


@pytest.mark.parametrize("factor", [1 / 2.25, 1.5, 1 / 1.8, 1 / 13])
def test_other_factors_are_jumps(make_bars, factor):
    report = check_quality(scaled(make_bars(2_000, sigma=0.01, step_ns=DAY), (slice(1000, None), factor)))
    assert "splits" not in report
    assert report["jumps"].count == 1


def test_a_split_happens_overnight_and_a_crash_during_the_day(make_bars):
    bars = make_bars(2_000, sigma=0.01, step_ns=DAY)
    crash = scaled(bars, (slice(1000, None), 0.5))
    columns = dict(crash.columns)
    columns["open"] = columns["open"].copy()
    columns["open"][1000] = columns["close"][999]
    columns["high"] = np.maximum(columns["high"], columns["open"])
    report = check_quality(Bars(crash.time_ns, columns))
    assert "splits" not in report
    assert report["jumps"].count == 1


def test_closes_alone_are_judged_too(make_bars):
    bars = scaled(make_bars(2_000, sigma=0.005, step_ns=DAY), (slice(1000, None), 0.5))
    assert check_quality(Bars(bars.time_ns, {"close": bars.close}))["splits"].count == 1


def test_what_a_day_may_add_depends_on_what_was_traded(make_bars):
    bars = make_bars(2_000, sigma=0.01, step_ns=DAY)
    off = scaled(bars, (slice(1000, None), 0.5 * np.exp(-0.03) * bars.close[999] / bars.open[1000]))
    columns = dict(off.columns)
    columns["volume"] = np.full(2_000, 100.0)
    columns["volume"][1000:] = 200.0
    assert check_quality(Bars(off.time_ns, columns))["splits"].count == 1  # three deviations on a usual day
    columns["volume"] = columns["volume"].copy()
    columns["volume"][1000] = 4_000.0
    assert check_quality(Bars(off.time_ns, columns))["jumps"].count == 1  # twenty times the turnover: news


def test_prices_at_or_below_zero_make_no_moves():
    close = np.full(60, 10.0) + np.arange(60) % 2
    close[30:33] = -5.0, 0.0, -7.0
    report = check_quality(Bars(np.arange(60) * DAY, {"close": close}, allow_nonpositive=True))
    assert [found.name for found in report.findings] == ["price_not_positive"]


def test_enormous_moves_stay_within_json():
    close = np.concatenate([np.full(30, 1e-300), np.full(30, 1e300)]) * np.exp(1e-3 * (np.arange(60) % 3))
    report = check_quality(Bars(np.arange(60) * DAY, {"close": close}))
    assert report["jumps"].examples == ("1970-01-31: ×1.01e+304",)
    assert np.isfinite(report.coverage.outliers[0].change)


def test_a_robust_scale_is_not_moved_by_spikes():
    returns = np.random.default_rng(0).normal(0, 0.01, 10_000)
    spiked = returns.copy()
    spiked[::100] = 5.0
    assert robust_scale(returns) == pytest.approx(0.01, rel=0.05)
    assert robust_scale(spiked) == pytest.approx(robust_scale(returns), rel=0.05)
    assert robust_scale(np.zeros(10)) == 0.0


@pytest.mark.real_data
def test_the_splits_of_apple_are_named_and_its_crash_is_not(shared_data):
    from research_kit.bars.importing.reading import ImportOptions, read_bars

    options = ImportOptions(timezone="America/New_York")
    daily = read_bars(shared_data / "lean/equity__usa__daily__aapl.zip", options).quality
    days = ("2000-06-21", "2005-02-28", "2014-06-09", "2020-08-31")
    splits = [(example[:10], example[-9:]) for example in daily["splits"].examples]
    assert splits == list(zip(days, ("2:1 split", "2:1 split", "7:1 split", "4:1 split"), strict=True))
    assert [example[:10] for example in daily["jumps"].examples] == ["2000-09-29"]  # a warning of lower sales
    hourly = read_bars(shared_data / "lean/equity__usa__hour__aapl.zip", options).quality
    assert tuple(example[:10] for example in hourly["splits"].examples) == days
    spy = read_bars(shared_data / "lean/equity__usa__daily__spy.zip", options).quality
    assert not {"splits", "jumps"} & {found.name for found in spy.findings}
