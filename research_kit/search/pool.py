"""Who runs the sets: this thread, several threads, or any executor; results come as they are finished."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol
from uuid import uuid4

from research_kit.bars.frame import Bars
from research_kit.errors import JobError, OptionError, error_text
from research_kit.search.evaluate import Evaluator, Results, Task

AHEAD = 2  # chunks for each worker that are handed out before the first comes back
FEWEST = 64  # sets for which another thread is worth starting
LOOK = 0.5  # seconds between two looks for what was cancelled
PATIENCE = 3600.0  # seconds without any result after which an executor counts as lost

Chunk = tuple[Sequence[int], Sequence[dict[str, Any]]]
Work = Callable[[Chunk], Results]


def run_chunks(evaluator: Evaluator, chunks: Iterable[Chunk], sets: int, workers: int | None) -> Iterator[Results]:
    """Yield the results of chunks of sets as they are finished, in no order, from threads of this process."""
    count = _workers(workers, sets)
    if count == 1:
        for chunk in chunks:
            yield evaluator.evaluate(*chunk)
        return
    with ThreadPoolExecutor(count, thread_name_prefix="sweep") as pool:
        yield from _as_finished(pool, lambda chunk: evaluator.evaluate(*chunk), chunks, count)


def run_elsewhere(
    executor: Executor,
    bars: Bars | BarsSource,
    task: Task,
    chunks: Iterable[Chunk],
    workers: int | None,
    *,
    patience: float = PATIENCE,
) -> Iterator[Results]:
    """Yield the results of chunks that an executor runs: processes, a cluster, whatever it stands for.

    Raises
    ------
    OptionError
        The strategy lives in a notebook or script, where another process cannot find it.
    JobError
        The executor lost its processes or its scheduler, or returned nothing for ``patience`` seconds.
    """
    if isinstance(executor, ProcessPoolExecutor) and task.strategy.__module__ == "__main__":
        raise OptionError(
            f"{task.strategy.__name__} is defined in this notebook or script, where other processes cannot find it. "
            "Put it into a module, such as a file of the workspace's strategies folder, or search in threads."
        )
    count = workers or getattr(executor, "_max_workers", None) or os.cpu_count() or 1
    yield from _as_finished(executor, Elsewhere(uuid4().hex, bars, task), chunks, count, patience)


class BarsSource(Protocol):
    """Bars that are opened where they are needed, such as a stored dataset."""

    def load(self) -> Bars:
        """Return the bars."""

    def window(self, start: int, stop: int) -> BarsSource:
        """Return the same for the bars from ``start`` up to but not including ``stop``."""


@dataclass(frozen=True)
class Elsewhere:
    """What is sent to another process with each chunk: the bars, or where they are, and the task.

    A process keeps what it made of the last search, so that indicators are shared by all of its chunks.
    """

    key: str
    bars: Bars | BarsSource
    task: Task

    def __call__(self, chunk: Chunk) -> Results:
        evaluator = _KEPT.get(self.key)
        if evaluator is None:
            bars = self.bars if isinstance(self.bars, Bars) else self.bars.load()
            evaluator = Evaluator(bars, self.task)
            _KEPT.clear()
            _KEPT[self.key] = evaluator
        return evaluator.evaluate(*chunk)


_KEPT: dict[str, Evaluator] = {}


def _as_finished(
    pool: Executor, work: Work, chunks: Iterable[Chunk], workers: int, patience: float | None = None
) -> Iterator[Results]:
    """Hand out chunks, a few ahead of what is done, so that a cancelled search has little left to wait for."""
    todo = iter(chunks)
    running: set[Future[Results]] = set()
    try:
        for chunk in todo:
            running.add(pool.submit(work, chunk))
            if len(running) >= AHEAD * workers:
                done, running = _some(running, patience)
                yield from _results(done, patience)
        while running:
            done, running = _some(running, patience)
            yield from _results(done, patience)
    finally:
        for future in running:
            future.cancel()


def _some(running: set[Future[Results]], patience: float | None) -> tuple[set[Future[Results]], set[Future[Results]]]:
    """Return what is done, at least one unless patience is at its end, and the rest."""
    until = None if patience is None else monotonic() + patience
    while True:
        done, _ = wait(running, LOOK if patience is None else min(LOOK, patience), FIRST_COMPLETED)
        done |= {
            future for future in running if future.cancelled()
        }  # a pool that is shut down tells no waiter of these
        if done or (until is not None and monotonic() >= until):
            return done, running - done


def _results(done: set[Future[Results]], patience: float | None) -> Iterator[Results]:
    """Yield what was finished; what was given up is told after that, so that nothing which is there is lost."""
    if not done:
        raise JobError(f"The executor returned nothing for {patience:,g} seconds (patience=); it may have been lost.")
    given_up = None
    for future in done:
        try:
            result = future.result()
        except (CancelledError, BrokenExecutor) as error:
            given_up = error
        else:
            yield result
    if given_up is not None:
        raise JobError(
            "The executor gave up what it was to run: it was shut down, or lost its processes or its scheduler "
            f"({error_text(given_up).removesuffix(': ')})."
        ) from given_up


def _workers(workers: int | None, sets: int) -> int:
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise OptionError(f"workers is a whole number, at least 1; given was {workers!r}.")
    most = workers or os.cpu_count() or 1
    return max(1, min(most, sets // FEWEST if workers is None else sets))
