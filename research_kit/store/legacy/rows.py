"""The backend's rows as ours: read in batches, mended, with a parent for each orphan; nothing is written here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa

from research_kit.store.columns import columns_of
from research_kit.store.json_values import dump_json
from research_kit.store.legacy.mend import INT_LIMIT, Rule, rule_of
from research_kit.store.legacy.shape import COLUMNS, PARENTS

BATCH = 5_000
UNKNOWN_TIME = "1970-01-01 00:00:00.000000"
EXTRA: Mapping[str, Mapping[str, Any]] = {  # what we need that the backend did not have
    "backtest_jobs": {"attempt": 1, "max_attempts": 1, "cancel_requested": False},
    "backtest_metrics": {"reasons": None},
}
_TIMES = ("created_at", "started_at", "entry_time", "completed_at", "exit_time", "last_used")


class Change(NamedTuple):
    """A value of the backend that stands in our tables in another form, or not at all."""

    table: str
    row_id: int
    column: str
    original: Any
    reason: str


@dataclass
class Batch:
    """Rows of one table, as our columns take them; ``parents`` are placeholders that must be there before them."""

    table: str
    rows: list[dict[str, Any]]
    changes: list[Change]
    parents: list[dict[str, Any]] = field(default_factory=list)


def mended_batches(connection: sa.Connection, prefix: str = "") -> Iterator[Batch]:
    """Yield the rows of the backend's tables (named with a prefix), parents first."""
    known: dict[str, _Known] = {}
    for table in COLUMNS:
        if table in {parent for _, parent in PARENTS.values()}:
            known[table] = _Known.of(connection, table, prefix)
        home = known.get(PARENTS[table][1]) if table in PARENTS else None
        for batch in _mended_table(connection, table, prefix):
            if home is not None:
                home.place(batch, *PARENTS[table])
            yield batch


def _mended_table(connection: sa.Connection, table: str, prefix: str) -> Iterator[Batch]:
    names = COLUMNS[table]
    rules = {name: rule_of(columns_of(table).columns[name]) for name in names}
    for columns in _read(connection, table, prefix):
        ids = columns["id"]
        further = [name for name in columns if name not in rules]
        changes = [
            Change(table, ids[i], name, value, "is in a column that research_kit does not have")
            for name in further
            for i, value in enumerate(columns[name])
            if value is not None
        ]
        done, reasons = _mend(rules, columns)
        rows = [dict(zip(names, row, strict=True)) for row in zip(*(done[name] for name in names), strict=True)]
        for name, why in reasons.items():
            changes += [Change(table, ids[i], name, columns[name][i], reason) for i, reason in why.items()]
        _fill(table, rows, reasons, rules)
        changes += _explain(table, rows, reasons, columns)
        yield Batch(table, rows, changes)


def _mend(
    rules: Mapping[str, Rule], columns: Mapping[str, Sequence[Any]]
) -> tuple[dict[str, list[Any]], dict[str, dict[int, str]]]:
    done, reasons = {}, {}
    for name, rule in rules.items():
        done[name], why = rule.apply(columns[name])
        if why:
            reasons[name] = why
    return done, reasons


def _fill(
    table: str, rows: Sequence[dict[str, Any]], reasons: Mapping[str, dict[int, str]], rules: Mapping[str, Rule]
) -> None:
    """Give rows what our tables need and they do not have; the reference to a parent is another's work."""
    for row in rows:
        row.update(EXTRA.get(table, {}))
    for name, why in reasons.items():
        if rules[name].required and name != PARENTS.get(table, ("",))[0]:
            for i in why:
                if rows[i][name] is None:
                    rows[i][name] = _stand_in(table, name, rows[i], why[i])
    if table == "backtest_jobs":
        for row in rows:
            row["attempt"] = int(row["status"] != "pending")  # one that seems to run has had its try


def _stand_in(table: str, name: str, row: Mapping[str, Any], reason: str) -> Any:
    """Return what a required value becomes where there is none that can be read."""
    if name in _TIMES:
        return next((row[time] for time in _TIMES if row.get(time) is not None), UNKNOWN_TIME)
    if name == "status":
        return "completed" if table == "backtests" and reason == "is missing" else "failed"
    if name == "progress":
        return 1.0 if row["status"] == "completed" else 0.0
    texts = {"file_path": "", "side": "long", "is_active": True}
    if name in ("name", "strategy", "strategy_name"):
        return f"(no name) {row['id']}"
    return texts.get(name, 0)


