"""Times of every kind: text, epochs, dates, zones, and clocks that change."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.bars.stamps import read_stamps
from research_kit.bars.times import read_times
from research_kit.errors import DataError


def column(values, kind=None):
    return pa.chunked_array([pa.array(values, kind)])


def utc(*values, timezone=None, kind=None, **options):
    """Return what cells mean, as datetimes; None where they are bad."""
    times = read_times([column(values, kind)], timezone, **options)
    shown = times.ns.view("datetime64[ns]").astype("datetime64[us]").tolist()
    return [None if bad else moment for moment, bad in zip(shown, times.bad, strict=True)]


@pytest.mark.parametrize(
    "cell",
    ["2015-03-14 09:26:53", "2015-03-14T09:26:53", "2015/03/14 09:26:53", "2015.03.14 09:26:53", "20150314 092653",
     "20150314092653", "14.03.2015 09:26:53", "14.3.2015 9:26:53", "3/14/2015 9:26:53", "03/14/15 09:26:53 AM",
     "14-Mar-2015 09:26:53", "Mar 14, 2015 09:26:53", "March 14 2015 09:26:53", " 2015-03-14 09:26:53 ",
     "2015-03-14 09:26:53.000", "2015-03-14T09:26:53Z", "2015-03-14T05:26:53-04:00", "2015-03-14 14:56:53+0530",
     "2015-03-14 09:26:53 UTC"],
)  # fmt: skip
def test_one_moment_written_in_many_ways(cell):
    assert utc(cell, timezone="UTC") == [datetime(2015, 3, 14, 9, 26, 53)]


def test_fractions_and_half_clocks():
    assert utc("2020-01-02 03:04:05.678901", timezone="UTC")[0].microsecond == 678_901
    assert utc("2019-10-17 09-PM", "2019-10-17 12-AM", timezone="UTC") == [
        datetime(2019, 10, 17, 21),
        datetime(2019, 10, 17, 0),
    ]
    assert utc("1/3/2017 9:30", "12/13/2017 15:00", timezone="UTC")[1] == datetime(2017, 12, 13, 15)


def test_widths_may_vary_within_a_column():
    cells = ["2020-01-02 00:00", "2020-01-02 00:00:30", "2020-01-02 00:01:00.25", "2020-01-02T00:02"]
    seconds = [moment.minute * 60 + moment.second for moment in utc(*cells, timezone="UTC")]
    assert seconds == [0, 30, 60, 120]


@pytest.mark.parametrize(
    ("first", "second", "month"),
    [("01/02/2020", "13/02/2020", 2), ("01/02/2020", "01/13/2020", 1), ("01/02/2020", "01/03/2020", None)],
)
def test_the_order_of_day_and_month_is_decided_once(first, second, month):
    if month is None:
        with pytest.raises(DataError, match="say day_first=True"):
            utc(first, second)
        assert utc(first, second, day_first=True)[0].month == 2
        assert utc(first, second, day_first=False)[0].month == 1
    else:
        assert utc(first, second)[0].month == month


def test_the_one_order_that_is_sorted_decides():
    cells = ["01/09/2020", "02/09/2020", "01/10/2020"]  # 1 September, 2 September, 1 October
    assert [moment.month for moment in utc(*cells)] == [9, 9, 10]
    assert [moment.month for moment in utc(*reversed(cells))] == [10, 9, 9]


def test_cells_that_are_no_times_are_marked():
    cells = ("2020-01-02", "", None, "2020-02-30", "1600-01-01", "9999-12-31", "2020-13-01", "hello", "2020-02-29")
    assert [moment is None for moment in utc(*cells)] == [False, *[True] * 7, False]
    assert utc("2020-01-02 10:00", "2020-01-02 25:00", timezone="UTC")[1] is None


def test_a_column_without_any_time_is_refused():
    with pytest.raises(DataError, match=r"no time between 1900 and 2100 .* 'hello'"):
        utc("hello", "world")


SECONDS = 1_584_178_013


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("as_text", [False, True])
def test_the_unit_of_an_epoch_is_seen_by_its_size(unit, as_text):
    values = [SECONDS * unit, (SECONDS + 60) * unit]
    moments = utc(*(map(str, values) if as_text else values))
    assert moments == [datetime.fromtimestamp(SECONDS + step, UTC).replace(tzinfo=None) for step in (0, 60)]


@pytest.mark.parametrize(
    ("value", "year"), [(100_000_001, 1973), (4_000_000_000, 2096), (200_000_000_000, 1976), (4 * 10**12, 2096)]
)
def test_the_sizes_of_seconds_and_milliseconds_do_not_overlap(value, year):
    assert utc(value)[0].year == year


def test_epochs_may_have_fractions_and_holes():
    assert utc(SECONDS + 0.5, None)[0].microsecond == 500_000
    assert utc(f"{SECONDS}.0", "", "oops", f"{SECONDS}.25")[1:3] == [None, None]
    assert utc(float("nan"), float(SECONDS))[0] is None


@pytest.mark.parametrize("values", [(0, 60_000), (41_652, 41_653), (14_400_000, 14_460_000)])
def test_numbers_too_small_for_an_epoch_are_refused(values):
    with pytest.raises(DataError, match="too small for an epoch"):
        utc(*values)


def test_epochs_outside_of_the_years_are_marked():
    assert utc(SECONDS, 99_999_999_999)[1] is None


def test_numbers_that_are_dates_are_dates():
    assert utc(20_200_131, 20_200_230, 20_200_301) == [datetime(2020, 1, 31), None, datetime(2020, 3, 1)]
    assert utc("20200131", "20200301") == [datetime(2020, 1, 31), datetime(2020, 3, 1)]


def test_naive_times_need_a_zone_and_it_must_exist():
    with pytest.raises(DataError, match=r"no zone .the first is 2020-01-02T09:30:00.*timezone='UTC'"):
        utc("2020-01-02 09:30")
    with pytest.raises(DataError, match="Did you mean 'America/New_York'"):
        utc("2020-01-02 09:30", timezone="America/NewYork")
    assert utc("2020-01-02 09:30", "2020-07-02 09:30", timezone="America/New_York") == [
        datetime(2020, 1, 2, 14, 30),
        datetime(2020, 7, 2, 13, 30),
    ]


@pytest.mark.parametrize("timezone", [None, "America/New_York", "Asia/Tokyo"])
def test_dates_stay_dates_whatever_the_zone(timezone):
    midnight = [datetime(2020, 1, 2), datetime(2020, 7, 2)]
    assert utc("2020-01-02", "2020-07-02", timezone=timezone) == midnight
    assert utc("2020-01-02 00:00", "2020-07-02 00:00", timezone=timezone) == midnight
    assert utc("2020-01-02T00:00:00-05:00", "2020-07-02T00:00:00-04:00", timezone=timezone) == midnight
    for kind in (pa.timestamp("us"), pa.date32(), pa.date64()):
        assert utc(*midnight, kind=kind, timezone=timezone) == midnight
    for zone in ("Asia/Tokyo", "America/New_York"):
        aware = pd.DatetimeIndex(midnight).tz_localize(zone)
        times = read_times([pa.chunked_array([pa.Array.from_pandas(aware)])], timezone)
        assert times.ns.view("datetime64[ns]").astype("datetime64[us]").tolist() == midnight


def test_typed_times_with_and_without_a_zone():
    moments = [datetime(2020, 1, 2, 9, 30), datetime(1500, 1, 1), datetime(2020, 7, 2, 9, 30)]
    assert utc(*moments, kind=pa.timestamp("us"), timezone="Europe/Berlin") == [
        datetime(2020, 1, 2, 8, 30),
        None,
        datetime(2020, 7, 2, 7, 30),
    ]
    aware = pa.array(moments, pa.timestamp("us", "Europe/Berlin"))  # Arrow counts from UTC: the zone is for show
    assert read_times([pa.chunked_array([aware])], None).ns[0] == int(np.datetime64(moments[0], "ns").astype(int))


def test_some_with_and_some_without_offset_are_refused():
    with pytest.raises(DataError, match="1 times carry an offset from UTC and 1 do not"):
        utc("2020-01-02T09:30Z", "2020-01-02T09:31", timezone="UTC")


def test_hours_that_happen_twice_or_never():
    twice = ("2023-11-05 00:30", "2023-11-05 01:30", "2023-11-05 02:30")
    with pytest.raises(DataError, match=r"1 local time happened twice in America/New_York.*ambiguous='first'"):
        utc(*twice, timezone="America/New_York")
    assert utc(*twice, timezone="America/New_York", ambiguous="first")[1].hour == 5
    assert utc(*twice, timezone="America/New_York", ambiguous="last")[1].hour == 6
    with pytest.raises(DataError, match="1 local time never happened in America/New_York"):
        utc("2023-03-12 01:30", "2023-03-12 02:30", timezone="America/New_York")


def test_dates_and_times_of_day_are_joined():
    def joined(dates, clocks):
        return read_times([column(dates), column(clocks)], "UTC").ns.view("datetime64[ns]").astype("datetime64[m]")

    expected = np.array(["2015-02-01T09:05", "2015-02-01T22:00"], "datetime64[m]")
    assert (joined(["2015.02.01"] * 2, ["09:05", "22:00"]) == expected).all()
    assert (joined(["20150201"] * 2, ["090500", "220000"]) == expected).all()
    assert (joined([20150201] * 2, [90500, 220000]) == expected).all()
    assert (joined(["20150201"] * 2, [905, 2200]) == expected).all()
    assert (joined(pd.to_datetime(["2015-02-01"] * 2), ["9:05", "22:00"]) == expected).all()


def test_times_of_day_alone_are_refused():
    with pytest.raises(DataError, match="times of day without dates"):
        read_times([column([1, 2], pa.time32("s"))])


FORMS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y%m%d %H%M%S",
    "%d.%m.%Y %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%d-%b-%Y %H:%M",
    "%Y-%m-%dT%H:%M:%SZ",
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.datetimes(datetime(1901, 1, 1), datetime(2099, 12, 31)), min_size=1, max_size=30),
    st.sampled_from(FORMS),
)
def test_text_round_trips(moments, form):
    written = [moment.strftime(form) for moment in moments]
    meant = [datetime.strptime(text, form) for text in written]
    wall = read_stamps(column(written))
    assert not wall.bad.any()
    assert (wall.wall_ns.view("datetime64[ns]") == np.array(meant, "datetime64[ns]")).all()


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.datetimes(datetime(1975, 1, 1), datetime(2060, 1, 1)), min_size=1, max_size=30),
    st.sampled_from(["America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"]),
)
def test_zones_agree_with_the_standard_library(moments, zone):
    clock = ZoneInfo(zone)
    walls = [moment.replace(tzinfo=UTC).astimezone(clock).replace(tzinfo=None, fold=0) for moment in moments]
    expected = [wall.replace(tzinfo=clock).astimezone(UTC).replace(tzinfo=None) for wall in walls]
    if all(wall.time() == datetime.min.time() for wall in walls):
        expected = walls
    assert utc(*walls, kind=pa.timestamp("us"), timezone=zone, ambiguous="first") == expected
