"""Long lists: a page at a time, along an index, in one statement; on both databases."""

import re

import pytest
import sqlalchemy as sa

from research_kit.errors import OptionError
from research_kit.store import listings
from research_kit.store.bulk import KINDS
from research_kit.store.database import Database
from research_kit.store.listings import backtests_table, job_trades, jobs_table, sweeps_table, trials_table
from research_kit.store.postgres_columns import packed_query
from research_kit.store.wanted import Threshold, Wanted

JOBS = 100_000
PENDING = 10_000
TRADES = 200_000

ROWS = """
INSERT INTO datasets (id, name, file_path, backtest_count, created_at)
 SELECT i, 'set ' || i, '', 0, '2024-01-01 00:00:00.000000' FROM numbers WHERE i <= 50;
INSERT INTO backtest_jobs (id, status, strategy, strategy_params, progress, created_at, attempt, max_attempts,
  cancel_requested, dataset_id)
 SELECT i, CASE WHEN i > {jobs} - {pending} THEN 'pending' ELSE 'completed' END, 'sma_cross', '{{"fast": 10}}', 0.0,
  '2024-01-01 00:00:00.000000', 0, 1, {false}, 1 + i % 50 FROM numbers WHERE i <= {jobs};
INSERT INTO backtests (id, strategy_name, strategy_params, dataset_id, status, created_at, backtest_job_id)
 SELECT i, 'sma_cross', '{{"fast": 10}}', 1 + i % 50, 'completed', '2024-01-01 00:00:00.000000', i
  FROM numbers WHERE i <= {jobs};
INSERT INTO backtest_metrics (backtest_job_id, sharpe_ratio, created_at)
 SELECT i, 1.0, '2024-01-01 00:00:00.000000' FROM numbers WHERE i <= {jobs};
INSERT INTO trials (id, spec_hash, kind, state, strategy_name, dataset_id, dataset_sha256, created_at)
 SELECT i, 'hash ' || i, 'run', 'completed', 'sma_cross', 1 + i % 50, 'set ' || i % 50, '2024-01-01 00:00:00.000000'
  FROM numbers WHERE i <= {jobs};
INSERT INTO sweeps (id, strategy_name, method, status, total_sets, completed_sets, created_at)
 SELECT i, 'sma_cross', 'grid', 'completed', 1, 1, '2024-01-01 00:00:00.000000' FROM numbers WHERE i <= 5000;
INSERT INTO trades (backtest_job_id, entry_time, entry_price, quantity, side, created_at)
 SELECT 1 + i % 5000, '2024-01-01 00:00:00.000000', 1.0, 1.0, 'long', '2024-01-01 00:00:00.000000'
  FROM numbers WHERE i <= {trades};
INSERT INTO trades (backtest_job_id, entry_time, entry_price, quantity, side, created_at)
 SELECT 6000, '2024-01-02 00:00:00.000000', 1.0, 1.0, 'long', '2024-01-01 00:00:00.000000'
  FROM numbers WHERE i <= 300
"""
NUMBERS = """
CREATE TEMP TABLE numbers AS
 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {trades}) SELECT i FROM n
"""


def fill(database):
    sqlite = database.file is not None
    values = {"jobs": JOBS, "pending": PENDING, "trades": TRADES, "false": "0" if sqlite else "false"}
    with database.write() as session:
        connection = session.connection()
        for statement in [NUMBERS.format(**values), *ROWS.format(**values).split(";")]:
            connection.execute(sa.text(statement))
        connection.exec_driver_sql("DROP TABLE numbers")
    with database.write() as session:
        session.connection().exec_driver_sql("ANALYZE")


@pytest.fixture(scope="module")
def sqlite_filled(tmp_path_factory):
    with Database.open(tmp_path_factory.mktemp("long") / "research.db") as database:
        fill(database)
        yield database


@pytest.fixture(scope="module")
def postgres_filled(postgres):
    with Database.open(postgres.empty()) as database:
        fill(database)
        yield database


@pytest.fixture
def filled(backend, request):
    """Return a database of each kind with 100,000 backtests."""
    return request.getfixturevalue(f"{backend}_filled")


