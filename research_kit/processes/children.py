"""Children of a nursery, as whoever started them holds them: started, watched, signalled, stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self

from research_kit.errors import JobError

PATIENCE = 300.0  # seconds in which a nursery must have its imports done (and, once, code compiled)


class Child:
    """One process of a nursery."""

    def __init__(self, nursery: WarmStart, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._over = Event()
        self._code: int | None = None

    def __repr__(self) -> str:
        return f"Child({self.pid}, {'running' if self.code is None else f'ended with {self.code}'})"

    @property
    def code(self) -> int | None:
        """The exit code, negative for the signal that killed it; None as long as it runs."""
        return self._code

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end and return ``code``; None where that takes longer than the time-out."""
        self._over.wait(timeout)
        return self._code

    def send(self, sign: int) -> None:
        """Send a signal to the child and all that it started."""
        self._nursery._ask({"signal": int(sign), "pid": self.pid})

    def stop(self, patience: float = 1.5) -> int | None:
        """End it: asked to (SIGTERM), and killed where it does not listen; return its code."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            self.send(sign)
            if self.wait(patience) is not None:
                break
        return self._code

    def _end(self, code: int) -> None:
        self._code = code
        self._over.set()


class WarmStart:
    """A nursery as its owner holds it: ``start`` gives a fresh process that has ``modules`` imported.

    When it is closed, and when this process dies in whatever way, everything that it started is killed.

    Parameters
    ----------
    modules
        Names of modules that every child has imported from its first moment.

    Raises
    ------
    JobError
        The system cannot fork, or a module cannot be imported.
    """

    def __init__(self, modules: Sequence[str] = ()) -> None:
        if os.name != "posix":
            raise JobError("Work in other processes needs Linux or macOS; run it in this process instead: ws.run(...).")
        self._modules = tuple(modules)
        self._lock = Lock()
        self._numbers = count(1)
        self._replies: dict[int, tuple[Event, dict[str, Any]]] = {}
        self._children: dict[int, Child] = {}
        self._gone = Event()
        self._ready = Event()
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", "-m", "research_kit.processes.nursery", str(theirs.fileno()), *modules]
            self._process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        Thread(target=self._listen, name="nursery", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(
        self,
        target: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | str | None = None,
        log: Path | str | None = None,
        memory: int | None = None,
    ) -> Child:
        """Return a fresh process that runs ``module:function`` with these arguments (JSON values).

        Parameters
        ----------
        environment
            Its whole environment; that of this process when none is given.
        folder
            Where it works; the folder of this process when none is given.
        log
            The file that takes what it prints; nothing is kept when none is given.
        memory
            Bytes that it may use beyond what it begins with (Linux).

        Raises
        ------
        JobError
            The nursery is gone, or no process can be made.
        """
        number, answered = next(self._numbers), Event()
        reply: dict[str, Any] = {}
        self._replies[number] = answered, reply
        self._wait_until_ready()
        self._ask(
            {
                "start": number,
                "target": target,
                "arguments": dict(arguments or {}),
                "environment": dict(os.environ if environment is None else environment),
                "folder": str(folder or Path.cwd()),
                "log": None if log is None else str(log),
                "memory": memory,
            }
        )
        if not answered.wait(PATIENCE) or "child" not in reply:
            raise JobError(f"No process could be started: {reply.get('error', 'the nursery is gone')}.")
        child: Child = reply["child"]
        return child

    @property
    def is_gone(self) -> bool:
        """Whether it can start nothing any more: it was closed, or its process died."""
        return self._gone.is_set()

    def close(self) -> None:
        """Kill everything that was started."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._gone.wait(PATIENCE)

    def _wait_until_ready(self) -> None:
        self._ready.wait(PATIENCE)
        if self._gone.is_set() or not self._ready.is_set():
            raise JobError(f"The process that starts others is gone; it was to import {', '.join(self._modules)}.")

    def _ask(self, message: dict[str, Any]) -> None:
        with self._lock, suppress(OSError):  # of one that is gone, all children are told to be over
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def _listen(self) -> None:
        # what cannot be understood is the end, as what cannot be read: nobody may wait for an answer then
        with suppress(OSError, ValueError, LookupError), self._socket.makefile("rb") as lines:
            for line in lines:
                self._hear(json.loads(line))
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # the nursery kills what it has
        self._gone.set()
        self._ready.set()
        for child in self._children.values():
            if child.code is None:
                child._end(-signal.SIGKILL)
        for answered, _ in list(self._replies.values()):
            answered.set()
        self._socket.close()

    def _hear(self, message: dict[str, Any]) -> None:
        if "started" in message:
            answered, reply = self._replies.pop(message["started"])
            reply.update(message)
            if "pid" in message:
                self._children[message["pid"]] = reply["child"] = Child(self, message["pid"])
            answered.set()
        elif "ended" in message:
            self._children.pop(message["ended"])._end(message["status"])
        else:
            self._ready.set()
