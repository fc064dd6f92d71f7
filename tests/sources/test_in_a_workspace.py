"""Fetched bars in the store: where they came from is kept, and an update makes a new version of what is new."""

from datetime import UTC, datetime

import pytest
from vendor_exchanges import Binance, Market
from vendor_server import DAY, HOUR, NOW

import research_kit as rk
from research_kit.errors import NotFoundError, OptionError

FIRST = NOW // DAY * DAY - 20 * DAY


@pytest.fixture
def ws(tmp_path):
    with rk.open_workspace(tmp_path) as workspace:
        yield workspace


def test_a_fetch_is_a_dataset_and_an_update_its_next_version(ws, vendor, clock, patient):
    exchange = Binance(vendor, Market(clock, listed=FIRST - 100 * DAY))
    since = datetime.fromtimestamp(FIRST, UTC)
    first = ws.fetch("ccxt", "binance", "BTC/USDT", since=since, settings=exchange.settings, **patient)
    assert (first.name, first.symbol, first.timeframe) == ("BTC/USDT 1h binance", "BTC/USDT", "1h")
    assert first.origin["library"] == "ccxt"
    assert "settings" not in first.origin
    same = ws.update(first, settings=exchange.settings, **patient)
    assert same.id == first.id
    clock.seconds += 30 * HOUR
    newer = ws.update("BTC/USDT 1h binance", settings=exchange.settings, **patient)
    assert (newer.name, newer.rows, newer.parent_id) == (first.name, first.rows + 30, first.id)
    assert ws.bars(newer).close[: first.rows].tolist() == ws.bars(first).close.tolist()
    assert list(ws.versions(newer)["version"]) == [2, 1]
    assert list((ws.folder / "fetching").rglob("*.parquet")) == []  # pages are kept only until a fetch is whole


def test_notes_of_a_fetch_are_in_the_report(ws, yahoo, patient):
    row = ws.fetch("yfinance", "AAPL", start="1950-01-01", settings=yahoo.settings, name="Apple", **patient)
    assert row.name == "Apple"
    assert [found.severity for found in row.quality.findings if found.name == "fetched"] != []


def test_what_is_no_source_is_refused(ws):
    with pytest.raises(OptionError, match=r"no source 'yfinanc'. Did you mean 'yfinance'"):
        ws.fetch("yfinanc", "SPY")
    with pytest.raises(NotFoundError):
        ws.update("SPY")


def test_what_was_imported_cannot_be_updated(ws, make_bars):
    row = ws.import_dataset(make_bars(10).frame, name="walk")
    with pytest.raises(OptionError, match="'walk' was not fetched from a vendor; import its newer file"):
        ws.update(row)
