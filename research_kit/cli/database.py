"""Commands that look after the database of the workspace."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from research_kit.cli.common import AsJson, print_json, print_problems

app = typer.Typer(help="Look after the database of the workspace.", no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to the newest schema; a SQLite file is backed up before.

    A database that the backend service made is adopted: every row is kept, and what had to be changed is listed and
    stays as it was in the table legacy_values.
    """
    with context.obj.look() as database:
        backup, found = database.upgrade()
        if backup:
            print(f"backup {backup}")
        if found is not None:
            print(
                f"adopted the backend's tables; {found.total():,} values were changed, legacy_values has the old ones"
            )
            print("".join(f"  {sentence}\n" for sentence in found.sentences()), end="")
        print(f"{database.url_safe} is at the newest schema")


@app.command()
def downgrade(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; for scripts.")] = False,
) -> None:
    """Give a database that was adopted its old shape back, for the backend service; a SQLite file is backed up before.

    Its six tables keep every row, with the values that the backend had. What it has no place for is left out: it is
    listed first, and asked about.
    """
    with context.obj.look() as database:
        left_out = database.only_ours()
        told = ", ".join(f"{count:,} {name}" for name, count in left_out.items()) or "no row"
        print(f"{database.url_safe} goes back to the backend's tables; left out: {told}")
        if database.file is None:
            print("there is no backup of it unless you make one: pg_dump -Fc -f FILE")
        if not yes:
            typer.confirm("go on?", abort=True)
        backup = database.downgrade()
        if backup:
            print(f"backup {backup}")
        print("it has the backend's tables again; `research-kit db upgrade` adopts it anew")


@app.command()
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Say what is wrong with the database, also one of the backend service; exit code 1 when something is.

    Nothing is changed.
    """
    with context.obj.look() as database:
        problems = database.check()
    print_problems(problems, as_json)


@app.command()
def copy(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="A file, or postgresql+psycopg://user@host/name; empty or not there yet.")],
    as_json: AsJson = False,
) -> None:
    """Copy every row to another database, SQLite or PostgreSQL, and compare what arrived; files stay where they are."""
    with context.obj.open() as ws:
        copied = ws.database.copy_to(url)
    if as_json:
        print_json([one._asdict() for one in copied])
        return
    for one in copied:
        print(f"{one.table:<18} {one.rows:>12,} rows  {one.sha256[:16]}")
    print(f"{sum(one.rows for one in copied):,} rows are the same there and here")


@app.command()
def backup(
    context: typer.Context,
    path: Annotated[Path | None, typer.Argument(help="The file to make; named by the time otherwise.")] = None,
) -> None:
    """Copy the database, also while it is used."""
    with context.obj.open() as ws:
        target = path or ws.folder / f"research-{datetime.now(UTC):%Y%m%dT%H%M%S}.db"
        print(ws.database.backup(target))
