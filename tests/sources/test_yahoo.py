"""Yahoo through yfinance, against a server on this machine that answers as it does."""

import json
import time
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import yfinance
from vendor_server import DAY, HTML, NOW, Fault
from vendor_yahoo import Listing, Yahoo

from research_kit import sources
from research_kit.bars.exchanges import calendar_names
from research_kit.bars.timeframe import timeframe_ns
from research_kit.errors import DataError, NotFoundError, OptionError
from research_kit.sources.yahoo import _SESSIONS, INTERVALS

CHART = "/v8/finance/chart/"


def fetch(yahoo: Yahoo, patient, symbol: str = "AAPL", **changes) -> sources.Fetched:
    return sources.yfinance(symbol, **{"start": "2024-01-02", "settings": yahoo.settings, **patient, **changes})


def dates(fetched) -> list[date]:
    assert (fetched.bars.time_ns % (DAY * 1_000_000_000) == 0).all()
    return [stamp.date() for stamp in fetched.frame["time"]]


def weekdays(first: str, last: str) -> list[date]:
    return [stamp.date() for stamp in pd.bdate_range(first, last)]


# ---- bars ----------------------------------------------------------------------------------------------------------


def test_days_are_dates_and_todays_is_left_out(yahoo, patient):
    found = fetch(yahoo, patient)
    assert dates(found) == weekdays("2024-01-02", "2024-03-07")
    assert found.notes == ("The bar of 2024-03-08 had not ended yet and was left out.",)


def test_a_day_ends_at_the_exchanges_midnight(yahoo, patient, clock):
    for text, last in (("2024-03-09T04:59:59", 7), ("2024-03-09T05:00:00", 8)):
        clock.seconds = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        assert dates(fetch(yahoo, patient))[-1] == date(2024, 3, last)


def test_what_goes_with_the_bars(yahoo, patient):
    found = fetch(yahoo, patient, "aapl", end="2024-03-01")
    assert dates(found)[-1] == date(2024, 2, 29)
    assert (found.name, found.symbol, found.exchange) == ("AAPL 1d Yahoo", "AAPL", "NasdaqGS")
    assert found.options == {"symbol": "AAPL", "exchange": "NasdaqGS", "timeframe": "1d", "session": "XNAS"}
    assert json.loads(json.dumps(found.origin)) == {
        "library": "yfinance",
        "version": yfinance.__version__,
        "exchange": "NasdaqGS",
        "symbol": "AAPL",
        "timeframe": "1d",
        "since": "2024-01-02T00:00:00+00:00",
        "until": "2024-03-01T00:00:00+00:00",
        "timezone": "America/New_York",
        "currency": "USD",
        "adjusted": False,
        "prepost": False,
        "fetched_at": "2024-03-08T15:30:20+00:00",
    }
    assert found.notes == ()
    assert (found.bars.symbol, found.bars.session, found.bars.timeframe) == ("AAPL", "XNAS", "1d")


def test_prices_are_raw_unless_adjusted_ones_are_asked_for(yahoo, patient):
    yahoo.listings["AAPL"].paid = 0.9
    raw, adjusted = fetch(yahoo, patient), fetch(yahoo, patient, adjusted=True)
    names = ["time", "open", "high", "low", "close", "adj_close", "volume", "dividends", "stock_splits"]
    assert list(raw.frame) == names
    np.testing.assert_allclose(raw.frame["adj_close"], raw.frame["close"] * 0.9)
    assert list(adjusted.frame) == [name for name in names if name != "adj_close"]
    for name in ("open", "high", "low", "close"):
        np.testing.assert_allclose(adjusted.frame[name], raw.frame[name] * 0.9)
    assert adjusted.name == "AAPL 1d Yahoo adjusted"
    assert adjusted.origin["adjusted"] is True


@pytest.mark.parametrize("zone", ["Europe/London", "Asia/Tokyo", "Pacific/Auckland", "Africa/Cairo"])
def test_a_date_is_the_exchanges_also_where_its_midnight_is_another_day_in_utc(yahoo, patient, zone):
    """In Cairo, 28 April 2023 had no midnight: clocks went forward at it."""
    symbol = f"{zone[-5:].upper()}=X"  # yfinance keeps the zone of a symbol
    yahoo.listings[symbol] = Listing(zone=zone, kind="CURRENCY", exchange="CCY", full="CCY")
    found = fetch(yahoo, patient, symbol, start="2023-04-03", end="2024-03-08")
    assert dates(found) == weekdays("2023-04-03", "2024-03-07")
    assert found.notes == ()
    assert found.options["session"] == "24/5"


