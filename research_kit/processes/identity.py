"""Who a process is: its machine, its number and the moment of its start, so that a number used again is seen."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from pathlib import Path

import psutil

PROCESSES = Path("/proc")


@lru_cache(maxsize=1)
def machine() -> str:
    """Return the name of this machine, as worker ids carry it."""
    return socket.gethostname().replace(":", "_")[:50]


def identity(pid: int | None = None) -> str:
    """Return ``machine:pid:start`` of a process, of this one when none is named."""
    pid = os.getpid() if pid is None else pid
    return f"{machine()}:{pid}:{_start(pid)}"


def is_over(worker: str) -> bool:
    """Return True where ``machine:pid:start`` names a process of this machine that is there no more.

    Of another machine's process, and of a text that names none, nothing can be said: False.
    """
    return _is_there(worker) is False


def is_alive(worker: str) -> bool:
    """Return True where ``machine:pid:start`` names a process of this machine that is there; False where unknown."""
    return _is_there(worker) is True


def _is_there(worker: str) -> bool | None:
    """Return whether a process is there; None where that cannot be said."""
    parts = worker.rsplit(":", 2)
    if len(parts) != 3 or parts[0] != machine() or not parts[1].isdigit():
        return None
    pid = int(parts[1])
    try:
        return _same(_start(pid), parts[2]) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return False
    except (ValueError, OverflowError, psutil.AccessDenied):
        return None


def _start(pid: int) -> str:
    """Return when a process was started, in words that stay the same when the clock of the machine is set.

    Linux counts in ticks since the machine was started, and that start has a name of its own. A time since 1970 is
    reckoned from there with the clock as it stands: after a jump of the clock every process would be another one.
    """
    boot = _boot()
    if not boot:
        return f"{psutil.Process(pid).create_time():.2f}"
    words = (PROCESSES / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    return f"{boot}+{int(words[19])}"


def _same(now: str, then: str) -> bool:
    if "+" in now and "+" in then:
        return now == then
    return abs(float(now) - float(then)) <= 1.0


@lru_cache(maxsize=1)
def _boot() -> str:
    """Return a short name of this start of the machine; "" where the system gives none."""
    try:
        return (PROCESSES / "sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return ""
