"""Times in doubt: zones that do not fit the session, stamps of days, two timeframes in one source."""

import numpy as np
import pandas as pd
import pytest

from research_kit.bars.frame import Bars
from research_kit.bars.quality.report import check_quality
from research_kit.bars.timeframe import DAY, HOUR, MINUTE


def bars_at(index, session: str, **details) -> Bars:
    """Return bars that move, at some times."""
    index = pd.DatetimeIndex(index)
    time_ns = index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ns]").view(np.int64)
    close = 100 + np.sin(np.arange(len(time_ns)))
    return Bars(time_ns, {"close": close}, session=session, **details)


def fx(start: str, end: str, freq: str = "30min") -> pd.DatetimeIndex:
    index = pd.date_range(start, end, freq=freq, tz="America/New_York", inclusive="left")
    hour, day = index.hour, index.day_of_week
    return index[((day < 4) | ((day == 4) & (hour < 17)) | ((day == 6) & (hour >= 17)))]


def new_york(start: str, end: str, hours=("09:30", "15:59"), freq: str = "30min") -> pd.DatetimeIndex:
    index = pd.date_range(start, end, freq=freq, tz="America/New_York", inclusive="left")
    index = index[(index.day_of_week < 5) & ~index.strftime("%m-%d").isin(["01-01", "01-20", "02-17"])]
    return index[index.indexer_between_time(*hours)]


def read_as(index: pd.DatetimeIndex, written: str, read: str) -> pd.DatetimeIndex:
    """Return times that one clock wrote and another read."""
    local = index.tz_convert(written).tz_localize(None).tz_localize(read, ambiguous="NaT", nonexistent="NaT")
    return local[~local.isna()].drop_duplicates().sort_values()


def names(bars: Bars) -> set[str]:
    return {found.name for found in check_quality(bars).findings}


@pytest.mark.parametrize("freq", ["1min", "30min", "1h"])
def test_a_right_zone_is_not_doubted(freq):
    assert names(bars_at(fx("2020-01-05", "2020-04-05", freq), "24/5")) == set()
    assert names(bars_at(new_york("2020-01-02", "2020-03-01", freq="30min"), "XNYS")) == set()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Etc/GMT+5", "look 5 h early: in this data 24/5 opens on Sunday at 17:00 UTC, where it opens on Sunday at"),
        ("Europe/Athens", "look 2 h late in winter and 3 h late in summer"),
        ("Asia/Kolkata", "look 5.5 h late"),
        ("America/New_York", "look 5 h early in winter and 4 h early in summer"),
    ],
)
def test_a_week_that_opens_at_other_hours_casts_doubt_on_the_zone(written, words):
    index = fx("2020-01-05", "2020-06-28")
    report = check_quality(bars_at(read_as(index, written, "UTC"), "24/5"))
    assert words in report["time_zone"].meaning
    assert report["time_zone"].severity == "warning"
    assert report.data_quality_score < 91


def test_a_clock_that_ignores_summer_time_is_noticed_in_summer():
    index = read_as(fx("2020-01-05", "2020-06-28"), "Etc/GMT+5", "America/New_York")
    report = check_quality(bars_at(index, "24/5"))
    assert "look 1 h early in summer: in this data 24/5 opens on Sunday at 20:00 UTC" in report["time_zone"].meaning


def test_an_exchange_that_opens_at_other_hours_casts_doubt_on_the_zone():
    report = check_quality(bars_at(read_as(new_york("2020-01-02", "2020-03-01"), "America/New_York", "UTC"), "XNYS"))
    assert (
        "look 5 h early: in this data XNYS opens at 09:30 UTC, where it opens at 14:30" in report["time_zone"].meaning
    )


def test_trading_before_and_after_hours_is_noted_and_no_doubt():
    bars = bars_at(new_york("2020-01-02", "2020-03-01", hours=("04:00", "19:59")), "XNYS")
    report = check_quality(bars)
    assert [(found.name, found.severity) for found in report.findings] == [("outside_hours", "note")]
    assert report["outside_hours"].count == len(bars) * 19 // 32
    assert report["outside_hours"].examples[0] == "2020-01-02 09:00"
    assert report.data_quality_score == 100


def test_hours_that_are_not_known_are_not_judged():
    assert names(bars_at(new_york("2020-01-02", "2020-03-01", hours=("04:00", "19:59")), "weekdays")) == set()


def test_days_on_a_weekend_are_noted():
    index = pd.date_range("2020-01-01", "2020-03-01", freq="B", tz="UTC").append(
        pd.DatetimeIndex(["2020-02-15"], tz="UTC")
    )
    report = check_quality(bars_at(index.sort_values(), "weekdays"))
    assert [(found.name, found.examples) for found in report.findings] == [("outside_hours", ("2020-02-15",))]


