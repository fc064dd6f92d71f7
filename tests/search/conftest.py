"""Bars for searches, and the folder of the strategies that they run."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # searched is a module of this folder's tests; processes find it, too

DAY = 86_400_000_000_000


@pytest.fixture(scope="session")
def bars(make_bars):
    """Return 400 days of a lively market."""
    return make_bars(400, sigma=0.01, step_ns=DAY)
