"""Sessions: learnt, their days, their years, and the bars they miss."""

import subprocess
import sys
import time
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.bars import sessions
from research_kit.bars.exchanges import calendar_of_exchange, day_clock, regular_length_ns
from research_kit.bars.frame import Bars
from research_kit.bars.sessions import (
    GapJudge,
    bars_per_year,
    check_session,
    day_boundaries,
    day_ends,
    learn_session,
    missing_bars,
    open_hours,
    periods_per_year,
)
from research_kit.bars.timeframe import DAY, HOUR, MINUTE
from research_kit.bars.windows import WINDOW
from research_kit.errors import DataError


def ns(index) -> np.ndarray:
    return (
        pd.DatetimeIndex(index).tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ns]").view(np.int64)
    )


def times(start: str, end: str, freq: str, zone: str = "UTC") -> np.ndarray:
    return ns(pd.date_range(start, end, freq=freq, tz=zone, inclusive="left"))


def new_york_hours(start: str, end: str, freq: str = "min", hours=("09:30", "15:59")) -> np.ndarray:
    index = pd.date_range(start, end, freq=freq, tz="America/New_York", inclusive="left")
    index = index[index.day_of_week < 5]
    return ns(index[index.indexer_between_time(*hours)])


def fx(start: str, end: str, freq: str = "h") -> np.ndarray:
    index = pd.date_range(start, end, freq=freq, tz="America/New_York", inclusive="left")
    hour, day = index.hour, index.day_of_week
    return ns(index[((day < 4) | ((day == 4) & (hour < 17)) | ((day == 6) & (hour >= 17)))])


def bars_at(time_ns: np.ndarray, session: str, timeframe: str = "") -> Bars:
    return Bars(time_ns, {"close": np.ones(len(time_ns))}, session=session, timeframe=timeframe)


@pytest.mark.parametrize(
    ("time_ns", "timeframe", "session"),
    [
        (times("2020-01-01", "2020-03-01", "h"), "1h", "24/7"),
        (times("2020-01-01", "2021-01-01", "D"), "1d", "24/7"),
        (times("2020-01-01", "2021-01-01", "B"), "1d", "weekdays"),
        (fx("2020-01-01", "2020-03-01"), "1h", "24/5"),
        (fx("2020-01-01", "2020-03-01", "4h"), "4h", "24/5"),
        (new_york_hours("2020-01-01", "2020-03-01"), "1min", "weekdays"),
        (
            new_york_hours("2020-01-01", "2020-03-01", hours=("04:00", "19:59")),
            "1min",
            "weekdays",
        ),  # Friday ends on Saturday UTC
        (times("2020-01-06", "2020-01-08", "min"), "1min", "24/7"),  # no Saturday in it: nothing can be told
        (times("2020-01-06", "2022-01-06", "W-MON"), "1w", "24/7"),
        (np.array([], dtype=np.int64), "1d", "24/7"),
    ],
)
def test_sessions_are_learnt_from_the_weekly_pattern(time_ns, timeframe, session):
    assert learn_session(time_ns, timeframe) == session


def test_years_are_constants():
    assert [periods_per_year(name) for name in ("24/7", "24/5", "weekdays", "XNYS", "XLON")] == [
        365,
        260,
        252,
        252,
        252,
    ]
    assert bars_per_year("1min", "24/7") == 525_600
    assert bars_per_year("5min", "XNYS") == 252 * 78
    assert bars_per_year("1h", "XNYS") == 252 * 7  # the last bar of the day is half an hour
    assert bars_per_year("1h", "24/5") == 260 * 24
    assert bars_per_year("2d", "24/7") == 182.5
    assert (bars_per_year("1w", "XNYS"), bars_per_year("1mo", "24/7")) == (52.0, 12.0)


def test_an_exchange_has_its_own_hours():
    assert bars_per_year("1h", "XLON") == 252 * 9  # 08:00 to 16:30
    assert regular_length_ns("XHKG") == 5.5 * HOUR  # a break of an hour at noon
    assert calendar_of_exchange("NYSE") == "XNYS"
    assert calendar_of_exchange("Binance") is None


