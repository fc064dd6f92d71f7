"""The two engines behind one signature, so that each hand-worked case and each law is asked of both."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # slow_engine and cases are modules of this folder's tests alone


@pytest.fixture(scope="session")
def compiled_engine():
    """Return ``run(bars, signals, options) -> SlowResult`` through the compiled engine."""
    from engines import compiled_backtest

    return compiled_backtest


@pytest.fixture(scope="session", params=["slow", "compiled"])
def engine(request):
    """Return ``run(bars, signals, options) -> SlowResult``, once for each engine."""
    if request.param == "compiled":
        return request.getfixturevalue("compiled_engine")
    from slow_engine import slow_backtest

    return slow_backtest


@pytest.fixture(scope="session")
def compiled_order_engine():
    """Return ``run(bars, player, options) -> SlowOrderResult`` through the compiled engine."""
    from order_engines import compiled_order_backtest

    return compiled_order_backtest


@pytest.fixture(scope="session", params=["slow", "compiled"])
def order_engine(request):
    """Return ``run(bars, player, options) -> SlowOrderResult``, once for each engine."""
    if request.param == "compiled":
        return request.getfixturevalue("compiled_order_engine")
    from slow_orders import slow_order_backtest

    return slow_order_backtest
