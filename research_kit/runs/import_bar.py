"""The progress bar of an import, in a terminal and in a notebook: bytes, rows, time left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from research_kit.bars.importing.progress import ImportProgress, OnProgress

LARGE = 64 << 20
"""Bytes of a source whose import shows a bar unasked."""

_STEPS = {"read": "reading", "sort": "sorting", "check": "checking"}


@contextmanager
def showing(progress: bool | OnProgress | None) -> Iterator[OnProgress | None]:
    """Yield what an import reports to: the caller's function, a bar (None: for large sources only), or nothing."""
    if progress is False or callable(progress):
        yield progress or None
        return
    bar = _Bar(least=LARGE if progress is None else 0)
    try:
        yield bar.show
    finally:
        bar.close()


class _Bar:
    """A bar that is drawn at the first progress, where there is enough to read."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._bar: Any = None

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, now: ImportProgress) -> None:
        if now.bytes_total < self._least:
            return
        if self._bar is None:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=now.bytes_total, unit="B", unit_scale=True, unit_divisor=1024, leave=False)
        self._bar.set_description_str(_STEPS[now.step], refresh=False)
        self._bar.set_postfix_str(f"{now.rows:,} rows", refresh=False)
        self._bar.update(now.bytes_read - self._bar.n)
        self._bar.refresh()
