"""How an engine is measured in its own fresh process, which prints one JSON line. The standard library alone.

``processes.py`` puts the moment of the start into the environment variable ``BENCHMARK_STARTED`` and the name of the
engine's way, where a module knows several, into ``BENCHMARK_ENGINE``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NoReturn

from memory import forget_peak, peak_mb

MAX_RUNS, MIN_RUNS = 25, 2
MISSING = 3  # the exit status that processes.py knows

Figures = dict[str, Any]


def cpu_s() -> float:
    """Return the processor seconds of this process and of those that it waited for, user and system."""
    spent = os.times()
    return time.process_time() + spent.children_user + spent.children_system


def clocked(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return the result of some work, and its wall and processor seconds."""
    wall, cpu = time.perf_counter(), cpu_s()
    result = work()
    return result, time.perf_counter() - wall, cpu_s() - cpu


def first_run(work: Callable[[], Any]) -> tuple[Any, Figures]:
    """Return the result of the first run with its time, its memory, and the time since the process was started."""
    before = forget_peak()
    began_at = time.time()
    result, wall, cpu = clocked(work)
    return result, {
        "began_at": began_at,
        "wall_s": wall,
        "cpu_s": cpu,
        "cold_s": time.time() - float(os.environ["BENCHMARK_STARTED"]),
        "cold_cpu_s": cpu_s(),
        "peak_mb": peak_mb() - before,
    }


def warm_runs(work: Callable[[], Any], budget: float) -> Figures:
    """Return the wall and processor seconds of runs until the budget is spent, and the peak memory of one of them."""
    walls: list[float] = []
    cpus: list[float] = []
    before = forget_peak()
    while budget > 0 and len(walls) < MAX_RUNS and (len(walls) < MIN_RUNS or sum(walls) < budget):
        result, wall, cpu = clocked(work)
        del result  # before the next run needs its memory
        walls.append(wall)
        cpus.append(cpu)
    return {"warm_s": walls, "warm_cpu_s": cpus, "warm_peak_mb": peak_mb() - before}


def emit(record: Figures, *packages: str) -> None:
    """Print the JSON line, with the load of the machine and the versions of packages."""
    versions = {"python": sys.version.split()[0]} | {name: version(name) for name in packages}
    print(json.dumps(record | {"load": os.getloadavg()[0], "versions": versions}))


def engine() -> str:
    """Return which of its ways the module is to go."""
    return os.environ.get("BENCHMARK_ENGINE", "")


def missing(what: str) -> NoReturn:
    """End the process: what the workload needs is not in this version."""
    print(what, file=sys.stderr)
    raise SystemExit(MISSING)
