"""The tables: as the schema says, the same from migrations as from the classes, on both databases."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

from research_kit.errors import SchemaVersionError, StoreError
from research_kit.store import schema
from research_kit.store.database import Database
from research_kit.store.tables import METRIC_COLUMNS, Dataset, DatasetParent, NotebookRun, SweepRow, Table

SCHEMA = """
backtest_jobs: id Integer, status String(50), strategy String(200), strategy_params JSON, engine_options JSON,
 dataset_path String(500), progress Float, current_step String(200), total_steps Integer, created_at DateTime,
 started_at DateTime, completed_at DateTime, result_data Text, error_message Text, estimated_duration Float,
 actual_duration Float
trades: id Integer, backtest_job_id Integer, entry_time DateTime, exit_time DateTime, entry_price Float,
 exit_price Float, quantity Float, side String(10), pnl Float, pnl_percent Float, holding_time_minutes Float,
 entry_signal String(100), exit_signal String(100), max_profit Float, max_loss Float, created_at DateTime
backtest_metrics: id Integer, backtest_job_id Integer, total_return Float, total_return_percent Float,
 sharpe_ratio Float, sortino_ratio Float, max_drawdown Float, max_drawdown_percent Float, total_trades Integer,
 winning_trades Integer, losing_trades Integer, win_rate Float, profit_factor Float, largest_win Float,
 largest_loss Float, average_win Float, average_loss Float, average_holding_time Float, max_consecutive_wins Integer,
 max_consecutive_losses Integer, volatility Float, var_95 Float, cvar_95 Float, total_trading_days Integer,
 profitable_days Integer, daily_target_hit_rate Float, created_at DateTime
datasets: id Integer, name String(200), filename String(200), file_path String(500), file_size Integer,
 rows_count Integer, columns JSON, timeframe String(20), start_date DateTime, end_date DateTime,
 missing_data_pct Float, data_quality_score Float, has_gaps Boolean, timezone String(50), symbol String(20),
 exchange String(50), data_source String(100), quality_checks JSON, backtest_count Integer, last_used DateTime,
 created_at DateTime, last_accessed DateTime
strategies: id Integer, name String(200), module_path String(500), class_name String(200), description Text,
 parameters_schema JSON, default_parameters JSON, total_backtests Integer, avg_performance Float, last_used DateTime,
 created_at DateTime, is_active Boolean
backtests: id Integer, strategy_name String(200), strategy_params JSON, dataset_id Integer, status String(50),
 results JSON, created_at DateTime, completed_at DateTime
"""


def expected_columns():
    for table in re.split(r"\n(?=\w)", SCHEMA.strip()):
        name, columns = table.split(":")
        for column in columns.split(","):
            yield (name, *column.split())


@pytest.mark.parametrize(("table", "column", "kind"), list(expected_columns()))
def test_every_column_of_the_schema_is_there_with_its_type(table, column, kind):
    found = Table.metadata.tables[table].columns[column].type
    plain = found.impl_instance if isinstance(found, sa.types.TypeDecorator) else found
    name, _, length = kind.rstrip(")").partition("(")
    assert isinstance(plain, getattr(sa, name))
    assert getattr(plain, "length", None) == (int(length) if length else None)


def test_the_schema_has_24_metrics():
    assert len(METRIC_COLUMNS) == 24


def test_a_dataset_exposes_its_rows():
    assert Dataset(name="a", file_path="b", rows_count=7).rows == 7


def shape(connection):
    """Return everything about the tables that an inspector tells, in a form that can be compared."""
    inspector = sa.inspect(connection)
    tables = set(inspector.get_table_names()) - {schema.VERSION_TABLE, "sqlite_sequence"}

    def named(items):
        return sorted((str(sorted(item.items(), key=str)) for item in items), key=str)

    return {
        table: {
            "columns": [str(sorted(column.items(), key=str)) for column in inspector.get_columns(table)],
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": named(inspector.get_foreign_keys(table)),
            "indexes": named(inspector.get_indexes(table)),
            "unique": named(inspector.get_unique_constraints(table)),
            "checks": named(inspector.get_check_constraints(table)),
        }
        for table in tables
    }


def engine_of(url):
    return sa.create_engine(url)


def test_migrations_and_classes_agree_up_down_up(empty_url):
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        Table.metadata.create_all(connection)
        from_classes = shape(connection)
        Table.metadata.drop_all(connection)
    with engine.begin() as connection:
        schema.upgrade(connection)
        assert schema.differences(connection) == []
        assert shape(connection) == from_classes
    with engine.begin() as connection:
        schema.downgrade(connection)
        assert shape(connection) == {}
        assert schema.revision_of(connection) is None
    with engine.begin() as connection:
        schema.upgrade(connection)
        assert schema.differences(connection) == []
        assert schema.revision_of(connection) == schema.HEAD
    engine.dispose()


def test_sqlite_gives_no_id_twice(sqlite_database):
    with sqlite_database.read() as session:
        made = dict(session.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all())
    for table in set(Table.metadata.tables) - {
        *("trades", "backtest_metrics", "dataset_parents", "sweep_sets", "backtest_tags")
    }:
        assert "AUTOINCREMENT" in made[table]


def test_the_newest_revision_is_the_one_that_the_code_names():
    assert schema._scripts(schema.MIGRATIONS).get_current_head() == schema.HEAD


def test_a_difference_is_seen(own_database):
    with own_database.write() as session:
        session.execute(sa.text("DROP INDEX ix_trials_sweep_id"))
    assert any("ix_trials_sweep_id" in line for line in own_database.check())


def test_an_unknown_revision_is_refused_in_a_sentence(own_database, backend):
    with own_database.write() as session:
        session.execute(sa.text(f"UPDATE {schema.VERSION_TABLE} SET version_num = 'f00d'"))
    with pytest.raises(SchemaVersionError, match="'f00d', which this version of research_kit does not know") as caught:
        Database.open(own_database.url)
    assert "\n" not in str(caught.value)
    with own_database.read() as session:
        assert session.scalar(sa.text(f"SELECT version_num FROM {schema.VERSION_TABLE}")) == "f00d"


def test_another_programs_tables_are_left_alone(empty_url):
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE trades (id INTEGER)"))
    with pytest.raises(SchemaVersionError, match="tables named trades but no research_kit_version"):
        Database.open(empty_url)
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["trades"]
    engine.dispose()


def test_tables_of_other_names_do_not_disturb(empty_url):
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
    engine.dispose()
    with Database.open(empty_url) as database:
        assert database.check() == []


FIRST_START = """
import sys
from research_kit.store.database import Database
sys.stdin.readline()
for url in sys.argv[1:]:
    Database.open(url).close()
