"""What became of work whose worker died: found by whoever looks, and ended or given free."""

from __future__ import annotations

from contextlib import suppress

from research_kit.errors import NotFoundError, StoreError
from research_kit.processes.identity import is_alive, is_over
from research_kit.runs.jobs.pulse import GRACE
from research_kit.store import jobs, sweeps
from research_kit.store.claims import release_dead
from research_kit.store.database import Database
from research_kit.store.records import Lease


def settle(database: Database, grace: float = GRACE) -> dict[int, str]:
    """End, or give free, the jobs whose workers died: at once on this machine, after ``grace`` on others.

    A worker of this machine that is there, and silent, is given up where this process heard nothing for ``grace``, too.
    Sweeps whose process died on this machine are ended as well. Any client may do so at any time; returns the states
    that jobs came to, by id.
    """
    _end_dead_sweeps(database)
    return release_dead(database, is_over) | jobs.release_expired(database, grace, is_alive)


def _end_dead_sweeps(database: Database) -> None:
    for row in sweeps.stale_sweeps(database, grace=0.0):
        if row.worker_id and row.lease_token and is_over(row.worker_id):
            reason = f"Its process {row.worker_id} died. Asked for again, it goes on where it was."
            with suppress(StoreError, NotFoundError):  # another client found it first
                sweeps.finish_sweep(database, row.id, "failed", reason, lease=Lease(row.worker_id, row.lease_token))