@pytest.mark.parametrize(
    ("shift", "week"), [(-2 * HOUR, "Sunday to Thursday"), (-10 * HOUR, "Sunday to Thursday"), (DAY, "Tuesday to Sat")]
)
def test_weeks_of_days_that_begin_on_sunday_cast_doubt_on_the_zone(shift, week):
    days = pd.date_range("2020-01-01", "2020-12-31", freq="B", tz="UTC") + pd.Timedelta(shift, "ns")
    report = check_quality(bars_at(days, "weekdays", timeframe="1d"))
    assert week in report["time_zone"].meaning
    assert ("day_stamps" in report) == (shift != DAY)


def test_days_stamped_at_an_opening_are_noted():
    days = new_york("2020-01-02", "2020-12-20", hours=("09:30", "09:30"))
    report = check_quality(bars_at(days, "weekdays", timeframe="1d"))
    assert [(found.name, found.severity, found.count) for found in report.findings] == [
        ("day_stamps", "note", len(days))
    ]
    assert "stamped at 13:30, 14:30 UTC" in report["day_stamps"].meaning


def steps(*parts: tuple[int, int]) -> Bars:
    """Return bars at steps of some lengths: ``steps((count, nanoseconds), ...)``."""
    lengths = np.concatenate([np.full(count, length) for count, length in parts])
    time_ns = 1_577_836_800 * 10**9 + np.concatenate([[0], np.cumsum(lengths)])
    return Bars(time_ns, {"close": 100 + np.sin(np.arange(len(time_ns)))})


def mixed(bars: Bars) -> tuple[str, ...]:
    report = check_quality(bars)
    return report["mixed_timeframes"].examples if "mixed_timeframes" in report else ()


def test_a_stretch_of_another_timeframe_is_told_with_its_beginning():
    assert mixed(steps((500, MINUTE), (40, HOUR))) == ("2020-01-01 08:20: 40 steps of 1h",)
    assert mixed(steps((50, DAY), (500, HOUR))) == ("2020-01-01: 50 steps of 1d",)
    assert mixed(steps((100, HOUR), (30, 5 * MINUTE), (100, HOUR), (30, 15 * MINUTE))) == (
        "2020-01-05 04:00: 30 steps of 5min",
        "2020-01-09 10:30: 30 steps of 15min",
    )
    assert mixed(steps((500, DAY), (30, 7 * DAY))) == ("2021-05-15: 30 steps of 1w",)


def test_many_short_runs_of_shorter_steps_are_a_mixture_too():
    assert mixed(steps(*[(50, HOUR), (4, 15 * MINUTE)] * 20)) == ("2020-01-03 02:00: 80 steps of 15min",)
    assert mixed(steps(*[(500, HOUR), (4, 15 * MINUTE)] * 4)) == ()


def test_what_sessions_and_calendars_do_to_steps_is_no_mixture():
    assert mixed(steps(*[(6, HOUR), (1, 18 * HOUR)] * 100)) == ()
    assert mixed(steps(*[(1, 4 * HOUR), (1, 20 * HOUR)] * 200)) == ()
    assert mixed(steps(*[(4, DAY), (1, 3 * DAY)] * 100)) == ()
    assert mixed(steps(*[(1, days * DAY) for days in (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)] * 5)) == ()
    assert mixed(steps(*[(19, MINUTE), (19, 2 * MINUTE)] * 30)) == ()  # trades that happen to be regular for a while


def test_bars_that_begin_too_early_are_noted():
    report = check_quality(steps((100, HOUR), (1, 30 * MINUTE), (100, HOUR)))
    assert (report["short_steps"].severity, report["short_steps"].examples) == ("note", ("2020-01-05 04:30",))
    clocks_change = steps((100, DAY), (1, 23 * HOUR), (100, DAY))
    assert "short_steps" not in check_quality(clocks_change)
    holiday = steps((50, 7 * DAY), (1, 8 * DAY), (1, 6 * DAY), (50, 7 * DAY))
    assert "short_steps" not in check_quality(holiday)


@pytest.mark.real_data
def test_a_published_file_is_doubted_in_a_wrong_zone_only(shared_data):
    from research_kit.bars.importing.reading import ImportOptions, read_bars

    path = shared_data / "histdata/DAT_NT_EURUSD_M1_201502.csv"
    for zone, doubted in (("Etc/GMT+5", False), ("UTC", True), ("Europe/Berlin", True), ("America/New_York", False)):
        report = read_bars(path, ImportOptions(timezone=zone, session="24/5")).quality
        assert ("time_zone" in report) == doubted, zone
    hourly = shared_data / "lean/forex__oanda__hour__eurusd.zip"
    assert "time_zone" not in read_bars(hourly, ImportOptions(timezone="UTC")).quality
    assert "time_zone" in read_bars(hourly, ImportOptions(timezone="America/New_York")).quality
