"""Copies of a database: SQLite to PostgreSQL and back, every row the same, or nothing at all."""

from datetime import UTC, datetime

import numpy as np
import pytest
import sqlalchemy as sa
from legacy_backend import GOOD, ODD, ONLY_SQLITE, backend_rows, make_backend
from sqlmodel import select

from research_kit.errors import StoreError
from research_kit.store import copying, schema
from research_kit.store.database import Database
from research_kit.store.datasets import add_dataset
from research_kit.store.holdouts import lock_name
from research_kit.store.jobs import claim_job, complete_job, create_job, delete_job
from research_kit.store.marks import tag_backtest
from research_kit.store.strategies import save_strategy
from research_kit.store.sweeps import create_sweep, record_sets
from research_kit.store.tables import BacktestJob, Dataset, NotebookRun, Table, Trade
from research_kit.store.verdicts import NewVerdict, record_verdict


@pytest.fixture
def other_url(backend, tmp_path, request):
    """Return the URL of an empty database of the other kind."""
    if backend == "postgres":
        return f"sqlite:///{tmp_path / 'other.db'}"
    return request.getfixturevalue("postgres").empty()


@pytest.fixture
def filled(database, make):
    """Return a database with rows in every table, of every kind of value."""
    first = add_dataset(database, make.dataset("ä 'quoted' 1"))
    second = add_dataset(database, make.dataset("derived", "e" * 64, parents=[first.id]))
    lock_name(database, second.name, datetime(2024, 6, 1, 12, 30, 0, 123_456, tzinfo=UTC))
    strategy = save_strategy(database, make.strategy(description="line\n\tline \\ 💹 \\N"))
    for i in range(3):
        job = create_job(database, make.job(str(i) * 64, dataset_id=first.id, strategy_id=strategy.id))
        token = claim_job(database, job, "worker")
        complete_job(database, job, token, make.outcome(4, trial=make.trial(str(i) * 64, metrics={"a": 1e308})))
    sweep = create_sweep(database, make.sweep(dataset_id=first.id), make.hashes(20))
    record_sets(database, sweep, make.batch(20))
    with database.write() as session:
        session.add(NotebookRun(notebook="a.ipynb", parameters={"x": [1, None, "é"]}))
        session.add(Trade(backtest_job_id=1, entry_time=first.created_at, entry_price=-0.0, quantity=0.1, side="long"))
    verdict = {"kind": "verify", "source_sha256": "b" * 64, "dataset_sha256": "a" * 64, "engine_version": "2"}
    record_verdict(database, NewVerdict(**verdict, outcome="same", summary="Ä.", backtest_id=1, details={"x": [1.5]}))
    tag_backtest(database, 1, ["ä", "b"])
    delete_job(database, job)
    return database


def hashes(database):
    with database.read() as session:
        connection = session.connection()
        return {t.name: copying.hash_rows(connection, t).sha256 for t in copying.tables_of(connection)}


def counts(database):
    with database.read() as session:
        return {
            name: session.scalar(sa.select(sa.func.count()).select_from(table))
            for name, table in Table.metadata.tables.items()
        }


@pytest.mark.postgres
def test_there_and_back(filled, other_url, backend, tmp_path, request):
    before = hashes(filled)
    copied = filled.copy_to(other_url)
    assert {one.table: one.sha256 for one in copied} == before
    assert {one.table: one.rows for one in copied} == counts(filled)
    assert all(rows > 0 for rows in counts(filled).values())
    back_url = tmp_path / "back.db" if backend == "sqlite" else request.getfixturevalue("postgres").empty()
    with Database.open(other_url) as other:
        assert other.check() == []
        assert hashes(other) == before
        other.copy_to(back_url)
    with Database.open(back_url) as back:
        assert back.check() == []
        assert hashes(back) == before


@pytest.mark.postgres
def test_values_are_the_same_row_by_row(filled, other_url):
    filled.copy_to(other_url)

    def values(database):
        with database.read() as session:
            return {
                name: session.execute(sa.select(table).order_by(*table.primary_key)).all()
                for name, table in Table.metadata.tables.items()
            }

    with Database.open(other_url) as other:
        assert values(other) == values(filled)


