"""Fresh databases of this project's schema for each run, and what is in them afterwards, told by SQL."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from research_kit.store.bulk import trade_columns, write_trades
from research_kit.store.database import Database
from research_kit.store.jobs import create_job
from research_kit.store.records import NewJob
from trades import postgres
from trades.work import JOB, NUMBERS, TIMES, Columns, Values


class Home(Protocol):
    """Where databases are made."""

    def fresh(self) -> str:
        """Return the URL of a new database with the tables and one job."""

    def values(self, url: str) -> Values:
        """Return what ``work.values_of`` would of the trades in it."""

    def drop(self, url: str) -> None:
        """Remove the database and what lies beside it."""


class SqliteHome:
    """Files, copied from one that was made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count()
        _make(f"sqlite:///{folder / 'template.db'}")

    def fresh(self) -> str:
        path = self.folder / f"{next(self._numbers)}.db"
        shutil.copy(self.folder / "template.db", path)
        return f"sqlite:///{path}"

    def values(self, url: str) -> Values:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return _named(connection.execute(_query("unixepoch({})")).fetchone())

    def drop(self, url: str) -> None:
        path = Path(url.removeprefix("sqlite:///"))
        for one in path.parent.glob(f"{path.stem}.*"):
            one.unlink()


class PostgresHome:
    """Databases of one server, copied from a template."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = count()
        self._execute("CREATE DATABASE empty")
        _make(f"{url}empty")

    def fresh(self) -> str:
        name = f"t{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE empty")
        return f"{self.url}{name}"

    def values(self, url: str) -> Values:
        import psycopg

        with psycopg.connect(url) as connection:
            row = connection.execute(_query("extract(epoch from {})::float8")).fetchone()
        return _named(row or ())

    def drop(self, url: str) -> None:
        self._execute(f"DROP DATABASE {url.removeprefix(self.url)}")

    def _execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(f"{self.url}postgres", autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def sqlite_home() -> Iterator[SqliteHome]:
    with TemporaryDirectory() as folder:
        yield SqliteHome(Path(folder))


@contextmanager
def postgres_home() -> Iterator[PostgresHome]:
    """Yield a home on a server of our own; raises FileNotFoundError where its programs are not installed."""
    programs = postgres.programs()
    if programs is None:
        raise FileNotFoundError("PostgreSQL's server programs (initdb, postgres) are not installed")
    with postgres.server(programs) as url:
        yield PostgresHome(url)


def filled(home: Home, trades: Columns) -> str:
    """Return the URL of a new database with these trades in it."""
    url = home.fresh()
    with Database.open(url) as database, database.write() as session:
        write_trades(session, JOB, trade_columns(trades))
    return url


def _make(url: str) -> None:
    with Database.open(url) as database:
        job = create_job(database, NewJob(strategy="benchmark", spec={}, spec_hash="0" * 64))
    if job != JOB:
        raise RuntimeError(f"The first job of a new database is {job}.")


_COUNTED = {"side": "long", "entry_signal": "sma_cross", "exit_signal": "stop_loss"}
_NAMES = [
    "rows",
    *(f"sum of {name}" for name in NUMBERS),
    *(f"{word} {name}" for name in TIMES for word in ("first", "sum of")),
    *(f"{name} {word}" for name, word in _COUNTED.items()),
]


def _query(seconds: str) -> str:
    parts = ["count(*)", *(f"sum({name})" for name in NUMBERS)]
    parts += [f"{word}({seconds.format(name)})" for name in TIMES for word in ("min", "sum")]
    parts += [f"count(*) FILTER (WHERE {name} = '{word}')" for name, word in _COUNTED.items()]
    return f"SELECT {', '.join(parts)} FROM trades WHERE backtest_job_id = {JOB}"


def _named(row: tuple[float, ...]) -> Values:
    return {name: float(value) for name, value in zip(_NAMES, row, strict=True)}
