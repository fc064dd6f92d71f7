"""The process that checks runs for look-ahead: ``python -m research_kit.workspace.checker FOLDER LOCK``."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from research_kit.processes.lock import HeldFile
from research_kit.runs.trust.lookahead import check_waiting
from research_kit.workspace.base import OpenWorkspace

MANNERS = 15  # of 19: whatever else the machine has to do comes first


def main(folder: str, lock: str) -> None:
    """Check what waits, and end; the lock came with the process and is given free with it."""
    with suppress(OSError):
        os.nice(MANNERS)
    with OpenWorkspace(Path(folder)) as ws:
        check_waiting(ws, HeldFile(int(lock)))


if __name__ == "__main__":
    main(*sys.argv[1:])
