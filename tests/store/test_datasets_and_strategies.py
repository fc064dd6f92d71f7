"""Datasets and strategies: the same content is one row, a changed one a new version."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from research_kit.errors import NotFoundError, OptionError, StoreError
from research_kit.store.datasets import add_dataset, find_dataset, touch_dataset, version_of
from research_kit.store.listings import datasets_table, strategies_table
from research_kit.store.strategies import find_strategy, save_strategy
from research_kit.store.tables import DatasetParent


def test_a_dataset_is_found_by_id_and_name(database, make):
    row = add_dataset(database, make.dataset(quality_checks={"gaps": 2}, import_options={"timezone": "UTC"}))
    assert find_dataset(database, row.id) == find_dataset(database, "SPY daily") == find_dataset(database, row)
    found = find_dataset(database, str(row.id))
    assert (found.rows, found.columns, found.quality_checks) == (20, ["close"], {"gaps": 2})
    assert found.start_date == datetime(2024, 1, 1, tzinfo=UTC)


def test_a_name_may_be_a_number(database, make):
    add_dataset(database, make.dataset("first"))
    named = add_dataset(database, make.dataset("1"))
    assert find_dataset(database, "1").id == named.id
    assert find_dataset(database, 1).name == "first"


def test_the_same_bars_under_the_same_name_are_one_row(database, make):
    first = add_dataset(database, make.dataset())
    again = add_dataset(database, make.dataset(symbol="QQQ"))
    assert (again.id, again.created_at) == (first.id, first.created_at)
    assert find_dataset(database, first.id).symbol == "QQQ"
    assert len(datasets_table(database)) == 1


def test_other_bars_under_a_name_are_a_new_version(database, make):
    old, new = add_dataset(database, make.dataset()), add_dataset(database, make.dataset(sha256="f" * 64))
    assert find_dataset(database, "SPY daily").id == new.id != old.id
    assert find_dataset(database, old.id).sha256 == "a" * 64


def parents_of(database, row):
    with database.read() as session:
        return session.exec(select(DatasetParent.parent_id).where(DatasetParent.dataset_id == row.id)).all()


def test_a_version_comes_after_the_one_before_it_unless_it_was_made_from_others(database, make):
    one, two, other = (
        add_dataset(database, make.dataset(name, mark * 64)) for name, mark in (("a", "1"), ("a", "2"), ("b", "3"))
    )
    made = add_dataset(database, make.dataset("a", "4" * 64, parents=[other.id, one.id, other.id], lineage={"x": 1}))
    assert [row.parent_id for row in (one, two, other, made)] == [None, one.id, None, other.id]
    assert [sorted(parents_of(database, row)) for row in (one, two, made)] == [[], [one.id], [one.id, other.id]]
    assert [version_of(database, row) for row in (one, two, made, other)] == [(1, 3), (2, 3), (3, 3), (1, 1)]


def test_what_was_made_keeps_its_lineage_and_its_details(database, make):
    one = add_dataset(database, make.dataset("a", "1" * 64))
    made = add_dataset(database, make.dataset("b", "2" * 64, parents=[one.id], lineage={"operation": "slice"}))
    again = add_dataset(database, make.dataset("b", "2" * 64, lineage={"operation": "merge"}, symbol="QQQ"))
    assert (again.id, again.lineage, again.symbol) == (made.id, {"operation": "slice"}, "SPY")
    imported = add_dataset(database, make.dataset("b", "2" * 64, symbol="QQQ"))
    assert (imported.id, imported.lineage, imported.symbol) == (made.id, {"operation": "slice"}, "QQQ")
    assert parents_of(database, imported) == [one.id]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "needs a name that can be seen"),
        (" \t ", "needs a name that can be seen"),
        (None, "needs a name that can be seen"),
        (7, "needs a name that can be seen"),
        ("a\0b", r"cannot hold '\\x00'"),
        ("a\nb", r"cannot hold '\\n'"),
        ("a\x1b[2Jb", "cannot hold"),
        ("a\u2028b", "cannot hold"),
        ("a\ud800b", "cannot hold"),
        ("x" * 201, "at most 200 characters; 'x{30}…' has 201"),
    ],
)
def test_a_name_that_nobody_can_read_is_refused_in_a_sentence(database, make, name, words):
    with pytest.raises(OptionError, match=words) as caught:
        make.dataset(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "CON", "<b>&", "x" * 200, "日本 💹", "a'; DROP TABLE x--"])
def test_any_other_name_is_text(database, make, name):
    row = add_dataset(database, make.dataset(name))
    assert find_dataset(database, name) == row
    assert row.name == name


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("SPY dialy", r"no dataset 'SPY dialy'\. Did you mean 'SPY daily'"),
        (7, r"no dataset 7\. Known: SPY daily"),
    ],
)
def test_a_wrong_name_gets_the_nearest(database, make, key, message):
    add_dataset(database, make.dataset())
    with pytest.raises(NotFoundError, match=message):
        find_dataset(database, key)


def test_touching_notes_the_time(database, make):
    row = add_dataset(database, make.dataset())
    assert row.last_accessed is None
    touch_dataset(database, row.id)
    assert abs(find_dataset(database, row.id).last_accessed - datetime.now(UTC)) < timedelta(seconds=20)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"symbol": "x" * 21}, "symbol has 21 characters, at most 20"),
        ({"start_date": datetime(2024, 1, 1)}, "start_date needs a time with its zone"),
        ({"rows_count": 1.5}, "rows_count is a whole number"),
        ({"has_gaps": None, "data_quality_score": "good"}, "data_quality_score is a number"),
        ({"rows_count": -1}, "refused a row"),
    ],
)
def test_a_dataset_that_cannot_be_stored_is_refused(database, make, change, message):
    with pytest.raises(StoreError, match=message):
        add_dataset(database, make.dataset(**change))
    assert datasets_table(database).empty


def test_a_changed_source_is_a_new_current_version(database, make):
    old = save_strategy(database, make.strategy())
    new = save_strategy(database, make.strategy(source_sha256="d" * 64))
    assert find_strategy(database, "sma_cross").id == new.id != old.id
    assert find_strategy(database, old.id).is_active is False
    assert strategies_table(database).id.tolist() == [new.id]
    assert strategies_table(database, all_versions=True).id.tolist() == [new.id, old.id]
    back = save_strategy(database, make.strategy(description="As it was"))
    assert (back.id, back.is_active, back.description) == (old.id, True, "As it was")
    assert find_strategy(database, "sma_cross").id == old.id
    assert find_strategy(database, new.id).is_active is False


def test_names_do_not_touch_each_other(database, make):
    for name in ("one", "two"):
        save_strategy(database, make.strategy(name))
    assert strategies_table(database).name.tolist() == ["two", "one"]


def test_a_strategy_that_is_not_there_gets_the_nearest(database, make):
    save_strategy(database, make.strategy())
    with pytest.raises(NotFoundError, match="Did you mean 'sma_cross'"):
        find_strategy(database, "sma_cros")


def test_the_origin_is_one_of_its_words(make):
    with pytest.raises(StoreError, match=r"origin='builtins'.*Did you mean 'builtin'"):
        make.strategy(origin="builtins")


def test_eight_threads_save_at_once(database, make):
    names, threads_of_a_name = [f"name {i}" for i in range(8)], 8
    together = threading.Barrier(threads_of_a_name)
    errors = []

    def work(i):
        for name in names:
            together.wait()
            try:
                save_strategy(database, make.strategy(name, source_sha256=str(i % 4) * 64))
                add_dataset(database, make.dataset(name, sha256=str(i % 4) * 64))
            except StoreError as error:
                errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(threads_of_a_name)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(strategies_table(database).name) == names  # one current version of each
    assert len(strategies_table(database, all_versions=True)) == len(datasets_table(database)) == 4 * len(names)