def test_what_pays_nothing_has_no_dividends(yahoo, patient):
    yahoo.listings["BTC-USD"] = Listing(zone="UTC", kind="CRYPTOCURRENCY", exchange="CCC", full="CCC", all_days=True)
    found = fetch(yahoo, patient, "BTC-USD")
    assert list(found.frame) == ["time", "open", "high", "low", "close", "volume"]
    assert dates(found) == [date(2024, 1, 2) + timedelta(days=at) for at in range(66)]
    assert found.bars.session == "24/7"


def test_weeks_and_months_wait_for_their_end(vendor, yahoo, patient, clock):
    fetch(yahoo, patient)
    vendor.asked.clear()
    weeks = fetch(yahoo, patient, interval="1wk", start="2024-01-03")
    (page,) = vendor.pages(CHART)
    assert datetime.fromtimestamp(int(page["period1"]), UTC) == datetime(2024, 1, 1, 5, tzinfo=UTC)  # a Monday
    assert dates(weeks)[0] == date(2024, 1, 8)  # that of 1 January opened before
    assert dates(weeks)[-1] == date(2024, 2, 26)
    assert weeks.bars.timeframe == "1w"
    months = fetch(yahoo, patient, interval="1mo", start="2023-01-03")
    assert dates(months)[-1] == date(2024, 2, 1)
    clock.seconds = datetime(2024, 3, 1, 4, 59, tzinfo=UTC).timestamp()  # still February in New York
    assert dates(fetch(yahoo, patient, interval="1mo", start="2023-01-03"))[-1] == date(2024, 1, 1)


def test_minutes_are_utc_and_come_in_weeks(vendor, yahoo, patient):
    found = fetch(yahoo, patient, interval="1m", start=None)
    assert found.frame["time"].iloc[-1] == pd.Timestamp("2024-03-08 15:29", tz="UTC")
    assert found.frame["time"].iloc[0] == pd.Timestamp("2024-02-07 15:41", tz="UTC")
    per_day = found.frame.groupby(found.frame["time"].dt.date).size()
    assert set(per_day.iloc[1:-1]) == {390}
    assert len(vendor.pages(CHART)) <= 6
    assert found.bars.timeframe == "1min"


def test_half_hours_have_no_empty_bars(yahoo, patient):
    found = fetch(yahoo, patient, interval="30m", start=None)
    assert found.notes == ("The bar of 2024-03-08 15:30 had not ended yet and was left out.",)
    assert set(found.frame.groupby(found.frame["time"].dt.date).size().iloc[1:-1]) == {13}


def test_bars_without_prices_are_left_out_and_counted(yahoo, patient):
    yahoo.listings["AAPL"].holes = ("2024-01-10", "2024-02-01")
    found = fetch(yahoo, patient, end="2024-03-01")
    assert found.notes == ("2 bars came without any price and were left out, the first of 2024-01-10.",)
    assert date(2024, 1, 10) not in dates(found)
    assert len(found.frame) == 41


def test_a_history_that_begins_later_is_said(yahoo, patient):
    found = fetch(yahoo, patient, start="2015-01-01", end="2024-01-01")
    assert found.notes == (
        "The first bar is of 2023-01-03, later than start=2015-01-01: Yahoo has no older bars of AAPL.",
    )
    assert fetch(yahoo, patient, start=None, end="2024-01-01").notes == ()


def test_a_whole_history_needs_no_start(yahoo, patient):
    assert dates(fetch(yahoo, patient, start=None))[0] == date(2023, 1, 3)


# ---- what yfinance users suffer from -------------------------------------------------------------------------------

