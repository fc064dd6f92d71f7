"""Look-ahead is checked in the background: what a run asks for, and the process of low priority that does it.

A run leaves a note of itself in ``logs/checks``; one process for each machine and workspace takes notes until there are
none. It begins in a session of its own: whatever becomes of the notebook, it ends by itself, and nothing waits for it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from research_kit.processes.holder import start_holder
from research_kit.processes.identity import machine
from research_kit.runs.strategies import write_down
from research_kit.store.files import write_atomic
from research_kit.store.verdicts import find_verdict

if TYPE_CHECKING:
    from research_kit.runs.home import Home
    from research_kit.runs.run import Run
    from research_kit.strategy.base import Strategy

SWITCH = "RESEARCH_KIT_BACKGROUND_CHECKS"  # 0 switches the checks of all workspaces off
DATABASE = "RESEARCH_KIT_DATABASE"


def is_switched_on() -> bool:
    """Return whether the environment lets checks run in the background."""
    return os.environ.get(SWITCH, "1").strip().lower() not in ("0", "false", "no", "off")


def begin_check(home: Home, run: Run, strategy: Strategy) -> None:
    """Let another process check a run for look-ahead, if it is the first of its source on its data.

    Nothing that goes wrong here is told: a check is never worth a run.
    """
    if not home.background_checks or os.name != "posix":
        return
    source, data = run.job.strategy_sha256 or "", run.job.dataset_sha256 or ""
    if (source, data) in home.looked:
        return
    home.looked.add((source, data))
    with suppress(Exception):
        if find_verdict(home.database, "lookahead", source_sha256=source, dataset_sha256=data) is None:
            write_atomic(notes_of(home) / f"{run.id}.note", _written_down(home, strategy).encode())
            ensure_checker(home)


def notes_of(home: Home) -> Path:
    """Return the folder of the runs that wait for their check."""
    return home.files.folder / "logs" / "checks"


def checker_lock(home: Home) -> Path:
    """Return the file that the process holds that checks the runs of a workspace on this machine."""
    return home.files.folder / "logs" / f"checker-{machine()}.lock"


def ensure_checker(home: Home) -> None:
    """Start the process that checks the runs of this workspace, unless one is there."""
    folder = home.files.folder
    start_holder(
        *(checker_lock(home), "research_kit.workspace.checker", folder),
        log=folder / "logs" / "checks.log",
        environment={DATABASE: home.database.url},
    )


def _written_down(home: Home, strategy: Strategy) -> str:
    """Return the sha256 of the file that a notebook's class was written into; empty for one that has a file."""
    row = home.kept.get(type(strategy))
    if row is not None and row.origin != "notebook" and type(strategy).__module__ != "__main__":
        return ""
    try:
        return write_down(home, strategy)
    except Exception:  # its stored source may do
        return ""
