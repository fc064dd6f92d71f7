"""A bar for a batch in a terminal or a notebook: how many are done, and how many of these failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

PATIENCE = 1.0  # seconds after which a batch shows a bar unasked


@dataclass(frozen=True)
class BatchProgress:
    """How far a batch is: notebooks ended (failed ones among them), to be run, and seconds left (None: unknown)."""

    done: int
    failed: int
    total: int
    seconds_left: float | None


OnBatchProgress = Callable[[BatchProgress], None]


@contextmanager
def showing(progress: bool | OnBatchProgress | None) -> Iterator[OnBatchProgress | None]:
    """Yield what a batch reports to: the caller's function, a bar (None: where it takes a while), or nothing."""
    if progress is False or callable(progress):
        yield progress or None
        return
    bar = _Bar(PATIENCE if progress is None else 0.0)
    try:
        yield bar.show
    finally:
        bar.close()


class _Bar:
    def __init__(self, patience: float) -> None:
        self._from = monotonic() + patience
        self._bar: Any = None

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, now: BatchProgress) -> None:
        if self._bar is None:
            if monotonic() < self._from or now.done == now.total:
                return
            from tqdm.auto import tqdm

            self._bar = tqdm(total=now.total, unit=" notebooks", leave=False)
        if now.failed:
            self._bar.set_postfix_str(f"{now.failed} failed", refresh=False)
        self._bar.update(now.done - self._bar.n)
