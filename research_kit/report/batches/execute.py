"""One notebook executed by papermill in a kernel that is there: what came of it, and why where it failed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from research_kit.errors import error_text
from research_kit.report.execution import HOW

if TYPE_CHECKING:
    from research_kit.report.batches.kernels import WarmKernel

DEAD = "DeadKernelError"


@dataclass(frozen=True)
class Executed:
    """A notebook after its execution, as far as it came; ``problem`` is why it failed, None where it did not."""

    notebook: Any
    problem: str | None = None

    @property
    def tells(self) -> bool:
        """Whether the notebook itself shows its error, at the cell where it happened."""
        return _has_error(self.notebook)

    def because(self, reason: str) -> Executed:
        """Return the same with what is known better than the kernel told; the notebook says so too."""
        for output in _outputs(self.notebook):
            if output.output_type == "error" and output.ename == DEAD:
                output.evalue, output.traceback = reason, [reason]
        return Executed(self.notebook, reason)


def execute_in(kernel: WarmKernel, notebook: Any, parameters: Mapping[str, Any], name: str) -> Executed:
    """Execute a notebook (a node; it is not changed) with parameters; whether it failed is what the exception says.

    An executed notebook itself does not tell: papermill marks the cells of a kernel that died as completed. Here the
    cell that was running gets the error, and the cells after it stay pending.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    logging.getLogger("papermill").addHandler(_SILENT)
    seen: list[Any] = [notebook]
    problem = None

    def see(notebook: Any) -> None:
        seen.append(notebook)

    try:
        papermill.execute_notebook(
            notebook,
            None,
            parameters=dict(parameters),
            km=kernel.manager,
            on_notebook_start=see,
            **HOW,
        )
    except PapermillExecutionError as error:
        problem = f"Cell {error.exec_count} failed: {error.ename}: {error.evalue}"
    except Exception as error:  # the kernel was lost, or did something that nobody foresaw
        problem = kernel.words_of_the_dead() or error_text(error)
    executed = seen[-1]
    if problem is not None and not _has_error(executed):
        _mark(executed, problem)
    _leave_no_paths(executed, name)
    return Executed(executed, problem)


_SILENT = logging.NullHandler()  # what goes wrong is told by the run's row, not by lines in between a progress bar


def _has_error(notebook: Any) -> bool:
    return any(output.output_type == "error" for output in _outputs(notebook))


def _outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def _mark(notebook: Any, problem: str) -> None:
    """Put the error where it happened: at the last cell that was begun; what comes after it was not run."""
    from nbformat.v4 import new_output

    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    begun = [cell for cell in cells if cell.metadata.get("papermill", {}).get("start_time")]
    if not begun:
        return
    make: Any = new_output
    begun[-1].outputs.append(make("error", ename=DEAD, evalue=problem, traceback=[problem]))
    begun[-1].metadata.papermill.update(status="failed", exception=True)
    for cell in cells[cells.index(begun[-1]) + 1 :]:
        cell.metadata.papermill.update(status="pending", exception=None)
    notebook.metadata.papermill["exception"] = True


def _leave_no_paths(notebook: Any, name: str) -> None:
    """Say which notebook it was without where it lay: a batch is mailed."""
    if "papermill" in notebook.metadata:
        notebook.metadata.papermill.update(input_path=name, output_path=None)
