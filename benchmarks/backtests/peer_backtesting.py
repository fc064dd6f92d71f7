"""backtesting.py; all in is as near as its whole units of a millionth allow."""

from __future__ import annotations

from typing import Any

import backtesting.backtesting
import numpy as np
import pandas as pd
import workloads
from backtesting import Backtest, Strategy
from backtesting.lib import FractionalBacktest
from workloads import Case

from backtests.measuring import Engine, Outcome, main

ALL_IN = 0.9999999999  # the largest size below 1; 1 would mean one unit
FIELDS = ["EntryBar", "ExitBar", "EntryPrice", "ExitPrice"]

backtesting.backtesting._tqdm = lambda iterable, *_args, **_kwargs: iterable  # a progress bar costs time


def average(values: Any, length: int) -> pd.Series:
    """Return the moving average; infinity where it is not known, since the bar after the last NaN is passed over."""
    return pd.Series(values).rolling(length).mean().fillna(np.inf)


class LongWhileAbove(Strategy):  # type: ignore[misc]
    size = 1.0

    def init(self) -> None:
        self.fast = self.I(average, self.data.Close, workloads.FAST, plot=False)
        self.slow = self.I(average, self.data.Close, workloads.SLOW, plot=False)

    def next(self) -> None:
        above = self.fast[-1] > self.slow[-1]
        if above and not self.position:
            self.buy(size=self.size)
        elif not above and self.position:
            self.position.close()


class LongOrShort(LongWhileAbove):
    side = 0
    opens: Any = None

    def next(self) -> None:
        if np.isinf(self.slow[-1]):
            return
        side = 1 if self.fast[-1] > self.slow[-1] else -1
        if side == self.side:
            return
        self.side = side
        if self.position:
            self.position.close()
        at = len(self.data)
        if at < len(self.opens):  # levels hang on the fill, which is the next open: it takes them beforehand only
            entry = self.opens[at]
            stop, target = entry * (1 - side * workloads.STOP_LOSS), entry * (1 + side * workloads.TAKE_PROFIT)
            (self.buy if side > 0 else self.sell)(size=1, sl=stop, tp=target)


def prepare(case: Case) -> Engine:
    index = pd.DatetimeIndex(case.time_ns().astype("datetime64[ns]"))
    names = ("Open", "High", "Low", "Close", "Volume")
    frame = pd.DataFrame(dict(zip(names, case.prices(), strict=True)), index=index)
    strategy = LongOrShort if case.has_stops else LongWhileAbove
    kind, units = (FractionalBacktest, {"fractional_unit": 1e-6}) if case.all_in else (Backtest, {})
    values = {"opens": frame["Open"].to_numpy()} if case.has_stops else {"size": ALL_IN if case.all_in else 1}

    def run() -> Any:
        return kind(frame, strategy, cash=case.initial_cash, commission=workloads.COMMISSION, **units).run(**values)

    return Engine(run, _read)


def _read(stats: pd.Series) -> Outcome:
    figures = {
        "total_return": stats["Return [%]"] / 100,
        "sharpe_ratio": stats["Sharpe Ratio"],
        "max_drawdown": stats["Max. Drawdown [%]"] / 100,
        "total_trades": stats["# Trades"],
    }
    rows = stats["_trades"][FIELDS].to_numpy(dtype=float)
    return Outcome(rows, float(stats["Equity Final [$]"]), {name: float(value) for name, value in figures.items()})


if __name__ == "__main__":
    main(prepare, "backtesting", "numpy", "pandas")
