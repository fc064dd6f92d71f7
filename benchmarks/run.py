"""Times this project and its peers side by side, in one run: fresh processes that take turns, equal work asserted.

``make bench``, or ``python benchmarks/run.py --quick``, ``--sizes 10k,5M``, ``--peers vectorbt-rust``,
``--repeats 5``, ``--workloads W5 --rows 5M``. Writes ``results.json`` and ``RESULTS.md`` beside this file; imports (W5)
and backtests (the others) stay there while only the other kind is timed anew.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from environments import IMPORT_PEERS, LIMIT, OURS, PEERS, Competitor, make
from equality import UnequalWorkError, Work, common_share
from import_run import compare_imports
from processes import RunError, run_script
from results import Results
from workloads import CALM, SIZES, STOP_HEAVY, Case

HERE = Path(__file__).parent
QUICK_SIZES = ("10k", "100k")
STOP_HEAVY_SIZES = ("10k", "100k")  # longer walks of this volatility run out of decimals
PEER_NAMES = [peer.name for peer in (*PEERS, *IMPORT_PEERS)]
WORKLOADS = ("W1", "W2", "W5")


def main() -> None:
    arguments = _arguments()
    results = Results.read()
    if cases := _cases(arguments.workloads, arguments.sizes):
        results = Results(imports=results.imports)
        _compare_backtests(cases, arguments, results)
    if "W5" in arguments.workloads:
        results.imports = compare_imports(arguments.rows, arguments.repeats, _chosen(IMPORT_PEERS, arguments))
        results.write()
    print(f"{HERE / 'RESULTS.md'}")


def _compare_backtests(cases: Sequence[Case], arguments: Namespace, results: Results) -> None:
    engines = [OURS, LIMIT, *_available(_chosen(PEERS, arguments), results)]
    for case in cases:
        able = [engine for engine in engines if case.bars <= engine.largest]
        case.prices()
        with TemporaryDirectory() as folder:
            able = _check_equal_work(able, case, Path(folder), results)
        for _ in range(arguments.repeats):
            for engine in able:
                results.row(engine.name, case).runs.append(_run(engine, case, budget=arguments.budget))
        _report(case, results)
        results.write()


def _arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", type=_names(WORKLOADS), default=WORKLOADS, help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--sizes", type=_names(SIZES), help=f"of W1 and W2: of {', '.join(SIZES)}; all by default")
    parser.add_argument("--rows", choices=SIZES, help="of W5; 5M by default")
    parser.add_argument("--peers", type=_names(PEER_NAMES), default=PEER_NAMES)
    parser.add_argument("--repeats", type=int, help="processes for each engine and case")
    parser.add_argument("--budget", type=float, default=2.0, help="seconds of warm runs in each process")
    parser.add_argument("--quick", action="store_true", help="small sizes, two processes, a minute or two")
    arguments = parser.parse_args()
    arguments.sizes = arguments.sizes or (QUICK_SIZES if arguments.quick else tuple(SIZES))
    arguments.rows = SIZES[arguments.rows or ("100k" if arguments.quick else "5M")]
    arguments.repeats = arguments.repeats or (2 if arguments.quick else 3)
    return arguments


def _names(known: Sequence[str] | dict[str, int]) -> Any:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise ValueError(name)
        return names

    parse.__name__ = "name"  # argparse says "invalid name value: …"
    return parse


def _chosen(peers: Sequence[Competitor], arguments: Namespace) -> list[Competitor]:
    return [peer for peer in peers if peer.name in arguments.peers]


def _cases(chosen: Sequence[str], sizes: Sequence[str]) -> list[Case]:
    calm = [Case(workload, size, CALM) for workload in ("W1", "W2") for size in sizes]
    heavy = [Case("W2", size, STOP_HEAVY) for size in sizes if size in STOP_HEAVY_SIZES]
    return [case for case in calm + heavy if case.workload in chosen]


def _available(peers: Sequence[Competitor], results: Results) -> list[Competitor]:
    problems = {peer.name: make(peer) for peer in peers}
    results.absent = {name: problem for name, problem in problems.items() if problem}
    for name, problem in results.absent.items():
        print(f"without {name}: {problem}", flush=True)
    return [peer for peer in peers if not problems[peer.name]]


def _check_equal_work(engines: Sequence[Competitor], case: Case, folder: Path, results: Results) -> list[Competitor]:
    """Return the engines that can be timed on this case; this first round also fills their caches of compiled code."""
    done: list[Competitor] = []
    ours: Work | None = None
    for engine in engines:
        row = results.row(engine.name, case)
        try:
            work = _work(engine, case, folder)
        except RunError as error:
            if engine is OURS:
                raise
            results.absent[f"{engine.name} on {case.title}"] = str(error)
            continue
        ours = ours or work
        same_stops = engine.same_stops or case.sigma == CALM
        row.common_trades = common_share(ours, work, equity_tolerance=engine.tolerance, same_stops=same_stops)
        done.append(engine)
    return done


def _work(engine: Competitor, case: Case, folder: Path) -> Work:
    path = folder / f"{engine.name}.npy"
    record = _run(engine, case, budget=0, trades=path)
    return Work(engine.name, np.load(path), record["final_equity"])


def _run(engine: Competitor, case: Case, *, budget: float, trades: Path | None = None) -> dict[str, Any]:
    options = ["--sigma", str(case.sigma), "--budget", str(budget), *(["--trades", str(trades)] if trades else [])]
    return run_script(engine, case.workload, case.size, *options)


def _report(case: Case, results: Results) -> None:
    times = [(row.engine, row.median_of("warm_s")) for row in results.rows_of(case)]
    shown = ", ".join(f"{name} {1e3 * seconds:.3g} ms" for name, seconds in times if seconds)
    print(f"{case.title}: {shown}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (RunError, UnequalWorkError) as error:
        sys.exit(str(error))
