"""How far an import is: bytes, rows, time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ImportProgress:
    """How far an import is.

    Parameters
    ----------
    step
        What is being done: ``"read"``, ``"sort"``, ``"check"``.
    bytes_read, bytes_total
        Of the files as they stand on the disk; 0 for what is in memory.
    rows
        Rows read so far.
    seconds
        Since the beginning.
    """

    step: str
    bytes_read: int
    bytes_total: int
    rows: int
    seconds: float

    @property
    def fraction(self) -> float:
        """Share of the bytes that were read, 0 to 1."""
        return min(1.0, self.bytes_read / self.bytes_total) if self.bytes_total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest of the reading takes at the pace so far; None before there is a pace.

        >>> ImportProgress("read", 25, 100, 10, seconds=2.0).seconds_left
        6.0
        """
        return self.seconds * (1.0 - self.fraction) / self.fraction if self.fraction else None


OnProgress = Callable[[ImportProgress], object]
"""Called with each progress; what it raises ends the import, of which nothing is kept."""


class Reporter:
    """Tells a listener, when there is one, how far an import is."""

    def __init__(self, listener: OnProgress | None, bytes_total: int) -> None:
        self._listener, self._total = listener, bytes_total
        self._start = time.monotonic()
        self._bytes, self._rows = 0, 0

    def tell(self, step: str, bytes_read: int | None = None, rows: int | None = None) -> None:
        """Say that a step begins or went on."""
        self._bytes = self._bytes if bytes_read is None else bytes_read
        self._rows = self._rows if rows is None else rows
        if self._listener is not None:
            seconds = time.monotonic() - self._start
            self._listener(ImportProgress(step, self._bytes, self._total, self._rows, seconds))
