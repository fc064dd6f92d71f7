"""Where the notebooks are that ship with the package: the course, and the templates that reports execute."""

from __future__ import annotations

from pathlib import Path

from research_kit.errors import ReportError
from research_kit.store.files import write_atomic

PACKAGE = Path(__file__).parents[1]


def notebooks_folder() -> Path:
    """Return the folder of the notebooks: inside an installed package, or beside it in a clone."""
    for folder in (PACKAGE / "_notebooks", PACKAGE.parent / "notebooks"):
        if folder.is_dir():
            return folder
    raise ReportError(f"The notebooks of research_kit are not in {PACKAGE}. Install the package again.")


def template(name: str) -> Path:
    """Return the path of a template notebook.

    >>> template("backtest").name
    'backtest.ipynb'
    """
    return notebooks_folder() / "templates" / f"{name}.ipynb"


def copy_course(target: Path) -> list[Path]:
    """Copy the course's notebooks and templates into a folder and return the copies; what is there stays as it is."""
    copied = []
    folder = notebooks_folder()
    for source in sorted(folder.rglob("*.ipynb")):
        copy = target / source.relative_to(folder)
        if ".ipynb_checkpoints" not in source.parts and not copy.exists():
            write_atomic(copy, source.read_bytes())
            copied.append(copy)
    return copied
