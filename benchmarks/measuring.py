"""How one engine is measured in its own fresh process: one JSON line out. Needs NumPy alone.

``run.py`` starts ``<python of the environment> <script> W1 10k --sigma 0.001 --budget 2 --trades FILE`` and puts the
moment of the start into the environment variable ``BENCHMARK_STARTED``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from memory import forget_peak, peak_mb
from numpy.typing import NDArray
from workloads import CALM, SIZES, Case

MAX_RUNS, MIN_RUNS = 25, 2

Figures = dict[str, float | int | None]


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
    case = Case(arguments.workload, arguments.size, arguments.sigma)
    engine = prepare(case)
    before = forget_peak()
    result = engine.run()
    cold_s, cold_cpu_s = time.time() - _started(), time.process_time()
    peak = peak_mb() - before
    outcome = engine.read(result)
    del result
    walls, cpus = _warm_runs(engine.run, arguments.budget)
    if arguments.trades:
        np.save(arguments.trades, outcome.trades)
    record = {
        "warm_s": walls,
        "warm_cpu_s": cpus,
        "cold_s": cold_s,
        "cold_cpu_s": cold_cpu_s,
        "peak_mb": peak,
        "trades": len(outcome.trades),
        "final_equity": outcome.final_equity,
        "figures": outcome.figures,
        "load": os.getloadavg()[0],
        "versions": {"python": sys.version.split()[0]} | {name: version(name) for name in packages},
    }
    print(json.dumps(record))


def _arguments() -> Namespace:
    parser = ArgumentParser()
    parser.add_argument("workload", choices=("W1", "W2"))
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--sigma", type=float, default=CALM)
    parser.add_argument("--budget", type=float, default=2.0, help="seconds of warm runs")
    parser.add_argument("--trades", type=Path, help="where the trades go, .npy")
    return parser.parse_args()


def _started() -> float:
    return float(os.environ["BENCHMARK_STARTED"])


def _warm_runs(run: Callable[[], Any], budget: float) -> tuple[list[float], list[float]]:
    """Return the wall and processor seconds of runs until the budget is spent."""
    walls: list[float] = []
    cpus: list[float] = []
    while budget > 0 and len(walls) < MAX_RUNS and (len(walls) < MIN_RUNS or sum(walls) < budget):
        wall, cpu = time.perf_counter(), time.process_time()
        result = run()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        del result
    return walls, cpus
