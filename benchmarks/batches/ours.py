"""W7 by the project itself: batches in one workspace, with their rows, their pages and their index."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import measuring

from batches.measuring import main
from batches.work import parameters, write
from research_kit.workspace import Workspace, open_workspace

AT_A_TIME = 2


def run_all(kind: str, folder: Path, count: int) -> list[Path]:
    """Run the notebooks as this project does, and return the executed ones; their warm process ends with it."""
    with open_workspace(folder / "workspace") as ws:
        return run_in(ws, kind, folder, count)


def run_in(ws: Workspace, kind: str, folder: Path, count: int) -> list[Path]:
    """Run the notebooks in a workspace, whose warm process is there from its second batch on."""
    source = write(folder / "source.ipynb", kind)
    sets = [parameters(number) for number in range(count)]
    batch = ws.run_notebooks(source, sets, name=folder.name, workers=AT_A_TIME, progress=False)
    return [ws.folder / path for path in batch.table["notebook"]]


if __name__ == "__main__":
    if measuring.engine() == "first":
        main(run_all, "papermill", "nbclient", "ipykernel")
    else:
        with TemporaryDirectory() as place, open_workspace(Path(place) / "workspace") as kept:
            main(partial(run_in, kept), "papermill", "nbclient", "ipykernel")
