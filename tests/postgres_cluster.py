"""A real PostgreSQL for the tests: a cluster of our own, thrown away at the end."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from research_kit.store.database import Database
from research_kit.store.tables import Table


class Cluster:
    """A PostgreSQL server of our own in a temporary folder, reached through a socket there; nothing survives it."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="rkpg"))  # short: a socket's path has about 100 characters
        self.account = _server_account()
        if self.account:
            os.chown(self.folder, pwd.getpwnam(self.account).pw_uid, pwd.getpwnam(self.account).pw_gid)
        self._names = count()
        self._shared = ""
        self._run("initdb", "-D", f"{self.folder}/data", "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        self.start()

    def start(self) -> None:
        off = [f"-c{setting}=off" for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")]
        options = [*off, "-clisten_addresses=", f"-cunix_socket_directories={self.folder}"]
        with (self.folder / "log").open("ab") as log:
            self.server = subprocess.Popen(
                [self.programs / "postgres", "-D", f"{self.folder}/data", *options],
                stdout=log, stderr=log, cwd="/", **self._as(),
            )  # fmt: skip
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        self.server.send_signal(how)  # SIGINT cuts connections off, SIGTERM would wait for clients
        self.server.wait(timeout=60)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://test@/{name}?host={self.folder}"

    def empty(self) -> str:
        """Return the URL of a new database without tables."""
        name = f"t{next(self._names)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def migrated(self) -> str:
        """Return the URL of a new database with the tables in it."""
        url = self.empty()
        Database.open(url).close()
        return url

    def emptied(self) -> str:
        """Return the URL of the one database that the tests share, without any rows; a new one takes 300 files."""
        if not self._shared:
            self._shared = self.migrated()
        else:
            self.execute(f"TRUNCATE {', '.join(Table.metadata.tables)} RESTART IDENTITY CASCADE", self._shared)
        return self._shared

    def execute(self, statement: str, url: str = "") -> None:
        import psycopg

        address = (url or self.url("postgres")).replace("+psycopg", "")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement)

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)  # nothing is kept, so nothing need be written out
        shutil.rmtree(self.folder, ignore_errors=True)

    def _as(self) -> dict[str, str | int | list[str]]:
        return {"user": self.account, "group": self.account, "extra_groups": []} if self.account else {}

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments], cwd="/", capture_output=True, text=True, check=False, **self._as()
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr[-2000:]}")

    def _wait(self) -> None:
        import psycopg

        limit = time.monotonic() + 30
        while True:
            try:
                return self.execute("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > limit or self.server.poll() is not None:
                    raise RuntimeError((self.folder / "log").read_text()[-2000:]) from None
                time.sleep(0.05)


def _server_account() -> str:
    """Return the account that the server must run as: its programs refuse root."""
    return "postgres" if os.geteuid() == 0 else ""


def _server_programs() -> Path | None:
    found = [Path(path).resolve() for path in (shutil.which("postgres"),) if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    for path in found:
        if (path.parent / "initdb").exists():
            return path.parent
    return None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """Return a running PostgreSQL; skips where its server programs are not installed."""
    programs = _server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs (initdb, postgres) are neither on PATH nor in /usr/lib/postgresql")
    cluster = Cluster(programs)
    yield cluster
    cluster.remove()
