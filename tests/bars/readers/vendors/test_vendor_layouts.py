"""Each vendor's layout is told by its reader alone, and read as the vendor means it."""

from dataclasses import replace

import numpy as np
import pytest
from vendor_samples import NOBODYS, SAMPLES, Sample

from research_kit.bars.readers.containers import open_source
from research_kit.bars.readers.sniff import Hints
from research_kit.bars.readers.vendors.all import VENDORS
from research_kit.errors import DataError

MANY = 450


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("count", ["few", "many"])
def test_each_vendor_is_read_as_it_means_it(name, count, text_file, imported):
    sample: Sample = SAMPLES[name]
    rows = sample.least if count == "few" else MANY
    found = imported(text_file(sample.text(rows)), **({"timezone": sample.zone} if sample.zone else {}))
    bars = sample.bars(rows)
    assert found.reader.name == sample.vendor
    assert np.array_equal(found.time_ns, [bar.epoch * 10**9 for bar in bars])
    for column in ("open", "high", "low", "close"):
        assert np.allclose(found.columns[column], [getattr(bar, column) for bar in bars], rtol=0, atol=1e-9), column
    if sample.volume is None:
        assert "volume" not in found.columns
    else:
        assert np.allclose(found.columns["volume"], [sample.volume(bar) for bar in bars])
    assert found.symbol == sample.symbol
    assert set(sample.extras) <= set(found.columns)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("rows", [None, MANY])
def test_no_two_readers_claim_one_file(name, rows, text_file):
    source = open_source(text_file(SAMPLES[name].text(rows or SAMPLES[name].least)))
    assert [reader.name for reader in VENDORS if reader.recognise(source)] == [SAMPLES[name].vendor]


@pytest.mark.parametrize("name", NOBODYS)
def test_plain_text_is_nobodys(name, text_file):
    source = open_source(text_file(NOBODYS[name]))
    assert source.text is not None
    assert [reader.name for reader in VENDORS if reader.recognise(source)] == []


def test_every_reader_has_a_sample():
    assert {reader.name for reader in VENDORS} == {sample.vendor for sample in SAMPLES.values()}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sentence_names_vendor_and_layout(name, text_file):
    source = open_source(text_file(SAMPLES[name].text(MANY)))
    sentence = next(said for reader in VENDORS if (said := reader.recognise(source)))
    shown = "NinjaTrader" if name == "ninjatrader" else SAMPLES[name].vendor
    assert sentence.startswith(f"{shown} (text with ")
    assert sentence.partition("): ")[2].strip()
    assert "\n" not in sentence


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.zone])
def test_a_zone_that_cannot_be_known_is_asked_for(name, text_file, imported):
    with pytest.raises(DataError, match="carry no zone") as error:
        imported(text_file(SAMPLES[name].text(SAMPLES[name].least)))
    reader = next(reader for reader in VENDORS if reader.name == SAMPLES[name].vendor)
    question = next(reader.read(open_source(text_file(SAMPLES[name].text(60))))).zone_question
    assert question.rstrip(".") in str(error.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mt4", ["broker's server", "Europe/Athens", "HistData", "Etc/GMT+5"]),
        ("mt5", ["broker's server", "Europe/Athens"]),
        ("histdata", ["HistData", "Etc/GMT+5", "NinjaTrader", "UTC"]),
        ("ninjatrader", ["NinjaTrader", "UTC"]),
        ("finam", ["Europe/Moscow"]),
        ("stooq_minutes", ["Europe/Warsaw"]),
        ("barchart_latest", ["America/Chicago"]),
    ],
)
def test_the_question_names_the_likely_zones(name, words, text_file, imported):
    with pytest.raises(DataError) as error:
        imported(text_file(SAMPLES[name].text(60)))
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bitmex", "BitMEX stamps a bar with the time at which it ends"),
        ("ninjatrader", "NinjaTrader stamps a minute with its end"),
        ("histdata", "HistData with its beginning"),
        ("finam", "beginning or end"),
        ("yfinance_history", "auto_adjust"),
        ("yfinance_table", "auto_adjust"),
        ("mt5_python", "as if it were UTC"),
        ("bitfinex", "worked out from the prices"),
        ("coinbase_bare", "worked out from the prices"),
        ("cdd_dates", "this file itself does not say it"),
        ("excel", "1904"),
    ],
)
def test_what_is_doubtful_is_said(name, words, text_file, imported):
    sample = SAMPLES[name]
    found = imported(text_file(sample.text(60)), **({"timezone": sample.zone} if sample.zone else {}))
    assert words in found.doubts


