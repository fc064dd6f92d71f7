"""Commands that search: sweeps, walk-forwards, and what was tried."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from research_kit.cli.common import AsJson, Before, Limit, dataset_key, list_rows, print_json, print_table

if TYPE_CHECKING:
    from research_kit.runs.searches.sweep import Sweep
    from research_kit.search.walk_forward import WalkForward

app = typer.Typer()

Spec = Annotated[Path, typer.Argument(help="A YAML or JSON file: strategy, dataset, grid, where, options, ….")]
Luck = Annotated[bool, typer.Option("--overfitting", help="Say how much of the best set is luck.")]
Report = Annotated[Path | None, typer.Option("--report", help="Write its report there: .html, or .pdf.")]
Top = Annotated[int, typer.Option(min=1, help="How many of the best sets are shown.")]


@app.command()
def sweep(
    context: typer.Context,
    spec: Spec,
    top: Top = 10,
    overfitting: Luck = False,
    report: Report = None,
    as_json: AsJson = False,
) -> None:
    """Run every parameter set of a specification, record each as a trial, and show the best."""
    from research_kit.search.specification import read_specification

    asked = read_specification(spec)
    with context.obj.open() as ws:
        found = ws.sweep(progress=False if as_json else None, **_resolved(asked))
        written = report and found.report(report)
        if as_json:
            print_json(_sweep_as_json(found, top) | (_luck(found) if overfitting else {}) | _written(written))
            return
        trials = found.trials
        print(f"sweep {found.id}: {found.strategy_name} on {asked['dataset']}, {len(found):,} sets, {found.status}")
        if found.refused:
            print(f"{len(found.refused):,} sets were not taken by the strategy; the first: {found.refused[0][1]}")
        if found.errors:
            print(f"{len(found.errors):,} sets failed; the first: {next(iter(found.errors.values()))}")
        if found.ranking.size:
            print_table(found.top(top))
        print(f"trials on this dataset so far: {trials:,}")
        if overfitting and found.ranking.size:
            judged = found.overfitting()
            print(judged.headline, judged.verdict, sep="\n")
            for one in judged.statistics.values():
                print(f"  {one.title:<34} {one.shown:<22} {one.meaning}")
        if written:
            print(written)


@app.command("walk-forward")
def walk_forward(context: typer.Context, spec: Spec, report: Report = None, as_json: AsJson = False) -> None:
    """Choose parameters in each training and trade them in the test that follows."""
    from research_kit.metrics.registry import METRICS, format_value
    from research_kit.search.specification import OF_A_WALK_FORWARD, read_specification

    asked = read_specification(spec, OF_A_WALK_FORWARD)
    with context.obj.open() as ws:
        found = ws.walk_forward(progress=False if as_json else None, **_resolved(asked))
        written = report and found.report(report)
        if as_json:
            print_json(_walk_as_json(found) | _written(written))
            return
        print(found)
        print_table(found.table)
        for name, value in found.metrics.headline().items():
            print(f"  {METRICS[name].title:<24} {format_value(name, value)}")
        if written:
            print(written)


@app.command()
def sweeps(context: typer.Context, limit: Limit = 1_000, before: Before = None, as_json: AsJson = False) -> None:
    """List the sweeps and walk-forwards."""
    list_rows(context, lambda ws: ws.sweeps(limit, before), as_json)


@app.command()
def trials(
    context: typer.Context,
    dataset: Annotated[str | None, typer.Option(help="Only on this dataset: a name or an id.")] = None,
    strategy: Annotated[str | None, typer.Option(help="Only with this strategy.")] = None,
    limit: Limit = 1_000,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """List everything that was ever tried, failed and deleted runs included."""
    key = None if dataset is None else dataset_key(dataset)
    list_rows(context, lambda ws: ws.trials(key, strategy, limit=limit, before=before), as_json)


def _resolved(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what a specification asks for; the number of a dataset is its id."""
    return asked | {"dataset": dataset_key(str(asked["dataset"]))}


def _sweep_as_json(found: Sweep, top: int) -> dict[str, Any]:
    best = found.best if found.ranking.size else None
    return {
        "id": found.id,
        "status": found.status,
        "sets": len(found),
        "failed": len(found.errors),
        "refused": len(found.refused),
        "trials_on_dataset": found.trials,
        "best": best and {"parameters": best.parameters, "metrics": best.metrics, "plateau": best.plateau},
        "top": found.top(top).to_dict(orient="records"),
    }


def _written(report: Path | None) -> dict[str, str]:
    return {} if report is None else {"report": str(report)}


def _luck(found: Sweep) -> dict[str, Any]:
    if not found.ranking.size:
        return {"overfitting": None}
    judged = found.overfitting()
    values = {name: one.value for name, one in judged.statistics.items()}
    return {"overfitting": {"headline": str(judged.headline), "verdict": judged.verdict, **values}}


def _walk_as_json(found: WalkForward) -> dict[str, Any]:
    return {
        "folds": found.table.to_dict(orient="records"),
        "metrics": dict(found.metrics),
        "efficiency": found.efficiency,
        "stability": found.stability,
    }
