"""Ticks become bars: worked by hand, by a slow second implementation, in blocks and at once, and real ones."""

import gzip
import json
from collections import defaultdict
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.bars.columns.tick_names import named_as_bars, recognise_ticks, tick_roles
from research_kit.bars.columns.ticks import (
    are_regular,
    bars_of_quotes,
    bars_of_trades,
    combine,
    quote_bars,
    trade_bars,
)
from research_kit.bars.readers.containers import open_source
from research_kit.bars.readers.json_text import Json
from research_kit.bars.readers.sniff import Hints
from research_kit.bars.readers.tick_text import TickText
from research_kit.bars.timeframe import DAY, HOUR, MINUTE, SECOND
from research_kit.errors import DataError, OptionError

PRICES = st.floats(min_value=-10, max_value=1e6, allow_nan=False)
VOLUMES = st.one_of(st.floats(min_value=0, max_value=1e12), st.sampled_from([0.1, 0.2, 1e-8, 1e300, 5e-324, np.nan]))
TRADES = st.lists(st.tuples(st.integers(-150, 150), PRICES, VOLUMES), min_size=1, max_size=60)


def arrays(ticks):
    time, *columns = zip(*ticks, strict=True)
    return np.array(time, dtype=np.int64), *(np.array(column, dtype=np.float64) for column in columns)


def same_bytes(one, other):
    assert one[0].tobytes() == other[0].tobytes()
    assert {name: column.tobytes() for name, column in one[1].items()} == {
        name: column.tobytes() for name, column in other[1].items()
    }


