"""Engines take turns in fresh processes: first each does the work once and is checked, then rounds are timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from environments import Competitor
from equality import UnequalWorkError
from page import Run
from processes import MissingError, RunError, run_module
from sheet import OURS, Sheet

Runner = Callable[[Competitor, int], Run]
"""Runs an engine once; the second argument counts the rounds, 0 being the one that is checked."""
Check = Callable[[Competitor, Run], None]
"""Raises UnequalWorkError unless the engine did the same work as those before it."""


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line."""

    workloads: Sequence[str]
    sizes: Sequence[str]
    rows: int
    trades: int
    grids: Sequence[str]
    peers: Sequence[str]
    repeats: int
    budget: float
    quick: bool

    def chosen(self, peers: Sequence[Competitor]) -> list[Competitor]:
        return [peer for peer in peers if peer.name in self.peers or peer.environment.name in self.peers]


def take_turns(
    sheet: Sheet,
    case: str,
    engines: Sequence[Competitor],
    run: Runner,
    check: Check,
    *,
    repeats: int,
    keep_first: bool = False,
) -> None:
    """Fill the sheet's rows of a case: ``repeats`` runs of each engine that did the same work.

    The first round also fills caches of compiled code and of files. With ``keep_first`` it is one of the timed rounds:
    for work that is warmed up by itself and takes long.
    """
    able = [engine for engine in engines if _first(sheet, case, engine, run, check, keep=keep_first)]
    for turn in range(1, repeats + 1 - keep_first):
        for engine in able:
            try:
                sheet.row(engine.name, case).runs.append(run(engine, turn))
            except RunError as error:
                sheet.miss(f"{engine.name}, {case}", str(error), is_fault=_is_fault(engine, error))


def _first(sheet: Sheet, case: str, engine: Competitor, run: Runner, check: Check, *, keep: bool) -> bool:
    try:
        record = run(engine, 0)
        check(engine, record)
    except RunError as error:
        sheet.miss(f"{engine.name}, {case}", str(error), is_fault=_is_fault(engine, error))
        return False
    except UnequalWorkError as error:
        sheet.miss(f"{engine.name}, {case}", f"other work: {error}", is_fault=True)
        return False
    row = sheet.row(engine.name, case)
    if keep:
        row.runs.append(record)
    return True


def note_where(sheet: Sheet, key: str, engine: Competitor, *arguments: object) -> None:
    """Profile an engine that was timed, and keep where its time goes under the key."""
    try:
        found = run_module(engine, *arguments, "--where")["where"]
    except RunError as error:
        print(f"without a profile of {engine.name}, {key}: {error}", flush=True)
    else:
        sheet.facts.setdefault("where", {})[key] = found


def _is_fault(engine: Competitor, error: RunError) -> bool:
    return engine.name.startswith(OURS) and not isinstance(error, MissingError)
