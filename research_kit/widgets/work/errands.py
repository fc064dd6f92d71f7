"""How a run is carried out while the notebook stays free: by another process, or here where no other can."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from research_kit.engine.backtest import SIGNALLING
from research_kit.errors import StrategyError, error_text
from research_kit.runs.jobs.attempt import LIMITS
from research_kit.runs.places import place_of, split_place
from research_kit.store.listings import jobs_table
from research_kit.store.tables import FINAL_STATES
from research_kit.widgets.parts.words import LONGEST_ERROR, told

if TYPE_CHECKING:
    from research_kit.runs.jobs.job import Job
    from research_kit.runs.run import Run
    from research_kit.store.tables import BacktestJob
    from research_kit.strategy.base import Strategy
    from research_kit.widgets.parts.bench import Bench

LOOK_EVERY = 0.15  # seconds between two looks at a job
SETTLE_EVERY = 1.0  # and between two searches for workers that died


@dataclass(frozen=True)
class Wanted:
    """What was chosen when Run was pressed."""

    strategy: type[Strategy]
    dataset: int
    dataset_name: str

    @property
    def title(self) -> str:
        return f"{self.strategy.name} on {self.dataset_name}"


@dataclass(frozen=True)
class Request(Wanted):
    """One backtest."""

    parameters: Mapping[str, Any]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Standing:
    """How far a run is: a fraction, what is being done, and the seconds that are left where that can be said."""

    done: float
    step: str
    seconds_left: float | None = None


@dataclass(frozen=True)
class Ending:
    """How a run ended; ``left`` is one that goes on, unwatched. ``place`` says where an error happened."""

    state: Literal["completed", "failed", "cancelled", "left"]
    run: Run | None = None
    words: str = ""
    place: str = ""


Tell = Callable[[Standing], None]


class Errand(Protocol):
    """A run on its way."""

    title: str
    where: str
    """In which process, in words."""

    def carry_out(self, tell: Tell) -> Ending:
        """Wait for the end, telling how far it is, and return how it ended; nothing is raised."""

    def cancel(self) -> None:
        """Ask for its end."""

    def leave(self) -> bool:
        """Stop waiting, where it goes on by itself; return whether it does."""


def begin(bench: Bench, request: Request) -> Errand:
    """Give a run to another process, or prepare to run it here and say why.

    Raises
    ------
    ResearchKitError
        What is asked for cannot be run; nothing was recorded.
    """
    if os.name != "posix":
        return HereErrand(bench, request, "it needs Linux or macOS")
    try:
        job = bench.submit(request.strategy, request.dataset, request.parameters, **request.options)
    except StrategyError as error:
        return HereErrand(bench, request, str(error).rstrip("."))
    return JobErrand(job, request.title)


def unfinished(bench: Bench) -> list[Job]:
    """Return the submitted jobs of the workspace that have not ended, the newest first."""
    found = [jobs_table(bench.database, 20, status=status) for status in ("pending", "running")]
    numbers = sorted({int(number) for table in found for number in table["id"]}, reverse=True)
    every = [bench.job(number) for number in numbers]
    return [job for job in every if LIMITS in (job.row.spec or {})]


class JobErrand:
    """A run that another process carries out: all that is known of it is read from the database."""

    def __init__(self, job: Job, title: str = "") -> None:
        self.job = job
        self.title = title or str(job.row.strategy)
        self.where = f"job {job.id}, in another process"
        self._left = threading.Event()

    def carry_out(self, tell: Tell) -> Ending:
        try:
            settled = time.monotonic()
            while (row := self.job.row).status not in FINAL_STATES:
                tell(_standing(row))
                if self._left.wait(LOOK_EVERY):
                    return Ending("left")
                if time.monotonic() - settled >= SETTLE_EVERY:
                    self.job.wait(LOOK_EVERY / 2)  # which also sees that there is a worker, and that it lives
                    settled = time.monotonic()
            return self._ending(row)
        except Exception as error:  # the database, say, is gone: the job may well go on
            return Ending("failed", words=error_text(error, LONGEST_ERROR), place=place_of(error))

    def cancel(self) -> None:
        self.job.cancel(timeout=0)

    def leave(self) -> bool:
        self._left.set()
        return True

    def _ending(self, row: BacktestJob) -> Ending:
        if row.status == "completed":
            return Ending("completed", self.job.result())
        words, place = split_place(row.error_message or "")
        return Ending("cancelled" if row.status == "cancelled" else "failed", words=words, place=place)


class HereErrand:
    """A run in a thread of this kernel: for a strategy that no other process could make."""

    def __init__(self, bench: Bench, request: Request, why: str) -> None:
        self.bench, self.request = bench, request
        self.title = request.title
        self.where = f"in this kernel, where it is slower to cancel, because no other process can run it: {why}"
        self._lock = threading.Lock()
        self._thread: int | None = None  # where the strategy's own code runs, while it does
        self._is_cancelled = False

    def carry_out(self, tell: Tell) -> Ending:
        asked = self.request
        try:
            run = self.bench.run(
                asked.strategy, asked.dataset, asked.parameters, progress=self._progress(tell), **asked.options
            )
        except KeyboardInterrupt:
            return Ending("cancelled")
        except BaseException as error:  # a strategy may raise anything, SystemExit as well
            return self._failed(error)
        finally:
            self._at(None)
        return Ending("completed", run)

    def cancel(self) -> None:
        """End it at its next step, or, as Ctrl+C would, amid the strategy's own code, even in an endless loop.

        Nothing else is interrupted: what writes to the database would be left half done.
        """
        with self._lock:
            if not self._is_cancelled:
                _interrupt(self._thread)
            self._is_cancelled = True

    def leave(self) -> bool:
        return False

    def _progress(self, tell: Tell) -> Callable[[float, str], None]:
        def progress(done: float, step: str) -> None:
            self._at(None)
            tell(Standing(done, step))
            self._at(threading.get_ident() if step == SIGNALLING else None)
            if self._is_cancelled:
                raise KeyboardInterrupt("The run was cancelled.")

        return progress

    def _at(self, thread: int | None) -> None:
        """Remember where the strategy's own code runs; None: nowhere now."""
        with self._lock:
            before, self._thread = self._thread, thread
            if before is not None:  # an interrupt that is still on its way would hit something else
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(before), None)

    def _failed(self, error: BaseException) -> Ending:
        words = told(error)
        lines = [words]
        lines += [f"Because of {error_text(error.__cause__, LONGEST_ERROR)}"] if error.__cause__ is not None else []
        lines += [str(note) for note in getattr(error, "__notes__", [])]
        return Ending("failed", words="\n".join(lines), place=place_of(error))


def _interrupt(thread: int | None) -> None:
    if thread is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt))


def _standing(row: BacktestJob) -> Standing:
    if row.status == "pending":
        return Standing(0.0, "waiting for a free worker")
    left = None
    if row.estimated_duration and row.started_at is not None:
        left = row.estimated_duration - (datetime.now(UTC) - row.started_at).total_seconds()
    step = "cancelling" if row.cancel_requested else row.current_step or "starting"
    return Standing(row.progress, step, left if left is not None and left > 0 else None)
