"""W5 by the project itself, through its public names only: it also looks for much that the peers do not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import research_kit as rk
from imports.measuring import Imported, Importer, main

if TYPE_CHECKING:
    from research_kit.bars.quality.report import QualityReport

INCONSISTENT = ("high_below_low", "close_outside", "open_outside", "volume_negative")


def prepare(store: str, folder: Path) -> Importer:
    """Return the importer; ``store`` makes no difference, since bars are always stored as uncompressed Arrow."""
    workspace = rk.open_workspace(folder / "workspace")

    def import_csv(csv: Path) -> Imported:
        row = workspace.import_dataset(csv, timezone="UTC", drop_bad=True)
        return Imported(_counts(row.quality), workspace.folder / row.file_path)

    return import_csv


def _counts(quality: QualityReport | None) -> dict[str, int]:
    if quality is None:
        raise ValueError("The dataset has no quality report.")

    def count(name: str) -> int:
        return quality[name].count if name in quality else 0

    return {
        "bars": quality.bars,
        "duplicates": count("duplicate_exact"),
        "unsorted": count("unsorted"),
        "missing_prices": count("missing_price"),
        "inconsistent": sum(map(count, INCONSISTENT)),
        "gaps": count("gaps"),
        "missing_bars": quality.missing_bars,
    }


if __name__ == "__main__":
    main(prepare, "pyarrow", "numpy")
