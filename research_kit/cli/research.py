"""Commands that run something and tell what came of it."""

from __future__ import annotations

from typing import Annotated

import typer

from research_kit.cli.common import (
    AsJson,
    Before,
    DatasetName,
    Limit,
    Options,
    Pairs,
    dataset_key,
    list_rows,
    pairs,
    print_json,
)

app = typer.Typer()


@app.command()
def strategies(context: typer.Context, as_json: AsJson = False) -> None:
    """List the strategies that can be named."""
    list_rows(context, lambda ws: ws.strategies(), as_json)


@app.command()
def backtests(context: typer.Context, limit: Limit = 1_000, before: Before = None, as_json: AsJson = False) -> None:
    """List the recorded runs."""
    list_rows(context, lambda ws: ws.backtests(limit, before), as_json)


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
            found = {"id": done.id, "job_id": done.job.id, "spec": done.spec, "metrics": dict(done.metrics)}
            print_json(found | {"headline": str(done.headline), "holdout": seen})
            return
        print(f"run {done.id}: {done.title}")
        for name, value in done.summary.headline().items():
            print(f"  {METRICS[name].title:<24} {format_value(name, value)}")
        print(f"trials on this dataset so far: {done.trials}")
        print(done.headline)
        if done.holdout:
            print(done.holdout)


@app.command()
def believe(
    context: typer.Context,
    run_id: Annotated[int, typer.Argument(help="The id of a recorded run.")],
    as_json: AsJson = False,
) -> None:
    """Say whether a run can be believed: the verdict, the evidence, and what would change it."""
    with context.obj.open() as ws:
        found = ws.load_run(run_id).believe()
        if as_json:
            print_json(found.to_dict())
        else:
            print(found)


@app.command()
def submit(
    context: typer.Context,
    strategy: Annotated[str, typer.Argument(help="A registered name, or package.module:Class.")],
    dataset: DatasetName,
    parameter: Pairs = None,
    option: Options = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds after which it is killed.")] = None,
    memory_limit: Annotated[float | None, typer.Option(help="MiB that it may use.")] = None,
    retries: Annotated[int, typer.Option(help="How often it is begun again when its worker dies.")] = 0,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; exit code 1 unless it completes.")] = False,
    as_json: AsJson = False,
) -> None:
    """Record a backtest and let a worker run it."""
    memory = None if memory_limit is None else int(memory_limit * 2**20)
    with context.obj.open() as ws:
        job = ws.submit(
            strategy,
            dataset_key(dataset),
            pairs(parameter),
            time_limit=time_limit,
            memory_limit=memory,
            retries=retries,
            **pairs(option),
        )
        state = job.wait() if wait else job.state
        if as_json:
            print_json({"job_id": job.id, "state": state, "error": job.error})
        else:
            print(f"job {job.id}: {state}{f'. {job.error}' if job.error else ''}")
    if wait and state != "completed":
        raise typer.Exit(1)


@app.command()
def worker(
    context: typer.Context,
    slots: Annotated[int | None, typer.Option(min=1, help="How many jobs run at once; one for each core.")] = None,
    idle: Annotated[float | None, typer.Option(help="End after so many seconds without a job.")] = None,
) -> None:
    """Run the jobs of the workspace until stopped: one worker for each machine."""
    with context.obj.open() as ws:
        if not ws.work(slots, idle):
            print("another worker of this workspace runs on this machine")
