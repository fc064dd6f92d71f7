"""Memory of processes, for modules that run in any environment: the standard library alone."""

from __future__ import annotations

import ctypes
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

INTERVAL_S = 0.05


def forget_peak() -> float:
    """Return the memory in use, MB, and let the peak start from there (on Linux); what is free goes back first."""
    with suppress(AttributeError, OSError):  # another C library keeps what it has
        ctypes.CDLL(None).malloc_trim(0)
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")
    return peak_mb()


def peak_mb() -> float:
    """Return the most memory that was in use, MB; pages of mapped files count."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


class TreeWatch:
    """Watches what a process and its descendants use together, MB; a page that several share counts once."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.samples: list[tuple[float, float]] = []
        self._end = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> list[tuple[float, float]]:
        """Return the samples: moment, MB; none where the system does not tell."""
        self._end.set()
        self._thread.join()
        return self.samples

    def _watch(self) -> None:
        while not self._end.wait(INTERVAL_S):
            used = sum(map(_own_mb, _tree(self.pid)))
            if used:
                self.samples.append((time.time(), used))


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:  # grows while it is walked
        try:
            lists = [path.read_text() for path in Path(f"/proc/{one}/task").glob("*/children")]
        except OSError:
            continue
        found += [int(child) for children in lists for child in children.split()]
    return found


def _own_mb(pid: int) -> float:
    """Return the proportional set size of a process, MB; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Pss:"))
