"""All rows of one database in another, of whatever kind: in batches, hashed there and here, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import sqlalchemy as sa

from research_kit.errors import StoreError
from research_kit.store.legacy.shape import KEPT, is_adopted
from research_kit.store.raw_rows import insert_rows, last_ids, set_last_ids
from research_kit.store.tables import Table

BATCH = 5_000
_FORMS = {sa.JSON: "", sa.DateTime: "YYYY-MM-DD HH24:MI:SS.US", sa.Date: "YYYY-MM-DD"}
_TIME_LENGTH = len("2024-01-02 03:04:05.000000")


class CopiedTable(NamedTuple):
    """A table that was copied: how many rows it has, and their hash, the same in every kind of database."""

    table: str
    rows: int
    sha256: str


def copy_rows(source: sa.Connection, target: sa.Connection, name: str) -> list[CopiedTable]:
    """Copy the rows of every table into the empty tables of ``target``, inside its transaction.

    Raises
    ------
    StoreError
        The target, called by its name, has rows already, or what arrived there differs.
    """
    _refuse_rows(target, name)
    given = last_ids(source)
    if is_adopted(source):
        KEPT.create(target, checkfirst=True)
    copied = [_copy_table(source, target, table) for table in tables_of(source)]
    for one in copied:
        arrived = hash_rows(target, tables_named(one.table))
        if arrived != one:
            raise StoreError(
                f"The table {one.table} arrived in {name} with {arrived.rows:,} rows (hash {arrived.sha256[:12]}) "
                f"instead of {one.rows:,} ({one.sha256[:12]}): nothing was copied."
            )
    set_last_ids(target, given)
    return copied


def tables_of(connection: sa.Connection) -> list[sa.Table]:
    """Return the tables that hold what users made, parents first."""
    return [*Table.metadata.sorted_tables, *([KEPT] if is_adopted(connection) else [])]


def tables_named(name: str) -> sa.Table:
    """Return a table of ours by its name."""
    return KEPT if name == KEPT.name else Table.metadata.tables[name]


def hash_rows(connection: sa.Connection, table: sa.Table) -> CopiedTable:
    """Return how many rows a table has and the hash of all their values, in the order of its key.

    It is the same wherever the values are the same: times count as moments in UTC, -0.0 as 0.0, JSON as its text.
    """
    digest, count = sha256(), 0
    for rows in _batches(connection, table):
        count += len(rows)
        digest.update("\n".join(map(repr, rows)).encode("utf-8", "surrogatepass"))
    return CopiedTable(table.name, count, digest.hexdigest())


def _copy_table(source: sa.Connection, target: sa.Connection, table: sa.Table) -> CopiedTable:
    digest, count = sha256(), 0
    names = [column.name for column in table.columns]
    for rows in _batches(source, table):
        insert_rows(target, table.name, names, rows)
        count += len(rows)
        digest.update("\n".join(map(repr, rows)).encode("utf-8", "surrogatepass"))
    return CopiedTable(table.name, count, digest.hexdigest())


def _batches(connection: sa.Connection, table: sa.Table) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of a table in the order of its key, as plain values: times as text in UTC, JSON as its text."""
    key = [_plainly_sorted(column, connection) for column in table.primary_key.columns]
    query = sa.select(*(_plain(column, connection) for column in table.columns)).order_by(*key)
    for rows in connection.execute(query, execution_options={"yield_per": BATCH}).partitions():
        columns = zip(table.columns, zip(*rows, strict=True), strict=True)
        yield list(zip(*(_canonical(column, values) for column, values in columns), strict=True))


def _plain(column: sa.Column[Any], connection: sa.Connection) -> sa.ColumnElement[Any]:
    """Return a column without the Python objects that it would become: text is what both kinds of database take."""
    form = next((form for kind, form in _FORMS.items() if isinstance(_kind(column), kind)), None)
    if form is None:
        return column
    if not form:
        return sa.cast(column, sa.Text).label(column.name)
    if connection.dialect.name == "sqlite":
        return sa.type_coerce(column, sa.Text).label(column.name)
    moment = sa.func.timezone("UTC", column) if isinstance(_kind(column), sa.DateTime) else column
    return sa.func.to_char(moment, form).label(column.name)


def _plainly_sorted(column: sa.Column[Any], connection: sa.Connection) -> sa.ColumnElement[Any]:
    """Return a key to sort by: text by its bytes, as SQLite does, whatever language a PostgreSQL server speaks."""
    plain = isinstance(column.type, sa.String) and connection.dialect.name == "postgresql"
    return column.collate("C") if plain else column


def _canonical(column: sa.Column[Any], values: Sequence[Any]) -> Sequence[Any]:
    """Return the values of a column in the one form that they have in every kind of database."""
    kind = _kind(column)
    if isinstance(kind, sa.Float):
        return [None if value is None else float(value) + 0.0 for value in values]
    if isinstance(kind, sa.DateTime):  # someone may have written the seconds only
        return [value if value is None or len(value) == _TIME_LENGTH else _in_full(value) for value in values]
    if isinstance(kind, sa.LargeBinary):
        return [None if value is None else bytes(value) for value in values]
    return values


def _kind(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    return column.type.impl_instance if isinstance(column.type, sa.types.TypeDecorator) else column.type


def _in_full(text: str) -> str:
    return datetime.fromisoformat(text).isoformat(" ", "microseconds")


def _refuse_rows(target: sa.Connection, name: str) -> None:
    taken = [table.name for table in tables_of(target) if target.execute(sa.select(table).limit(1)).first()]
    if taken:
        raise StoreError(f"{name} is not empty ({', '.join(taken)}); a copy goes to an empty database only.")
