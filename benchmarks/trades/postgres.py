"""A PostgreSQL server of our own in a temporary folder, with the settings that it comes with; nothing survives it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WAIT_S = 30


def programs() -> Path | None:
    """Return the folder of the server's programs, the newest, or None."""
    found = [Path(path).resolve() for path in (shutil.which("postgres"),) if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    return next((path.parent for path in found if (path.parent / "initdb").exists()), None)


@contextmanager
def server(folder_of_programs: Path) -> Iterator[str]:
    """Yield the URL of a running server without a database's name at its end."""
    folder = Path(tempfile.mkdtemp(prefix="bench"))
    account = _account(folder)
    command = [folder_of_programs / "initdb", "-D", folder / "data", "-U", "bench", "-A", "trust", "-E", "UTF8"]
    subprocess.run([*command, "--locale=C"], cwd="/", check=True, capture_output=True, **account)
    port = _free_port()
    options = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    with (folder / "log").open("wb") as log:
        command = [folder_of_programs / "postgres", "-D", folder / "data", *options]
        process = subprocess.Popen(command, cwd="/", stdout=log, stderr=log, **account)
    try:
        url = f"postgresql://bench@127.0.0.1:{port}/"
        _wait(process, url, folder / "log")
        yield url
    finally:
        process.send_signal(signal.SIGQUIT)  # nothing is kept, so nothing need be written out
        process.wait(timeout=WAIT_S)
        shutil.rmtree(folder, ignore_errors=True)


def _account(folder: Path) -> dict[str, Any]:
    """Return who the programs run as: they refuse root."""
    if os.geteuid():
        return {}
    owner = pwd.getpwnam("postgres")
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    import psycopg

    limit = time.monotonic() + WAIT_S
    while True:
        try:
            return psycopg.connect(f"{url}postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > limit or process.poll() is not None:
                raise RuntimeError(log.read_text()[-2000:]) from None
            time.sleep(0.05)
