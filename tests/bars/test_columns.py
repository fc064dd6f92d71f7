"""Which column is which, and numbers that come as text."""

import numpy as np
import pyarrow as pa
import pytest

from research_kit.bars.columns import assign_columns, check_assumed_order
from research_kit.bars.numbers import to_floats
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
