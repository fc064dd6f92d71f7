"""The database: opened by any name, safe with many writers, honest about damage, silent about passwords."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

from research_kit.errors import SchemaVersionError, StoreError
from research_kit.store import sqlite
from research_kit.store.database import Database, database_time, now
from research_kit.store.datasets import add_dataset, find_dataset
from research_kit.store.tables import Dataset

HARD_NAME = "a b #1 50% ?x=ä💹"


def names(database):
    with database.read() as session:
        return session.exec(select(Dataset.name).order_by(Dataset.id)).all()


@pytest.mark.parametrize("form", [Path, str, "sqlite:///{}".format])
def test_any_folder_name_is_taken_as_it_is(tmp_path, form, make):
    file = tmp_path / HARD_NAME / "research #%41?mode=ro.db"
    with Database.open(form(file)) as database:
        add_dataset(database, make.dataset())
        assert database.file == file
        assert names(database) == ["SPY daily"]
    assert file.read_bytes().startswith(b"SQLite format 3")
    assert [path.name for path in tmp_path.iterdir()] == [HARD_NAME]
    with Database.open(database.url) as again:
        assert names(again) == ["SPY daily"]


def test_a_relative_path_stays_the_same_file(tmp_path, monkeypatch, make):
    monkeypatch.chdir(tmp_path)
    with Database.open("sqlite:///here.db") as database:
        monkeypatch.chdir("/")
        add_dataset(database, make.dataset())
        assert database.url == f"sqlite:///{tmp_path / 'here.db'}"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("mysql://root:secret@host/name", "'mysql' is no database that is known"),
        ("postgresql://me:secret@host:54x32/name", "PostgreSQL URL is not complete"),
        ("postgresql+psycopg://me:secret@host", "PostgreSQL URL is not complete"),
        ("postgresql://me:secret@localhost:1/name", "failed: connection"),
    ],
)
def test_a_url_that_leads_nowhere_is_one_sentence_without_the_password(url, message):
    with pytest.raises(StoreError, match=message) as caught:
        Database.open(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("tail", ["name", "name?password=secret2&sslpassword=secret3"])
def test_passwords_are_never_shown(tail):
    from research_kit.store.database import _parse

    database = Database(_parse(f"postgresql://me:secret1@host:5432/{tail}"))
    assert "secret" not in repr(database) + database.url_safe
    assert "secret1" in database.url
    assert "me:***@host:5432/name" in database.url_safe


@pytest.mark.postgres
def test_a_refused_password_is_not_shown(postgres):
    postgres.execute("CREATE ROLE clerk LOGIN PASSWORD 'secret'")
    with pytest.raises(StoreError, match="no_such_database") as caught:
        Database.open(f"postgresql+psycopg://clerk:secret@/no_such_database?host={postgres.folder}")
    assert "secret" not in str(caught.value)


def test_rows_stay_readable_after_the_session(database, make):
    row = add_dataset(database, make.dataset())
    assert (row.id, row.name, row.created_at.tzinfo) == (1, "SPY daily", UTC)


def test_an_error_takes_everything_back(database, make):
    def fail():
        with database.write() as session:
            session.add(Dataset(name="lost", file_path="x"))
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names(database) == []


def test_a_reader_cannot_write(database):
    with pytest.raises(StoreError, match=r"read-?only"), database.read() as session:
        session.execute(sa.insert(Dataset).values(name="lost", file_path="x", backtest_count=0, created_at=now()))
    assert names(database) == []
    with database.write() as session:  # the same pooled connection can
        session.add(Dataset(name="kept", file_path="x"))
    assert names(database) == ["kept"]


def test_a_reader_sees_one_state(sqlite_database, make):
    with sqlite_database.read() as session:
        before = session.exec(select(Dataset)).all()
        add_dataset(sqlite_database, make.dataset())
        assert session.exec(select(Dataset)).all() == before == []


def test_a_row_that_breaks_a_rule_is_refused_in_a_sentence(database):
    with pytest.raises(StoreError, match="refused a row"), database.write() as session:
        session.add(Dataset(name="a", file_path="b", rows_count=-1))
    with pytest.raises(StoreError, match="refused a row"), database.write() as session:
        session.add(Dataset(name="a", file_path="b", parent_id=77))


def test_pragmas_are_set_on_every_connection(sqlite_database):
    wanted = {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 30_000}
    for enter in (sqlite_database.read, sqlite_database.write, sqlite_database.read):
        with enter() as session:
            assert {name: session.scalar(sa.text(f"PRAGMA {name}")) for name in wanted} == wanted


def test_keys_are_checked_again_after_a_migration(tmp_path):
    with Database.open(tmp_path / "new.db") as database, database.write() as session:
        assert session.scalar(sa.text("PRAGMA foreign_keys")) == 1


WRITERS = """
import sys, threading
import sqlalchemy as sa
from sqlmodel import select
from research_kit.store.database import Database
from research_kit.store.tables import Dataset
database, rounds, failed = Database.open(sys.argv[1]), int(sys.argv[2]), []
def work():
    try:
        for _ in range(rounds):
            with database.write() as session:
                row = session.exec(select(Dataset).with_for_update()).one()
                row.backtest_count = row.backtest_count + 1
    except Exception as error:
        failed.append(error)
        raise