def _explain(
    table: str, rows: Sequence[dict[str, Any]], reasons: Mapping[str, dict[int, str]], columns: Mapping[str, Any]
) -> list[Change]:
    """Say in the row itself what was changed, where our tables have a place for it."""
    if table == "backtest_metrics":
        told: dict[int, dict[str, str]] = {}
        for name, why in reasons.items():
            for i, reason in why.items():
                told.setdefault(i, {})[name] = f"the backend stored {columns[name][i]!r}: {reason}"
        for i, sentences in told.items():
            rows[i]["reasons"] = dump_json(sentences)
    changes = []
    if table == "backtest_jobs":
        for i in reasons.get("status", {}):
            if rows[i]["status"] == "failed" and rows[i]["error_message"] is None:
                rows[i]["error_message"] = f"The backend left this job in the state {columns['status'][i]!r}."
                changes.append(Change(table, rows[i]["id"], "error_message", None, "says what the state was"))
    return changes


def _read(connection: sa.Connection, table: str, prefix: str) -> Iterator[dict[str, Sequence[Any]]]:
    """Yield the values of a table by column, as the driver gives them, JSON as text; in batches, by key."""
    found = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns(prefix + table)}
    source = sa.table(prefix + table, *map(sa.column, found))
    id_ = source.c.id
    columns = [
        sa.cast(source.c[name], sa.Text).label(name)
        if isinstance(kind, sa.JSON) and connection.dialect.name == "postgresql"
        else source.c[name]
        for name, kind in found.items()
    ]
    query = sa.select(*columns).order_by(id_).limit(BATCH)
    last = None
    while True:
        rows = connection.execute(query if last is None else query.where(id_ > last)).all()
        if rows:
            values: dict[str, Sequence[Any]] = dict(zip(found, zip(*rows, strict=True), strict=True))
            last = values["id"][-1]
            yield values
        if len(rows) < BATCH:
            return


@dataclass
class _Known:
    """The ids of a table that others name, and the placeholders that were made for those that are not there."""

    ids: set[int]
    free: int
    nameless: dict[str, int] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, connection: sa.Connection, table: str, prefix: str) -> _Known:
        ids = set(connection.exec_driver_sql(f"SELECT id FROM {prefix}{table}").scalars())
        named = [(child, column) for child, (column, parent) in PARENTS.items() if parent == table]
        highest = [_highest(connection, prefix + child, column) for child, column in named]
        return cls(ids, 1 + max([0, *ids, *highest]))

    def place(self, batch: Batch, column: str, parent: str) -> None:
        """See to it that each row of a batch has a parent, a placeholder where the backend had none."""
        required = not columns_of(batch.table).columns[column].nullable
        for row in batch.rows:
            named = row[column]
            if named is None:
                if required:
                    row[column] = self._for_the_nameless(batch, parent, row)
            elif named not in self.ids:
                self._add(batch, parent, named, f"{batch.table} {row['id']} names it, but it was not there")
            if batch.table == "backtest_metrics":
                self._one_of_each(batch, parent, row, column)

    def _for_the_nameless(self, batch: Batch, parent: str, row: Mapping[str, Any]) -> int:
        if batch.table not in self.nameless:
            why = f"it stands for what {batch.table} {row['id']} and perhaps others should name, and do not"
            self.nameless[batch.table] = self._add(batch, parent, self._next(), why)
        return self.nameless[batch.table]

    def _one_of_each(self, batch: Batch, parent: str, row: dict[str, Any], column: str) -> None:
        """Give the second metrics of a job a placeholder of their own: a job has one row of them."""
        job = row[column]
        if job in self.taken:
            why = f"it holds backtest_metrics {row['id']}, of which {parent} {job} had more than one row"
            row[column] = self._add(batch, parent, self._next(), why)
            if all((change.row_id, change.column) != (row["id"], column) for change in batch.changes):
                batch.changes.append(Change(batch.table, row["id"], column, job, "is named by another row already"))
        self.taken.add(row[column])

    def _next(self) -> int:
        self.free += 1
        return self.free - 1

    def _add(self, batch: Batch, parent: str, row_id: int, why: str) -> int:
        self.ids.add(row_id)
        batch.parents.append(_placeholder(parent, row_id, why))
        batch.changes.append(Change(parent, row_id, "id", None, f"is a placeholder: {why}"))
        return row_id


def _highest(connection: sa.Connection, table: str, column: str) -> int:
    """Return the highest id that rows name; in SQLite a column of numbers may hold text, which is above all numbers."""
    only = f"WHERE typeof({column}) = 'integer'" if connection.dialect.name == "sqlite" else ""
    return min(connection.exec_driver_sql(f"SELECT max({column}) FROM {table} {only}").scalar() or 0, INT_LIMIT)


def _placeholder(table: str, row_id: int, why: str) -> dict[str, Any]:
    sentence = f"A placeholder, made when the backend's database was adopted: {why}."
    if table == "datasets":
        known = {"id": row_id, "name": f"(missing dataset {row_id})", "file_path": "", "backtest_count": 0}
        return known | {"created_at": UNKNOWN_TIME, "quality_checks": dump_json({"adopted": sentence})}
    state = {"status": "failed", "strategy": "(missing job)", "progress": 0.0, "error_message": sentence}
    return {"id": row_id, "created_at": UNKNOWN_TIME, **state, **EXTRA["backtest_jobs"]}
