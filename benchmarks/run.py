"""Times this project and its peers side by side, in one run: fresh processes that take turns, equal work asserted.

``make bench``, or ``python benchmarks/run.py --quick``, ``--workloads W3,W8``, ``--sizes 10k,5M``,
``--peers vectorbt-rust``, ``--repeats 5``, ``--rows 5M`` (W5), ``--trades 1M`` (W8). Writes ``results.json``,
``RESULTS.md`` and ``RESULTS.svg`` beside this file; workloads that are not timed anew stay there as they are.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

import report
from environments import Competitor
from groups import GROUPS, WORKLOADS, peer_names
from processes import RunError, run_module
from results import HERE, Results
from sweeps.work import GRIDS
from turns import Options
from workloads import SIZES

QUICK_SIZES = ("10k", "100k")


def main() -> None:
    options = parse_options(sys.argv[1:])
    results = Results.read()
    try:
        results.bandwidth = run_module(Competitor("memory", "bandwidth"))
    except RunError as error:
        print(f"without the speed of memory: {error}", flush=True)
    for group in GROUPS:
        if set(group.WORKLOADS) & set(options.workloads):
            group.compare(options, results)
            results.write()
            report.write(results)
    print(HERE / "RESULTS.md")
    faults = [fault for name in options.workloads if name in results.sheets for fault in results.sheets[name].faults]
    if faults:
        sys.exit("\n".join(faults))


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options of a command line."""
    known, peers = list(WORKLOADS), peer_names()
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", type=_names(known), default=known, help=f"of {', '.join(known)}")
    parser.add_argument("--sizes", type=_names(SIZES), help=f"of backtests: of {', '.join(SIZES)}; all by default")
    parser.add_argument("--rows", choices=SIZES, help="of W5; 5M by default")
    parser.add_argument("--trades", choices=SIZES, help="of W8; 1M by default")
    parser.add_argument("--grids", type=_names(GRIDS), help=f"of W3: of {', '.join(GRIDS)}; 1k,10k by default")
    parser.add_argument("--peers", type=_names(peers), default=peers, help=f"of {', '.join(peers)}")
    parser.add_argument("--repeats", type=int, help="processes for each engine and case")
    parser.add_argument("--budget", type=float, default=2.0, help="seconds of warm runs in each process")
    parser.add_argument("--quick", action="store_true", help="small sizes, two processes, a few minutes")
    given = parser.parse_args(arguments)
    return Options(
        workloads=given.workloads,
        sizes=given.sizes or (QUICK_SIZES if given.quick else tuple(SIZES)),
        rows=SIZES[given.rows or ("100k" if given.quick else "5M")],
        trades=SIZES[given.trades or ("10k" if given.quick else "1M")],
        grids=given.grids or (("100",) if given.quick else ("1k", "10k")),
        peers=given.peers,
        repeats=given.repeats or (2 if given.quick else 3),
        budget=given.budget,
        quick=given.quick,
    )


def _names(known: Sequence[str] | dict[str, int]) -> Any:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise ValueError(name)
        return names

    parse.__name__ = "name"  # argparse says "invalid name value: …"
    return parse


if __name__ == "__main__":
    main()
