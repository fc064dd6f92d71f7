"""Kernels that are there in milliseconds: forked from a process that has the imports done, each a group of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock, Timer
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from research_kit.errors import JobError
from research_kit.processes.children import Child, WarmStart
from research_kit.processes.words import last_words
from research_kit.report.export import export_html

if TYPE_CHECKING:
    from research_kit.runs.home import Home

TARGET = "research_kit.report.batches.kernel:run_kernel"
IMPORTED = (
    *("ipykernel.kernelapp", "ipykernel.ipkernel", "ipywidgets", "research_kit.report.batches.kernel"),
    *("research_kit.report.batches.warm", "research_kit.workspace.warm"),
)
PATIENCE = 2.0  # seconds in which a kernel must end by itself
IDLE = 300.0  # seconds for which the process that kernels come from is kept after a batch
SETTLING = 2.0  # seconds in which a kernel that was lost is known to be over
READY = 60.0  # seconds in which it must answer
LONGEST = 80  # bytes of a folder's path: the system allows 107 for that of a socket
OF_ANOTHER_PARENT = ("JPY_PARENT_PID", "JPY_SESSION_NAME")  # a kernel that finds another parent than these say ends


class WarmKernel:
    """One kernel: fresh, ready, in a process group of its own."""

    def __init__(self, manager: _Manager, child: Child, log: Path) -> None:
        self.manager = manager
        self.child = child
        self.log = log

    def __repr__(self) -> str:
        return f"WarmKernel({self.child!r})"

    def kill(self) -> None:
        """Kill it, and all that it started."""
        self.child.send(signal.SIGKILL)

    def interrupt(self) -> None:
        """Interrupt the cell that it runs."""
        self.child.send(signal.SIGINT)

    def close(self) -> None:
        """Let it end as every process ends; kill it where that takes too long."""
        client = self.manager.ready_client
        with suppress(Exception):
            client.shutdown()
        if self.child.wait(PATIENCE) is None:
            self.kill()
            self.child.wait(PATIENCE)
        client.stop_channels()
        client.context.destroy(linger=0)
        _loop().close()
        self.manager.cleanup_connection_file()
        self.manager.cleanup_ipc_files()
        self.log.unlink(missing_ok=True)

    def last_words(self) -> str:
        """Return what its process printed last, such as the fault that ended it."""
        return last_words(self.log)

    def words_of_the_dead(self) -> str:
        """Return how it ended; "" where it lives."""
        code = self.child.wait(SETTLING)
        if code is None:
            return ""
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            words = f"Its kernel was killed by {name}."
        else:
            words = f"Its kernel ended with exit code {code} before the notebook was done."
        told = self.last_words()
        return f"{words} It printed last: {told}" if told else words


class KernelNursery:
    """The process that kernels are forked from, kept for the next batch: for some minutes, or until it is closed."""

    def __init__(self) -> None:
        self.scratch = _short_folder()
        self._processes = WarmStart(IMPORTED)
        self._closed = False
        self.numbers = count(1)
        self._users = 0
        self._lock = Lock()
        self._timer: Timer | None = None
        _prepare()  # while the other process imports

    def __enter__(self) -> Self:
        with self._lock:
            self._users += 1
            if self._timer is not None:
                self._timer.cancel()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._users -= 1
            if error is not None:  # an interrupt leaves no process at all
                self.close()
            elif self._users == 0:
                self._timer = Timer(IDLE, self._close_unused)
                self._timer.daemon = True
                self._timer.start()

    @property
    def processes(self) -> WarmStart:
        """What starts kernels: another one where the last was killed, so that a batch loses what ran and no more."""
        with self._lock:
            if self._processes.is_gone and not self._closed:
                self._processes.close()
                self._processes = WarmStart(IMPORTED)
            return self._processes

    @property
    def is_gone(self) -> bool:
        """Whether it can start nothing any more."""
        return self._processes.is_gone

    def close(self) -> None:
        """Kill everything that came from it."""
        if self._timer is not None:
            self._timer.cancel()
        self._closed = True
        self._processes.close()
        self.scratch.cleanup()

    def _close_unused(self) -> None:
        with self._lock:
            if self._users == 0:
                self.close()


def nursery_of(home: Home) -> KernelNursery:
    """Return the nursery of a workspace, made when there is none."""
    found = home.kept_open.get("kernels")
    if not isinstance(found, KernelNursery) or found.is_gone:
        found = KernelNursery()
        home.kept_open["kernels"] = found
    return found


class WarmKernels:
    """The kernels of one batch; when it is closed, and when this process dies in whatever way, all are killed."""

    def __init__(self, nursery: KernelNursery) -> None:
        self._nursery = nursery
        self._running: set[WarmKernel] = set()
        self._lock = Lock()

    def __enter__(self) -> Self:
        self._nursery.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill_all()
        self._nursery.__exit__(kind, error, trace)

    def start(self, folder: Path, beside: Path, environment: Mapping[str, str], memory: int | None) -> WarmKernel:
        """Return a kernel that answers.

        Parameters
        ----------
        folder
            Where it works.
        beside
            The folder whose modules its notebook may import.
        environment
            What its environment has besides that of this process.
        memory
            Bytes that it may use beyond what it begins with (Linux); None for no limit.

        Raises
        ------
        JobError
            No process can be made, or it ended before it answered.
        RuntimeError
            It does not answer.
        """
        number, scratch = next(self._nursery.numbers), Path(self._nursery.scratch.name)
        own = {name: value for name, value in os.environ.items() if name not in OF_ANOTHER_PARENT}
        manager = _Manager(kernel_name="python3", connection_file=str(scratch / f"{number}.json"))
        manager.write_connection_file()
        log = scratch / f"{number}.log"
        child = self._nursery.processes.start(
            TARGET,
            {"connection_file": manager.connection_file, "beside": str(beside)},
            environment=own | dict(environment),
            folder=folder,
            log=log,
            memory=memory,
        )
        manager.provisioner = _Provisioner(parent=manager, child=child, connection_info=manager.get_connection_info())
        kernel = WarmKernel(manager, child, log)
        with self._lock:
            self._running.add(kernel)
        try:
            manager.make_ready()
        except BaseException as error:
            words = kernel.words_of_the_dead() if isinstance(error, Exception) else ""
            kernel.kill()
            self.end(kernel)
            if words:
                raise JobError(words) from error
            raise
        return kernel

    def end(self, kernel: WarmKernel) -> None:
        """Let a kernel end."""
        kernel.close()
        with self._lock:
            self._running.discard(kernel)

    def interrupt_all(self) -> None:
        """Interrupt every kernel."""
        for kernel in self._all():
            kernel.interrupt()

    def kill_all(self) -> None:
        """Kill every kernel, with all that it started."""
        for kernel in self._all():
            kernel.kill()

    def _all(self) -> list[WarmKernel]:
        with self._lock:
            return list(self._running)


class _Client(AsyncKernelClient):
    """A client that is asked twice whether its kernel is ready, by us and by nbclient, and waits once."""

    _is_ready = False

    async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
        if not self._is_ready:
            await super()._async_wait_for_ready(timeout)
            self._is_ready = True

    wait_for_ready = _async_wait_for_ready

    def start_channels(self, *arguments: Any, **named: Any) -> None:
        if not self.channels_running:
            super().start_channels(*arguments, **named)


class _Manager(AsyncKernelManager):
    """Holds a kernel that was started already; it talks through sockets of the file system: no port is open."""

    transport = "ipc"
    ready_client: Any = None

    def client(self, **named: Any) -> Any:
        if self.ready_client is None:
            information = self.get_connection_info(session=True)
            self.ready_client = _Client(**information, connection_file=self.connection_file, parent=self)
        return self.ready_client

    def make_ready(self) -> None:
        client = self.client()
        client.start_channels()
        _loop().run_until_complete(client.wait_for_ready(timeout=READY))


class _Provisioner(LocalProvisioner):
    """Tells jupyter_client how the child of a nursery is."""

    def __init__(self, child: Child, connection_info: Any, **named: Any) -> None:
        super().__init__(**named)
        self.child = child
        self.connection_info = connection_info
        self.pid = child.pid

    @property
    def has_process(self) -> bool:
        return True

    async def poll(self) -> int | None:
        return self.child.code

    async def wait(self) -> int | None:
        while self.child.code is None:
            await asyncio.sleep(0.02)
        return self.child.code

    async def send_signal(self, signum: int) -> None:
        self.child.send(signum)

    async def kill(self, restart: bool = False) -> None:
        self.child.send(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        self.child.send(signal.SIGTERM)


def _loop() -> asyncio.AbstractEventLoop:
    """Return the event loop of this thread: the one that nbclient's blocking calls use in it."""
    from jupyter_core.utils import ensure_event_loop

    return ensure_event_loop()


def _prepare() -> None:
    """Load what is needed here to run notebooks and to write their pages."""
    import papermill  # noqa: F401
    from nbformat import v4
    from plotly.offline import get_plotlyjs  # noqa: F401

    make: Any = v4
    cells = [make.new_markdown_cell("*text*"), make.new_code_cell("1", outputs=[])]
    export_html(make.new_notebook(cells=cells), title="")


def _short_folder() -> TemporaryDirectory[str]:
    """Return a folder of our own whose path leaves room for the names of sockets."""
    folder = TemporaryDirectory(prefix="rk-")
    if len(os.fsencode(folder.name)) <= LONGEST:
        return folder
    folder.cleanup()
    return TemporaryDirectory(prefix="rk-", dir="/tmp")
