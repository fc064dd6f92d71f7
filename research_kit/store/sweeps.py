"""The life of a sweep: every change is one transaction, made only by whoever works on it; final states stay.

::

    create ──> running ──record sets──> running ──finish──> completed, failed or cancelled
                  └──resume (whoever worked on it died)──> running

What was recorded before a process died is kept: who resumes asks ``known_trials`` what is there and runs the rest.
One that ended stays as it ended; asked again it is a new sweep, which finds all that was recorded, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from research_kit.errors import NotFoundError, StoreError
from research_kit.store.database import Database, database_time
from research_kit.store.json_values import dump_json
from research_kit.store.records import Lease, NewSweep, TrialRecord, checked_hashes, checked_row, row_of, short_text
from research_kit.store.states import UNFINISHED, change_row, ending, insert_row
from research_kit.store.stored_trials import StoredTrials, read_sets
from research_kit.store.tables import FINAL_STATES, SweepRow, columns_of
from research_kit.store.trial_batch import TrialBatch
from research_kit.store.trial_rows import trial_columns
from research_kit.store.trial_writing import write_columns

_SWEEPS, _SETS, _TRIALS = columns_of("sweeps"), columns_of("sweep_sets"), columns_of("trials")
_SIGN_OF_LIFE = sa.func.coalesce(_SWEEPS.c.heartbeat_at, _SWEEPS.c.started_at, _SWEEPS.c.created_at)
_WRITE_SETS = {
    "sqlite": "SELECT :sweep_id, :first + key, value FROM json_each(:hashes)",
    "postgresql": "SELECT :sweep_id, :first + place - 1, value "
    "FROM json_array_elements_text(CAST(:hashes AS json)) WITH ORDINALITY AS hashes(value, place)",
}


@dataclass(frozen=True)
class StoredSweep:
    """A sweep as it was recorded: its row, and its sets in the order of their positions."""

    row: SweepRow
    sets: StoredTrials


def create_sweep(
    database: Database,
    sweep: NewSweep,
    spec_hashes: Sequence[str],
    *,
    known_sets: int = 0,
    lease: Lease | None = None,
) -> int:
    """Record a sweep that begins now, with all of its sets in their order, and return its id.

    Parameters
    ----------
    known_sets
        How many of the sets are completed already and are not run again; they count as completed from the start.
    lease
        Who works on it; from then on only who shows it can record sets. None for a sweep that anyone may write to.
    """
    hashes = checked_hashes(spec_hashes)
    if not 0 <= known_sets <= len(hashes):
        raise StoreError(f"known_sets is how many of the {len(hashes)} sets are completed; {known_sets!r} was given.")
    start = {"status": "running", "started_at": database_time(), **_held_by(lease)}
    counts = {"total_sets": len(hashes), "completed_sets": known_sets, "failed_sets": 0}
    with database.write() as session:
        sweep_id = insert_row(session, _SWEEPS, row_of("sweeps", sweep) | start | counts)
        _write_sets(session, sweep_id, hashes, 0)
        return sweep_id


def add_sets(database: Database, sweep_id: int, spec_hashes: Sequence[str], *, lease: Lease | None = None) -> None:
    """Add sets behind those that a running sweep has: what a walk-forward knows only after its fits."""
    hashes = checked_hashes(spec_hashes)
    changes = {"total_sets": _SWEEPS.c.total_sets + len(hashes)}
    with database.write() as session:
        _change_running(session, sweep_id, changes, lease)
        first = session.scalar(sa.select(sa.func.max(_SETS.c.position)).where(_SETS.c.sweep_id == sweep_id))
        _write_sets(session, sweep_id, hashes, 0 if first is None else first + 1)


def record_sets(
    database: Database, sweep_id: int, trials: TrialBatch | Sequence[TrialRecord], *, lease: Lease | None = None
) -> bool:
    """Record the trials of a running sweep and that so many more of its sets are done, in one transaction.

    Returns whether someone asked to cancel the sweep.

    Raises
    ------
    StoreError
        A trial cannot be stored as it is; nothing was written.
    LeaseLostError
        The sweep has ended, or another process works on it; nothing was written.
    """
    if isinstance(trials, TrialBatch):
        trials, states = replace(trials, sweep_id=sweep_id), trials.states
    else:
        trials, states = [replace(trial, sweep_id=sweep_id) for trial in trials], [trial.state for trial in trials]
    columns = trial_columns(trials)
    changes = {
        "completed_sets": _SWEEPS.c.completed_sets + states.count("completed"),
        "failed_sets": _SWEEPS.c.failed_sets + states.count("failed"),
        "heartbeat_at": database_time(),
    }
    with database.write() as session:
        cancel = _change_running(session, sweep_id, changes, lease)
        write_columns(session, columns)
    return cancel


def heartbeat_sweep(database: Database, sweep_id: int, *, lease: Lease | None = None) -> bool:
    """Say that whoever works on a sweep is alive; return whether someone asked to cancel it."""
    with database.write() as session:
        return _change_running(session, sweep_id, {"heartbeat_at": database_time()}, lease)


def request_cancel_sweep(database: Database, sweep_id: int) -> str:
    """Ask for a running sweep to be cancelled and return its state; who works on it is told with its next write."""
    with database.write() as session:
        sweep = _locked(session, sweep_id)
        sweep.cancel_requested = sweep.cancel_requested or sweep.status in UNFINISHED
        session.add(sweep)
        return sweep.status


def finish_sweep(
    database: Database,
    sweep_id: int,
    status: str,
    error: object = None,
    *,
    best_spec_hash: str | None = None,
    lease: Lease | None = None,
) -> None:
    """End a sweep as completed, failed or cancelled; the sets that were done stay recorded.

    With a lease: by who works on it, or, with the lease of one that died, by who found that out. Without: by anyone;
    what is still written to it is refused. Its counters become what its sets say.
    """
    changes = ending(status, error) | checked_row("sweeps", {"best_spec_hash": best_spec_hash})
    with database.write() as session:
        held = None if lease is None else _SWEEPS.c.lease_token == lease.token
        change_row(session, _SWEEPS, sweep_id, changes, states=UNFINISHED, held=held)
        sweep = _locked(session, sweep_id)
        sweep.completed_sets, sweep.failed_sets = _count_sets(session, sweep_id)
        sweep.actual_duration = _worked(sweep, sweep.completed_at)
        sweep.lease_token = None
        session.add(sweep)


def resume_sweep(database: Database, sweep_id: int, lease: Lease, *, grace: float = 30.0) -> SweepRow:
    """Take over an unfinished sweep from one that gave no sign of life for ``grace`` seconds; of several, one gets it.

    Its completed sets stay counted, the failed ones are to be tried again. A grace of 0 is for who knows that the other
    is dead.

    Raises
    ------
    LeaseLostError
        It has ended, or someone works on it.
    """
    changes: dict[str, Any] = {"status": "running", "cancel_requested": False, "failed_sets": 0, **_held_by(lease)}
    with database.write() as session:
        before = _locked(session, sweep_id)
        changes["actual_duration"] = _worked(before, before.heartbeat_at)
        silent = database_time(grace) >= _SIGN_OF_LIFE
        change_row(
            session, _SWEEPS, sweep_id, changes | {"started_at": database_time()}, states=UNFINISHED, held=silent
        )
        sweep = _locked(session, sweep_id)
        sweep.completed_sets, _ = _count_sets(session, sweep_id)
        session.add(sweep)
        return sweep


def stale_sweeps(database: Database, grace: float = 30.0) -> list[SweepRow]:
    """Return the running sweeps from which there was no sign of life for ``grace`` seconds, oldest first.

    A grace of 0 is every running sweep, whatever the clock says.
    """
    query = select(SweepRow).where(_SWEEPS.c.status == "running")
    if grace > 0:
        query = query.where(database_time(grace) >= _SIGN_OF_LIFE)
    with database.read() as session:
        return list(session.scalars(query.order_by(_SWEEPS.c.id)))


def find_unfinished_sweep(database: Database, sets_hash: str) -> SweepRow | None:
    """Return the newest sweep of the same sets that has not ended; None where there is none."""
    return _newest(database, sets_hash, UNFINISHED)


def find_completed_sweep(database: Database, sets_hash: str) -> SweepRow | None:
    """Return the newest sweep of the same sets that completed; None where there is none."""
    return _newest(database, sets_hash, ("completed",))


def get_sweep(database: Database, sweep_id: int) -> SweepRow:
    """Return the row of a sweep, or raise ``NotFoundError``."""
    with database.read() as session:
        return _found(session.get(SweepRow, sweep_id), sweep_id)


def load_sweep(database: Database, sweep_id: int) -> StoredSweep:
    """Return a sweep with all of its sets, also those that have not been run, or raise ``NotFoundError``."""
    with database.read() as session:
        row = _found(session.get(SweepRow, sweep_id), sweep_id)
        return StoredSweep(row, read_sets(session, sweep_id))


def delete_sweep(database: Database, sweep_id: int) -> None:
    """Delete a sweep that has ended, and which sets it had; its trials stay, and stay counted."""
    with database.write() as session:
        sweep = _locked(session, sweep_id)
        if sweep.status not in FINAL_STATES:
            raise StoreError(f"The sweep {sweep_id} is {sweep.status}; cancel it before it is deleted.")
        session.delete(sweep)


def _change_running(session: Session, sweep_id: int, changes: dict[str, Any], lease: Lease | None) -> bool:
    held = _SWEEPS.c.lease_token.is_not_distinct_from(lease and lease.token)
    change_row(session, _SWEEPS, sweep_id, changes, states=("running",), held=held)
    return bool(session.scalar(sa.select(_SWEEPS.c.cancel_requested).where(_SWEEPS.c.id == sweep_id)))


def _held_by(lease: Lease | None) -> dict[str, Any]:
    worker = None if lease is None else short_text(lease.worker_id, 100)
    return {"worker_id": worker, "lease_token": lease and lease.token, "heartbeat_at": database_time()}


def _write_sets(session: Session, sweep_id: int, hashes: Sequence[str], first: int) -> None:
    source = _WRITE_SETS[session.get_bind().dialect.name]
    statement = sa.text(f"INSERT INTO sweep_sets (sweep_id, position, spec_hash) {source}")
    session.execute(statement, {"sweep_id": sweep_id, "first": first, "hashes": dump_json(hashes)})


def _count_sets(session: Session, sweep_id: int) -> tuple[int, int]:
    """Return of how many sets of a sweep the trial is completed, and of how many failed."""
    trial = _SETS.join(_TRIALS, _TRIALS.c.spec_hash == _SETS.c.spec_hash)
    query = sa.select(_TRIALS.c.state, sa.func.count()).select_from(trial).where(_SETS.c.sweep_id == sweep_id)
    counts = {row[0]: row[1] for row in session.execute(query.group_by(_TRIALS.c.state))}
    return counts.get("completed", 0), counts.get("failed", 0)


def _worked(sweep: SweepRow, until: Any) -> float:
    """Return for how many seconds a sweep was worked on: before it was resumed, and from then until a time."""
    last = (until - sweep.started_at).total_seconds() if until and sweep.started_at else 0.0
    return (sweep.actual_duration or 0.0) + max(0.0, last)


def _newest(database: Database, sets_hash: str, states: Sequence[str]) -> SweepRow | None:
    query = select(SweepRow).where(col(SweepRow.sets_hash) == sets_hash, col(SweepRow.status).in_(states))
    with database.read() as session:
        return session.scalars(query.order_by(col(SweepRow.id).desc()).limit(1)).first()


def _locked(session: Session, sweep_id: int) -> SweepRow:
    return _found(session.get(SweepRow, sweep_id, with_for_update=True, populate_existing=True), sweep_id)


def _found(sweep: SweepRow | None, sweep_id: int) -> SweepRow:
    if sweep is None:
        raise NotFoundError(f"There is no sweep {sweep_id}.")
    return sweep
