"""backtrader's own ``optstrategy``, in as many processes as there are cores, nothing observed that need not be."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import workloads

from sweeps.measuring import Read, Sweep, main
from sweeps.work import Grid, Table, table

ALL_CASH = 1 - 1e-12  # all of it would be more than all by a rounding error


class Commission(bt.CommInfoBase):  # type: ignore[misc]
    params = (
        ("commission", workloads.COMMISSION),
        ("stocklike", True),
        ("commtype", bt.CommInfoBase.COMM_PERC),
        ("percabs", True),
    )


class LongWhileAbove(bt.Strategy):  # type: ignore[misc]
    """Acts at the open by the averages of the bar before; cheat-on-open only lets it size by that open."""

    params = (("fast", workloads.FAST), ("slow", workloads.SLOW))

    def __init__(self) -> None:
        self.fast = bt.ind.SMA(self.data.close, period=self.p.fast)
        self.slow = bt.ind.SMA(self.data.close, period=self.p.slow)
        self.closed = 0

    def next_open(self) -> None:
        above = len(self) > self.p.slow and self.fast[0] > self.slow[0]
        if above and not self.position.size:
            price = self.data.open[0] * (1 + workloads.COMMISSION)
            self.buy(size=self.broker.getcash() * ALL_CASH / price)
        elif not above and self.position.size:
            self.close()

    def notify_trade(self, trade: Any) -> None:
        self.closed += trade.isclosed


class Finals(bt.Analyzer):  # type: ignore[misc]
    """What comes back from the processes."""

    def stop(self) -> None:
        mine = self.strategy
        self.rets = (mine.p.fast, mine.p.slow, mine.broker.getvalue(), mine.closed)


def prepare(whole: Grid, arguments: Namespace) -> tuple[Sweep, Read]:
    index = pd.DatetimeIndex(whole.case.time_ns().astype("datetime64[ns]"))
    names = ("open", "high", "low", "close", "volume")
    frame = pd.DataFrame(dict(zip(names, whole.case.prices(), strict=True)), index=index)

    def sweep(grid: Grid) -> Any:
        engine = bt.Cerebro(stdstats=False, runonce=True, preload=True, cheat_on_open=True)
        engine.adddata(bt.feeds.PandasData(dataname=frame, timeframe=bt.TimeFrame.Minutes))
        engine.optstrategy(LongWhileAbove, fast=list(grid.fast), slow=list(grid.slow))
        engine.addanalyzer(Finals, _name="finals")
        engine.broker.addcommissioninfo(Commission())
        engine.broker.set_coo(True)
        engine.broker.setcash(whole.case.initial_cash)
        engine.broker.set_checksubmit(False)
        return engine.run(maxcpus=os.cpu_count(), optdatas=True, optreturn=True)

    return sweep, lambda grid, ran: _read(whole, ran)


def _read(whole: Grid, ran: Any) -> Table:
    found = np.array([one[0].analyzers.finals.get_analysis() for one in ran])
    returns = found[:, 2] / whole.case.initial_cash - 1.0
    return table(found[:, :2].astype(np.int64), total_return=returns, trades=found[:, 3])


if __name__ == "__main__":
    main(prepare, "backtrader", "numpy", "pandas")
