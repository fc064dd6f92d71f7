"""What is in memory already: frames as libraries return them, lists, dicts and arrays."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from research_kit.bars.readers.memory import table_of, table_of_frame
from research_kit.errors import DataError

FIELDS = ["Close", "High", "Low", "Open", "Volume"]


def yahoo(tickers, *, by_ticker=False, days=3):
    """Return a frame as yfinance.download returns it."""
    dates = pd.DatetimeIndex(pd.date_range("2024-01-02", periods=days), name="Date")
    pairs = [(field, ticker) for field in FIELDS for ticker in tickers]
    values = np.arange(days * len(pairs), dtype=float).reshape(days, -1) + 100
    columns = pd.MultiIndex.from_tuples(pairs, names=["Price", "Ticker"])
    frame = pd.DataFrame(values, index=dates, columns=columns)
    return frame.swaplevel(axis=1).sort_index(axis=1) if by_ticker else frame


@pytest.mark.parametrize("by_ticker", [False, True])
def test_yfinance_for_several_tickers_in_both_orders(by_ticker):
    frame = yahoo(["AAPL", "MSFT"], by_ticker=by_ticker)
    raw = table_of(frame, "MSFT")
    assert sorted(raw.table.column_names) == sorted(["time", *FIELDS])
    expected = frame["MSFT"]["Close"] if by_ticker else frame["Close"]["MSFT"]
    assert raw.table["Close"].to_pylist() == expected.tolist()
    assert raw.symbol == "MSFT"
    with pytest.raises(DataError, match=r"2 symbols side by side \(AAPL, MSFT\); say symbol='AAPL'.*import_all"):
        table_of_frame(frame)
    with pytest.raises(DataError, match=r"no symbol 'MSFX'.*Did you mean 'MSFT'"):
        table_of_frame(frame, "MSFX")


@pytest.mark.parametrize("by_ticker", [False, True])
def test_yfinance_for_one_ticker_is_just_taken(by_ticker):
    raw = table_of_frame(yahoo(["BTC-USD"], by_ticker=by_ticker))
    assert (raw.symbol, raw.doubts) == ("BTC-USD", ())
    assert set(raw.table.column_names) == {"time", *FIELDS}


def test_days_on_which_only_other_symbols_traded_are_left_out_and_it_is_said():
    frame = yahoo(["AAPL", "BTC-USD"])
    frame.loc["2024-01-03", (slice(None), "AAPL")] = np.nan
    raw = table_of_frame(frame, "AAPL")
    assert raw.table.num_rows == 2
    assert any("left out" in doubt and "AAPL" in doubt for doubt in raw.doubts)
    assert table_of_frame(frame, "BTC-USD").table.num_rows == 3
    one_missing = yahoo(["AAPL", "MSFT"])
    one_missing.loc["2024-01-03", ("Close", "AAPL")] = np.nan
    assert table_of_frame(one_missing, "AAPL").table.num_rows == 3


def test_history_of_yfinance_is_taken_as_it_is():
    index = pd.DatetimeIndex(pd.date_range("2024-01-02", periods=3, tz="America/New_York"), name="Date")
    frame = pd.DataFrame(
        1.5, index=index, columns=["Open", "High", "Low", "Close", "Volume", "Dividends", "Stock Splits"]
    )
    raw = table_of(frame)
    assert raw.table.column_names == ["time", *frame.columns]
    assert raw.table["time"].type.tz == "America/New_York"
    assert raw.doubts == ()


@pytest.mark.parametrize("names", [["date", "symbol"], ["symbol", "timestamp"], [None, None]])
def test_an_index_of_times_and_symbols(names):
    days = pd.date_range("2024-01-02", periods=2)
    levels = [days, ["AAPL", "MSFT"]] if names[0] == "date" else [["AAPL", "MSFT"], days]
    index = pd.MultiIndex.from_product(levels, names=names)
    raw = table_of_frame(pd.DataFrame({"close": [1.0, 2.0, 3.0, 4.0]}, index=index))
    assert raw.table.column_names == ["time", "symbol", "close"]
    assert set(raw.table["symbol"].to_pylist()) == {"AAPL", "MSFT"}
    assert raw.table["time"].to_pylist()[-1] == days[-1]


def test_levels_that_mean_nothing_are_refused():
    with pytest.raises(DataError, match=r"2 levels.*select one symbol"):
        table_of_frame(pd.DataFrame({"close": [1.0]}, index=pd.MultiIndex.from_tuples([("a", "b")])))
    columns = pd.MultiIndex.from_tuples([("a", "x"), ("b", "y")])
    with pytest.raises(DataError, match="levels"):
        table_of_frame(pd.DataFrame([[1.0, 2.0]], columns=columns))
    with pytest.raises(DataError, match="more than one column 'close'"):
        table_of_frame(pd.DataFrame([[1.0, 2.0]], columns=["close", "close"]))


def test_closes_of_several_symbols():
    frame = yahoo(["AAPL", "MSFT"])["Close"]
    assert table_of_frame(frame, "AAPL").table.column_names == ["time", "close"]
    frame = yahoo(["AAPL", "MSFT"])[["Close"]]
    assert table_of_frame(frame, "MSFT").table["Close"].to_pylist() == frame["Close"]["MSFT"].tolist()


def test_candles_of_ccxt():
    candles = [[1577836800000 + 60_000 * at, 10.0, 12, 9.5, 11.0, 0.5] for at in range(3)]
    raw = table_of(candles)
    assert raw.table.column_names == ["time", "open", "high", "low", "close", "volume"]
    assert raw.table["time"].type == pa.int64()
    assert raw.table["high"].to_pylist() == [12, 12, 12]
    assert table_of(np.array(candles)).table["low"].to_pylist() == [9.5] * 3
    assert table_of(tuple(map(tuple, candles))).table.equals(raw.table)
    by_symbol = {"BTC/USDT": candles, "ETH/USDT": candles}
    assert table_of(by_symbol, "ETH/USDT").symbol == "ETH/USDT"
    with pytest.raises(DataError, match="2 instruments"):
        table_of(by_symbol)


def test_trades_of_ccxt_are_ticks():
    trade = {
        "timestamp": 1577836800000,
        "symbol": "BTC/USDT",
        "side": "buy",
        "price": 7200.5,
        "amount": 0.1,
        "info": {},
    }
    raw = table_of([trade, {**trade, "timestamp": 1577836800017}])
    assert (raw.ticks, raw.roles) == ("trades", {"close": "price", "volume": "amount"})


def test_dicts_and_structured_arrays():
    expected = ["time", "open", "close"]
    rows = [{"time": "2020-01-02", "open": 1.0, "close": 2.0}, {"time": "2020-01-03", "close": 2.5, "open": None}]
    assert table_of(rows).table.to_pylist()[1] == {"time": "2020-01-03", "open": None, "close": 2.5}
    columns = {"time": np.array(["2020-01-02"], dtype="datetime64[D]"), "open": [1.0], "close": pd.Series([2.0])}
    assert table_of(columns).table.column_names == expected
    array = np.array([("2020-01-02T00:00", 1.0, 2.0)], dtype=[("time", "M8[ns]"), ("open", "f8"), ("close", "f8")])
    raw = table_of(array)
    assert raw.table.column_names == expected
    assert pa.types.is_timestamp(raw.table["time"].type)
    with pytest.raises(DataError, match=r"different lengths \(time 2, close 1\)"):
        table_of({"time": [1, 2], "close": [1.0]})


def test_frames_of_other_libraries_come_through_arrow():
    class Frame:
        def __init__(self, table):
            self.table = table

        def __arrow_c_stream__(self, requested_schema=None):
            return self.table.__arrow_c_stream__(requested_schema)

    table = pa.table({"time": ["2020-01-02"], "AAPL_close": [1.0], "MSFT_close": [2.0]})
    assert table_of(Frame(table), "MSFT").table.to_pylist() == [{"time": "2020-01-02", "close": 2.0}]
    assert table_of(table, "AAPL").symbol == "AAPL"


@pytest.mark.parametrize("source", [3, "text", None, [1, 2, 3], np.arange(3.0), {"a": 1}, object()])
def test_what_holds_no_rows(source):
    assert table_of(source) is None


def test_rows_that_are_none():
    with pytest.raises(DataError, match="has no rows"):
        table_of([])
    with pytest.raises(DataError, match="items are not all rows: item 2"):
        table_of([[1577836800000, 1.0, 2.0, 0.5, 1.5, 3.0], {"time": 1}])
