"""Small notebooks: written, and read after they were run."""

from pathlib import Path

import nbformat
from nbformat import v4


def write_notebook(path: Path, *cells: str, parameters: str = "") -> Path:
    """Write a notebook of code cells, the first of them tagged ``parameters``."""
    sources = [parameters, *cells]
    made = [v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
    made[0].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    book = v4.new_notebook(cells=made, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(book, path)
    return path


def texts(path: Path) -> list[str]:
    """Return what the cells of an executed notebook printed, and the kinds of their errors."""
    book = nbformat.read(path, as_version=4)
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output.get("text", output.get("ename", "")).strip() for output in outputs]
