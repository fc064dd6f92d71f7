"""LEAN's files: what they say, what only their name says, and those that hold no prices."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest

from research_kit.bars.readers.containers import open_source
from research_kit.bars.readers.lean import Lean
from research_kit.bars.readers.sniff import Hints
from research_kit.errors import DataError

DAILY = (
    "20200102 00:00,2962700,3006000,2957500,3000000,33911900\n20200103 00:00,2971500,3006000,2966900,2973700,36633900\n"
)
MINUTES = "34200000,1674100,1674100,1672500,1672700,3197\n34260000,1672500,1672600,1672500,1672500,1150\n"
FOREX = "20070101 21:00,1.31927,1.31955,1.3187,1.31935,0,1.32027,1.32055,1.3197,1.32035,0\n" * 2
CRYPTO = "0,7424.91,7424.91,7422,7422,7.14319709\n60000,7420,7422,7405,7405,13.35069752\n"
FUTURE = "20200102 09:00,3236.25,3240.5,3230,3238.75,1200\n20200102 10:00,3238.75,3241,3237,3240,900\n"


@pytest.fixture
def zipped(tmp_path):
    def make(content, member, name="lean.zip"):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, content)
        return open_source(path)

    return make


def read(source):
    return list(Lean().read(source))


def test_days_of_an_equity_are_divided_and_it_is_said(zipped):
    source = zipped(DAILY, "aapl.csv")
    assert Lean().recognise(source) == (
        "LEAN days or hours of an equity; prices were written in 1/10,000 and are divided"
    )
    raw = read(source)[0]
    assert raw.table["close"].to_pylist() == [300.0, 297.37]
    assert raw.table["volume"].to_pylist() == [33911900, 36633900]
    assert (raw.symbol, raw.timezone) == ("AAPL", "America/New_York")
    assert "divided" in raw.doubts[0]


def test_minutes_take_their_date_from_the_name_in_the_zip(zipped):
    raw = read(zipped(MINUTES, "20131007_spy_minute_trade.csv"))[0]
    assert [str(time) for time in raw.table["time"].to_pylist()] == ["2013-10-07 09:30:00", "2013-10-07 09:31:00"]
    assert raw.table["open"].to_pylist() == [167.41, 167.25]
    assert (raw.symbol, raw.timezone) == ("SPY", "America/New_York")


def test_minutes_without_a_date_in_the_name_say_what_is_missing(zipped, text_file):
    for source in (zipped(MINUTES, "spy.csv"), open_source(text_file(MINUTES)), zipped(MINUTES, "20139907_spy_x.csv")):
        assert Lean().recognise(source) is not None
        with pytest.raises(DataError, match=r"milliseconds since midnight.*20131007_spy_minute_trade"):
            read(source)
    plain = open_source(text_file(MINUTES, name="20131007_spy_minute_trade.csv"))
    assert read(plain)[0].symbol == "SPY"


def test_crypto_and_forex_are_utc_and_not_divided(zipped):
    crypto = read(zipped(CRYPTO, "20180404_btcusd_minute_trade.csv"))[0]
    assert crypto.table["open"].to_pylist() == [7424.91, 7420.0]
    assert (crypto.timezone, crypto.symbol, crypto.doubts) == ("UTC", "BTCUSD", ())
    source = zipped(FOREX, "eurusd.csv")
    assert "the bid is the price, the ask stays beside it" in Lean().recognise(source)
    forex = read(source)[0]
    assert (forex.timezone, forex.symbol) == ("UTC", "EURUSD")
    row = forex.table.slice(0, 1).to_pylist()[0]
    assert (row["close"], row["ask_close"], row["bid_size"]) == (1.31935, 1.32035, 0)


def test_other_instruments_ask_for_the_zone(zipped):
    raw = read(zipped(FUTURE, "es.csv"))[0]
    assert raw.timezone == ""
    assert "futures" in raw.zone_question
    assert raw.table["close"].to_pylist() == [3238.75, 3240.0]


def test_whole_prices_that_are_no_cents_are_not_divided(zipped):
    yen = "20200102 00:00,7812345,7850007,7790001,7801233,12\n20200103 00:00,7812341,7850003,7790009,7801237,15\n"
    assert "divided" not in Lean().recognise(zipped(yen, "btcjpy.csv"))


def test_a_missing_side_of_a_quote_stays_missing(zipped):
    quotes = "34200000,,,,,0,1674100,1674100,1672500,1672700,300\n34260000,1672500,1672600,1672500,1672500,100,,,,,0\n"
    raw = read(zipped(quotes, "20131007_spy_minute_quote.csv"))[0]
    assert raw.table["close"].to_pylist() == [None, 167.25]
    assert raw.table["ask_close"].to_pylist() == [167.27, None]


@pytest.mark.parametrize(
    "text",
    [
        "Date,Open,High,Low,Close,Volume\n20200102 00:00,1,2,1,2,5\n",
        "20200102 00:00;1;2;1;2;5\n20200103 00:00;1;2;1;2;5\n",
        "1,100,200,100,200,5\n2,100,200,100,200,5\n3,100,200,100,200,6\n",
        "1577923200,1,2,1,2,5\n1577923260,1,2,1,2,5\n",
        "20200102,1,2,1,2\n20200103,1,2,1,2\n",
    ],
)
def test_what_is_not_lean(text, text_file):
    assert Lean().recognise(open_source(text_file(text))) is None


def test_names_that_the_user_gives_win(zipped):
    source = replace(zipped(DAILY, "aapl.csv"), hints=Hints(names=("time", "open", "high", "low", "close", "volume")))
    assert Lean().recognise(source) is None


def test_a_factor_file_is_named_and_refused(text_file):
    source = open_source(
        text_file("19980102,0.8613657,0.00892857,1\n20000620,0.8613657,0.00892857,101\n20501231,1,1,0\n")
    )
    assert Lean().recognise(source) == "a LEAN factor file"
    with pytest.raises(DataError, match=r"factor file.*ws\.adjust"):
        read(source)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "rows", "timezone"),
    [
        ("crypto__coinbase__daily__btcusd_trade", 1318, "UTC"),
        ("crypto__coinbase__minute__btcusd__20180404_trade", 1007, "UTC"),
        ("equity__usa__daily__aapl", 5849, "America/New_York"),
        ("equity__usa__hour__aapl", 40831, "America/New_York"),
        ("equity__usa__minute__spy__20131008_trade", 828, "America/New_York"),
        ("forex__oanda__hour__eurusd", 74439, "UTC"),
    ],
)
def test_files_of_the_lean_repository(name, rows, timezone, shared_data):
    raws = read(open_source(shared_data / f"lean/{name}.zip"))
    assert sum(raw.table.num_rows for raw in raws) == rows
    assert {raw.timezone for raw in raws} == {timezone}
    for raw in raws:
        low, high, close = (np.array(raw.table[name]) for name in ("low", "high", "close"))
        assert ((low <= close) & (close <= high)).all()
        assert (close < 20_000).all()
