"""A Dask cluster of which every part is a process that a test may kill: the scheduler, workers, their nannies."""

import socket
import subprocess
import sys
from contextlib import contextmanager

import psutil
import pytest
from waiting import eventually


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class DaskProcesses:
    """One scheduler at an address that stays the same, and workers that know it."""

    def __init__(self, log, workers=2):
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.log = log
        self.workers = workers
        self.scheduler = None
        self._started = []
        self.start()

    def start(self):
        """Start a scheduler, and workers for it."""
        host, _, port = self.address.removeprefix("tcp://").partition(":")
        self.scheduler = self._run("dask_scheduler", "--host", host, "--port", port, "--no-dashboard")
        for _ in range(self.workers):
            self._run("dask_worker", self.address, "--nthreads", "1", "--no-dashboard", "--nanny")

    def client(self):
        """Return a client that has found all of the workers."""
        import distributed

        client = distributed.Client(self.address, timeout=60)
        client.wait_for_workers(self.workers, timeout=120)
        return client

    def kill_scheduler(self):
        self.scheduler.kill()
        self.scheduler.wait(20)

    def close(self):
        """End everything that was started, children of children included."""
        ours = [psutil.Process(one.pid) for one in self._started if one.poll() is None]
        ours += [child for one in ours for child in one.children(recursive=True)]
        for process in ours:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        for one in self._started:
            one.wait(20)
        eventually(lambda: not any(process.is_running() and process.status() != "zombie" for process in ours))

    def _run(self, module, *arguments):
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
            started = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._started.append(started)
        return started


@contextmanager
def dask_processes(log, workers=2):
    """Yield a running cluster, and leave nothing of it."""
    cluster = DaskProcesses(log, workers)
    try:
        yield cluster
    finally:
        cluster.close()


@contextmanager
def local_cluster(workers=2):
    """Start a cluster of this machine's processes, whose page takes any port that is free; yield it and a client."""
    distributed = pytest.importorskip("distributed", reason="dask is not installed")
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, protocol="tcp", dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield cluster, client
