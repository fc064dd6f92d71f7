"""How one import is measured in its own fresh process: one JSON line out. The standard library alone.

``import_run.py`` starts ``<python of the environment> <script> CSV SAMPLE parquet FOLDER`` and puts the moment of the
start into the environment variable ``BENCHMARK_STARTED``. The small sample of the same layout is imported first, so
that what libraries load when first used is in the cold time only.
"""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from memory import forget_peak, peak_mb

STORES = ("parquet", "arrow")
PRICES = ("open", "high", "low", "close")
COLUMNS = (*PRICES, "volume")
MINUTE_S = 60


@dataclass(frozen=True)
class Imported:
    """What an import found, as ``import_work.expected`` names it, and the file that it stored."""

    counts: dict[str, int]
    path: Path


Importer = Callable[[Path], Imported]


def main(prepare: Callable[[str, Path], Importer], *packages: str) -> None:
    """Measure the importer that ``prepare`` makes for a kind of store and a folder, and print the JSON line."""
    parser = ArgumentParser()
    parser.add_argument("csv", type=Path)
    parser.add_argument("sample", type=Path)
    parser.add_argument("store", choices=STORES)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    importer = prepare(arguments.store, arguments.folder)
    importer(arguments.sample)
    before = forget_peak()
    wall, cpu = time.perf_counter(), _cpu_s()
    imported = importer(arguments.csv)
    wall_s, cpu_s = time.perf_counter() - wall, _cpu_s() - cpu
    record = {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "cold_s": time.time() - float(os.environ["BENCHMARK_STARTED"]),
        "cold_cpu_s": _cpu_s(),
        "peak_mb": peak_mb() - before,
        "counts": imported.counts,
        "path": str(imported.path),
        "stored_mb": imported.path.stat().st_size / 1e6,
        "load": os.getloadavg()[0],
        "versions": {"python": sys.version.split()[0]} | {name: version(name) for name in packages},
    }
    print(json.dumps(record))


def _cpu_s() -> float:
    """Return the processor seconds of this process and of those that it waited for, user and system."""
    spent = os.times()
    return time.process_time() + spent.children_user + spent.children_system
