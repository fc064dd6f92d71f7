"""The verbs of a workspace in a terminal: ``research-kit``.

Exit codes: 0 done, 1 failed with one sentence on standard error, 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from research_kit.cli import batch, data, database, jobs, report, research, search, trust, verify
from research_kit.cli import files as files_commands
from research_kit.cli.common import Settings
from research_kit.errors import NotFoundError, ResearchKitError
from research_kit.version import __version__

app = typer.Typer(
    name="research-kit",
    help="A research environment for trading strategies: import data, run, search, record, report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"research_kit {__version__}")
        raise typer.Exit


@app.callback()
def settings(
    context: typer.Context,
    workspace: Annotated[
        Path, typer.Option("-w", "--workspace", envvar="RESEARCH_KIT_WORKSPACE", help="Folder of the workspace.")
    ] = Path("workspace"),
    database: Annotated[
        str | None, typer.Option(envvar="RESEARCH_KIT_DATABASE", help="URL of another database.", show_default=False)
    ] = None,
    files: Annotated[
        str | None,
        typer.Option(help="Place of bars and curves: a folder or s3://bucket/prefix; kept.", show_default=False),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
    _version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False,
) -> None:
    """Say which workspace every command works on."""
    context.obj = Settings(workspace, database, debug, files)


@app.command()
def init(context: typer.Context) -> None:
    """Make a workspace and copy the course's notebooks into it."""
    from research_kit.report.notebooks import copy_course

    with context.obj.open() as ws:
        copied = copy_course(ws.folder / "notebooks")
        print(f"workspace {ws.folder} with {len(copied)} notebooks; next: research-kit -w {ws.folder} lab")


app.add_typer(data.app)
app.add_typer(research.app)
app.add_typer(report.app)
app.add_typer(search.app)
app.add_typer(batch.app)
app.add_typer(trust.app)
app.add_typer(verify.app)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Folder of the demonstration's workspace.")] = Path("demo"),
) -> None:
    """Import real data, run two strategies, write a report and print its path."""
    from research_kit.demo import run_demo

    print(run_demo(folder))


@app.command()
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the course's notebooks, copied into the workspace."""
    from importlib.util import find_spec

    from research_kit.report.notebooks import copy_course

    if find_spec("jupyterlab") is None:
        raise NotFoundError("JupyterLab is not installed. Install it with: pip install 'research_kit[lab]'")
    with context.obj.open() as ws:
        folder = ws.folder
    copy_course(folder / "notebooks")
    environment = os.environ | {"RESEARCH_KIT_WORKSPACE": str(folder)}
    command = [sys.executable, "-m", "jupyterlab", str(folder / "notebooks"), "--KernelManager.transport=ipc"]
    os.execve(sys.executable, command, environment)


app.add_typer(database.app, name="db")
app.add_typer(files_commands.app, name="files")
app.add_typer(jobs.app, name="jobs")


def main() -> None:
    """Run the command line; errors of this package become one sentence and exit code 1."""
    debug = "--debug" in sys.argv
    try:
        app()
    except ResearchKitError as error:
        if debug:
            raise
        sys.exit(_failed(str(error)))
    except Exception as error:
        if debug:
            raise
        sys.exit(_failed(f"{type(error).__name__}: {error}. (--debug shows where.)"))


def _failed(sentence: str) -> int:
    print(f"research-kit: {sentence}", file=sys.stderr)
    return 1
