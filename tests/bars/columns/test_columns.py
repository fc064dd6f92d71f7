"""Which column is which, and numbers that come as text."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research_kit.bars.columns.assign import assign_columns, check_assumed_order, contradicted_share, doubts_about_order
from research_kit.bars.columns.numbers import NumberReader, to_floats
from research_kit.errors import DataError, MissingColumnError


def assign(names: str, *, has_header=True, given=None, cells=None):
    columns = names.split(",")
    values = cells or {}
    table = pa.table({name: values.get(name, [1.0, 2.0]) for name in columns})
    return assign_columns(table, has_header=has_header, given=given, source="x.csv")


@pytest.mark.parametrize(
    ("names", "time", "close"),
    [
        ("time,open,high,low,close,volume", ("time",), "close"),
        ("Date,O,H,L,C,V", ("Date",), "C"),
        ("Date,Close/Last,Volume,Open,High,Low", ("Date",), "Close/Last"),
        ("<TICKER>,<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>", ("<DATE>",), "<CLOSE>"),
        ("Gmt time,Open,High,Low,Close,Volume", ("Gmt time",), "Close"),
        ("unix,date,symbol,open,high,low,close", ("unix",), "close"),
        ("Timestamp,1. open,2. high,3. low,4. close", ("Timestamp",), "4. close"),
        ("Time,Open,High,Low,Last,Change,Volume", ("Time",), "Last"),
        ("Datum;Schluss".replace(";", ","), ("Datum",), "Schluss"),
        (",open,close", ("",), "close"),
    ],
)
def test_common_names_are_known(names, time, close):
    assigned = assign(names)
    assert (assigned.time, assigned.fields["close"]) == (time, close)


def test_extra_columns_keep_a_plain_name_and_adjusted_closes_theirs():
    assigned = assign("Date,Open,High,Low,Close,Adj Close,Volume,Volume MA,Ex-Dividend,synthetic")
    assert list(assigned.fields) == [
        *("open", "high", "low", "close", "volume"),
        *("adj_close", "volume_ma", "ex_dividend", "synthetic_2"),
    ]


def test_dates_and_times_of_day_in_two_columns():
    assigned = assign("<DATE>,<TIME>,<CLOSE>", cells={"<TIME>": ["09:30:00", "09:31:00"]})
    assert assigned.time == ("<DATE>", "<TIME>")
    whole = assign("date,time,close", cells={"time": ["2020-01-01 09:30", "2020-01-01 09:31"]})
    assert whole.time == ("time",)


def test_close_wins_over_other_names_for_it():
    assigned = assign("date,price,close,last")
    assert assigned.fields["close"] == "close"
    assert {"price", "last"} <= set(assigned.fields)


def test_given_names_win():
    assigned = assign("date,close,settle price", given={"close": "settle price"})
    assert assigned.fields["close"] == "settle price"
    with pytest.raises(MissingColumnError, match="Did you mean 'Last'"):
        assign("Date,Last", given={"close": "Lsat"})


def test_given_order_wins_and_can_leave_columns_out():
    names = "column_1,column_2,column_3,column_4"
    assigned = assign(names, has_header=False, given=["time", "open", "", "close"])
    assert assigned.time == ("column_1",)
    assert dict(assigned.fields) == {"open": "column_2", "close": "column_4"}
    assert not assigned.assumed
    with pytest.raises(DataError, match="names 2 columns"):
        assign(names, given=["time", "close"])
    with pytest.raises(DataError, match="'close' twice"):
        assign(names, given=["time", "close", "last", "open"])


def test_without_header_the_usual_order_is_assumed():
    names = ",".join(f"column_{at}" for at in range(1, 8))
    one = assign(names, has_header=False, cells={"column_1": ["2020-01-01 10:00", "2020-01-01 10:01"]})
    assert one.assumed
    assert list(one.fields) == ["open", "high", "low", "close", "volume", "column_7"]
    two = assign(names, has_header=False, cells={"column_1": ["2020.01.01"] * 2, "column_2": ["10:00", "10:01"]})
    assert two.time == ("column_1", "column_2")
    assert list(two.fields) == ["open", "high", "low", "close", "volume"]
    with pytest.raises(DataError, match="no header and 3 columns"):
        assign("column_1,column_2,column_3", has_header=False)


def test_what_is_missing_is_named():
    with pytest.raises(MissingColumnError, match="no 'close' among Date, Open"):
        assign("Date,Open")
    with pytest.raises(MissingColumnError, match="no column of times among open, close"):
        assign("open,close")


@pytest.mark.parametrize(
    "order",
    [("open", "close", "high", "low"), ("close", "open", "low", "high"), ("low", "high", "open", "close")],
)
def test_an_order_that_the_prices_contradict_is_refused_and_the_likely_one_named(order, make_bars):
    bars = make_bars(500)
    names = ("open", "high", "low", "close")
    prices = {name: bars[is_really] for name, is_really in zip(names, order, strict=True)}
    assigned = assign(",".join(f"column_{at}" for at in range(1, 7)), has_header=False)
    with pytest.raises(DataError) as error:
        check_assumed_order(prices, assigned, "x.csv")
    assert 'columns=["time", ' + ", ".join(f'"{name}"' for name in order) + ', "volume"]' in str(error.value)


def test_the_usual_order_passes_and_noise_is_refused_without_a_proposal(make_bars):
    bars = make_bars(500)
    assigned = assign(",".join(f"column_{at}" for at in range(1, 7)), has_header=False)
    check_assumed_order(dict(bars.columns), assigned, "x.csv")
    noise = {name: np.random.default_rng(at).random(500) for at, name in enumerate(("open", "high", "low", "close"))}
    with pytest.raises(DataError, match="say what each column is"):
        check_assumed_order(noise, assigned, "x.csv")


def floats(*cells, decimal=".", whole=False):
    numbers, text = to_floats(pa.chunked_array([pa.array(cells)]), decimal=decimal, whole=whole)
    return [None if np.isnan(number) else float(number) for number in numbers], text.tolist()


def test_text_that_is_a_number_is_read():
    assert floats("1.5", " 2 ", "$1,234.50", "1e3", "+.5") == ([1.5, 2.0, 1234.5, 1000.0, 0.5], [False] * 5)
    assert floats("88.50M", "1.2K", "-0.62%", whole=True)[0] == [88_500_000.0, 1200.0, -0.62]
    assert floats("268,53", "1.234,5", decimal=",")[0] == [268.53, 1234.5]
    assert floats("inf", "-inf")[0] == [np.inf, -np.inf]


def test_blanks_are_missing_and_text_is_marked():
    assert floats("", None, "null", "n/a", "oops", "1,2345") == ([None] * 6, [False] * 4 + [True] * 2)


def test_thousands_are_taken_only_where_they_are_certain():
    assert floats("1,234", "1,235") == ([None, None], [True, True])
    assert floats("1,234", "1,235.5")[0] == [1234.0, 1235.5]
    assert floats("96,007", whole=True)[0] == [96_007.0]
    assert floats("96.007.400", decimal=",")[0] == [96_007_400.0]


def test_types_that_are_no_numbers_become_missing():
    assert floats(True, False) == ([None, None], [True, True])
    assert to_floats(pa.chunked_array([pa.nulls(2)]))[1].tolist() == [False, False]
    assert floats(1, 2) == ([1.0, 2.0], [False, False])


@pytest.mark.parametrize(
    ("names", "time", "fields"),
    [
        ("日期,开盘,最高,最低,收盘,成交量", "日期", "开盘 最高 最低 收盘 成交量"),
        ("日付,始値,高値,安値,終値,出来高", "日付", "始値 高値 安値 終値 出来高"),
        ("일자,시가,고가,저가,종가,거래량", "일자", "시가 고가 저가 종가 거래량"),
        ("Datum,Zuletzt,Eröffn.,Hoch,Tief,Vol.", "Datum", "Eröffn. Hoch Tief Zuletzt Vol."),
        ("Date,Dernier,Ouv., Plus Haut,Plus Bas,Vol.", "Date", "Ouv.| Plus Haut|Plus Bas|Dernier|Vol."),
        ("Fecha,Último,Apertura,Máximo,Mínimo,Vol.", "Fecha", "Apertura Máximo Mínimo Último Vol."),
        ("Data,Ultimo,Apertura,Massimo,Minimo,Vol.", "Data", "Apertura Massimo Minimo Ultimo Vol."),
        ("Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen", "Data",
         "Otwarcie Najwyzszy Najnizszy Zamkniecie Wolumen"),
        ("DateTime,BidOpen,BidHigh,BidLow,BidClose,AskOpen,Volume", "DateTime",
         "BidOpen BidHigh BidLow BidClose Volume"),
        ("Date,Open (USD),High (USD),Low (USD),Close (USD),Volume (lots)", "Date",
         "Open (USD)|High (USD)|Low (USD)|Close (USD)|Volume (lots)"),
        ("Index,SPY.Open,SPY.High,SPY.Low,SPY.Close,SPY.Volume", "Index",
         "SPY.Open SPY.High SPY.Low SPY.Close SPY.Volume"),
        ("trade_date,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,PX_VOLUME", "trade_date",
         "PX_OPEN PX_HIGH PX_LOW PX_LAST PX_VOLUME"),
    ],
)  # fmt: skip
def test_names_of_vendors_and_languages(names, time, fields):
    assigned = assign(names)
    assert assigned.time == (time,)
    taken = [assigned.fields[part] for part in ("open", "high", "low", "close", "volume")]
    assert taken == (fields.split("|") if "|" in fields else fields.split())


def test_bids_are_said_to_be_bids():
    assert assign("DateTime,BidOpen,BidHigh,BidLow,BidClose").doubts == (
        "The prices are bids ('BidClose'), as there are no others.",
    )


def test_a_choice_among_columns_is_told():
    assigned = assign("Date,Close,Volume BTC,Volume USD")
    assert assigned.fields["volume"] == "Volume BTC"
    assert assigned.doubts == (
        "'Volume BTC' was taken as the volume; 'Volume USD' could be it as well: say columns={'volume': ...} for "
        "another.",
    )
    assert assign("Date,Last,Settle").doubts[0].startswith("'Last' was taken as the close; 'Settle' could be")
    assert assign("Date,Close,close.2").fields["close"] == "Close"
    assert assign("Date,Open,High,Low,Close,Adj Close,Volume").doubts == ()


def test_a_volume_of_zeros_gives_way_to_ticks():
    cells = {"<VOL>": [0, 0], "<TICKVOL>": [3, 4]}
    assigned = assign("<DATE>,<CLOSE>,<TICKVOL>,<VOL>", cells=cells)
    assert assigned.fields["volume"] == "<TICKVOL>"
    assert "'<TICKVOL>' was taken as the volume; '<VOL>' could be" in assigned.doubts[0]
    assert assign("<DATE>,<CLOSE>,<TICKVOL>,<VOL>").fields["volume"] == "<VOL>"


def swapped(bars, **names):
    """Return prices under the wrong names, as a header would give them."""
    prices = {name: bars[names.get(name, name)].copy() for name in ("open", "high", "low", "close")}
    return prices, assign("date,open,high,low,close")


def test_a_header_that_the_prices_contradict_is_said_to_look_so(make_bars):
    bars = make_bars(400)
    prices, assigned = swapped(bars, close="high", high="close")
    (doubt,) = doubts_about_order(prices, assigned)
    assert "look swapped" in doubt
    assert "columns={'high': 'close', 'close': 'high'}" in doubt
    assert contradicted_share(prices) > 0.5
    for right in (swapped(bars), swapped(bars, open="close", close="open")):
        assert doubts_about_order(*right) == []


def test_single_faults_are_no_swap(make_bars):
    bars = make_bars(400)
    prices, assigned = swapped(bars)
    prices["close"][:50] *= 10
    assert contradicted_share(prices) == pytest.approx(50 / 400)
    assert doubts_about_order(prices, assigned) == []
    prices, assigned = swapped(make_bars(2), close="high", high="close")
    assert doubts_about_order(prices, assigned) == []


def test_missing_prices_do_not_hide_a_swap(make_bars):
    prices, assigned = swapped(make_bars(400), close="low", low="close")
    prices["open"][::7] = np.nan
    assert "{'low': 'close', 'close': 'low'}" in doubts_about_order(prices, assigned)[0]


def test_high_and_low_alone_can_look_swapped(make_bars):
    prices, assigned = swapped(make_bars(50), high="low", low="high")
    del prices["open"]
    assert doubts_about_order(prices, assigned) == [
        "High and low look swapped in 100 % of the rows; if so, say columns={'high': 'low', 'low': 'high'}."
    ]
    prices["high"], prices["low"] = prices["low"], prices["high"]
    assert doubts_about_order(prices, assigned) == []


def test_brackets_currencies_and_signs_of_thousands():
    assert floats("(1.5)", "(1,234.50)", "1.5-", "\u22121.5", "-$1.5", "($1.50)")[0] == [-1.5, -1234.5, *[-1.5] * 4]
    assert floats("1.5 €", "EUR 1.5", "USD1.5", "R$ 1.5", "1.5 zł", "１.５")[0] == [1.5] * 6
    assert floats("1'234.5", "1\u2019234.5", "1 234.5", "1\u00a0234.5", "1\u202f234\u202f567.5")[0] == [
        *[1234.5] * 4, 1_234_567.5]  # fmt: skip
    assert floats("1.234.567,8", "1 234,5", "1\u00a0234,5", "1,2e3", decimal=",")[0] == [
        1_234_567.8,
        1234.5,
        1234.5,
        1200,
    ]
    assert floats("1.5K", "2 M", "3b", "1.5万", "2亿", "5 %", whole=True)[0] == [1500, 2e6, 3e9, 15_000, 2e8, 5]


@pytest.mark.parametrize("cell", ["110'16", "110-16", "110-165", "-(1.5)", "(1.5", "1.2.3", "12:30", "1,23,456.5",
                                  "1,234'567.0", "2020-01-02", "1.5 XYZ", "--1"])  # fmt: skip
def test_what_might_mean_something_else_stays_text(cell):
    assert floats(cell, "1,234.5") == ([None, 1234.5], [True, False])


@pytest.mark.parametrize("cell", ["\u2014", "\u2013", "--", "#N/A", "n.a.", "#DIV/0!", "NULL", "<NA>", ".", "?"])
def test_what_stands_for_nothing_is_missing(cell):
    assert floats(cell, "1.5") == ([None, 1.5], [False, False])


def test_a_full_stop_is_no_decimal_sign_where_a_comma_is():
    assert floats("1.234", "1,5", decimal=",") == ([None, 1.5], [True, False])
    assert floats("1.234", "1,5", decimal=",", whole=True)[0] == [1234, 1.5]


def test_what_one_block_makes_certain_holds_for_the_next():
    reader = NumberReader()
    assert reader.read(pa.chunked_array([["1,234.5"]]))[0].tolist() == [1234.5]
    assert reader.read(pa.chunked_array([["1,235"]]))[0].tolist() == [1235.0]


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=20), st.sampled_from([",", "'", " ", "\u202f"]))
def test_grouped_numbers_round_trip(numbers, sign):
    cells = [f"{number:,}".replace(",", sign) + ".25" for number in numbers]
    expected = [abs(number) + 0.25 if number >= 0 else -(abs(number) + 0.25) for number in numbers]
    assert floats(*cells, "1,000,000.0")[0][:-1] == expected


def test_a_date_in_a_column_of_moments_takes_the_clock_beside_it():
    cells = {"TimeStamp": ["01/03/16", "01/03/16"], "Time": ["23:43:11", "23:43:27"]}
    assert assign("TimeStamp,Time,close", cells=cells).time == ("TimeStamp", "Time")
    cells["TimeStamp"] = ["1577957400", "1577957460"]
    assert assign("TimeStamp,Time,close", cells=cells).time == ("TimeStamp",)
