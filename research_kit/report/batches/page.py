"""The index of a batch: one offline page with a table that can be sorted, sparklines, and links to every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from research_kit.report.export import FOLDER, digest, page_file, page_scripts
from research_kit.report.tables import Cell, Head, metric_cell, metric_head, short, text_columns, value_cell
from research_kit.store.batches import BatchRow, equity_of_job
from research_kit.store.files import write_atomic
from research_kit.store.listings import HEADLINE_METRICS
from research_kit.version import __version__

if TYPE_CHECKING:
    from research_kit.runs.home import Home

WIDTH, HEIGHT, POINTS = 120, 28, 60  # of a sparkline
NOTHING = "–"


@dataclass(frozen=True)
class Line:
    """One run of a batch in its index."""

    number: int
    status: str
    cells: Sequence[Cell]
    spark: Spark
    seconds: Cell
    error: str
    links: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Spark:
    """An equity curve in small: the path of its line, and whether it ended higher than it began."""

    path: str = ""
    gain: bool = False


def write_index(
    home: Home, folder: Path, title: str, rows: Sequence[BatchRow], known: dict[int, Spark] | None = None
) -> Path:
    """Write the index of a batch and return its path; ``known`` keeps the curves, by job, for the next writing."""
    path = folder / "index.html"
    write_atomic(path, index_page(home, folder, title, rows, known))
    return path


def index_page(
    home: Home,
    folder: Path,
    title: str,
    rows: Sequence[BatchRow],
    known: dict[int, Spark] | None = None,
    *,
    has_links: bool = True,
) -> str:
    """Return the index: parameters, states, key metrics, the equity in small, errors, links; all text escaped.

    Without links it is a page that can be sent alone.
    """
    from jinja2 import Environment, FileSystemLoader

    parameters = list(dict.fromkeys(name for row in rows for name in row.run.parameters or {}))
    metrics = [name for name in HEADLINE_METRICS if any(row.metrics.get(name) is not None for row in rows)]
    sparks = _sparks(home, rows, {} if known is None else known)
    lines = [_line(home, folder, row, (parameters, metrics), sparks) for row in rows]
    style = page_file("report.css") + (FOLDER / "batch" / "batch.css").read_text("utf-8")
    scripts = page_scripts()
    allowed = " ".join(f"'{digest(script)}'" for script in scripts)
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src '{digest(style)}'; base-uri 'none'; form-action 'none'"
    )
    environment = Environment(loader=FileSystemLoader(FOLDER / "batch"), autoescape=True, trim_blocks=True)
    page = environment.get_template("index.html.j2").render(
        name=folder.name,
        title=title,
        counts=Counter(row.run.status for row in rows),
        heads=[*map(Head, parameters), *map(metric_head, metrics)],
        texts=text_columns([line.cells for line in lines], len(parameters) + len(metrics)),
        lines=lines,
        has_equity=any(line.spark.path for line in lines),
        policy=policy,
        style=style,
        scripts=scripts,
        has_links=has_links,
        version=__version__,
    )
    return page.encode("utf-8", "replace").decode("utf-8")


def sparkline(values: Sequence[float]) -> str:
    """Return the path of a line through values, for an SVG of ``WIDTH`` by ``HEIGHT``; "" for fewer than two.

    >>> sparkline([1.0, 2.0, 1.5])
    'M0,27 L60,1 L120,14'
    """
    if len(values) < 2:
        return ""
    step = max(1, -(-len(values) // POINTS))
    kept = [*values[::step], values[-1]] if (len(values) - 1) % step else list(values[::step])
    low, high = min(kept), max(kept)
    rise = (HEIGHT - 2) / (high - low) if high > low else 0.0
    points = [
        f"{WIDTH * number / (len(kept) - 1):.4g},{HEIGHT - 1 - (value - low) * rise:.4g}"
        for number, value in enumerate(kept)
    ]
    return "M" + " L".join(points)


def _sparks(home: Home, rows: Sequence[BatchRow], known: dict[int, Spark]) -> dict[int, Spark]:
    """Return the curves of the backtests by job; those of ``known`` are not read again."""
    for row in rows:
        job_id = row.run.backtest_job_id
        if row.backtest_id is not None and job_id is not None and job_id not in known:
            equity = equity_of_job(home.database, job_id)
            known[job_id] = Spark(sparkline(equity), bool(equity) and equity[-1] >= equity[0])
    return known


def _line(
    home: Home, folder: Path, row: BatchRow, names: tuple[Sequence[str], Sequence[str]], sparks: dict[int, Spark]
) -> Line:
    run, (parameters, metrics) = row.run, names
    given = run.parameters or {}
    cells = [value_cell(given[name]) if name in given else Cell(NOTHING) for name in parameters]
    cells += [metric_cell(name, row.metrics.get(name)) for name in metrics]
    seconds = run.actual_duration
    return Line(
        number=run.position or 0,
        status=run.status,
        cells=cells,
        spark=sparks.get(run.backtest_job_id or 0, Spark()),
        seconds=Cell(NOTHING) if seconds is None else Cell(f"{seconds:.1f}", f"{seconds:.6f}", number=True),
        error=short(run.error or ""),
        links=_links(home, folder, row),
    )


def _links(home: Home, folder: Path, row: BatchRow) -> list[tuple[str, str]]:
    links = []
    for word, path in (("report", row.run.html_path), ("notebook", row.run.output_path)):
        if path and (home.files.folder / path).is_relative_to(folder):
            links.append((word, (home.files.folder / path).relative_to(folder).as_posix()))
    own = f"files/{row.run.position or 0:03d}"
    return [*links, ("files", f"{own}/")] if (folder / own).is_dir() else links