@pytest.mark.parametrize(
    "name", ["yahoo", "yfinance_history_raw", "kraken", "cdd_unix", "cdd_hours_of_a_clock", "dukascopy"]
)
def test_there_is_no_doubt_where_all_is_known(name, text_file, imported):
    assert imported(text_file(SAMPLES[name].text(60))).doubts == ""


@pytest.mark.parametrize("name", SAMPLES)
def test_a_name_tells_nothing(name, text_file):
    text = SAMPLES[name].text(60)
    names = ("bars.csv", "BTCUSDT-1m-2024.csv", "DAT_ASCII_EURUSD_M1_2024.csv")
    sources = [open_source(text_file(text, called)) for called in names]
    answers = [[reader.recognise(source) for reader in VENDORS] for source in sources]
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("name", ["mt5", "stooq", "binance_futures", "yahoo", "fxcm", "dukascopy_local", "ib_api"])
def test_the_users_columns_win(name, text_file, imported):
    sample = SAMPLES[name]
    header = open_source(text_file(sample.text(5))).text.header
    close, high = (next(n for n in header if part in n.lower()) for part in ("close", "high"))
    options = {"timezone": sample.zone} if sample.zone else {}
    found = imported(text_file(sample.text(5)), columns={"close": high, "high": close}, **options)
    assert np.allclose(found.columns["close"], [bar.high for bar in sample.bars(5)])


@pytest.mark.parametrize("name", ["binance_ms", "kraken", "mt4", "histdata", "bitfinex"])
def test_columns_by_position_win(name, text_file, imported):
    sample = SAMPLES[name]
    width = open_source(text_file(sample.text(60))).text.width
    by_date = ("date", "time") if name == "mt4" else ("time",)
    given = (*by_date, "close", *[""] * (width - len(by_date) - 1))
    found = imported(text_file(sample.text(60)), columns=given, timezone=sample.zone or "UTC")
    assert set(found.columns) == {"close"}
    assert np.allclose(found.columns["close"], [bar.open for bar in sample.bars(60)])


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.above])
@pytest.mark.parametrize("more", [-1, 1])
def test_a_header_of_another_width_is_left_to_the_generic_reader(name, more, text_file):
    sample = SAMPLES[name]
    separator = next(sign for sign in "\t;," if sign in sample.above)
    lines = sample.text(60).splitlines()
    at = sample.above.count("\n") - 1
    lines[at] = lines[at].rpartition(separator)[0] if more < 0 else f"{lines[at]}{separator}More"
    source = open_source(text_file("\n".join(lines)))
    assert [reader.name for reader in VENDORS if reader.recognise(source)] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_what_the_head_tells_holds_for_all_blocks(name, text_file):
    content = SAMPLES[name].text(200).encode()
    whole = open_source(text_file(content))
    pieces = [(content[at : at + 997], at + 997) for at in range(0, len(content), 997)]
    reader = next(reader for reader in VENDORS if reader.recognise(whole))
    (one,) = reader.read(whole)
    several = list(reader.read(replace(whole, chunks=lambda: iter(pieces))))
    assert len(several) > 3
    assert sum(raw.table.num_rows for raw in several) == one.table.num_rows
    assert sum(raw.ragged for raw in several) == one.ragged == 0
    for raw in several:
        assert raw.table.column_names == one.table.column_names
        assert (raw.roles, raw.timezone, raw.symbol) == (one.roles, one.timezone, one.symbol)
    assert several[-1].doubts == one.doubts  # a line below the table is the last block's


def test_packed_and_blank_lines_and_line_ends(text_file, imported):
    import gzip

    text = SAMPLES["mt5"].text(30).replace("\n", "\r\n") + "\r\n\r\n"
    found = imported(text_file(gzip.compress(text.encode())), timezone="Europe/Athens")
    assert len(found.time_ns) == 30
    assert found.sentence.endswith("packed with gzip")


def test_hints_reach_the_reader(text_file):
    path = text_file(SAMPLES["yahoo"].text(5).replace(",", "|"))
    assert VENDORS[0].recognise(open_source(path, Hints(delimiter="|"))) is None
    assert any(reader.recognise(open_source(path, Hints(delimiter="|"))) for reader in VENDORS)
