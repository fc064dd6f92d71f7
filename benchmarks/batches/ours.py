"""W7 by the project itself."""

from __future__ import annotations

from pathlib import Path

from batches.measuring import main
from batches.work import parameters, write
from research_kit.report.execution import execute_notebook


def run_all(kind: str, folder: Path, count: int) -> list[Path]:
    """Run the notebooks as this project does: the one function to change when it has another way."""
    source = write(folder / "source.ipynb", kind)
    outputs = [folder / f"{number}.ipynb" for number in range(count)]
    for number, output in enumerate(outputs):
        execute_notebook(source, output, parameters(number), cwd=folder)
    return outputs


if __name__ == "__main__":
    main(run_all, "papermill", "nbclient", "ipykernel")