"""


@pytest.mark.parametrize("processes", [2])
def test_two_first_starts_at_once(backend, tmp_path, request, processes):
    if backend == "sqlite":
        urls = [f"sqlite:///{tmp_path / f'{i}.db'}" for i in range(10)]
    else:
        urls = [request.getfixturevalue("postgres").empty() for _ in range(3)]
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", FIRST_START, *urls],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[1] for process in started] == [""] * processes
    assert [process.returncode for process in started] == [0] * processes
    for url in urls:
        with Database.open(url) as database:
            assert database.check() == []
    assert not list(tmp_path.glob("*backup*"))


NEXT = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "next", "{head}"
def upgrade():
    with op.batch_alter_table("datasets") as batch:
        batch.add_column(sa.Column("note", sa.Text()))
        batch.alter_column("file_path", nullable=True)
    {fault}
def downgrade():
    op.drop_column("datasets", "note")
"""


@pytest.fixture
def next_version(tmp_path):
    """Return a maker of a folder of migrations with one more, that may fail at its end."""

    def make(fault=""):
        folder = tmp_path / "migrations"
        shutil.copytree(schema.MIGRATIONS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "versions" / "next_notes.py").write_text(NEXT.format(head=schema.HEAD, fault=fault))
        return folder

    return make


def test_a_migration_keeps_rows_and_keys(own_database, next_version, make):
    from research_kit.store.datasets import add_dataset

    parent = add_dataset(own_database, make.dataset())
    add_dataset(own_database, make.dataset("child", "d" * 64, parents=[parent.id]))
    own_database.migrate(next_version())
    with own_database.write() as session:
        session.execute(sa.text("UPDATE datasets SET note = 'kept'"))
        assert [row.name for row in session.exec(select(Dataset)).all()] == ["SPY daily", "child"]
    with pytest.raises(SchemaVersionError, match="'next'"):
        Database.open(own_database.url)


def only_up_to(revision, folder):
    """Return a folder with the migrations up to one alone."""
    shutil.copytree(schema.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / "versions").glob("0*.py"):
        if path.name[:4] > revision:
            path.unlink()
    return folder


def test_datasets_of_the_first_schema_keep_their_rows_and_get_their_parents(empty_url, tmp_path):
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        schema.upgrade(connection, only_up_to("0001", tmp_path / "first"))
        for values in ("1, 'a', NULL", "2, 'a', 1", "3, 'b', 2"):
            connection.exec_driver_sql(
                "INSERT INTO datasets (id, name, parent_id, file_path, backtest_count, created_at) "
                f"VALUES ({values}, 'x', 0, '2024-01-01 00:00:00')"
            )
    with Database.open(empty_url) as database:
        assert database.check() == []
        with database.read() as session:
            assert [row.name for row in session.exec(select(Dataset).order_by(Dataset.id))] == ["a", "a", "b"]
            edges = session.exec(select(DatasetParent.dataset_id, DatasetParent.parent_id)).all()
        assert sorted(map(tuple, edges)) == [(2, 1), (3, 2)]
    with engine.begin() as connection:
        schema.downgrade(connection, "0001")
        assert "lineage" not in {column["name"] for column in sa.inspect(connection).get_columns("datasets")}
        assert connection.exec_driver_sql("SELECT count(*) FROM datasets").scalar() == 3
        assert schema.revision_of(connection) == "0001"
    engine.dispose()


