"""Times imports side by side: fresh processes that take turns, equal work asserted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from environments import IMPORT_PEERS, OUR_IMPORT, Competitor, make
from import_equality import check_counts, check_stored, read_stored
from import_measuring import STORES
from import_results import ImportResults, ImportRow
from import_work import FEWEST_ROWS, csv_file, expected
from numpy.typing import NDArray
from processes import RunError, run_script

Turn = tuple[Competitor, str]
"""A tool and the kind of file that it stores."""


def compare_imports(rows: int, repeats: int, peers: Sequence[Competitor] = IMPORT_PEERS) -> ImportResults:
    """Return the runs of this project and its peers on a CSV of so many minutes.

    Raises
    ------
    UnequalWorkError
        A tool found or stored something else than the others.
    """
    path = csv_file(rows)
    results = ImportResults(minutes=rows, csv_mb=path.stat().st_size / 1e6, counts=expected(rows))
    turns = _check_equal_work(_turns(peers, results), rows, results)
    results.rows = [ImportRow(tool.name, store) for tool, store in turns]
    for _ in range(repeats):
        for (tool, store), row in zip(turns, results.rows, strict=True):
            with TemporaryDirectory() as folder:
                row.runs.append(_run(tool, store, rows, folder))
    print(f"W5 against the fastest peer, by what peers store:\n{results.summary()}", flush=True)
    return results


def _turns(peers: Sequence[Competitor], results: ImportResults) -> list[Turn]:
    turns = [(OUR_IMPORT, "arrow")]
    for peer in peers:
        if problem := make(peer):
            results.absent[peer.name] = problem
            print(f"without {peer.name}: {problem}", flush=True)
        else:
            turns += [(peer, store) for store in STORES]
    return turns


def _check_equal_work(turns: list[Turn], rows: int, results: ImportResults) -> list[Turn]:
    """Return the tools that can be timed; this first round also brings the file into the system's cache."""
    able: list[Turn] = []
    ours: NDArray[np.float64] | None = None
    for tool, store in turns:
        with TemporaryDirectory() as folder:
            try:
                record = _run(tool, store, rows, folder)
            except RunError as error:
                if tool is OUR_IMPORT:
                    raise
                results.absent[f"{tool.name}, {store}"] = str(error)
                continue
            stored = read_stored(Path(record["path"]))
        ours = stored if ours is None else ours
        check_stored(tool.name, stored, ours)
        able.append((tool, store))
    return able


def _run(tool: Competitor, store: str, rows: int, folder: str) -> dict[str, Any]:
    """Return what a fresh process of the tool printed, its counts being right."""
    record = run_script(tool, str(csv_file(rows)), str(csv_file(FEWEST_ROWS)), store, folder)
    check_counts(tool.name, record["counts"], expected(rows))
    return record
