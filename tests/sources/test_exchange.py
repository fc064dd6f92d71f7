"""Exchanges through ccxt, against a server on this machine that answers as they do."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import ccxt
import numpy as np
import pytest
from vendor_exchanges import Binance, Coinbase, Kraken, Market, bar
from vendor_server import DAY, HOUR, HTML, MINUTE, NOW, Answer, Fault

from research_kit import sources
from research_kit.errors import DataError, NotFoundError, OptionError

FIRST = NOW // DAY * DAY - 100 * DAY
SINCE = datetime.fromtimestamp(FIRST, UTC)


@pytest.fixture
def market(clock) -> Market:
    return Market(clock, listed=FIRST - 1000 * DAY)


@pytest.fixture
def binance(vendor, market) -> Binance:
    return Binance(vendor, market)


def opening_seconds(fetched) -> list[int]:
    return (fetched.bars.time_ns // 1_000_000_000).tolist()


def fetch(binance, patient, **changes):
    asked = {"timeframe": "1h", "since": SINCE, "settings": binance.settings, **patient, **changes}
    return sources.ccxt("binance", "BTC/USDT", **asked)


# ---- pages ---------------------------------------------------------------------------------------------------------


def test_all_complete_bars_come_and_no_other(vendor, binance, patient):
    found = fetch(binance, patient)
    expected = list(range(FIRST, NOW - HOUR + 1, HOUR))
    assert opening_seconds(found) == expected
    assert found.bars.close.tolist() == [bar(at, HOUR)[3] for at in expected]
    assert found.bars.volume.tolist() == [bar(at, HOUR)[4] for at in expected]
    assert [int(page["startTime"]) // 1000 for page in vendor.pages("klines")] == [
        *(FIRST, FIRST + 1000 * HOUR, FIRST + 2000 * HOUR)
    ]
    assert {page["limit"] for page in vendor.pages("klines")} == {"1000"}


def test_what_goes_with_the_bars(binance, patient):
    found = fetch(binance, patient, until="2024-02-01")
    assert (found.name, found.symbol, found.exchange) == ("BTC/USDT 1h binance", "BTC/USDT", "binance")
    assert found.options == {"symbol": "BTC/USDT", "exchange": "binance", "session": "24/7", "timeframe": "1h"}
    assert json.loads(json.dumps(found.origin)) == {
        "library": "ccxt",
        "version": ccxt.__version__,
        "exchange": "binance",
        "symbol": "BTC/USDT",
        "timeframe": "1h",
        "since": SINCE.isoformat(),
        "until": "2024-02-01T00:00:00+00:00",
        "fetched_at": "2024-03-08T15:30:20+00:00",
    }
    assert found.notes == ()
    assert found.added == len(found.frame) == len(found.bars)
    assert (found.bars.symbol, found.bars.timeframe, found.bars.session) == ("BTC/USDT", "1h", "24/7")
    assert str(found.frame["time"].dtype) == "datetime64[ns, UTC]"
    assert repr(found).startswith("Fetched(BTC/USDT 1h binance, ")


def test_keys_are_never_remembered_or_shown(vendor, binance, patient):
    keys = {**binance.settings, "apiKey": "my-key", "secret": "my-secret"}
    with pytest.raises(DataError, match="binance refused") as caught:  # with keys it asks for more than there is
        fetch(binance, patient, settings=keys)
    assert "signature" not in str(caught.value)
    vendor.routes["/sapi/"] = lambda _: []
    found = fetch(binance, patient, settings=keys)
    assert "my-" not in json.dumps([found.origin, found.options, found.notes])


def test_the_bar_that_has_not_ended_is_left_out_at_every_moment(binance, patient, clock):
    for seconds, last in ((NOW, 14), (NOW // HOUR * HOUR, 14), (NOW // HOUR * HOUR - 1, 13)):
        clock.seconds = seconds
        found = fetch(binance, patient, since="2024-03-08")
        assert opening_seconds(found)[-1] == NOW // DAY * DAY + last * HOUR


def test_a_month_may_have_31_days(binance, patient, clock):
    """A bar of February is kept from 3 March on, one of January from 1 February on: never too early."""
    for seconds, months in (("2024-03-02T23:59", 1), ("2024-03-03T00:00", 2)):
        clock.seconds = datetime.fromisoformat(seconds).replace(tzinfo=UTC).timestamp()
        assert len(fetch(binance, patient, timeframe="1mo", since="2024-01-01").bars) == months
    clock.seconds = NOW
    found = fetch(binance, patient, timeframe="1M", since="2023-01-01").frame["time"]
    assert [stamp.month for stamp in found] == [*range(1, 13), 1, 2]


def test_until_is_left_out(binance, patient):
    found = fetch(binance, patient, since="2024-01-01", until="2024-01-02")
    assert opening_seconds(found) == [int(datetime(2024, 1, 1, hour, tzinfo=UTC).timestamp()) for hour in range(24)]


def test_fewer_rows_than_asked_for_are_no_end(vendor, market, patient):
    binance = Binance(vendor, market, most=333)
    assert opening_seconds(fetch(binance, patient)) == list(range(FIRST, NOW - HOUR + 1, HOUR))
    assert len(vendor.pages("klines")) == 8


def test_a_server_that_repeats_rows_makes_no_duplicates(vendor, binance, patient):
    klines = binance.klines

    def repeating(query):
        return klines({**query, "startTime": str(int(query["startTime"]) - 3 * HOUR * 1000)})

    vendor.routes["/api/v3/klines"] = repeating
    assert opening_seconds(fetch(binance, patient)) == list(range(FIRST, NOW - HOUR + 1, HOUR))


def test_holes_stay_holes(vendor, market, binance, patient):
    market.holes = (
        (FIRST + 10 * HOUR, FIRST + 1500 * HOUR),
        (NOW // HOUR * HOUR - 5 * HOUR, NOW // HOUR * HOUR - 3 * HOUR),
    )
    expected = [
        at for at in range(FIRST, NOW - HOUR + 1, HOUR) if not any(first <= at < stop for first, stop in market.holes)
    ]
    assert opening_seconds(fetch(binance, patient)) == expected


def test_a_history_that_begins_later_is_said(vendor, market, binance, patient):
    market.listed = NOW // DAY * DAY - 10 * DAY
    found = fetch(binance, patient)
    assert opening_seconds(found)[0] == market.listed
    assert found.notes == (
        "The first bar is of 2024-02-27, later than since=2023-11-29: "
        "binance listed BTC/USDT then, or keeps no older bars of 1h.",
    )


def test_kraken_gives_its_latest_bars_only_and_that_is_said(vendor, market, patient):
    kraken = Kraken(vendor, market)
    found = sources.ccxt("kraken", "BTC/USD", since=SINCE, settings=kraken.settings, **patient)
    assert opening_seconds(found) == list(range(NOW // HOUR * HOUR - 719 * HOUR, NOW - HOUR + 1, HOUR))
    assert "keeps no older bars" in found.notes[0]
    assert sources.ccxt("kraken", "BTC/USD", since="2024-03-01", settings=kraken.settings, **patient).notes == ()


def test_coinbase_answers_for_windows_newest_first(vendor, market, patient):
    coinbase = Coinbase(vendor, market)
    market.holes = ((FIRST + 100 * HOUR, FIRST + 1000 * HOUR),)  # three windows of 300 bars are empty
    found = sources.ccxt("coinbaseexchange", "BTC/USD", since=SINCE, settings=coinbase.settings, **patient)
    assert opening_seconds(found) == [
        at for at in range(FIRST, NOW - HOUR + 1, HOUR) if not FIRST + 100 * HOUR <= at < FIRST + 1000 * HOUR
    ]
    assert found.bars.close.tolist() == [bar(at, HOUR)[3] for at in opening_seconds(found)]


def test_years_before_the_listing_are_jumped(vendor, market, patient):
    coinbase = Coinbase(vendor, market)
    market.listed = NOW - 8 * HOUR + 90
    found = sources.ccxt(
        "coinbaseexchange", "BTC/USD", timeframe="1m", since="2019-01-01", settings=coinbase.settings, **patient
    )
    assert opening_seconds(found) == list(range(-(-market.listed // MINUTE) * MINUTE, NOW - MINUTE + 1, MINUTE))
    assert len(vendor.pages("candles")) < 15  # 9,000 windows of 300 minutes otherwise


def test_no_bars_at_all_is_a_sentence(vendor, market, patient):
    coinbase = Coinbase(vendor, market)
    market.listed = NOW + DAY
    with pytest.raises(DataError, match=r"coinbaseexchange has no bars of BTC/USD from 2024-01-01 to 2024-03-08"):
        sources.ccxt("coinbaseexchange", "BTC/USD", since="2024-01-01", settings=coinbase.settings, **patient)


def test_progress_is_told(vendor, binance, patient):
    vendor.faults, vendor.fault_on = [None, Fault(503)], "klines"
    told: list[sources.FetchProgress] = []
    fetch(binance, patient, progress=told.append)
    assert [one.step for one in told] == ["fetch", "wait", "fetch", "fetch"]
    assert told[1].detail == "1.0 s, because binance answered with HTTP 503"
    assert [one.rows for one in told] == [1000, 1000, 2000, 2415]
    fractions = [one.fraction for one in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


# ---- what fails and passes -----------------------------------------------------------------------------------------

PASSING = {
    "429": (Fault(429, '{"code": -1003, "msg": "Too many requests."}', {"Retry-After": "17"}), 17.0),
    "429 without a time": (Fault(429, "{}"), 1.0),
    "418, banned": (Fault(418, '{"code": -1003, "msg": "banned"}', {"Retry-After": "120"}), 120.0),
    "500": (Fault(500, "{}"), 1.0),
    "502 with a page": (Fault(502, HTML), 1.0),
    "503 with a time": (Fault(503, "", {"Retry-After": "9"}), 9.0),
    "cut off": (Fault(200, '[[1, "2", ', cut=True), 1.0),
    "cut off, with the right length": (Fault(200, '[[1, "2", '), 1.0),
    "a page of HTML": (Fault(200, HTML), 1.0),
    "nothing": (Fault(200, ""), 1.0),
}


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.parametrize("where", ["klines", "exchangeInfo"])
def test_what_may_pass_is_asked_again(vendor, binance, patient, clock, name, where):
    fault, wait = PASSING[name]
    vendor.faults, vendor.fault_on = [fault], where
    assert opening_seconds(fetch(binance, patient))[0] == FIRST
    assert clock.slept == [wait]


def test_a_server_that_hangs_is_given_up_and_asked_again(vendor, binance, patient, clock):
    vendor.faults, vendor.fault_on = [Fault(200, "[]", hang=5.0)], "klines"
    begun = time.monotonic()
    fetch(binance, {**patient, "timeout": 0.2})
    assert clock.slept == [1.0]
    assert time.monotonic() - begun < 4.0


def test_kraken_refuses_with_status_200(vendor, market, patient, clock):
    kraken = Kraken(vendor, market)
    busy = Fault(200, '{"error": ["EService:Unavailable"]}', {"Content-Type": "application/json"})
    often = Fault(200, '{"error": ["EAPI:Rate limit exceeded"]}', {"Content-Type": "application/json"})
    vendor.faults, vendor.fault_on = [busy, often], "OHLC"
    sources.ccxt("kraken", "BTC/USD", since="2024-03-01", settings=kraken.settings, **patient)
    assert clock.slept == [1.0, 2.0]


def test_an_empty_answer_is_never_taken_for_the_end_when_it_is_a_failure(vendor, binance, patient):
    """ccxt makes no bars of a body that is cut off: without a look at it, the fetch would end early and say nothing."""
    vendor.faults, vendor.fault_on = [None, None, Fault(200, "[[17")], "klines"
    assert opening_seconds(fetch(binance, patient)) == list(range(FIRST, NOW - HOUR + 1, HOUR))


def test_a_server_that_is_gone_is_one_sentence(vendor, binance, patient, clock):
    vendor.close()
    with pytest.raises(DataError, match=r"markets of binance could not be fetched: binance did not answer .*3 tries"):
        fetch(binance, patient, tries=3)
    assert clock.slept == [1.0, 2.0]


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (400, {"code": -1120, "msg": "Invalid interval."}, "Invalid interval"),
        (403, {"msg": "forbidden"}, "forbidden"),
        (451, {"msg": "Service unavailable from a restricted location"}, "restricted location"),
    ],
)
def test_a_refusal_is_not_asked_again(vendor, binance, patient, clock, status, body, says):
    vendor.routes["/api/v3/klines"] = lambda _: Answer(body, status=status)
    with pytest.raises(DataError, match=f"binance refused: .*{says}"):
        fetch(binance, patient)
    assert (len(vendor.pages("klines")), clock.slept) == (1, [])


# ---- what is asked for ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "near"),
    [
        ("BTCUSDT", "Did you mean 'BTC/USDT'"),
        ("btc-usdt", "Did you mean 'BTC/USDT'"),
        ("BTC/USD", "Did you mean 'BTC/USDT'"),
        ("?", "It has 2 others."),
    ],
)
def test_a_bad_symbol_is_one_sentence_and_no_try(vendor, binance, patient, clock, symbol, near):
    with pytest.raises(NotFoundError, match="binance has no market") as caught:
        sources.ccxt("binance", symbol, since=SINCE, settings=binance.settings, **patient)
    assert near in str(caught.value)
    assert (vendor.pages("klines"), clock.slept) == ([], [])


def test_an_unknown_exchange_has_a_near_one():
    with pytest.raises(NotFoundError, match=r"ccxt knows no exchange 'Binanse'. Did you mean 'binance'\?"):
        sources.ccxt("Binanse", "BTC/USDT", since=SINCE)
    with pytest.raises(NotFoundError, match=r"ccxt\.exchanges lists"):
        sources.ccxt("!!", "BTC/USDT", since=SINCE)


def test_an_unknown_timeframe_has_a_near_one(binance, patient):
    with pytest.raises(OptionError, match=r"timeframe='1hr' is not offered. Did you mean '1h'\?"):
        fetch(binance, patient, timeframe="1hr")


@pytest.mark.parametrize(
    ("span", "says"),
    [
        ({"since": "2024-02-01", "until": "2024-02-01"}, "must be later than since"),
        ({"since": "2025-01-01"}, "has ended yet"),
        ({"since": "2024-03-08T15:00"}, "has ended yet"),
        ({"since": 1_700_000_000_000}, "could be seconds or milliseconds"),
    ],
)
def test_spans_that_are_none(binance, patient, span, says):
    with pytest.raises(OptionError, match=says):
        fetch(binance, patient, **span)


# ---- going on ------------------------------------------------------------------------------------------------------


def test_a_fetch_that_failed_goes_on(vendor, binance, patient, tmp_path):
    vendor.faults, vendor.fault_on = [None, None, *[Fault(503)] * 2], "klines"
    with pytest.raises(DataError, match="What came so far is kept"):
        fetch(binance, patient, tries=2, cache=tmp_path)
    vendor.asked.clear()
    found = fetch(binance, patient, cache=tmp_path)
    assert [int(page["startTime"]) // 1000 for page in vendor.pages("klines")] == [FIRST + 2000 * HOUR]
    assert opening_seconds(found) == list(range(FIRST, NOW - HOUR + 1, HOUR))
    assert list(tmp_path.iterdir()) == []


def test_a_fetch_that_goes_on_later_has_no_hole_and_no_incomplete_bar(vendor, binance, patient, clock, tmp_path):
    vendor.faults, vendor.fault_on = [None, None, *[Fault(503)] * 2], "klines"
    with pytest.raises(DataError):
        fetch(binance, patient, tries=2, cache=tmp_path)
    clock.seconds += 3 * DAY
    found = fetch(binance, patient, cache=tmp_path)
    assert opening_seconds(found) == list(range(FIRST, int(clock.seconds) - HOUR + 1, HOUR))


CHILD = """
import json, sys
from pathlib import Path
from research_kit import sources
since, now, cache, settings = sys.argv[1:]
sources.ccxt(
    "binance", "BTC/USDT", since=since, cache=Path(cache), settings=json.loads(settings), now=lambda: float(now)
)
"""


def test_a_fetch_that_was_killed_goes_on(vendor, market, patient, tmp_path):
    binance = Binance(vendor, market, most=200)
    vendor.faults, vendor.fault_on = [*[None] * 6, Fault(hang=60.0)], "klines"
    arguments = [SINCE.isoformat(), str(NOW), str(tmp_path), json.dumps(binance.settings)]
    child = subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stderr=subprocess.PIPE)
    try:
        limit = time.monotonic() + 60
        while len(vendor.pages("klines")) < 7 and child.poll() is None and time.monotonic() < limit:
            time.sleep(0.02)
        assert child.poll() is None, child.stderr.read().decode()
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    assert len(list(tmp_path.rglob("page-*.npy"))) == 6
    vendor.asked.clear()
    found = fetch(binance, patient, cache=tmp_path)
    asked = [int(page["startTime"]) // 1000 for page in vendor.pages("klines")]
    assert asked[0] == FIRST + 6 * 200 * HOUR  # the page that was asked for when it was killed
    assert len(asked) == 7
    assert opening_seconds(found) == list(range(FIRST, NOW - HOUR + 1, HOUR))
    np.testing.assert_array_equal(found.bars.close, fetch(binance, patient).bars.close)
    assert list(tmp_path.rglob("*")) == []
