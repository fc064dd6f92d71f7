"""Commands about jobs: those that there are, and their end."""

from __future__ import annotations

from typing import Annotated

import typer

from research_kit.cli.common import AsJson, Before, Limit, list_rows

app = typer.Typer(help="List the jobs, or cancel some.", invoke_without_command=True)


@app.callback()
def jobs(context: typer.Context, limit: Limit = 1_000, before: Before = None, as_json: AsJson = False) -> None:
    """List the jobs, with their states and errors."""
    if context.invoked_subcommand is None:
        list_rows(context, lambda ws: ws.jobs(limit, before), as_json)


@app.command()
def cancel(context: typer.Context, job_ids: Annotated[list[int], typer.Argument(metavar="ID…")]) -> None:
    """Cancel jobs; running ones are stopped."""
    with context.obj.open() as ws:
        for job_id in job_ids:
            print(f"job {job_id}: {ws.job(job_id).cancel()}")
