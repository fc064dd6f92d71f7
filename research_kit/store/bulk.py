"""Trades in bulk: checked as whole columns, written and read without a Python object for each row's model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session

from research_kit.errors import StoreError, did_you_mean
from research_kit.store.json_values import clean_text
from research_kit.store.postgres_columns import encode, packed_query, unpack
from research_kit.store.records import TradeColumn
from research_kit.store.tables import SIDES, columns_of, now

if TYPE_CHECKING:
    import pandas as pd

REQUIRED = ("entry_time", "entry_price", "quantity", "side")
TIMES = ("entry_time", "exit_time")
TEXTS = {"side": 10, "entry_signal": 100, "exit_signal": 100}
COLUMNS = tuple(
    column.name for column in columns_of("trades").columns if column.name not in ("id", "backtest_job_id", "created_at")
)
NUMBERS = tuple(name for name in COLUMNS if name not in TIMES and name not in TEXTS)
KINDS = {name: "time" if name in TIMES else "text" if name in TEXTS else "number" for name in COLUMNS}
_CHUNK = 5_000  # rows whose values are Python objects at one time
_ROWS = 50  # rows of one statement: what it costs to begin and end one is shared
_SPARSE = 5  # rows of others for each one of a job: with more, its index is quicker than a scan


def trade_columns(trades: Mapping[str, TradeColumn]) -> dict[str, NDArray[Any]]:
    """Return trades as arrays by column: times datetime64[us], numbers float64, text as objects; NaN and NaT are NULL.

    Raises
    ------
    StoreError
        A column is unknown or missing, lengths differ, a number is infinite, or what is needed has a gap.
    """
    for name in trades:
        if name not in COLUMNS:
            raise StoreError(f"Trades have no column {name!r}. {did_you_mean(name, COLUMNS)}")
    if not trades:
        return {}
    missing = [name for name in REQUIRED if name not in trades]
    if missing:
        raise StoreError(f"Trades need the columns {', '.join(missing)} as well.")
    arrays = {name: _column(name, trades[name]) for name in COLUMNS if name in trades}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise StoreError(f"The columns of trades differ in length: {lengths}.")
    return arrays


@contextmanager
def driver_errors(connection: sa.Connection) -> Iterator[Any]:
    """Yield the driver's own connection; what it raises comes as SQLAlchemy's errors, as from any other statement."""
    try:
        yield connection.connection.driver_connection
    except connection.dialect.loaded_dbapi.Error as error:
        base = connection.dialect.loaded_dbapi.Error
        raise sa.exc.DBAPIError.instance(None, None, error, base, dialect=connection.dialect) from error


def write_trades(session: Session, job_id: int, trades: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays of ``trade_columns`` as the trades of a job, in the session's transaction."""
    if not trades or not len(trades["side"]):
        return
    connection = session.connection()
    with driver_errors(connection) as driver:
        write = _write_sqlite if connection.dialect.name == "sqlite" else _write_postgres
        write(driver, job_id, trades)


def read_trades(session: Session, job_id: int) -> pd.DataFrame:
    """Return the trades of a job in the order in which they were closed, times aware UTC."""
    import pandas as pd
    import pyarrow as pa

    connection = session.connection()
    read = _read_sqlite if connection.dialect.name == "sqlite" else _read_postgres
    parts = list(read(connection.connection.driver_connection, int(job_id)))
    columns: dict[str, Any] = {}
    for name in COLUMNS:
        pieces = [part.pop(name) for part in parts]
        columns[name] = pa.chunked_array(pieces) if name in TEXTS else np.concatenate(pieces)
    texts = pa.table({name: columns[name] for name in TEXTS})
    words = texts.to_pandas(types_mapper=lambda _: pd.StringDtype(na_value=np.nan))
    columns |= {name: pd.DatetimeIndex(columns[name]).tz_localize("UTC") for name in TIMES}
    return pd.DataFrame(columns | {name: words[name].array for name in TEXTS}, copy=False)


