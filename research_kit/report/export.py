"""One HTML file from an executed notebook: it opens from a disk, without a network, and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from research_kit.errors import ReportError
from research_kit.report.cards import card_css
from research_kit.report.contents import with_contents
from research_kit.report.prepare import PLOTLY, Prepared, chart_settings, inert, prepare
from research_kit.version import __version__

FOLDER = Path(__file__).parent / "templates"
_PLACE = '<meta name="scripts"/>'
_PRIORITY = [
    PLOTLY,
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "application/javascript",
    "text/latex",
    "text/plain",
]


def export_html(notebook: Any, *, title: str, problem: str = "") -> str:
    """Return the page of an executed notebook: one file, offline, the same bytes for the same notebook.

    Code is hidden; Plotly figures are drawn by plotly.js, which is inside the file once, and only where there are
    figures. Live controls and foreign scripts are left out. A content security policy allows the page's own scripts by
    their hash and nothing from outside. Cells tagged "notebook-only" are left out. Errors of cells stand at the top.

    Parameters
    ----------
    notebook : nbformat.NotebookNode or path
        Executed; it is not changed.
    title : str
        Any text; title and heading of the page. A heading of the first rank at the top of the notebook gives way to it.
    problem : str
        A sentence to show at the top, for failures that leave no trace in a notebook: a dead kernel, a time limit.

    Raises
    ------
    ReportError
        The file is not there, or is not a notebook.
    """
    ready = prepare(_read(notebook))
    if problem:
        ready.problems.insert(0, problem)
    page = with_contents(_page(ready, title))
    page = page.replace(_PLACE, _scripts(drawing=ready.figures > 0, compiling=ready.compiles), 1)
    return page.encode("utf-8", "replace").decode("utf-8")


def _read(notebook: Any) -> Any:
    import nbformat

    reader: Any = nbformat
    if isinstance(notebook, str | Path):
        try:
            notebook = reader.read(Path(notebook), as_version=4)
        except OSError as error:
            raise ReportError(f"The notebook {str(notebook)!r} cannot be read: {error.strerror}.") from error
        except (ValueError, nbformat.ValidationError) as error:
            raise ReportError(f"{str(notebook)!r} is not a Jupyter notebook.") from error
    return notebook


def _page(ready: Prepared, title: str) -> str:
    style = page_file("report.css") + card_css()
    report = {"title": title, "problems": ready.problems, "css": style, "version": __version__}
    try:
        exporter = _idle.pop()
    except IndexError:
        exporter = _exporter()
    page, _ = exporter.from_notebook_node(ready.notebook, resources={"report": report})
    _idle.append(exporter)  # not one that failed
    return str(page)


def _exporter() -> Any:
    """Return a new exporter: to compile its templates takes longer than to fill them, so it is used again."""
    import nbconvert
    from traitlets.config import Config

    exporter: Any = nbconvert.HTMLExporter(  # type: ignore[no-untyped-call]
        config=Config({"NbConvertBase": {"display_data_priority": _PRIORITY}}),
        template_name="page",
        extra_template_basedirs=[str(FOLDER)],
        exclude_input=True,
        exclude_anchor_links=True,
    )
    exporter.register_filter("inert", inert)
    exporter.environment.autoescape = True
    return exporter


_idle: list[Any] = []  # exporters that no thread uses now


def _scripts(*, drawing: bool, compiling: bool) -> str:
    """Return the policy and the scripts that it allows; they go in after every parser, since hashes need exact text."""
    scripts = [*page_scripts(), *(_drawing_scripts() if drawing else [])]
    allowed = " ".join(f"'{digest(script)}'" for script in scripts)
    if compiling:  # these charts are WebGL programs that plotly.js writes as it draws; what may run stays the same
        allowed += " 'unsafe-eval'"
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    lines = [f'<meta http-equiv="Content-Security-Policy" content="{policy}">']
    lines += [f"<script>{script}</script>" for script in scripts]
    if drawing:
        lines.append(f'<script type="application/json" id="chart-settings">{_settings()}</script>')
    return "\n".join(lines)


def _drawing_scripts() -> list[str]:
    from plotly.offline import get_plotlyjs

    return [get_plotlyjs(), page_file("report.js")]


def _settings() -> str:
    from research_kit.charts.template import chart_template

    return chart_settings({theme: chart_template(theme).to_plotly_json() for theme in ("light", "dark")})


def page_scripts() -> list[str]:
    """Return the scripts of every page: sorted tables, what titles tell, and the section that is read."""
    return [page_file(name) for name in ("tables.js", "tips.js", "contents.js")]


def page_file(name: str) -> str:
    """Return a style sheet or a script of the page."""
    return (FOLDER / "page" / name).read_text("utf-8")


def digest(text: str) -> str:
    """Return how a content security policy names a script or a style sheet."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
