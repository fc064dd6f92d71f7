"""W9 by the project itself: one check, in a process of its own."""

from __future__ import annotations

from argparse import ArgumentParser

import measuring

from belief.work import WORKS


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--budget", type=float, default=2.0)
    work = WORKS[measuring.engine()]()
    said, record = measuring.first_run(work)
    record |= measuring.warm_runs(work, parser.parse_args().budget) | {"said": said}
    measuring.emit(record, "numpy", "numba")


if __name__ == "__main__":
    main()
