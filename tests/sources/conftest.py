"""Vendors on this machine, and a clock that does not wait."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the vendor_… modules belong to this folder's tests alone


@pytest.fixture
def vendor():
    """Return a server without any answers yet."""
    from vendor_server import Vendor

    server = Vendor()
    yield server
    server.close()


@pytest.fixture
def clock():
    from vendor_server import Clock

    return Clock()


@pytest.fixture
def patient(clock) -> dict[str, object]:
    """Return options of a fetch that waits on a clock which stands still."""
    return {"now": clock.now, "sleep": clock.sleep, "jitter": lambda: 1.0, "timeout": 5.0}


@pytest.fixture
def yahoo(vendor, clock):
    from vendor_yahoo import Yahoo

    return Yahoo(vendor, clock)


@pytest.fixture(scope="session", autouse=True)
def _yahoo_caches(tmp_path_factory):
    """Keep yfinance's own files out of the user's cache folder."""
    import yfinance

    yfinance.set_tz_cache_location(str(tmp_path_factory.mktemp("yfinance")))
