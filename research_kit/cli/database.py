"""Commands that look after the database of the workspace."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from research_kit.cli.common import AsJson, print_json

app = typer.Typer(help="Look after the database of the workspace.", no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to the newest schema; a SQLite file is backed up before."""
    with context.obj.open() as ws:
        print(f"{ws.database.url_safe} is at the newest schema")


@app.command()
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Say what is wrong with the database; exit code 1 when something is."""
    with context.obj.open() as ws:
        problems = ws.database.check()
    if as_json:
        print_json(problems)
    else:
        print("\n".join(problems) or "nothing is wrong")
    if problems:
        raise typer.Exit(1)


@app.command()
def backup(
    context: typer.Context,
    path: Annotated[Path | None, typer.Argument(help="The file to make; named by the time otherwise.")] = None,
) -> None:
    """Copy the database, also while it is used."""
    with context.obj.open() as ws:
        target = path or ws.folder / f"research-{datetime.now(UTC):%Y%m%dT%H%M%S}.db"
        print(ws.database.backup(target))
