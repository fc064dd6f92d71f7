"""What a notebook holds: it opens the store and hands each verb to the room that does it."""

from __future__ import annotations

from pathlib import Path

from research_kit.workspace.data import DataVerbs
from research_kit.workspace.history import HistoryVerbs
from research_kit.workspace.proof import ProofVerbs
from research_kit.workspace.research import ResearchVerbs


def open_workspace(folder: Path | str, database: str | None = None, files: str | None = None) -> Workspace:
    """Return the workspace in a folder, made on its first use, its database migrated on later ones.

    Parameters
    ----------
    folder
        Holds ``research.db``, ``data/``, ``artifacts/``, ``reports/`` and ``strategies/``.
    database
        Another database for it, such as a team's ``postgresql+psycopg://user@host/name``; files stay in the folder.
        When not given, the environment variable ``RESEARCH_KIT_DATABASE`` is read.
    files
        Another place for bars and equity curves: a folder, or storage such as ``s3://bucket/prefix`` (any URL that
        fsspec knows, without credentials), read through a cache on this machine. It is kept in the workspace and
        found again; where nothing was kept, ``RESEARCH_KIT_FILES`` is read. Reports stay in the folder.

    Raises
    ------
    StoreError
        The folder or the database cannot be opened; it is left as it is. ``SchemaVersionError``: the database is newer
        than this code, or a backend made it: ``research-kit db upgrade`` adopts it, opening does not.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, open_workspace(folder) as ws:
    ...     len(ws.datasets()), "sma_cross" in set(ws.strategies()["name"])
    (0, True)
    """
    return Workspace(Path(folder), database, files)


class Workspace(DataVerbs, ResearchVerbs, HistoryVerbs, ProofVerbs):
    """Datasets, strategies and recorded runs in one folder."""
