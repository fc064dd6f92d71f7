"""The page of one run: the template notebook executed on it, exported."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from research_kit.report.execution import execute_notebook, kernels_find
from research_kit.report.export import export_html
from research_kit.report.notebooks import template

if TYPE_CHECKING:
    from research_kit.runs.run import Run


def run_page(run: Run) -> str:
    """Return the page of a run.

    Raises
    ------
    ReportError
        The template failed.
    """
    with TemporaryDirectory(prefix="research-kit-") as scratch, kernels_find(run.home.database.url):
        executed = Path(scratch) / "report.ipynb"
        parameters = {"workspace": str(run.home.files.folder), "run_id": run.id}
        execute_notebook(template("backtest"), executed, parameters, cwd=Path(scratch))
        return export_html(executed, title=run.title)