def _write_sqlite(driver: Any, job_id: int, trades: Mapping[str, NDArray[Any]]) -> None:
    n = len(trades["side"])
    names = ", ".join(["backtest_job_id", "created_at", *trades])
    row = f"({int(job_id)}, '{now():%Y-%m-%d %H:%M:%S.%f}', {', '.join('?' * len(trades))})"
    for rows, start, end in ((_ROWS, 0, n // _ROWS * _ROWS), (1, n // _ROWS * _ROWS, n)):
        values = _row_by_row(trades, start, end)
        groups = zip(*[values] * (rows * len(trades)), strict=True)  # the same iterator: all values of a statement
        driver.executemany(f"INSERT INTO trades ({names}) VALUES {', '.join([row] * rows)}", groups)


def _row_by_row(trades: Mapping[str, NDArray[Any]], start: int, end: int) -> Iterator[Any]:
    """Return the values of these rows one after another; only a few thousand rows are Python objects at a time."""
    blocks = (slice(at, min(at + _CHUNK, end)) for at in range(start, end, _CHUNK))
    columns = ((_sqlite_values(array[block]) for array in trades.values()) for block in blocks)
    return chain.from_iterable(chain.from_iterable(zip(*block, strict=True)) for block in columns)


def _sqlite_values(array: NDArray[Any]) -> list[Any]:
    import pyarrow as pa

    if array.dtype.kind == "M":  # as SQLAlchemy writes times: 2024-01-02 03:04:05.000000
        return list(pa.array(array).cast(pa.string()).to_pylist())
    return list(array.tolist())  # SQLite takes NaN as NULL


def _write_postgres(driver: Any, job_id: int, trades: Mapping[str, NDArray[Any]]) -> None:
    n = len(trades["side"])
    names = ", ".join(["backtest_job_id", "created_at", *trades])
    created = np.datetime64(now().replace(tzinfo=None), "us")
    columns = [np.full(n, job_id, dtype=np.int32), np.full(n, created), *trades.values()]
    with driver.cursor() as cursor, cursor.copy(f"COPY trades ({names}) FROM STDIN (FORMAT binary)") as copy:
        for part in encode(columns):
            copy.write(part)


def _read_sqlite(driver: Any, job_id: int) -> Iterator[dict[str, Any]]:
    span = "SELECT count(*), min(id), max(id) FROM trades WHERE backtest_job_id = ?"
    count, first, last = driver.execute(span, (job_id,)).fetchone()
    # a job's trades were mostly written together: a scan from the first to the last needs no look-up for each row
    together = count and last - first < _SPARSE * count
    mine = "id BETWEEN ? AND ? AND +backtest_job_id = ?" if together else "backtest_job_id = ?"
    query = f"SELECT {', '.join(COLUMNS)} FROM trades WHERE {mine} ORDER BY id"
    cursor = driver.execute(query, (first, last, job_id) if together else (job_id,))
    while True:  # a few thousand rows at a time stay in the cache, and the collector never sees a million tuples
        values = list(chain.from_iterable(islice(cursor, _CHUNK)))
        yield {name: _from_sqlite(name, values[i :: len(COLUMNS)]) for i, name in enumerate(COLUMNS)}
        if len(values) < _CHUNK * len(COLUMNS):
            return


def _from_sqlite(name: str, values: list[Any]) -> Any:
    import pyarrow as pa

    if name in NUMBERS:
        return np.fromiter(values, dtype=np.float64, count=len(values))  # None is NaN
    if name in TEXTS:
        return pa.array(values, pa.large_string())
    try:
        return pa.array(values, pa.string()).cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # written by others, in another form
        return np.array(values, dtype="datetime64[us]")


def _read_postgres(driver: Any, job_id: int) -> Iterator[dict[str, Any]]:
    with driver.cursor(binary=True) as cursor:
        cursor.execute(packed_query(KINDS, "trades", f"backtest_job_id = {job_id}"))
        for row in cursor.fetchall() or [[None] * (len(KINDS) + len(TEXTS))]:
            yield unpack(row, KINDS)


def _column(name: str, values: TradeColumn) -> NDArray[Any]:
    if name in TIMES:
        array = _times(name, values)
        gaps = np.isnat(array)
    elif name in TEXTS:
        return _texts(name, values)
    else:
        array = np.asarray(values, dtype=np.float64)
        if np.isinf(array).any():
            raise StoreError(f"{name} of trade {int(np.argmax(np.isinf(array)))} is infinite; it must be a number.")
        gaps = np.isnan(array)
    if name in REQUIRED and gaps.any():
        raise StoreError(f"{name} of trade {int(np.argmax(gaps))} is missing; every trade needs one.")
    return array


def _times(name: str, values: TradeColumn) -> NDArray[np.datetime64]:
    array = np.asarray(values)
    if array.dtype.kind == "i":
        array = array.astype(np.int64).view("datetime64[ns]")
    elif array.dtype.kind != "M":
        array = np.array([_moment(name, value) for value in array.tolist()], dtype="datetime64[us]")
    return array.astype("datetime64[us]")


def _moment(name: str, value: Any) -> np.datetime64:
    if value is None or type(value).__name__ == "NaTType":
        return np.datetime64("NaT")
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise StoreError(f"{name} needs times with their zone; {value!r} has none.")
    return np.datetime64(value.astimezone(UTC).replace(tzinfo=None), "us")


def _texts(name: str, values: TradeColumn) -> NDArray[Any]:
    array = np.asarray(values, dtype=object)
    words = {word: None if word is None else clean_text(str(word)) for word in set(array.tolist())}
    for word in words.values():
        if name == "side" and word not in SIDES:
            raise StoreError(f"side={word!r} is not one of its words. {did_you_mean(str(word), SIDES)}")
        if word is not None and len(word) > TEXTS[name]:
            raise StoreError(f"{name} has {len(word)} characters, at most {TEXTS[name]} are allowed: {word[:40]!r}….")
    return np.array([words[word] for word in array.tolist()], dtype=object)
