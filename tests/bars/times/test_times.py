"""Times of every kind: text, epochs, dates, zones, and clocks that change."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.bars.times.reader import TimeReader, read_times
from research_kit.bars.times.stamps import read_stamps
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
     "2015-03-14 09:26:53 UTC", "20150314T092653Z", "2015.03.14-09:26:53", "2015-03-14 - 09:26:53", "2015-3-14 9:26:53",
     "Sat Mar 14 2015 09:26:53", "Sat, 14 Mar 2015 09:26:53 +0000", "Saturday, March 14th, 2015 09:26:53",
     "Sat Mar 14 09:26:53 UTC 2015", "Sat Mar 14 2015 05:26:53 GMT-0400 (Eastern Daylight Time)", "14MAR2015:09:26:53",
     "14-MAR-15 09.26.53.000000 AM", "14/03/2015 09h26:53", "2015-03-14T10:26:53+01:00[Europe/Berlin]",
     "2015-03-14 04:26:53 UTC-5", "2015-03-14 11:26:53+02", "2015-03-14 05:26:53 EDT", "2015-03-14 10:26:53 CET",
     "20150314 05:26:53 US/Eastern", "2015-03-14 05:26:53 ET", "2015-03-14 18:26:53 Asia/Tokyo",
     "2015年3月14日 09:26:53", "2015年03月14日 9时26分53秒", '"2015-03-14 09:26:53"', "2015-03-14\u00a009:26:53",
     "3/14/2015, 9:26:53\u202fAM", "14. März 2015 09:26:53", "14 mars 2015 09:26:53", "14 de marzo de 2015 09:26:53",
     "14 mar. 2015 09:26:53", "14 março 2015 09:26:53"],
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


@pytest.mark.parametrize("values", [(0, 60_000), (14_400_000, 14_460_000), (1, 2)])
def test_numbers_too_small_for_an_epoch_are_refused(values):
    with pytest.raises(DataError, match="too small for an epoch"):
        utc(*values)


def test_epochs_outside_of_the_years_are_marked():
    assert utc(SECONDS, 99_999_999_999)[1] is None


def test_numbers_that_are_dates_are_dates():
    assert utc(20_200_131, 20_200_230, 20_200_301) == [datetime(2020, 1, 31), None, datetime(2020, 3, 1)]
    assert utc("20200131", "20200301") == [datetime(2020, 1, 31), datetime(2020, 3, 1)]


def test_naive_times_need_a_zone_and_it_must_exist():
    with pytest.raises(DataError, match=r"no zone .the first is 2020-01-02 09:30.*timezone='UTC'"):
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
    with pytest.raises(DataError, match="1 of 2 times carry an offset from UTC, the others do not"):
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


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("2020-01", (2020, 1)),
        ("May 2020", (2020, 5)),
        ("05/2020", (2020, 5)),
        ("2020Q3", (2020, 7)),
        ("2020-Q1", (2020, 1)),
        ("Q4 2020", (2020, 10)),
    ],
)
def test_months_and_quarters_begin_on_their_first_day(cell, meant):
    assert utc(cell) == [datetime(*meant, 1)]


@pytest.mark.parametrize(
    "cell",
    ["2020W051", "Jan-20", "12:30", "2020-01-31 09:30 hello", "2020-01-31 09:30:60", "200131", "2020-01-31 24:01",
     "hello 2020-01-31", "2020-13-01", "31 foo 2020", "2020-01-31 x"],
)  # fmt: skip
def test_what_is_no_time_is_refused_rather_than_guessed(cell):
    with pytest.raises(DataError, match=r"no time|too small"):
        utc(cell, timezone="UTC")


def test_the_end_of_a_day_is_the_next_midnight():
    assert utc("2020-01-31 23:00", "2020-01-31 24:00", timezone="UTC")[1] == datetime(2020, 2, 1)


MONTHS_OF = {
    "german": "Jan Feb März April Mai Juni Juli Aug Sept Okt Nov Dez",
    "french": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "spanish": "ene feb mar abr may jun jul ago sep oct nov dic",
    "italian": "gen feb mar apr mag giu lug ago set ott nov dic",
    "portuguese": "jan fev mar abr mai jun jul ago set out nov dez",
    "english": "January February March April May June July August September October November December",
}


@pytest.mark.parametrize("language", MONTHS_OF)
def test_months_in_other_languages(language):
    names = MONTHS_OF[language].split()
    assert [moment.month for moment in utc(*(f"5 {name} 2020" for name in names))] == list(range(1, 13))
    assert [moment.month for moment in utc(*(f"05-{name.upper()}-20" for name in names))] == list(range(1, 13))


def test_short_years_may_lead():
    assert utc("20/01/31", "20/02/03", "20/02/04") == [
        datetime(2020, 1, 31),
        datetime(2020, 2, 3),
        datetime(2020, 2, 4),
    ]
    assert utc("31/01/20", "03/02/20") == [datetime(2020, 1, 31), datetime(2020, 2, 3)]


@pytest.mark.parametrize("number", [2020013109, 202001310930, 20200131093015, 20200131093015250])
@pytest.mark.parametrize("kind", [pa.int64(), pa.string()])
def test_digits_that_spell_a_date_and_clock_are_no_epochs(number, kind):
    moments = utc(number if kind == pa.int64() else str(number), kind=kind, timezone="UTC")
    spelt = f"{number}"[8:14].ljust(6, "0")
    assert moments[0].replace(microsecond=0) == datetime(2020, 1, 31, int(spelt[:2]), int(spelt[2:4]), int(spelt[4:]))


def test_zones_may_differ_from_row_to_row():
    cells = ["2020-01-02 09:30 EST", "2020-07-02 09:30 EDT", "2020-07-02 09:30 Europe/Berlin", "2020-07-02 09:30 +0200"]
    assert [moment.hour for moment in utc(*cells)] == [14, 13, 7, 7]


def test_abbreviations_that_zones_share_are_asked_for():
    with pytest.raises(DataError, match=r"zone IST.*timezone='Asia/Kolkata' or timezone='Asia/Jerusalem'"):
        utc("2020-01-02 09:30 IST")
    reader = TimeReader("Asia/Kolkata")
    assert shown(reader.read([column(["2020-01-02 09:30 IST"])]))[0] == datetime(2020, 1, 2, 4)
    assert reader.uses_timezone


def test_clocks_that_change_within_a_named_zone_are_local_times_too():
    cells = ["2023-11-05 00:30 US/Eastern", "2023-11-05 01:30 US/Eastern", "2023-11-05 02:30 US/Eastern"]
    with pytest.raises(DataError, match="happened twice in US/Eastern"):
        utc(*cells)
    assert utc(*cells, ambiguous="last")[1].hour == 6


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string()])
def test_serial_dates_of_excel_are_days(kind):
    days = [41_652, 41_653, 45_000]
    cells = list(map(str, days)) if kind == pa.string() else days
    times = read_times([column(cells, kind)])
    assert shown(times) == [datetime(2014, 1, 13), datetime(2014, 1, 14), datetime(2023, 3, 15)]
    assert times.layout == "Excel serial dates"


@pytest.mark.parametrize(
    ("days", "clock"),
    [
        ("45000.395833", (9, 30)),
        ("45000,395833", (9, 30)),
        ("45000.39583", (9, 30)),
        ("45000.3958449074", (9, 30, 1)),
        ("45000.395833333336", (9, 30)),
        ("45000.39584490", (9, 30, 1)),
        ("45000.3958362269", (9, 30, 0, 250_000)),
    ],
)
def test_the_fraction_of_a_serial_date_is_the_clock_that_was_meant(days, clock):
    assert utc(days, timezone="UTC") == [datetime(2023, 3, 15, *clock)]
    assert utc(float(days.replace(",", ".")), timezone="UTC") == [datetime(2023, 3, 15, *clock)]


def test_serial_dates_with_a_clock_need_a_zone_and_odd_ones_are_marked():
    with pytest.raises(DataError, match=r"no zone .the first is 2023-03-15 09:30"):
        utc("45000.395833")
    assert utc(*[45_000.5] * 30, 3.0, 99_999.0, timezone="UTC")[-2:] == [None, None]
    with pytest.raises(DataError, match=r"serial dates of Excel .* or days since 1970"):
        utc(20_100, 20_101)


def test_serial_dates_and_clocks_in_two_columns():
    def joined(dates, clocks):
        return shown(read_times([column(dates), column(clocks)], "UTC"))

    expected = [datetime(2023, 3, 15, 9, 30), datetime(2023, 3, 16, 9, 31)]
    assert joined([45_000, 45_001], ["09:30", "09:31"]) == expected
    assert joined(["45000", "45001"], ["0.395833", "0,396528"]) == expected
    assert joined([45_000, 45_001], [0.395833, 0.396528]) == expected


def test_a_column_of_clocks_without_any_leaves_dates():
    days = ["2020-01-02", "2020-01-03"]
    for clocks in ([None, None], ["", " "]):
        assert shown(read_times([column(days), column(clocks, pa.string())])) == [
            datetime(2020, 1, 2),
            datetime(2020, 1, 3),
        ]
    assert shown(read_times([column([20200102]), column([93_000_123])], "UTC"))[0].microsecond == 123_000


def shown(times):
    moments = times.ns.view("datetime64[ns]").astype("datetime64[us]").tolist()
    return [None if bad else moment for moment, bad in zip(moments, times.bad, strict=True)]


def in_blocks(reader, *blocks, kind=None):
    return [shown(reader.read([column(block, kind)])) for block in blocks]


@pytest.mark.parametrize("kind", [pa.int64(), pa.string(), pa.float64()])
def test_a_file_of_two_dumps_has_two_units(kind):
    cells = [SECONDS * 1000, (SECONDS + 60) * 1000, (SECONDS + 120) * 10**6, None, 5 * 10**9 * 10**6]
    if kind == pa.string():
        cells = [cell and str(cell) for cell in cells]
    reader = TimeReader()
    steps = [(moment - datetime.fromtimestamp(SECONDS, UTC).replace(tzinfo=None)).seconds
             for moment in shown(reader.read([column(cells, kind)]))[:3]]  # fmt: skip
    assert steps == [0, 60, 120]
    (found,) = reader.findings()
    assert (found.name, found.severity, found.count) == ("mixed_epoch_units", "note", 1)
    assert found.examples == ("2020-03-14 09:28:53: in us",)
    assert reader.layout == "epoch in ms and us"


def test_a_second_block_may_have_another_unit():
    reader = TimeReader()
    in_blocks(reader, [SECONDS * 1000], [SECONDS * 10**6, SECONDS * 10**6 + 1], [SECONDS * 1000])
    assert (reader.findings()[0].count, reader.layout) == (2, "epoch in ms and us")


def test_a_series_through_1970_has_one_unit():
    day = 86_400_000
    values = [day * number for number in (-4000, -1, 0, 1, 4000, 18_000)]
    reader = TimeReader()
    assert in_blocks(reader, values, [day * 2])[1] == [datetime(1970, 1, 3)]
    assert shown(read_times([column(values)]))[2] == datetime(1970, 1, 1)
    assert (reader.layout, reader.findings()) == ("epoch in ms", [])


def test_blocks_are_read_as_the_first():
    reader = TimeReader("Europe/Berlin")
    blocks = in_blocks(reader, ["13.02.2020 09:30"], ["02.03.2020 00:00"], ["oops"], [])
    assert blocks == [[datetime(2020, 2, 13, 8, 30)], [datetime(2020, 3, 1, 23)], [None], []]
    assert reader.uses_timezone
    assert reader.layout == "times without a zone, read as Europe/Berlin"


def test_a_later_block_that_contradicts_the_first_is_refused():
    def refused(match, first, second, **options):
        reader = TimeReader(**options)
        reader.read([column(first)])
        with pytest.raises(DataError, match=match):
            reader.read([column(second)])

    refused("begin as dates alone .* 2020-01-03 09:30", ["2020-01-02"], ["2020-01-03", "2020-01-03 09:30"])
    refused("day first, which 01/13/2020 .* day_first=False", ["13/01/2020"], ["01/13/2020"])
    refused("month first, which 13/01/2020 .* day_first=True", ["01/13/2020"], ["13/01/2020"])
    refused("do not carry an offset", ["2020-01-02 09:30Z"], ["2020-01-02 09:31"], timezone="UTC")
    refused("do carry an offset", ["2020-01-02 09:30"], ["2020-01-02 09:31Z"], timezone="UTC")


def test_slips_of_day_and_month_do_not_turn_the_order():
    reader = TimeReader()
    in_blocks(reader, ["13/01/2020", "14/01/2020", "01/14/2020"])
    assert in_blocks(reader, ["15/01/2020", "01/15/2020", "02/01/2020"])[0] == [
        datetime(2020, 1, 15), None, datetime(2020, 1, 2)]  # fmt: skip


def test_the_reason_why_a_zone_is_asked_for_is_said():
    reader = TimeReader(question="MetaTrader writes the time of the broker's server")
    with pytest.raises(DataError, match=r"broker's server. Say which zone that is: timezone='Europe/Athens'"):
        reader.read([column(["2020-01-02 09:30"])])


def hours(zone, day, minutes):
    """Return local times through a day, as a clock on the wall shows them, and their UTC."""
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    utc_times = [start + pd.Timedelta(minutes=at) for at in range(0, 26 * 60, minutes)]
    walls = [moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") for moment in utc_times]
    return walls, [moment.replace(tzinfo=None) for moment in utc_times]


@pytest.mark.parametrize("minutes", [1, 15, 30, 60])
@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin"])
@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("cut", [None, 1, 2, 3, 5, 90, 130])
def test_the_order_of_rows_tells_the_hour_that_repeats(minutes, zone, falling, cut):
    walls, expected = hours(zone, "2023-11-05" if zone.startswith("A") else "2023-10-29", minutes)
    if falling:
        walls, expected = walls[::-1], expected[::-1]
    reader = TimeReader(zone, ambiguous="infer")
    blocks = [walls[:cut], walls[cut:]] if cut and 1 < cut < len(walls) else [walls]
    assert [moment for block in in_blocks(reader, *blocks) for moment in block] == expected
    (found,) = reader.findings()
    assert (found.name, found.severity, found.count) == ("local_times_ambiguous", "warning", 120 // minutes)
    assert found.examples[0].startswith("2023-1")


def test_every_cut_of_the_hour_that_repeats_is_told():
    walls, expected = hours("America/New_York", "2023-11-05", 15)
    for cut in range(2, len(walls)):
        reader = TimeReader("America/New_York", ambiguous="infer")
        assert [moment for block in in_blocks(reader, walls[:cut], walls[cut:]) for moment in block] == expected
        reader.findings()


@pytest.mark.parametrize(
    "cells",
    [
        ["2023-11-05 00:30", "2023-11-05 01:30", "2023-11-05 02:30"],
        ["2023-11-05 00:30", "2023-11-05 01:30"],
        ["2023-11-05 01:30", "2023-11-05 01:31", "2023-11-05 02:30"],
        ["2023-11-05 00:30", *["2023-11-05 01:30", "2023-11-05 01:20"] * 2, "2023-11-05 02:30"],
    ],
)
def test_an_order_that_does_not_tell_is_refused(cells):
    with pytest.raises(DataError, match="order of the rows does not tell"):
        utc(*cells, timezone="America/New_York", ambiguous="infer")


def test_hours_that_never_happened_are_moved_or_dropped_and_counted():
    cells = ["2023-03-12 01:59", "2023-03-12 02:00", "2023-03-12 02:59", "2023-03-12 03:00"]
    reader = TimeReader("America/New_York", nonexistent="shift")
    first = datetime(2023, 3, 12, 7)
    assert in_blocks(reader, cells)[0] == [datetime(2023, 3, 12, 6, 59), first, first, first]
    (found,) = reader.findings()
    assert (found.name, found.count, found.examples) == (
        "local_times_nonexistent", 2, ("2023-03-12 02:00", "2023-03-12 02:59"))  # fmt: skip
    reader = TimeReader("America/New_York", nonexistent="drop")
    assert in_blocks(reader, cells, cells)[1][1:3] == [None, None]
    assert reader.findings()[0].count == 4


def test_policies_are_not_counted_where_they_were_not_needed():
    reader = TimeReader("America/New_York", ambiguous="infer", nonexistent="shift")
    reader.read([column(["2023-06-01 09:30", "2023-06-02 09:30"])])
    assert reader.findings() == []


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.datetimes(datetime(1920, 1, 1), datetime(2090, 1, 1)), min_size=1, max_size=30),
    st.sampled_from(["America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca"]),
)
def test_clocks_of_zones_agree_with_the_standard_library(moments, zone):
    from research_kit.bars.times.local_time import wall_clock

    ns = np.array(moments, "datetime64[ns]").view(np.int64)
    walls = wall_clock(ns, ZoneInfo(zone)).view("datetime64[ns]").astype("datetime64[us]").tolist()
    assert walls == [at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for at in moments]


PIECES = (
    *("2020", "01", "31", "-", "/", ".", ":", " ", "T", "Z", "+02:00", "EST", "IST", "Jan", "März", "PM", "24:00"),
    *("09:30", "US/Eastern", "Q1", "(", "年", "9" * 20, "1577957400", "-1", "45000.5", "nan", "\u202f", "'", "99"),
)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.none() | st.lists(st.sampled_from(PIECES), max_size=6).map("".join), min_size=1, max_size=5),
    st.sampled_from([None, "America/New_York"]),
    st.sampled_from(["error", "infer", "last"]),
)
def test_whatever_stands_in_cells_is_read_marked_or_refused_with_a_sentence(cells, zone, ambiguous):
    reader = TimeReader(zone, ambiguous=ambiguous, nonexistent="drop")
    try:
        blocks = [reader.read([column(block, pa.string())]) for block in (cells, cells[::-1])]
        reader.findings()
    except DataError as error:
        assert 20 < len(str(error)) < 600  # noqa: PT017 - either outcome is right
        return
    for times in blocks:
        assert len(times.ns) == len(cells)
        assert not times.ns[times.bad].any()
        assert all(moment is None or 1899 <= moment.year <= 2101 for moment in shown(times))
