"""Runs the notebooks of a batch in parallel: each in a fresh kernel, watched, limited, begun again, cancelled."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from threading import Event, Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from research_kit.errors import OptionError, error_text
from research_kit.processes.identity import identity
from research_kit.report.batches.execute import Executed, execute_in
from research_kit.report.batches.kernels import WarmKernel, WarmKernels, nursery_of
from research_kit.report.batches.plan import Item, Plan
from research_kit.report.batches.turns import Turns
from research_kit.report.export import export_html
from research_kit.runs.jobs.pulse import BEAT
from research_kit.runs.recording import NOTEBOOK_RUN
from research_kit.store.batches import (
    cancel_waiting_notebooks,
    finish_notebook_run,
    is_batch_cancelled,
    keep_notebooks_alive,
    retry_notebook_run,
    start_notebook_run,
)
from research_kit.store.files import write_atomic
from research_kit.store.jobs import LeaseLostError

if TYPE_CHECKING:
    from research_kit.runs.home import Home

LOOK = 0.25  # seconds between two looks at limits and at what others ask for
PATIENCE = 1.5  # seconds in which an interrupted cell must end
CANCELLED = "It was cancelled."


@dataclass(frozen=True, kw_only=True)
class BatchLimits:
    """How a batch runs.

    ``workers`` is how many notebooks run at once; ``time_limit`` seconds and ``memory_limit`` bytes are those of one
    notebook, ``retries`` how often one that failed is begun again; with ``stop_on_error`` a failure is the end.
    """

    workers: int = 1
    time_limit: float | None = None
    memory_limit: int | None = None
    retries: int = 0
    stop_on_error: bool = False

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise OptionError(f"workers={self.workers!r}: at least one notebook must run at a time.")
        for name in ("time_limit", "memory_limit"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise OptionError(f"{name}={value!r} is no limit; give a number above 0, or None.")
        if self.retries < 0:
            raise OptionError(f"retries={self.retries!r}; give 0 or more.")


@dataclass(frozen=True)
class Todo:
    """A notebook that is to be run: the id of its row, its place in the batch, and its parameters."""

    run_id: int
    position: int
    item: Item

    @property
    def stem(self) -> str:
        """What its files are called."""
        return f"{self.position:03d}"


@dataclass
class _Watched:
    kernel: WarmKernel
    token: str
    until: float
    reason: str = ""


@dataclass
class BatchRunner:
    """One batch while it runs. ``stopping``: nothing more is begun; ``cancelled``: what runs is ended as well."""

    home: Home
    plan: Plan
    limits: BatchLimits
    told: Callable[[str], None]
    stopping: Event = field(default_factory=Event)
    cancelled: Event = field(default_factory=Event)
    _watched: dict[int, _Watched] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def run(self, todo: Sequence[Todo]) -> None:
        """Run them; ``told`` hears how each ended. What was not begun is cancelled.

        Raises
        ------
        KeyboardInterrupt
            It was interrupted; kernels are over, rows say so.
        """
        self._turns = Turns(self.limits.workers, [one.run_id for one in todo])
        threads = min(len(todo), 2 * self.limits.workers)  # while some run, others begin or are written down
        with WarmKernels(nursery_of(self.home)) as kernels, ThreadPoolExecutor(threads, "notebook") as pool:
            waiting = {pool.submit(self._one, kernels, one): one for one in todo}
            try:
                self._wait(waiting, kernels)
            except BaseException:
                self._end_all(kernels, waiting)
                raise
            finally:
                self._cancel_rest(todo)

    def _wait(self, waiting: dict[Future[str], Todo], kernels: WarmKernels) -> None:
        left, next_beat = set(waiting), monotonic() + BEAT
        while left:
            done, left = wait(left, LOOK, FIRST_COMPLETED)
            for future in done:
                self.told(future.result())
            self._check_limits()
            if monotonic() >= next_beat:
                self._beat()
                next_beat = monotonic() + BEAT
            ids = [waiting[future].run_id for future in left]
            if not self.cancelled.is_set() and is_batch_cancelled(self.home.database, self.plan.name, ids):
                self._end_all(kernels, dict.fromkeys(left))

    def _check_limits(self) -> None:
        now = monotonic()
        for one in self._all_watched().values():
            if now > one.until and not one.reason:
                one.reason = f"It took longer than its time limit of {self.limits.time_limit:g} seconds."
                one.kernel.kill()

    def _beat(self) -> None:
        tokens = {run_id: one.token for run_id, one in self._all_watched().items()}
        if tokens:
            keep_notebooks_alive(self.home.database, tokens)

    def _all_watched(self) -> dict[int, _Watched]:
        with self._lock:
            return dict(self._watched)

    def _end_all(self, kernels: WarmKernels, waiting: dict[Future[str], Any]) -> None:
        """Interrupt what runs, kill what does not end by that, and wait until all have been written down."""
        self.stopping.set()
        self.cancelled.set()
        try:
            kernels.interrupt_all()
            _, left = wait(waiting, PATIENCE)
        finally:  # also where a second interrupt comes
            kernels.kill_all()
        wait(left)

    def _cancel_rest(self, todo: Sequence[Todo]) -> None:
        reason = "It was cancelled before it began." if self.cancelled.is_set() else "Another notebook failed before."
        cancel_waiting_notebooks(self.home.database, [one.run_id for one in todo], reason)

    def _one(self, kernels: WarmKernels, todo: Todo) -> str:
        """Run one notebook, as often as it may, and return the state that it came to."""
        try:
            return self._until_done(kernels, todo)
        finally:
            self._turns.leave(todo.run_id)

    def _until_done(self, kernels: WarmKernels, todo: Todo) -> str:
        token, attempt = token_hex(16), 0
        while True:
            try:
                executed = self._attempt(kernels, todo, token, first=attempt == 0, last=attempt == self.limits.retries)
            except LeaseLostError:
                return "cancelled"
            except Exception as error:  # its kernel could not be started
                with suppress(LeaseLostError):
                    start_notebook_run(self.home.database, todo.run_id, identity(), token)
                executed = Executed(self.plan.node, error_text(error))
            if executed is None:
                return "cancelled"
            if executed.problem is None or self.stopping.is_set() or attempt == self.limits.retries:
                return self._finish(todo, token, executed)
            retry_notebook_run(self.home.database, todo.run_id, token, executed.problem)
            attempt += 1

    def _attempt(self, kernels: WarmKernels, todo: Todo, token: str, *, first: bool, last: bool) -> Executed | None:
        """Run a notebook once in a fresh kernel and an empty folder; None where nothing is begun any more."""
        if self.stopping.is_set() and first:
            return None
        folder = self._own_folder(todo)
        environment = {
            "RESEARCH_KIT_WORKSPACE": str(self.home.files.folder),
            "RESEARCH_KIT_DATABASE": self.home.database.url,
            NOTEBOOK_RUN: f"{todo.run_id}:{token}",
        }
        kernel = kernels.start(folder, self.plan.notebook.parent, environment, self.limits.memory_limit)
        try:
            with self._turns.slot(todo.run_id):
                if self.stopping.is_set() and first:
                    return None
                if first:
                    start_notebook_run(self.home.database, todo.run_id, identity(), token)
                executed = self._watch(kernel, todo, token)
                if executed.problem is not None and self.limits.stop_on_error and last:
                    self.stopping.set()  # before the slot is given to the next one
                return executed
        finally:
            kernels.end(kernel)
            with suppress(OSError):
                folder.rmdir()  # what a notebook wrote there stays

    def _watch(self, kernel: WarmKernel, todo: Todo, token: str) -> Executed:
        limit = self.limits.time_limit
        watched = _Watched(kernel, token, monotonic() + limit if limit is not None else float("inf"))
        with self._lock:
            self._watched[todo.run_id] = watched
        try:
            executed = execute_in(kernel, self.plan.node, todo.item.parameters, self.plan.notebook.name)
        finally:
            with self._lock:
                del self._watched[todo.run_id]
        if watched.reason and executed.problem is not None:
            executed = executed.because(watched.reason)
        return executed

    def _own_folder(self, todo: Todo) -> Path:
        folder = self.plan.folder / "files" / todo.stem
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        return folder

    def _finish(self, todo: Todo, token: str, executed: Executed) -> str:
        """Write a notebook and its page, then how it ended."""
        state, problem = "completed", executed.problem
        if problem is not None:
            state = "cancelled" if self.cancelled.is_set() else "failed"
            problem = CANCELLED if state == "cancelled" else problem
        left: dict[str, str] = {}
        try:
            left = self._write(todo, executed, problem)
        except Exception as error:
            if state == "completed":
                state, problem = "failed", f"It ran, but could not be written down: {error_text(error)}"
        with suppress(LeaseLostError):  # somebody took this process for dead: what he wrote stays
            finish_notebook_run(self.home.database, todo.run_id, state, problem, token=token, **left)
        if state == "failed" and self.limits.stop_on_error:
            self.stopping.set()
        return state

    def _write(self, todo: Todo, executed: Executed, problem: str | None) -> dict[str, str]:
        import nbformat

        writer: Any = nbformat
        output = self.plan.folder / "notebooks" / f"{todo.stem}.ipynb"
        page = self.plan.folder / "html" / f"{todo.stem}.html"
        page.unlink(missing_ok=True)  # never the page of an earlier run beside a notebook of this one
        write_atomic(output, writer.writes(executed.notebook))
        listed = ", ".join(f"{name}={value}" for name, value in todo.item.parameters.items())
        title = f"{self.plan.notebook.stem} {todo.stem}" + (f": {listed}" if listed else "")
        told = problem if problem and not executed.tells else ""
        write_atomic(page, export_html(executed.notebook, title=title[:200], problem=told))
        home = self.home.files.folder
        return {"output_path": str(output.relative_to(home)), "html_path": str(page.relative_to(home))}
