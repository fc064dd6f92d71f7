"""How one tool is measured on writing or reading trades in its own fresh process. Needs NumPy alone.

``<python of the environment> -m trades.peer_adbc write URL WARM_URL ROWS``: the second database is for a small round
that is not counted.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from measuring import emit, engine, first_run, missing, warm_runs

from trades.work import COLUMNS, Columns, columns, values_of

WARM_UP_ROWS = 1_000

Writer = Callable[[str, Columns], None]
"""Writes the trades to the database at a URL, in one transaction."""
Reader = Callable[[str], Any]
"""Returns the trades in it as a DataFrame, or arrays by name, with numbers and times as such."""


def main(writers: Mapping[str, Writer], readers: Mapping[str, Reader], *packages: str) -> None:
    """Measure the way that is asked for and print the JSON line."""
    parser = ArgumentParser()
    parser.add_argument("action", choices=("write", "read"))
    parser.add_argument("url")
    parser.add_argument("warm_url")
    parser.add_argument("rows", type=int)
    parser.add_argument("--budget", type=float, default=0.0, help="seconds of warm reading")
    parser.add_argument("--where", action="store_true", help="profile the work instead")
    arguments = parser.parse_args()
    way = (writers if arguments.action == "write" else readers).get(engine())
    if way is None:
        missing(f"{engine()} does not {arguments.action}")
    is_read = arguments.action == "read"
    given = [] if is_read else [columns(arguments.rows)]
    way(arguments.warm_url, *([] if is_read else [columns(WARM_UP_ROWS)]))
    work = partial(way, arguments.url, *given)
    if arguments.where:
        from whereabouts import shares

        return emit({"where": shares(work)})
    frame, record = first_run(work)
    if is_read:
        record["values"] = values_of({name: np.asarray(frame[name]) for name in COLUMNS})
        del frame
        warm = warm_runs(work, arguments.budget)
        if warm["warm_s"]:
            record |= {"wall_s": float(np.median(warm["warm_s"])), "cpu_s": float(np.median(warm["warm_cpu_s"]))}
    return emit(record | {"rows": arguments.rows, "rows_per_s": arguments.rows / record["wall_s"]}, *packages)
