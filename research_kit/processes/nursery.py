"""A process that has the imports done, and forks itself for each job or kernel: a fresh one in milliseconds.

It is told what to do by lines of JSON through a socket, and tells what happened::

    {"start": 1, "target": "module:function", "arguments": {…}, "environment": {…}, …}  ->  {"started": 1, "pid": 4711}
    {"signal": 15, "pid": 4711}
                                                               {"ended": 4711, "status": 0}  (negative: the signal)

Each child is the leader of a session and a process group of its own; what is left of the group when it ends is killed.
When the other end of the socket is closed (also by the death of whoever held it), everything is killed. This process
has one thread and runs nothing but this loop, so what is forked is as good as fresh.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
from contextlib import suppress
from typing import Any, NoReturn

from research_kit.processes.birth import run_child

BLOCK = 1 << 16


class Nursery:
    """The loop: starts children, passes signals on, and tells which of them ended."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.children: set[int] = set()
        self._rest = b""
        self._wakes, self._wake = os.pipe()
        for end in (self._wakes, self._wake):
            os.set_blocking(end, False)
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(connection, selectors.EVENT_READ)
        self._waiting.register(self._wakes, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for whoever asked, not for what was started

    def run(self) -> None:
        """Serve until the other end is closed."""
        while True:
            ready = {key.fd for key, _ in self._waiting.select()}
            if self._wakes in ready:
                with suppress(BlockingIOError):
                    os.read(self._wakes, BLOCK)
            self._bury()
            if self.connection.fileno() in ready and not self._serve():
                return

    def kill_all(self) -> None:
        """Kill what was started and is not over, and wait until it is."""
        for pid in self.children:
            _kill_group(pid, signal.SIGKILL)
        for pid in self.children:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def _serve(self) -> bool:
        """Do what was asked; return whether more may come."""
        try:
            block = self.connection.recv(BLOCK)
        except ConnectionError:
            return False
        *lines, self._rest = (self._rest + block).split(b"\n")
        for line in lines:
            asked = json.loads(line)
            if "start" in asked:
                self._start(asked)
            elif asked["pid"] in self.children:
                _kill_group(asked["pid"], asked["signal"])
        return bool(block)

    def _start(self, asked: dict[str, Any]) -> None:
        settled, settles = os.pipe()
        try:
            pid = os.fork()
        except OSError as error:
            os.close(settles)
            os.close(settled)
            self._tell({"started": asked["start"], "error": str(error)})
            return
        if pid == 0:
            os.close(settled)
            self._become(asked, settles)
        os.close(settles)
        os.read(settled, 1)  # the child closes its end as soon as it leads a group, which signals can be sent to
        os.close(settled)
        self.children.add(pid)
        self._tell({"started": asked["start"], "pid": pid})

    def _become(self, asked: dict[str, Any], settles: int) -> NoReturn:
        signal.set_wakeup_fd(-1)
        self._waiting.close()
        self.connection.close()
        for end in (self._wakes, self._wake):
            os.close(end)
        run_child(asked, settles)

    def _bury(self) -> None:
        """Tell of those that ended; a group is killed before its number is free for another one."""
        while self.children:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None:
                return
            if found.si_pid not in self.children:  # an imported module started it, and did not wait for its end
                os.waitpid(found.si_pid, 0)
                continue
            _kill_group(found.si_pid, signal.SIGKILL)
            _, status = os.waitpid(found.si_pid, 0)
            self.children.discard(found.si_pid)
            self._tell({"ended": found.si_pid, "status": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: dict[str, Any]) -> None:
        with suppress(ConnectionError):  # whoever asked is gone: the loop sees that next
            self.connection.sendall(json.dumps(message).encode() + b"\n")


def _kill_group(pid: int, sign: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, sign)


def main(number: str, *modules: str) -> None:
    """Import what children will need, then serve."""
    connection = socket.socket(fileno=int(number))
    connection.set_inheritable(False)
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # for the children too: one collection there would copy all that is shared, and take longer than a job
    nursery = Nursery(connection)
    nursery._tell({"ready": True})
    try:
        nursery.run()
    finally:
        nursery.kill_all()


if __name__ == "__main__":
    main(*sys.argv[1:])
