"""Trades as users read them: times, labels and percents, one array for each column of the ``trades`` table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import Bars
from research_kit.engine.simulation import Simulation

MINUTE_NS = 60_000_000_000
MONEY_COLUMNS = ("pnl", "max_profit", "max_loss", "commission", "slippage", "borrow")


def trade_columns(bars: Bars, simulation: Simulation) -> dict[str, NDArray[Any]]:
    """Return the trades column by column, oldest exit first, open ones last.

    Times are datetime64[ns] UTC (NaT: still open), ``side`` is ``long`` or ``short``, ``pnl_percent`` is percent of
    the value at entry, ``holding_time_minutes`` runs from the opening time of the entry bar to that of the exit bar.
    """
    trades = simulation.trades
    closed = trades["exit_bar"] >= 0
    entry_time = bars.time_ns[trades["entry_bar"]]
    exit_time = np.where(closed, bars.time_ns[trades["exit_bar"]], np.iinfo(np.int64).min)
    value = trades["quantity"] * trades["entry_price"]
    return {
        "entry_time": entry_time.view("datetime64[ns]"),
        "exit_time": exit_time.view("datetime64[ns]"),
        "side": np.where(trades["side"] > 0, "long", "short"),
        "quantity": trades["quantity"],
        "entry_price": trades["entry_price"],
        "exit_price": trades["exit_price"],
        "pnl": trades["pnl"],
        "pnl_percent": 100.0 * trades["pnl"] / value,
        "holding_time_minutes": np.where(closed, (exit_time - entry_time) / MINUTE_NS, np.nan),
        "entry_signal": np.array(simulation.entry_labels(), dtype=object),
        "exit_signal": np.array(simulation.exit_labels(), dtype=object),
        **{name: trades[name] for name in MONEY_COLUMNS[1:]},
    }