PASSING = {
    "429": (Fault(429, "Too Many Requests", {"Retry-After": "33"}), 33.0),
    "429 without a time": (Fault(429, "Too Many Requests\r\n"), 1.0),
    "200 with the words of 429": (Fault(200, "Edge: Too Many Requests"), 1.0),
    "999, blocked": (Fault(999, HTML), 1.0),
    "500": (Fault(500, "{}"), 1.0),
    "503 with a page": (Fault(503, HTML), 1.0),
    "down": (Fault(200, HTML), 1.0),
    "cut off": (Fault(200, '{"chart": {"result": [', cut=True), 1.0),
    "cut off, with the right length": (Fault(200, '{"chart": {"result": ['), 1.0),
    "nothing": (Fault(200, ""), 1.0),
}


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.parametrize("before", [0, 1])  # the first request asks for the zone, the next one for bars
def test_a_failure_is_never_an_empty_table(vendor, yahoo, patient, clock, name, before):
    symbol = f"NEW{sorted(PASSING).index(name)}{before}"  # the zone of a symbol is asked for once
    yahoo.listings[symbol] = Listing()
    fault, wait = PASSING[name]
    vendor.faults, vendor.fault_on = [*[None] * before, fault], CHART
    assert dates(fetch(yahoo, patient, symbol)) == weekdays("2024-01-02", "2024-03-07")
    assert clock.slept == [wait]


def test_a_failed_answer_is_not_remembered(vendor, yahoo, patient):
    """yfinance keeps answers about the past in a cache, failed ones included."""
    fetch(yahoo, patient)
    vendor.faults, vendor.fault_on = [Fault(500, "{}")], CHART
    with pytest.raises(DataError, match="HTTP 500, after 1 try"):
        fetch(yahoo, patient, end="2024-02-01", tries=1)
    assert dates(fetch(yahoo, patient, end="2024-02-01")) == weekdays("2024-01-02", "2024-01-31")


def test_a_changed_history_is_seen_in_the_same_process(yahoo, patient):
    before = fetch(yahoo, patient, end="2024-02-01").bars.close
    yahoo.listings["AAPL"].split = 4.0
    np.testing.assert_allclose(fetch(yahoo, patient, end="2024-02-01").bars.close, before / 4)


def test_all_tries_failing_is_one_sentence(vendor, yahoo, patient, clock):
    vendor.faults, vendor.fault_on = [Fault(429, "Too Many Requests")] * 9, CHART
    with pytest.raises(DataError, match=r"^AAPL 1d from 2024-01-02 of Yahoo could not be fetched: .*, after 3 tries\."):
        fetch(yahoo, patient, tries=3)
    assert clock.slept == [1.0, 2.0]
    assert len(vendor.pages(CHART)) == 3  # yfinance alone would ask twice for each


def test_a_server_that_hangs_is_given_up_and_asked_again(vendor, yahoo, patient, clock):
    fetch(yahoo, patient)
    vendor.faults, vendor.fault_on = [Fault(200, "{}", hang=5.0)], CHART
    begun = time.monotonic()
    fetch(yahoo, {**patient, "timeout": 0.2})
    assert clock.slept == [1.0]
    assert time.monotonic() - begun < 4.0


def test_a_limit_on_the_crumb_alone_is_no_failure(vendor, yahoo, patient, clock):
    vendor.faults, vendor.fault_on = [Fault(429, "Too Many Requests")] * 3, "getcrumb"
    assert len(fetch(yahoo, patient).frame) == 48
    assert clock.slept == []


@pytest.mark.parametrize(
    ("symbol", "near"),
    [
        ("BRK.B", "Did you mean 'BRK-B'?"),
        ("BTC/USD", "Did you mean 'BTC-USD'?"),
        ("EURUSD", "Did you mean 'EURUSD=X'?"),
        ("NOPE", "Look it up at https://finance.yahoo.com/lookup."),
    ],
)
def test_a_bad_symbol_is_one_sentence_and_no_try(yahoo, patient, clock, symbol, near):
    with pytest.raises(NotFoundError, match="Yahoo knows no symbol") as caught:
        fetch(yahoo, patient, symbol)
    assert near in str(caught.value)
    assert clock.slept == []


@pytest.mark.parametrize("symbol", ["", "  ", None, 7, "US0378331005"])
def test_what_is_no_symbol_is_refused_unasked(vendor, yahoo, patient, symbol):
    with pytest.raises(NotFoundError):
        fetch(yahoo, patient, symbol)
    assert vendor.asked == []


