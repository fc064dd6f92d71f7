"""Runs the code in ``BENCHMARK_ENGINE`` in a further fresh process of this interpreter, and says what that took.

The process that is timed does nothing but the code. ``--modules`` asks for what it imports, ``--where`` for the time by
package instead.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from measuring import emit, engine

SHOWN = 6  # packages
TOLD = "\nimport sys; print('\\n' + ' '.join(sys.modules))"
LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)")


def main() -> None:
    code, asked = engine(), sys.argv[1:]
    if asked == ["--where"]:
        return emit({"where": _by_package(code)})
    if asked == ["--modules"]:
        return emit({"imported": _run("-c", code + TOLD).stdout.splitlines()[-1].split()})
    return emit(_timed(code))


def _timed(code: str) -> dict[str, Any]:
    start = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-c", code]
    process = os.posix_spawn(sys.executable, command, os.environ)
    _, status, spent = os.wait4(process, 0)
    wall = time.perf_counter() - start
    if status:
        sys.exit(f"the code failed with status {os.waitstatus_to_exitcode(status)}")
    unit = 1 if sys.platform == "darwin" else 1024
    return {"wall_s": wall, "cpu_s": spent.ru_utime + spent.ru_stime, "resident_mb": spent.ru_maxrss * unit / 1e6}


def _by_package(code: str) -> dict[str, float]:
    """Return the seconds that modules took themselves, by package, the largest first."""
    spent: Counter[str] = Counter()
    for micros, module in LINE.findall(_run("-X", "importtime", "-c", code).stderr):
        spent[module.partition(".")[0]] += int(micros)
    return {package: micros / 1e6 for package, micros in spent.most_common(SHOWN)}


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-W", "ignore", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit((done.stderr.strip() or "no message").splitlines()[-1])
    return done


if __name__ == "__main__":
    main()
