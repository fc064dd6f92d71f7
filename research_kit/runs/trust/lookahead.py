"""Look-ahead checks that are remembered: made on a stored dataset, kept for its source, data and parameters."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from research_kit.checks.lookahead import TIME_LIMIT, check_lookahead
from research_kit.checks.verdict import LookaheadVerdict
from research_kit.engine.options import EngineOptions
from research_kit.errors import error_text
from research_kit.processes.lock import HeldFile, hold
from research_kit.runs.importing import checked_bars
from research_kit.runs.run import Run
from research_kit.runs.strategies import keep_strategy
from research_kit.runs.trust.background import checker_lock, notes_of
from research_kit.runs.trust.stored_source import strategy_class_of
from research_kit.store.verdicts import NewVerdict, find_verdict, record_verdict
from research_kit.strategy.submitted import load_submitted
from research_kit.version import ENGINE_VERSION

if TYPE_CHECKING:
    from research_kit.runs.home import Home
    from research_kit.store.tables import Dataset
    from research_kit.strategy.base import Strategy

IN_BACKGROUND = 30.0  # seconds of a check that nobody waits for
STUCK = 4  # so many times longer, and it is ended whatever it does


def check_strategy(
    home: Home, strategy: Strategy, dataset: Dataset, options: EngineOptions, *, time_limit: float = TIME_LIMIT
) -> LookaheadVerdict:
    """Check a strategy on a stored dataset, keep the verdict and return it."""
    row = keep_strategy(home, type(strategy))
    verdict = check_lookahead(checked_bars(home, dataset), strategy, options, time_limit=time_limit)
    about = {"source_sha256": row.source_sha256 or "", "dataset_sha256": dataset.sha256 or ""}
    _keep(home, verdict, **about, strategy_name=strategy.name, parameters=strategy.parameters())
    return verdict


def check_run(run: Run, *, time_limit: float = TIME_LIMIT, trust: bool = False, written: str = "") -> LookaheadVerdict:
    """Check the strategy of a recorded run on its data, as it was then; keep the verdict with the run and return it.

    ``trust`` is that of ``run.verify``; ``written`` is the sha256 of the file that holds a notebook's class.
    """
    with ExitStack() as stack:
        if written:
            name = str(run.spec["strategy_class"]).rpartition(":")[2]
            kind = load_submitted(run.home.files.folder / "strategies", written, name)
        else:
            kind = stack.enter_context(strategy_class_of(run, run.job.strategy_sha256 or "", trust=trust))
        bars, options = checked_bars(run.home, run.dataset), EngineOptions(**run.options)
        verdict = check_lookahead(bars, kind.with_parameters(run.parameters), options, time_limit=time_limit)
    _keep_with(run, verdict)
    return verdict


def find_lookahead(run: Run) -> LookaheadVerdict | None:
    """Return the newest verdict on a run's source and data: with its parameters, or else with others (it says so)."""
    where = {"source_sha256": run.job.strategy_sha256 or "", "dataset_sha256": run.job.dataset_sha256 or ""}
    found = find_verdict(run.home.database, "lookahead", **where, parameters=run.parameters)
    if found is not None:
        return LookaheadVerdict.from_dict(found.details or {})
    found = find_verdict(run.home.database, "lookahead", **where)
    if found is None:
        return None
    verdict = LookaheadVerdict.from_dict(found.details or {})
    note = f"It was checked with other parameters: {verdict.strategy}; run.check_lookahead() checks with these."
    return replace(verdict, notes=(*verdict.notes, note))


def check_waiting(home: Home, held: HeldFile | None = None) -> int:
    """Check the runs that left a note, one after the other, until there are none; return how many there were.

    ``held`` is the lock of whoever does this, where it is held already; where another process does it, there is
    nothing to do.
    """
    done = 0
    while True:
        held = held or hold(checker_lock(home), tries=1)
        if held is None:
            return done
        try:
            for note in _notes(home):
                done += _check_note(home, note)
        finally:
            held.release()
            held = None
        if not _notes(home):  # what came between the last look and the release is seen here
            return done


def _notes(home: Home) -> list[Path]:
    return sorted(notes_of(home).glob("*.note"), key=lambda path: int(path.stem))


def _check_note(home: Home, note: Path) -> bool:
    """Check the run of a note; return whether it was ours to check. What goes wrong is kept as the verdict."""
    try:
        written = note.read_text(encoding="utf-8")
        note.unlink()
    except FileNotFoundError:  # another machine has taken it
        return False
    with suppress(Exception):  # a run that was deleted, a database that is gone
        run = Run.load(home, int(note.stem))
        try:
            with _ended_after(STUCK * IN_BACKGROUND):
                check_run(run, time_limit=IN_BACKGROUND, written=written)
        except Exception as error:
            _keep_with(run, _could_not(run, error))
    return True


def _could_not(run: Run, error: BaseException) -> LookaheadVerdict:
    return LookaheadVerdict(
        outcome="inconclusive",
        strategy=run.backtest.strategy_name,
        bars=run.dataset.rows or 0,
        checked=0,
        notes=(f"It could not be checked in the background: {error_text(error)}",),
    )


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """Raise ``TimeoutError`` in what takes longer; what does not hear that is killed, with this process."""

    def over(*_: object) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 10.0)
        raise TimeoutError(f"The strategy gave no answer for {seconds:g} seconds.")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _keep_with(run: Run, verdict: LookaheadVerdict) -> None:
    about = {"source_sha256": run.job.strategy_sha256 or "", "dataset_sha256": run.job.dataset_sha256 or ""}
    named = {"strategy_name": run.backtest.strategy_name, "parameters": run.parameters}
    _keep(run.home, verdict, **about, **named, backtest_id=run.id, spec_hash=run.job.spec_hash)


def _keep(home: Home, verdict: LookaheadVerdict, **about: Any) -> None:
    found: dict[str, Any] = {"outcome": verdict.outcome, "summary": str(verdict), "engine_version": ENGINE_VERSION}
    record_verdict(home.database, NewVerdict(kind="lookahead", details=verdict.to_dict(), **found, **about))
