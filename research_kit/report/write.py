"""Reports of whatever came of research: a notebook executed on its figures, exported to one offline file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from research_kit.errors import OptionError
from research_kit.report.about.comparison import ComparisonStats
from research_kit.report.about.sweep import SweepStats
from research_kit.report.about.walk_forward import WalkForwardStats
from research_kit.report.batches.batch import Batch
from research_kit.report.execution import execute_notebook
from research_kit.report.export import export_html
from research_kit.report.notebooks import template
from research_kit.report.pdf import check_target, deliver
from research_kit.report.run import run_page
from research_kit.report.stats_file import NAME, write_stats
from research_kit.runs.home import Paper
from research_kit.runs.reported import Comparison, Reported, Run, SweepResult, WalkForward

if TYPE_CHECKING:
    from research_kit.runs.home import Home


@dataclass(frozen=True)
class _Kind:
    """One kind of report: its template, the figures that it is made from, and the name of its file."""

    template: str
    stats: Callable[[Any], Any]
    name: Callable[[Any], str]


def _compared(found: Comparison) -> str:
    return _slug(f"{found.first.name} and {found.second.name}")


_KINDS: Mapping[type, _Kind] = {
    SweepResult: _Kind("sweep", SweepStats.of, lambda sweep: f"sweep-{sweep.id}"),
    WalkForward: _Kind("walk_forward", WalkForwardStats.of, lambda walk: f"walk-forward-{walk.id}"),
    Comparison: _Kind("compare", ComparisonStats.of, _compared),
}


def write_report(what: Reported | Batch, path: Path | str | None = None, *, paper: Paper = "A4") -> Path:
    """Write a report of a run, sweep, walk-forward, comparison or batch, and return its path.

    One HTML file that opens offline; where the path ends in ``.pdf``, a PDF, printed by Chromium.

    Parameters
    ----------
    what
        Recorded in a workspace or not.
    path
        Where it goes; ``reports/`` of its workspace when not given.
    paper
        ``"A4"`` or ``"letter"``, of a PDF.

    Raises
    ------
    OptionError
        It was not recorded and no path is given, or it is nothing that there is a report of.
    ReportError
        The template failed, or there is no Chromium to print with; no file is written.
    """
    target = default_path(what) if path is None else Path(path)
    check_target(target, paper)
    if isinstance(what, Batch):
        page = what.page()
    elif isinstance(what, Run):
        page = run_page(what)
    else:
        page = _page(what)
    return deliver(page, target, paper=paper)


def default_path(what: Reported | Batch) -> Path:
    """Return where the report of something recorded goes when nothing else is said."""
    if isinstance(what, Batch):
        return what.folder.with_name(f"{what.name}.html")
    home: Home | None = getattr(what, "home", None)
    naming = _name_of_run if isinstance(what, Run) else _kind(what).name
    if home is None:
        raise OptionError(
            f"This {type(what).__name__} was not recorded, so it has no workspace: say where its report goes."
        )
    return home.files.folder / "reports" / f"{naming(what)}.html"


def _name_of_run(run: Any) -> str:
    return f"run-{run.id}"


def _page(what: Any) -> str:
    kind = _kind(what)
    stats = kind.stats(what)
    with TemporaryDirectory(prefix="research-kit-") as scratch:
        executed, figures = Path(scratch) / "report.ipynb", write_stats(Path(scratch) / NAME, stats)
        execute_notebook(template(kind.template), executed, {"stats": str(figures)}, cwd=Path(scratch))
        return export_html(executed, title=stats.title)


def _kind(what: Any) -> _Kind:
    found = next((kind for of, kind in _KINDS.items() if isinstance(what, of)), None)
    if found is None:
        raise OptionError(
            f"There is no report of {type(what).__name__}: "
            "a run, a sweep, a walk-forward, a comparison or a batch has one."
        )
    return found


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