def test_sweeps_of_the_second_schema_keep_their_rows_and_trials(empty_url, tmp_path):
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        schema.upgrade(connection, only_up_to("0002", tmp_path / "second"))
        for i in (1, 2):
            connection.exec_driver_sql(
                "INSERT INTO sweeps (id, strategy_name, method, status, total_sets, completed_sets, created_at) "
                f"VALUES ({i}, 'sma_cross', 'grid', 'running', 3, 2, '2024-01-01 00:00:00')"
            )
        connection.exec_driver_sql(
            "INSERT INTO trials (spec_hash, kind, state, strategy_name, sweep_id, created_at) "
            "VALUES ('a', 'sweep', 'completed', 'sma_cross', 2, '2024-01-01 00:00:00')"
        )
        connection.exec_driver_sql("DELETE FROM sweeps WHERE id = 1")
    with Database.open(empty_url) as database:
        assert database.check() == []
        with database.read() as session:
            [row] = session.exec(select(SweepRow)).all()
        assert (row.id, row.status, row.kind, row.completed_sets, row.failed_sets) == (2, "running", "sweep", 2, 0)
        assert (row.cancel_requested, row.sets_hash, row.lease_token) == (False, None, None)
        with database.write() as session:
            session.execute(sa.text("INSERT INTO sweep_sets (sweep_id, position, spec_hash) VALUES (2, 0, 'a')"))
        for change in ("kind = 'other'", "failed_sets = -1"):
            with pytest.raises(StoreError, match="refused a row"), database.write() as session:
                session.execute(sa.text(f"UPDATE sweeps SET {change}"))
    with engine.begin() as connection:
        schema.downgrade(connection, "0002")
        found = connection.exec_driver_sql("SELECT id, status, total_sets, completed_sets FROM sweeps").all()
        assert [tuple(line) for line in found] == [(2, "running", 3, 2)]
        assert connection.exec_driver_sql("SELECT sweep_id FROM trials").scalar() == 2
        tables = sa.inspect(connection)
        assert "sweep_sets" not in tables.get_table_names()
        assert {"kind", "heartbeat_at"}.isdisjoint(column["name"] for column in tables.get_columns("sweeps"))
        with_second = shape(connection)
        schema.upgrade(connection)
        assert schema.differences(connection) == []
        schema.downgrade(connection, "0002")
        assert shape(connection) == with_second
        schema.upgrade(connection)
        assert connection.exec_driver_sql("SELECT count(*) FROM sweeps").scalar() == 1
    engine.dispose()


def test_notebook_runs_of_the_third_schema_keep_their_rows(empty_url, tmp_path):
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        schema.upgrade(connection, only_up_to("0003", tmp_path / "third"))
        connection.exec_driver_sql(
            "INSERT INTO notebook_runs (id, notebook, status, created_at) "
            "VALUES (1, 'a.ipynb', 'completed', '2024-01-01 00:00:00')"
        )
        with_third = shape(connection)
    with Database.open(empty_url) as database:
        assert database.check() == []
        with database.read() as session:
            [row] = session.exec(select(NotebookRun)).all()
        assert (row.notebook, row.batch, row.position, row.inputs_hash) == ("a.ipynb", None, None, None)
        assert (row.attempt, row.cancel_requested) == (0, False)
        for change in ("attempt = -1", "position = -1"):
            with pytest.raises(StoreError, match="refused a row"), database.write() as session:
                session.execute(sa.text(f"UPDATE notebook_runs SET {change}"))
    with engine.begin() as connection:
        schema.downgrade(connection, "0003")
        assert shape(connection) == with_third
        assert connection.exec_driver_sql("SELECT notebook FROM notebook_runs").scalar() == "a.ipynb"
        schema.upgrade(connection)
        assert schema.differences(connection) == []
    engine.dispose()


def test_a_migration_that_fails_changes_nothing_and_can_run_again(own_database, next_version):
    with pytest.raises(ZeroDivisionError):
        own_database.migrate(next_version(fault="1 / 0"))
    assert own_database.check() == []
    own_database.migrate(next_version())
    with own_database.read() as session:
        assert schema.revision_of(session.connection()) == "next"


def test_sqlite_is_copied_before_a_migration(sqlite_database, next_version, make):
    from research_kit.store.datasets import add_dataset

    add_dataset(sqlite_database, make.dataset())
    sqlite_database.migrate(next_version())
    [copy] = sqlite_database.file.parent.glob(f"research.db.backup-{schema.HEAD}-*")
    with Database.open(copy) as old:
        assert old.check() == []
        with old.read() as session:
            assert session.exec(select(Dataset.name)).all() == ["SPY daily"]


def test_a_draft_of_the_next_migration(sqlite_database, next_version):
    folder = next_version()
    (folder / "versions" / "next_notes.py").unlink()
    with sqlite_database.write() as session:
        session.execute(sa.text("DROP TABLE notebook_runs"))
        path = schema.draft_migration(session.connection(), "Bring notebook runs back", folder)
    text = Path(path).read_text()
    assert f'down_revision = "{schema.HEAD}"' in text.replace("'", '"')
    assert "sa.String(500)" in text
    assert "AutoString" not in text
