"""Spans cut out and put together."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.bars.derive.join import merge, merge_with_findings, slice_bars
from research_kit.bars.frame import Bars
from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.importing.reading import read_bars
from research_kit.bars.timeframe import HOUR, MINUTE
from research_kit.errors import DataError, OptionError

START = int(np.datetime64("2024-03-07", "ns").astype(np.int64))


@pytest.fixture
def hours() -> Bars:
    """Return 240 hours from 7 March 2024 on; clocks in New York change on the 10th."""
    close = np.arange(1.0, 241)
    return Bars(START + np.arange(240) * HOUR, {"close": close, "volume": close}, timeframe="1h", session="24/7")


def span(bars: Bars) -> tuple[str, str]:
    return str(bars.time[0])[:16], str(bars.time[-1])[:16]


# ---- slices


@pytest.mark.parametrize(
    ("session", "first", "last"),
    [
        ("24/7", "2024-03-08T00:00", "2024-03-10T23:00"),
        ("weekdays", "2024-03-08T00:00", "2024-03-10T23:00"),
        ("XNYS", "2024-03-08T05:00", "2024-03-11T03:00"),  # clocks went forward between
        ("24/5", "2024-03-07T22:00", "2024-03-10T20:00"),
    ],
)
def test_dates_are_the_sessions_days(hours, session, first, last):
    part = slice_bars(replace(hours, session=session, check=False), "2024-03-08", "2024-03-11")
    assert span(part) == (first, last)


@pytest.mark.parametrize(
    "moment",
    [
        "2024-03-08 14:30",
        "2024-03-08T14:30:00Z",
        "2024-03-08 09:30-05:00",
        datetime(2024, 3, 8, 14, 30),
        datetime(2024, 3, 8, 14, 30, tzinfo=UTC),
        datetime(2024, 3, 8, 16, 30, tzinfo=timezone(timedelta(hours=2))),
        datetime(2024, 3, 8, 9, 30, tzinfo=ZoneInfo("America/New_York")),
        pd.Timestamp("2024-03-08 09:30", tz="America/New_York"),
        np.datetime64("2024-03-08T14:30"),
    ],
)
def test_times_are_utc_unless_they_carry_a_zone(hours, moment):
    for session in ("24/7", "XNYS"):
        made = replace(hours, session=session, check=False)
        assert span(slice_bars(made, moment))[0] == "2024-03-08T15:00"
        assert span(slice_bars(made, end=moment))[1] == "2024-03-08T14:00"


def test_half_open_and_without_copying(hours):
    part = slice_bars(hours, "2024-03-08", "2024-03-08 02:00")
    assert part.close.tolist() == [25, 26]
    assert part.close.base is not None
    assert np.shares_memory(part.close, hours.close)
    assert (part.timeframe, part.session) == ("1h", "24/7")
    assert len(slice_bars(hours)) == 240


@pytest.mark.parametrize(
    "moment", ["2024-03", "2024", date(2024, 3, 1), np.datetime64("2024-03-01"), "1000-01-01", "0001"]
)
def test_dates_that_are_less_than_days_or_far_away(hours, moment):
    assert len(slice_bars(hours, moment)) == 240
    with pytest.raises(DataError, match="up to"):
        slice_bars(hours, end=moment)
    assert len(slice_bars(hours, end="9999-12-31")) == 240


def test_daily_bars_go_by_their_labels(make_daily):
    days = make_daily(["2024-03-07", "2024-03-08", "2024-03-11"], close=[1, 2, 3])
    for session in ("XNYS", "24/5", "24/7"):
        made = replace(days, session=session, check=False)
        assert slice_bars(made, "2024-03-08", "2024-03-11").close.tolist() == [2]
        assert slice_bars(made, date(2024, 3, 9)).close.tolist() == [3]
    evening = Bars(days.time_ns - 2 * HOUR, {"close": days.close}, timeframe="1d", session="24/5")
    assert slice_bars(evening, "2024-03-08", "2024-03-11").close.tolist() == [2]


def test_nothing_there_is_refused_with_the_span(hours):
    with pytest.raises(DataError, match=r"no bars from 2025 .*they reach from 2024-03-07 to 2024-03-16 23:00 UTC"):
        slice_bars(hours, "2025")
    with pytest.raises(DataError, match="no bars from 2024-03-09 up to 2024-03-08"):
        slice_bars(hours, "2024-03-09", "2024-03-08")
    with pytest.raises(DataError, match="these bars are empty"):
        slice_bars(hours.window(0, 0), "2025")
    with pytest.raises(DataError, match="There are no bars: these bars are empty"):
        slice_bars(hours.window(0, 0))


@pytest.mark.parametrize(
    "moment", ["soon", "2024-13-01", "08.03.2024", 20240308, "2024-03-08 25:00", np.datetime64("NaT"), datetime.min]
)
def test_what_is_no_time_is_refused(hours, moment):
    with pytest.raises(OptionError, match=r"start=.* is no date or time; write '2020-01-31'"):
        slice_bars(hours, moment)


@given(cut=st.integers(1, 239))
def test_two_slices_make_the_whole(cut):
    close = np.arange(1.0, 241)
    whole = Bars(START + np.arange(240) * HOUR, {"close": close}, timeframe="1h", session="24/5")
    moment = whole.time[cut]
    again = merge([slice_bars(whole, moment), slice_bars(whole, end=moment)])
    assert again.close.tobytes() == whole.close.tobytes()


# ---- merging


def test_any_order_and_equal_bars_once(hours):
    parts = [hours.window(100, 240), hours.window(0, 90), hours.window(80, 120)]
    merged, findings = merge_with_findings(parts)
    assert merged.time_ns.tobytes() == hours.time_ns.tobytes()
    assert merged.volume.tobytes() == hours.volume.tobytes()
    assert [(found.name, found.severity, found.count) for found in findings] == [("merged_equal", "note", 30)]
    assert findings[0].examples[0] == "2024-03-10 08:00"
    assert merge_with_findings([hours.window(0, 9), hours.window(9, 99)])[1] == ()


def test_contradictions_are_refused_unless_one_part_wins(hours):
    other = Bars(hours.time_ns, {"close": hours.close + 0.5, "volume": hours.volume}, timeframe="1h")
    parts = [other.window(90, 100), hours.window(0, 100)]
    with pytest.raises(DataError, match=r"10 bars of one part contradict .*first: 2024-03-10 18:00.*overlap='first'"):
        merge(parts)
    first, findings = merge_with_findings(parts, overlap="first")
    assert first.close.tolist() == [*hours.close[:90], *other.close[90:100]]
    assert [(found.name, found.severity, found.count) for found in findings] == [("merged_conflicting", "warning", 10)]
    assert "the first part" in findings[0].meaning
    assert merge(parts, overlap="last").close.tolist() == hours.close[:100].tolist()
    assert merge(parts[::-1], overlap="last").close.tolist() == first.close.tolist()


def test_columns_that_some_lack_are_missing_there(hours):
    bare = Bars(hours.time_ns[:3], {"close": hours.close[:3]}, timeframe="1h")
    merged, findings = merge_with_findings([bare, hours.window(3, 6)])
    assert np.isnan(merged.volume[:3]).all()
    assert merged.volume[3:].tolist() == [4, 5, 6]
    assert [(found.name, found.severity, found.count) for found in findings] == [("column_missing", "warning", 3)]
    assert findings[0].examples == ("from 2024-03-07",)


def test_marks_of_bars_that_were_filled_in_are_kept(hours):
    marked = replace(hours.window(0, 2), synthetic=np.array([False, True]), check=False)
    assert merge([hours.window(2, 4), marked]).synthetic.tolist() == [False, True, False, False]


def test_names_and_signs_are_taken_over(hours):
    named = replace(hours.window(3, 6), symbol="X", allow_nonpositive=True, check=False)
    merged = merge([hours.window(0, 3), named])
    assert (merged.symbol, merged.allow_nonpositive, merged.timeframe) == ("X", True, "1h")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"symbol": "B"}, "Bars of A and of B cannot be merged"),
        ({"timeframe": "1min"}, "Bars of 1h and of 1min cannot be merged: resample"),
        ({"session": "XNYS"}, "session '24/7' and of 'XNYS' cannot be merged"),
        (
            {"columns": {"open": np.ones(240), "close": np.ones(240)}},
            "Bars with close and bars with open, close cannot",
        ),
    ],
)
def test_parts_that_do_not_belong_together(hours, change, sentence):
    one = replace(hours, symbol="A", check=False)
    with pytest.raises(DataError, match=sentence):
        merge([one, replace(one, **change, check=False)])


def test_nothing_to_merge_and_unknown_overlap(hours):
    with pytest.raises(DataError, match="nothing to merge"):
        merge([])
    with pytest.raises(OptionError, match="Did you mean 'first'"):
        merge([hours], overlap="frist")


def test_empty_parts_are_passed_over(hours):
    assert len(merge([hours.window(0, 0), hours.window(0, 1), hours.window(2, 2)])) == 1
    assert len(merge([hours.window(0, 0), hours.window(0, 0)])) == 0


@settings(max_examples=40, deadline=None)
@given(
    data=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), min_size=1, max_size=6),
    overlap=st.sampled_from(["first", "last"]),
)
def test_equals_a_dictionary(data, overlap):
    """The slow second implementation: times to values, written in the order in which parts win."""
    parts = []
    for number, (start, length) in enumerate(data):
        time_ns = (start + np.arange(length)) * MINUTE
        parts.append(Bars(time_ns, {"close": np.full(length, number + 1.0)}, timeframe="1min"))
    winners = parts if overlap == "last" else parts[::-1]
    expected = {}
    for part in winners:
        expected |= dict(zip(part.time_ns.tolist(), part.close.tolist(), strict=True))
    merged = merge(parts, overlap=overlap)
    assert dict(zip(merged.time_ns.tolist(), merged.close.tolist(), strict=True)) == dict(sorted(expected.items()))


def test_longer_than_a_window(make_bars):
    whole = make_bars(2_400_000)
    again, findings = merge_with_findings([whole.window(1_000_000, 2_400_000), whole.window(0, 1_300_000)])
    assert again.time_ns.tobytes() == whole.time_ns.tobytes()
    assert {name: again[name].tobytes() for name in whole.columns} == {
        name: whole[name].tobytes() for name in whole.columns
    }
    assert findings[0].count == 300_000


@pytest.mark.real_data
def test_two_years_of_bitcoin_are_one(shared_data):
    columns = ("time", "open", "close", "high", "low", "volume")
    years = [
        read_bars(
            shared_data / "bitfinex" / f"BTCUSD_1m_{year}_noheader_OCHL.csv.gz", ImportOptions(columns=columns)
        ).bars
        for year in (2017, 2018)
    ]
    both, findings = merge_with_findings(years)
    assert (len(both), findings) == (1_025_708, ())
    assert len(both) == sum(map(len, years))
    assert span(both) == ("2017-01-01T00:00", "2018-12-31T23:59")
    assert (np.diff(both.time_ns) > 0).all()
    assert both.close.tobytes() == years[0].close.tobytes() + years[1].close.tobytes()
