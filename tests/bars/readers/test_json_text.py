"""JSON of every vendor's kind: read right, told apart by its values, or refused with a sentence."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.bars.readers.base import HEAD_BYTES
from research_kit.bars.readers.containers import open_source
from research_kit.bars.readers.json_text import Json, closed
from research_kit.bars.readers.lists import LAYOUTS, choose_layout
from research_kit.bars.readers.sniff import Hints
from research_kit.errors import DataError, UnknownFormatError

MS = 1577836800000
BARS = [(10.0, 12.0, 9.0, 11.0), (11.0, 11.5, 10.5, 11.25), (11.0, 13.0, 10.0, 10.5)]  # open, high, low, close
OHLC = {"open": 0, "high": 1, "low": 2, "close": 3}


@pytest.fixture
def opened(text_file):
    def make(value, **hints):
        content = value if isinstance(value, str | bytes) else json.dumps(value)
        return replace(open_source(text_file(content, name="x.json")), hints=Hints(**hints))

    return make


def read(source):
    raws = list(Json().read(source))
    assert len(raws) == 1
    return raws[0]


def column(raw, word):
    name = next(name for name in raw.table.column_names if name.lower().split(" ")[-1].startswith(word))
    return [float(cell) for cell in raw.table[name].to_pylist()]


def check(raw, time_name, first_time):
    """Check that the four prices are the three bars, and where they begin."""
    short = {name: name if any(name in known.lower() for known in raw.table.column_names) else name[0] for name in OHLC}
    for name, at in OHLC.items():
        assert column(raw, short[name]) == [bar[at] for bar in BARS]
    assert raw.table[time_name][0].as_py() == first_time


def rows(order, step=60_000, first=MS, volume=(5.0,), as_text=False):
    """Return the three bars as lists, in an order such as "ohlc"."""
    out = [
        [first + at * step, *(bar["ohlc".index(letter)] for letter in order), *volume] for at, bar in enumerate(BARS)
    ]
    return [[row[0], *map(str, row[1:])] for row in out] if as_text else out


@pytest.mark.parametrize(
    ("order", "words"), [("ohlc", "OHLCV lists (ccxt)"), ("ochl", "Bitfinex"), ("lhoc", "Coinbase")]
)
def test_lists_of_six_are_told_apart_by_their_values(order, words, opened):
    source = opened(rows(order))
    assert words in Json().recognise(source)
    raw = read(source)
    check(raw, "time", MS)
    assert words in raw.doubts[0]


def test_lists_that_fit_two_layouts_equally_are_refused_and_both_named(opened):
    flat = [[MS + at, 10, 10, 10, 10, 5.0] for at in range(4)]
    with pytest.raises(DataError) as error:
        read(opened(flat))
    for words in (
        "Bitfinex candles (time, open, close, high, low, volume)",
        "ccxt",
        "equally",
        'columns=["time", "low"',
    ):
        assert words in str(error.value)
    raw = read(opened(flat, names=("time", "open", "close", "high", "low", "volume")))
    assert (raw.has_header, raw.table.column_names[0]) == (False, "column_1")


def test_lists_in_no_known_order_are_refused(opened):
    with pytest.raises(DataError, match=r"every known order.*say what each is, such as columns="):
        read(opened(rows("hclo")))
    with pytest.raises(UnknownFormatError, match="no rows or columns of times and prices"):
        read(opened([["a", "b", "c", "d", "e"]]))


def test_one_faulty_row_does_not_hide_the_layout():
    sample = [[MS + at, 10.0, 9.5, 12.0, 9.0, 1.0] for at in range(200)]  # Bitfinex
    sample[7] = [MS + 7, 10.0, 9.5, 1.0, 9.0, 1.0]
    sample[8] = [MS + 8, None, None, None, None, None]
    assert choose_layout(sample, "x").words == "Bitfinex candles"


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.floats(1, 100)] * 4), min_size=3, max_size=30), st.sampled_from(LAYOUTS[2:5]))
def test_an_order_is_never_taken_for_another(prices, layout):
    candles = []
    for at, (one, two, up, down) in enumerate(prices):
        bar = {"open": one, "close": two, "high": max(one, two) + up, "low": min(one, two) / (1 + down)}
        candles.append([MS + at, *(bar[name] for name in layout.names[1:5]), 1.0])
    assert choose_layout(candles, "x") == layout


def test_klines_of_binance(opened):
    kline = [[*row, row[0] + 59_999, "1.0", 3, "0.5", "0.5", "0"] for row in rows("ohlc", as_text=True)]
    source = opened(kline)
    assert "12 cells: Binance klines (time, open, high, low, close" in Json().recognise(source)
    raw = read(source)
    check(raw, "time", MS)
    assert raw.doubts == ()  # no other layout has such cells


def test_kraken_and_its_message(opened):
    candles = [[row[0] // 1000, *row[1:5], "11.0", "5.0", 3] for row in rows("ohlc", as_text=True)]
    raw = read(opened({"error": [], "result": {"XXBTZUSD": candles, "last": 1577836800}}))
    check(raw, "time", MS // 1000)
    assert (raw.symbol, column(raw, "volume")) == ("XXBTZUSD", [5.0] * 3)
    trades = [["7200.5", "0.1", 1577836800.1234, "b", "l", "", 17], ["7201.5", "0.2", 1577836801.5, "s", "m", "", 18]]
    assert read(opened({"error": [], "result": {"XXBTZUSD": trades, "last": "1"}})).ticks == "trades"
    with pytest.raises(DataError, match="EQuery:Unknown asset pair"):
        read(opened({"error": ["EQuery:Unknown asset pair"]}))


def test_other_exchanges(opened):
    kucoin = {"code": "200000", "data": rows("ochl", first=1577836800, step=60, volume=("5", "55"), as_text=True)}
    check(read(opened(kucoin)), "time", 1577836800)
    bybit = {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"symbol": "BTCUSD", "list": rows("ohlc", volume=(5, 6), as_text=True)},
    }
    raw = read(opened(bybit))
    check(raw, "time", MS)
    assert raw.symbol == "BTCUSD"
    okx = {"code": "0", "msg": "", "data": rows("ohlc", volume=("5", "1", "2", "1"), as_text=True)}
    check(read(opened(okx)), "time", MS)
    deribit = {"result": {"ticks": [MS + at for at in range(3)], "status": "ok"} | {
        name: [bar[at] for bar in BARS] for name, at in OHLC.items()}}  # fmt: skip
    raw = read(opened(deribit))
    check(raw, "ticks", MS)
    assert raw.roles == {"time": "ticks"}


def test_bitmex_objects_say_that_their_times_are_ends(opened):
    objects = [
        {"timestamp": f"2020-01-0{at}T00:00:00.000Z", "symbol": "XBTUSD", "homeNotional": 1, **prices}
        for at, prices in enumerate((dict(zip(OHLC, bar, strict=True)) for bar in BARS), start=1)
    ]
    raw = read(opened(objects))
    check(raw, "timestamp", "2020-01-01T00:00:00.000Z")
    assert "at which a bar ends" in raw.doubts[0]


def test_oanda_mid_bid_and_ask(opened):
    candles = [{"time": "2020-01-02T00:00:00Z", "volume": 7, "bid": {"o": "1", "h": "2", "l": "0.5", "c": "1.5"},
                "ask": {"o": "1.1", "h": "2.1", "l": "0.6", "c": "1.6"}}]  # fmt: skip
    raw = read(opened({"instrument": "EUR_USD", "candles": candles}))
    assert raw.roles == {name: f"bid_{name}" for name in OHLC}
    assert raw.table["ask_close"].to_pylist() == ["1.6"]
    candles[0]["mid"] = {"o": 1, "h": 2, "l": 0.5, "c": 1.55}
    assert read(opened({"candles": candles})).roles["close"] == "mid_close"


def alpha_vantage(times, zone):
    return {
        "Meta Data": {"2. Symbol": "SPY", "6. Time Zone": zone},
        "Time Series (5min)": {
            time: {f"{at}. {name}": str(bar[at - 1]) for at, name in enumerate(OHLC, start=1)} | {"5. volume": "5"}
            for time, bar in zip(times, BARS, strict=True)
        },
    }


def test_alpha_vantage(opened):
    source = opened(alpha_vantage(["2020-01-02 16:00:00", "2020-01-02 15:55:00", "2020-01-02 15:50:00"], "US/Eastern"))
    assert Json().recognise(source) == "JSON of Alpha Vantage"
    raw = read(source)
    check(raw, "time", "2020-01-02 16:00:00")
    assert (raw.timezone, raw.symbol) == ("US/Eastern", "SPY")
    assert read(opened(alpha_vantage(["2020-01-03", "2020-01-02", "2020-01-01"], "Mars/Base"))).timezone == ""


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"Note": "Thank you: 5 calls per minute."}, "Thank you: 5 calls per minute."),
        ({"Information": "The rate limit is 25 requests per day."}, "The rate limit is 25 requests per day."),
        ({"Error Message": "Invalid API call."}, "Invalid API call."),
        ({"status": "ERROR", "request_id": "a1", "error": "Unknown API Key"}, "Unknown API Key"),
        ({"code": -1121, "msg": "Invalid symbol."}, "Invalid symbol."),
        (["error", 10020, "symbol: invalid"], "symbol: invalid"),
        ({"message": "NotFound"}, "NotFound"),
        ({"error": {"message": "Not Found", "name": "HTTPError"}}, "Not Found"),
        ({"chart": {"result": None, "error": {"code": "Not Found", "description": "No data found"}}}, "No data found"),
        ({"s": "no_data"}, "no_data"),
        ({"code": 400, "message": "symbol is missing", "status": "error"}, "symbol is missing"),
    ],
)
def test_a_vendors_message_is_shown_in_its_own_words(body, sentence, opened):
    source = opened(body)
    assert Json().recognise(source) == "JSON"
    with pytest.raises(DataError, match="holds no prices, but this message") as error:
        read(source)
    assert sentence in str(error.value)


@pytest.mark.parametrize("body", ["[]", "{}", '{"status":"OK","resultsCount":0}', '{"result":{"XBT":[]},"error":[]}'])
def test_no_rows_are_never_an_empty_dataset(body, opened):
    with pytest.raises(DataError, match="JSON without rows"):
        read(opened(body))


def polygon(times, **more):
    keys = dict(zip("ohlc", OHLC.values(), strict=True))
    results = [{"v": 5, "vw": 10.1, **{key: bar[at] for key, at in keys.items()}, "t": time, "n": 3}
               for time, bar in zip(times, BARS, strict=True)]  # fmt: skip
    return {"ticker": "AAPL", "queryCount": 3, "results": results, "status": "OK", **more}


def test_polygon_minutes_and_days(opened):
    source = opened(polygon([MS, MS + 60_000, MS + 120_000]))
    assert Json().recognise(source) == "JSON aggregates of Polygon (Massive)"
    raw = read(source)
    check(raw, "t", MS)
    assert (raw.symbol, raw.doubts) == ("AAPL", ())
    days = [
        pd.Timestamp(day, tz="America/New_York").value // 1_000_000
        for day in ("2020-03-06", "2020-03-09", "2020-03-10")
    ]
    raw = read(opened(polygon(days)))  # clocks were set forward on the eighth
    assert raw.table["t"].to_pylist() == ["2020-03-06", "2020-03-09", "2020-03-10"]
    assert "midnight in New York" in raw.doubts[0]


def test_yahoo_chart(opened):
    opening = [
        pd.Timestamp(day, tz="America/New_York").value // 10**9 for day in ("2020-03-06 09:30", "2020-03-09 09:30")
    ]
    quote = {name: [bar[at] for bar in BARS[:2]] for name, at in OHLC.items()}
    meta = {"symbol": "AAPL", "exchangeTimezoneName": "America/New_York", "dataGranularity": "1d"}
    indicators = {"quote": [quote], "adjclose": [{"adjclose": [1.0, None]}]}
    chart = {"chart": {"result": [{"meta": meta, "timestamp": opening, "indicators": indicators}], "error": None}}
    raw = read(opened(chart))
    assert raw.table["time"].to_pylist() == ["2020-03-06", "2020-03-09"]
    assert raw.table["adjclose"].to_pylist() == [1.0, None]
    assert raw.symbol == "AAPL"
    meta["dataGranularity"] = "5m"
    assert read(opened(chart)).table["time"].to_pylist() == opening


FRAME = pd.DataFrame(
    {name.title(): [bar[at] for bar in BARS] for name, at in OHLC.items()},
    index=pd.DatetimeIndex(pd.date_range("2020-01-01", periods=3, unit="ns"), name="Date"),
)


EPOCHS = FRAME.set_axis(FRAME.index.astype("datetime64[ms]").astype("int64").rename("Date"))


@pytest.mark.parametrize("orient", ["columns", "index", "split", "table"])
def test_pandas_with_an_index_of_times(orient, opened):
    name = "Date" if orient == "table" else "time"
    raw = read(opened(FRAME.to_json(orient=orient, date_format="iso")))
    assert pd.Timestamp(raw.table[name][0].as_py()).tz_localize(None) == pd.Timestamp("2020-01-01")
    check(raw, name, raw.table[name][0].as_py())
    raw = read(opened(EPOCHS.to_json(orient=orient)))
    assert int(raw.table[name][0].as_py()) == MS
    check(raw, name, raw.table[name][0].as_py())


@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "table"])
def test_pandas_with_a_column_of_times(orient, opened):
    raw = read(opened(FRAME.reset_index().to_json(orient=orient, date_format="iso")))
    check(raw, "Date", "2020-01-01T00:00:00.000")


def test_pandas_values_are_lists(opened):
    values = EPOCHS.assign(Volume=1.0).reset_index().to_json(orient="values")
    check(read(opened(values)), "time", MS)


def test_rows_columns_and_lines(opened):
    names = ["time", *OHLC]
    objects = [dict(zip(names, [MS + at, *bar], strict=True)) for at, bar in enumerate(BARS)]
    check(read(opened(objects)), "time", MS)
    check(read(opened({name: [row[name] for row in objects] for name in names})), "time", MS)
    check(read(opened({"data": {"items": objects}, "next": None})), "time", MS)
    lines = opened("\n".join(map(json.dumps, objects)) + "\n")
    assert Json().recognise(lines) == "JSON lines"
    check(read(lines), "time", MS)
    check(read(opened("\ufeff" + json.dumps(objects))), "time", MS)
    check(read(opened(json.dumps(objects).encode("utf-16"))), "time", MS)


def test_several_instruments_ask_for_one(opened):
    bars = [{"t": "2020-01-02T00:00:00Z", "o": 1, "h": 2, "l": 1, "c": 2, "v": 3}]
    body = {"bars": {"AAPL": bars, "MSFT": [{**bars[0], "c": 1.5}]}}
    with pytest.raises(DataError, match=r"2 instruments \(AAPL, MSFT\); say symbol='AAPL'"):
        read(opened(body))
    raw = read(opened(body, symbol="MSFT"))
    assert (raw.symbol, raw.table["c"].to_pylist()) == ("MSFT", [1.5])
    closes = [{"date": f"2020-01-0{at}", "AAPL": 75.1, "MSFT": 160.2} for at in range(1, 5)]
    assert read(opened(closes, symbol="MSFT")).table["close"].to_pylist() == [160.2] * 4


def test_coingecko_shares_its_times(opened):
    body = {"prices": [[MS, 1.5], [MS + 1, 2.5]], "total_volumes": [[MS, 9.0], [MS + 1, 8.0]]}
    raw = read(opened(body))
    assert raw.table.to_pydict() == {"time": [MS, MS + 1], "close": [1.5, 2.5], "rolling_volume": [9.0, 8.0]}
    assert "24 hours" in raw.doubts[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[{"time": 1577836800000, "close": 1.0}, {"time": 15', "no valid JSON.*cut short"),
        ('{"close": [1.0, 2.0], "time": [1, 2],}', "no valid JSON.*line 1"),
        ("[" * 5000, "no valid JSON|nested too deeply"),
        ("[" * 200_000 + "]" * 200_000, "nested too deeply|no valid JSON"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply|no valid JSON"),
        ('[{"time": 1577836800000, "close": 1.0, "close": 2.0}]', "key 'close' twice"),
        ('{"2020-01-02": {"close": 1}, "2020-01-02": {"close": 2}}', "key '2020-01-02' twice"),
        (f'[{{"time": {"9" * 5000}, "close": 1.0}}]', "number that cannot be read"),
        ('[{"time": 1577836800000, "close": 1.0}, 7]', "item 2 is '7'"),
        ('{"time": [1577836800000], "close": [1.0, 2.0]}', "different lengths"),
        ("[settings]\nopen = 1\n", "no valid JSON"),
        ('{"name": "research", "version": [1, 2]}', "no rows or columns of times and prices"),
    ],
)
def test_what_cannot_be_read_gets_a_sentence(text, sentence, opened):
    source = opened(text)
    assert Json().recognise(source) is not None
    with pytest.raises(DataError, match=sentence) as error:
        list(Json().read(source))
    assert len(str(error.value)) < 600


def test_no_number_is_an_empty_cell_and_infinity_stays(opened):
    raw = read(opened('[{"time": 1577836800000, "close": NaN}, {"time": 1577836860000, "close": Infinity}]'))
    assert raw.table["close"].to_pylist() == [None, np.inf]
    assert "NaN" in raw.doubts[0]


def test_integers_beyond_64_bits_stay_exact_as_text(opened):
    raw = read(opened([{"time": MS, "close": 2.5, "volume": 2**70}]))
    assert raw.table["volume"].to_pylist() == [str(2**70)]


@pytest.mark.parametrize("lines", [False, True])
def test_long_files_come_in_blocks_of_the_same_columns(lines, opened):
    many = [{"time": MS + at * 60_000, "close": 1 + at / 7, "name": "é" * (30 + at % 3)} for at in range(6_000)]
    many[3_500]["late"] = 1
    texts = [json.dumps(row, ensure_ascii=False) for row in many]
    source = opened("\n".join(texts) if lines else "[" + ",\n ".join(texts) + "]\n")
    assert not source.whole
    raws = list(Json(block_rows=2_500).read(source))
    assert [raw.table.num_rows for raw in raws] == [2_500, 2_500, 1_000]
    assert {tuple(raw.table.column_names) for raw in raws} == {("time", "close", "name")}
    together = [cell for raw in raws for cell in raw.table["close"].to_pylist()]
    assert together == [row["close"] for row in many]
    assert raws[-1].bytes_read == len(source.load())


def test_long_lists_keep_the_layout_of_the_first_block(opened):
    flat = [[MS + at, 10.0625, 10.0625, 10.0625, 10.0625, 1.0] for at in range(9_000)]
    candles = rows("ochl") + [[row[0] + 10**6, *row[1:]] for row in flat]
    raws = list(Json(block_rows=5_000).read(opened(candles)))
    assert [raw.table.column_names[:4] for raw in raws] == [["time", "open", "close", "high"]] * 2


@pytest.mark.parametrize("ending", ["", ", ", ', {"time": 1', "] x", ",, {}]", '{"time": 1}]', ", 7]"])
def test_long_files_that_end_badly_are_refused(ending, opened):
    texts = [json.dumps({"time": MS + at, "close": 1.5, "filler": "x" * 80}) for at in range(3000)]
    source = opened("[" + ",".join(texts) + ending)
    assert not source.whole
    with pytest.raises(DataError, match=r"cut short or damaged|no valid JSON|no lists or objects"):
        list(Json().read(source))


def test_a_row_without_end_is_not_read_to_the_end(opened):
    source = opened('[{"time": 1577836800000, "close": 1.5}, {"time": 1577836800000, "close": [' + "1," * 3_000_000)
    with pytest.raises(DataError, match=r"does not end|cut short"):
        list(Json().read(source))


def test_the_head_alone_is_enough_to_recognise(opened):
    long = {"Meta Data": {"2. Symbol": "X"}, "Time Series (Daily)": {
        str(day.date()): {"4. close": "1.0"} for day in pd.date_range("1990-01-01", periods=12_000)}}  # fmt: skip
    source = opened(long)
    assert not source.whole
    head_only = replace(source, load=None, chunks=None)
    assert Json().recognise(head_only) == "JSON of Alpha Vantage"
    assert read(source).table.num_rows == 12_000
    columns = {"time": list(range(MS, MS + 90_000)), "close": [1.5] * 90_000}
    assert Json().recognise(replace(opened(columns), load=None, chunks=None)) == "JSON"
    assert read(opened(columns)).table.num_rows == 90_000


def nested(leaves, keys, size):
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=size) | st.dictionaries(keys, inner, max_size=size),
        max_leaves=20,
    )


PLAIN = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)


@settings(deadline=None)
@given(nested(PLAIN, st.text(max_size=4), 4), st.integers(1, 300))
def test_every_beginning_of_json_can_be_closed(value, at):
    text = json.dumps([value])
    json.loads(closed(text[:at]))
    assert json.loads(closed(text)) == [value]


KEYS = st.sampled_from(
    ["time", "close", "open", "results", "data", "t", "c", "price", "AAPL", "chart", "prices", "columns"]
)
CELLS = (
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats() | st.sampled_from(["2020-01-02", "1", "x"])
)
VALUES = nested(CELLS, KEYS, 5)


@settings(deadline=None)
@given(st.lists(VALUES, max_size=4) | st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_json_is_read_or_refused_with_a_sentence(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("fuzz") / "x.json"
    path.write_text(json.dumps(value))
    source = open_source(path)
    assert Json().recognise(source) is not None
    try:
        raws = list(Json().read(source))
    except DataError:
        return
    assert all(raw.table.num_columns for raw in raws)


@pytest.mark.parametrize("text", ["", "Date,Close\n2020-01-02,1\n", "<html>", "\0\1", "# {"])
def test_what_is_no_json(text, opened):
    assert Json().recognise(opened(text)) is None


@pytest.mark.real_data
def test_json_as_published(shared_data):
    truth = json.loads((shared_data / "vendor-formats/TRUTH.json").read_text())["alphavantage_daily.json"]
    raw = read(open_source(shared_data / "vendor-formats/alphavantage_daily.json"))
    times = raw.table["time"].to_pylist()
    assert (len(times), f"{min(times)} 00:00:00", f"{max(times)} 00:00:00") == (
        truth["rows"], truth["first_utc"], truth["last_utc"])  # fmt: skip
    with pytest.raises(DataError, match="5 calls per minute"):
        read(open_source(shared_data / "vendor-formats/alphavantage_rate_limited.json"))
    assert HEAD_BYTES > 200_000
    for path in sorted((shared_data / "binance-json").iterdir()):
        first = json.loads(path.read_text())[0]
        raw = read(open_source(path))
        assert raw.table.slice(0, 1).to_pylist()[0]["high"] == first[2]
    for path in sorted((shared_data / "bitfinex/raw_json_2018-01-16").iterdir()):
        raw = read(open_source(Path(path)))
        high, low, close = (np.array(raw.table[name]) for name in ("high", "low", "close"))
        assert ((low <= close) & (close <= high)).all()
        assert raw.table["close"][0].as_py() == json.loads(path.read_text())[0][2]
