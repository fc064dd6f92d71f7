"""The records that the engine writes: layouts of trades and rejections, and the names behind their codes."""

from __future__ import annotations

import numpy as np

TRADE = np.dtype(
    [
        ("entry_bar", np.int64),
        ("exit_bar", np.int64),  # -1: still open
        ("side", np.int64),  # 1 long, -1 short
        ("quantity", np.float64),
        ("entry_price", np.float64),
        ("exit_price", np.float64),
        ("entry_raw", np.float64),  # the market's price, before slippage and spread
        ("exit_raw", np.float64),
        ("pnl", np.float64),  # net of the commissions and borrow of the trade
        ("commission", np.float64),
        ("entry_commission", np.float64),  # the part of it that the entry cost
        ("slippage", np.float64),
        ("borrow", np.float64),
        ("max_profit", np.float64),
        ("max_loss", np.float64),
        ("entry_label", np.int64),  # an index into LABELS
        ("exit_label", np.int64),
        ("entry_signal_bar", np.int64),  # the bar whose signal opened it
        ("exit_signal_bar", np.int64),  # the bar whose signal closed it, -1 for stops and the like
        ("entry_moment", np.int32),  # when in their bars it opened and closed: an index into MOMENTS
        ("exit_moment", np.int32),
    ],
    align=True,
)

REJECTION = np.dtype([("bar", np.int64), ("reason", np.int64)], align=True)

LABELS = (
    "enter_long",
    "exit_long",
    "enter_short",
    "exit_short",
    "stop_loss",
    "take_profit",
    "trailing_stop",
    "time_stop",
    "liquidation",
    "end_of_data",
)
REASONS = (
    "price_not_positive",
    "no_stop",
    "no_volatility",
    "too_small",
    "insufficient_cash",
    "short_not_allowed",
)
MOMENTS = ("open", "inside", "close")
