"""The backend's database: recognised, left alone until asked, adopted without losing a row, given back as it was."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from legacy_backend import GOOD, ODD, ONLY_SQLITE, assert_same_rows, backend_rows, backend_tables, make_backend, same
from sqlmodel import select

from research_kit.errors import SchemaVersionError, StoreError
from research_kit.store import schema
from research_kit.store.database import Database
from research_kit.store.legacy.originals import load_original
from research_kit.store.legacy.shape import KEPT
from research_kit.store.listings import backtests_table, datasets_table, job_metrics, job_trades, jobs_table
from research_kit.store.tables import BacktestJob, BacktestMetrics, Dataset, StrategyRow, Table, Trade


@pytest.fixture
def odd(empty_url, backend):
    """Return the URL of a backend's database with everything that can be odd in it."""
    make_backend(empty_url, GOOD, ODD, *([ONLY_SQLITE] if backend == "sqlite" else []))
    return empty_url


def adopt(url):
    with Database.at(url) as database:
        return database.upgrade()


def kept_values(database):
    with database.read() as session:
        rows = session.execute(sa.select(KEPT)).all()
    return {(row.table_name, row.row_id, row.column_name): load_original(row.original) for row in rows}


def test_a_backends_database_is_refused_with_the_way_on_and_left_as_it_is(odd, backend, tmp_path):
    before = backend_rows(odd)
    content = (tmp_path / "research.db").read_bytes() if backend == "sqlite" else b""
    with pytest.raises(SchemaVersionError, match="`research-kit db upgrade` adopts it") as caught:
        Database.open(odd)
    assert "\n" not in str(caught.value)
    with Database.at(odd) as database:
        assert database.check()[0] == str(caught.value)
    assert backend_rows(odd) == before
    if backend == "sqlite":
        assert (tmp_path / "research.db").read_bytes() == content
        assert [path.name for path in tmp_path.iterdir()] == ["research.db"]


def test_check_says_what_is_odd(odd, backend):
    with Database.at(odd) as database:
        said = "\n".join(database.check())
    for words in (
        "backtest_jobs.status is not one of pending, running, completed, failed, cancelled: 3 rows (row 4: 'weird'",
        "backtest_jobs.progress is not between 0 and 1: 2 rows (row 4: 1.7, row 7: -0.5)",
        "backtest_jobs lacks",
        "99 (trades 10 names it, but it was not there)",
        "datasets lacks 1 row that others need: 42 (backtests 2 names it, but it was not there)",
        "backtest_metrics.win_rate is not between 0 and 1: 1 row (row 2: 55.0)",
        "backtest_jobs.result_data holds NaN or infinity: 1 row (row 6:",
        "trades.quantity is negative: 1 row (row 11: -4.0)",
    ):
        assert words in said
    if backend == "sqlite":
        assert "datasets.quality_checks holds NaN or infinity" in said
        assert "trades.entry_time is no time: 1 row (row 20: 'bad')" in said


def test_every_value_of_every_row_is_there_or_kept(odd):
    before = backend_rows(odd)
    adopt(odd)
    after = backend_rows(odd)
    with Database.open(odd) as database:
        assert database.check() == []
        kept = kept_values(database)
    changed = set()
    for table, rows in before.items():
        for row_id, row in rows.items():
            for column, value in row.items():
                if (table, row_id, column) in kept:
                    assert same(value, kept[table, row_id, column]), (table, row_id, column)
                    changed.add((table, row_id, column))
                else:
                    assert same(value, after[table][row_id][column]), (table, row_id, column)
    placeholders = {(table, row_id) for table, row_id, column in kept if column == "id"}
    assert placeholders == {(t, i) for t, rows in after.items() for i in rows if i not in before[t]}
    rest = {key for key in kept if key[2] not in ("", "id")} - changed
    assert rest == set()


def test_nothing_is_kept_of_a_database_without_faults(empty_url):
    make_backend(empty_url, GOOD)
    with Database.at(empty_url) as database:
        assert len(database.check()) == 1
        assert database.upgrade().changes.total() == 0
        assert {column for _, _, column in kept_values(database)} == {""}


def test_an_adopted_file_is_set_up_as_any_other(tmp_path):
    url = f"sqlite:///{tmp_path / 'research.db'}"
    make_backend(url, GOOD)
    with Database.at(url) as database:
        database.upgrade()
        with database.read() as session:
            assert session.scalar(sa.text("PRAGMA journal_mode")) == "wal"


def test_text_among_the_numbers_takes_no_id_from_others(tmp_path):
    url = f"sqlite:///{tmp_path / 'research.db'}"
    lost = [{"entry_time": "2024-01-01 00:00:00.000000", "entry_price": 1.0, "quantity": 1.0, "side": "long"}] * 3
    named = [
        {"id": i, "backtest_job_id": job, **row}
        for i, (job, row) in enumerate(zip(["abc", None, 4], lost, strict=True), 50)
    ]
    make_backend(url, GOOD, {"trades": named})
    adopt(url)
    with Database.open(url) as database, database.read() as session:
        jobs = {row.id: row.backtest_job_id for row in session.exec(select(Trade).where(Trade.id >= 50))}
    assert jobs == {50: 5, 51: 5, 52: 4}


