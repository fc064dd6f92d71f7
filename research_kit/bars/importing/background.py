"""Work of an import that goes on beside it: the next block is read while one is worked on, and files are hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TypeVar

T = TypeVar("T")
_STEP = 1 << 22


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield items while a thread makes the next one; its errors are raised where that item would come.

    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    source, nothing = iter(items), object()
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        coming: Future[object] = pool.submit(next, source, nothing)
        while (item := coming.result()) is not nothing:
            coming = pool.submit(next, source, nothing)
            yield item  # type: ignore[misc]


class FileHashes:
    """The sha256 of files, worked out in a thread from the moment it is entered; leaving it stops the work."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = list(paths)
        self._stop = Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="hash")

    def __enter__(self) -> FileHashes:
        self._hashes = [self._pool.submit(self._sha256, path) for path in self._paths]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def together(self) -> str:
        """Return the hash of the one file; of several, that of their hashes in order; ``""`` of none."""
        hashes = [future.result() for future in self._hashes]
        return "".join(hashes) if len(hashes) < 2 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()

    def _sha256(self, path: Path) -> str:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while not self._stop.is_set() and (block := file.read(_STEP)):
                digest.update(block)
        return digest.hexdigest()
