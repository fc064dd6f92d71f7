"""What the commands share: the settings before a command, how values are read, how results are printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from research_kit.errors import OptionError
from research_kit.runs.places import split_place

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.store.database import Database
    from research_kit.store.tables import Dataset
    from research_kit.workspace import Workspace

ROOMY = (
    *("sha256", "source_sha256", "spec_hash", "worker_id", "cancel_requested", "attempt", "completed_at", "last_used"),
    *("best_spec_hash", "mean", "std", "skew", "kurtosis", "n_returns", "benchmark_return_percent"),
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
    files: str | None = None

    def look(self) -> Database:
        """Return the database as it is: nothing is made, migrated or adopted."""
        from research_kit.store.database import Database

        return Database.at(self.database or self.workspace.expanduser() / "research.db")

    def open(self) -> Workspace:
        from research_kit.workspace import open_workspace

        return open_workspace(self.workspace, self.database, self.files)


DatasetName = Annotated[str, typer.Argument(help="A name or an id.")]
NewName = Annotated[str | None, typer.Option("--name", help="What the new dataset is called.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many rows, newest first.")]
Before = Annotated[int | None, typer.Option("--before", help="Go on behind this id: older rows only.")]
Pairs = Annotated[list[str] | None, typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="Strategy parameter.")]
Options = Annotated[list[str] | None, typer.Option("-o", "--option", metavar="NAME=VALUE", help="Engine option.")]


def pairs(texts: list[str] | None) -> dict[str, Any]:
    """Return ``NAME=VALUE`` texts as a mapping; values are JSON where they can be, else text.

    >>> pairs(["fast=10", "fill=same_close", "stop_loss=null"])
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


def dataset_key(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def print_dataset(row: Dataset) -> None:
    span = f"{row.start_date:%Y-%m-%d %H:%M} to {row.end_date:%Y-%m-%d %H:%M} UTC"
    print(f"dataset {row.id}: {row.name}, {row.rows:,} bars of {row.timeframe}, {span}")
    print(row.quality)


def list_rows(context: typer.Context, table: Callable[[Workspace], pd.DataFrame], as_json: bool) -> None:
    """Print a table of the workspace, or the same as JSON."""
    with context.obj.open() as ws:
        frame = table(ws)
    if as_json:
        print_json(frame.to_dict(orient="records"))
        return
    for name in {"error", "error_message"} & set(frame.columns):
        frame[name] = frame[name].map(lambda text: split_place(text)[0], na_action="ignore")
    print_table(frame)


def print_table(frame: pd.DataFrame) -> None:
    """Print a table so that it fits a terminal."""
    if frame.empty:
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


def print_problems(problems: list[str], as_json: bool) -> None:
    """Print what a check found; exit code 1 where it found anything."""
    if as_json:
        print_json(problems)
    else:
        print("\n".join(problems) or "nothing is wrong")
    if problems:
        raise typer.Exit(1)


def print_json(value: Any) -> None:
    from research_kit.store.json_values import dump_json

    print(dump_json(value))
