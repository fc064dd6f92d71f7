"""How one library is measured on the metrics of one curve in its own fresh process. Needs NumPy alone."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable

from measuring import emit, first_run, warm_runs
from workloads import SIZES

from curves.work import Curve, Values, make_curve


def main(prepare: Callable[[Curve], Callable[[], Values]], *packages: str) -> None:
    """Measure the function that ``prepare`` makes for the curve on the command line and print the JSON line."""
    parser = ArgumentParser()
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--budget", type=float, default=2.0, help="seconds of warm runs")
    parser.add_argument("--where", action="store_true", help="profile a warm run instead")
    arguments = parser.parse_args()
    compute = prepare(make_curve(arguments.size))
    if arguments.where:
        from whereabouts import shares

        compute()
        return emit({"where": shares(compute)})
    values, first = first_run(compute)
    told = {"values": {name: float(value) for name, value in values.items()}, "metrics": len(values)}
    return emit(first | told | warm_runs(compute, arguments.budget), *packages)
