"""Fresh processes: each engine runs as a module in its own environment and prints one JSON line."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from environments import Competitor
from memory import TreeWatch

HERE = Path(__file__).parent
TIMEOUT_S = 900
MISSING = 3  # exit status: what the workload needs is not in this version


class RunError(Exception):
    """A process of the comparison failed."""


class MissingError(RunError):
    """What the workload needs is not in this version."""


def run_module(engine: Competitor, *arguments: object, watch: bool = False) -> dict[str, Any]:
    """Return what a fresh process of the engine printed.

    With ``watch``, ``tree_mb`` is the most memory that it and its children had together since ``began_at``, over what
    they had then.

    Raises
    ------
    MissingError
        It said that something it needs is not there.
    RunError
        It failed, or took more than ``TIMEOUT_S``.
    """
    command = [str(engine.environment.python), "-m", engine.module, *map(str, arguments)]
    environ = os.environ | {"PYTHONWARNINGS": "ignore", "BENCHMARK_ENGINE": engine.engine}
    environ["BENCHMARK_STARTED"] = repr(time.time())
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ, cwd=HERE, stdout=pipe, stderr=pipe, text=True) as process:
        watcher = TreeWatch(process.pid) if watch else None
        try:
            output, complaint = process.communicate(timeout=TIMEOUT_S)
        except BaseException as error:
            process.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                raise RunError(f"took more than {TIMEOUT_S} s") from None
            raise
        finally:
            samples = watcher.stop() if watcher else []
    if process.returncode:
        kind = MissingError if process.returncode == MISSING else RunError
        raise kind((complaint.strip() or f"exit status {process.returncode}").splitlines()[-1])
    record: dict[str, Any] = json.loads(output.splitlines()[-1])
    if watch:
        record["tree_mb"] = _growth(samples, record.pop("began_at"))
    return record


def _growth(samples: list[tuple[float, float]], began_at: float) -> float | None:
    before = [used for at, used in samples if at <= began_at]
    since = [used for at, used in samples if at > began_at]
    return max(since) - before[-1] if before and since else None
