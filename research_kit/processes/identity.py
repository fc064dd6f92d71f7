"""Who a process is: its machine, its number and the moment of its start, so that a number used again is seen."""

from __future__ import annotations

import os
import socket
from functools import lru_cache

import psutil


@lru_cache(maxsize=1)
def machine() -> str:
    """Return the name of this machine, as worker ids carry it."""
    return socket.gethostname().replace(":", "_")[:50]


def identity(pid: int | None = None) -> str:
    """Return ``machine:pid:start`` of a process, of this one when none is named; the start is in seconds."""
    process = psutil.Process(os.getpid() if pid is None else pid)
    return f"{machine()}:{process.pid}:{process.create_time():.2f}"


def is_over(worker: str) -> bool:
    """Return True where ``machine:pid:start`` names a process of this machine that is there no more.

    Of another machine's process, and of a text that names none, nothing can be said: False.
    """
    parts = worker.rsplit(":", 2)
    if len(parts) != 3 or parts[0] != machine() or not parts[1].isdigit():
        return False
    try:
        process = psutil.Process(int(parts[1]))
        same = abs(process.create_time() - float(parts[2])) <= 1.0
        return not same or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
    except (ValueError, psutil.AccessDenied):
        return False
