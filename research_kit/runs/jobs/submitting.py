"""Jobs for other processes: recorded, and a worker made sure of."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from research_kit.errors import JobError, NotFoundError, OptionError, StoreError, StrategyError, error_text
from research_kit.processes.holder import start_holder
from research_kit.runs.jobs.attempt import LIMITS, SUBMITTED
from research_kit.runs.jobs.worker import lock_file
from research_kit.runs.recording import new_job, spec_of
from research_kit.runs.strategies import keep_strategy, write_down
from research_kit.store import jobs
from research_kit.store.claims import expected_seconds

if TYPE_CHECKING:
    from concurrent.futures import Future

    from research_kit.engine.options import EngineOptions
    from research_kit.runs.home import Home
    from research_kit.store.tables import Dataset
    from research_kit.strategy.base import Strategy

IDLE = 60.0  # seconds without work after which a worker that was started for a job ends
DATABASE = "RESEARCH_KIT_DATABASE"


@dataclass(frozen=True)
class Limits:
    """What a job may use: seconds from its start, bytes beyond what an empty process has; None: no limit.

    ``retries`` is how often it is begun again when its worker dies.
    """

    time_limit: float | None = None
    memory_limit: int | None = None
    retries: int = 0

    def __post_init__(self) -> None:
        for name in ("time_limit", "memory_limit"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and value > 0):
                raise OptionError(f"{name} must be a number above 0, or None for no limit; given was {value!r}.")
        if isinstance(self.retries, bool) or not isinstance(self.retries, int) or not 0 <= self.retries <= 100:
            raise OptionError(f"retries is a whole number from 0 to 100; given was {self.retries!r}.")


def record_job(home: Home, strategy: Strategy, dataset: Dataset, options: EngineOptions, limits: Limits) -> int:
    """Record a job that waits for a process to run it, and return its id.

    Raises
    ------
    StrategyError
        No other process could make this strategy; nothing is recorded.
    """
    if "<locals>" in type(strategy).__qualname__:
        raise StrategyError(
            f"{type(strategy).__name__} is defined inside a function, where no other process finds it. "
            "Define it at the top of a cell or of a file."
        )
    row = keep_strategy(home, type(strategy))
    spec = spec_of(strategy, row, dataset, options)
    how: dict[str, Any] = {LIMITS: {"time": limits.time_limit, "memory": limits.memory_limit}}
    if row.origin == "notebook" or type(strategy).__module__ == "__main__":
        how[SUBMITTED] = write_down(home, strategy)
    else:
        home.registry.check_loadable(spec.strategy_class)  # what a worker would refuse is refused here
    expected = expected_seconds(home.database, spec.strategy_name, dataset.rows_count or 0)
    job = new_job(spec, row, dataset, how=how, max_attempts=limits.retries + 1, estimated_duration=expected)
    return jobs.create_job(home.database, job)


def give_up_lost(home: Home, job_id: int, future: Future[str]) -> None:
    """End a job that still waits although its executor is done with it: that was shut down, or lost what it needs."""
    if not future.done():
        return
    reason = "it was cancelled there"
    if not future.cancelled():
        error = future.exception()
        reason = "it ended without running it" if error is None else error_text(error)
    with suppress(StoreError, NotFoundError):  # whoever looks next tries again
        jobs.give_up_job(home.database, job_id, f"Its executor gave it up: {reason}. Submit it again.")


def ensure_worker(home: Home) -> None:
    """Start a worker for this workspace on this machine, unless one is there.

    It goes on when this process ends, and ends when there was no work for a while.

    Raises
    ------
    JobError
        This system cannot run one.
    """
    folder = home.files.folder
    if os.name != "posix":
        raise JobError("Workers need Linux or macOS; run it in this process instead: ws.run(...).")
    start_holder(
        *(lock_file(folder), "research_kit.workspace.worker", folder, [str(IDLE)]),
        log=folder / "logs" / "worker.log",
        environment={DATABASE: home.database.url},
    )
