"""Adopting the backend's database: its rows in our tables, what those refuse kept beside them, nothing lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import sqlalchemy as sa

from research_kit.errors import StoreError
from research_kit.store.legacy.findings import Findings
from research_kit.store.legacy.originals import dump_original
from research_kit.store.legacy.rows import Batch, Change, mended_batches
from research_kit.store.legacy.shape import COLUMNS, KEPT, MADE, PARENTS, making
from research_kit.store.raw_rows import insert_rows, set_last_ids, tables_with_ids

ASIDE = "legacy_"  # the backend's tables are called this while their rows are read


def look(connection: sa.Connection) -> Findings:
    """Return what adopting would change; nothing is written."""
    found = Findings()
    for batch in mended_batches(connection):
        found.add(batch.changes)
    return found


def adopt(connection: sa.Connection, upgrade: Callable[[], None]) -> Findings:
    """Bring the rows of the backend's tables into ours, inside the connection's transaction; return what was changed.

    ``upgrade`` makes our tables. Each value that they refuse, and each that they have no column for, is kept in the
    table ``legacy_values`` as it was; a row whose parent was not there gets a placeholder that says so.

    Raises
    ------
    StoreError
        A table has other rows afterwards than before.
    """
    statements = {name: _statements(connection, name) for name in COLUMNS}
    before = {name: _count(connection, name) for name in COLUMNS}
    for name in COLUMNS:
        _set_aside(connection, name)
    upgrade()
    KEPT.create(connection)
    how = f"how {connection.dialect.name} made it"
    _keep(connection, [Change(name, *MADE, made, how) for name, made in statements.items()])
    found = Findings()
    for batch in mended_batches(connection, ASIDE):
        found.add(batch.changes)
        _write(connection, batch)
    for name, count in before.items():
        _compare(name, count + found.placeholders(name), _count(connection, name))
    for name in reversed(list(COLUMNS)):
        connection.exec_driver_sql(f"DROP TABLE {ASIDE}{name}")
    _link_jobs(connection)
    set_last_ids(connection, dict.fromkeys(tables_with_ids(), 0))
    return found


def _statements(connection: sa.Connection, name: str) -> list[str]:
    """Return the statements that make a table of the backend again: itself first, then its indexes."""
    if connection.dialect.name == "sqlite":
        query = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL AND type IN ('table', 'index')"
        return list(connection.exec_driver_sql(f"{query} ORDER BY type DESC", (name,)).scalars())
    table = sa.Table(name, sa.MetaData(), autoload_with=connection)
    return making(connection, table)


def _set_aside(connection: sa.Connection, name: str) -> None:
    """Rename a table, so that ours can be made; names of its indexes and sequences are given free as well."""
    inspector = sa.inspect(connection)
    quote = connection.dialect.identifier_preparer.quote
    for index in inspector.get_indexes(name):
        if index["name"] and not index.get("duplicates_constraint"):
            connection.exec_driver_sql(f"DROP INDEX {quote(index['name'])}")
    sequence = None
    if connection.dialect.name == "postgresql":
        sequence = connection.execute(sa.select(sa.func.pg_get_serial_sequence(name, "id"))).scalar()
    if sequence:
        connection.exec_driver_sql(f"ALTER SEQUENCE {sequence} RENAME TO {ASIDE}{name}_id_seq")
    connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {ASIDE}{name}")


def _write(connection: sa.Connection, batch: Batch) -> None:
    parent = PARENTS.get(batch.table, ("", ""))[1]
    for table, rows in ((parent, batch.parents), (batch.table, batch.rows)):
        if rows:
            names = list(rows[0])
            insert_rows(connection, table, names, ([row[name] for name in names] for row in rows))
    _keep(connection, batch.changes)


def _keep(connection: sa.Connection, changes: Iterable[Change]) -> None:
    rows = [(table, row, column, dump_original(value), reason) for table, row, column, value, reason in changes]
    if rows:
        insert_rows(connection, KEPT.name, [column.name for column in KEPT.columns], rows)


def _count(connection: sa.Connection, name: str) -> int:
    return connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() or 0


def _compare(name: str, wanted: int, found: int) -> None:
    if wanted != found:
        raise StoreError(f"{name} has {found:,} rows once adopted and should have {wanted:,}; nothing was changed.")


def _link_jobs(connection: sa.Connection) -> None:
    """Let jobs name their dataset, where the path in the one is that in the other."""
    connection.exec_driver_sql(
        "UPDATE backtest_jobs SET dataset_id = (SELECT max(id) FROM datasets WHERE file_path = dataset_path) "
        "WHERE dataset_path <> ''"
    )
