"""The process of a worker that was started for a job: ``python -m research_kit.workspace.worker FOLDER LOCK IDLE``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from research_kit.processes.lock import HeldFile
from research_kit.runs.jobs.worker import work
from research_kit.workspace.base import OpenWorkspace


def main(folder: str, lock: str, idle: str) -> None:
    """Work until there was nothing to do for a while; the lock came with the process and is given free with it."""
    with OpenWorkspace(Path(folder)) as ws:
        work(ws, os.cpu_count() or 1, float(idle), held=HeldFile(int(lock)))


if __name__ == "__main__":
    main(*sys.argv[1:])
