"""A notebook executed with parameters by papermill: its output kept whatever happens, its failure an error."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from research_kit.errors import ReportError

DATABASE = "RESEARCH_KIT_DATABASE"
HOW: Mapping[str, Any] = {
    "kernel_name": "python3",
    "progress_bar": False,
    "log_output": False,
    "store_widget_state": False,
    "iopub_timeout": 60.0,  # seconds for what a cell shows to come in: after four a busy machine's would be left out
}
"""How papermill executes every notebook here."""


def execute_notebook(source: Path, output: Path, parameters: Mapping[str, Any], *, cwd: Path) -> None:
    """Execute a notebook in a fresh kernel and write the executed one to ``output``.

    Widget state is not kept: it would be megabytes, and old (a live figure's state is that of its making).

    Raises
    ------
    ReportError
        A cell raised, or the kernel died; the output is kept up to there.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    try:
        papermill.execute_notebook(
            source,
            output,
            parameters=dict(parameters),
            kernel_manager_class=_kernel_manager(),
            cwd=cwd,
            **HOW,
        )
    except PapermillExecutionError as error:
        raise ReportError(f"Cell {error.exec_count} of {source.name} failed: {error.ename}: {error.evalue}") from None
    except (DeadKernelError, CellTimeoutError) as error:
        raise ReportError(f"The kernel of {source.name} was lost: {error}") from None


def _kernel_manager() -> type[Any]:
    """Return a manager whose kernels talk through sockets of the file system: no port to race for, none open."""
    from jupyter_client.manager import AsyncKernelManager

    class SocketKernelManager(AsyncKernelManager):
        transport = "ipc"

    return SocketKernelManager if os.name == "posix" else AsyncKernelManager


@contextmanager
def kernels_find(database: str) -> Iterator[None]:
    """Let kernels that start now open this database: by their environment, so that no notebook holds a password."""
    before = os.environ.get(DATABASE)
    os.environ[DATABASE] = database
    try:
        yield
    finally:
        if before is None:
            del os.environ[DATABASE]
        else:
            os.environ[DATABASE] = before
