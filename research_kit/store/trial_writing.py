"""How trials enter their table: new ones are inserted, those of a spec that is there are brought up to date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import repeat
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from research_kit.store.bulk import driver_errors
from research_kit.store.json_values import dump_json
from research_kit.store.tables import columns_of
from research_kit.store.trial_rows import JSON_COLUMNS, TRIAL_COLUMNS, TrialColumns

_TABLE = columns_of("trials")
_FIRST = ("spec_hash", "kind", "created_at")  # what the first record of a spec decides
_NEWEST = ("state", "error")  # what the newest decides, also when it says NULL; of the others, what is known stays
_CHANGES = ", ".join(
    f"{name} = excluded.{name}" if name in _NEWEST else f"{name} = coalesce(excluded.{name}, trials.{name})"
    for name in TRIAL_COLUMNS
    if name not in _FIRST
)
# a failure takes nothing away from a spec that was completed once
_UPDATE = (
    f"ON CONFLICT (spec_hash) DO UPDATE SET {_CHANGES} "
    "WHERE trials.state NOT IN ('completed', 'deleted') OR excluded.state NOT IN ('failed', 'cancelled')"
)
_INSERT = f"INSERT INTO trials ({', '.join(TRIAL_COLUMNS)})"
_MANY = 100  # trials from which on there is a quicker way than one by one
_KINDS = (  # of columns in PostgreSQL's own words
    (sa.String, "text"),
    (sa.Integer, "int8"),
    (sa.Float, "float8"),
    (sa.DateTime, "timestamptz"),
    (sa.Date, "date"),
    (sa.LargeBinary, "bytea"),
    (sa.JSON, "json"),
)


def write_columns(session: Session, trials: TrialColumns) -> None:
    """Record the trials of ``trial_columns`` in a transaction that is under way."""
    hashes = trials.hashes
    if not hashes:
        return
    connection = session.connection()
    many = len(hashes) >= _MANY and len(set(hashes)) == len(hashes)
    if connection.dialect.name != "sqlite" and many:
        _copy(connection, trials)
        return
    change = _sqlite_value if connection.dialect.name == "sqlite" else None
    rows = list(_tuples(trials, change))
    if not many:
        _insert(connection, rows, _UPDATE)
        return
    # inserting alone is twice as quick; what is there now stays there: the transaction holds the lock
    there = set(connection.scalars(sa.select(_TABLE.c.spec_hash).where(has_hash(connection.dialect.name, hashes))))
    _insert(connection, [row for row, mark in zip(rows, hashes, strict=True) if mark not in there])
    _insert(connection, [row for row, mark in zip(rows, hashes, strict=True) if mark in there], _UPDATE)


def has_hash(dialect: str, hashes: Sequence[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a trial has one of these hashes; however many they are, they are one bound value."""
    given = sa.literal(dump_json(hashes), sa.Text())
    each = (
        sa.func.json_each(given) if dialect == "sqlite" else sa.func.json_array_elements_text(sa.cast(given, sa.JSON))
    )
    return _TABLE.c.spec_hash.in_(sa.select(each.table_valued("value").c.value))


def _insert(connection: sa.Connection, rows: list[tuple[Any, ...]], on_conflict: str = "") -> None:
    if rows:
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        connection.exec_driver_sql(f"{_INSERT} VALUES ({', '.join([mark] * len(TRIAL_COLUMNS))}) {on_conflict}", rows)


def _copy(connection: sa.Connection, trials: TrialColumns) -> None:
    """Bring trials to PostgreSQL in one stream, and from there into the table in one statement."""
    own = [name for name in TRIAL_COLUMNS if name in trials.own]
    kinds = {name: "text" if name in JSON_COLUMNS else _kind(name) for name in own}
    columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    stay = "WITH (toast_tuple_target = 8160)"  # rows as they are: trying to compress them takes longer than the copy
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE new_trials ({columns}) {stay} ON COMMIT DROP")
    stream = f"COPY new_trials ({', '.join(own)}) FROM STDIN (FORMAT BINARY)"
    with driver_errors(connection) as driver, driver.cursor() as cursor, cursor.copy(stream) as copy:
        copy.set_types(list(kinds.values()))
        for row in zip(*(trials.own[name] for name in own), strict=True):
            copy.write_row(row)
    values = ", ".join(f"{name if name in trials.own else '%s'}::{_kind(name)}" for name in TRIAL_COLUMNS)
    shared = tuple(trials.shared[name] for name in TRIAL_COLUMNS if name not in trials.own)
    connection.exec_driver_sql(f"{_INSERT} SELECT {values} FROM new_trials ORDER BY spec_hash {_UPDATE}", shared)
    connection.exec_driver_sql("DROP TABLE new_trials")


def _kind(name: str) -> str:
    column = _TABLE.c[name].type
    plain = column.impl_instance if isinstance(column, sa.types.TypeDecorator) else column
    return next(word for kind, word in _KINDS if isinstance(plain, kind))


def _tuples(trials: TrialColumns, change: Any) -> Iterator[tuple[Any, ...]]:
    n = len(trials.hashes)
    columns: list[Iterable[Any]] = []
    for name in TRIAL_COLUMNS:
        values = trials.own[name] if name in trials.own else [trials.shared[name]]
        if change is not None and name in ("first_day", "created_at"):
            values = [change(value) for value in values]
        columns.append(values if name in trials.own else repeat(values[0], n))
    return zip(*columns, strict=True)


def _sqlite_value(value: date | datetime | None) -> str | None:
    """Return a time or a day as SQLAlchemy writes it to SQLite."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
    return None if value is None else value.isoformat()
