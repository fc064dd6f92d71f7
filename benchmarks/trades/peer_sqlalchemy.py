"""The usual ways of Python: drivers, SQLAlchemy Core, pandas, SQLModel."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, select

from trades.measuring import main
from trades.work import COLUMNS, JOB, QUERY, TIMES, Columns, with_job

PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")


class TradeRow(SQLModel, table=True):
    __tablename__ = "trades"

    id: int | None = Field(default=None, primary_key=True)
    backtest_job_id: int
    entry_time: datetime
    exit_time: datetime
    entry_price: float
    exit_price: float
    quantity: float
    side: str
    pnl: float
    pnl_percent: float
    holding_time_minutes: float
    entry_signal: str
    exit_signal: str
    max_profit: float
    max_loss: float
    created_at: datetime


def executemany(url: str, trades: Columns) -> None:
    """Write by sqlite3 from columns: times as text in one go, rows by zip."""
    given = with_job(trades)
    marks = ", ".join("?" * len(given))
    with closing(_sqlite3(url)) as connection, connection:
        rows = zip(*map(_sqlite_values, given.values()), strict=True)
        connection.executemany(f"INSERT INTO trades ({', '.join(given)}) VALUES ({marks})", rows)


def _sqlite_values(values: Any) -> list[Any]:
    if values.dtype.kind != "M":
        return list(values.tolist())
    return [text.replace("T", " ") for text in np.datetime_as_string(values, unit="us").tolist()]


def copy_rows(url: str, trades: Columns) -> None:
    """Write by psycopg's COPY, row by row."""
    given = with_job(trades)
    statement = f"COPY trades ({', '.join(given)}) FROM STDIN"
    with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in zip(*_lists(given), strict=True):
            copy.write_row(row)


def core(url: str, trades: Columns) -> None:
    """Write by SQLAlchemy Core: one statement, a dictionary for each row."""
    engine = _engine(url)
    with engine.begin() as connection:
        connection.execute(sa.insert(TradeRow.__table__), list(_records(trades)))


def to_sql(url: str, trades: Columns) -> None:
    with _engine(url).begin() as connection:
        pd.DataFrame(with_job(trades)).to_sql("trades", connection, if_exists="append", index=False)


def sqlmodel_bulk(url: str, trades: Columns) -> None:
    with Session(_engine(url)) as session:
        session.execute(sa.insert(TradeRow), list(_records(trades)))
        session.commit()


def add_all(url: str, trades: Columns) -> None:
    with Session(_engine(url)) as session:
        session.add_all([TradeRow(**record) for record in _records(trades)])
        session.commit()


def _records(trades: Columns) -> Iterator[dict[str, Any]]:
    given = with_job(trades)
    return (dict(zip(given, row, strict=True)) for row in zip(*_lists(given), strict=True))


def _lists(given: Columns) -> list[list[Any]]:
    """Return the columns as Python values, times aware UTC as SQLModel asks for."""
    return [
        [time.replace(tzinfo=UTC) for time in values.tolist()] if values.dtype.kind == "M" else values.tolist()
        for values in given.values()
    ]


def rows_to_frame(url: str) -> pd.DataFrame:
    """Read by sqlite3, all rows to a frame, times parsed."""
    with closing(_sqlite3(url)) as connection:
        frame = pd.DataFrame(connection.execute(QUERY).fetchall(), columns=list(COLUMNS))
    for name in TIMES:
        frame[name] = pd.to_datetime(frame[name], format="%Y-%m-%d %H:%M:%S.%f")
    return frame


def read_sql(url: str) -> pd.DataFrame:
    with _engine(url).connect() as connection:
        frame = pd.read_sql(sa.text(QUERY), connection, parse_dates=list(TIMES))
    return frame.assign(**{name: frame[name].dt.tz_localize(None) for name in TIMES})


def orm(url: str) -> pd.DataFrame:
    with Session(_engine(url)) as session:
        found = session.exec(select(TradeRow).where(TradeRow.backtest_job_id == JOB).order_by(TradeRow.id)).all()
        frame = pd.DataFrame({name: [getattr(trade, name) for trade in found] for name in COLUMNS})
    return frame.assign(**{name: frame[name].dt.tz_localize(None) for name in TIMES})


def _engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    if engine.dialect.name == "sqlite":
        sa.event.listen(
            engine, "connect", lambda connection, _: [connection.execute(f"PRAGMA {one}") for one in PRAGMAS]
        )
    return engine


def _sqlite3(url: str) -> sqlite3.Connection:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


WRITERS = {
    "executemany": executemany,
    "copy rows": copy_rows,
    "core": core,
    "pandas": to_sql,
    "SQLModel bulk": sqlmodel_bulk,
    "SQLModel add_all": add_all,
}
READERS = {"rows": rows_to_frame, "pandas": read_sql, "ORM": orm}

if __name__ == "__main__":
    main(WRITERS, READERS, "sqlalchemy", "sqlmodel", "psycopg", "pandas")
