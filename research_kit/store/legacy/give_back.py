"""The way back from an adopted database: the backend's tables as they were, with the values that they had."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from research_kit.errors import StoreError
from research_kit.store.columns import Table
from research_kit.store.legacy.originals import load_original
from research_kit.store.legacy.shape import COLUMNS, KEPT, MADE, backend_table, is_adopted, making

LEASED = ("backtest_jobs", "sweeps", "notebook_runs")  # what somebody may be working on

ASIDE = "kept_"  # our rows are called this while our tables are dropped


def check_ready(connection: sa.Connection) -> None:
    """Raise ``StoreError`` where there is no older shape to go back to, or somebody works on what would go."""
    if not is_adopted(connection):
        raise StoreError(
            "This database was not made by the backend service, so there is no older shape to give back; nothing was "
            "changed."
        )
    for name in LEASED:
        table = Table.metadata.tables[name]
        query = sa.select(sa.func.count()).where(table.c.status == "running", table.c.lease_token.is_not(None))
        if count := connection.execute(query).scalar():
            told = f"{count:,} {name.replace('_', ' ')} are running"
            raise StoreError(f"{told}; wait for their end, or cancel them. Nothing was changed.")


def rows_of_the_backend(connection: sa.Connection) -> dict[str, int]:
    """Return how many rows each of the backend's tables will have, or has: placeholders are left out."""
    made_up: dict[str, int] = {}
    if is_adopted(connection):
        query = sa.select(KEPT.c.table_name, sa.func.count()).where(KEPT.c.column_name == "id")
        made_up = dict(map(tuple, connection.execute(query.group_by(KEPT.c.table_name))))
    counts = {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() or 0 for name in COLUMNS}
    return {name: count - made_up.get(name, 0) for name, count in counts.items()}


def rows_of_ours(connection: sa.Connection) -> dict[str, int]:
    """Return how many rows there are in tables that the backend does not have, where there are any."""
    counts = {
        name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() or 0
        for name, table in Table.metadata.tables.items()
        if name not in COLUMNS
    }
    return {name: count for name, count in sorted(counts.items()) if count}


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
