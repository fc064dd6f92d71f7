"""The progress bar of an import, in a terminal and in a notebook: bytes, rows, time left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from research_kit.bars.importing.progress import ImportProgress, OnProgress

LARGE = 64 << 20
"""Bytes of a file whose import shows a bar unasked."""

_STEPS = {"read": "reading", "sort": "sorting", "check": "checking", "store": "storing"}


@contextmanager
def showing(progress: bool | OnProgress | None, source: Any) -> Iterator[OnProgress | None]:
    """Yield what an import reports to: the caller's function, a bar, or nothing."""
    if callable(progress):
        yield progress
    elif progress or (progress is None and _size(source) >= LARGE):
        with _Bar() as bar:
            yield bar.show
    else:
        yield None


def _size(source: Any) -> int:
    path = Path(source) if isinstance(source, str | Path) else None
    return path.stat().st_size if path is not None and path.is_file() else 0


class _Bar:
    """A bar that is drawn at the first progress."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, now: ImportProgress) -> None:
        if self._bar is None:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=now.bytes_total, unit="B", unit_scale=True, unit_divisor=1024, leave=False)
        self._bar.set_description_str(_STEPS.get(now.step, now.step), refresh=False)
        self._bar.set_postfix_str(f"{now.rows:,} rows", refresh=False)
        self._bar.update(now.bytes_read - self._bar.n)
        self._bar.refresh()
