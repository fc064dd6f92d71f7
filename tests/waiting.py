"""Waiting for what another process does, and seeing that one is gone."""

from time import monotonic, sleep

import psutil


def eventually(holds, timeout=60.0):
    """Return what ``holds()`` says as soon as it is true; fail where that takes longer than the time-out."""
    until = monotonic() + timeout
    while True:
        found = holds()
        if found:
            return found
        assert monotonic() < until, "it did not come to that in time"
        sleep(0.02)


def is_gone(pid):
    """Return whether a process is over (one that nobody has waited for yet counts as over)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
