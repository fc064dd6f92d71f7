"""The command that writes reports: of a run, of two runs compared, of a sweep, of a batch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from research_kit.report.batches.batch import Batch
    from research_kit.runs.reported import Reported
    from research_kit.workspace import Workspace

app = typer.Typer()


@app.command()
def report(
    context: typer.Context,
    run_id: Annotated[int | None, typer.Argument(help="The id of a recorded run.", show_default=False)] = None,
    other: Annotated[int | None, typer.Argument(help="Another one, to be compared.", show_default=False)] = None,
    sweep: Annotated[int | None, typer.Option(help="Of a recorded sweep, by its id.")] = None,
    batch: Annotated[str | None, typer.Option(help="Of a batch of notebooks, by its name.")] = None,
    output: Annotated[Path | None, typer.Option("-f", "--file", help="Where it goes: .html, or .pdf.")] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print it by Chromium.")] = False,
    paper: Annotated[Literal["A4", "letter"], typer.Option(help="Of a PDF.")] = "A4",
) -> None:
    """Write the offline report of a run, of two runs, of a sweep or of a batch, and print its path."""
    if [run_id is None, sweep is None, batch is None].count(False) != 1:
        raise typer.BadParameter("Give the id of a run (or of two), or --sweep, or --batch.")
    if pdf and output is not None and output.suffix.lower() != ".pdf":
        raise typer.BadParameter(f"--pdf writes a file that ends in .pdf; given was {output}.")
    from research_kit.report.write import default_path, write_report

    with context.obj.open() as ws:
        what = _asked(ws, run_id, other, sweep, batch)
        target = default_path(what).with_suffix(".pdf") if pdf and output is None else output
        print(write_report(what, target, paper=paper))


def _asked(
    ws: Workspace, run_id: int | None, other: int | None, sweep: int | None, batch: str | None
) -> Reported | Batch:
    from research_kit.runs.trust.comparing import compare

    if batch is not None:
        return ws.load_batch(batch)
    if sweep is not None:
        return ws.load_sweep(sweep)
    run = ws.load_run(run_id or 0)
    return run if other is None else compare(run, ws.load_run(other))
