"""Missing bars filled in: by hand for each session, laws, and refusals."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.bars.derive.fill import fill_flat
from research_kit.bars.derive.resample import resample
from research_kit.bars.exchanges import exchange_times
from research_kit.bars.frame import Bars
from research_kit.bars.sessions import missing_bars
from research_kit.bars.timeframe import DAY, HOUR, MINUTE, SECOND
from research_kit.errors import DataError, OptionError


def at(*times: str, zone: str = "UTC") -> np.ndarray:
    moments = [datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for text in times]
    return np.array([int(moment.timestamp()) * SECOND for moment in moments], dtype=np.int64)


def bars_at(time_ns: np.ndarray, session: str, timeframe: str) -> Bars:
    return Bars(time_ns, {"close": np.arange(1.0, len(time_ns) + 1)}, timeframe=timeframe, session=session)


def added(bars: Bars, zone: str = "UTC", **options) -> list[str]:
    filled = fill_flat(bars, **options)
    if filled.synthetic is None:
        return []
    times = filled.frame.index[filled.synthetic].tz_convert(zone)
    return [str(stamp.tz_localize(None))[:16] for stamp in times]


def without_synthetic(bars: Bars) -> Bars:
    kept = np.ones(len(bars), dtype=bool) if bars.synthetic is None else ~bars.synthetic
    columns = {name: column[kept] for name, column in bars.columns.items()}
    return Bars(bars.time_ns[kept], columns, timeframe=bars.timeframe, session=bars.session)


def thinned(bars: Bars, kept: np.ndarray) -> Bars:
    columns = {name: column[kept] for name, column in bars.columns.items()}
    return Bars(bars.time_ns[kept], columns, timeframe=bars.timeframe, session=bars.session)


# ---- by hand


def test_columns_worked_by_hand():
    given = Bars(
        np.array([0, 1, 4]) * MINUTE,
        {
            "open": np.array([10.0, 11, 20]),
            "high": np.array([12.0, 13, 22]),
            "low": np.array([9.0, 10, 19]),
            "close": np.array([11.0, 12, 21]),
            "volume": np.array([5.0, 6, 7]),
            "trades": np.array([1.0, 2, 3]),
            "vwap": np.array([10.5, 11.5, 20.5]),
            "ask_open": np.array([10.1, 11.1, 20.1]),
            "ask_close": np.array([11.1, 12.1, 21.1]),
            "open_interest": np.array([7.0, np.nan, 9.0]),
        },
        symbol="X",
        timeframe="1min",
    )
    filled = fill_flat(given)
    assert (filled.time_ns // MINUTE).tolist() == [0, 1, 2, 3, 4]
    assert filled.synthetic.tolist() == [False, False, True, True, False]
    for name in ("open", "high", "low", "close", "vwap"):
        assert filled[name][2:4].tolist() == [12, 12]
    for name in ("volume", "trades"):
        assert filled[name][2:4].tolist() == [0, 0]
    assert filled["ask_open"][2:4].tolist() == filled["ask_close"][2:4].tolist() == [12.1, 12.1]
    assert np.isnan(filled["open_interest"][2:4]).all()
    assert (filled.symbol, filled.timeframe, filled.session) == ("X", "1min", "24/7")


def test_limit():
    given = bars_at(np.array([0, 3, 4, 6]) * HOUR, "24/7", "1h")
    assert added(given) == ["1970-01-01 01:00", "1970-01-01 02:00", "1970-01-01 05:00"]
    assert added(given, limit=1) == ["1970-01-01 01:00", "1970-01-01 05:00"]
    assert added(given, limit=2) == added(given)
    assert len(fill_flat(bars_at(np.array([0, 100]) * DAY, "24/7", "1h"), limit=30)) == 32  # over days too


def test_the_weekend_of_foreign_exchange_stays_empty():
    given = bars_at(at("2024-03-08T14:00", "2024-03-10T19:00", zone="America/New_York"), "24/5", "1h")
    assert added(given, "America/New_York") == [
        "2024-03-08 15:00",
        "2024-03-08 16:00",
        "2024-03-10 17:00",
        "2024-03-10 18:00",
    ]


def test_an_exchange_is_filled_from_open_to_close():
    given = bars_at(at("2024-03-07T14:30", "2024-03-11T10:30", zone="America/New_York"), "XNYS", "1h")
    friday = [f"2024-03-08 {hour:02d}:30" for hour in range(9, 16)]
    assert added(given, "America/New_York") == ["2024-03-07 15:30", *friday, "2024-03-11 09:30"]


def test_bars_at_full_hours_stay_at_full_hours():
    given = bars_at(at("2024-03-07T14:00", "2024-03-11T11:00", zone="America/New_York"), "XNYS", "1h")
    friday = [f"2024-03-08 {hour:02d}:00" for hour in range(10, 16)]
    assert added(given, "America/New_York") == ["2024-03-07 15:00", *friday, "2024-03-11 10:00"]


def test_no_bar_reaches_over_the_one_that_follows():
    given = bars_at(np.array([0, 150, 180]) * MINUTE, "24/7", "1h")
    assert added(given) == ["1970-01-01 01:00"]


def test_holidays_and_short_days_are_known():
    given = bars_at(at("2024-07-02T15:59", "2024-07-05T09:30", zone="America/New_York"), "XNYS", "1min")
    filled = fill_flat(given)
    local = filled.frame.index[filled.synthetic].tz_convert("America/New_York")
    assert set(local.date.astype(str)) == {"2024-07-03"}  # closed at 13:00, and on the 4th
    assert (str(local[0])[11:16], str(local[-1])[11:16], len(local)) == ("09:30", "12:59", 210)


def test_before_and_after_hours_are_no_gap():
    given = bars_at(
        at("2024-03-07T09:00", "2024-03-07T09:33", "2024-03-07T16:30", zone="America/New_York"), "XNYS", "1min"
    )
    local = added(given, "America/New_York")
    assert local[:4] == ["2024-03-07 09:30", "2024-03-07 09:31", "2024-03-07 09:32", "2024-03-07 09:34"]
    assert (local[-1], len(local)) == ("2024-03-07 15:59", 3 + 386)


def test_the_break_of_tokyo_stays_empty():
    given = bars_at(at("2024-05-07T11:28", "2024-05-07T12:32", zone="Asia/Tokyo"), "XTKS", "1min")
    assert added(given, "Asia/Tokyo") == ["2024-05-07 11:29", "2024-05-07 12:30", "2024-05-07 12:31"]
    hours = bars_at(at("2024-05-07T09:00", "2024-05-07T14:00", zone="Asia/Tokyo"), "XTKS", "1h")
    assert added(hours, "Asia/Tokyo") == [f"2024-05-07 {hour}:00" for hour in (10, 11, 12, 13)]
    twos = bars_at(at("2024-05-07T09:00", "2024-05-08T09:00", zone="Asia/Tokyo"), "XTKS", "2h")
    assert added(twos, "Asia/Tokyo") == [f"2024-05-07 {hour}:00" for hour in (11, 13)]  # 11:00 once


@pytest.mark.parametrize(
    ("session", "dates"),
    [
        ("24/7", ["04", "05", "06", "07", "08"]),
        ("24/5", ["04", "05", "08"]),
        ("XNYS", ["05", "08"]),  # the 4th is a holiday
        ("weekdays", ["04", "05", "08"]),
    ],
)
def test_days(session, dates):
    given = bars_at(at("2024-07-03", "2024-07-09"), session, "1d")
    assert added(given) == [f"2024-07-{day} 00:00" for day in dates]


def test_two_weekdays_may_be_holidays_where_nobody_knows():
    assert added(bars_at(at("2024-07-02", "2024-07-05"), "weekdays", "1d")) == []


def test_days_that_do_not_begin_at_midnight():
    assert added(bars_at(at("2024-07-02T16:00", "2024-07-05T16:00"), "24/7", "1d")) == [
        "2024-07-03 16:00",
        "2024-07-04 16:00",
    ]


def test_weeks_and_several_days():
    assert added(bars_at(at("2024-07-01", "2024-07-22"), "XNYS", "1w")) == ["2024-07-08 00:00", "2024-07-15 00:00"]
    assert added(bars_at(at("2024-07-01", "2024-07-08"), "24/7", "2d")) == ["2024-07-03 00:00", "2024-07-05 00:00"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_bars(count):
    given = bars_at(np.arange(count) * MINUTE, "24/7", "1min")
    filled = fill_flat(given)
    assert (len(filled), filled.synthetic) == (count, None)


# ---- refusals


@pytest.mark.parametrize(
    ("session", "timeframe", "times", "sentence"),
    [
        ("24/7", "1mo", ["2024-01-01", "2024-04-01"], "Missing months cannot be filled in"),
        ("weekdays", "1min", ["2024-01-02", "2024-01-03"], "name the exchange: session='XNYS'"),
        ("XNYS", "2d", ["2024-01-02", "2024-01-08"], "Bars of 2d cannot be filled in by session"),
        ("24/5", "1d", ["2024-01-02", "2024-01-03T22:00"], "not labelled with dates .first: 2024-01-03 22:00 UTC"),
        ("24/7", "1s", ["2024-01-02", "2124-01-02"], "more than 10,000 bars out of 2; set a limit"),
    ],
)
def test_what_cannot_be_filled_is_refused(session, timeframe, times, sentence):
    with pytest.raises(DataError, match=sentence):
        fill_flat(bars_at(at(*times), session, timeframe))


def test_a_limit_below_one_is_refused():
    with pytest.raises(OptionError, match="limit=0 fills nothing"):
        fill_flat(bars_at(np.arange(3) * MINUTE, "24/7", "1min"), limit=0)


def test_twenty_for_each_are_allowed():
    given = bars_at(np.arange(1_000) * 21 * MINUTE, "24/7", "1min")
    assert len(fill_flat(given)) == 1_000 + 999 * 20
    wider = bars_at(np.arange(1_000) * 22 * MINUTE, "24/7", "1min")
    with pytest.raises(DataError, match="more than 20,000 bars out of 1,000"):
        fill_flat(wider)
    assert len(fill_flat(wider, limit=5)) == 1_000 + 999 * 5


# ---- laws


@lru_cache
def whole_year(session: str, timeframe: str) -> Bars:
    """Return all bars of 2024, minute by minute from the hours of the session, then resampled."""
    first, last = at("2024-01-01", "2025-01-01").tolist()
    minutes = np.arange(first, last, MINUTE)
    if session in ("XNYS", "XTKS"):
        opens, closes = exchange_times(session, first, last, daily=False)
        piece = np.searchsorted(opens, minutes, side="right") - 1
        minutes = minutes[(piece >= 0) & (minutes < closes[piece])]
    elif session == "24/5":
        local = pd.DatetimeIndex(minutes).tz_localize("UTC").tz_convert("America/New_York").tz_localize(None)
        minutes = minutes[(local + pd.Timedelta(hours=7)).day_of_week < 5]
    count = np.arange(1.0, len(minutes) + 1)
    made = Bars(minutes, {"close": 100 + np.sin(count), "volume": count}, timeframe="1min", session=session)
    return resample(made, timeframe)


@settings(max_examples=80, deadline=None)
@given(
    start=st.integers(0, 240),
    length=st.integers(2, 400),
    share=st.floats(0.2, 1),
    session=st.sampled_from(["24/7", "24/5", "XNYS", "XTKS"]),
    timeframe=st.sampled_from(["5min", "30min", "1h", "1d"]),
    seed=st.integers(0, 99),
)
def test_what_was_taken_out_comes_back_and_goes_again(start, length, share, session, timeframe, seed):
    """Bars of whole sessions, some taken out: filling puts back their times, dropping gives the same bytes."""
    whole = whole_year(session, timeframe)
    start = start * len(whole) // 250
    whole = whole.window(start, start + length)
    kept = np.random.default_rng(seed).random(len(whole)) < share
    kept[[0, -1]] = True
    given = thinned(whole, kept)
    filled = fill_flat(given)
    if timeframe != "1h" or session in ("24/7", "24/5"):  # else the last bar of a day is short, and alone no gap
        assert filled.time_ns.tolist() == whole.time_ns.tolist()
        assert len(filled) - len(given) == missing_bars(given.time_ns, timeframe, session).missing
    assert set(filled.time_ns.tolist()) <= set(whole.time_ns.tolist())
    assert missing_bars(filled.time_ns, timeframe, session).missing == 0
    back = without_synthetic(filled)
    assert back.time_ns.tobytes() == given.time_ns.tobytes()
    for name in given.columns:
        assert back[name].tobytes() == given[name].tobytes()
    assert fill_flat(filled).time_ns.tolist() == filled.time_ns.tolist()


def test_longer_than_a_window_with_a_gap_on_its_edge(make_bars):
    whole = make_bars(2_200_000)
    kept = np.random.default_rng(2).random(len(whole)) < 0.9
    kept[[0, -1]] = True
    edge = np.flatnonzero(kept)[(1 << 20) - 1 : (1 << 20) + 30]
    kept[edge[1:]] = False
    given = thinned(whole, kept)
    filled = fill_flat(given)
    assert filled.time_ns.tolist() == whole.time_ns.tolist()
    assert (filled.synthetic == ~kept).all()
    last = np.maximum.accumulate(np.where(kept, np.arange(len(whole)), -1))
    assert filled.close.tobytes() == whole.close[last].tobytes()
    assert filled.volume[~kept].sum() == 0


def test_what_was_synthetic_stays_so():
    given = replace(
        bars_at(np.array([0, 1, 3]) * MINUTE, "24/7", "1min"), synthetic=np.array([False, True, False]), check=False
    )
    assert fill_flat(given).synthetic.tolist() == [False, True, True, False]


def test_the_given_bars_stay_as_they_are():
    given = bars_at(np.array([0, 1, 5]) * MINUTE, "24/7", "1min")
    before = given.close.tobytes(), given.time_ns.tobytes()
    fill_flat(given)
    assert (given.close.tobytes(), given.time_ns.tobytes()) == before


@pytest.mark.real_data
def test_apples_hours_have_no_gap_that_is_not_reported(lean_equity):
    hours = lean_equity("hour__aapl", "1h")
    filled = fill_flat(hours)
    assert missing_bars(filled.time_ns, "1h", "XNYS").missing == 0
    assert without_synthetic(filled).close.tobytes() == hours.close.tobytes()