def test_what_yahoo_refuses_is_in_its_words(vendor, yahoo, patient, clock):
    text = "1d data not available for you."
    vendor.routes[CHART] = lambda _: yahoo.refusal(422, "Unprocessable Entity", text)
    with pytest.raises(DataError, match=f"Yahoo refused OTHER 1d: {text}"):
        fetch(yahoo, patient, "OTHER")
    assert clock.slept == []


def test_a_page_that_forbids_is_a_refusal(vendor, yahoo, patient, clock):
    vendor.faults, vendor.fault_on = [Fault(403, HTML)], CHART
    with pytest.raises(DataError, match=r"Yahoo refused .* \(HTTP 403\)"):
        fetch(yahoo, patient)
    assert clock.slept == []


def test_an_empty_span_is_a_sentence(yahoo, patient):
    with pytest.raises(DataError, match=r"Yahoo has no complete bars of AAPL 1d in that span\."):
        fetch(yahoo, patient, start="2010-01-01", end="2011-01-01")
    with pytest.raises(DataError, match="no complete bars"):
        fetch(yahoo, patient, start="2024-03-08")


def test_an_answer_of_another_shape_is_a_sentence(vendor, yahoo, patient):
    fetch(yahoo, patient)
    result = {"meta": {"symbol": "AAPL"}, "timestamp": [NOW], "indicators": {"quote": [{"open": [1.0]}]}}
    vendor.routes[CHART] = lambda _: {"chart": {"result": [result], "error": None}}
    with pytest.raises(DataError, match=r"yfinance could not read Yahoo's answer about AAPL \(KeyError"):
        fetch(yahoo, patient)


def test_bars_of_another_length_are_refused(yahoo, patient):
    yahoo.listings["AAPL"].granularity = "1mo"
    with pytest.raises(DataError, match="Yahoo answered with bars of 1mo where 1d was asked for"):
        fetch(yahoo, patient)


def test_what_yahoo_no_longer_keeps_is_refused_unasked(vendor, yahoo, patient):
    with pytest.raises(OptionError, match=r"Yahoo keeps 15m bars for 60 days: .* the earliest is 2024-01-08 15:40"):
        fetch(yahoo, patient, interval="15m", start="2023-12-01")
    assert vendor.asked == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"interval": "5d"}, r"interval='5d' is not offered\."),
        ({"interval": "1mm"}, r"Did you mean '1m'"),
        ({"start": "2024-02-01", "end": "2024-02-01"}, "must be later than start"),
        ({"start": "2025-02-01"}, "must not lie ahead"),
        ({"settings": {"base_urn": "x"}}, r"no setting 'base_urn'. Did you mean 'base_url'\?"),
    ],
)
def test_wrong_arguments_are_named(yahoo, patient, changes, says):
    with pytest.raises(OptionError, match=says):
        fetch(yahoo, patient, **changes)


# ---- what is left behind -------------------------------------------------------------------------------------------


def test_yfinance_is_left_as_it_was(vendor, yahoo, patient):
    store = yfinance.data.YfData()
    session, request = store._session, store._session.request
    yfinance.config.debug.hide_exceptions = True
    fetch(yahoo, patient)
    with pytest.raises(NotFoundError):
        fetch(yahoo, patient, "NOPE")
    assert yfinance.data.YfData()._session is session
    assert session.request == request
    assert yfinance.config.debug.hide_exceptions is True


def test_a_fetch_that_failed_goes_on(vendor, yahoo, patient, tmp_path):
    fetch(yahoo, patient)
    vendor.faults, vendor.fault_on = [None, None, *[Fault(503)] * 2], CHART
    with pytest.raises(DataError, match="What came so far is kept"):
        fetch(yahoo, patient, interval="1m", start="2024-02-12", tries=2, cache=tmp_path)
    vendor.asked.clear()
    found = fetch(yahoo, patient, interval="1m", start="2024-02-12", cache=tmp_path)
    assert len(vendor.pages(CHART)) == 2
    whole = fetch(yahoo, patient, interval="1m", start="2024-02-12")
    pd.testing.assert_frame_equal(found.frame, whole.frame)


def test_every_interval_is_a_timeframe_and_every_session_a_calendar():
    assert all(timeframe_ns(name) > 0 for name in INTERVALS.values())
    assert set(_SESSIONS.values()) - {"24/7", "24/5"} <= calendar_names()
