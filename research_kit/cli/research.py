"""Commands that run something and tell what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from research_kit.cli.common import AsJson, DatasetName, Options, Pairs, dataset_key, list_rows, pairs, print_json

app = typer.Typer()


@app.command()
def strategies(context: typer.Context, as_json: AsJson = False) -> None:
    """List the strategies that can be named."""
    list_rows(context, lambda ws: ws.strategies(), as_json)


@app.command()
def backtests(context: typer.Context, as_json: AsJson = False) -> None:
    """List the recorded runs."""
    list_rows(context, lambda ws: ws.backtests(), as_json)


@app.command()
def jobs(context: typer.Context, as_json: AsJson = False) -> None:
    """List the jobs, with their states and errors."""
    list_rows(context, lambda ws: ws.jobs(), as_json)


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
        done = ws.run(strategy, dataset_key(dataset), pairs(parameter), **pairs(option))
        if as_json:
            seen = done.holdout.sentence if done.holdout else None
            spec, metrics = done.spec, dict(done.summary)
            print_json({"id": done.id, "job_id": done.job.id, "spec": spec, "metrics": metrics, "holdout": seen})
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
