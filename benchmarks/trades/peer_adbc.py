"""ADBC: Arrow tables in and out."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
from adbc_driver_postgresql import dbapi as postgresql
from adbc_driver_sqlite import dbapi as sqlite

from trades.measuring import main
from trades.work import QUERY, TIMES, Columns, with_job


def write(url: str, trades: Columns) -> None:
    given = with_job(trades)
    table = pa.table({name: pa.array(values) for name, values in given.items()})
    if not url.startswith("sqlite"):  # its COPY is binary and wants the types of the table
        table = table.cast(pa.schema([(name, _type(values)) for name, values in given.items()]))
    with _connect(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("trades", table, mode="append")
        connection.commit()


def _type(values: Any) -> pa.DataType:
    kinds = {"M": pa.timestamp("us", "UTC"), "i": pa.int32(), "f": pa.float64(), "O": pa.string()}
    return kinds[values.dtype.kind]


def read(url: str) -> pd.DataFrame:
    with _connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(QUERY)
        frame = cursor.fetch_arrow_table().to_pandas()
    for name in TIMES:
        frame[name] = pd.to_datetime(frame[name], format="ISO8601").dt.tz_localize(None)
    return frame


def _connect(url: str) -> Any:
    if not url.startswith("sqlite"):
        return postgresql.connect(url)
    connection = sqlite.connect(url.removeprefix("sqlite:///"), autocommit=True)
    with connection.cursor() as cursor:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
            cursor.fetchall()
    return connection


if __name__ == "__main__":
    main({"arrow": write}, {"arrow": read}, "adbc-driver-sqlite", "adbc-driver-postgresql", "pyarrow", "pandas")
