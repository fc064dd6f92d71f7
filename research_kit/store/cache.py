"""Copies on this machine of files that are stored elsewhere: whole or absent, shared by processes, bounded in size."""

from __future__ import annotations

import errno
import mmap
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from research_kit.errors import OptionError, StoreError
from research_kit.store.files import remove_leftovers, replacing

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER, LIMIT = "RESEARCH_KIT_CACHE", "RESEARCH_KIT_CACHE_GB"
DEFAULT_GB = 20.0
WAIT = 600.0  # seconds that one process waits for another that fetches the same file, before it fetches it itself
PAUSE = 0.05


class Cache:
    """Copies of files under ``folder``, of which the least recently used go when there are more than ``limit`` bytes.

    A copy that is in use is never removed: a process that has mapped one holds a lock on it until the last array of it
    is gone, or until the process is. The time of last use is the file's access time, which is set and not left to the
    file system.
    """

    def __init__(self, folder: Path, name: str, limit: int) -> None:
        self.root, self.folder, self.limit = folder, folder / name, limit

    @classmethod
    def of_machine(cls, name: str) -> Cache:
        """Return the cache that this machine's environment says: its folder, and its bound in gigabytes."""
        given = os.environ.get(LIMIT) or DEFAULT_GB
        try:
            limit = float(given)
        except ValueError:
            limit = 0.0
        if not limit > 0:
            raise OptionError(f"{LIMIT} is a number of gigabytes above 0, such as 20; given was {given!r}.")
        return cls(_folder(), name, int(limit * 1e9))

    def path(self, relative: str) -> Path:
        """Return where the copy of a file is, or would be."""
        return self.folder / relative

    def map(self, relative: str) -> pa.Buffer | None:
        """Return the content of a copy, mapped and held; None where there is none."""
        import pyarrow as pa

        path = self.path(relative)
        try:
            with path.open("rb") as file:
                _lock(file, shared=True)
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # keeps the file open, and so the lock
        except (FileNotFoundError, ValueError):  # ValueError: it is empty
            return None
        _used(path)
        return pa.py_buffer(mapped)

    def bring(self, relative: str, size: int, fetch: Callable[[Path], object]) -> None:
        """Have a copy of so many bytes: ``fetch`` writes it to a temporary path, in one process at a time."""
        path = self.path(relative)
        with self._alone(path):
            if path.is_file() and path.stat().st_size == size:
                return  # another process was first
            self.make_room(size)
            with replacing(path) as temporary:
                fetch(temporary)
            _used(path)  # by the clock that reading goes by: that of files lags behind it

    def forget(self, relative: str) -> bool:
        """Remove a copy; False where there was none."""
        try:
            self.path(relative).unlink()
        except OSError:
            return False
        return True

    def make_room(self, size: int = 0) -> None:
        """Remove copies that are not in use, the longest unused first, until ``size`` bytes more are within the bound.

        Those of other workspaces count as well; what stays although it is too much is in use.
        """
        remove_leftovers(self.root)
        copies = sorted(_copies(self.root))
        held = sum(bytes_ for _, bytes_, _ in copies)
        for _, bytes_, path in copies:
            if held + size <= self.limit:
                return
            if _remove_unused(path):
                held -= bytes_

    @contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        """Be the one that fetches a file, unless another takes too long."""
        lock = path.with_name(f".{path.stem}.lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = lock.open("wb")
        except OSError as error:
            raise StoreError(
                f"The folder {self.root} for copies of stored files cannot be used: {error.strerror or error}. "
                f"Say another one in {FOLDER}."
            ) from None
        with file:
            until = time.monotonic() + WAIT
            while not _lock(file) and time.monotonic() < until:
                time.sleep(PAUSE)
            try:
                yield
            finally:
                with suppress(OSError):
                    lock.unlink(missing_ok=True)


def _folder() -> Path:
    given = os.environ.get(FOLDER)
    if given:
        return Path(given).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "research_kit"
    except RuntimeError:  # a container's user without a home
        return Path(tempfile.gettempdir()) / "research_kit-cache"


def _used(path: Path) -> None:
    with suppress(OSError):  # another process removed it
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def _copies(root: Path) -> Iterator[tuple[int, int, Path]]:
    """Yield the copies under a folder: when each was last used, its bytes, its path."""
    for path in root.rglob("*.arrow"):
        with suppress(OSError):  # another process removed it
            about = path.stat()
            yield about.st_atime_ns, about.st_size, path


def _remove_unused(path: Path) -> bool:
    """Remove a copy; False where a process has it mapped."""
    try:
        with path.open("rb") as file:
            if not _lock(file):
                return False
            path.unlink()
    except FileNotFoundError:
        return True  # another process made room as well
    except OSError:
        return False  # Windows: in use
    return True


def _lock(file: IO[bytes], *, shared: bool = False) -> bool:
    """Lock an open file until it is closed; False where another process holds it in the other way."""
    if sys.platform == "win32":
        return True  # a file that is open cannot be removed there
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES)  # others: a file system without locks
    return True
