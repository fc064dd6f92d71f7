"""Strategies as rows: each version of a source is kept, the newest that was saved is the current one."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Session, col, select

from research_kit.errors import NotFoundError, did_you_mean
from research_kit.store.database import Database, now, serialise
from research_kit.store.records import NewStrategy, row_of
from research_kit.store.tables import StrategyRow


def save_strategy(database: Database, strategy: NewStrategy) -> StrategyRow:
    """Return the row of a strategy's source and make it the current version of its name.

    A source that was saved before is the same row, with its counters; a changed one is a new row.
    """
    values = row_of("strategies", strategy) | {"is_active": True}
    mine = col(StrategyRow.name) == values["name"]
    same = col(StrategyRow.source_sha256) == values["source_sha256"]
    with database.write() as session:
        serialise(session, f"strategy {strategy.name}")
        other = col(StrategyRow.source_sha256).is_distinct_from(
            values["source_sha256"]
        )  # a row of the backend has none
        session.execute(sa.update(StrategyRow).where(mine, other).values(is_active=False))
        row = session.exec(select(StrategyRow).where(mine, same)).first() or StrategyRow(created_at=now(), **values)
        row.sqlmodel_update(values)
        session.add(row)
        session.flush()
    return row


def keep_source(database: Database, strategy: NewStrategy) -> StrategyRow:
    """Return the row of a source that is only kept: it does not become the current version of its name.

    A source that is there already is left as it is.
    """
    values = row_of("strategies", strategy) | {"is_active": False}
    mine, same = col(StrategyRow.name) == values["name"], col(StrategyRow.source_sha256) == values["source_sha256"]
    with database.write() as session:
        serialise(session, f"strategy {strategy.name}")
        row = session.exec(select(StrategyRow).where(mine, same)).first()
        if row is None:
            row = StrategyRow(created_at=now(), **values)
            session.add(row)
            session.flush()
    return row


def find_strategy(database: Database, key: int | str) -> StrategyRow:
    """Return a strategy by its id, or the current version of a name.

    Raises
    ------
    NotFoundError
        There is none; the message has the nearest name.
    """
    with database.read() as session:
        found = _by_name(session, key) if isinstance(key, str) else None
        if found is None and str(key).isdecimal():
            found = session.get(StrategyRow, int(key))
        if found is None:
            names = session.scalars(sa.select(col(StrategyRow.name)).distinct()).all()
            raise NotFoundError(f"There is no stored strategy {key!r}. {did_you_mean(str(key), names)}")
    return found


def _by_name(session: Session, name: str) -> StrategyRow | None:
    newest = select(StrategyRow).where(StrategyRow.name == name)
    return session.exec(newest.order_by(col(StrategyRow.is_active).desc(), col(StrategyRow.id).desc())).first()
