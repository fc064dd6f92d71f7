"""The verbs of a workspace in a terminal: ``research-kit``.

Exit codes: 0 done, 1 failed with one sentence on standard error, 2 wrong usage.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from research_kit.errors import NotFoundError, OptionError, ResearchKitError
from research_kit.version import __version__

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.store.tables import Dataset
    from research_kit.workspace import Workspace

app = typer.Typer(
    name="research-kit",
    help="A research environment for trading strategies: import data, run, record, report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="Look after the database of the workspace.", no_args_is_help=True)
app.add_typer(db, name="db")

ROOMY = (
    *("sha256", "source_sha256", "spec_hash", "worker_id", "cancel_requested", "attempt", "completed_at", "last_used"),
    *(
        "default_parameters",
        "exchange",
        "timezone",
        "volatility",
        "current_step",
        "started_at",
        "is_active",
        "has_gaps",
    ),
)


@dataclass
class Settings:
    """What the options before the command say."""

    workspace: Path
    database: str | None
    debug: bool

    def open(self) -> Workspace:
        from research_kit.workspace import open_workspace

        return open_workspace(self.workspace, self.database)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"research_kit {__version__}")
        raise typer.Exit


DatasetName = Annotated[str, typer.Argument(help="A name or an id.")]
NewName = Annotated[str | None, typer.Option("--name", help="What the new dataset is called.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Pairs = Annotated[list[str] | None, typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="Strategy parameter.")]
Options = Annotated[list[str] | None, typer.Option("-o", "--option", metavar="NAME=VALUE", help="Engine option.")]


@app.callback()
def settings(
    context: typer.Context,
    workspace: Annotated[
        Path, typer.Option("-w", "--workspace", envvar="RESEARCH_KIT_WORKSPACE", help="Folder of the workspace.")
    ] = Path("workspace"),
    database: Annotated[
        str | None, typer.Option(envvar="RESEARCH_KIT_DATABASE", help="URL of another database.", show_default=False)
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
    _version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False,
) -> None:
    """Say which workspace every command works on."""
    context.obj = Settings(workspace, database, debug)


@app.command()
def init(context: typer.Context) -> None:
    """Make a workspace and copy the course's notebooks into it."""
    from research_kit.report.notebooks import copy_course

    with context.obj.open() as ws:
        copied = copy_course(ws.folder / "notebooks")
        print(f"workspace {ws.folder} with {len(copied)} notebooks; next: research-kit -w {ws.folder} lab")


