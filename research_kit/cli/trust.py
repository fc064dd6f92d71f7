"""Commands that ask whether a result can be believed."""

from __future__ import annotations

from typing import Annotated

import typer

from research_kit.cli.common import AsJson, DatasetName, Options, Pairs, dataset_key, pairs, print_json

app = typer.Typer()


@app.command()
def lookahead(
    context: typer.Context,
    strategy: Annotated[str, typer.Argument(help="A registered name, or package.module:Class.")],
    dataset: DatasetName,
    parameter: Pairs = None,
    option: Options = None,
    time_limit: Annotated[float, typer.Option(min=0.1, help="Seconds.")] = 50.0,
    as_json: AsJson = False,
) -> None:
    """Check that a strategy decides with bars that it could know; exit code 1 when it knows later ones."""
    with context.obj.open() as ws:
        verdict = ws.check_lookahead(
            strategy, dataset_key(dataset), pairs(parameter), time_limit=time_limit, **pairs(option)
        )
    if as_json:
        print_json({"sentence": verdict.sentence, **verdict.to_dict()})
    else:
        print(verdict)
    if verdict.outcome == "failed":
        raise typer.Exit(1)
