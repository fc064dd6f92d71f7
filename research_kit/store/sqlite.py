"""What is particular to SQLite: how a connection is set up, how a damaged file is found, how a file is copied."""

from __future__ import annotations

import os
import sqlite3
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from research_kit.errors import SchemaVersionError, StoreError
from research_kit.store.files import replacing
from research_kit.store.schema import VERSION_TABLE

BUSY_SECONDS = 30.0
CHECKED_AT_OPEN = 64 * 2**20  # bytes; a larger file takes longer than a second to check, `check` does it

_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "fuse.glusterfs", "lustre"}


def sqlite_engine(url: sa.URL, **options: Any) -> sa.Engine:
    """Return an engine whose connections are in WAL mode, check foreign keys and wait when it is busy.

    A transaction that may write takes the lock at its start (``BEGIN IMMEDIATE``): one that reads first and asks for
    the lock afterwards fails at once when another has written in between, however long it would wait.
    """
    engine = sa.create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False},
        max_overflow=-1,
        **options,
    )
    sa.event.listen(engine, "connect", _set_up)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: sqlite3.Connection, _: object) -> None:
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables or VERSION_TABLE in tables:  # a file of another program stays as it is, its journal too
        # the page size of a new file, of which a trial takes a third
        connection.execute("PRAGMA page_size=8192")
        connection.execute("PRAGMA journal_mode=WAL")
    # a cache of up to 64 MiB, for indexes of hashes
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def check_readable(path: Path) -> None:
    """Raise where a file is not a sound SQLite database; a file that is not there yet, or is empty, is fine.

    Raises
    ------
    SchemaVersionError
        The file is damaged, or something else. It is left as it is.
    StoreError
        It cannot be read or written.
    """
    effective = os.access in os.supports_effective_ids  # who this process acts as, where the system can tell
    if not os.access(path if path.exists() else path.parent, os.R_OK | os.W_OK, effective_ids=effective):
        raise StoreError(f"The database {path} cannot be opened: reading and writing need permission.")
    if not path.exists() or not path.stat().st_size:
        return
    try:
        # never with open(): closing such a handle would drop the locks of this process's other connections
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            found = quick_problems(connection) if path.stat().st_size <= CHECKED_AT_OPEN else []
    except sqlite3.OperationalError as error:
        raise StoreError(f"The database {path} cannot be opened: {error}.") from None
    except sqlite3.DatabaseError as error:
        raise damaged(path, str(error)) from None
    if found:
        raise damaged(path, found[0])


def quick_problems(connection: sqlite3.Connection) -> list[str]:
    """Return what SQLite's own check of the file's structure complains of."""
    return [row[0].replace("\n", " ") for row in connection.execute("PRAGMA quick_check(5)") if row[0] != "ok"]


def damaged(path: Path, reason: str) -> SchemaVersionError:
    """Return the error that says that a database file is damaged, and how to go on."""
    return SchemaVersionError(
        f"The database {path} is damaged ({reason}) and was left as it is. Restore it from a backup "
        f"({path.name}.backup-* beside it, if there is one), or save what can be read with "
        f"`sqlite3 {path.name} .recover | sqlite3 recovered.db`."
    )


def copy_database(source: Path, target: Path) -> None:
    """Copy a database that may be in use to another file, whole or not at all."""
    with (
        replacing(target) as temporary,
        closing(sqlite3.connect(source, timeout=BUSY_SECONDS)) as reader,
        closing(sqlite3.connect(temporary)) as copy,
    ):
        reader.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it


def warn_of_network(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Warn where a database lies on a network file system, whose locks SQLite cannot rely on."""
    if not mounts.exists():
        return
    folder, best, kind = path.resolve(), "", ""
    for line in mounts.read_text(errors="replace").splitlines():
        _, where, found, *_ = line.split(" ")
        if folder.is_relative_to(where) and len(where) >= len(best):
            best, kind = where, found
    if kind in _NETWORK:
        warnings.warn(
            f"{path} is on a network file system ({kind}), where SQLite can lose data; "
            "put the workspace on a local disk or use PostgreSQL.",
            stacklevel=4,
        )
