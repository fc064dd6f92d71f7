"""vectorbt, by the engine that is asked for: ``numba`` or ``rust``."""

from __future__ import annotations

from typing import Any

import measuring
import numpy as np
import pandas as pd
import vectorbt as vbt
import workloads
from numpy.typing import NDArray
from workloads import Case

from backtests.measuring import Engine, Outcome, main

FIELDS = ("entry_idx", "exit_idx", "entry_price", "exit_price")
CLOSED = 1

vbt.settings["engine"] = measuring.engine()


def prepare(case: Case) -> Engine:
    index = pd.DatetimeIndex(case.time_ns().astype("datetime64[ns]"))
    frame = pd.DataFrame(dict(zip(("open", "high", "low", "close"), case.prices(), strict=False)), index=index)

    def run() -> tuple[Any, dict[str, float]]:
        portfolio = (_long_or_short if case.has_stops else _long_while_above)(frame, case)
        figures = {
            "total_return": portfolio.total_return(),
            "sharpe_ratio": portfolio.sharpe_ratio(),
            "max_drawdown": portfolio.max_drawdown(),
            "total_trades": portfolio.trades.closed.count(),
        }
        return portfolio, {name: float(value) for name, value in figures.items()}

    return Engine(run, lambda ran: _read(*ran))


def _averages(frame: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    fast = vbt.MA.run(frame["close"], workloads.FAST, short_name="fast").ma
    slow = vbt.MA.run(frame["close"], workloads.SLOW, short_name="slow").ma
    return fast.to_numpy().ravel(), slow.to_numpy().ravel()


def _common(frame: pd.DataFrame, case: Case) -> dict[str, Any]:
    return {
        "price": frame["open"],
        "fees": workloads.COMMISSION,
        "size": np.inf if case.all_in else 1.0,
        "init_cash": case.initial_cash,
        "freq": "1min",
        "max_orders": max(1_000, case.bars // 5),  # its buffers grow with the bars unless told
        "max_logs": 0,
    }


def _long_while_above(frame: pd.DataFrame, case: Case) -> Any:
    fast, slow = _averages(frame)
    entries = _next_bar(fast > slow)
    return vbt.Portfolio.from_signals(frame["close"], entries, ~entries, **_common(frame, case))


def _long_or_short(frame: pd.DataFrame, case: Case) -> Any:
    fast, slow = _averages(frame)
    side = np.where(np.isnan(slow), 0, np.where(fast > slow, 1, -1))
    changes = side != np.concatenate([[0], side[:-1]])
    return vbt.Portfolio.from_signals(
        frame["close"],
        _next_bar(changes & (side == 1)),
        None,
        _next_bar(changes & (side == -1)),
        None,
        open=frame["open"],
        high=frame["high"],
        low=frame["low"],
        sl_stop=workloads.STOP_LOSS,
        tp_stop=workloads.TAKE_PROFIT,
        stop_entry_price="fillprice",
        stop_exit_price="stoplimit",
        upon_opposite_entry="reverse",
        **_common(frame, case),
    )


def _next_bar(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what was known one bar earlier: an order at the open may use the bar before only."""
    return np.concatenate([[False], flags[:-1]])


def _read(portfolio: Any, figures: dict[str, float]) -> Outcome:
    trades = portfolio.trades.values
    trades = trades[trades["status"] == CLOSED]
    rows = np.column_stack([trades[name].astype(float) for name in FIELDS])
    return Outcome(rows, float(portfolio.final_value()), figures)


if __name__ == "__main__":
    main(prepare, "vectorbt", "numpy", "numba", "pandas")
