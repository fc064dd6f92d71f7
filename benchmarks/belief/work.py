"""The checks that W9 times, by name: each makes what it needs, and returns what is to be timed."""

from __future__ import annotations

import os
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import research_kit as rk
from research_kit.metrics.inference.cscv import probability_of_overfitting
from research_kit.metrics.inference.overfitting import Overfitting

MINUTE, DAY = 60 * 10**9, 86_400 * 10**9
DAYS, MINUTES = 2_000, 500_000
SETS = 1_000

Work = Callable[[], str]
"""Does the check and returns what it said, in a few words."""

os.environ["RESEARCH_KIT_BACKGROUND_CHECKS"] = "0"  # nothing else runs beside what is timed


class Brackets(rk.Strategy):
    """Buys what broke out, with a stop and a target: written with ``on_bar``."""

    length: int = rk.Param(20, ge=2)

    def indicators(self, bars: rk.Bars) -> dict[str, Any]:
        return {"top": rk.indicators.rolling_max(bars.high, self.length)}

    def on_bar(self, ctx: Any) -> None:
        price = ctx["close"]
        if not ctx.position and price >= ctx["top"] * 0.999:
            ctx.buy(stop_loss=0.97 * price, take_profit=1.05 * price)


def walk(bars: int, step_ns: int, sigma: float) -> rk.Bars:
    """Return a seeded random walk with open, high and low."""
    rng = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, sigma, bars)))
    opens = np.concatenate([close[:1], close[:-1]])
    reach = np.abs(rng.normal(0.0, sigma / 2.0, (2, bars)))
    high, low = np.maximum(opens, close) * (1.0 + reach[0]), np.minimum(opens, close) * (1.0 - reach[1])
    return rk.Bars(np.arange(bars) * step_ns, {"open": opens, "high": high, "low": low, "close": close})


def _lookahead(strategy: Any, bars: int, step_ns: int, sigma: float) -> Work:
    data = walk(bars, step_ns, sigma)

    def check() -> str:
        found = rk.check_lookahead(data, strategy)
        return f"{found.outcome}, {found.coverage.removeprefix('checked ')}"

    return check


def _band(bars: int, step_ns: int, sigma: float) -> Work:
    data = walk(bars, step_ns, sigma)
    return lambda: f"{len(rk.convention_band(data, rk.strategies.SmaCross).arms)} conventions"


def _verify() -> Work:
    folder = TemporaryDirectory()
    workspace = rk.open_workspace(folder.name)
    workspace.import_dataset(walk(MINUTES, MINUTE, 0.001).frame, name="walk", timezone="UTC")
    run = workspace.run("sma_cross", "walk")

    def verify(_: Any = folder) -> str:  # the folder lives as long as this function
        return run.verify().outcome

    return verify


def _returns() -> np.ndarray[Any, np.dtype[np.float32]]:
    rng = np.random.default_rng(7)
    market = rng.normal(0.0003, 0.01, 2_500)
    return (0.5 * market + rng.normal(0.0, 0.008, (SETS, 2_500))).astype(np.float32)


def _pbo() -> Work:
    returns = _returns()
    return lambda: f"{probability_of_overfitting(returns, blocks=16).pbo:.2f}"


def _overfitting() -> Work:
    returns = _returns()
    return lambda: f"deflated {Overfitting.of(returns, periods_per_year=252).deflated:.2f}"


def _deflated() -> Work:
    folder = TemporaryDirectory()
    workspace = rk.open_workspace(folder.name)
    workspace.import_dataset(walk(2_500, DAY, 0.01).frame, name="days", timezone="UTC")
    grid = {"fast": range(2, 102), "slow": range(102, 202)}
    workspace.sweep("sma_cross", "days", grid, progress=False)
    run = workspace.run("sma_cross", "days", {"fast": 10, "slow": 150})

    def headline(_: Any = folder) -> str:
        return f"{run.headline.trials:,} trials"

    return headline


WORKS: dict[str, Callable[[], Work]] = {
    "look-ahead, 2,000 days": lambda: _lookahead(rk.strategies.SmaCross, DAYS, DAY, 0.01),
    "look-ahead, 2,000 days, on_bar": lambda: _lookahead(Brackets, DAYS, DAY, 0.01),
    "look-ahead, 500,000 minutes": lambda: _lookahead(rk.strategies.SmaCross, MINUTES, MINUTE, 0.001),
    "convention band, 2,000 days": lambda: _band(DAYS, DAY, 0.01),
    "convention band, 500,000 minutes": lambda: _band(MINUTES, MINUTE, 0.001),
    "verify, 500,000 minutes": _verify,
    "PBO, 1,000 sets × 2,500 days": _pbo,
    "overfitting, 1,000 sets × 2,500 days": _overfitting,
    "DSR, 10,000 trials": _deflated,
}
