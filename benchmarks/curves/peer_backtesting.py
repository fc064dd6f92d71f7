"""backtesting.py's statistics of a run, all that it computes; its Sharpe ratio is that of days and stays apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from backtesting._stats import compute_stats

from curves.measuring import main
from curves.work import Curve, Values

PRICE = 100.0


def prepare(curve: Curve) -> Callable[[], Values]:
    index = pd.DatetimeIndex(curve.times())
    prices = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), curve.equity), index=index)
    trades = pd.DataFrame(
        {
            "Size": 1,
            "EntryBar": curve.entry,
            "ExitBar": curve.exit,
            "EntryPrice": PRICE,
            "ExitPrice": PRICE + curve.pnl,
            "SL": np.nan,
            "TP": np.nan,
            "PnL": curve.pnl,
            "Commission": 0.0,
            "ReturnPct": curve.pnl / 1e4,
            "EntryTime": index[curve.entry],
            "ExitTime": index[curve.exit],
            "Duration": index[curve.exit] - index[curve.entry],
            "Tag": None,
        }
    )

    def compute() -> Values:
        stats = compute_stats(trades, curve.equity, prices, None, 0.0)
        numbers = {name: float(value) for name, value in stats.items() if isinstance(value, float | int | np.number)}
        return numbers | {
            "total_return": stats["Return [%]"] / 100,
            "max_drawdown": stats["Max. Drawdown [%]"] / 100,
            "total_trades": stats["# Trades"],
            "win_rate": stats["Win Rate [%]"] / 100,
        }

    return compute


if __name__ == "__main__":
    main(prepare, "backtesting", "numpy", "pandas")