def test_what_became_of_odd_values(odd):
    adopt(odd)
    with Database.open(odd) as database, database.read() as session:
        jobs = {job.id: job for job in session.exec(select(BacktestJob))}
        assert (jobs[4].status, jobs[4].progress, jobs[4].strategy) == ("failed", 1.0, "(no name) 4")
        assert jobs[4].error_message == "The backend left this job in the state 'weird'."
        assert jobs[4].created_at == jobs[4].started_at == datetime(2024, 3, 1, 10, tzinfo=UTC)
        assert (jobs[5].status, jobs[5].total_steps, jobs[5].error_message) == ("failed", None, "kept")
        assert (jobs[6].status, jobs[6].progress) == ("completed", 1.0)
        assert jobs[6].result_data == '{"sharpe": null, "best": null}'
        assert (jobs[7].status, jobs[7].progress, jobs[7].strategy_params) == ("cancelled", 0.0, None)
        assert jobs[7].engine_options == {"commission": 0.1}
        assert [jobs[i].status for i in (1, 2, 3)] == ["completed", "running", "pending"]
        assert [jobs[i].dataset_id for i in (1, 2)] == [1, None]
        metrics = {row.id: row for row in session.exec(select(BacktestMetrics))}
        assert metrics[2].win_rate is metrics[2].volatility is metrics[2].profit_factor is None
        assert metrics[2].reasons["win_rate"] == "the backend stored 55.0: is not between 0 and 1"
        trades = {row.id: row for row in session.exec(select(Trade))}
        assert [trades[i].side for i in (10, 11, 12)] == ["long", "short", "long"]
        assert trades[11].quantity == 4.0
        strategy = session.get(StrategyRow, 7)
        assert (strategy.name, strategy.total_backtests, strategy.is_active) == ("(no name) 7", 0, True)


def test_orphans_have_a_parent_that_says_so(odd):
    adopt(odd)
    with Database.open(odd) as database, database.read() as session:
        trades = {row.id: row.backtest_job_id for row in session.exec(select(Trade))}
        assert trades[10] == trades[11] == 99
        assert session.get(BacktestJob, 99).status == "failed"
        assert "trades 10 names it, but it was not there" in session.get(BacktestJob, 99).error_message
        nameless = session.get(BacktestJob, trades[12])
        assert nameless.id > 99
        assert "perhaps others should name" in nameless.error_message
        metrics = [session.get(BacktestMetrics, i).backtest_job_id for i in (2, 3, 4)]
        assert metrics[0] == 77
        assert len(set(metrics)) == 3
        dataset = session.get(Dataset, 42)
        assert dataset.name == "(missing dataset 42)"
        assert "backtests 2 names it" in dataset.quality_checks["adopted"]


def test_a_second_row_of_metrics_gets_a_job_of_its_own(empty_url):
    twice = {"backtest_metrics": [{"id": i, "backtest_job_id": 1, "sharpe_ratio": i / 2} for i in (2, 3)]}
    make_backend(empty_url, GOOD, twice, unique_metrics=False)
    adopt(empty_url)
    with Database.open(empty_url) as database:
        assert job_metrics(database, 1).values["sharpe_ratio"] == 1.25
        kept = kept_values(database)
        assert kept["backtest_metrics", 2, "backtest_job_id"] == kept["backtest_metrics", 3, "backtest_job_id"] == 1
        with database.read() as session:
            others = [session.get(BacktestMetrics, i).backtest_job_id for i in (2, 3)]
            assert "had more than one row" in session.get(BacktestJob, others[0]).error_message
        assert len({1, *others}) == 3


def test_it_is_shown_in_listings(odd):
    adopt(odd)
    with Database.open(odd) as database:
        jobs, runs, datasets = jobs_table(database), backtests_table(database), datasets_table(database)
        assert {1, 4, 99} <= set(jobs.id)
        assert jobs.set_index("id").dataset[1] == "SPY"
        assert runs.set_index("id").dataset[2] == "(missing dataset 42)"
        assert datasets.set_index("id").version[[1, 2]].tolist() == [1, 2]
        assert len(job_trades(database, 99)) == 2
        assert str(jobs.created_at.dtype) == "datetime64[us, UTC]"


def test_new_rows_get_ids_behind_those_of_the_backend(odd):
    adopt(odd)
    with Database.open(odd) as database:
        with database.write() as session:
            highest = session.scalar(sa.select(sa.func.max(BacktestJob.id)))
            job = BacktestJob(strategy="new")
            session.add(job)
            session.flush()
            session.add(
                Trade(backtest_job_id=job.id, entry_time=job.created_at, entry_price=1, quantity=1, side="long")
            )
        assert job.id == highest + 1


def engine_of(url):
    return sa.create_engine(url)


