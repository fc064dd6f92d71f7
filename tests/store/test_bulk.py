"""Trades in bulk: exactly what was given comes back, quickly, and what cannot be stored is refused before."""

import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sqlmodel import select

from research_kit.errors import StoreError
from research_kit.store.bulk import COLUMNS, TEXTS, TIMES, read_trades, trade_columns, write_trades
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


@pytest.mark.parametrize("n", [0, 1, 5_000, 5_001])
def test_the_frame_has_its_types_at_any_length(database, make, n):
    frame = read(database, write(database, make.trades(n), make))
    assert len(frame) == n
    assert {str(frame[name].dtype) for name in TIMES} == {"datetime64[us, UTC]"}
    assert {str(frame[name].dtype) for name in TEXTS} == {"str"}
    assert {str(frame[name].dtype) for name in set(COLUMNS) - {*TIMES, *TEXTS}} == {"float64"}
    assert frame.entry_time.is_monotonic_increasing


numbers = st.floats(allow_infinity=False)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.integers(1, 6))
def test_every_number_and_text_comes_back_exactly(database, make, data, n):
    def draw(kind, **more):
        return data.draw(arrays(kind, n, **more))

    trades = {name: draw(np.float64, elements=numbers) for name in COLUMNS if name not in {*TIMES, *TEXTS}}
    for name in ("entry_price", "quantity"):
        trades[name] = draw(np.float64, elements=st.floats(0, 1e300))
    trades["holding_time_minutes"] = np.abs(trades["holding_time_minutes"])
    times = st.integers(-(10**15), 4 * 10**15).map(lambda us: np.datetime64(us, "us"))
    trades |= {name: np.array([data.draw(times) for _ in range(n)]) for name in TIMES}
    words = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=100)
    trades["entry_signal"] = [data.draw(words | st.none()) for _ in range(n)]
    trades["side"] = data.draw(st.lists(st.sampled_from(["long", "short"]), min_size=n, max_size=n))
    frame = read(database, write(database, trades, make))
    for name in TIMES:
        assert frame[name].dt.tz_localize(None).to_numpy().tolist() == trades[name].tolist()
    for name in set(trades) - {*TIMES, *TEXTS}:
        np.testing.assert_array_equal(frame[name].to_numpy(), trades[name])
    assert [None if pd.isna(word) else word for word in frame.entry_signal] == trades["entry_signal"]
    assert frame.side.tolist() == trades["side"]


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