def slow_bars(ticks, step):
    """Second implementation: one tick after the other, sums as fractions."""
    groups = defaultdict(list)
    for tick in sorted(ticks, key=lambda tick: tick[0]):
        day = tick[0] // DAY * DAY
        groups[day + (tick[0] - day) // step * step].append(tick)
    out = []
    for label, rows in sorted(groups.items()):
        prices = [row[1] for row in rows]
        known = all(np.isfinite(row[2]) for row in rows)
        volume = float(sum(Fraction(row[2]) for row in rows)) if known else np.nan
        out.append((label, prices[0], max(prices), min(prices), prices[-1], volume, len(rows)))
    return out


def test_trades_by_hand():
    time = np.array([9 * HOUR + 59 * SECOND, 9 * HOUR, 9 * HOUR + 2 * MINUTE, 9 * HOUR + 30 * SECOND])
    price, size = np.array([101.0, 100.0, 99.0, 102.0]), np.array([0.1, 0.2, 5.0, 0.3])
    labels, columns = bars_of_trades(time, price, size, MINUTE)
    assert labels.tolist() == [9 * HOUR, 9 * HOUR + 2 * MINUTE]  # nothing was traded in the minute between
    assert columns["open"].tolist() == [100, 99]
    assert columns["high"].tolist() == [102, 99]
    assert columns["low"].tolist() == [100, 99]
    assert columns["close"].tolist() == [101, 99]
    assert columns["volume"].tolist() == [0.6, 5.0]
    assert columns["trades"].tolist() == [3, 1]


def test_ticks_of_one_time_keep_the_order_of_the_file():
    time, price = np.array([5, 5, 5]), np.array([3.0, 1.0, 2.0])
    _, columns = bars_of_trades(time, price, None, 10)
    assert (columns["open"][0], columns["close"][0]) == (3.0, 2.0)
    assert "volume" not in columns
    parts = [trade_bars(time[at : at + 1], price[at : at + 1], None, 10) for at in range(3)]
    same_bytes(combine(parts).bars(), bars_of_trades(time, price, None, 10))


def test_blocks_of_an_unsorted_file_overlap():
    time, price = np.array([0, 9, 5, 3]), np.array([1.0, 4.0, 3.0, 2.0])
    parts = [trade_bars(time[piece], price[piece], None, 10) for piece in (slice(0, 2), slice(2, 4))]
    assert combine(parts).bars()[1]["close"].tolist() == [4.0]
    assert combine(parts[::-1]).bars()[1]["open"].tolist() == [1.0]


def test_bars_begin_at_midnight_of_each_day():
    labels, _ = bars_of_trades(np.array([DAY - 1, DAY + 1]), np.ones(2), None, 7 * HOUR)
    assert labels.tolist() == [21 * HOUR, DAY]


@settings(deadline=None)
@given(TRADES, st.sampled_from([1, 7, 100, 1000]))
def test_trades_equal_a_slow_second_implementation(ticks, step):
    labels, columns = bars_of_trades(*arrays(ticks), step)
    expected = slow_bars(ticks, step)
    assert labels.tolist() == [row[0] for row in expected]
    for at, name in enumerate(("open", "high", "low", "close"), start=1):
        assert columns[name].tolist() == [row[at] for row in expected]
    np.testing.assert_allclose(columns["volume"], [row[5] for row in expected], rtol=3e-16)
    assert columns["trades"].tolist() == [row[6] for row in expected]


@settings(deadline=None)
@given(TRADES, st.lists(st.integers(0, 60), max_size=5), st.sampled_from([7, 100]))
def test_blocks_give_the_bytes_of_the_whole(ticks, cuts, step):
    time, price, size = arrays(ticks)
    edges = [0, *sorted(min(cut, len(ticks)) for cut in cuts), len(ticks)]
    pieces = [slice(*edge) for edge in pairwise(edges)]
    whole = bars_of_trades(time, price, size, step)
    parts = [trade_bars(time[piece], price[piece], size[piece], step) for piece in pieces]
    same_bytes(combine(parts).bars(), whole)
    stepwise = parts[0]
    for part in parts[1:]:
        stepwise = combine([stepwise, part])
    same_bytes(stepwise.bars(), whole)
    quotes = [quote_bars(time[piece], price[piece], size[piece], step) for piece in pieces]
    same_bytes(combine(quotes).bars(), bars_of_quotes(time, price, size, step))


@settings(deadline=None)
@given(TRADES, st.randoms(use_true_random=False))
def test_volume_does_not_depend_on_the_order_of_the_file(ticks, random):
    shuffled = list(ticks)
    random.shuffle(shuffled)
    one, other = bars_of_trades(*arrays(ticks), 100)[1], bars_of_trades(*arrays(shuffled), 100)[1]
    for name in ("high", "low", "volume", "trades"):
        assert one[name].tobytes() == other[name].tobytes()


def test_volumes_that_plain_addition_would_lose():
    size = np.array([1e16, 1.0, 1.0])
    assert bars_of_trades(np.arange(3), np.ones(3), size, 10)[1]["volume"].tolist() == [1e16 + 2]
    assert bars_of_trades(np.arange(2), np.ones(2), np.array([-1.5, 1.0]), 10)[1]["volume"].tolist() == [2.5]


def test_quotes_are_the_bid_with_the_ask_beside_it():
    nan = np.nan
    time = np.array([0, 10, 20, 70, 130])
    labels, columns = bars_of_quotes(time, np.array([1.0, nan, 1.3, nan, 1.1]), np.array([1.5, 1.4, nan, 1.6, nan]), 60)
    assert labels.tolist() == [0, 120]  # in the second minute nobody bid
    assert columns["open"].tolist() == [1.0, 1.1]
    assert columns["close"].tolist() == [1.3, 1.1]
    assert columns["ask_open"].tolist()[0] == 1.5
    assert columns["ask_close"].tolist()[0] == 1.4
    assert np.isnan(columns["ask_high"][1])
    assert columns["quotes"].tolist() == [2, 1]


def test_no_ticks_give_no_bars():
    none = np.empty(0)
    labels, columns = bars_of_trades(np.empty(0, dtype=np.int64), none, none, MINUTE)
    assert len(labels) == 0
    assert all(len(column) == 0 for column in columns.values())


def test_steps_and_parts_that_cannot_be():
    with pytest.raises(OptionError, match=r"at most a day.*resample"):
        bars_of_trades(np.array([0]), np.ones(1), None, 2 * DAY)
    with pytest.raises(DataError, match="3 times and 2 values"):
        bars_of_trades(np.arange(3), np.ones(2), None, 5)
    trade, quote = trade_bars(np.array([0]), np.ones(1), None, 5), quote_bars(np.array([0]), np.ones(1), np.ones(1), 5)
    with pytest.raises(DataError, match="all trades or all quotes"):
        combine([trade, quote])
    with pytest.raises(DataError, match="no bars"):
        combine([])


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["id", "price", "qty", "quote_qty", "time", "is_buyer_maker"], "trades"),
        (["DATE", "TIME", "TICKER", "PRICE", "SIZE", "CONDITION"], "trades"),
        (["<DATE>", "<TIME>", "<BID>", "<ASK>", "<LAST>", "<VOLUME>", "<FLAGS>"], "quotes"),
        (["timestamp", "price", "size", "bid", "ask"], "trades"),
        (["ts_event", "bid_px_00", "ask_px_00"], "quotes"),
        (["time", "open", "high", "low", "close", "volume", "bid", "ask"], ""),
        (["Date", "Close", "Volume"], ""),
        (["snapped_at", "price", "market_cap", "total_volume"], ""),
        (["Date", "Open", "High", "Low", "Last", "Volume"], ""),
    ],
)
def test_names_tell_trades_from_quotes_and_bars(names, kind):
    assert recognise_ticks(names) == kind


