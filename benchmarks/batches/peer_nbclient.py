"""nbclient, one notebook after another, each with its parameters in it already."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from batches.measuring import main
from batches.work import notebook


def run_all(kind: str, folder: Path, count: int) -> list[Path]:
    return [_execute(kind, folder / f"{number}.ipynb", number) for number in range(count)]


def _execute(kind: str, output: Path, number: int) -> Path:
    executed = NotebookClient(notebook(kind, number), kernel_name="python3").execute(cwd=str(output.parent))
    nbformat.write(executed, output)
    return output


if __name__ == "__main__":
    main(run_all, "nbclient", "ipykernel")
