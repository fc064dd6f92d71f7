"""The database of a workspace: opened, migrated, read and written in transactions; SQLite or PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlmodel import Session, UTCDateTime

from research_kit.errors import StoreError
from research_kit.store import checking, copying, schema, sqlite
from research_kit.store.json_values import dump_json, load_json
from research_kit.store.legacy.adopt import adopt
from research_kit.store.legacy.findings import Findings
from research_kit.store.legacy.give_back import check_ready, rows_of_ours, rows_of_the_backend
from research_kit.store.silence import Silences
from research_kit.store.tables import now

__all__ = ["Database", "database_time", "now", "serialise"]


class database_time(GenericFunction[datetime]):  # noqa: N801 - it stands in queries, like every SQL function
    """The database's own clock, in a query: the one time that all machines agree on.

    ``database_time()`` is now, ``database_time(30)`` is 30 seconds ago.
    """

    type = UTCDateTime()
    inherit_cache = True


@compiles(database_time, "sqlite")
def _sqlite_time(element: Any, compiler: Any, **options: Any) -> str:
    ago = "".join(f", '-' || {compiler.process(seconds, **options)} || ' seconds'" for seconds in element.clauses)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now'{ago})"


@compiles(database_time, "postgresql")
def _postgres_time(element: Any, compiler: Any, **options: Any) -> str:
    ago = "".join(f" - make_interval(secs => {compiler.process(seconds, **options)})" for seconds in element.clauses)
    return f"(clock_timestamp(){ago})"


class Upgrade(NamedTuple):
    """What an upgrade did: the backup that it made (SQLite), and what it changed in rows of the backend service."""

    backup: Path | None = None
    changes: Findings | None = None


class Database:
    """A database in which every change is one transaction.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sqlmodel import select
    >>> from research_kit.store.tables import Dataset
    >>> with TemporaryDirectory() as folder, Database.open(Path(folder) / "research.db") as database:
    ...     with database.write() as session:
    ...         session.add(Dataset(name="SPY daily", file_path="data/spy.arrow"))
    ...     with database.read() as session:
    ...         session.exec(select(Dataset.name)).all()
    ['SPY daily']
    """

    def __init__(self, url: sa.URL) -> None:
        self._url = url
        self._pid = os.getpid()
        self.silences = Silences()
        options = {"json_serializer": dump_json, "json_deserializer": load_json}
        make = _postgres_engine if self.file is None else sqlite.sqlite_engine
        self._engine = make(url, **options)
        self._reader = self._engine.execution_options(writes=False, postgresql_readonly=True)
        self._writer = self._engine.execution_options(writes=True, postgresql_readonly=False)

    @classmethod
    def open(cls, url: str | Path) -> Self:
        """Return the database at a URL or file, made on first use and migrated to the newest schema.

        Parameters
        ----------
        url
            A file, ``sqlite:///path`` (the path as it is, no escapes), or ``postgresql+psycopg://user@host/name``.

        Raises
        ------
        StoreError
            It cannot be reached, or the URL means no database.
        SchemaVersionError
            It is damaged, another program's, the backend service's (``upgrade`` adopts that one, when it is asked to),
            or newer than this code; it is left as it is.
        """
        database = cls(_parse(url))
        try:
            database._prepare()
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def at(cls, url: str | Path) -> Self:
        """Return the database at a URL or file as it is, for ``check`` and ``upgrade``: nothing is made or migrated."""
        return cls(_parse(url))

    def __repr__(self) -> str:
        return f"Database({self.url_safe!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for PostgreSQL."""
        return Path(self._url.database or "") if self._url.get_backend_name() == "sqlite" else None

    @property
    def url(self) -> str:
        """What ``open`` takes to open this database again, in a worker; it contains the password."""
        return f"sqlite:///{self.file}" if self.file else self._url.render_as_string(hide_password=False)

    @property
    def url_safe(self) -> str:
        """The URL with its password masked, to be shown."""
        if self.file:
            return f"sqlite:///{self.file}"
        query = {name: "***" if "pass" in name else value for name, value in self._url.query.items()}
        return self._url.set(query=query).render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session that sees one state of the database and cannot change it; keep it short."""
        with self._session(writes=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session whose changes are committed together at the end, or, on an error, not at all.

        In SQLite one transaction writes at a time, so what was read stays true until the end. In PostgreSQL rows
        that are read to be changed must be read ``with_for_update()``, or a lock taken with ``serialise``.
        """
        with self._session(writes=True) as session:
            yield session
            session.commit()

    def time(self) -> datetime:
        """Return the time of the database's clock, aware UTC."""
        with self.read() as session:
            return session.scalar(sa.select(database_time())) or now()

    def check(self) -> list[str]:
        """Return what is wrong with the database, one sentence each; empty when all is well.

        Of one that the backend service made: what is odd in its rows. Nothing is changed.
        """
        if self.file and not self.file.exists():
            return [f"There is no database at {self.file}."]
        try:
            with self._explained(), self._reader.connect() as connection:
                return checking.problems(connection)
        except StoreError as error:
            return [str(error)]

    def upgrade(self) -> Upgrade:
        """Bring the database to the newest schema, one that the backend service made as well; a SQLite file is copied.

        The backend's rows are all kept: what our tables refuse is mended, and stays as it was in the table
        ``legacy_values``; a row whose parent is missing gets one that says so. On an error nothing was changed.
        """
        self._make_ready()
        done = self.migrate(adopting=True)
        self._engine.dispose()  # connections to a file that was not ours were set up in another way
        return done

    def only_ours(self) -> dict[str, int]:
        """Return how many rows of each table the backend service has no table for: what ``downgrade`` leaves out.

        Raises
        ------
        StoreError
            The database was not adopted, or somebody works in it: ``downgrade`` would refuse it.
        """
        with self._explained(), self._reader.connect() as connection:
            self._check_newest(connection)
            check_ready(connection)
            return rows_of_ours(connection)

    def downgrade(self) -> Path | None:
        """Give a database that was adopted its old shape back, for the backend service; return the backup (SQLite).

        The six tables keep all of their rows, also those that were added since, with the values that the backend had;
        placeholders and everything else go. One transaction: on an error nothing was changed.

        Raises
        ------
        StoreError
            The database was not adopted, or somebody works in it.
        """
        self._make_ready()
        backup = None
        with self._explained(), self._writer.connect() as connection, _unchecked_keys(connection), connection.begin():
            serialise(connection, "migration")
            self._check_newest(connection)
            check_ready(connection)
            if self.file:
                backup = _backup_name(self.file, "adopted")
                sqlite.copy_database(self.file, backup)
            before = rows_of_the_backend(connection)
            schema.downgrade(connection)
            if (after := rows_of_the_backend(connection)) != before:
                raise StoreError(f"The tables would have {after} rows, and should have {before}; nothing was changed.")
        self.close()
        return backup

    def _check_newest(self, connection: sa.Connection) -> None:
        revision = schema.revision_of(connection)
        schema.check_known(revision)
        if revision != schema.HEAD:
            raise StoreError(
                f"{self.url_safe} has the schema {revision}; `research-kit db upgrade` brings it up first."
            )

    def copy_to(self, url: str | Path) -> list[copying.CopiedTable]:
        """Copy every row to another database, empty or not there yet; return rows and hash of each table.

        SQLite and PostgreSQL, either way. The files of a workspace stay where they are. What arrived is read back and
        compared, and ids go on where they were.

        Raises
        ------
        StoreError
            The other one has rows, or what arrived differs; it was left empty.
        """
        with type(self).open(url) as target:
            if target.url == self.url:
                raise StoreError(f"{self.url_safe} cannot be copied to itself; give another database.")
            with (
                self._explained(),
                self._one_state() as source,
                target._explained(),
                target._writer.connect() as connection,
                connection.begin(),
            ):
                return copying.copy_rows(source, connection, target.url_safe)

    def backup(self, path: Path | str) -> Path:
        """Copy the database, also while it is used, to a new file and return its path (SQLite)."""
        target = Path(path)
        if self.file is None:
            raise StoreError(f"A backup of {self.url_safe} is made with PostgreSQL's own program: pg_dump -Fc -f FILE.")
        if target.exists():
            raise StoreError(f"{target} exists already; a backup overwrites nothing, give another name.")
        with self._explained():
            sqlite.copy_database(self.file, target)
        return target

    def close(self) -> None:
        """Close every connection; the database may be opened again."""
        self._engine.dispose()

    @contextmanager
    def _session(self, writes: bool) -> Iterator[Session]:
        if self._pid != os.getpid():  # forked: the parent's connections are not ours to use or to close
            self._engine.dispose(close=False)
            self._pid = os.getpid()
        engine = self._writer if writes else self._reader
        with self._explained(), Session(engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what a driver says of the database itself into one sentence without a password."""
        try:
            yield
        except DBAPIError as error:
            if isinstance(error, sa.exc.ProgrammingError):
                raise  # a fault of this code, not of the database
            raise self._explain(error) from None

    def _explain(self, error: DBAPIError) -> StoreError:
        reason = str(error.orig).strip().split("\n")[0].rstrip(".")
        if self._url.password:
            reason = reason.replace(str(self._url.password), "***")
        if self.file and _is_damage(error):
            return sqlite.damaged(self.file, reason)
        if "locked" in reason or "lock timeout" in reason:
            return StoreError(
                f"{self.url_safe} was locked by another program for {sqlite.BUSY_SECONDS:.0f} seconds; nothing was "
                "changed, try again."
            )
        word = "refused a row" if isinstance(error, sa.exc.IntegrityError) else "failed"
        return StoreError(f"{self.url_safe} {word}: {reason}. Nothing was changed.")

    def _prepare(self) -> None:
        self._make_ready()
        with self._explained(), self._reader.connect() as connection:
            revision = schema.revision_of(connection)
        if revision != schema.HEAD:
            self.migrate()
            self._engine.dispose()

    def _make_ready(self) -> None:
        if self.file:
            _make_folder(self.file.parent)
            sqlite.warn_of_network(self.file)
            sqlite.check_readable(self.file)

    def migrate(self, folder: Path = schema.MIGRATIONS, *, adopting: bool = False) -> Upgrade:
        """Bring the tables to the newest schema in one transaction; of two that do so at once, one does it.

        A SQLite file that has tables already is copied beside itself first.
        """
        with (
            self._explained(),
            self._writer.connect() as connection,
            _unchecked_keys(connection),
            connection.begin(),
        ):
            serialise(connection, "migration")
            revision, legacy = _revision(connection, adopting)
            schema.check_known(revision, folder)
            if revision == schema.newest(folder):
                return Upgrade()  # another start was first
            backup = None
            if self.file and sa.inspect(connection).get_table_names():
                backup = _backup_name(self.file, "legacy" if legacy else revision)
                sqlite.copy_database(self.file, backup)
            if not legacy:
                schema.upgrade(connection, folder)
                return Upgrade(backup)
            return Upgrade(backup, adopt(connection, lambda: schema.upgrade(connection, folder)))

    @contextmanager
    def _one_state(self) -> Iterator[sa.Connection]:
        """Yield a connection that sees one state of the database, however much is written meanwhile."""
        options = {} if self.file else {"isolation_level": "REPEATABLE READ"}
        with self._reader.execution_options(**options).connect() as connection:
            yield connection


def _revision(connection: sa.Connection, adopting: bool) -> tuple[str | None, bool]:
    """Return the revision of a database's tables, and whether they are the backend's and to be adopted."""
    try:
        return schema.revision_of(connection), False
    except schema.LegacyDatabaseError:
        if not adopting:
            raise
        return None, True


def serialise(connection: sa.Connection | Session, name: str) -> None:
    """Wait until no other transaction holds the lock of this name, and hold it until this one ends.

    SQLite needs none: there, one transaction writes at a time.
    """
    bind = connection.get_bind() if isinstance(connection, Session) else connection
    if bind.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"research_kit {name}"))))


@contextmanager
def _unchecked_keys(connection: sa.Connection) -> Iterator[None]:
    """Let tables be rebuilt while others point to them; SQLite takes this outside of a transaction only."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _is_damage(error: DBAPIError) -> bool:
    text = str(error.orig)
    return "malformed" in text or "not a database" in text


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The folder {folder} cannot be made: {error.strerror or error}.") from None


def _backup_name(file: Path, revision: str | None) -> Path:
    return file.with_name(f"{file.name}.backup-{revision or 'first'}-{now():%Y%m%dT%H%M%S%f}")


def _parse(url: str | Path) -> sa.URL:
    text = os.fspath(url)
    scheme, mark, rest = text.partition("://")
    if isinstance(url, Path) or not mark:
        return sa.URL.create("sqlite", database=str(Path(text).absolute()))
    if scheme == "sqlite":
        path = rest.removeprefix("/")
        if path in ("", ":memory:") or not rest.startswith("/"):
            raise StoreError(f"{text!r} names no file; write sqlite:///folder/research.db.")
        return sa.URL.create("sqlite", database=str(Path(path).absolute()))
    if scheme in ("postgresql", "postgresql+psycopg", "postgres"):
        return _parse_postgres(rest)
    raise StoreError(f"{scheme!r} is no database that is known; give a file, sqlite:///… or postgresql+psycopg://….")


def _parse_postgres(rest: str) -> sa.URL:
    try:
        url = sa.make_url(f"postgresql+psycopg://{rest}")
    except (sa.exc.ArgumentError, ValueError):
        url = None  # the library's own words may quote the password
    if url is None or not url.database:
        raise StoreError("The PostgreSQL URL is not complete; write postgresql+psycopg://user:password@host:5432/name.")
    return url


def _postgres_engine(url: sa.URL, **options: Any) -> sa.Engine:
    try:
        engine = sa.create_engine(url, pool_pre_ping=True, **options)
    except ModuleNotFoundError:
        raise StoreError("PostgreSQL needs psycopg: pip install 'research_kit[postgres]'.") from None
    sa.event.listen(engine, "connect", _set_up_postgres)
    return engine


def _set_up_postgres(connection: Any, _: object) -> None:
    """Wait for locks as long as in SQLite, and no transaction that a stopped program holds lives for ever."""
    connection.execute("SET timezone = 'UTC'")
    connection.execute(f"SET lock_timeout = '{sqlite.BUSY_SECONDS:.0f}s'")
    connection.execute("SET idle_in_transaction_session_timeout = '10min'")
    connection.commit()
