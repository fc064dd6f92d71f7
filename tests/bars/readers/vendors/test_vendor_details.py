"""What is particular to one vendor: footers, levels of headers, volumes, and orders seen in the prices."""

import numpy as np
import pytest
from vendor_samples import SAMPLES, some_bars

from research_kit.bars.readers.containers import open_source
from research_kit.bars.readers.vendors.all import VENDORS
from research_kit.bars.readers.vendors.order import fits_order, is_certain_order
from research_kit.bars.readers.vendors.stocks import YFinanceTable
from research_kit.errors import DataError

OCHL = ("time", "open", "close", "high", "low", "volume")


def claimed_by(path):
    source = open_source(path)
    return [reader.name for reader in VENDORS if reader.recognise(source)]


def in_order(*names, count=80, unit=1000):
    return "".join(f"{bar.epoch * unit},{bar.columns(*names)},{bar.volume}\n" for bar in some_bars(count))


class TestYFinanceTable:
    ROWS = "2024-01-02,{0}.1,{0}.2,{0}.3,{0}.4\n2024-01-03,{0}.5,{0}.6,{0}.7,{0}.8\n"
    TWO = "Price,Close,Close,Volume,Volume\nTicker,AAPL,MSFT,AAPL,MSFT\nDate,,,,\n" + ROWS.format(1)

    @pytest.mark.parametrize(
        "above",
        [
            "Price,Close,Close,Volume,Volume\nTicker,AAPL,MSFT,AAPL,MSFT\nDate,,,,\n",
            ",Close,Close,Volume,Volume\n,AAPL,MSFT,AAPL,MSFT\nDate,,,,\n",
        ],
    )
    def test_one_of_several_instruments_is_picked(self, above, text_file, imported):
        found = imported(text_file(above + self.ROWS.format(1)), symbol="MSFT")
        assert (found.columns["close"].tolist(), found.columns["volume"].tolist()) == ([1.2, 1.6], [1.4, 1.8])
        assert found.symbol == "MSFT"
        assert "2 instruments: AAPL, MSFT" in found.sentence

    def test_grouped_by_ticker(self, text_file, imported):
        above = "Ticker,MSFT,MSFT,AAPL,AAPL\nPrice,Close,Volume,Close,Volume\nDatetime,,,,\n"
        found = imported(text_file(above + self.ROWS.format(1)), symbol="AAPL")
        assert (found.columns["close"].tolist(), found.columns["volume"].tolist()) == ([1.3, 1.7], [1.4, 1.8])

    def test_it_must_be_said_which_of_several(self, text_file, imported):
        with pytest.raises(DataError, match=r"2 instruments \(AAPL, MSFT\); say symbol='AAPL'"):
            imported(text_file(self.TWO))
        with pytest.raises(DataError, match=r"no instrument 'AAPPL'. Did you mean 'AAPL'"):
            imported(text_file(self.TWO), symbol="AAPPL")

    def test_the_instruments_are_listed(self, text_file):
        reader = next(reader for reader in VENDORS if isinstance(reader, YFinanceTable))
        assert reader.symbols(open_source(text_file(self.TWO))) == ("AAPL", "MSFT")
        assert reader.symbols(open_source(text_file("Date,Close\n2020-01-02,1\n2020-01-03,2\n"))) == ()

    def test_a_table_with_adjusted_closes_is_not_doubtful(self, text_file, imported):
        above = "Price,Adj Close,Low,Close,High\nTicker,A,A,A,A\nDate,,,,\n"
        found = imported(text_file(above + self.ROWS.format(1)))
        assert (found.columns["adj_close"][0], found.columns["close"][0], found.doubts) == (1.1, 1.3, "")

    @pytest.mark.parametrize(
        "above",
        [
            "a,Close,High,Low,Open\nb,A,A,A,A\nc,,,,\n",  # no index of dates
            "Price,Bid,Ask,Low,Open\nTicker,A,A,A,A\nDate,,,,\n",  # other fields
            "Price,Close,High,Low,Open\nDate,,,,\n",  # one level
            "Price,High,High,Low,Open\nTicker,A,A,A,A\nDate,,,,\n",  # no close
        ],
    )
    def test_other_headers_are_others(self, above, text_file):
        assert claimed_by(text_file(above + self.ROWS.format(1))) == []


class TestBarchart:
    def test_other_ragged_lines_are_not_hidden_by_the_footer(self, text_file, imported):
        text = SAMPLES["barchart"].text(20)
        cut = text.replace("\n03/20/2024", "\n03/15/2024,1.5\n03/20/2024")
        with pytest.raises(DataError, match="1 line with the wrong number of cells"):
            imported(text_file(cut))

    def test_a_file_without_its_footer(self, text_file, imported):
        text = SAMPLES["barchart"].text(20).rpartition('"Downloaded')[0]
        assert len(imported(text_file(text)).time_ns) == 20


class TestMetaTrader5:
    def test_the_volume_is_said(self, text_file, imported):
        ticks = imported(text_file(SAMPLES["mt5"].text(20)), timezone="UTC")
        assert "the number of ticks, since the traded volume is 0" in ticks.sentence
        assert not ticks.columns["traded_volume"].any()
        real = imported(text_file(SAMPLES["mt5_days_with_volume"].text(20)))
        assert "the traded volume is the volume" in real.sentence
        assert set(real.columns["ticks"]) == {5}


