"""A recorded walk-forward as users hold it: what it came to, and what the store knows of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from research_kit.search.walk_forward import WalkForward
from research_kit.store.trials import count_trials

if TYPE_CHECKING:
    from research_kit.runs.home import Home, Paper
    from research_kit.store.tables import SweepRow


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class RecordedWalkForward(WalkForward):
    """A walk-forward whose every set is a trial; ``id`` is that of its row in the table ``sweeps``."""

    home: Home = field(repr=False)
    row: SweepRow = field(repr=False)

    @property
    def id(self) -> int:
        """The id of the walk-forward in the table ``sweeps``."""
        return self.row.id

    @property
    def trials(self) -> int:
        """How many different things were tried on this data and its family so far, with any strategy."""
        return count_trials(self.home.database, dataset_sha256=self.row.dataset_sha256)

    def report(self, path: Path | str | None = None, *, paper: Paper = "A4") -> Path:
        """Write one offline file about this walk-forward and return its path: HTML, or a PDF where it ends in .pdf."""
        return self.home.report(self, path, paper=paper)
