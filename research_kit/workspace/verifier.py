"""What a process runs that verifies some runs of a workspace, its database the one that the environment names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from research_kit.runs.trust.verifying_all import write_verifications
from research_kit.workspace.base import OpenWorkspace


def verify_runs(folder: str, ids: Sequence[int], results: str, trust: bool) -> None:
    """Verify runs of the workspace in ``folder``; what was found is kept there, and written to the file ``results``."""
    with OpenWorkspace(Path(folder)) as ws:
        write_verifications(ws, ids, Path(results), trust=trust)
