"""Bars of a dataset that another process opens for itself: what is sent to it is where they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from research_kit.store.places import files_at
from research_kit.strategy.folder import StrategyFolder

if TYPE_CHECKING:
    from pathlib import Path

    from research_kit.bars.frame import Bars
    from research_kit.runs.home import Home
    from research_kit.store.tables import Dataset


@dataclass(frozen=True)
class StoredBars:
    """Where the bars of a dataset are, and what is known of them; equal to every other that means the same bars."""

    folder: Path
    file_path: str
    sha256: str
    size: int
    details: tuple[tuple[str, Any], ...]
    where: str  # the files are: a folder, or a URL
    part: tuple[int, int] | None = None

    @classmethod
    def of(cls, home: Home, dataset: Dataset) -> StoredBars:
        """Return where the bars of a dataset are."""
        options = dataset.import_options or {}
        details = {
            "symbol": dataset.symbol or "",
            "timeframe": dataset.timeframe or "",
            "session": dataset.session or "24/7",
            "allow_nonpositive": bool(options.get("allow_nonpositive")),
        }
        return cls(
            home.files.folder,
            dataset.file_path,
            dataset.sha256 or "",
            dataset.file_size or 0,
            tuple(details.items()),
            home.files.place.where,
        )

    def load(self) -> Bars:
        """Return the bars, mapped into memory; from storage elsewhere through this machine's own cache.

        Raises
        ------
        ArtifactMissingError
            The file is not there, or not what was stored.
        """
        files = files_at(self.folder, self.where)
        bars = files.open_bars(self.file_path, self.sha256, self.size, **dict(self.details))
        return bars if self.part is None else bars.window(*self.part)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Arrive in another process: the strategies of the same workspace, which come after the bars, are found now."""
        self.__dict__.update(state)
        StrategyFolder.at(self.folder / "strategies")

    def window(self, start: int, stop: int) -> StoredBars:
        """Return where the bars from ``start`` up to but not including ``stop`` are."""
        return replace(self, part=(start, stop))
