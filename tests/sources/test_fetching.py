"""What sources have in common: options, times, what is loaded and when."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from research_kit import sources
from research_kit.errors import NotFoundError, OptionError
from research_kit.sources.fetching import bar_end, complete_rows, day_ms, iso, library, moment_ms, vendor_timeframe

MIDNIGHT = 1_706_659_200_000  # 2024-01-31
ZONE = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    "given",
    [
        "2024-01-31",
        " 2024-01-31T00:00 ",
        "2024-01-31T02:00+02:00",
        "2024-01-31T00:00:00Z",
        date(2024, 1, 31),
        datetime(2024, 1, 31),
        datetime(2024, 1, 31, 2, tzinfo=ZONE),
    ],
)
def test_times_without_a_zone_are_utc(given):
    assert moment_ms(given, "since") == MIDNIGHT


@pytest.mark.parametrize("given", ["31.01.2024", "yesterday", "", 1_706_659_200_000, 1.7e9, None, "1850-01-01"])
def test_what_is_no_time_is_refused_with_what_is_allowed(given):
    with pytest.raises(OptionError, match=r"since=") as caught:
        moment_ms(given, "since")
    assert repr(given) in str(caught.value)


def test_the_date_of_a_time_is_the_one_that_was_written():
    assert day_ms(datetime(2024, 1, 31, 23, tzinfo=timezone(timedelta(hours=-5))), "start") == MIDNIGHT


@pytest.mark.parametrize(
    ("opened", "timeframe", "zone", "ended"),
    [
        ("2024-03-09", "1d", "America/New_York", "2024-03-10T05:00:00+00:00"),
        ("2024-03-10", "1d", "America/New_York", "2024-03-11T04:00:00+00:00"),  # a day of 23 hours
        ("2024-03-08", "1d", "Asia/Tokyo", "2024-03-08T15:00:00+00:00"),
        ("2024-02-26", "1w", "UTC", "2024-03-04T00:00:00+00:00"),
        ("2023-11-01", "3mo", "UTC", "2024-02-01T00:00:00+00:00"),
        ("2023-12-01", "1mo", "UTC", "2024-01-01T00:00:00+00:00"),
        ("2024-01-31T16:00", "1mo", None, "2024-03-02T16:00:00+00:00"),
        ("2024-01-31T10:00", "4h", None, "2024-01-31T14:00:00+00:00"),
        ("2024-01-31T10:00", "4h", "America/New_York", "2024-01-31T14:00:00+00:00"),
    ],
)
def test_when_a_bar_has_ended(opened, timeframe, zone, ended):
    assert iso(bar_end(moment_ms(opened, "t"), timeframe, zone)) == ended


def test_a_bar_is_complete_at_the_millisecond_of_its_end():
    rows = np.array([[0.0, 1.0], [60_000.0, 2.0], [120_000.0, 3.0]])
    assert [len(complete_rows(rows, "1min", now)) for now in (59_999, 60_000, 119_999, 120_000, 500_000)] == [
        *(0, 1, 1, 2, 3)
    ]


def test_a_vendors_timeframes_are_known_under_both_names():
    names = {"1m": "1min", "1M": "1mo", "1w": "1w"}
    assert [vendor_timeframe(given, names, "timeframe") for given in ("1m", "1min", "1M", "1mo")] == [
        *("1m", "1m", "1M", "1M")
    ]
    with pytest.raises(OptionError, match=r"timeframe='1mn' is not offered. Did you mean '1m'\?"):
        vendor_timeframe("1mn", names, "timeframe")


def test_an_unknown_option_is_named():
    with pytest.raises(OptionError, match=r"no option 'timeot'. Did you mean 'timeout'\?"):
        sources.yfinance("SPY", timeot=3)
    with pytest.raises(OptionError, match="tries"):
        sources.ccxt("binance", "BTC/USDT", since="2024-01-01", tries=0)


def test_public_names():
    assert sources.__all__ == ["FetchOptions", "FetchProgress", "Fetched", "ccxt", "update", "yfinance"]
    assert all(getattr(sources, name).__name__ == name for name in sources.__all__)
    assert set(sources.__all__) <= set(dir(sources))
    with pytest.raises(AttributeError, match="no attribute 'yfinanze'"):
        _ = sources.yfinanze


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_heavy_is_loaded_before_something_is_fetched():
    code = """
import sys
from research_kit import sources
sources.yfinance, sources.ccxt, sources.update
print([name for name in ("yfinance", "ccxt", "pandas", "pyarrow", "requests", "curl_cffi") if name in sys.modules])
"""
    assert run(code) == "[]"


@pytest.mark.parametrize("call", ["yfinance('SPY')", "ccxt('binance', 'BTC/USDT', since='2024-01-01')"])
def test_a_missing_library_is_one_sentence(call):
    name = call.split("(", maxsplit=1)[0]
    code = f"""
import sys
sys.modules[{name!r}] = None
from research_kit import sources, errors
try:
    sources.{call}
except errors.NotFoundError as error:
    print(error)
"""
    assert run(code) == f"{name} is not installed. Install it with: pip install 'research_kit[sources]'"


def test_a_broken_library_shows_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import a_module_that_is_not_there\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
        library("half_installed")
    with pytest.raises(NotFoundError, match="pip install"):
        library("not_installed_at_all")


def test_iso_text_is_read_back():
    now = datetime.now(UTC).replace(microsecond=0)
    assert moment_ms(iso(int(now.timestamp() * 1000)), "t") == int(now.timestamp() * 1000)
