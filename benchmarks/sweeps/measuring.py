"""How one engine is measured on one sweep in its own fresh process. Needs NumPy alone.

``<python of the environment> -m sweeps.ours 1k --sets 1000 --values FILE``; a small sweep is made first, so that what
is compiled and loaded when first used is in the cold time only.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measuring import emit, first_run

from sweeps.work import GRIDS, Grid, Table

WARM_UP_SETS = 4

Sweep = Callable[[Grid], Any]
"""What is timed: returns whatever holds the metrics of each set."""
Read = Callable[[Grid, Any], Table]
"""Makes the table from it afterwards."""


def parser() -> ArgumentParser:
    made = ArgumentParser()
    made.add_argument("grid", choices=GRIDS)
    made.add_argument("--sets", type=int, default=10**9, help="of the grid, evenly spread; all by default")
    made.add_argument("--values", type=Path, help="where the table goes, .npy")
    made.add_argument("--where", action="store_true", help="profile a sweep instead")
    return made


def main(prepare: Callable[[Grid, Namespace], tuple[Sweep, Read]], *packages: str) -> None:
    """Measure the sweep that ``prepare`` makes for the command line and print the JSON line."""
    measure(parser().parse_args(), prepare, *packages)


def measure(arguments: Namespace, prepare: Callable[[Grid, Namespace], tuple[Sweep, Read]], *packages: str) -> None:
    """Measure the sweep that ``prepare`` makes for these arguments and print the JSON line."""
    whole = GRIDS[arguments.grid]
    grid = whole.part(arguments.sets)
    sweep, read = prepare(whole, arguments)
    sweep(whole.part(WARM_UP_SETS))
    if arguments.where:
        from whereabouts import shares

        return emit({"where": shares(lambda: sweep(grid))})
    result, record = first_run(lambda: sweep(grid))
    if arguments.values:
        np.save(arguments.values, read(grid, result))
    of_sets = {
        "sets": len(grid),
        "sets_per_s": len(grid) / record["wall_s"],
        "cpu_s_per_set": record["cpu_s"] / len(grid),
    }
    return emit(record | of_sets, *packages)
