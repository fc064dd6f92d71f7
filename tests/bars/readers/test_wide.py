"""Tables with several symbols side by side: one is picked, and ordinary tables are left alone."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from research_kit.bars.readers.base import RawTable
from research_kit.bars.readers.containers import open_source
from research_kit.bars.readers.sniff import Hints
from research_kit.bars.readers.wide import WideText, narrowed, narrowed_blocks, symbols, wide_of, wide_of_table
from research_kit.errors import DataError

SETS = (
    "Date,AAPL_Open,AAPL_Adj Close,AAPL_Close,MSFT_Open,MSFT_Close\n"
    "2024-01-02,1,2,3,4,5\n2024-01-03,1.5,2.5,3.5,4.5,5.5\n"
)
CLOSES = "Date,AAPL,MSFT,^GSPC\n2024-01-02,185.64,370.87,4742.83\n2024-01-03,184.25,370.60,4704.81\n"
BY_COLUMN = (
    "Price,Close,Close,Open,Open\nTicker,AAPL,BTC-USD,AAPL,BTC-USD\nDate,,,,\n"
    "2024-01-02,3.0,30.0,1.0,10.0\n2024-01-03,3.5,30.5,1.5,10.5\n2024-01-06,,31.5,,31.0\n"
)
BY_TICKER = (
    "Ticker,AAPL,AAPL,MSFT,MSFT\nPrice,Open,Close,Open,Close\nDate,,,,\n"
    "2024-01-02,1.0,3.0,4.0,5.0\n2024-01-03,1,3,4,5\n"
)
OLD = ",AAPL,AAPL,MSFT,MSFT\n,Open,Adj Close,Open,Adj Close\nDate,,,,\n2024-01-02,1.0,3.0,4.0,5.0\n2024-01-03,1,3,4,5\n"
BARE = ",AAPL,AAPL,MSFT,MSFT\n,Open,Close,Open,Close\n2024-01-02,1.0,3.0,4.0,5.0\n2024-01-03,1,3,4,5\n"


@pytest.fixture
def opened(text_file):
    return lambda content, **hints: replace(open_source(text_file(content)), hints=Hints(**hints))


def read(source):
    return pa.concat_tables([raw.table for raw in WideText().read(source)])


@pytest.mark.parametrize("sign", ["_", ".", " ", "-", ":", "/", " - "])
@pytest.mark.parametrize("field_first", [False, True])
def test_a_set_of_columns_for_each_symbol(sign, field_first):
    pairs = [("AAPL", "Open"), ("AAPL", "Adj Close"), ("BRK.B", "Close"), ("BTC-USD", "Close"), ("AAPL", "Volume")]
    names = ["Date", *(sign.join(pair[::-1] if field_first else pair) for pair in pairs)]
    wide = wide_of(names)
    assert {symbol: list(parts) for symbol, parts in wide.sets.items()} == {
        "AAPL": ["Open", "Adj Close", "Volume"], "BRK.B": ["Close"], "BTC-USD": ["Close"]}  # fmt: skip
    assert wide.shared == ("Date",)


def test_names_that_pandas_made_of_two_levels():
    assert wide_of(["Date", "('Close', 'AAPL')", "('Open', 'AAPL')", "('Close', 'MSFT')"]).symbols == ["AAPL", "MSFT"]


@pytest.mark.parametrize(
    "names",
    [
        ["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"],
        ["time", "open", "close", "mark_open", "mark_close", "index_close"],
        ["time", "bid_open", "bid_close", "ask_open", "ask_close"],
        ["Gmt time", "Candlestick.Open", "Candlestick.Close"],
        ["open_time", "open", "close", "close_time", "quote_volume"],
        ["Date", "Settle", "Open Interest", "Prev. Day Open Interest"],
        ["Date", "AAPL_Open", "AAPL_High"],
        ["Date", "a", "b"],
        [],
    ],
)
def test_ordinary_tables_are_not_wide(names):
    assert wide_of(names, lambda _: True) is None


def test_closes_are_only_guessed_where_nothing_else_fits():
    def wide(names, *cells):
        return wide_of_table(pa.table(dict(zip(names, ([cell] * 3 for cell in cells), strict=True))))

    assert wide(["Date", "AAPL", "MSFT"], "2024-01-02", 1.5, 2.5).symbols == ["AAPL", "MSFT"]
    assert wide(["Date", "AAPL", "MSFT", "NEW"], "2024-01-02", 1.5, 2.5, None).symbols == ["AAPL", "MSFT", "NEW"]
    assert wide(["Date", "Close", "AAPL", "MSFT"], "2024-01-02", 1.5, 2.5, 3.5) is None
    assert wide(["Date", "AAPL"], "2024-01-02", 1.5) is None
    assert wide(["Date", "AAPL", "SMA"], "2024-01-02", 1.5, 2.5) is None
    assert wide(["Date", "AAPL", "Average"], "2024-01-02", 1.5, 2.5) is None
    assert wide(["Date", "AAPL", "MSFT"], "2024-01-02", 1.5, "up") is None
    assert wide(["Date", "AAPL", "MSFT"], "2024-01-02", 1.5, -0.5) is None
    assert wide(["Date", "T", "O", "H", "L", "C", "V"], "2024-01-02", 1.5, 1.5, 1.5, 1.5, 1.5, 1.5) is None
    many = [f"X{at}" for at in range(10)]
    assert wide(["Date", *many, "LOW", "T", "V"], "2024-01-02", *[1.5] * 13).symbols == [*many, "LOW", "T", "V"]
    assert wide(["AAPL", "MSFT", "Date"], 1.5, 2.5, "2024-01-02") is None


@pytest.mark.parametrize(
    ("content", "symbol", "expected"),
    [
        (SETS, "AAPL", {"Open": [1.0, 1.5], "Adj Close": [2.0, 2.5], "Close": [3.0, 3.5]}),
        (SETS, "msft", {"Open": [4.0, 4.5], "Close": [5.0, 5.5]}),
        (CLOSES, "^GSPC", {"close": [4742.83, 4704.81]}),
        (BY_COLUMN, "AAPL", {"Close": [3.0, 3.5], "Open": [1.0, 1.5]}),
        (BY_COLUMN, "BTC-USD", {"Close": [30.0, 30.5, 31.5], "Open": [10.0, 10.5, 31.0]}),
        (BY_TICKER, "MSFT", {"Open": [4.0, 4.0], "Close": [5.0, 5.0]}),
        (OLD, "AAPL", {"Open": [1.0, 1.0], "Adj Close": [3.0, 3.0]}),
        (BARE, "AAPL", {"Open": [1.0, 1.0], "Close": [3.0, 3.0]}),
    ],
)
def test_one_symbol_of_text(content, symbol, expected, opened):
    source = opened(content, symbol=symbol)
    assert "symbols side by side" in WideText().recognise(source)
    table = read(source)
    assert table.column_names == ["Date", *expected]
    assert {name: table[name].to_pylist() for name in expected} == expected
    assert table["Date"][0].as_py() == "2024-01-02"


@pytest.mark.parametrize("content", [SETS, CLOSES, BY_COLUMN, BY_TICKER, OLD, BARE])
def test_without_a_symbol_they_are_listed(content, opened):
    names = symbols(opened(content))
    assert names[0] == "AAPL"
    with pytest.raises(DataError, match=rf"{len(names)} symbols side by side.*symbol='AAPL'.*import_all"):
        read(opened(content))
    with pytest.raises(DataError, match=r"no symbol 'AAPX' \(Did you mean 'AAPL'\?\)"):
        read(opened(content, symbol="AAPX"))


def test_one_symbol_alone_is_just_taken(opened):
    one = "Price,Close,Open\nTicker,AAPL,AAPL\nDate,,\n2024-01-02,3.0,1.0\n2024-01-03,3.0,1.0\n"
    assert read(opened(one)).column_names == ["Date", "Close", "Open"]
    raw = next(WideText().read(opened(one, symbol="Apple")))
    assert raw.doubts == ()
    assert raw.table.num_rows == 2


def test_rows_of_others_are_left_out_and_it_is_said(opened):
    raw = next(WideText().read(opened(BY_COLUMN, symbol="AAPL")))
    assert raw.table["Date"].to_pylist() == ["2024-01-02", "2024-01-03"]
    assert any("only other symbols" in doubt for doubt in raw.doubts)
    assert raw.symbol == "AAPL"


def test_text_that_is_not_wide(opened):
    for content in ("Date,Open,Close\n2024-01-02,1,2\n", "1,2,3\n4,5,6\n", ""):
        assert WideText().recognise(opened(content)) is None
        assert symbols(pa.table({"Date": ["2024-01-02"], "close": [1.0]})) == []
    named = opened(CLOSES, names=("time", "close", "x", "y"))
    assert WideText().recognise(named) is None


def test_decimal_commas(opened):
    text = "Date;AAPL;MSFT\n02.01.2024;185,64;370,87\n03.01.2024;184,25;370,60\n"
    table = read(opened(text, symbol="MSFT"))
    assert [str(cell).replace(",", ".") for cell in table["close"].to_pylist()] == ["370.87", "370.6"]


def test_symbols_of_files_tables_and_frames(tmp_path, text_file):
    table = pa.table({"Date": ["2024-01-02"], "AAPL_Close": [1.0], "MSFT_Close": [2.0]})
    parquet.write_table(table, tmp_path / "x.parquet")
    feather.write_feather(table, tmp_path / "x.feather")
    rows = text_file('[{"Date": "2024-01-02", "AAPL": 1.5, "MSFT": 2.5}]', name="x.json")
    for path in (tmp_path / "x.parquet", tmp_path / "x.feather", rows):
        assert symbols(open_source(path)) == ["AAPL", "MSFT"]
    assert symbols(table) == ["AAPL", "MSFT"]
    columns = pd.MultiIndex.from_product([["Close", "Open"], ["AAPL", "MSFT"]])
    assert symbols(pd.DataFrame(np.ones((2, 4)), columns=columns)) == ["AAPL", "MSFT"]
    assert symbols(pd.DataFrame({"Close": [1.0]})) == []


def test_the_first_block_decides_for_all():
    first = pa.table({"Date": ["2024-01-02"] * 2, "AAPL": [1.5, 1.5], "MSFT": [2.5, 2.5]})
    later = pa.table({"Date": ["2024-01-03"], "AAPL": pa.array([None], pa.float64()), "MSFT": [-1.0]})
    blocks = list(narrowed_blocks(iter([RawTable(first), RawTable(later)]), "MSFT", "x"))
    assert [block.table["close"].to_pylist() for block in blocks] == [[2.5, 2.5], [-1.0]]
    plain = RawTable(pa.table({"Date": ["2024-01-02"], "close": [1.0]}))
    assert list(narrowed_blocks(iter([plain]), "AAPL", "x")) == [plain]
    assert narrowed(plain, "", "x") is plain


@pytest.mark.real_data
def test_no_published_file_of_one_symbol_is_taken_for_a_wide_one(shared_data):
    paths = [
        path
        for path in shared_data.rglob("*")
        if path.suffix in (".csv", ".txt", ".zip") and path.parent.name != "hostile"
    ]
    taken = [path.name for path in paths if WideText().recognise(open_source(path))]
    assert len(paths) > 30
    assert taken == []
