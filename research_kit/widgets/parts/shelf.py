"""What the views of recorded runs need of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Unpack

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.runs.history import Which
    from research_kit.runs.jobs.job import Job
    from research_kit.runs.run import Run
    from research_kit.store.database import Database


class Shelf(Protocol):
    """Something that recorded runs; ``rk.open_workspace`` returns one."""

    database: Database

    def backtests(self, limit: int | None = ..., before: int | None = ..., **which: Unpack[Which]) -> pd.DataFrame:
        """Return a page of the recorded runs, newest first."""

    def load_run(self, run_id: int) -> Run:
        """Return a recorded run by its id."""

    def job(self, job_id: int) -> Job:
        """Return a job by its id."""

    def tag(self, run: Run | int, *tags: str) -> list[str]:
        """Put tags on a run and return all that it has."""

    def untag(self, run: Run | int, *tags: str) -> list[str]:
        """Take tags off a run and return those that are left."""

    def note(self, run: Run | int, note: str) -> None:
        """Write a note on a run."""

    def pin(self, run: Run | int, pinned: bool = True) -> None:
        """Pin a run, or take the pin off."""

    def delete_backtest(self, run: Run | int) -> None:
        """Delete a run; its trial stays counted."""
