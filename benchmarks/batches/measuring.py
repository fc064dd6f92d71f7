"""How one way of running ten notebooks is measured in its own fresh process."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring import emit, first_run

from batches.work import COUNT, KINDS, result_of

RunAll = Callable[[str, Path, int], list[Path]]
"""Runs so many notebooks of a kind in a folder and returns the executed ones, in order."""


def main(run_all: RunAll, *packages: str) -> None:
    """Measure ten notebooks after one that is not counted, and print the JSON line."""
    parser = ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--count", type=int, default=COUNT)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("warm", "timed")]
        for place in places:
            place.mkdir()
        run_all(arguments.kind, places[0], 1)
        executed, record = first_run(lambda: run_all(arguments.kind, places[1], arguments.count))
        results = [result_of(path) for path in executed]
    per_notebook = {"s_per_notebook": record["wall_s"] / arguments.count, "results": results}
    emit(record | per_notebook, *packages)
