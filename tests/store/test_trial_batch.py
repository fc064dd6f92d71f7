"""Many trials at once: the same rows as one by one, and the same rules for a spec that is there already."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa
from store.conftest import list_trials

from research_kit.errors import StoreError
from research_kit.store.datasets import add_dataset
from research_kit.store.trial_rows import trial_columns
from research_kit.store.trial_writing import write_columns
from research_kit.store.trials import count_trials, record_trials, unpack_returns

SIZES = [1, 3, 99, 100, 350]  # one by one, and in one go


def rows(database):
    found = [trial.model_dump(exclude={"id", "created_at"}) for trial in list_trials(database)]
    return sorted(found, key=lambda row: row["spec_hash"])


@pytest.mark.parametrize("n", SIZES)
def test_a_batch_leaves_the_rows_that_single_records_leave(database, make, n):
    states = ["failed" if i % 10 == 7 else "completed" for i in range(n)]
    errors = ["no\0 signal <b>" if state == "failed" else None for state in states]
    batch = make.batch(n, dataset_id=add_dataset(database, make.dataset()).id, state=states, error=errors)
    record_trials(database, batch)
    from_batch = rows(database)
    assert len(from_batch) == n
    with database.write() as session:
        session.execute(sa.text("DELETE FROM trials"))
    record_trials(database, make.records(batch))
    assert rows(database) == from_batch


def test_a_set_by_hand(database, make):
    batch = make.batch(
        1,
        spec_hash=["9" * 64],
        parameters=[{"fast": np.int64(3), "x": float("inf")}],
        daily_returns=np.array([[0.5, 0.0, -0.25]]),
        mean=[0.5],
        std=[float("nan")],
        metrics={"sharpe_ratio": [1.5], "total_trades": [7], "cagr": [float("-inf")]},
    )
    record_trials(database, batch)
    [trial] = list_trials(database)
    assert (trial.spec_hash, trial.kind, trial.state, trial.error) == ("9" * 64, "sweep", "completed", None)
    assert trial.parameters == {"fast": 3, "x": None}
    assert trial.options == batch.options
    assert trial.metrics == {"sharpe_ratio": 1.5, "total_trades": 7, "cagr": None}
    assert (trial.first_day, trial.n_returns, trial.mean, trial.std) == (batch.first_day, 3, 0.5, None)
    assert unpack_returns(trial.daily_returns).tolist() == [0.5, 0.0, -0.25]
    assert trial.created_at.tzinfo is not None


def test_nothing_undefined_is_text_in_a_column(database, make):
    record_trials(database, make.batch(350))
    query = "SELECT CAST(metrics AS TEXT) || CAST(parameters AS TEXT) FROM trials WHERE metrics IS NOT NULL"
    with database.read() as session:
        texts = session.scalars(sa.text(query)).all()
        nulls = session.scalar(sa.text("SELECT count(*) FROM trials WHERE mean IS NULL AND metrics IS NULL"))
    assert nulls == 35
    assert not any(word in text for text in texts for word in ("NaN", "nan", "nfinity", "inf"))


@pytest.mark.parametrize("n", [3, 350])
def test_the_first_kind_stays_and_the_newest_numbers_count(database, make, n):
    batch = make.batch(n)
    record_trials(database, [make.trial(mark, metrics={"old": 1.0}) for mark in batch.spec_hash[::2]])
    record_trials(database, batch)
    found = {trial.spec_hash: trial for trial in list_trials(database)}
    assert len(found) == n
    for i, mark in enumerate(batch.spec_hash):
        assert found[mark].kind == ("sweep" if i % 2 else "run")
        assert found[mark].parameters == batch.parameters[i]
        if i % 10 != 7:
            assert found[mark].mean == batch.mean[i]
            assert found[mark].metrics["sharpe_ratio"] == batch.metrics["sharpe_ratio"][i]


@pytest.mark.parametrize("n", [3, 350])
def test_a_failure_takes_nothing_away_and_is_taken_away(database, make, n):
    batch = make.batch(n)
    failed = replace(
        batch, state="failed", error=["no"] * n, metrics={}, daily_returns=None, mean=None, std=None, skew=None
    )
    record_trials(database, failed)
    assert {(trial.state, trial.error, trial.n_returns) for trial in list_trials(database)} == {("failed", "no", None)}
    record_trials(database, batch)
    completed = rows(database)
    assert {(row["state"], row["error"]) for row in completed} == {("completed", None)}
    record_trials(database, failed)
    record_trials(database, replace(failed, state="cancelled"))
    assert rows(database) == completed


@pytest.mark.parametrize("n", [3, 350])
def test_what_was_deleted_completes_again(database, make, n):
    batch = make.batch(n)
    record_trials(database, batch)
    with database.write() as session:
        session.execute(sa.text("UPDATE trials SET state = 'deleted'"))
    record_trials(database, replace(batch, state="failed"))
    assert {trial.state for trial in list_trials(database)} == {"deleted"}
    record_trials(database, batch)
    assert {trial.state for trial in list_trials(database)} == {"completed"}


def test_the_same_spec_twice_in_a_batch_is_one_trial(database, make):
    marks = make.hashes(150) * 2
    record_trials(database, make.batch(300, spec_hash=marks, mean=np.arange(300.0)))
    found = {trial.spec_hash: trial.mean for trial in list_trials(database)}
    assert found == dict(zip(marks[:150], np.arange(150.0, 300.0), strict=True))


def test_batch_after_batch_in_one_transaction_and_in_many(database, make):
    with database.write() as session:
        for seed in range(3):
            write_columns(session, trial_columns(make.batch(120, seed)))
    for seed in range(10):
        record_trials(database, make.batch(120, seed))
    assert count_trials(database) == 1200


def test_no_sets_are_no_trials(database, make):
    record_trials(database, make.batch(0))
    record_trials(database, [])
    assert count_trials(database) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "sweeps"}, "Did you mean 'sweep'"),
        ({"state": ["completed", "done", "failed"]}, "state='done' is not one of its words"),
        ({"state": "done"}, "state='done' is not one of its words"),
        ({"parameters": [{}]}, "parameters has 1 values for the 3 sets"),
        ({"mean": np.zeros(4)}, "mean has 4 values for the 3 sets"),
        ({"metrics": {"cagr": np.zeros(2)}}, r"metrics\['cagr'\] has 2 values for the 3 sets"),
        ({"daily_returns": np.zeros((2, 5))}, "daily_returns has 2 values for the 3 sets"),
    ],
)
def test_a_batch_that_does_not_fit_together_is_refused(make, change, message):
    with pytest.raises(StoreError, match=message):
        make.batch(3, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spec_hash": ["x" * 65, "a", "b"]}, "at most 64 letters and digits; 'xxx"),
        ({"spec_hash": ["a\0", "a", "b"]}, "at most 64 letters and digits"),
        ({"strategy_name": "x" * 201}, "strategy_name has 201 characters"),
        ({"daily_returns": np.array([[0.1], [np.inf], [0.1]])}, "finite numbers; those of set 1 are not"),
        ({"parameters": [{"x": object()}] * 3}, "no JSON form"),
        ({"std": [0.1, -0.1, 0.1]}, "refused a row"),
        ({"dataset_id": 999}, "refused a row"),
    ],
)
@pytest.mark.parametrize("more", [0, 200])
def test_a_batch_that_cannot_be_stored_leaves_nothing(database, make, change, message, more):
    good = make.batch(3 + more)
    values = {name: [*given, *getattr(good, name)[3:]] for name, given in change.items() if isinstance(given, list)}
    if "daily_returns" in change:
        values["daily_returns"] = [*change["daily_returns"], *good.daily_returns[3:]]
    with pytest.raises(StoreError, match=message):
        record_trials(database, replace(good, **(change | values)))
    assert count_trials(database) == 0


def test_many_writers_of_the_same_batches_wait_for_nobody(database, make):
    batches = [make.batch(400), make.batch(400, spec_hash=make.hashes(400)[::-1])]
    errors = []

    def work(batch):
        try:
            record_trials(database, batch)
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(batch,)) for batch in batches * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert count_trials(database) == 400
