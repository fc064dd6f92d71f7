"""Rows as plain values, into a table as fast as the driver takes them: for copying and adopting whole tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from research_kit.store.bulk import driver_errors
from research_kit.store.tables import Table


def insert_rows(connection: sa.Connection, table: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of None, numbers, text and bytes: times are text in UTC, JSON is its text.

    PostgreSQL takes them as one COPY (aware times too), SQLite as one prepared statement.
    """
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(map(quote, names))
    with driver_errors(connection) as driver:
        if connection.dialect.name == "sqlite":
            marks = ", ".join("?" * len(names))
            driver.executemany(f"INSERT INTO {quote(table)} ({columns}) VALUES ({marks})", rows)
            return
        with driver.cursor() as cursor, cursor.copy(f"COPY {quote(table)} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def last_ids(connection: sa.Connection) -> dict[str, int]:
    """Return the id that each table gave last, by table; also of a row that was deleted since."""
    found = {}
    for name in tables_with_ids():
        newest = connection.exec_driver_sql(f"SELECT max(id) FROM {name}").scalar() or 0
        found[name] = max(newest, _given(connection, name))
    return found


def set_last_ids(connection: sa.Connection, given: Mapping[str, int]) -> None:
    """Let each table go on behind the last id that was given, and behind those that it has."""
    for name in given:
        last = max(given[name], connection.exec_driver_sql(f"SELECT max(id) FROM {name}").scalar() or 0)
        if not last:
            continue
        if connection.dialect.name == "postgresql":
            setting = "SELECT setval(pg_get_serial_sequence(CAST(:name AS text), 'id'), :last)"
            connection.execute(sa.text(setting), {"name": name, "last": last})
        elif name in _counted(connection):
            connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
            connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, last))


def tables_with_ids() -> list[str]:
    """Return the tables whose rows get an id from the database, parents first."""
    return [table.name for table in Table.metadata.sorted_tables if "id" in table.columns]


def _given(connection: sa.Connection, name: str) -> int:
    if connection.dialect.name == "sqlite":
        query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return connection.execute(query, {"name": name}).scalar() or 0
    sequence = connection.execute(sa.select(sa.func.pg_get_serial_sequence(name, "id"))).scalar()
    last = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"
    return connection.exec_driver_sql(last).scalar() or 0


def _counted(connection: sa.Connection) -> set[str]:
    """Return the tables whose ids SQLite counts for ever."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
    return set(connection.exec_driver_sql(query).scalars())
