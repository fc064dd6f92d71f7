"""A backtest made by formula, of any length."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from research_kit.charts.series import BacktestSeries


def make_series(n: int = 1000, trades: int | dict[str, Any] = 20, **changes: object) -> BacktestSeries:
    rng = np.random.default_rng(11)
    time = np.datetime64("2020-01-01", "ns") + np.arange(n) * np.timedelta64(1, "h")
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, n)))
    if isinstance(trades, dict):
        return replace(make_series(n, 0, **changes), trades=trades)
    entry = np.sort(rng.integers(0, n - 2, trades))
    leave = np.sort(np.minimum(entry + 2, n - 1))
    columns = {
        "entry_time": time[entry],
        "exit_time": time[leave],
        "entry_price": close[entry],
        "exit_price": close[leave],
        "side": np.where(np.arange(trades) % 2, "short", "long"),
        "pnl": rng.normal(0, 10, trades),
        "quantity": np.full(trades, 2.0),
        "entry_signal": np.full(trades, "enter"),
        "exit_signal": np.full(trades, "exit"),
    }
    values = {
        "time": time,
        "equity": 100 * close,
        "initial_cash": 10_000.0,
        "close": close,
        "benchmark": 99 * close,
        "trades": columns if trades else {},
    }
    return BacktestSeries(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def series_of() -> Callable[..., BacktestSeries]:
    """Return the maker of series: ``series_of(n=1000, trades=20, **fields)``."""
    return make_series
