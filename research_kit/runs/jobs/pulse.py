"""Signs of life of a job that this process runs, from a thread beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from research_kit.errors import NotFoundError, StoreError
from research_kit.store import jobs
from research_kit.store.database import Database

BEAT = 5.0  # seconds between two signs of life
GRACE = 30.0  # seconds of silence after which a worker counts as dead


@contextmanager
def signs_of_life(database: Database, job_id: int, token: str, every: float = BEAT) -> Iterator[None]:
    """Tell the database every few seconds that the job's worker is alive, until the work in this context is done."""
    done = Event()

    def beat() -> None:
        while not done.wait(every):
            try:
                jobs.heartbeat(database, job_id, token)
            except (StoreError, NotFoundError):  # the work finds out itself, with its next write
                return

    thread = Thread(target=beat, name=f"pulse of job {job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
