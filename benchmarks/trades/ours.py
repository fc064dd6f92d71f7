"""W8 by the project itself: the bulk functions of its store, through a real database."""

from __future__ import annotations

from typing import Any

from research_kit.store.bulk import read_trades, trade_columns, write_trades
from research_kit.store.database import Database
from trades.measuring import main
from trades.work import JOB, Columns


def write(url: str, trades: Columns) -> None:
    with Database.open(url) as database, database.write() as session:
        write_trades(session, JOB, trade_columns(trades))


def read(url: str) -> Any:
    with Database.open(url) as database, database.read() as session:
        frame = read_trades(session, JOB)
    for name in ("entry_time", "exit_time"):
        frame[name] = frame[name].dt.tz_localize(None)
    return frame


if __name__ == "__main__":
    main({"bulk": write}, {"bulk": read}, "sqlalchemy", "sqlmodel", "pandas", "pyarrow")
