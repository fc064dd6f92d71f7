"""Commands about data: import, look, derive, lock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from research_kit.cli.common import (
    AsJson,
    DatasetName,
    NewName,
    dataset_key,
    list_rows,
    pairs,
    print_dataset,
    print_json,
)
from research_kit.errors import NotFoundError

if TYPE_CHECKING:
    from research_kit.store.tables import Dataset
    from research_kit.workspace import Workspace

app = typer.Typer()


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
    given = {"symbol": symbol, "timezone": timezone} | pairs(option)
    options = {key: value for key, value in given.items() if value is not None}
    source = files[0] if len(files) == 1 else files
    if preview:
        _show_preview(source, options, as_json)
        return
    with context.obj.open() as ws:
        row = ws.import_dataset(source, name=name, progress=False if as_json else None, **options)
        if as_json:
            print_json(row.model_dump())
            return
        print_dataset(row)


def _show_preview(source: Path | list[Path], options: dict[str, Any], as_json: bool) -> None:
    from research_kit.bars.importing.options import ImportOptions
    from research_kit.bars.importing.preview import preview_bars

    found = preview_bars(source, ImportOptions(**options))
    if as_json:
        print_json(found.to_dict())
    else:
        print(found)
    if found.questions:
        raise typer.Exit(1)


@app.command()
def datasets(context: typer.Context, as_json: AsJson = False) -> None:
    """List the datasets."""
    list_rows(context, lambda ws: ws.datasets(), as_json)


@app.command()
def quality(
    context: typer.Context,
    dataset: DatasetName,
    plot: Annotated[Path | None, typer.Option(help="Draw the report into an HTML file that opens offline.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say how good a dataset is, after reading all of its bars again."""
    with context.obj.open() as ws:
        row = ws.dataset(dataset_key(dataset))
        ws.verify_dataset(row)
        if row.quality is None:
            raise NotFoundError(f"Dataset {row.id} ({row.name!r}) has no quality report: import its file.")
        if as_json:
            print_json(row.quality.to_dict())
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
        key = dataset_key(dataset)
        found = ws.holdout(key) if start is None else ws.lock_holdout(key, start, force=force)
        print(found or "none is locked")


@app.command()
def resample(context: typer.Context, dataset: DatasetName, timeframe: str, name: NewName = None) -> None:
    """Make a dataset of longer bars: research-kit resample SPY 1h."""
    _derive(context, lambda ws: ws.resample(dataset_key(dataset), timeframe, name=name))


@app.command("slice")
def slice_(
    context: typer.Context,
    dataset: DatasetName,
    start: Annotated[str | None, typer.Option(help="The first day or UTC time that is taken.")] = None,
    end: Annotated[str | None, typer.Option(help="The first day or UTC time that is not taken.")] = None,
    name: NewName = None,
) -> None:
    """Make a dataset of the bars between two times."""
    _derive(context, lambda ws: ws.slice(dataset_key(dataset), start, end, name=name))


@app.command()
def merge(
    context: typer.Context,
    datasets: Annotated[list[str], typer.Argument(help="Names or ids, two or more.")],
    overlap: Annotated[Literal["error", "first", "last"], typer.Option(help="Which of bars that differ.")] = "error",
    name: NewName = None,
) -> None:
    """Make one dataset of several spans of one symbol."""
    _derive(context, lambda ws: ws.merge([dataset_key(one) for one in datasets], overlap=overlap, name=name))


def _derive(context: typer.Context, verb: Callable[[Workspace], Dataset]) -> None:
    with context.obj.open() as ws:
        print_dataset(verb(ws))