class TestInteractiveBrokers:
    def test_minus_one_is_no_volume(self, text_file, imported):
        found = imported(text_file(SAMPLES["ib_currency"].text(20)), timezone="UTC")
        assert set(found.columns) == {"open", "high", "low", "close"}
        assert "no volumes (-1" in found.sentence

    def test_one_real_volume_keeps_them_all(self, text_file, imported):
        text = SAMPLES["ib_currency"].text(20).replace("-1.0,-1.0,-1", "5.0,-1.0,-1", 1)
        assert imported(text_file(text), timezone="UTC").columns["volume"][0] == 5


class TestOrderOfPrices:
    def test_bitfinex_is_seen_in_its_prices(self, text_file, imported):
        found = imported(text_file(in_order("open", "close", "high", "low")))
        assert found.reader.name == "Bitfinex"
        assert np.allclose(found.columns["open"], [bar.open for bar in some_bars(80)])

    def test_newest_first_is_seen_as_well(self, text_file):
        rows = in_order("open", "close", "high", "low").splitlines()[::-1]
        assert claimed_by(text_file("\n".join(rows))) == ["Bitfinex"]

    @pytest.mark.parametrize(
        ("order", "count"),
        [
            (("open", "close", "high", "low"), 40),  # too few rows to be certain
            (("close", "open", "high", "low"), 80),  # open and close the other way round
            (("open", "high", "low", "close"), 80),  # the usual order
            (("open", "low", "high", "close"), 80),  # one that nobody writes
        ],
    )
    def test_what_is_not_certain_is_left_alone(self, order, count, text_file):
        assert claimed_by(text_file(in_order(*order, count=count))) == []

    def test_flat_bars_say_nothing(self, text_file):
        rows = "".join(f"{1_700_000_000_000 + 60_000 * at},5,5,5,5,1\n" for at in range(100))
        assert claimed_by(text_file(rows)) == []

    def test_two_rows_among_flat_ones_are_too_little(self, text_file):
        prices = ["5,5,5,5"] * 49 + ["5,9,9,5", "9,5,9,5"] + ["5,5,5,5"] * 49
        rows = "".join(f"{1_700_000_000_000 + 60_000 * at},{price},1\n" for at, price in enumerate(prices))
        assert claimed_by(text_file(rows)) == []

    def test_one_bad_row_makes_the_order_uncertain(self, text_file):
        rows = in_order("open", "close", "high", "low").splitlines()
        rows[7] = rows[7].rsplit(",", 2)[0] + ",999,1"  # a low above all
        assert claimed_by(text_file("\n".join(rows))) == []

    def test_uncertain_files_are_still_refused_with_the_likely_order(self, text_file, imported):
        with pytest.raises(DataError, match="The likely order is time, open, close, high, low"):
            imported(text_file(in_order("open", "close", "high", "low", count=40)))

    @pytest.mark.parametrize("name", ["kraken", "binance_ms", "mt4", "histdata"])
    def test_a_known_shape_with_swapped_prices_is_not_taken_for_the_vendor(self, name, text_file):
        sample = SAMPLES[name]
        separator = ";" if name == "histdata" else ","
        first = 2 if name == "mt4" else 1

        def swapped(line):
            cells = line.split(separator)
            cells[first + 1], cells[first + 2] = cells[first + 2], cells[first + 1]
            return separator.join(cells)

        text = "\n".join(map(swapped, sample.text(40).splitlines()))
        assert claimed_by(text_file(text)) == []

    def test_a_few_bad_rows_do_not_make_it_another_vendors(self, text_file):
        lines = SAMPLES["kraken"].text(100).splitlines()
        cells = lines[50].split(",")
        lines[50] = ",".join([cells[0], cells[1], "0.5", *cells[3:]])  # a high below all
        lines[60] = lines[60].replace(",", ",nan,", 1).rsplit(",", 1)[0]
        assert claimed_by(text_file("\n".join(lines))) == ["Kraken OHLCVT"]

    def test_the_rules_by_hand(self, text_file):
        text = open_source(text_file("1,10,12,9,11,5\n2,11,12,10,11,5\n")).text
        assert fits_order(text, ("time", "open", "high", "low", "close", "volume"))
        assert not fits_order(text, OCHL)
        assert not is_certain_order(text, OCHL)


class TestCryptoDataDownload:
    def test_the_first_volume_is_the_one_of_the_coin(self, text_file, imported):
        found = imported(text_file(SAMPLES["cdd_hours_of_a_clock"].text(20)))
        assert np.allclose(found.columns["quote_amount"], 100 * found.columns["volume"])
        assert "'volume_btc' is the volume" in found.sentence

    def test_without_dates_the_epoch_is_read(self, text_file, imported):
        rows = "".join(f"{bar.epoch},BTC/USD,{bar.ohlc},{bar.volume},9\n" for bar in some_bars(20))
        above = "https://www.cryptodatadownload.com\nunix,symbol,open,high,low,close,Volume BTC,Volume USD\n"
        found = imported(text_file(above + rows))
        assert (found.reader.name, found.time[0], found.doubts) == ("CryptoDataDownload", "2024-03-14T14:30:00", "")

    def test_the_banner_of_another_site_is_not_theirs(self, text_file):
        text = SAMPLES["cdd_unix"].text(20).replace("CryptoDataDownload.com", "example.com")
        assert claimed_by(text_file(text)) == []
