"""Commands that look after the files of the workspace: bars and equity curves."""

from __future__ import annotations

from typing import Annotated

import typer

from research_kit.cli.common import AsJson, print_json, print_problems

app = typer.Typer(help="Look after the bars and curves that rows name.", no_args_is_help=True)


@app.command()
def check(
    context: typer.Context,
    read: Annotated[bool, typer.Option("--read", help="Read each file and compare it with its sha256.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say which files that a dataset or a run names are missing or changed; exit code 1 when one is."""
    from research_kit.store.named_files import check_files

    with context.obj.open() as ws:
        problems = check_files(ws.database, ws.files, read=read)
    print_problems(problems, as_json)


@app.command()
def copy(
    context: typer.Context,
    place: Annotated[str, typer.Argument(help="A folder, or storage such as s3://bucket/prefix.")],
    as_json: AsJson = False,
) -> None:
    """Copy every file that a dataset or a run names to another place; what is there already is left alone.

    The workspace goes on with its own until it is opened with --files.
    """
    from research_kit.store.named_files import copy_files
    from research_kit.store.places import files_at

    with context.obj.open() as ws:
        target = files_at(ws.folder, place)
        copied = copy_files(ws.database, ws.files, target)
    if as_json:
        print_json(copied._asdict())
    else:
        print("".join(f"{problem}\n" for problem in copied.problems), end="")
        print(f"{copied.files:,} files with {copied.bytes:,} bytes are at {target.place.where}")
    if copied.problems:
        raise typer.Exit(1)
