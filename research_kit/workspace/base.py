"""An open workspace: its database, its files, its strategies."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from research_kit.runs.home import Closable, Paper
from research_kit.runs.reported import Reported
from research_kit.runs.run import Run
from research_kit.runs.trust.background import is_switched_on
from research_kit.store.database import Database
from research_kit.store.datasets import find_dataset
from research_kit.store.files import remove_leftovers
from research_kit.store.places import open_files
from research_kit.store.tables import Dataset, StrategyRow
from research_kit.strategy.base import Strategy
from research_kit.strategy.registry import Registry

DatasetKey = int | str | Dataset
DATABASE = "RESEARCH_KIT_DATABASE"
FOLDERS = ("data", "artifacts", "reports", "strategies")


class OpenWorkspace:
    """One folder, opened: what every verb needs, and what a run needs of its home."""

    def __init__(self, folder: Path, database: str | None = None, files: str | None = None) -> None:
        self.folder = folder.expanduser().absolute()
        self.database = Database.open(database or os.environ.get(DATABASE) or self.folder / "research.db")
        self.files = open_files(self.folder, files)
        for name in FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("data", "artifacts", "reports"):
            remove_leftovers(self.folder / name)
        self.registry = Registry(self.folder / "strategies")
        self.kept: dict[type[Strategy], StrategyRow] = {}
        self.kept_open: dict[str, Closable] = {}
        self.background_checks = is_switched_on()
        self.looked: set[tuple[str, str]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        elsewhere = f", files={self.files.place.where!r}" if self.files.elsewhere else ""
        return f"Workspace({str(self.folder)!r}, {self.database.url_safe!r}{elsewhere})"

    def close(self) -> None:
        """Close the connections to the database, and end the processes that were kept for the next batch."""
        for one in self.kept_open.values():
            one.close()
        self.kept_open.clear()
        self.database.close()

    def dataset(self, dataset: DatasetKey) -> Dataset:
        """Return a dataset's row by its id or its name (the newest version of it)."""
        return dataset if isinstance(dataset, Dataset) else find_dataset(self.database, dataset)

    def load_run(self, run_id: int) -> Run:
        """Return a recorded run by its id."""
        return Run.load(self, run_id)

    def report(self, what: Reported | int, path: Path | str | None = None, *, paper: Paper = "A4") -> Path:
        """Write the offline report of a run (or its id), sweep, walk-forward or comparison, and return its path.

        A file in ``reports/`` when none is given: HTML; a PDF, on this paper, where the path ends in ``.pdf``.
        """
        from research_kit.report.write import write_report

        return write_report(self.load_run(what) if isinstance(what, int) else what, path, paper=paper)