threads = [threading.Thread(target=work) for _ in range(4)]
sys.stdin.readline()
[thread.start() for thread in threads]
[thread.join() for thread in threads]
database.close()
sys.exit(len(failed))
"""


def test_many_writers_lose_no_update(database, make):
    add_dataset(database, make.dataset())
    rounds = 25
    command = [sys.executable, "-W", "error", "-c", WRITERS, database.url, str(rounds)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    with database.read() as held:  # a reader that stays open, as a forgotten widget would
        held.exec(select(Dataset)).all()
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [process.communicate(timeout=120)[1] for process in processes] == ["", ""]
    assert [process.returncode for process in processes] == [0, 0]
    assert find_dataset(database, 1).backtest_count == 2 * 4 * rounds


def test_a_lock_that_is_not_given_up_is_one_sentence(sqlite_database, make):
    with sqlite_database.write() as session:
        session.execute(sa.text("PRAGMA busy_timeout=50"))
    with sqlite3.connect(sqlite_database.file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="was locked by another program"):
            add_dataset(sqlite_database, make.dataset())
        other.execute("ROLLBACK")
    other.close()
    add_dataset(sqlite_database, make.dataset())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_connections_of_its_own(database, make):
    add_dataset(database, make.dataset())

    def connection():
        with database.read() as session:
            return session.connection().connection.driver_connection

    before = connection()
    child = os.fork()
    if child == 0:
        own = connection() is not before
        with database.write() as session:
            session.exec(select(Dataset)).one().backtest_count = 5
        os._exit(0 if own else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert connection() is before
    assert find_dataset(database, 1).backtest_count == 5


def test_the_databases_clock(database):
    with database.read() as session:
        there, earlier = session.execute(sa.select(database_time(), database_time(30.5))).one()
    assert there.tzinfo is UTC
    assert abs(there - now()) < timedelta(seconds=20)
    assert abs((there - earlier).total_seconds() - 30.5) < 0.1
    assert isinstance(database.time(), datetime)


def test_the_clock_is_written_as_all_other_times(database, make):
    row = add_dataset(database, make.dataset())
    with database.write() as session:
        session.execute(sa.update(Dataset).values(last_used=database_time(), last_accessed=now()))
    row = find_dataset(database, row.id)
    assert abs(row.last_used - row.last_accessed) < timedelta(seconds=20)
    with database.read() as session:
        assert session.exec(select(Dataset.id).where(Dataset.last_used > database_time(60))).all() == [1]
        assert session.exec(select(Dataset.id).where(Dataset.last_used < database_time(60))).all() == []


def test_check_says_that_all_is_well(database):
    assert database.check() == []


def test_check_names_orphans(sqlite_database, make):
    with sqlite3.connect(sqlite_database.file) as raw:
        raw.execute("INSERT INTO trades (backtest_job_id, entry_time, entry_price, quantity, side, created_at) "
                    "VALUES (99, '2024-01-01', 1, 1, 'long', '2024-01-01')")  # fmt: skip
    raw.close()
    assert sqlite_database.check() == ["Row 1 of trades names a row of backtest_jobs that is not there."]


def test_backup_copies_while_it_is_written(sqlite_database, make, tmp_path):
    for i in range(20):
        add_dataset(sqlite_database, make.dataset(f"set {i}"))
    with sqlite_database.write() as session:
        session.add(Dataset(name="not yet", file_path="x"))
        session.flush()
        copy = sqlite_database.backup(tmp_path / "copies" / "one.db")
    assert [path.name for path in copy.parent.iterdir()] == ["one.db"]
    with Database.open(copy) as restored:
        assert restored.check() == []
        assert names(restored) == [f"set {i}" for i in range(20)]
    with pytest.raises(StoreError, match="exists already"):
        sqlite_database.backup(copy)


@pytest.mark.postgres
def test_postgres_has_its_own_backup(postgres):
    with Database.open(postgres.migrated()) as database, pytest.raises(StoreError, match="pg_dump"):
        database.backup("x.db")


def harmed(file: Path, how: str) -> bytes:
    content = bytearray(file.read_bytes())
    if how == "cut":
        del content[len(content) // 2 :]
    elif how == "page":
        content[4096 : 3 * 4096] = os.urandom(2 * 4096)
    elif how == "header":
        content[:16] = b"not a database!!"
    file.write_bytes(content)
    return bytes(content)


@pytest.mark.parametrize("how", ["cut", "page", "header"])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path, make, how):
    file = tmp_path / "research.db"
    with Database.open(file) as database:
        for i in range(50):
            add_dataset(database, make.dataset(f"set {i}"))
    content = harmed(file, how)
    with pytest.raises(SchemaVersionError, match=r"is damaged \(.*Restore it from a backup") as caught:
        Database.open(file)
    assert "\n" not in str(caught.value)
    assert file.read_bytes() == content


def test_damage_that_shows_later_is_named_as_well(sqlite_database, make):
    for i in range(200):
        add_dataset(sqlite_database, make.dataset(f"set {i}", columns=["x" * 500]))
    sqlite_database.close()
    content = bytearray(sqlite_database.file.read_bytes())
    content[8192:] = os.urandom(len(content) - 8192)
    sqlite_database.file.write_bytes(content)
    with pytest.raises(SchemaVersionError, match="is damaged"):
        names(sqlite_database)
    assert "is damaged" in sqlite_database.check()[0]


def test_an_empty_file_becomes_a_database(tmp_path):
    (tmp_path / "research.db").touch()
    with Database.open(tmp_path / "research.db") as database:
        assert database.check() == []


def test_a_wal_that_was_deleted_costs_only_what_was_in_it(tmp_path, make):
    with Database.open(tmp_path / "one.db") as database:
        add_dataset(database, make.dataset())
        shutil.copy(database.file, tmp_path / "two.db")  # without its -wal
    with Database.open(tmp_path / "two.db") as database:
        assert database.check() == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be made: Not a directory|cannot be made: File exists"):
        Database.open(tmp_path / "file" / "deeper" / "research.db")


@contextmanager
def ordinary_user():
    """Lay down root's powers for a while: root may write everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_file_is_one_sentence():
    with tempfile.TemporaryDirectory() as folder:  # tmp_path may lie where only root can look
        Path(folder).chmod(0o755)
        file = Path(folder) / "research.db"
        Database.open(file).close()
        file.chmod(0o444)
        with ordinary_user(), pytest.raises(StoreError, match="need permission"):
            Database.open(file)


