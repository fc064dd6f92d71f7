"""papermill, one notebook after another or, in processes of its own, two at a time."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import measuring
import papermill

from batches.measuring import main
from batches.work import parameters, write

AT_A_TIME = {"one": 1, "two": 2}


def run_all(kind: str, folder: Path, count: int) -> list[Path]:
    source = write(folder / "source.ipynb", kind)
    execute = partial(_execute, source)
    workers = AT_A_TIME[measuring.engine()]
    if workers == 1 or count == 1:
        return [execute(number) for number in range(count)]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(execute, range(count)))


def _execute(source: Path, number: int) -> Path:
    output = source.with_name(f"{number}.ipynb")
    quiet = {"progress_bar": False, "log_output": False}
    papermill.execute_notebook(source, output, parameters(number), kernel_name="python3", cwd=source.parent, **quiet)
    return output


if __name__ == "__main__":
    main(run_all, "papermill", "nbclient", "ipykernel")
