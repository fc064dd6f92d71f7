"""One point of a growth curve of this project, in a fresh process: how long and how much memory for so much work."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import measuring
import numpy as np
import workloads
from backtests.ours import LongWhileAbove, options
from measuring import emit, engine, first_run, warm_runs
from workloads import Case

import research_kit as rk

BARS_OF_SWEEP, BARS_OF_TRADES = 10_000, 1_000_000
SLOWEST = 20_000  # bars of the slow average that makes the fewest trades

Work = Callable[[], Any]
Axis = Callable[[int], tuple[Work, int]]
"""Makes the work of about so much; returns it with how much it is."""


def bars_of(count: int) -> rk.Bars:
    """Return the first bars of the longest walk."""
    prices = np.array(np.load(Case("W1", "5M").path(), mmap_mode="r")[:4, :count])
    time_ns = workloads.FIRST_NS + workloads.MINUTE_NS * np.arange(count)
    return rk.Bars(time_ns, dict(zip(("open", "high", "low", "close"), prices, strict=True)))


def bars(count: int) -> tuple[Work, int]:
    given, strategy, settings = bars_of(count), LongWhileAbove(), options(Case("W1", "5M"))
    return lambda: rk.run_backtest(given, strategy, settings).metrics, count


def trades(slow: int) -> tuple[Work, int]:
    """Make trades by the thousands on the same bars: the shorter the averages, the more."""
    given, settings = bars_of(BARS_OF_TRADES), options(Case("W1", "5M"))
    strategy = LongWhileAbove(fast=max(2, slow // 5), slow=slow)
    made = rk.run_backtest(given, strategy, settings).metrics["total_trades"]
    return lambda: rk.run_backtest(given, strategy, settings).metrics, int(made or 0)


class OftenLong(rk.Strategy):
    """Enter on every third bar; stops and targets do the rest."""

    def signals(self, bars: rk.Bars) -> rk.Signals:
        return rk.Signals(enter_long=np.arange(len(bars)) % 3 == 0, exit_long=np.zeros(len(bars), dtype=bool))


def levels(count: int) -> tuple[Work, int]:
    given, settings = bars_of(count), rk.EngineOptions(stop_loss=0.002, take_profit=0.002)
    return lambda: rk.run_backtest(given, OftenLong(), settings).metrics, count


def sets(count: int) -> tuple[Work, int]:
    if not hasattr(rk, "run_sweep"):
        measuring.missing("rk.run_sweep is not there yet")
    given, settings = bars_of(BARS_OF_SWEEP), options(Case("W1", "10k"))
    fast = max(1, round((count / 4) ** 0.5))
    grid = {"fast": range(2, 2 + fast), "slow": range(60, 60 + count // fast)}
    return lambda: rk.run_sweep(given, LongWhileAbove, grid, settings).table, fast * (count // fast)


def events(count: int) -> tuple[Work, int]:
    from backtests import ours_event

    if ours_event.is_missing():
        measuring.missing("strategies with on_bar are not there yet")
    given, strategy, settings = bars_of(count), ours_event.OnEveryBar(), options(Case("W1", "10k"))
    return lambda: rk.run_backtest(given, strategy, settings).metrics, count


def stored(count: int) -> tuple[Work, int]:
    """Write so many trades to a new SQLite database and read them back."""
    from trades import ours
    from trades.databases import SqliteHome
    from trades.work import columns

    folder, given = TemporaryDirectory(), columns(count)
    home = SqliteHome(Path(folder.name))

    def work(_: Any = folder) -> Any:  # the folder lives as long as this function
        url = home.fresh()
        ours.write(url, given)
        frame = ours.read(url)
        home.drop(url)
        return frame

    return work, count


AXES: dict[str, Axis] = {
    "bars": bars,
    "events": events,
    "trades": trades,
    "levels": levels,
    "sets": sets,
    "stored": stored,
}


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("amount", type=int)
    parser.add_argument("smallest", type=int, help="made first, so that code is loaded")
    parser.add_argument("--budget", type=float, default=1.0, help="seconds of warm runs")
    arguments = parser.parse_args()
    axis = AXES[engine()]
    axis(arguments.smallest)[0]()
    work, amount = axis(arguments.amount)
    result, record = first_run(work)
    del result
    emit(record | {"amount": amount} | warm_runs(work, arguments.budget), "numpy", "numba")


if __name__ == "__main__":
    main()
