"""What a forked child does before its work: it takes leave of its parent, until it is as good as a fresh process."""

from __future__ import annotations

import ctypes
import faulthandler
import importlib
import os
import random
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from typing import Any, NoReturn

PARENT_DIED = 1  # PR_SET_PDEATHSIG of Linux


def run_child(asked: dict[str, Any], settles: int) -> NoReturn:
    """Become what was asked for, run it, and exit with its code: 1 with a traceback in the log where it raised.

    ``settles`` is a descriptor that is closed as soon as the process leads its group.
    """
    code = 1
    try:
        parent = os.getppid()
        os.setsid()
        os.close(settles)
        _die_with(parent)
        _settle(asked)
        module, function = asked["target"].split(":")
        getattr(importlib.import_module(module), function)(**asked["arguments"])
        code = 0
    except SystemExit as leaving:
        code = _code_of(leaving)
    except BaseException:
        traceback.print_exc()
    _leave(code)


def _settle(asked: dict[str, Any]) -> None:
    for sign in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(sign, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _open_log(asked.get("log"))
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    os.chdir(asked["folder"])
    sys.argv = [asked["target"]]
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if asked.get("memory"):
        limit_memory(int(asked["memory"]))


def _die_with(parent: int) -> None:
    """Let the system kill this process when its parent dies (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PARENT_DIED, signal.SIGKILL)
    if os.getppid() != parent:  # it died before that
        os._exit(1)


def _open_log(path: str | None) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    log = nothing if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, file in enumerate((nothing, log, log)):
        os.dup2(file, number)
    for file in {nothing, log} - {0, 1, 2}:
        os.close(file)
    faulthandler.enable(2)


def limit_memory(size: int) -> None:
    """Let this process use so many bytes more than now: beyond that an allocation raises ``MemoryError`` (Linux)."""
    import resource

    from psutil import Process

    used = getattr(Process().memory_info(), "data", 0)
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = used + size
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if most < 0 else min(wanted, most), most))


def _code_of(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code & 0xFF
    print(leaving.code, file=sys.stderr)
    return 1


def _leave(code: int) -> NoReturn:
    """Exit as a fresh process does: threads are waited for, what is registered for the end runs, files are flushed."""
    import atexit

    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
    with suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):
            stream.flush()
    os._exit(code)