def test_the_table_of_clocks_agrees_with_the_calendars():
    for name, clock in sessions._CLOCKS.items():
        if name not in sessions.GENERIC:
            assert day_clock(name) == clock, name
    assert day_clock("CMES") == ("America/Chicago", 17)  # its session begins on the evening before


def ends_by_hand(time_ns: np.ndarray, zone: str, hour: int) -> list[int]:
    local = pd.DatetimeIndex(time_ns.view("datetime64[ns]")).tz_localize("UTC").tz_convert(zone)
    dates = (local.tz_localize(None) + pd.Timedelta(hours=24 - hour if hour else 0)).normalize()
    return [at for at in range(len(dates)) if at == len(dates) - 1 or dates[at] != dates[at + 1]]


@pytest.mark.parametrize(
    ("session", "zone", "hour"),
    [("24/7", "UTC", 0), ("weekdays", "UTC", 0), ("24/5", "America/New_York", 17), ("XNYS", "America/New_York", 0),
     ("XASX", "Australia/Sydney", 0), ("CMES", "America/Chicago", 17)],
)  # fmt: skip
@settings(deadline=None, max_examples=15)
@given(
    start=st.integers(0, 30_000_000),
    steps=st.lists(st.one_of(st.integers(1, 5_000), st.sampled_from([60, 1440])), min_size=1, max_size=300),
)
def test_days_end_by_the_clock_of_the_session(session, zone, hour, start, steps):
    time_ns = (start + np.cumsum(steps)).astype(np.int64) * MINUTE
    assert day_ends(bars_at(time_ns, session, "1min")).tolist() == ends_by_hand(time_ns, zone, hour)


def test_a_bar_that_opens_at_the_boundary_belongs_to_the_new_day():
    hours = times("2024-03-08 20:00", "2024-03-11 23:00", "h")  # 17:00 in New York is 22:00 UTC, then 21:00
    assert day_ends(bars_at(hours, "24/7")).tolist() == [3, 27, 51, 74]
    assert day_ends(bars_at(hours, "24/5")).tolist() == [1, 25, 48, 72, 74]


def test_days_of_daily_bars_and_of_very_few_bars():
    assert day_ends(bars_at(times("2020-01-01", "2020-01-05", "D"), "XNYS")).tolist() == [0, 1, 2, 3]
    assert day_ends(bars_at(times("2020-01-01", "2020-01-02", "D"), "24/7", "1min")).tolist() == [0]
    assert day_ends(bars_at(np.array([], dtype=np.int64), "24/7", "1min")).tolist() == []


def test_boundaries_follow_summer_time():
    first, last = (int(np.datetime64(day, "ns").astype(np.int64)) for day in ("2024-01-01", "2024-12-31"))
    boundaries = day_boundaries(first, last, "24/5").view("datetime64[ns]").astype("datetime64[s]").tolist()
    clock = ZoneInfo("America/New_York")
    assert {pd.Timestamp(at, tz="UTC").tz_convert(clock).hour for at in boundaries} == {17}
    assert len(boundaries) >= 366


@pytest.mark.parametrize("session", ["24/7", "24/5", "XNYS"])
def test_the_days_of_millions_of_bars_are_found_at_once(session):
    bars = bars_at(1_420_070_400 * 10**9 + np.arange(5_000_000, dtype=np.int64) * MINUTE, session)
    day_ends(bars)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        ends = day_ends(bars)
        seconds.append(time.perf_counter() - start)
    assert len(ends) in (3473, 3474)
    assert min(seconds) < 0.05  # about 1.5 ms on a quiet machine; a pass over the bars in Python would take a second


