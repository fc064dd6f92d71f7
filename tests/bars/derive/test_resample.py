"""Longer bars by session: by hand, laws, a slow second implementation, pandas, and real data."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.bars.derive.fill import fill_flat
from research_kit.bars.derive.resample import resample
from research_kit.bars.frame import Bars
from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.importing.reading import read_bars
from research_kit.bars.timeframe import DAY, HOUR, MINUTE, SECOND
from research_kit.errors import DataError

NEW_YORK = ZoneInfo("America/New_York")


def at(*times: str, zone: str = "UTC") -> np.ndarray:
    moments = [datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for text in times]
    return np.array([int(moment.timestamp()) * SECOND for moment in moments], dtype=np.int64)


def bars_at(time_ns: np.ndarray, session: str, timeframe: str = "1min", **columns) -> Bars:
    close = np.arange(1.0, len(time_ns) + 1)
    return Bars(time_ns, columns or {"close": close}, timeframe=timeframe, session=session)


def labels(bars: Bars, zone: str = "UTC") -> list[str]:
    return [str(stamp.tz_convert(zone).tz_localize(None))[:16] for stamp in bars.frame.index]


def assert_same(one: Bars, other: Bars, rtol: float = 1e-12) -> None:
    assert one.timeframe == other.timeframe
    assert one.time_ns.tolist() == other.time_ns.tolist()
    assert list(one.columns) == list(other.columns)
    for name in one.columns:
        np.testing.assert_allclose(one[name], other[name], rtol=rtol, err_msg=name)


# ---- by hand


def test_five_minutes_worked_by_hand():
    time_ns = at("2024-01-02 00:00", "2024-01-02 00:01", "2024-01-02 00:04", "2024-01-02 00:11", "2024-01-02 00:14")
    given = bars_at(
        time_ns,
        "24/7",
        open=np.array([10.0, 11, 12, 20, 21]),
        high=np.array([11.0, 15, 12, 22, 21]),
        low=np.array([9.0, 10, 8, 19, 20]),
        close=np.array([10.5, 12, 11, 21, 20.5]),
        volume=np.array([1.0, 2, 3, 4, 5]),
        trades=np.array([1.0, 1, 2, 3, 5]),
        quote_volume=np.array([np.nan, 20, 30, np.nan, np.nan]),
        ask_open=np.array([np.nan, 11.1, 12, 20.1, 21]),
        ask_high=np.array([11.5, np.nan, 12, 22.1, 21]),
        bidlow=np.array([8.0, 9, 7, 18, 19]),
        adj_close=np.array([5.0, 6, np.nan, 10, 10.2]),
        open_interest=np.array([7.0, 8, 9, np.nan, np.nan]),
        vwap=np.array([10.0, 12, 11, 21, np.nan]),
    )
    five = resample(given, "5min")
    assert labels(five) == ["2024-01-02 00:00", "2024-01-02 00:10"]
    expected = {
        "open": [10, 20],
        "high": [15, 22],
        "low": [8, 19],
        "close": [11, 20.5],
        "volume": [6, 9],
        "trades": [4, 8],
        "quote_volume": [50, np.nan],
        "ask_open": [11.1, 20.1],
        "ask_high": [12, 22.1],
        "bidlow": [7, 18],
        "adj_close": [6, 10.2],
        "open_interest": [9, np.nan],
        "vwap": [(10 + 24 + 33) / 6, 21],
    }
    assert list(five.columns) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(five[name], values, err_msg=name)
    assert (five.timeframe, five.session, five.synthetic) == ("5min", "24/7", None)
    assert not five.close.flags.writeable


def test_close_only_stays_close_only():
    five = resample(bars_at(np.arange(7) * MINUTE, "24/7"), "5min")
    assert list(five.columns) == ["close"]
    assert five.close.tolist() == [5, 7]


def test_hours_of_new_york_begin_at_half_past_and_the_last_is_short():
    local = pd.date_range("2024-03-08 09:30", "2024-03-08 15:59", freq="min", tz="America/New_York")
    hours = resample(bars_at(local.tz_convert("UTC").as_unit("ns").asi8, "XNYS"), "1h")
    assert labels(hours, "America/New_York") == [f"2024-03-08 {hour:02d}:30" for hour in range(9, 16)]
    assert hours.close.tolist() == [60, 120, 180, 240, 300, 360, 390]


def test_hours_of_new_york_across_a_change_of_clocks():
    # clocks went forward on Sunday, 10 March 2024
    given = bars_at(at("2024-03-08T15:59", "2024-03-11T09:30", "2024-03-11T10:29", zone="America/New_York"), "XNYS")
    hours = resample(given, "1h")
    assert labels(hours) == ["2024-03-08 20:30", "2024-03-11 13:30"]
    assert labels(resample(given, "1d")) == ["2024-03-08 00:00", "2024-03-11 00:00"]


def test_bars_outside_of_hours_are_counted_from_the_opening_within_their_day():
    times = ("2024-03-07T23:59", "2024-03-08T00:00", "2024-03-08T00:31", "2024-03-08T09:29", "2024-03-08T16:31")
    given = bars_at(at(*times, zone="America/New_York"), "XNYS")
    hours = resample(given, "1h")
    wanted = ["2024-03-07 23:30", "2024-03-08 00:00", "2024-03-08 00:30", "2024-03-08 08:30", "2024-03-08 16:30"]
    assert labels(hours, "America/New_York") == wanted
    days = resample(given, "1d")
    assert labels(days) == ["2024-03-07 00:00", "2024-03-08 00:00"]
    assert days.close.tolist() == [1, 5]


def test_a_day_on_which_the_exchange_is_closed_counts_like_the_day_before():
    given = bars_at(at("2024-07-03T12:00", "2024-07-04T12:00", zone="America/New_York"), "XNYS")
    assert labels(resample(given, "1h"), "America/New_York") == ["2024-07-03 11:30", "2024-07-04 11:30"]


def test_tokyo_is_counted_from_nine_over_its_break():
    given = bars_at(at("2024-05-07T11:29", "2024-05-07T12:30", "2024-05-07T13:00", zone="Asia/Tokyo"), "XTKS")
    hours = resample(given, "1h")
    assert labels(hours, "Asia/Tokyo") == ["2024-05-07 11:00", "2024-05-07 12:00", "2024-05-07 13:00"]


def test_an_exchange_that_changed_its_opening():
    # Hong Kong opened at 10:00 until 4 March 2011, at 09:30 from the 7th
    given = bars_at(at("2011-03-04T10:40", "2011-03-07T10:40", zone="Asia/Hong_Kong"), "XHKG")
    assert labels(resample(given, "1h"), "Asia/Hong_Kong") == ["2011-03-04 10:00", "2011-03-07 10:30"]


def test_futures_whose_day_begins_on_the_evening_before():
    given = bars_at(at("2025-01-06T16:59", "2025-01-06T17:00", "2025-01-07T16:59", zone="America/Chicago"), "CMES")
    assert labels(resample(given, "1d")) == ["2025-01-06 00:00", "2025-01-07 00:00"]
    assert labels(resample(given, "4h"), "America/Chicago") == [
        "2025-01-06 13:00",
        "2025-01-06 17:00",
        "2025-01-07 13:00",
    ]


def test_foreign_exchange_days_end_at_five_in_new_york():
    times = ("2024-03-08T16:59", "2024-03-10T17:00", "2024-03-11T16:59", "2024-03-11T17:00")
    given = bars_at(at(*times, zone="America/New_York"), "24/5")
    days = resample(given, "1d")
    assert labels(days) == ["2024-03-08 00:00", "2024-03-11 00:00", "2024-03-12 00:00"]
    assert days.close.tolist() == [1, 3, 4]
    assert labels(resample(given, "4h"), "America/New_York") == [
        "2024-03-08 13:00",
        "2024-03-10 17:00",
        "2024-03-11 13:00",
        "2024-03-11 17:00",
    ]
    # Sunday evening belongs to Monday's week
    assert labels(resample(given, "1w")) == ["2024-03-04 00:00", "2024-03-11 00:00"]


def test_weeks_begin_on_monday_and_months_on_the_first():
    days = np.arange(np.datetime64("2023-12-30"), np.datetime64("2024-03-02")).astype("datetime64[ns]").view(np.int64)
    given = Bars(days, {"close": np.arange(1.0, len(days) + 1), "volume": np.ones(len(days))}, session="24/7")
    weeks = resample(given, "1w")
    assert labels(weeks)[:3] == ["2023-12-25 00:00", "2024-01-01 00:00", "2024-01-08 00:00"]
    assert weeks.volume.tolist()[:3] == [2, 7, 7]
    months = resample(given, "1mo")
    assert labels(months) == ["2023-12-01 00:00", "2024-01-01 00:00", "2024-02-01 00:00", "2024-03-01 00:00"]
    assert months.volume.tolist() == [2, 31, 29, 1]
    assert labels(resample(given, "3mo")) == ["2023-10-01 00:00", "2024-01-01 00:00"]
    assert labels(resample(months, "12mo")) == ["2023-01-01 00:00", "2024-01-01 00:00"]
    assert resample(weeks, "2w").volume.sum() == len(days)
    assert [str(label)[:10] for label in resample(given, "7d").time[:2]] == ["2023-12-25", "2024-01-01"]
    assert resample(given, "7d").timeframe == "1w"


def test_daily_bars_with_a_time_of_day_belong_to_their_sessions_day():
    # midnight in New York, and 17:00 there: the vendor's labels of 11 March 2024
    stocks = bars_at(at("2024-03-11T00:00", zone="America/New_York"), "XNYS", "1d")
    exchange = bars_at(at("2024-03-10T17:00", zone="America/New_York"), "24/5", "1d")
    assert labels(resample(stocks, "1d")) == labels(resample(exchange, "1d")) == ["2024-03-11 00:00"]
    dates = bars_at(at("2024-03-11T00:00"), "XNYS", "1d")
    assert labels(resample(dates, "1d")) == ["2024-03-11 00:00"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_bars(count):
    given = bars_at(np.arange(count) * MINUTE, "24/7", close=np.arange(1.0, count + 1), volume=np.ones(count))
    hours = resample(given, "1h")
    assert (len(hours), hours.timeframe) == (min(count, 1), "1h")
    assert hours.volume.sum() == count


def test_synthetic_only_if_all_of_its_bars_are():
    given = Bars(
        np.arange(6) * MINUTE,
        {"open": np.array([9.0, 1, 2, 3, 5, 5]), "close": np.array([9.0, 2, 3, 3, 5, 5])},
        synthetic=np.array([True, False, True, True, True, True]),
    )
    threes = resample(given, "3min")
    assert threes.synthetic.tolist() == [False, True]
    # the bars that were filled in say nothing where one was traded
    assert (threes.open.tolist(), threes.close.tolist()) == ([1, 3], [2, 5])
    traded = resample(replace(given, synthetic=np.zeros(6, dtype=bool), check=False), "3min")
    assert traded.synthetic is None


# ---- refusals


@pytest.mark.parametrize(
    ("own", "asked", "sentence"),
    [
        ("1h", "5min", r"Bars of 1h cannot become bars of 5min.*ask for 1h or longer"),
        ("1d", "1h", "cannot become bars of 1h"),
        ("1mo", "1d", "cannot become bars of 1d"),
        ("5min", "7min", "Bars of 5min do not fit into bars of 7min: ask for 5min"),
        ("5min", "13min", "ask for 15min"),
        ("1h", "90min", "do not fit into bars of 90min: ask for 2h"),
        ("2d", "3d", "Bars of 2d do not fit into bars of 3d: ask for 4d"),
        ("1w", "1mo", "do not fit into bars of 1mo: start from bars of a day or shorter"),
        ("1mo", "60d", "start from bars of a day"),
        ("1h", "36h", "whole days; '36h' is not: use '1d' or '2d'"),
        ("1min", "1 hour", "'1 hour' is not a timeframe; write a count"),
        ("1min", "0min", "a count above 0"),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_remedy(own, asked, sentence):
    with pytest.raises(DataError, match=sentence):
        resample(bars_at(np.arange(3) * HOUR, "24/7", own), asked)


def test_unknown_session_is_refused():
    with pytest.raises(DataError, match="Did you mean 'XNYS'"):
        resample(bars_at(np.arange(3) * HOUR, "XNY", "1min"), "1h")


# ---- a slow second implementation


def slow_day(moment: datetime, session: str) -> tuple[datetime, datetime]:
    """Return the session day of a moment, as midnight UTC of its date, and from where its bars are counted."""
    if session in ("24/7", "weekdays"):
        start = moment.replace(hour=0, minute=0, second=0)
        return start, start
    local = moment.astimezone(NEW_YORK)
    if session == "24/5":
        date = local.date() + timedelta(days=local.hour >= 17)
        anchor = datetime.combine(date - timedelta(days=1), time(17), NEW_YORK)
    else:
        date = local.date()
        anchor = datetime.combine(date, time(9, 30), NEW_YORK)
    return datetime.combine(date, time(0), UTC), anchor.astimezone(UTC)


def slow_label(moment: datetime, step: int, session: str) -> datetime:
    date, anchor = slow_day(moment, session)
    if step >= DAY:
        return date
    after = int((moment - anchor).total_seconds()) // (step // SECOND) * (step // SECOND)
    label = anchor + timedelta(seconds=after)
    if session == "XNYS":  # never before the day began
        midnight = datetime.combine(moment.astimezone(NEW_YORK).date(), time(0), NEW_YORK).astimezone(UTC)
        label = max(label, midnight)
    return label


def slow_resample(bars: Bars, step: int, session: str) -> list[tuple]:
    buckets = defaultdict(list)
    for row, time_ns in enumerate(bars.time_ns.tolist()):
        moment = datetime.fromtimestamp(time_ns // SECOND, UTC)
        buckets[slow_label(moment, step, session)].append(row)
    return [
        (
            int(label.timestamp()) * SECOND,
            bars.open[rows[0]],
            max(bars.high[row] for row in rows),
            min(bars.low[row] for row in rows),
            bars.close[rows[-1]],
            sum(bars.volume[row] for row in rows),
        )
        for label, rows in sorted(buckets.items())
    ]


@settings(max_examples=60, deadline=None)
@given(
    start=st.integers(int(at("2019-12-25")[0]) // MINUTE, int(at("2020-12-30")[0]) // MINUTE),
    steps=st.lists(st.one_of(st.integers(1, 3), st.integers(1, 3000)), min_size=1, max_size=120),
    session=st.sampled_from(["24/7", "weekdays", "24/5", "XNYS"]),
    step=st.sampled_from([2 * MINUTE, 5 * MINUTE, 7 * MINUTE, HOUR, 4 * HOUR, 7 * HOUR, DAY]),
)
def test_equals_the_slow_implementation(make_bars, start, steps, session, step):
    time_ns = (start + np.cumsum(steps)) * MINUTE
    if session == "XNYS":  # the slow one knows no holidays: it has every day open, as most days before and after
        weekday = (time_ns // DAY + 3) % 7 < 5
        time_ns = time_ns[weekday]
    made = make_bars(len(time_ns), seed=len(steps))
    given = Bars(time_ns, made.columns, timeframe="1min", session=session)
    name = {2: "2min", 5: "5min", 7: "7min", 60: "1h", 240: "4h", 420: "7h", 1440: "1d"}[step // MINUTE]
    fast = resample(given, name)
    slow = slow_resample(given, step, session)
    assert fast.time_ns.tolist() == [row[0] for row in slow]
    for place, column in enumerate(("open", "high", "low", "close"), start=1):
        assert fast[column].tolist() == [row[place] for row in slow]
    np.testing.assert_allclose(fast.volume, [row[5] for row in slow])


# ---- laws


@pytest.mark.parametrize("session", ["24/7", "24/5", "weekdays", "XNYS", "XTKS"])
@pytest.mark.parametrize(
    ("middle", "last"), [("5min", "1h"), ("1h", "1d"), ("15min", "1w"), ("1d", "1mo"), ("1d", "1w")]
)
def test_in_two_steps_as_in_one(make_bars, session, middle, last):
    given = replace(make_bars(60_000, step_ns=MINUTE), session=session, check=False)
    kept = np.random.default_rng(1).random(60_000) < 0.4  # with holes
    given = Bars(given.time_ns[kept], {name: given[name][kept] for name in given.columns}, session=session)
    two = resample(resample(given, middle), last)
    one = resample(given, last)
    assert_same(one, two)
    assert_same(resample(one, last), one)
    assert one.volume.sum() == pytest.approx(given.volume.sum())
    assert (one.high.max(), one.low.min()) == (given.high.max(), given.low.min())
    assert (one.open[0], one.close[-1]) == (given.open[0], given.close[-1])


def test_the_given_bars_stay_as_they_are(make_bars):
    given = make_bars(500)
    before = {name: column.tobytes() for name, column in given.columns.items()}
    resample(given, "1h")
    assert {name: column.tobytes() for name, column in given.columns.items()} == before


def test_later_bars_change_no_earlier_one(make_bars):
    given = make_bars(5_000)
    whole, part = resample(given, "1h"), resample(given.window(0, 3_000), "1h")
    assert whole.time_ns[: len(part)].tolist() == part.time_ns.tolist()
    assert whole.close[: len(part) - 1].tolist() == part.close[:-1].tolist()


def test_what_was_filled_in_changes_nothing(make_bars):
    kept = np.random.default_rng(5).random(3_000) < 0.3
    whole = make_bars(3_000)
    given = Bars(whole.time_ns[kept], {name: whole[name][kept] for name in whole.columns}, timeframe="1min")
    filled = resample(fill_flat(given), "15min")
    traded = ~filled.synthetic if filled.synthetic is not None else slice(None)
    plain = resample(given, "15min")
    assert filled.time_ns[traded].tolist() == plain.time_ns.tolist()
    for name in plain.columns:
        np.testing.assert_allclose(filled[name][traded], plain[name])


# ---- pandas

RULES = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


def with_pandas(bars: Bars, rule: str) -> pd.DataFrame:
    rules = {name: RULES[name] for name in bars.columns}
    return bars.frame.resample(rule, label="left", closed="left").agg(rules).dropna()


@pytest.mark.parametrize(
    ("timeframe", "rule"), [("30min", "30min"), ("1h", "1h"), ("1d", "1D"), ("1w", "W-MON"), ("1mo", "MS")]
)
def test_equals_pandas_over_windows(make_bars, timeframe, rule):
    given = make_bars(2_300_000)  # more than two windows
    pd.testing.assert_frame_equal(
        resample(given, timeframe).frame, with_pandas(given, rule), check_freq=False, rtol=1e-12
    )


def test_a_bar_longer_than_a_window(make_bars):
    given = make_bars(2_700_000, step_ns=SECOND)  # 31 days of seconds
    months = resample(given, "1mo")
    assert months.volume.tolist() == pytest.approx(
        [given.volume[: 31 * 86_400].sum(), given.volume[31 * 86_400 :].sum()]
    )
    assert months.close.tolist() == [given.close[31 * 86_400 - 1], given.close[-1]]


# ---- real data


@pytest.mark.real_data
def test_bitcoin_minutes_equal_pandas(shared_data):
    columns = ("time", "open", "close", "high", "low", "volume")
    path = shared_data / "bitfinex" / "BTCUSD_1m_2018_noheader_OCHL.csv.gz"
    minutes = read_bars(path, ImportOptions(columns=columns)).bars
    assert minutes.session == "24/7"
    for timeframe, rule, count in (("1h", "1h", 8_760), ("1d", "1D", 365)):
        longer = resample(minutes, timeframe)
        pd.testing.assert_frame_equal(longer.frame, with_pandas(minutes, rule), check_freq=False, rtol=1e-12)
        assert len(longer) == count


@pytest.mark.real_data
def test_euro_days_end_at_five_in_new_york(shared_data):
    path = shared_data / "histdata" / "DAT_NT_EURUSD_M1_201502.csv"
    minutes = read_bars(path, ImportOptions(timezone="Etc/GMT+5", session="24/5")).bars
    days = resample(minutes, "1d")
    # Sunday 1 February, 17:00, to Friday 13 February: two weeks of five days, none on Sunday
    assert labels(days) == [f"2015-02-{day:02d} 00:00" for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13)]
    frame = minutes.frame
    tuesday = frame.loc["2015-02-02 22:00":"2015-02-03 21:59"]
    assert days.high[1] == tuesday["high"].max()
    assert (days.open[1], days.close[1]) == (tuesday["open"].iloc[0], tuesday["close"].iloc[-1])


@pytest.mark.real_data
def test_new_york_minutes_with_hours_before_and_after(shared_data):
    path = shared_data / "pyalgotrade" / "nt-spy-minute-2011.csv"
    minutes = read_bars(path, ImportOptions(timezone="UTC", session="XNYS")).bars
    local = minutes.frame.tz_convert("America/New_York")
    days = resample(minutes, "1d")
    by_date = local.groupby(local.index.date)["volume"].sum()
    assert [str(day)[:10] for day in days.time] == [str(day) for day in by_date.index]
    np.testing.assert_allclose(days.volume, by_date.to_numpy())
    hours = resample(minutes, "1h").frame.tz_convert("America/New_York")
    assert set(hours.index.minute) <= {30, 0}
    assert (hours.between_time("00:01", "23:59").index.minute == 30).all()
    open_price = local.loc["2011-01-03 09:30":"2011-01-03 10:29", "open"].iloc[0]
    assert hours.loc["2011-01-03 09:30", "open"] == open_price


@pytest.mark.real_data
def test_hours_of_apple_make_the_vendors_own_days(lean_equity):
    # 23 years of changing clocks, holidays and short days; the hours begin at full hours, 09:00 holds the opening
    hours, days = lean_equity("hour__aapl", "1h"), lean_equity("daily__aapl", "1d")
    assert len(hours) == 40_831
    assert_same(resample(hours, "1d"), days, rtol=0)
    months = resample(days, "1mo")
    pd.testing.assert_frame_equal(months.frame, with_pandas(days, "MS"), check_freq=False, rtol=1e-12)
