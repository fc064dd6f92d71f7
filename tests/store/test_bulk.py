"""Trades in bulk: exactly what was given comes back, quickly, and what cannot be stored is refused before."""

import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from research_kit.errors import StoreError
from research_kit.store.bulk import (
    COLUMNS,
    NUMBERS,
    REQUIRED,
    TEXTS,
    TIMES,
    read_trades,
    trade_columns,
    write_trades,
)
from research_kit.store.jobs import create_job
from research_kit.store.tables import Trade


def write(database, trades, make):
    job_id = create_job(database, make.job())
    with database.write() as session:
        write_trades(session, job_id, trade_columns(trades))
    return job_id


def read(database, job_id):
    with database.read() as session:
        return read_trades(session, job_id)


def test_a_trade_by_hand(database, make):
    trades = {
        "entry_time": [datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC)],
        "exit_time": [pd.Timestamp("2024-01-02 22:00", tz="America/New_York"), None],
        "entry_price": [0.1, 1e308],
        "exit_price": [0.2, np.nan],
        "quantity": [1, 2],
        "side": ["long", "short"],
        "entry_signal": ['a "quoted", label\nof two lines\\', "ünïcode💹"],
        "exit_signal": ["", None],
    }
    job_id = write(database, trades, make)
    with database.read() as session:
        first, second = session.exec(select(Trade).order_by(Trade.id)).all()
    assert first.entry_time == trades["entry_time"][0]
    assert first.exit_time == datetime(2024, 1, 3, 3, tzinfo=UTC)
    assert (first.entry_price, first.exit_price, first.quantity, first.side) == (0.1, 0.2, 1.0, "long")
    assert (first.entry_signal, first.exit_signal) == (trades["entry_signal"][0], "")
    assert (second.exit_time, second.exit_price, second.pnl, second.exit_signal) == (None, None, None, None)
    assert (second.entry_price, second.entry_signal) == (1e308, trades["entry_signal"][1])
    assert first.created_at.tzinfo is UTC
    frame = read(database, job_id)
    assert list(frame.columns) == list(COLUMNS)
    assert frame.entry_time.tolist() == trades["entry_time"]
    assert frame.exit_time.isna().tolist() == [False, True]
    assert frame.entry_signal.tolist() == trades["entry_signal"]
    assert frame.exit_signal.isna().tolist() == [False, True]


@pytest.mark.parametrize("n", [0, 1, 49, 50, 51, 5_000, 5_001])  # around what a statement and a block take
def test_the_frame_has_its_types_at_any_length(database, make, n):
    frame = read(database, write(database, make.trades(n), make))
    assert len(frame) == n
    assert {str(frame[name].dtype) for name in TIMES} == {"datetime64[us, UTC]"}
    assert {str(frame[name].dtype) for name in TEXTS} == {"str"}
    assert {str(frame[name].dtype) for name in set(COLUMNS) - {*TIMES, *TEXTS}} == {"float64"}
    assert frame.entry_time.is_monotonic_increasing


FAR = (np.datetime64("1677-09-22", "us"), np.datetime64("2262-04-11", "us"))  # what nanoseconds of bars reach
SPECIAL = (np.nan, 0.0, -0.0, 5e-324, -1.7976931348623157e308, 1.7976931348623157e308, 0.1 + 0.2, 2.0**53 + 1)
numbers = st.sampled_from(SPECIAL) | st.floats(allow_infinity=False)
words = st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=100)
times = st.integers(*(int(time.astype(np.int64)) for time in FAR)).map(lambda us: np.datetime64(us, "us"))


@st.composite
def random_trades(draw):
    rows = draw(st.integers(1, 6))

    def column(values, kind):
        found = np.empty(rows, dtype=kind)
        found[:] = draw(st.lists(values, min_size=rows, max_size=rows))
        return found

    trades = {name: column(numbers, np.float64) for name in NUMBERS}
    trades |= {name: column(st.floats(0, 1e300), np.float64) for name in ("entry_price", "quantity")}
    trades["holding_time_minutes"] = np.abs(trades["holding_time_minutes"])
    trades["entry_time"] = column(times, "M8[us]")
    trades["exit_time"] = column(times | st.just(np.datetime64("NaT", "us")), "M8[us]")
    trades |= {name: column(words, object) for name in ("entry_signal", "exit_signal")}
    trades["side"] = column(st.sampled_from(["long", "short"]), object)
    absent = draw(st.sets(st.sampled_from(sorted(set(COLUMNS) - set(REQUIRED)))))
    return {name: trades[name] for name in COLUMNS if name not in absent}