def test_roles_of_ticks():
    binance = ["update_id", "best_bid_price", "best_bid_qty", "best_ask_price", "best_ask_qty", "transaction_time"]
    assert tick_roles(binance)["time"] == "transaction_time"
    assert "time" not in tick_roles(["timestamp", "event_time", "bid", "ask"])
    assert tick_roles(["time", "open", "high", "low", "close"]) == {}
    assert named_as_bars(["time", "amount", "price"]) == ("time", "volume", "close")


def test_times_of_bars_are_regular_and_those_of_ticks_are_not():
    assert are_regular(np.array([0, 1, 2, 3, 10]) * DAY)
    assert not are_regular(np.array([0, 3, 5, 6, 100]) * SECOND)


def test_text_of_trades_without_a_header(text_file):
    kraken = open_source(text_file("1672531436,90.540000,1.10448420\n1672531471,90.450000,1.00000000\n"))
    assert "trades of Kraken" in TickText().recognise(kraken)
    raw = next(TickText().read(kraken))
    assert (raw.ticks, raw.table.column_names) == ("trades", ["time", "price", "volume"])
    line = "1234,16850.5,0.01,168.505,1672531200000,{0},True\n"
    binance = open_source(text_file(line.format("True") + line.format("False")))
    raw = next(TickText().read(binance))
    assert raw.roles == {"close": "price", "volume": "volume"}
    assert raw.table["time"][0].as_py() == 1672531200000


def test_text_of_ticks_with_a_header(text_file):
    quotes = open_source(text_file("Gmt time,Ask,Bid,AskVolume,BidVolume\n01.02.2015 22:00:00.123,1.2,1.1,1,2\n"))
    assert "quotes: 'Bid' is the bid, 'Ask' is the ask" in TickText().recognise(quotes)
    assert next(TickText().read(quotes)).roles["close"] == "Bid"
    daily = open_source(text_file("Date,Price,Volume\n2020-01-02,10.5,100\n2020-01-03,10.6,200\n"))
    assert TickText().recognise(daily) is None
    bars = open_source(text_file("Date,Open,High,Low,Close,Volume\n2020-01-02,1,2,1,2,100\n2020-01-03,1,2,1,2,200\n"))
    assert TickText().recognise(bars) is None


@pytest.mark.real_data
def test_the_same_trades_in_two_containers_give_the_same_bars(shared_data):
    folder = shared_data / "freqtrade"
    raws = [*Json().read(open_source(folder / "XRP_ETH-trades.json.gz"))]
    assert {raw.ticks for raw in raws} == {"trades"}
    parts = [
        trade_bars(
            raw.table["timestamp"].to_numpy() * 1_000_000, raw.table["price"].to_numpy(),
            raw.table["amount"].to_numpy(), HOUR,
        )
        for raw in raws
    ]  # fmt: skip
    table = pq.read_table(folder / "XRP_ETH-trades.parquet")
    assert recognise_ticks(table.column_names) == "trades"
    time, price, amount = (table[name].to_numpy() for name in ("timestamp", "price", "amount"))
    whole = bars_of_trades(time * 1_000_000, price, amount, HOUR)
    same_bytes(combine(parts).bars(), whole)
    rows = json.loads(gzip.decompress((folder / "XRP_ETH-trades.json.gz").read_bytes()))
    slow = slow_bars([(row[0] * 1_000_000, row[4], row[5]) for row in rows], HOUR)
    assert [row[4] for row in slow] == whole[1]["close"].tolist()
    assert whole[1]["trades"].sum() == len(rows) == 12477


@pytest.mark.real_data
def test_trades_and_quotes_as_published(shared_data):
    kraken = open_source(shared_data / "freqtrade/BCHEUR.csv")
    raw = next(TickText().read(kraken))
    assert raw.ticks == "trades"
    assert raw.table.num_rows == len((shared_data / "freqtrade/BCHEUR.csv").read_text().splitlines())
    names = ("date", "time", "", "", "bid", "ask", "bid_size", "ask_size")  # the header is one name short
    quotes = open_source(shared_data / "backtrader/bidask2.csv", Hints(names=names))
    raw = next(TickText().read(quotes))
    assert raw.ticks == "quotes"
    bid, ask = raw.table.column(4), raw.table.column(5)
    assert bid.null_count + ask.null_count >= raw.table.num_rows  # each line has one side
    ticksample = open_source(shared_data / "backtrader/ticksample.csv")
    assert TickText().recognise(ticksample) is None  # named as bars, though each is one trade
