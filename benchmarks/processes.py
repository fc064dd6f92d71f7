"""Fresh processes: each engine runs as a script in its own environment and prints one JSON line."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from environments import Competitor

HERE = Path(__file__).parent
TIMEOUT_S = 600


class RunError(Exception):
    """A process of the comparison failed."""


def run_script(engine: Competitor, *arguments: str) -> dict[str, Any]:
    """Return what a fresh process of the engine printed.

    Raises
    ------
    RunError
        It failed, or took more than ``TIMEOUT_S``.
    """
    command = [str(engine.python), str(HERE / engine.script), *arguments]
    environ = os.environ | {"PYTHONWARNINGS": "ignore", "VECTORBT_ENGINE": engine.engine}
    environ["BENCHMARK_STARTED"] = repr(time.time())
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise RunError(f"{engine.name} took more than {TIMEOUT_S} s") from None
    if done.returncode:
        raise RunError(f"{engine.name}: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
    record: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return record
