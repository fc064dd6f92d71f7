"""A bar for a search in a terminal or a notebook: sets or folds done, time left, the best value so far."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from research_kit.search.sweep import OnProgress

if TYPE_CHECKING:
    from research_kit.search.sweep import SweepProgress

PATIENCE = 1.0  # seconds after which a search shows a bar unasked


@contextmanager
def showing(progress: bool | OnProgress | None, unit: str = "sets") -> Iterator[OnProgress | None]:
    """Yield what a search reports to: the caller's function, a bar (None: where it takes a while), or nothing."""
    if progress is False or callable(progress):
        yield progress or None
        return
    bar = _Bar(PATIENCE if progress is None else 0.0, unit)
    try:
        yield bar.show
    finally:
        bar.close()


class _Bar:
    """A bar that is drawn at the first progress after a while."""

    def __init__(self, patience: float, unit: str) -> None:
        self._from = monotonic() + patience
        self._unit = unit
        self._bar: Any = None

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, now: SweepProgress) -> None:
        if self._bar is None:
            if monotonic() < self._from or now.done == now.total:
                return
            from tqdm.auto import tqdm

            self._bar = tqdm(total=now.total, unit=f" {self._unit}", leave=False)
        if now.best is not None:
            self._bar.set_postfix_str(f"best {now.best:.4g}", refresh=False)
        self._bar.update(now.done - self._bar.n)
