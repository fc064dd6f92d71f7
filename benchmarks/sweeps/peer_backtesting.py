"""backtesting.py's own ``optimize``, in as many processes as there are cores."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import numpy as np
import pandas as pd
import workloads
from backtesting.lib import FractionalBacktest
from backtests.peer_backtesting import ALL_IN, LongWhileAbove, average

from sweeps.measuring import Read, Sweep, main
from sweeps.work import Grid, Table, table


class Lengths(LongWhileAbove):
    """The rule of W1 with its lengths as parameters."""

    fast_length = workloads.FAST
    slow_length = workloads.SLOW
    size = ALL_IN

    def init(self) -> None:
        self.fast = self.I(average, self.data.Close, self.fast_length, plot=False)
        self.slow = self.I(average, self.data.Close, self.slow_length, plot=False)


def prepare(whole: Grid, arguments: Namespace) -> tuple[Sweep, Read]:
    index = pd.DatetimeIndex(whole.case.time_ns().astype("datetime64[ns]"))
    names = ("Open", "High", "Low", "Close", "Volume")
    frame = pd.DataFrame(dict(zip(names, whole.case.prices(), strict=True)), index=index)

    def sweep(grid: Grid) -> Any:
        backtest = FractionalBacktest(
            frame, Lengths, cash=whole.case.initial_cash, commission=workloads.COMMISSION, fractional_unit=1e-6
        )
        lengths = {"fast_length": grid.fast, "slow_length": grid.slow}
        _, finals = backtest.optimize(**lengths, maximize="Equity Final [$]", return_heatmap=True)
        return finals

    return sweep, lambda grid, finals: _read(whole, finals)


def _read(whole: Grid, finals: pd.Series) -> Table:
    sets = np.array(finals.index.to_list(), dtype=np.int64)
    return table(sets, total_return=finals.to_numpy(dtype=float) / whole.case.initial_cash - 1.0)


if __name__ == "__main__":
    main(prepare, "backtesting", "numpy", "pandas")
