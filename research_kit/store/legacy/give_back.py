"""The way back from an adopted database: the backend's tables as they were, with the values that they had."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from research_kit.store.legacy.originals import load_original
from research_kit.store.legacy.shape import COLUMNS, KEPT, MADE, backend_table, making

ASIDE = "kept_"  # our rows are called this while our tables are dropped


def keep_rows(connection: sa.Connection) -> None:
    """Copy the backend's columns of our tables aside, placeholders left out, before our tables are dropped."""
    for name, columns in COLUMNS.items():
        listed = ", ".join(f'"{column}"' for column in columns)
        made_up = f"SELECT row_id FROM {KEPT.name} WHERE table_name = '{name}' AND column_name = 'id'"
        connection.exec_driver_sql(
            f"CREATE TABLE {ASIDE}{name} AS SELECT {listed} FROM {name} WHERE id NOT IN ({made_up})"
        )


def restore(connection: sa.Connection) -> None:
    """Make the backend's tables again from what was kept, once ours are gone."""
    for name in COLUMNS:
        table, *indexes = _statements(connection, name)
        connection.exec_driver_sql(table)
        types = _types(connection, name)
        columns = ", ".join(f'"{column}"' for column in COLUMNS[name])
        values = ", ".join(_as_before(connection, column, types) for column in COLUMNS[name])
        connection.exec_driver_sql(f"INSERT INTO {name} ({columns}) SELECT {values} FROM {ASIDE}{name}")
        connection.exec_driver_sql(f"DROP TABLE {ASIDE}{name}")
        for column, row_id, value in _originals(connection, name):
            if column in types:
                _set(connection, f"{name}.{column}", types[column], row_id, value)
        for index in indexes:
            connection.exec_driver_sql(index)
        _go_on(connection, name)
    KEPT.drop(connection)


def _statements(connection: sa.Connection, name: str) -> list[str]:
    """Return the statements that made a table; from the backend's page where another kind of database made it."""
    mine = (KEPT.c.table_name == name, KEPT.c.row_id == MADE[0], KEPT.c.column_name == MADE[1])
    text, how = connection.execute(sa.select(KEPT.c.original, KEPT.c.reason).where(*mine)).one()
    if connection.dialect.name in how:
        return list(load_original(text))
    table = backend_table(name)
    further = sa.select(KEPT.c.column_name).where(KEPT.c.table_name == name, KEPT.c.column_name.not_in(["", "id"]))
    ours = {*COLUMNS[name]}
    for column in connection.scalars(further.distinct()):
        if column not in ours:
            table.append_column(sa.Column(column, sa.Text))
    return making(connection, table)


def _types(connection: sa.Connection, name: str) -> dict[str, sa.types.TypeEngine[Any]]:
    return {column["name"]: column["type"] for column in sa.inspect(connection).get_columns(name)}


def _as_before(connection: sa.Connection, column: str, types: dict[str, sa.types.TypeEngine[Any]]) -> str:
    kind, quoted = types[column], f'"{column}"'
    if connection.dialect.name == "sqlite":
        return quoted
    if isinstance(kind, sa.DateTime) and not kind.timezone:
        return f"{quoted} AT TIME ZONE 'UTC'"
    return f"CAST({quoted} AS {kind.compile(connection.dialect)})"


def _originals(connection: sa.Connection, name: str) -> Iterator[tuple[str, int, Any]]:
    query = sa.select(KEPT.c.column_name, KEPT.c.row_id, KEPT.c.original)
    mine = (KEPT.c.table_name == name, KEPT.c.column_name.not_in(["", "id"]))
    for column, row_id, text in connection.execute(query.where(*mine)).all():
        yield column, row_id, load_original(text)


def _set(connection: sa.Connection, where: str, kind: sa.types.TypeEngine[Any], row_id: int, value: Any) -> None:
    table, _, column = where.partition(".")
    quoted = connection.dialect.identifier_preparer.quote(column)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"UPDATE {table} SET {quoted} = ? WHERE id = ?", (value, row_id))
        return
    mark = f"CAST(%s AS {kind.compile(connection.dialect)})"
    connection.exec_driver_sql(f"UPDATE {table} SET {quoted} = {mark} WHERE id = %s", (value, row_id))


def _go_on(connection: sa.Connection, name: str) -> None:
    """Let new rows get ids behind those that are there."""
    if connection.dialect.name == "postgresql":
        sequence = connection.execute(sa.select(sa.func.pg_get_serial_sequence(name, "id"))).scalar()
        newest = connection.exec_driver_sql(f"SELECT max(id) FROM {name}").scalar()
        if sequence and newest:
            connection.execute(sa.select(sa.func.setval(sa.cast(sequence, sa.Text), newest)))