def assert_same(frame, trades):
    """Assert that every value of the frame is that of the trades (-0.0 may be 0.0), NULL where there is none."""
    for name in COLUMNS:
        if name in TIMES:
            found = frame[name].dt.tz_localize(None).to_numpy().astype(np.int64)
            wanted = trades.get(name, np.full(len(frame), "NaT", "M8[us]")).astype(np.int64)
            assert found.tolist() == wanted.tolist()
        elif name in TEXTS:
            found = [None if pd.isna(word) else word for word in frame[name]]
            assert found == list(trades.get(name, [None] * len(frame)))
        else:
            np.testing.assert_array_equal(frame[name], trades.get(name, np.full(len(frame), np.nan)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random_trades())
def test_what_is_read_is_what_was_written(database, make, trades):
    assert_same(read(database, write(database, trades, make)), trades)


def test_order_and_values_hold_over_many_blocks(database, make):
    n = 55_001  # more than the server joins at a time
    trades = make.trades(n) | {"entry_time": np.random.default_rng(7).permutation(n).astype("M8[us]")}
    trades["exit_signal"] = np.array([None if i % 3 else f"stop {i} ünïcode💹" for i in range(n)], dtype=object)
    trades["pnl"][::7] = np.nan
    job_id, other = (create_job(database, make.job()) for _ in range(2))
    columns = trade_columns(trades)
    for start in range(0, n, 20_001):  # those of another job stand in between
        with database.write() as session:
            write_trades(session, job_id, {name: values[start : start + 20_001] for name, values in columns.items()})
            write_trades(session, other, trade_columns(make.trades(10)))
    assert_same(read(database, job_id), columns)


def test_times_that_others_wrote_in_another_form_are_read(sqlite_database, make):
    job_id = write(sqlite_database, make.trades(3), make)
    with sqlite_database.write() as session:
        change = "UPDATE trades SET entry_time = '2024-01-02T03:04', exit_time = NULL WHERE id = 2"
        session.connection().exec_driver_sql(change)
    frame = read(sqlite_database, job_id)
    assert frame.entry_time[1] == datetime(2024, 1, 2, 3, 4, tzinfo=UTC)
    assert frame.exit_time.isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pn": [1.0]}, r"no column 'pn'\. Did you mean 'pnl'"),
        ({"pnl": [1.0]}, "differ in length"),
        ({"pnl": [1.0, np.inf]}, "pnl of trade 1 is infinite"),
        ({"entry_price": [np.nan, 1.0]}, "entry_price of trade 0 is missing"),
        ({"entry_time": [None, datetime(2024, 1, 1, tzinfo=UTC)]}, "entry_time of trade 0 is missing"),
        ({"entry_time": [datetime(2024, 1, 1)] * 2}, "needs times with their zone"),
        ({"side": ["long", "shrt"]}, r"side='shrt' is not one of its words\. Did you mean 'short'"),
        ({"exit_signal": ["x" * 101, ""]}, "exit_signal has 101 characters"),
    ],
)
def test_what_cannot_be_stored_is_refused(make, change, message):
    with pytest.raises(StoreError, match=message):
        trade_columns(make.trades(2) | change)


def test_trades_need_their_columns():
    with pytest.raises(StoreError, match="need the columns entry_time, quantity, side"):
        trade_columns({"entry_price": [1.0]})


def test_what_the_database_refuses_is_said_in_a_sentence(database, make):
    with pytest.raises(StoreError, match="refused a row"):
        write(database, make.trades(2) | {"quantity": [1.0, -1.0]}, make)
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Trade)) == 0


@pytest.mark.slow
def test_a_hundred_thousand_trades_are_quick(database, make, record_property):
    n = 100_000
    trades = trade_columns(make.trades(n))
    job_id = create_job(database, make.job())
    start = time.process_time()
    with database.write() as session:
        write_trades(session, job_id, trades)
    written = time.process_time()
    frame = read(database, job_id)
    done = time.process_time()
    record_property("rows written a second", n / (written - start))
    record_property("rows read a second", n / (done - written))
    assert len(frame) == n
    assert written - start < 5  # far above what it takes, far below what a model for each row would
    assert done - written < 5
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Trade)) == n