def shape(url):
    engine = engine_of(url)
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        found = {
            name: (
                [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(name)],
                sorted((i["name"], tuple(i["column_names"]), bool(i["unique"])) for i in inspector.get_indexes(name)),
                inspector.get_pk_constraint(name)["constrained_columns"],
            )
            for name in inspector.get_table_names()
            if name != "sqlite_sequence"
        }
    engine.dispose()
    return found


def test_downgrade_gives_the_old_shape_and_the_old_values_back(odd):
    before, looked = backend_rows(odd), shape(odd)
    adopt(odd)
    with Database.open(odd) as database, database.write() as session:
        session.add(BacktestJob(strategy="added later"))
    engine = engine_of(odd)
    with engine.begin() as connection:
        schema.downgrade(connection)
    engine.dispose()
    after = backend_rows(odd)
    assert shape(odd) == looked
    [later] = [row for row in after["backtest_jobs"].values() if row["strategy"] == "added later"]
    del after["backtest_jobs"][later["id"]]
    assert_same_rows(before, after)
    adopt(odd)
    with Database.open(odd) as database:
        assert database.check() == []


def test_downgrade_refuses_while_somebody_works_in_it(odd):
    adopt(odd)
    with Database.open(odd) as database:
        with database.write() as session:
            session.add(BacktestJob(strategy="mine", status="running", lease_token="a" * 32, attempt=1))
        with pytest.raises(StoreError, match="1 backtest jobs are running; wait for their end, or cancel them"):
            database.downgrade()
        assert database.check() == []


@pytest.mark.parametrize("step", ["keep_rows", "restore"])
def test_a_downgrade_that_fails_changes_nothing(odd, monkeypatch, step):
    def fail(*_):
        raise StoreError("no")

    adopt(odd)
    with Database.open(odd) as database:
        jobs, looked = jobs_table(database), shape(odd)
        monkeypatch.setattr(schema, step, fail)
        with pytest.raises(StoreError, match="no"):
            database.downgrade()
        assert shape(odd) == looked
        assert jobs_table(database).equals(jobs)
        assert database.check() == []


def test_downgrade_keeps_a_copy_of_the_adopted_file(tmp_path):
    url = f"sqlite:///{tmp_path / 'research.db'}"
    make_backend(url, GOOD, ODD, ONLY_SQLITE)
    before, looked = backend_rows(url), shape(url)
    adopt(url)
    with Database.at(url) as database:
        assert database.only_ours() == {}  # the backend has a table for each row that there is
        backup = database.downgrade()
    assert backup.name.startswith("research.db.backup-adopted-")
    assert shape(url) == looked
    assert_same_rows(before, backend_rows(url))
    with Database.open(backup) as adopted:
        assert adopted.check() == []


def test_columns_that_we_do_not_have_are_kept_and_come_back(empty_url):
    added = ["ALTER TABLE backtest_jobs ADD COLUMN owner VARCHAR(20)", "UPDATE backtest_jobs SET owner = 'ann'"]
    make_backend(empty_url, GOOD, further=added)
    looked = shape(empty_url)
    adopt(empty_url)
    with Database.open(empty_url) as database:
        assert database.check() == []
        assert kept_values(database)["backtest_jobs", 2, "owner"] == "ann"
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        schema.downgrade(connection)
    engine.dispose()
    assert shape(empty_url) == looked
    assert {row["owner"] for row in backend_rows(empty_url)["backtest_jobs"].values()} == {"ann"}


def test_a_sqlite_file_is_backed_up_before(tmp_path):
    url = f"sqlite:///{tmp_path / 'research.db'}"
    make_backend(url, GOOD, ODD, ONLY_SQLITE)
    before = backend_rows(url)
    backup = adopt(url).backup
    assert backup.name.startswith("research.db.backup-legacy-")
    assert backend_rows(f"sqlite:///{backup}") == before
    assert adopt(url) == (None, None)


@pytest.mark.parametrize("broken", ["_write", "_link_jobs"])
def test_an_adoption_that_fails_changes_nothing(odd, monkeypatch, broken):
    def fail(*_):
        raise StoreError("no")

    before, looked = backend_rows(odd), shape(odd)
    monkeypatch.setattr(f"research_kit.store.legacy.adopt.{broken}", fail)
    with pytest.raises(StoreError, match="no"):
        adopt(odd)
    assert backend_rows(odd) == before
    assert shape(odd) == looked
    monkeypatch.undo()
    adopt(odd)


def test_tables_that_are_only_alike_are_another_programs(empty_url):
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        backend_tables().create_all(connection)
        connection.execute(sa.text("ALTER TABLE trades DROP COLUMN pnl"))
    engine.dispose()
    with pytest.raises(SchemaVersionError, match="another program made them"):
        Database.open(empty_url)
    with pytest.raises(SchemaVersionError, match="another program made them"):
        adopt(empty_url)


def test_the_page_and_our_tables_have_the_same_columns():
    for name, table in backend_tables().tables.items():
        assert set(table.columns.keys()) <= set(Table.metadata.tables[name].columns.keys())
