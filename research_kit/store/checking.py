"""What may be wrong with a database: its file, its schema, its keys; of the backend's, its rows."""

from __future__ import annotations

import sqlalchemy as sa

from research_kit.store import schema
from research_kit.store.legacy.adopt import look


def problems(connection: sa.Connection) -> list[str]:
    """Return what is wrong, one sentence each; empty when all is well. Nothing is changed.

    Raises
    ------
    SchemaVersionError
        The tables are another program's.
    """
    found = _file_problems(connection) if connection.dialect.name == "sqlite" else []
    try:
        revision = schema.revision_of(connection)
    except schema.LegacyDatabaseError as error:
        return [*found, str(error), *look(connection).sentences()]
    if revision != schema.HEAD:
        return [*found, f"The schema is {revision!r}, this code needs {schema.HEAD!r}."]
    return found + [f"The tables differ from the code: {line}." for line in schema.differences(connection)]


def _file_problems(connection: sa.Connection) -> list[str]:
    found = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
    orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    return [f"The file is damaged: {line}." for line in found if line != "ok"] + [
        f"Row {row[1]} of {row[0]} names a row of {row[2]} that is not there." for row in orphans
    ]
