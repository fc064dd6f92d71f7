"""W8, the work: trades as arrays by column, written to a table of this project's schema and read back. NumPy alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

JOB = 1
CREATED_AT = np.datetime64("2026-01-01T00:00:00", "us")
TIMES = ("entry_time", "exit_time")
TEXTS = ("side", "entry_signal", "exit_signal")
NUMBERS = (
    "entry_price",
    "exit_price",
    "quantity",
    "pnl",
    "pnl_percent",
    "holding_time_minutes",
    "max_profit",
    "max_loss",
)
COLUMNS = (*TIMES, *NUMBERS, *TEXTS)  # with id, job and created_at: 16
QUERY = f"SELECT {', '.join(COLUMNS)} FROM trades WHERE backtest_job_id = {JOB} ORDER BY id"
MINUTE = np.timedelta64(60_000_000, "us")

Columns = dict[str, NDArray[Any]]
Values = dict[str, float]


def columns(rows: int, *, seed: int = 5) -> Columns:
    """Return seeded trades: times datetime64[us], numbers float64, texts as objects."""
    random = np.random.default_rng(seed)
    entry = np.datetime64("2024-01-01T00:00:00", "us") + np.cumsum(random.integers(1, 60, rows)) * MINUTE
    minutes = random.integers(1, 300, rows)
    price = 100.0 + random.normal(0.0, 5.0, rows)
    exit_price = price * (1.0 + random.normal(0.0, 0.01, rows))
    quantity = random.uniform(0.1, 10.0, rows)
    pnl = (exit_price - price) * quantity
    side = np.array(["short", "long"], dtype=object)[random.integers(0, 2, rows)]
    return {
        "entry_time": entry,
        "exit_time": entry + minutes * MINUTE,
        "entry_price": price,
        "exit_price": exit_price,
        "quantity": quantity,
        "pnl": pnl,
        "pnl_percent": 100.0 * (exit_price / price - 1.0),
        "holding_time_minutes": minutes.astype(float),
        "max_profit": np.abs(pnl),
        "max_loss": -np.abs(pnl),
        "side": side,
        "entry_signal": np.full(rows, "sma_cross", dtype=object),
        "exit_signal": np.full(rows, "stop_loss", dtype=object),
    }


def with_job(trades: Columns) -> Columns:
    """Return the trades with the columns that ours adds by itself."""
    rows = len(trades["side"])
    return {"backtest_job_id": np.full(rows, JOB), "created_at": np.full(rows, CREATED_AT)} | trades


def values_of(trades: Columns) -> Values:
    """Return what two tables must agree on: how many, sums, first and last times, words."""
    found = {"rows": float(len(trades["side"]))}
    for name in NUMBERS:
        found[f"sum of {name}"] = float(np.sum(trades[name]))
    for name in TIMES:
        seconds = trades[name].astype("datetime64[us]").astype(np.int64) / 1e6
        found |= {f"first {name}": float(seconds.min()), f"sum of {name}": float(seconds.sum())}
    for name, word in (("side", "long"), ("entry_signal", "sma_cross"), ("exit_signal", "stop_loss")):
        found[f"{name} {word}"] = float(np.count_nonzero(trades[name] == word))
    return found
