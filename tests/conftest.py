"""Fixtures for every test: where the real market data is, and bars that are made the same way each time."""

import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from object_storage import bucket, failing, s3_server  # noqa: F401 - fixtures for every folder
from postgres_cluster import postgres  # noqa: F401 - a fixture for every folder

from research_kit.bars.frame import Bars
from research_kit.cli import main

MINUTE = 60_000_000_000
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real market data; the test is skipped where it is missing."""
    given = os.environ.get("RESEARCH_KIT_TEST_DATA")
    folder = Path(given) if given else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real market data is not at {folder}")
    return folder


def random_bars(n: int, seed: int = 7, sigma: float = 1e-3, step_ns: int = MINUTE, start: float = 100.0) -> Bars:
    """Return a seeded geometric random walk with open, high, low, close and volume."""
    rng = np.random.default_rng(seed)
    close = start * np.exp(np.cumsum(rng.normal(0, sigma, n)))
    opens = np.concatenate([[start], close[:-1]]) * np.exp(rng.normal(0, sigma / 10, n))
    high = np.maximum(opens, close) * np.exp(np.abs(rng.normal(0, sigma / 2, n)))
    low = np.minimum(opens, close) * np.exp(-np.abs(rng.normal(0, sigma / 2, n)))
    volume = np.round(rng.lognormal(4, 1, n), 3)
    time_ns = 1_704_067_200_000_000_000 + step_ns * np.arange(n, dtype=np.int64)
    return Bars(time_ns, {"open": opens, "high": high, "low": low, "close": close, "volume": volume}, symbol="TEST")


@pytest.fixture(scope="session")
def make_bars():
    """Return the maker of seeded random bars: ``make_bars(n, seed=7, sigma=1e-3, step_ns=60 s, start=100)``."""
    return random_bars


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run_command(tmp_path, monkeypatch, capsys):
    """Return a function that runs research-kit in this process, on the folder ``ws`` or another beside it."""

    def run(*arguments, workspace="ws"):
        monkeypatch.setattr(sys, "argv", ["research-kit", "-w", str(tmp_path / workspace), *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Done(ended.value.code or 0, printed.out, printed.err)

    return run


@pytest.fixture(scope="session")
def browser():
    """Return a headless Chromium: one for all folders, since one process can drive only one."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    with sync_api.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Let a skipped test fail where nothing may be skipped: in continuous integration."""
    outcome = yield
    report = outcome.get_result()
    unwanted = report.skipped and not hasattr(report, "wasxfail") and "real market data" not in str(report.longrepr)
    if unwanted and os.environ.get("RESEARCH_KIT_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and RESEARCH_KIT_NO_SKIPS allows none: {report.longrepr}"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    """Keep what the user's shell says about workspaces out of the tests."""
    for name in ("WORKSPACE", "DATABASE", "FILES", "CACHE", "CACHE_GB"):
        monkeypatch.delenv(f"RESEARCH_KIT_{name}", raising=False)
    monkeypatch.setenv("RESEARCH_KIT_BACKGROUND_CHECKS", "0")  # the tests of these switch them on