@pytest.mark.postgres
def test_ids_go_on_where_they_were(filled, other_url):
    with filled.read() as session:
        newest = session.exec(select(sa.func.max(Trade.id))).one()
    filled.copy_to(other_url)
    with Database.open(other_url) as other, other.write() as session:
        job = BacktestJob(strategy="next")
        trade = Trade(backtest_job_id=1, entry_time=job.created_at, entry_price=1, quantity=1, side="long")
        session.add_all([job, trade])
        session.flush()
        assert job.id == 4  # that of the job that was deleted stays taken
        assert trade.id == newest + 1
        session.add(Dataset(name="next", file_path=""))
        session.flush()
        assert session.exec(select(sa.func.max(Dataset.id))).one() == 3


@pytest.mark.postgres
def test_a_target_with_rows_is_refused(filled, other_url, make):
    with Database.open(other_url) as other:
        add_dataset(other, make.dataset("kept"))
        with pytest.raises(StoreError, match=r"is not empty \(datasets\); a copy goes to an empty database only"):
            filled.copy_to(other_url)
        assert counts(other)["datasets"] == 1
        assert counts(other)["trades"] == 0


def test_a_database_is_not_copied_to_itself(filled):
    with pytest.raises(StoreError, match="cannot be copied to itself"):
        filled.copy_to(filled.url)


@pytest.mark.postgres
def test_a_difference_is_an_error_and_leaves_the_target_empty(filled, other_url, monkeypatch):
    insert = copying.insert_rows

    def careless(connection, table, names, rows):
        rows = [list(row) for row in rows]
        if table == "trades":
            rows[0][names.index("pnl")] = 1.5
        insert(connection, table, names, rows)

    monkeypatch.setattr(copying, "insert_rows", careless)
    with pytest.raises(StoreError, match=r"The table trades arrived in .* nothing was copied"):
        filled.copy_to(other_url)
    with Database.open(other_url) as other:
        assert set(counts(other).values()) == {0}


@pytest.mark.postgres
def test_many_rows_come_in_batches(database, make, other_url, monkeypatch):
    monkeypatch.setattr(copying, "BATCH", 64)
    sizes = []
    insert = copying.insert_rows

    def counted(connection, table, names, rows):
        sizes.append(len(rows))
        insert(connection, table, names, rows)

    monkeypatch.setattr(copying, "insert_rows", counted)
    job = create_job(database, make.job())
    complete_job(database, job, claim_job(database, job, "worker"), make.outcome(1000))
    copied = {one.table: one for one in database.copy_to(other_url)}
    assert copied["trades"].rows == 1000
    assert max(sizes) <= 64


@pytest.mark.postgres
def test_what_was_kept_of_the_backend_goes_along_and_can_be_given_back(empty_url, other_url, backend):
    make_backend(empty_url, GOOD, ODD, *([ONLY_SQLITE] if backend == "sqlite" else []))
    with Database.at(empty_url) as database:
        database.upgrade()
    with Database.open(empty_url) as database:
        assert "legacy_values" in {one.table for one in database.copy_to(other_url)}
        before = hashes(database)
    with Database.open(other_url) as other:
        assert hashes(other) == before
    if backend == "postgres":  # what only SQLite takes cannot go back to what it was in PostgreSQL
        engine = sa.create_engine(other_url)
        with engine.begin() as connection:
            schema.downgrade(connection)
        engine.dispose()
        assert set(backend_rows(other_url)["backtest_jobs"]) == {1, 2, 3, 4, 5, 6, 7, 8}


def test_a_hash_depends_on_every_value(sqlite_database, make):
    job = create_job(sqlite_database, make.job())
    complete_job(sqlite_database, job, claim_job(sqlite_database, job, "worker"), make.outcome(2))
    seen = {hashes(sqlite_database)["trades"]}
    for change in (
        "pnl = pnl + 1e-9",
        "exit_signal = NULL",
        "entry_time = '2024-01-01 00:00:00.000001'",
        "id = id + 5",
    ):
        with sqlite_database.write() as session:
            session.execute(sa.text(f"UPDATE trades SET {change} WHERE id = (SELECT max(id) FROM trades)"))
        seen.add(hashes(sqlite_database)["trades"])
    assert len(seen) == 5
    assert np.unique(list(hashes(sqlite_database).values())).size > 3