def test_a_network_folder_draws_a_warning(tmp_path, monkeypatch):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n")
    with pytest.warns(UserWarning, match="network file system"):
        sqlite.warn_of_network(tmp_path / "research.db", mounts)
    mounts.write_text(f"server:/x / nfs4 rw 0 0\n/dev/vda {tmp_path} ext4 rw 0 0\n")
    sqlite.warn_of_network(tmp_path / "research.db", mounts)


@pytest.mark.postgres
def test_a_restarted_server_is_one_sentence_and_then_works_again(postgres, make):
    with Database.open(postgres.migrated()) as database:

        def cut():
            with database.write() as session:
                session.add(Dataset(name="lost", file_path="x"))
                session.flush()
                postgres.stop()
                postgres.start()
                session.exec(select(Dataset)).all()

        with pytest.raises(StoreError, match="failed") as caught:
            cut()
        assert "\n" not in str(caught.value)
        assert names(database) == []
        add_dataset(database, make.dataset())
        assert names(database) == ["SPY daily"]


def test_opening_twice_is_quick_and_needs_no_alembic(tmp_path):
    Database.open(tmp_path / "research.db").close()
    code = """
import sys
from research_kit.store.database import Database
Database.open(sys.argv[1]).close()
print('alembic' in sys.modules)
"""
    command = [sys.executable, "-c", code, tmp_path / "research.db"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_threads_share_a_database(database, make):
    errors = []

    def work(i):
        try:
            add_dataset(database, make.dataset(f"set {i}"))
            names(database)
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(20)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(names(database)) == 20
    assert time.monotonic() - start < 30
