"""Bars that do not move: stale runs, fillers, weekends that a vendor filled in, constant prices."""

import numpy as np
import pytest

from research_kit.bars.frame import PRICE_COLUMNS, Bars
from research_kit.bars.quality.report import check_quality
from research_kit.bars.timeframe import DAY, HOUR, MINUTE


def flattened(bars: Bars, first: int, count: int, volume: float | None = None, **details) -> Bars:
    """Return bars of which some stand at the close before them."""
    columns = {name: column.copy() for name, column in bars.columns.items()}
    for name in PRICE_COLUMNS:
        columns[name][first : first + count] = bars.close[first - 1]
    if volume is not None:
        columns["volume"][first : first + count] = volume
    return Bars(bars.time_ns, columns, timeframe=bars.timeframe, **details)


@pytest.fixture
def bars(make_bars) -> Bars:
    return make_bars(2_000)


def test_stale_bars(bars):
    report = check_quality(flattened(bars, 100, 61))
    assert (report["stale"].count, report["stale"].examples) == (61, ("2024-01-01 01:40: 61 bars",))
    assert "flat_fillers" not in report
    filled = check_quality(flattened(bars, 100, 61, volume=0.0))
    assert filled["flat_fillers"].examples == ("2024-01-01 01:40: 61 bars",)
    assert filled["volume_zero"].count == filled["flat_fillers"].count == filled["stale"].count == 61
    assert "stale" not in check_quality(flattened(bars, 100, 29))
    assert check_quality(flattened(bars, 1970, 30))["stale"].count == 30  # up to the very end


def test_a_run_begins_with_the_bar_that_has_its_price(bars):
    columns = {name: column.copy() for name, column in bars.columns.items()}
    for name in PRICE_COLUMNS:
        columns[name][100:160] = bars.close[100]
    assert check_quality(Bars(bars.time_ns, columns))["stale"].examples == ("2024-01-01 01:40: 60 bars",)


def test_five_days_of_one_price_are_stale(make_bars):
    days = make_bars(300, sigma=0.01, step_ns=DAY)
    assert check_quality(flattened(days, 100, 5))["stale"].count == 5
    assert "stale" not in check_quality(flattened(days, 100, 4))


@pytest.mark.parametrize("volume", [0.0, None])
def test_weekends_that_were_filled_in_are_named(make_bars, volume):
    first = (np.datetime64("2024-01-07T22:00", "ns").astype(np.int64) - 1_704_067_200 * 10**9) // MINUTE
    bars = make_bars(first + 3 * 10_080)
    for week in range(3):
        bars = flattened(bars, first + 7_200 + week * 10_080, 2_880, volume, session="24/5")
    if volume is None:
        bars = Bars(bars.time_ns, {name: bars[name] for name in PRICE_COLUMNS}, session="24/5")
    bars = bars.window(first, len(bars))
    report = check_quality(bars)
    assert report["weekend_fillers"].count == 3 * 2_880
    assert report["weekend_fillers"].examples[0] == "2024-01-12 22:00: 2,880 bars"
    assert "stale" not in report
    assert "outside_hours" not in report
    assert ("flat_fillers" in report) == (volume == 0.0)
    around = check_quality(Bars(bars.time_ns, bars.columns, session="24/7"))
    assert "3 of the runs last a whole weekend" in around["stale"].meaning


def test_a_quiet_bar_after_hours_is_no_filler(make_bars):
    bars = make_bars(7 * 24, step_ns=HOUR)
    friday_night = 4 * 24 + 23
    report = check_quality(flattened(bars, friday_night, 2, session="24/5"))
    assert "weekend_fillers" not in report


def test_a_price_that_never_changes_is_an_error():
    columns = {name: np.full(50, 3.0) for name in (*PRICE_COLUMNS, "volume")}
    report = check_quality(Bars(np.arange(50) * MINUTE, columns))
    assert [(found.name, found.severity, found.count) for found in report.findings] == [("constant_price", "error", 50)]
    assert report.data_quality_score == 0
    few = Bars(np.arange(19) * MINUTE, {name: column[:19] for name, column in columns.items()})
    assert check_quality(few).findings == ()


def test_bars_filled_in_on_request_are_told_as_such(bars):
    synthetic = np.zeros(len(bars), dtype=bool)
    synthetic[100:161] = True
    report = check_quality(flattened(bars, 100, 61, synthetic=synthetic))
    assert [(found.name, found.severity, found.count) for found in report.findings] == [("synthetic", "note", 61)]
