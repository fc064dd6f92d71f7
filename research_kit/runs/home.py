"""What a run needs of the workspace that it lives in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from research_kit.runs.reported import Reported
    from research_kit.store.database import Database
    from research_kit.store.files import FileStore
    from research_kit.store.tables import StrategyRow
    from research_kit.strategy.base import Strategy
    from research_kit.strategy.registry import Registry

Paper = Literal["A4", "letter"]


class Closable(Protocol):
    """What is closed with its workspace."""

    def close(self) -> None:
        """Give free what it holds."""


class Home(Protocol):
    """A database, the files beside it, the strategies that may be named, and a way to write reports."""

    database: Database
    files: FileStore
    registry: Registry
    kept: dict[type[Strategy], StrategyRow]  # strategies whose source is in the store already
    kept_open: dict[str, Closable]  # what takes long to open, by what it is
    background_checks: bool  # whether a source's first run on a dataset is checked for look-ahead
    looked: set[tuple[str, str]]  # the sources and data (sha256) whose first run was seen here

    def report(self, what: Reported | int, path: Path | str | None = None, *, paper: Paper = "A4") -> Path:
        """Write the report of a run, sweep, walk-forward or comparison and return where it is."""
