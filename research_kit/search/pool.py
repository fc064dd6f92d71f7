"""Who runs the sets: this thread, several threads, or any executor; results come as they are finished."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from research_kit.bars.frame import Bars
from research_kit.errors import OptionError
from research_kit.search.evaluate import Evaluator, Results, Task

AHEAD = 2  # chunks for each worker that are handed out before the first comes back
FEWEST = 64  # sets for which another thread is worth starting

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
    executor: Executor, bars: Bars | BarsSource, task: Task, chunks: Iterable[Chunk], workers: int | None
) -> Iterator[Results]:
    """Yield the results of chunks that an executor runs: processes, a cluster, whatever it stands for.

    Raises
    ------
    OptionError
        The strategy lives in a notebook or script, where another process cannot find it.
    """
    if isinstance(executor, ProcessPoolExecutor) and task.strategy.__module__ == "__main__":
        raise OptionError(
            f"{task.strategy.__name__} is defined in this notebook or script, where other processes cannot find it. "
            "Put it into a module, such as a file of the workspace's strategies folder, or search in threads."
        )
    count = workers or getattr(executor, "_max_workers", None) or os.cpu_count() or 1
    yield from _as_finished(executor, Elsewhere(uuid4().hex, bars, task), chunks, count)


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


def _as_finished(pool: Executor, work: Work, chunks: Iterable[Chunk], workers: int) -> Iterator[Results]:
    """Hand out chunks, a few ahead of what is done, so that a cancelled search has little left to wait for."""
    todo = iter(chunks)
    running: set[Future[Results]] = set()
    try:
        for chunk in todo:
            running.add(pool.submit(work, chunk))
            if len(running) >= AHEAD * workers:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    finally:
        for future in running:
            future.cancel()


def _workers(workers: int | None, sets: int) -> int:
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise OptionError(f"workers is a whole number, at least 1; given was {workers!r}.")
    most = workers or os.cpu_count() or 1
    return max(1, min(most, sets // FEWEST if workers is None else sets))
