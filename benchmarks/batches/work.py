"""W7, the work: ten notebooks, each with its own parameter, whose last cell says what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat

COUNT = 10
KINDS = ("trivial", "research")
RESULT = "RESULT "
CELLS = {
    "trivial": ("z = x + y", "import json", "text = json.dumps({'z': z})", "assert z == x + y", "print('RESULT', z)"),
    "research": (
        "import numpy as np\nimport research_kit as rk",
        "close = 100 + np.cumsum(np.sin(np.arange(5_000) / (7 + x)))\ntime_ns = np.arange(5_000) * 60_000_000_000",
        "bars = rk.Bars(time_ns, dict.fromkeys(('open', 'high', 'low', 'close'), close))",
        "result = rk.run_backtest(bars, rk.strategies.SmaCross(fast=5, slow=20 + x), commission=0)",
        "print('RESULT', result.metrics['total_trades'], round(result.metrics['total_return'], 6))",
    ),
}


def parameters(number: int) -> dict[str, int]:
    return {"x": number, "y": 5}


def notebook(kind: str, number: int | None = None) -> Any:
    """Return a notebook of a kind; with a number, its parameters are in it already."""
    given = parameters(number or 0)
    first = "\n".join(f"{name} = {value}" for name, value in given.items())
    cells = [nbformat.v4.new_code_cell(first, metadata={"tags": ["parameters"]}, id="c0")]
    cells += [nbformat.v4.new_code_cell(text, id=f"c{at}") for at, text in enumerate(CELLS[kind], start=1)]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def write(path: Path, kind: str, number: int | None = None) -> Path:
    nbformat.write(notebook(kind, number), path)
    return path


def result_of(path: Path) -> str:
    """Return what the last cell of an executed notebook said."""
    executed = nbformat.read(path, as_version=4)
    texts = [output.get("text", "") for cell in executed.cells for output in cell.get("outputs", [])]
    told = [line for text in texts for line in text.splitlines() if line.startswith(RESULT)]
    return told[-1] if told else ""
