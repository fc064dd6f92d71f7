"""Commands that prove: verify runs, compare them, their convention band, and take them to another machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from research_kit.cli.common import AsJson, print_json, print_table

if TYPE_CHECKING:
    from research_kit.runs.trust.verification import Verification
    from research_kit.workspace import Workspace

app = typer.Typer()

RunId = Annotated[int, typer.Argument(help="The id of a recorded run.")]
Trust = Annotated[bool, typer.Option("--trust", help="Run a source that came from elsewhere.")]


@app.command()
def verify(
    context: typer.Context,
    run_id: Annotated[int | None, typer.Argument(help="The id of a recorded run.", show_default=False)] = None,
    every: Annotated[bool, typer.Option("--all", help="Every run of the workspace, in parallel.")] = False,
    trust: Trust = False,
    workers: Annotated[int | None, typer.Option(min=1, help="With --all: how many processes.")] = None,
    time_limit: Annotated[float | None, typer.Option(help="With --all: seconds for each run.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a stored run again and compare it byte for byte; exit code 1 unless it is verified."""
    if (run_id is None) != every:
        raise typer.BadParameter("Give the id of one run, or --all.")
    with context.obj.open() as ws:
        found = _all(ws, trust, workers, time_limit) if run_id is None else [ws.verify(run_id, trust=trust)]
        if as_json:
            print_json([one.to_dict() for one in found] if every else found[0].to_dict())
        else:
            _print(found, every=every)
    if not all(one.is_verified for one in found):
        raise typer.Exit(1)


def _all(ws: Workspace, trust: bool, workers: int | None, time_limit: float | None) -> list[Verification]:
    from research_kit.runs.trust.verifying_all import verify_all

    return verify_all(ws, workers=workers, trust=trust, time_limit=time_limit)


def _print(found: list[Verification], *, every: bool) -> None:
    from research_kit.runs.trust.verifying_all import verifications_table

    if not every:
        print(found[0])
        return
    print_table(verifications_table(found).drop(columns="summary"))
    wrong = [one for one in found if not one.is_verified]
    for one in wrong:
        print(one)
    print(f"{len(found) - len(wrong):,} of {len(found):,} runs verified")


@app.command()
def compare(context: typer.Context, first: RunId, second: RunId, as_json: AsJson = False) -> None:
    """Say what differs between two runs: what was run, the first order, the metrics."""
    from research_kit.metrics.registry import HEADLINE, METRICS, format_value
    from research_kit.runs.trust.comparing import compare as compare_runs

    with context.obj.open() as ws:
        found = compare_runs(ws.load_run(first), ws.load_run(second))
        if as_json:
            print_json(found.to_dict())
            return
        print(found)
        if found.spec_differences:
            print_table(found.spec.astype(str).reset_index())
        if found.source_diff:
            print(found.source_diff)
        if not found.context.empty:
            print(found.context.to_string(float_format="{:.6g}".format))
        for name in [name for name in HEADLINE if name in found.metrics.index]:
            values = (format_value(name, side.metrics.get(name)) for side in (found.first, found.second))
            print(f"  {METRICS[name].title:<24} {' '.join(f'{value:>16}' for value in values)}")


@app.command()
def band(context: typer.Context, run_id: RunId, trust: Trust = False, as_json: AsJson = False) -> None:
    """Run a stored run under every common convention, and show the range of its result."""
    with context.obj.open() as ws:
        found = ws.load_run(run_id).band(trust)
        if as_json:
            rows = found.range.reset_index(names="metric").to_dict(orient="records")
            print_json({"range": rows, "ambiguous_bars": found.ambiguous_bars, "arms": found.table.to_dict("records")})
            return
        print_table(found.range.reset_index(names="metric"))
        print(f"{found.ambiguous_bars:,} bars reached both stop and target")


@app.command()
def source(context: typer.Context, run_id: RunId) -> None:
    """Print the stored source of a run's strategy, with the local modules that it uses."""
    with context.obj.open() as ws:
        print(ws.load_run(run_id).source)


@app.command()
def export(
    context: typer.Context,
    run_id: RunId,
    folder: Annotated[Path | None, typer.Argument(help="Where it goes; it must not be there.")] = None,
    without_data: Annotated[bool, typer.Option("--without-data", help="Name the bars by their sha256 only.")] = False,
) -> None:
    """Write a run into a folder that another machine can verify, and print where it is."""
    with context.obj.open() as ws:
        print(ws.load_run(run_id).export(folder, data=not without_data))


@app.command("import-run")
def import_run(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A folder that `export` wrote.")],
    trust: Annotated[bool, typer.Option("--trust", help="Run its source, to verify it.")] = False,
) -> None:
    """Record a run from an exported folder; its source is shown, and run only with --trust."""
    with context.obj.open() as ws:
        run = ws.import_run(folder, trust=trust)
        print(f"run {run.id}: {run.title}")
        if not trust:
            print(run.source)
            print(f"Nothing of it was run. If you trust it: research-kit verify {run.id} --trust")
            return
        found = run.verification
        print(found)
    if found is None or not found.is_verified:
        raise typer.Exit(1)
