"""The limit of W7: the cells run by ``exec`` in this process, which has imported everything; nothing is isolated."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import nbformat

from batches.measuring import main
from batches.work import notebook


def run_all(kind: str, folder: Path, count: int) -> list[Path]:
    return [_execute(kind, folder / f"{number}.ipynb", number) for number in range(count)]


def _execute(kind: str, output: Path, number: int) -> Path:
    book = notebook(kind, number)
    names: dict[str, Any] = {}
    for cell in book.cells:
        with redirect_stdout(StringIO()) as said:
            exec(cell.source, names)  # the cells are ours
        cell.outputs = [nbformat.v4.new_output("stream", text=said.getvalue())] if said.getvalue() else []
    nbformat.write(book, output)
    return output


if __name__ == "__main__":
    main(run_all, "nbformat")