def test_no_pandas_is_needed():
    code = (
        "import sys, numpy as np, research_kit.bars.frame as f, research_kit.bars.sessions as s;"
        "bars = f.Bars(np.arange(3000) * 60 * 10**9, {'close': np.ones(3000)}, session='XNYS');"
        "s.day_ends(bars), s.bars_per_year('1h', 'XNYS'), s.missing_bars(bars.time_ns, '1min', '24/5');"
        "print([name for name in ('pandas', 'pyarrow', 'exchange_calendars') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def missing(time_ns, timeframe, session):
    found = missing_bars(time_ns, timeframe, session)
    return found.expected, found.counts.tolist()


def test_around_the_clock_every_absence_is_a_gap():
    time_ns = np.delete(times("2020-01-01", "2020-01-02", "min"), [5, 6, 100])
    assert missing(time_ns, "1min", "24/7") == (1440, [2, 1])
    found = missing_bars(time_ns, "1min", "24/7")
    assert (int(found.starts_ns[0] - time_ns[0]), int(found.ends_ns[0] - time_ns[0])) == (5 * MINUTE, 7 * MINUTE)


def test_the_weekend_of_foreign_exchange_is_no_gap():
    time_ns = fx("2020-02-01", "2020-05-01")  # crosses the change of clocks
    assert missing(time_ns, "1h", "24/5") == (len(time_ns), [])
    assert missing(np.delete(time_ns, [30, 31]), "1h", "24/5") == (len(time_ns), [2])
    assert sum(missing(time_ns, "1h", "24/7")[1]) > 11 * 48
    daily = times("2020-01-01", "2020-03-01", "B")
    assert missing(daily, "1d", "24/5") == (len(daily), [])


def test_an_exchange_knows_its_holidays_and_hours():
    daily = ns(pd.DatetimeIndex(["2020-07-01", "2020-07-02", "2020-07-06", "2020-07-08"], tz="UTC"))
    assert missing(daily, "1d", "XNYS") == (5, [1])  # Friday the 3rd was a holiday, Tuesday the 7th was not
    assert missing(daily + 14 * HOUR, "1d", "XNYS") == (5, [1])
    minutes = new_york_hours("2020-07-01", "2020-07-10")
    dates = minutes.view("datetime64[ns]").astype("datetime64[D]")
    minutes = minutes[dates != np.datetime64("2020-07-03")]
    assert missing(minutes, "1min", "XNYS") == (len(minutes), [])
    assert missing(np.delete(minutes, [10, 390, 391]), "1min", "XNYS")[1] == [1, 2]


def test_a_short_day_and_a_lunch_break_are_no_gaps():
    index = pd.date_range("2020-11-25 09:30", "2020-11-30 16:00", freq="30min", tz="America/New_York")
    hours = index[index.indexer_between_time("09:30", "15:59")]
    day = hours.strftime("%m-%d")
    traded = hours[(day == "11-25") | ((day == "11-27") & (hours.hour < 13)) | (day == "11-30")]
    assert missing(ns(traded), "30min", "XNYS") == (len(traded), [])
    tokyo = pd.date_range("2020-06-01", "2020-06-06", freq="15min", tz="Asia/Tokyo")
    parts = [tokyo.indexer_between_time("09:00", "11:29"), tokyo.indexer_between_time("12:30", "14:59")]
    open_hours = ns(tokyo[np.sort(np.concatenate(parts))])
    assert missing(open_hours, "15min", "XTKS") == (len(open_hours), [])


def test_weekdays_take_short_absences_for_holidays():
    daily = times("2020-01-01", "2020-03-01", "B")
    assert missing(np.delete(daily, [10, 11]), "1d", "weekdays")[1] == []
    assert missing(np.delete(daily, [10, 11, 12]), "1d", "weekdays")[1] == [3]


@pytest.mark.parametrize(
    ("zone", "hours"), [("America/New_York", ("09:30", "15:59")), ("Australia/Sydney", ("10:00", "15:59"))]
)
def test_weekdays_judge_the_hours_that_most_days_have(zone, hours):
    index = pd.date_range("2020-05-04", "2020-06-27", freq="min", tz=zone)
    index = index[index.day_of_week < 5]
    time_ns = ns(index[index.indexer_between_time(*hours)])
    assert missing(time_ns, "1min", "weekdays") == (len(time_ns), [])
    at = 5 * len(time_ns) // 8 + 100  # in the middle of a day
    assert missing(np.delete(time_ns, [at, at + 1]), "1min", "weekdays") == (len(time_ns), [2])
    holed = np.delete(time_ns, slice(at // 360 * 360, at // 360 * 360 + 5 * 390))
    assert sum(missing(holed, "1min", "weekdays")[1]) > 3 * 300


def test_weekdays_take_no_offence_at_hours_that_trade_seldom():
    regular = new_york_hours("2020-06-01", "2020-06-27")
    early = new_york_hours("2020-06-01", "2020-06-27", hours=("08:00", "09:29"))
    seldom = np.sort(np.concatenate([regular, np.random.default_rng(1).choice(early, len(early) // 10, replace=False)]))
    assert missing(seldom, "1min", "weekdays") == (len(seldom), [])


def test_weeks_and_months_follow_the_calendar():
    assert missing(times("2020-01-06", "2021-01-06", "W-MON"), "1w", "XNYS")[1] == []
    assert missing(times("2020-01-01", "2021-01-01", "MS"), "1mo", "24/7")[1] == []
    assert missing(np.delete(times("2020-01-01", "2021-01-01", "MS"), 5), "1mo", "24/7")[1] == [1]


def test_no_bars_miss_nothing():
    assert missing(np.array([], dtype=np.int64), "1d", "24/7") == (0, [])
    assert missing(np.array([DAY]), "1d", "XNYS") == (1, [])


def test_unknown_sessions_are_refused():
    check_session("XNYS")
    check_session("XWAR")
    with pytest.raises(DataError, match=r"'XNYZ' is no session. Did you mean"):
        check_session("XNYZ")
    with pytest.raises(DataError, match="no session"):
        missing_bars(np.array([0, DAY, 9 * DAY]), "1d", "NOWHERE")


@pytest.mark.parametrize("session", ["24/7", "24/5", "weekdays", "XNYS"])
def test_gaps_over_many_windows_are_those_of_one(session):
    minutes = fx("2020-01-01", "2020-07-01", "min")
    time_ns = np.delete(minutes, np.random.default_rng(2).choice(len(minutes), 5_000, replace=False))
    assert len(time_ns) > WINDOW
    parts, whole = missing_bars(time_ns, "1min", session), GapJudge(time_ns, "1min", session).gaps(0, len(time_ns))
    assert parts.expected == whole.expected
    for name in ("starts_ns", "ends_ns", "counts"):
        assert np.array_equal(getattr(parts, name), getattr(whole, name))


def test_sessions_are_learnt_from_years_of_minutes():
    minutes = fx("2019-01-01", "2021-01-01", "min")
    assert learn_session(minutes, "1min") == "24/5"
    assert learn_session(times("2019-01-01", "2021-01-01", "min"), "1min") == "24/7"
    assert learn_session(new_york_hours("2016-01-01", "2020-01-01"), "1min") == "weekdays"
    some = times("2019-01-05 12:00", "2021-01-01", "7D")  # a bar on each Saturday: at a border of windows or not
    assert learn_session(np.union1d(minutes, some), "1min") == "24/7"
    assert learn_session(np.union1d(minutes, some[::3]), "1min") == "24/5"


@pytest.mark.parametrize("session", ["24/7", "24/5", "weekdays", "XNYS", "XTKS"])
@pytest.mark.parametrize("step", [MINUTE, 30 * MINUTE, 4 * HOUR])
def test_a_bar_is_closed_where_no_moment_of_it_is_open(session, step):
    first = int(times("2020-03-02", "2020-03-03", "D")[0])
    time_ns = first + np.arange(0, 21 * DAY, step)
    hours = open_hours(first, int(time_ns[-1]), f"{step // MINUTE}min", session)
    opened = hours.before(time_ns + step) - hours.before(time_ns)
    assert hours.closed(time_ns, step).tolist() == (opened == 0).tolist()
    assert hours.closed(time_ns, step).any() == (session != "24/7")


def test_closings_move_with_the_session():
    time_ns = times("2020-03-03", "2020-03-24", "h")
    hours = open_hours(int(time_ns[0]), int(time_ns[-1]), "1h", "24/5")
    for shift in (-5 * HOUR, 0, 3 * HOUR):
        which, begin, end = hours.closings(time_ns, HOUR, shift)
        assert (time_ns[begin] == hours.closes[which] + shift).all()
        assert (time_ns[end - 1] + HOUR == hours.opens[which + 1] + shift).all()
        assert len(which) == 3
