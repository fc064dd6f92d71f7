"""The version of a database's tables: what it is, and how it becomes the one that this code knows.

A migration is one file in ``migrations/versions``. All that are missing run in one transaction, under a lock, so that
two first starts, or a crash in the middle, leave either the old tables or the new ones.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlmodel import AutoString, UTCDateTime

from research_kit.errors import SchemaVersionError
from research_kit.store.legacy.give_back import keep_rows, restore
from research_kit.store.legacy.shape import is_adopted, missing_columns
from research_kit.store.tables import FiniteFloat, Table

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "research_kit_version"  # of our own: a shared database may hold another program's alembic_version
HEAD = "0007"  # the newest file in migrations/versions; a test compares

_one_at_a_time = threading.Lock()  # Alembic's `op` is one for the whole process


class LegacyDatabaseError(SchemaVersionError):
    """The backend service made the database, and nobody has adopted it yet."""


def revision_of(connection: sa.Connection) -> str | None:
    """Return the revision of a database's tables, None where there are none of ours yet.

    Raises
    ------
    LegacyDatabaseError
        The tables are those of the backend service.
    SchemaVersionError
        Tables of our names are there without a version: another program made them.
    """
    tables = set(sa.inspect(connection).get_table_names())
    if VERSION_TABLE in tables:
        return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    taken = sorted(tables & set(Table.metadata.tables))
    if taken and not missing_columns(connection):
        raise LegacyDatabaseError(
            "The database was made by the backend service and was left as it is: `research-kit db upgrade` adopts it "
            "(a SQLite file is backed up before), `research-kit db check` says what is odd in it."
        )
    if taken:
        raise SchemaVersionError(
            f"The database has tables named {', '.join(taken)} but no {VERSION_TABLE}: another program made them. "
            "Nothing was changed; choose another database."
        )
    return None


def check_known(revision: str | None, folder: Path = MIGRATIONS) -> None:
    """Raise ``SchemaVersionError`` where a newer version of this code has changed the tables."""
    known = [script.revision for script in _scripts(folder).walk_revisions()]
    if revision is not None and revision not in known:
        raise SchemaVersionError(
            f"The database has schema {revision!r}, which this version of research_kit does not know (it knows up to "
            f"{known[0]!r}): upgrade research_kit, or open a backup made before; nothing was changed."
        )


def newest(folder: Path = MIGRATIONS) -> str | None:
    """Return the revision of the newest migration."""
    return HEAD if folder == MIGRATIONS else _scripts(folder).get_current_head()


def upgrade(connection: sa.Connection, folder: Path = MIGRATIONS) -> None:
    """Bring the tables to the newest revision, inside the transaction that the connection is in."""
    scripts = _scripts(folder)
    with _one_at_a_time:
        context = _context(connection)
        steps = list(scripts.iterate_revisions("heads", context.get_current_revision() or "base"))
        for step in reversed(steps):
            _run(context, step.module.upgrade)
            context.stamp(scripts, step.revision)


def downgrade(connection: sa.Connection, revision: str = "base", folder: Path = MIGRATIONS) -> None:
    """Take the tables back to an older revision, inside the transaction that the connection is in; rows are lost.

    A database that was adopted gets the backend's tables back at the end, with all of their rows, also those that were
    added since, and the values that the backend had.
    """
    scripts = _scripts(folder)
    gives_back = revision == "base" and is_adopted(connection)
    if gives_back:
        keep_rows(connection)
    with _one_at_a_time:
        context = _context(connection)
        for step in list(scripts.iterate_revisions(context.get_current_revision() or "base", revision)):
            _run(context, step.module.downgrade)
            context.stamp(scripts, step.down_revision or "base")  # type: ignore[arg-type]
    if gives_back:
        connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")
        restore(connection)


def differences(connection: sa.Connection) -> list[Any]:
    """Return how the tables of a database differ from the classes in ``tables``; empty when they agree."""
    from alembic.autogenerate import compare_metadata

    return list(compare_metadata(_context(connection), Table.metadata))


def draft_migration(connection: sa.Connection, message: str, folder: Path = MIGRATIONS) -> Path:
    """Write a migration from what ``differences`` finds, for a developer to read and correct; return its path."""
    from alembic.autogenerate import produce_migrations, render_python_code

    context, scripts = _context(connection), _scripts(folder)
    found = produce_migrations(context, Table.metadata)
    if found.upgrade_ops is None or found.downgrade_ops is None or found.upgrade_ops.is_empty():
        raise SchemaVersionError("The tables of this database and of the code are the same: nothing to migrate.")
    up, down = (
        render_python_code(operations, render_as_batch=True, render_item=_render_type, migration_context=context)
        for operations in (found.upgrade_ops, found.downgrade_ops)
    )
    number = f"{len(list(scripts.walk_revisions())) + 1:04d}"
    script = scripts.generate_revision(number, message, upgrades=up, downgrades=down)
    assert script is not None  # only an abandoned multi-file revision has none
    return Path(script.path)


def _render_type(kind: str, value: Any, _: Any) -> str | Literal[False]:
    """Return a column type in plain SQLAlchemy, so that a migration outlives the classes of this code."""
    if kind != "type":
        return False
    if isinstance(value, FiniteFloat):
        return "sa.Float()"
    if isinstance(value, AutoString):
        return f"sa.String({value.impl_instance.length})"  # type: ignore[attr-defined]
    if isinstance(value, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return "sa.JSON()" if isinstance(value, sa.JSON) else False


def _scripts(folder: Path) -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(folder))


def _context(connection: sa.Connection) -> MigrationContext:
    from alembic.runtime.migration import MigrationContext

    options = {
        "version_table": VERSION_TABLE,
        "target_metadata": Table.metadata,
        "render_as_batch": True,
        "include_name": lambda name, kind, _: kind != "table" or name in Table.metadata.tables,
    }
    return MigrationContext.configure(connection, opts=options)


def _run(context: MigrationContext, change: Any) -> None:
    from alembic.operations import Operations

    with Operations.context(context):
        change()
