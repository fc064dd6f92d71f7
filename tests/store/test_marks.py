"""Tags, notes, pins and deleting: what is written is found again, by each filter, and a trial outlives its run."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from research_kit.errors import NotFoundError, OptionError
from research_kit.store import marks, schema
from research_kit.store.database import Database
from research_kit.store.datasets import add_dataset
from research_kit.store.jobs import claim_job, complete_job, create_job
from research_kit.store.listings import backtests_table, trials_table
from research_kit.store.tables import Backtest
from research_kit.store.trials import count_trials
from research_kit.store.wanted import Threshold, Wanted, filter_choices


@pytest.fixture
def filled(database, make):
    """Return a database with three backtests on two datasets; the third has no Sharpe ratio."""
    datasets = [add_dataset(database, make.dataset(name)) for name in ("SPY daily", "100% _odd_")]
    for i, dataset in enumerate([*datasets, datasets[0]], 1):
        mark = str(i) * 64
        job = create_job(database, make.job(mark, dataset_id=dataset.id, dataset_sha256=dataset.sha256))
        metrics = {"sharpe_ratio": None if i == 3 else float(i), "cagr": 0.1 * i, "total_trades": i}
        outcome = make.outcome(i, metrics=metrics, reasons={"sharpe_ratio": "flat"}, trial=make.trial(mark))
        complete_job(database, job, claim_job(database, job, "worker"), outcome)
    return database


def ids(database, **which):
    return backtests_table(database, wanted=Wanted(**which)).id.tolist()


def test_tags_are_kept_once_in_small_letters_and_taken_off_again(filled):
    assert marks.tag_backtest(filled, 1, ["Trend", "to check"]) == ["to check", "trend"]
    assert marks.tag_backtest(filled, 1, [" TREND "]) == ["to check", "trend"]
    marks.tag_backtest(filled, 2, ["trend"])
    assert marks.count_tags(filled) == {"to check": 1, "trend": 2}
    assert marks.untag_backtest(filled, 1, ["trend", "never there"]) == ["to check"]
    assert backtests_table(filled).tags.tolist() == [[], ["trend"], ["to check"]]


@pytest.mark.parametrize("tag", ["", "  ", "a,b", "x" * 51, "line\nbreak", "nul\0", 7, None])
def test_a_tag_that_nobody_could_find_again_is_refused(filled, tag):
    with pytest.raises(OptionError, match="A tag has 1 to 50 characters"):
        marks.tag_backtest(filled, 1, [tag])
    assert marks.count_tags(filled) == {}


def test_one_text_is_not_a_list_of_letters(filled):
    with pytest.raises(OptionError, match="'trend' is one text"):
        marks.tag_backtest(filled, 1, "trend")


def test_a_note_is_kept_replaced_and_taken_away(filled):
    note = "  <script>alert(1)</script>\nSöhne \0 "
    marks.set_note(filled, 2, note)
    assert backtests_table(filled).note.tolist()[1] == "<script>alert(1)</script>\nSöhne \ufffd"
    marks.set_note(filled, 2, "  ")
    assert backtests_table(filled).note.isna().all()
    with pytest.raises(OptionError, match="at most 10,000 characters; given was 10,001 characters"):
        marks.set_note(filled, 2, "x" * 10_001)
    with pytest.raises(OptionError, match="given was 5"):
        marks.set_note(filled, 2, 5)


def test_pins(filled):
    marks.set_pin(filled, 2, True)
    assert ids(filled, pinned=True) == [2]
    assert ids(filled, pinned=False) == [3, 1]
    marks.set_pin(filled, 2, False)
    assert ids(filled, pinned=True) == []
    assert backtests_table(filled).pinned.tolist() == [False] * 3


@pytest.mark.parametrize(
    "change",
    [
        lambda database: marks.tag_backtest(database, 9, ["a"]),
        lambda database: marks.untag_backtest(database, 9, ["a"]),
        lambda database: marks.set_note(database, 9, "a"),
        lambda database: marks.set_pin(database, 9, True),
        lambda database: marks.delete_backtest(database, 9),
    ],
)
def test_what_is_not_there_cannot_be_marked(filled, change):
    with pytest.raises(NotFoundError, match="There is no backtest 9"):
        change(filled)


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({}, [3, 2, 1]),
        ({"strategy": "sma_cross"}, [3, 2, 1]),
        ({"strategy": "sma"}, []),
        ({"dataset": "SPY daily"}, [3, 1]),
        ({"text": "spy"}, [3, 1]),
        ({"text": "%"}, [2]),  # the signs of a pattern are signs
        ({"text": "_o"}, [2]),
        ({"text": "FAST"}, [3, 2, 1]),
        ({"text": "remember"}, [1]),
        ({"text": "TREN"}, [2]),
        ({"tags": ("trend",)}, [2]),
        ({"tags": ("trend", "other")}, []),
        ({"thresholds": (Threshold("sharpe_ratio", ">", 1.0),)}, [2]),
        ({"thresholds": (Threshold("sharpe_ratio", "!=", 1.0),)}, [2]),  # what is undefined fulfils nothing
        ({"thresholds": (Threshold("cagr", ">=", 0.2), Threshold("total_trades", "<", 3))}, [2]),
        ({"thresholds": (Threshold("no_such", ">", 0.0),)}, []),
        ({"since": datetime.now(UTC) - timedelta(days=1)}, [3, 2, 1]),
        ({"until": datetime.now(UTC) - timedelta(days=1)}, []),
        ({"dataset": 1}, [3, 1]),
    ],
)
def test_each_filter(filled, which, found):
    marks.tag_backtest(filled, 2, ["trend"])
    marks.set_note(filled, 1, "To remember: it lost in May.")
    assert ids(filled, **which) == found


def test_a_span_has_its_first_moment_and_not_its_last(filled):
    with filled.write() as session:
        for run_id in (1, 2, 3):
            session.get(Backtest, run_id).created_at = datetime(2024, 1, run_id, tzinfo=UTC)
    second = datetime(2024, 1, 2, tzinfo=UTC)
    assert ids(filled, since=second) == [3, 2]
    assert ids(filled, until=second) == [1]


def test_many_who_tag_a_run_at_once_wait_for_one_another(filled):
    together = threading.Barrier(8, timeout=30)

    def tag(number):
        together.wait()
        return marks.tag_backtest(filled, 1, [f"round {number // 8}"])

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(tag, range(80)))
    assert all(f"round {number // 8}" in tags for number, tags in enumerate(found))
    assert marks.count_tags(filled) == {f"round {number}": 1 for number in range(10)}


def test_filters_and_pages_go_together(filled):
    first = backtests_table(filled, 1, wanted=Wanted(dataset="SPY daily"))
    assert first.id.tolist() == [3]
    assert backtests_table(filled, 1, before=3, wanted=Wanted(dataset="SPY daily")).id.tolist() == [1]


def test_filters_that_cannot_be_are_refused():
    with pytest.raises(OptionError, match="since needs a time with its zone"):
        Wanted(since=datetime(2024, 1, 1))
    with pytest.raises(OptionError, match=r"'=>' compares nothing\. Did you mean"):
        Wanted(thresholds=(Threshold("sharpe_ratio", "=>", 1.0),))


def test_there_is_to_choose_from_what_is_used(filled, make):
    add_dataset(filled, make.dataset("never used"))
    marks.tag_backtest(filled, 1, ["b", "a"])
    found = filter_choices(filled)
    assert (found.strategies, found.datasets, found.tags) == (["sma_cross"], ["100% _odd_", "SPY daily"], ["a", "b"])


def test_a_deleted_run_is_gone_and_its_trial_is_counted(filled):
    marks.tag_backtest(filled, 1, ["a"])
    marks.delete_backtest(filled, 1)
    assert ids(filled) == [3, 2]
    assert marks.count_tags(filled) == {}
    assert count_trials(filled, dataset_sha256="a" * 64) == 3
    assert trials_table(filled).state.tolist() == ["completed", "completed", "deleted"]
    with filled.read() as session:
        count = session.scalar(sa.text("SELECT count(*) FROM trades WHERE backtest_job_id = 1"))
    assert count == 0


def test_a_backtest_of_another_program_can_be_deleted(filled):
    with filled.write() as session:
        session.execute(
            sa.text(
                "INSERT INTO backtests (id, strategy_name, status, created_at) "
                "VALUES (77, 'old', 'completed', '2024-01-01 00:00:00')"
            )
        )
    marks.tag_backtest(filled, 77, ["old"])
    marks.delete_backtest(filled, 77)
    assert ids(filled) == [3, 2, 1]


def test_the_sixth_schema_gets_the_marks_and_can_lose_them_again(own_database, make):
    job = create_job(own_database, make.job())
    run = complete_job(own_database, job, claim_job(own_database, job, "me"), make.outcome())
    marks.tag_backtest(own_database, run, ["a"])
    engine = sa.create_engine(own_database.url)
    with engine.begin() as connection:
        schema.downgrade(connection, "0006")
        names = {column["name"] for column in sa.inspect(connection).get_columns("backtests")}
        assert not names & {"note", "pinned"}
        assert "backtest_tags" not in sa.inspect(connection).get_table_names()
    engine.dispose()
    with Database.open(own_database.url) as database:
        assert database.check() == []
        frame = backtests_table(database)
        assert frame[["id", "pinned"]].to_numpy().tolist() == [[run, False]]
        assert frame.note.isna().all()
        assert frame.tags.tolist() == [[]]
