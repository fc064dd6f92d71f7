"""How one import is measured in its own fresh process: one JSON line out. The standard library alone.

``<python of the environment> -m imports.ours CSV SAMPLE parquet FOLDER``. The small sample of the same layout is
imported first, so that what libraries load when first used is in the cold time only.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from measuring import emit, first_run

STORES = ("parquet", "arrow")
PRICES = ("open", "high", "low", "close")
COLUMNS = (*PRICES, "volume")
MINUTE_S = 60


@dataclass(frozen=True)
class Imported:
    """What an import found, as ``imports.work.expected`` names it, and the file that it stored."""

    counts: dict[str, int]
    path: Path


Importer = Callable[[Path], Imported]


def main(prepare: Callable[[str, Path], Importer], *packages: str) -> None:
    """Measure the importer that ``prepare`` makes for a kind of store and a folder, and print the JSON line."""
    parser = ArgumentParser()
    parser.add_argument("csv", type=Path)
    parser.add_argument("sample", type=Path)
    parser.add_argument("store", choices=STORES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--where", action="store_true", help="profile the import instead")
    arguments = parser.parse_args()
    importer = prepare(arguments.store, arguments.folder)
    importer(arguments.sample)
    if arguments.where:
        from whereabouts import shares

        return emit({"where": shares(lambda: importer(arguments.csv))})
    imported, record = first_run(lambda: importer(arguments.csv))
    stored = {"path": str(imported.path), "stored_mb": imported.path.stat().st_size / 1e6}
    return emit(record | {"counts": imported.counts} | stored, *packages)