@app.command("import")
def import_(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="A file, or several that are one dataset.")],
    name: Annotated[str | None, typer.Option(help="What the dataset is called; the file's name otherwise.")] = None,
    symbol: Annotated[str | None, typer.Option(help="What was traded.")] = None,
    timezone: Annotated[str | None, typer.Option(help="What times without a zone mean: America/New_York.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("-o", "--option", metavar="NAME=VALUE", help="Another import option.")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only show what would be imported, and ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import price data and say how good it is."""
    given = {"symbol": symbol, "timezone": timezone} | _pairs(option)
    options = {key: value for key, value in given.items() if value is not None}
    source = files[0] if len(files) == 1 else files
    if preview:
        _show_preview(source, options, as_json)
        return
    with context.obj.open() as ws:
        row = ws.import_dataset(source, name=name, progress=False if as_json else None, **options)
        if as_json:
            _print_json(row.model_dump())
            return
        _print_dataset(row)


def _show_preview(source: Path | list[Path], options: dict[str, Any], as_json: bool) -> None:
    from research_kit.bars.importing.options import ImportOptions
    from research_kit.bars.importing.preview import preview_bars

    found = preview_bars(source, ImportOptions(**options))
    if as_json:
        _print_json(found.to_dict())
    else:
        print(found)
    if found.questions:
        raise typer.Exit(1)


@app.command()
def datasets(context: typer.Context, as_json: AsJson = False) -> None:
    """List the datasets."""
    _list(context, lambda ws: ws.datasets(), as_json)


@app.command()
def quality(
    context: typer.Context,
    dataset: DatasetName,
    plot: Annotated[Path | None, typer.Option(help="Draw the report into an HTML file that opens offline.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say how good a dataset is, after reading all of its bars again."""
    with context.obj.open() as ws:
        row = ws.dataset(_dataset_key(dataset))
        ws.verify_dataset(row)
        if row.quality is None:
            raise NotFoundError(f"Dataset {row.id} ({row.name!r}) has no quality report: import its file.")
        if as_json:
            _print_json(row.quality.to_dict())
        else:
            print(row.quality)
        if plot is not None:
            from research_kit.store.files import write_atomic

            write_atomic(plot, row.quality.plot("light").to_html(include_plotlyjs=True))
            print(plot, file=sys.stderr if as_json else sys.stdout)


@app.command()
def holdout(
    context: typer.Context,
    dataset: DatasetName,
    start: Annotated[str | None, typer.Argument(help="Lock the data from here on: a date or a UTC time.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Lock from a later start than before.")] = False,
) -> None:
    """Say how many runs have seen a dataset's holdout, or lock it first."""
    with context.obj.open() as ws:
        key = _dataset_key(dataset)
        found = ws.holdout(key) if start is None else ws.lock_holdout(key, start, force=force)
        print(found or "none is locked")


@app.command()
def resample(context: typer.Context, dataset: DatasetName, timeframe: str, name: NewName = None) -> None:
    """Make a dataset of longer bars: research-kit resample SPY 1h."""
    _derive(context, lambda ws: ws.resample(_dataset_key(dataset), timeframe, name=name))


@app.command("slice")
def slice_(
    context: typer.Context,
    dataset: DatasetName,
    start: Annotated[str | None, typer.Option(help="The first day or UTC time that is taken.")] = None,
    end: Annotated[str | None, typer.Option(help="The first day or UTC time that is not taken.")] = None,
    name: NewName = None,
) -> None:
    """Make a dataset of the bars between two times."""
    _derive(context, lambda ws: ws.slice(_dataset_key(dataset), start, end, name=name))


@app.command()
def merge(
    context: typer.Context,
    datasets: Annotated[list[str], typer.Argument(help="Names or ids, two or more.")],
    overlap: Annotated[Literal["error", "first", "last"], typer.Option(help="Which of bars that differ.")] = "error",
    name: NewName = None,
) -> None:
    """Make one dataset of several spans of one symbol."""
    _derive(context, lambda ws: ws.merge([_dataset_key(one) for one in datasets], overlap=overlap, name=name))


@app.command()
def strategies(context: typer.Context, as_json: AsJson = False) -> None:
    """List the strategies that can be named."""
    _list(context, lambda ws: ws.strategies(), as_json)


@app.command()
def backtests(context: typer.Context, as_json: AsJson = False) -> None:
    """List the recorded runs."""
    _list(context, lambda ws: ws.backtests(), as_json)


@app.command()
def jobs(context: typer.Context, as_json: AsJson = False) -> None:
    """List the jobs, with their states and errors."""
    _list(context, lambda ws: ws.jobs(), as_json)


@app.command()
def run(
    context: typer.Context,
    strategy: Annotated[str, typer.Argument(help="A registered name, or package.module:Class.")],
    dataset: DatasetName,
    parameter: Pairs = None,
    option: Options = None,
    as_json: AsJson = False,
) -> None:
    """Run a backtest and record it."""
    from research_kit.metrics.registry import METRICS, format_value

    with context.obj.open() as ws:
        done = ws.run(strategy, _dataset_key(dataset), _pairs(parameter), **_pairs(option))
        if as_json:
            seen = done.holdout.sentence if done.holdout else None
            spec, metrics = done.spec, dict(done.summary)
            _print_json({"id": done.id, "job_id": done.job.id, "spec": spec, "metrics": metrics, "holdout": seen})
            return
        print(f"run {done.id}: {done.title}")
        for name, value in done.summary.headline().items():
            print(f"  {METRICS[name].title:<24} {format_value(name, value)}")
        print(f"trials on this dataset so far: {done.trials}")
        if done.holdout:
            print(done.holdout)


@app.command()
def report(
    context: typer.Context,
    run_id: Annotated[int, typer.Argument(help="The id of a recorded run.")],
    output: Annotated[Path | None, typer.Option("-f", "--file", help="Where the report goes.")] = None,
) -> None:
    """Write the offline HTML report of a run and print its path."""
    with context.obj.open() as ws:
        print(ws.report(run_id, output))


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


@db.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to the newest schema; a SQLite file is backed up before."""
    with context.obj.open() as ws:
        print(f"{ws.database.url_safe} is at the newest schema")


@db.command()
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Say what is wrong with the database; exit code 1 when something is."""
    with context.obj.open() as ws:
        problems = ws.database.check()
    if as_json:
        _print_json(problems)
    else:
        print("\n".join(problems) or "nothing is wrong")
    if problems:
        raise typer.Exit(1)


@db.command()
def backup(
    context: typer.Context,
    path: Annotated[Path | None, typer.Argument(help="The file to make; named by the time otherwise.")] = None,
) -> None:
    """Copy the database, also while it is used."""
    with context.obj.open() as ws:
        target = path or ws.folder / f"research-{datetime.now(UTC):%Y%m%dT%H%M%S}.db"
        print(ws.database.backup(target))


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


def _pairs(texts: list[str] | None) -> dict[str, Any]:
    """Return ``NAME=VALUE`` texts as a mapping; values are JSON where they can be, else text.

    >>> _pairs(["fast=10", "fill=same_close", "stop_loss=null"])
    {'fast': 10, 'fill': 'same_close', 'stop_loss': None}
    """
    found: dict[str, Any] = {}
    for text in texts or []:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise OptionError(f"{text!r} is not NAME=VALUE, such as fast=10.")
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _dataset_key(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _derive(context: typer.Context, verb: Callable[[Workspace], Dataset]) -> None:
    with context.obj.open() as ws:
        _print_dataset(verb(ws))


def _print_dataset(row: Dataset) -> None:
    span = f"{row.start_date:%Y-%m-%d %H:%M} to {row.end_date:%Y-%m-%d %H:%M} UTC"
    print(f"dataset {row.id}: {row.name}, {row.rows:,} bars of {row.timeframe}, {span}")
    print(row.quality)


def _list(context: typer.Context, table: Callable[[Workspace], pd.DataFrame], as_json: bool) -> None:
    with context.obj.open() as ws:
        frame = table(ws)
    if as_json:
        _print_json(frame.to_dict(orient="records"))
    elif frame.empty:
        print("none yet")
    else:
        print(_readable(frame).to_string(index=False, max_colwidth=44, na_rep="–"))


def _readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that a terminal has room for, times to the minute, numbers to four digits; --json has all."""
    shown = frame.drop(columns=[name for name in ROOMY if name in frame])
    for name in shown:
        if hasattr(shown[name], "dt"):
            shown[name] = shown[name].dt.strftime("%Y-%m-%d %H:%M")
        elif shown[name].dtype.kind == "f":
            shown[name] = shown[name].map("{:.4g}".format, na_action="ignore")
    return shown


def _print_json(value: Any) -> None:
    from research_kit.store.json_values import dump_json

    print(dump_json(value))