@pytest.fixture
def statements(filled):
    """Return the statements that were sent to the database, in their order."""
    sent = []

    def note(connection, cursor, statement, parameters, context, many):
        if not re.match("PRAGMA|BEGIN", statement):
            sent.append((statement, parameters))

    sa.event.listen(filled._engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(filled._engine, "before_cursor_execute", note)


def plan(database, statement, parameters):
    word = "EXPLAIN QUERY PLAN" if database.file else "EXPLAIN"
    with database.read() as session:
        rows = session.connection().exec_driver_sql(f"{word} {statement}", parameters).all()
    return "\n".join(str(row[-1]) for row in rows)


ABOVE = Wanted(thresholds=(Threshold("sharpe_ratio", ">", 0.5),))
LISTS = {
    "jobs": jobs_table,
    "pending jobs": lambda database, **page: jobs_table(database, status="pending", **page),
    "backtests": backtests_table,
    "backtests with a tag": lambda database, **page: backtests_table(database, wanted=Wanted(tags=("a",)), **page),
    "backtests above a number": lambda database, **page: backtests_table(database, wanted=ABOVE, **page),
    "trials": trials_table,
    "trials of a dataset": lambda database, **page: trials_table(database, "set 7", **page),
    "sweeps": sweeps_table,
}


@pytest.mark.parametrize("before", [None, 4_000], ids=["first page", "late page"])
@pytest.mark.parametrize("name", LISTS)
def test_a_page_walks_along_an_index(filled, statements, name, before):
    LISTS[name](filled, before=before)
    statement, parameters = statements[-1]  # before it, at most, the family of a dataset was asked for
    assert len(statements) == (2 if name == "trials of a dataset" else 1)
    found = plan(filled, statement, parameters)
    main = name.split()[-1 if name.startswith("pending") else 0]
    table = {"jobs": "backtest_jobs"}.get(main, main)
    if filled.file:
        assert "USE TEMP B-TREE" not in found
        for line in found.splitlines():
            whole = line.startswith("SCAN") and "USING" not in line
            assert not whole or line == f"SCAN {table}", found  # backwards along the primary key, until the limit
    else:
        assert "Limit" in found
        assert f"Seq Scan on {table}" not in found
        assert "Seq Scan on backtest_metrics" not in found
        assert not re.search(r"Sort Key: .*(backtest_jobs|backtests|trials|sweeps)\.id(?! DESC)", found)


def test_pages_follow_each_other(filled):
    first = backtests_table(filled)
    assert first.id.tolist() == list(range(JOBS, JOBS - listings.NEWEST, -1))
    second = backtests_table(filled, before=int(first.id.iloc[-1]))
    assert second.id.tolist() == list(range(JOBS - listings.NEWEST, JOBS - 2 * listings.NEWEST, -1))
    assert backtests_table(filled, 3, before=3).id.tolist() == [2, 1]
    assert backtests_table(filled, before=1).empty
    assert len(sweeps_table(filled, limit=None)) == 5_000


@pytest.mark.parametrize("table", [jobs_table, backtests_table, trials_table, sweeps_table])
@pytest.mark.parametrize("page", [{"limit": -1}, {"before": -1}])
def test_a_negative_page_is_refused(filled, table, page):
    with pytest.raises(OptionError, match="=-1 is negative"):
        table(filled, **page)


def test_ten_thousand_pending_jobs_of_which_one_is_broken(filled, statements):
    broken = "UPDATE backtest_jobs SET spec = '{}', strategy = 'no.such:Thing', strategy_params = NULL WHERE id = "
    with filled.write() as session:
        session.connection().exec_driver_sql(f"{broken}{JOBS - 5}")
    del statements[:]
    frame = jobs_table(filled, status="pending")
    assert len(statements) == 1
    assert len(frame) == listings.NEWEST
    assert frame.set_index("id").strategy[JOBS - 5] == "no.such:Thing"
    assert len(jobs_table(filled, limit=None, status="pending")) == PENDING


@pytest.mark.parametrize(("job", "count"), [(6000, 300), (17, 40), (99_999, 0)])
def test_trades_of_a_job_are_found_by_its_index(filled, statements, job, count):
    """Also where they do not stand together, as in a database of the backend."""
    read = []
    with filled.read() as session:
        driver = session.connection().connection.driver_connection
        if filled.file:
            driver.set_trace_callback(read.append)
        assert len(job_trades(filled, job)) == count
        if filled.file:
            driver.set_trace_callback(None)
    if not filled.file:
        read = [packed_query(KINDS, "trades", f"backtest_job_id = {job}")]
    for statement in read:
        if "FROM trades" in statement:
            found = plan(filled, statement, ())
            assert "SCAN trades" not in found
            assert "Seq Scan" not in found


def test_trades_of_a_deleted_job_are_found_by_its_index(filled):
    found = plan(filled, "DELETE FROM trades WHERE backtest_job_id = 17", ())  # what deleting the job leads to
    assert "SCAN trades" not in found
    assert "Seq Scan" not in found
