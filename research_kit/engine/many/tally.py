"""What is kept of many runs on the same bars: one record each instead of trades and a curve."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.compiled import inlined

TALLY = np.dtype(
    [
        ("trades", np.int64),  # closed ones, and so for all that follows
        ("wins", np.int64),
        ("losses", np.int64),
        ("won", np.float64),
        ("lost", np.float64),  # negative
        ("best", np.float64),
        ("worst", np.float64),
        ("mean", np.float64),  # of their pnl, and the sum of squares around it
        ("spread", np.float64),
        ("percents", np.float64),  # sum of the pnl as percents of the value at entry
        ("held_ns", np.float64),
        ("streak", np.int64),  # wins in a row until now, negative: losses
        ("most_wins", np.int64),
        ("most_losses", np.int64),
    ],
    align=True,
)

SUMMARY = np.dtype(
    [
        ("final_equity", np.float64),
        ("mean_equity", np.float64),
        ("falls_money", np.float64),
        ("falls_fraction", np.float64),
        ("falls_longest", np.int64),
        ("falls_recovered", np.bool_),
        ("falls_recovery", np.int64),
        ("falls_squares", np.float64),
        ("bars_in_market", np.int64),
        ("traded_value", np.float64),
        ("total_commission", np.float64),
        ("total_slippage", np.float64),
        ("total_borrow", np.float64),
        ("ambiguous_bars", np.int64),
        ("rejections", np.int64),
        ("liquidations", np.int64),
        ("liquidated", np.bool_),
    ],
    align=True,
)


@inlined
def count_trades(tally: Any, trades: NDArray[Any], count: int, time_ns: NDArray[np.int64]) -> None:
    """Add the first ``count`` trades to what is known of those before them."""
    for at in range(count):
        trade = trades[at]
        pnl = trade.pnl
        tally.trades += 1
        step = pnl - tally.mean  # Welford's update: no sum of squares that would swallow the difference
        tally.mean += step / tally.trades
        tally.spread += step * (pnl - tally.mean)
        tally.percents += 100.0 * pnl / (trade.quantity * trade.entry_price)
        tally.held_ns += time_ns[trade.exit_bar] - time_ns[trade.entry_bar]
        if pnl > 0.0:
            tally.wins += 1
            tally.won += pnl
            tally.best = max(tally.best, pnl)
            tally.streak = tally.streak + 1 if tally.streak > 0 else 1
            tally.most_wins = max(tally.most_wins, tally.streak)
        elif pnl < 0.0:
            tally.losses += 1
            tally.lost += pnl
            tally.worst = min(tally.worst, pnl)
            tally.streak = tally.streak - 1 if tally.streak < 0 else -1
            tally.most_losses = max(tally.most_losses, -tally.streak)
        else:
            tally.streak = 0
