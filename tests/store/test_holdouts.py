"""Holdouts as rows: families over lineage, found by indexes, locked by one at a time."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from research_kit.errors import OptionError
from research_kit.store.datasets import add_dataset, find_dataset
from research_kit.store.holdouts import count_seen, held_datasets, lock_name, locked_name, seen_query
from research_kit.store.listings import datasets_table
from research_kit.store.reach import data_end
from research_kit.store.tables import Dataset
from research_kit.store.trials import record_trials

START = datetime(2020, 1, 1, tzinfo=UTC)


def add(database, make, name, number, parents=(), end=START, **more):
    """Add a dataset whose bars are those of a number, up to an end."""
    return add_dataset(
        database, make.dataset(name, f"{number:064d}", parents=[one.id for one in parents], end_date=end, **more)
    )


def try_on(database, make, *numbers):
    trials = [make.trial(f"{number:064d}", dataset_sha256=f"{number:064d}") for number in numbers]
    record_trials(database, trials)


def test_a_family_is_what_shares_an_ancestor(database, make):
    raw = add(database, make, "raw", 1)
    clean = add(database, make, "clean", 2, [raw])
    hours = add(database, make, "hours", 3, [clean])
    weeks = add(database, make, "weeks", 4, [raw])
    other = add(database, make, "other", 5)
    add(database, make, "both", 6, [hours, other])
    newer = add(database, make, "raw", 7)
    lock_name(database, "clean", START)
    assert set(held_datasets(database)) == {1, 2, 3, 4, 6, newer.id}
    assert locked_name(database, "other") is None
    for name in ("raw", "clean", "hours", "weeks", "both"):
        assert locked_name(database, name)[:2] == ("clean", START)
    try_on(database, make, *range(1, 9))
    assert count_seen(database, "clean", START) == 6
    assert weeks.parent_id == newer.parent_id == raw.id


@pytest.mark.parametrize(
    ("end", "timeframe", "data_until", "seen"),
    [
        (START, "1d", None, 1),
        (START - timedelta(days=1), "1d", None, 0),
        (START - timedelta(days=2), "1w", None, 1),  # the last bar ends inside
        (START - timedelta(days=2), "1w", START, 0),  # but what it was made from does not
        (None, "1d", None, 1),  # nobody knows
    ],
)
def test_data_that_ends_before_the_start_has_not_seen_it(database, make, end, timeframe, data_until, seen):
    add(database, make, "a", 1, end=end, timeframe=timeframe, data_until=data_until)
    try_on(database, make, 1)
    assert count_seen(database, "a", START) == seen


def test_rows_of_an_earlier_schema_are_judged_by_their_last_bar(database, make):
    for number, end in enumerate((START, START - timedelta(days=1)), start=1):
        add(database, make, "a", number, end=end)
    with database.write() as session:
        session.execute(sa.update(Dataset).values(data_until=None))
    try_on(database, make, 1, 2)
    assert count_seen(database, "a", START) == 1


def test_counting_looks_at_no_trial_that_is_not_of_the_family(sqlite_database):
    with sqlite_database.read() as session:
        connection = session.connection()
        query = seen_query("a", START).compile(connection, compile_kwargs={"literal_binds": True})
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]
    tables = ("trials", "datasets", "dataset_parents")
    assert [step for step in plan if step.startswith("SEARCH")]
    assert not [step for step in plan if step.startswith("SCAN") and step.split()[1] in tables]


def test_of_many_that_lock_at_once_none_loosens(database, make):
    add(database, make, "a", 1, end=START + timedelta(days=100))
    starts = [START + timedelta(days=days) for days in range(12)]
    refused = []

    def lock(start):
        try:
            lock_name(database, "a", start)
        except OptionError:
            refused.append(start)

    threads = [threading.Thread(target=lock, args=(start,)) for start in starts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = locked_name(database, "a")
    assert held.start == find_dataset(database, "a").holdout_start == START
    kept = [lock.start for lock in held.locks]
    assert kept == sorted(kept, reverse=True)
    assert len(kept) + len(refused) == len(starts)


def test_a_version_that_is_added_while_its_name_is_locked_is_locked(database, make):
    add(database, make, "a", 0)
    together = threading.Barrier(2)

    def versions():
        together.wait()
        for number in range(1, 20):
            add(database, make, "a", number)

    thread = threading.Thread(target=versions)
    thread.start()
    together.wait()
    lock_name(database, "a", START)
    thread.join()
    with database.read() as session:
        assert set(session.scalars(sa.select(Dataset.holdout_start))) == {START}


def test_the_listing_counts_versions_and_shows_locks(database, make):
    for name, number in (("a", 1), ("b", 2), ("a", 3)):
        add(database, make, name, number)
    lock_name(database, "b", START)
    frame = datasets_table(database)
    assert frame[["name", "version"]].to_numpy().tolist() == [["a", 2], ["b", 1], ["a", 1]]
    assert frame["holdout_start"].isna().tolist() == [True, False, True]
    assert datasets_table(database, limit=1)["version"].tolist() == [2]


@pytest.mark.parametrize(
    ("opened", "timeframe", "session", "end"),
    [
        ("2024-01-31T23:59", "1min", "24/7", "2024-02-01T00:00"),
        ("2024-01-31T15:30", "1h", "XNYS", "2024-01-31T16:30"),
        ("2024-01-31", "1d", "24/7", "2024-02-01"),
        ("2024-01-31", "1d", "XNYS", "2024-02-01"),
        ("2024-03-10T05:00", "1d", "XNYS", "2024-03-11T04:00"),  # labelled by New York's midnight; clocks changed
        ("2024-01-31", "1d", "24/5", "2024-01-31T22:00"),
        ("2024-01-31", "1d", "XTKS", "2024-01-31T15:00"),
        ("2024-01-29", "1w", "24/7", "2024-02-05"),
        ("2024-02-01", "1mo", "24/7", "2024-03-01"),
        ("2023-12-01", "3mo", "24/7", "2024-03-01"),
        ("2024-02-01", "fortnight", "24/7", "2024-02-01"),
    ],
)
def test_when_data_ends(opened, timeframe, session, end):
    begin, expected = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (opened, end))
    assert data_end(begin, timeframe, session) == expected
