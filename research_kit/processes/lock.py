"""A file that one process holds: the system gives it free when that process ends, however it ends."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import sleep

PAUSE = 0.02  # seconds between two tries


@dataclass(frozen=True)
class HeldFile:
    """A file that this process holds, by the number of its descriptor; another process may inherit it."""

    number: int

    def release(self) -> None:
        """Give it free, unless another process has inherited it."""
        with suppress(OSError):
            os.close(self.number)


def hold(path: Path, tries: int = 10) -> HeldFile | None:
    """Hold a file, made where it is not there; None where another process holds it."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(tries):
        with suppress(OSError):
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return HeldFile(number)
        sleep(PAUSE)
    os.close(number)
    return None
