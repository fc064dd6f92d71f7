"""How one engine is measured on one backtest in its own fresh process. Needs NumPy alone.

``<python of the environment> -m backtests.ours W1 10k --sigma 0.001 --budget 2 --trades FILE``
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measuring import Figures, emit, first_run, warm_runs
from numpy.typing import NDArray
from workloads import CALM, SIZES, Case


@dataclass(frozen=True)
class Outcome:
    """What engines must agree on: closed trades as rows (entry bar, exit bar, entry price, exit price), and equity."""

    trades: NDArray[np.float64]
    final_equity: float
    figures: Figures


@dataclass(frozen=True)
class Engine:
    """An engine ready to run: ``run`` is what is timed, ``read`` takes the outcome from its result afterwards."""

    run: Callable[[], Any]
    read: Callable[[Any], Outcome]


def main(prepare: Callable[[Case], Engine], *packages: str) -> None:
    """Measure the engine that ``prepare`` makes for the case on the command line and print the JSON line."""
    arguments = _arguments()
    engine = prepare(Case(arguments.workload, arguments.size, arguments.sigma))
    if arguments.where:
        from whereabouts import shares

        engine.run()
        return emit({"where": shares(engine.run)})
    result, first = first_run(engine.run)
    outcome = engine.read(result)
    del result
    if arguments.trades:
        np.save(arguments.trades, outcome.trades)
    found = {"trades": len(outcome.trades), "final_equity": outcome.final_equity, "figures": outcome.figures}
    return emit(first | found | warm_runs(engine.run, arguments.budget), *packages)


def _arguments() -> Namespace:
    parser = ArgumentParser()
    parser.add_argument("workload", choices=("W1", "W2"))
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--sigma", type=float, default=CALM)
    parser.add_argument("--budget", type=float, default=2.0, help="seconds of warm runs")
    parser.add_argument("--trades", type=Path, help="where the trades go, .npy")
    parser.add_argument("--where", action="store_true", help="profile a warm run instead")
    return parser.parse_args()
