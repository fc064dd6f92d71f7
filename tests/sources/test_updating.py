"""Updates: only what is new is fetched, and a history that changed is never joined in silence."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from vendor_exchanges import Binance, Market
from vendor_server import DAY, HOUR, NOW
from vendor_yahoo import Yahoo

from research_kit import sources
from research_kit.bars.frame import Bars
from research_kit.errors import DataError, OptionError

FIRST = NOW // DAY * DAY - 100 * DAY


@pytest.fixture
def binance(vendor, clock) -> Binance:
    return Binance(vendor, Market(clock, listed=FIRST - 1000 * DAY))


@pytest.fixture
def crypto(binance, patient):
    """Return hourly bars of an exchange, as they were fetched."""
    since = datetime.fromtimestamp(FIRST, UTC)
    return sources.ccxt("binance", "BTC/USDT", since=since, settings=binance.settings, **patient)


@pytest.fixture
def stock(yahoo, patient):
    """Return daily bars of Yahoo, as they were fetched."""
    return sources.yfinance("AAPL", start="2023-06-01", settings=yahoo.settings, **patient)


def stored(fetched) -> tuple[Bars, dict[str, object]]:
    """Return what comes back from a store."""
    return fetched.bars, json.loads(json.dumps(fetched.origin))


def test_an_exchange_is_asked_for_what_is_new_only(vendor, binance, crypto, patient, clock):
    vendor.asked.clear()
    clock.seconds += 30 * HOUR
    found = sources.update(*stored(crypto), settings=binance.settings, **patient)
    (page,) = vendor.pages("klines")
    assert int(page["startTime"]) // 1000 == crypto.bars.time_ns[-10] // 1_000_000_000
    assert (found.added, found.notes) == (30, ())
    since = datetime.fromtimestamp(FIRST, UTC)
    whole = sources.ccxt("binance", "BTC/USDT", since=since, settings=binance.settings, **patient)
    pd.testing.assert_frame_equal(found.frame, whole.frame)
    assert found.origin == whole.origin
    assert found.options == whole.options


def test_yahoo_is_asked_for_what_is_new_only(vendor, yahoo, stock, patient, clock):
    vendor.asked.clear()
    clock.seconds += 7 * DAY
    found = sources.update(*stored(stock), settings=yahoo.settings, **patient)
    (page,) = vendor.pages("chart")
    assert datetime.fromtimestamp(int(page["period1"]), UTC) == datetime(2024, 2, 23, 5, tzinfo=UTC)
    assert found.added == 5
    whole = sources.yfinance("AAPL", start="2023-06-01", settings=yahoo.settings, **patient)
    pd.testing.assert_frame_equal(found.frame, whole.frame)
    assert found.origin == whole.origin
    assert found.bars.session == "XNAS"


def test_nothing_new_is_no_row(binance, crypto, patient):
    found = sources.update(*stored(crypto), settings=binance.settings, **patient)
    assert found.added == 0
    pd.testing.assert_frame_equal(found.frame, crypto.frame)


def test_an_update_of_an_update(binance, crypto, patient, clock):
    for _ in range(3):
        clock.seconds += HOUR
        crypto = sources.update(*stored(crypto), settings=binance.settings, **patient)
        assert (crypto.added, crypto.notes) == (1, ())
    assert (np.diff(crypto.bars.time_ns) == HOUR * 1_000_000_000).all()
    assert crypto.origin["since"] == datetime.fromtimestamp(FIRST, UTC).isoformat()


def test_a_bar_that_had_not_ended_is_fetched_again(binance, crypto, patient, clock):
    """As others keep them: the running bar, with the close of that moment."""
    running = crypto.frame.iloc[[-1]].assign(time=crypto.frame["time"].iloc[-1] + pd.Timedelta("1h"), close=1.0, low=1)
    frame = pd.concat([crypto.frame, running], ignore_index=True)
    bars = Bars.from_frame(frame.set_index("time"), symbol="BTC/USDT")
    clock.seconds += 2 * HOUR
    found = sources.update(bars, crypto.origin, settings=binance.settings, **patient)
    assert found.notes == ("1 stored bar had not ended when fetched: fetched again.",)
    assert found.added == 2
    assert found.bars.close.min() > 1.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"split": 4.0}, "'open' of 10 of the last 10 stored bars: .* a factor of 0.25, as after a split or dividend"),
        ({"paid": 0.99}, "'adj_close' of 10 of the last 10 stored bars: .* a factor of 0.99"),
    ],
)
def test_an_adjusted_history_is_never_joined_in_silence(yahoo, stock, patient, clock, change, says):
    clock.seconds += 7 * DAY
    yahoo.listings["AAPL"] = replace(yahoo.listings["AAPL"], **change)
    with pytest.raises(DataError, match=rf"Yahoo now says otherwise about {says}.*Nothing was joined: say on_change="):
        sources.update(*stored(stock), settings=yahoo.settings, **patient)


def test_a_changed_history_is_fetched_anew_on_request(yahoo, stock, patient, clock):
    clock.seconds += 7 * DAY
    yahoo.listings["AAPL"].split = 4.0
    found = sources.update(*stored(stock), on_change="refetch", settings=yahoo.settings, **patient)
    whole = sources.yfinance("AAPL", start="2023-06-01", settings=yahoo.settings, **patient)
    pd.testing.assert_frame_equal(found.frame, whole.frame)
    assert found.notes[0].endswith("Everything was fetched anew.")
    assert found.origin["since"] == stock.origin["since"]


def test_a_changed_history_is_joined_on_request(yahoo, stock, patient, clock):
    clock.seconds += 7 * DAY
    yahoo.listings["AAPL"].split = 4.0
    found = sources.update(*stored(stock), on_change="keep", settings=yahoo.settings, **patient)
    assert found.notes[0].endswith("Both were joined nevertheless.")
    assert found.frame["close"].iloc[: len(stock.frame)].tolist() == stock.frame["close"].tolist()
    assert found.added == 5


def test_rounding_is_no_change(yahoo, stock, patient):
    yahoo.listings["AAPL"].paid = 1.0 + 5e-6
    assert sources.update(*stored(stock), settings=yahoo.settings, **patient).added == 0


def test_one_changed_bar_is_named(crypto, binance, patient):
    bars, origin = stored(crypto)
    close = bars.close.copy()
    close[-4] += 0.01
    other = Bars(bars.time_ns, {**bars.columns, "close": close})
    with pytest.raises(DataError, match="The exchange now says otherwise about 'close' of 1 of the last 10") as caught:
        sources.update(other, origin, settings=binance.settings, **patient)
    assert "2024-03-08 11:00" in str(caught.value)
    assert "factor" not in str(caught.value)


def test_a_bar_that_is_gone_is_a_contradiction(crypto, binance, patient):
    binance.market.holes = ((NOW // HOUR * HOUR - 5 * HOUR, NOW // HOUR * HOUR - 4 * HOUR),)
    with pytest.raises(DataError, match="no longer has 1 bar that is stored, the first of 2024-03-08 10:00"):
        sources.update(*stored(crypto), settings=binance.settings, **patient)


def test_what_is_harmless_is_noted_and_the_stored_stays(crypto, binance, patient):
    bars, origin = stored(crypto)
    kept = np.delete(np.arange(len(bars)), -3)
    volume = bars.volume.copy()
    volume[-2] *= 2
    columns = {**bars.columns, "volume": volume}
    other = Bars(bars.time_ns[kept], {name: column[kept] for name, column in columns.items()})
    found = sources.update(other, origin, settings=binance.settings, **patient)
    assert found.notes == (
        "The vendor now has 1 bar more among those that are stored: left out.",
        "The vendor revised the volume of 1 stored bar: the stored stays.",
    )
    np.testing.assert_array_equal(found.bars.volume, volume[kept])


def test_a_hole_that_cannot_be_closed_is_refused(vendor, yahoo, patient, clock):
    minutes = sources.yfinance("AAPL", interval="15m", settings=yahoo.settings, **patient)
    clock.seconds += 58 * DAY
    found = sources.update(*stored(minutes), settings=yahoo.settings, **patient)
    assert found.added > 1000
    clock.seconds += 3 * DAY
    vendor.asked.clear()
    with pytest.raises(OptionError, match=r"Yahoo keeps 15m bars only from .* on: there would be a hole"):
        sources.update(*stored(minutes), settings=yahoo.settings, **patient)
    assert vendor.asked == []


def test_a_new_column_of_capital_gains_does_not_make_old_rows_unknown(yahoo, stock, patient, clock):
    bars, origin = stored(stock)
    fewer = Bars(bars.time_ns, {name: column for name, column in bars.columns.items() if name != "stock_splits"})
    clock.seconds += 7 * DAY
    frame = sources.update(fewer, origin, settings=yahoo.settings, **patient).frame
    assert (frame["stock_splits"] == 0.0).all()


def test_what_cannot_be_updated_is_named(crypto):
    bars, origin = stored(crypto)
    filled = replace(bars, synthetic=np.arange(len(bars)) == 3)
    cases = [
        ((bars, {}), {}, "only what was fetched can be updated"),
        ((bars, {**origin, "library": "os"}), {}, "only what was fetched"),
        ((bars, origin), {"on_change": "joyn"}, "on_change='joyn'"),
        ((bars, origin), {"overlap": 0}, "overlap=0 must be 1 or more"),
        ((bars, origin), {"cash": "x"}, "no option 'cash'. Did you mean 'cache'"),
        ((filled, origin), {}, "Bars that were filled in"),
    ]
    for given, changes, says in cases:
        with pytest.raises(OptionError, match=says):
            sources.update(*given, **changes)
    with pytest.raises(DataError, match="None of these bars had ended"):
        sources.update(bars, {**origin, "fetched_at": "2020-01-01"})


def test_a_fresh_fetch_is_bars_that_yahoo_and_the_reader_agree_on(yahoo: Yahoo, stock):
    assert stock.added == len(stock.bars) == len(stock.frame)
