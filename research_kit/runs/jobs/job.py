"""A job that runs somewhere else, as users hold it: every answer is read from the database when it is asked for."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING

from research_kit.errors import JobError
from research_kit.processes.identity import is_over
from research_kit.runs.jobs.settling import settle
from research_kit.runs.places import split_place
from research_kit.runs.run import Run
from research_kit.store import jobs, listings
from research_kit.store.claims import backtest_of_job
from research_kit.store.tables import FINAL_STATES

if TYPE_CHECKING:
    from collections.abc import Callable

    from research_kit.runs.home import Home
    from research_kit.store.tables import BacktestJob

LOOK_EVERY = 0.1  # seconds between two looks at a job that is waited for
SETTLE_EVERY = 1.0  # seconds between two searches for workers that died


class Job:
    """One submitted backtest: ``state``, ``progress``, ``step``, ``error``, ``cancel()``, ``result()``."""

    def __init__(self, home: Home, job_id: int, wake: Callable[[], None] | None = None) -> None:
        self.home = home
        self.id = job_id
        self._wake = wake

    def __repr__(self) -> str:
        row = self.row
        step = f", {row.current_step}" if row.status == "running" and row.current_step else ""
        return f"Job({self.id}, {row.strategy}, {row.status}, {row.progress:.0%}{step})"

    @property
    def row(self) -> BacktestJob:
        """The row of the job as it is now."""
        return listings.get_job(self.home.database, self.id)

    @property
    def state(self) -> str:
        """``pending``, ``running``, ``completed``, ``failed`` or ``cancelled``; a worker that died is noticed here."""
        row = self.row
        if row.status == "running" and row.worker_id and is_over(row.worker_id):
            settle(self.home.database)
            row = self.row
        return row.status

    @property
    def progress(self) -> float:
        """How much is done, 0 to 1."""
        return self.row.progress

    @property
    def step(self) -> str:
        """What is being done."""
        return self.row.current_step or ""

    @property
    def error(self) -> str | None:
        """Why it failed; None where it did not. ``place`` says where."""
        return split_place(self.row.error_message)[0] if self.row.error_message else None

    @property
    def place(self) -> str:
        """Where in the strategy it failed, a step in each line; "" where that is not known."""
        return split_place(self.row.error_message or "")[1]

    @property
    def expected_seconds(self) -> float | None:
        """How long jobs of this strategy and size took before; None where there were none."""
        return self.row.estimated_duration

    def cancel(self, timeout: float = 10.0) -> str:
        """Ask for its end, wait for it, and return the state that it came to."""
        if jobs.request_cancel(self.home.database, self.id) not in FINAL_STATES:
            self.wait(timeout)
        return self.state

    def wait(self, timeout: float | None = None) -> str:
        """Wait until it has ended, at most so many seconds, and return its state."""
        until = None if timeout is None else monotonic() + timeout
        settled = -SETTLE_EVERY
        while True:
            state = self.row.status
            if state in FINAL_STATES or (until is not None and monotonic() >= until):
                return state
            if monotonic() - settled >= SETTLE_EVERY:
                settle(self.home.database)
                if self._wake is not None and state == "pending":
                    self._wake()
                settled = monotonic()
            sleep(LOOK_EVERY)

    def result(self, timeout: float | None = None) -> Run:
        """Wait for its end and return the recorded run.

        Raises
        ------
        JobError
            It failed or was cancelled; the message says why.
        TimeoutError
            It has not ended yet; it goes on.
        """
        state = self.wait(timeout)
        if state not in FINAL_STATES:
            raise TimeoutError(f"Job {self.id} is {state} after {timeout:g} seconds; it goes on.")
        if state != "completed":
            raise JobError(f"Job {self.id} {'was cancelled' if state == 'cancelled' else 'failed'}. {self.error or ''}")
        return Run.load(self.home, backtest_of_job(self.home.database, self.id))
