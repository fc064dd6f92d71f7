"""The command that runs a notebook many times over, as a file says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from research_kit.cli.common import AsJson, list_rows, print_json, print_table

if TYPE_CHECKING:
    from research_kit.report.batches.batch import Batch

app = typer.Typer()

KNOWN = ("notebook", "name", "parameters", "grid", "workers", "time_limit", "memory_limit", "retries", "stop_on_error")
MIB = 2**20
SHOWN = 40  # lines of the table


@app.command()
def batch(
    context: typer.Context,
    spec: Annotated[Path, typer.Argument(help="A YAML or JSON file: notebook, parameters, grid, workers, ….")],
    name: Annotated[str | None, typer.Option(help="Of the batch; the file's own name otherwise.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="How many notebooks run at once.")] = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds that one notebook may take.")] = None,
    memory_limit: Annotated[float | None, typer.Option(help="MiB that one notebook may use.")] = None,
    retries: Annotated[int | None, typer.Option(min=0, help="How often one that failed is begun again.")] = None,
    stop_on_error: Annotated[bool | None, typer.Option("--stop-on-error/--go-on", help="After a failure.")] = None,
    pack: Annotated[bool, typer.Option("--zip", help="Pack the folder into one file as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a notebook with every set of parameters of a file; exit code 1 unless all of them completed.

    Run it again to go on: what is completed with the same inputs is not run again.
    """
    asked = read_batch(spec)
    given = {
        "name": name,
        "workers": workers,
        "time_limit": time_limit,
        "memory_limit": None if memory_limit is None else int(memory_limit * MIB),
        "retries": retries,
        "stop_on_error": stop_on_error,
    }
    asked |= {option: value for option, value in given.items() if value is not None}
    with context.obj.open() as ws:
        done = ws.run_notebooks(progress=False if as_json else None, **asked)
        packed = done.zip() if pack else None
        if as_json:
            print_json(_as_json(done, packed))
        else:
            _tell(done, packed)
        if not done.ok:
            raise typer.Exit(1)


@app.command()
def batches(context: typer.Context, as_json: AsJson = False) -> None:
    """List the batches of notebooks."""
    list_rows(context, lambda ws: ws.batches(), as_json)


def read_batch(path: Path) -> dict[str, Any]:
    """Return what a file asks for, as the keywords of ``ws.run_notebooks``.

    ::

        notebook: research.ipynb          # beside this file, or a template's name
        parameters: {dataset: SPY daily}  # one set, or a list of sets
        grid: {strategy: [sma_cross, momentum], commission: [0.0005, 0.001]}
        workers: 2
        time_limit: 600                   # seconds of one notebook
        memory_limit: 2048                # MiB

    Raises
    ------
    NotFoundError
        There is no such file.
    OptionError
        It cannot be read, or asks for something that there is not.
    """
    from research_kit.errors import OptionError, did_you_mean
    from research_kit.search.specification import read_mapping

    content = read_mapping(path, "what is run by name: notebook, parameters, grid")
    asked = {str(name): value for name, value in content.items() if value is not None}
    for name in asked:
        if name not in KNOWN:
            raise OptionError(f"{path} has {name!r}, which a batch does not know. {did_you_mean(name, KNOWN)}")
    if not isinstance(asked.get("notebook"), str):
        raise OptionError(f"{path} does not say which notebook; write notebook: research.ipynb.")
    for option, kind, words in (
        ("name", str, "text"),
        ("parameters", dict | list, "values by name, or a list of such"),
        ("grid", dict, "lists of values by name"),
        ("workers", int, "a whole number"),
        ("time_limit", int | float, "seconds"),
        ("memory_limit", int | float, "MiB"),
        ("retries", int, "a whole number"),
        ("stop_on_error", bool, "true or false"),
    ):
        value = asked.get(option)
        if value is not None and (not isinstance(value, kind) or (kind is not bool and isinstance(value, bool))):
            raise OptionError(f"{path}: {option} must be {words}; it is {value!r:.60}.")
    beside = path.parent / asked["notebook"]
    if beside.is_file():
        asked["notebook"] = beside
    if "memory_limit" in asked:
        asked["memory_limit"] = int(asked["memory_limit"] * MIB)
    return {"name": path.stem} | asked


def _tell(done: Batch, packed: Path | None) -> None:
    table = done.table.drop(columns=["html", "notebook"])
    print_table(table.head(SHOWN))
    if len(table) > SHOWN:
        print(f"… and {len(table) - SHOWN} more")
    print(", ".join(f"{count} {state}" for state, count in sorted(done.counts.items())))
    print(packed or done.index)


def _as_json(done: Batch, packed: Path | None) -> dict[str, Any]:
    return {
        "name": done.name,
        "counts": dict(done.counts),
        "index": str(done.index),
        "zip": packed and str(packed),
        "runs": done.table.to_dict(orient="records"),
    }
