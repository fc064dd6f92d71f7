"""The report of one run: the template notebook executed on it, exported to one offline HTML file."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from research_kit.report.execution import execute_notebook, kernels_find
from research_kit.report.export import export_html
from research_kit.report.notebooks import template
from research_kit.store.files import write_atomic

if TYPE_CHECKING:
    from research_kit.runs.run import Run


def write_run_report(run: Run, path: Path | str | None = None) -> Path:
    """Write the report of a run and return its path; ``reports/run-ID.html`` of the workspace when none is given.

    Raises
    ------
    ReportError
        The template failed; no file is written.
    """
    folder = run.home.files.folder
    target = Path(path) if path is not None else folder / "reports" / f"run-{run.id}.html"
    with TemporaryDirectory(prefix="research-kit-") as scratch, kernels_find(run.home.database.url):
        executed = Path(scratch) / "report.ipynb"
        parameters = {"workspace": str(folder), "run_id": run.id}
        execute_notebook(template("backtest"), executed, parameters, cwd=Path(scratch))
        page = export_html(executed, title=run.title)
    write_atomic(target, page)
    return target.absolute()
