"""Trials: each spec once, never forgotten, and their returns in compact form."""

import threading
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from research_kit.errors import NotFoundError, StoreError
from research_kit.store.batches import (
    create_notebook_run,
    create_sweep,
    finish_notebook_run,
    finish_sweep,
    record_sets,
    start_notebook_run,
)
from research_kit.store.listings import notebook_runs_table, sweeps_table
from research_kit.store.records import NewNotebookRun, NewSweep
from research_kit.store.trials import count_trials, list_trials, pack_returns, record_trials, unpack_returns

returns = arrays(np.float32, st.integers(0, 50), elements=st.floats(-1, 10, width=32))


@given(returns)
def test_returns_come_back_as_float32(values):
    found = unpack_returns(pack_returns(values.astype(np.float64)))
    assert found.dtype == np.float32
    assert found.tolist() == values.tolist()


def test_the_form_of_packed_returns_is_that_of_the_table():
    import zlib

    assert zlib.decompress(pack_returns(np.array([1.0, -0.5]))) == np.array([1.0, -0.5], "<f4").tobytes()


def test_days_without_a_position_take_little_room():
    busy = np.random.default_rng(1).normal(0, 0.01, 1000)
    quiet = np.where(np.arange(1000) < 200, busy, 0.0)
    assert len(pack_returns(busy)) < 4100
    assert len(pack_returns(quiet)) < 1100


def test_trials_are_counted_by_dataset_and_strategy(database, make):
    record_trials(
        database,
        [
            make.trial("1" * 64),
            make.trial("2" * 64, state="failed", error="no"),
            make.trial("3" * 64, strategy_name="momentum"),
            make.trial("4" * 64, dataset_sha256="b" * 64, kind="walk_forward"),
        ],
    )
    assert count_trials(database) == 4
    assert count_trials(database, dataset_sha256="a" * 64) == 3
    assert count_trials(database, strategy_name="sma_cross") == 3
    assert count_trials(database, "a" * 64, "sma_cross") == 2
    assert count_trials(database, "c" * 64) == 0
    record_trials(database, [])


def test_the_same_spec_is_the_same_trial(database, make):
    record_trials(database, [make.trial(daily_returns=np.array([0.5]), first_day=date(2024, 1, 2), mean=0.5)])
    record_trials(database, [make.trial(kind="sweep", state="failed", error="later")])
    record_trials(database, [make.trial(kind="sweep", metrics={"sharpe_ratio": float("nan")})])
    record_trials(database, [make.trial(kind="sweep")])
    [trial] = list_trials(database)
    assert (trial.kind, trial.state, trial.error) == ("run", "completed", None)
    assert (trial.first_day, trial.mean, trial.n_returns) == (date(2024, 1, 2), 0.5, 1)
    assert trial.metrics == {"sharpe_ratio": None}


def test_a_failed_trial_that_completes_later_is_completed(database, make):
    record_trials(database, [make.trial(state="failed", error="out of memory")])
    record_trials(database, [make.trial()])
    assert [(trial.state, trial.error) for trial in list_trials(database)] == [("completed", None)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "sweeps"}, "Did you mean 'sweep'"),
        ({"state": "done"}, "state='done' is not one of its words"),
        ({"daily_returns": np.array([0.1, np.nan])}, "one row of finite numbers"),
        ({"daily_returns": np.array([[0.1]])}, "one row of finite numbers"),
    ],
)
def test_a_trial_that_cannot_be_stored_is_refused(make, change, message):
    with pytest.raises(StoreError, match=message):
        make.trial(**change)


def test_many_writers_of_the_same_trials_wait_for_nobody(database, make):
    hashes = [f"{i:064d}" for i in range(200)]
    errors = []

    def work(order):
        try:
            record_trials(database, [make.trial(mark, kind="sweep") for mark in order])
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(order,)) for order in (hashes, hashes[::-1]) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert count_trials(database) == 200


def test_the_life_of_a_sweep(database, make):
    sweep = NewSweep(strategy_name="sma_cross", method="grid", total_sets=3, grid={"fast": range(3)})
    sweep_id = create_sweep(database, sweep)
    record_sets(database, sweep_id, [make.trial(str(i) * 64, kind="sweep") for i in range(2)])
    finish_sweep(database, sweep_id, "failed", "x" * 100_000)
    [row] = sweeps_table(database).to_dict("records")
    assert (row["status"], row["completed_sets"], row["total_sets"], len(row["error"])) == ("failed", 2, 3, 20_000)
    assert len(list_trials(database, sweep_id=sweep_id)) == 2
    with pytest.raises(StoreError, match=f"sweep {sweep_id} is failed"):
        record_sets(database, sweep_id, [make.trial("9" * 64)])
    with pytest.raises(StoreError, match=f"sweep {sweep_id} is failed"):
        finish_sweep(database, sweep_id, "completed")
    assert count_trials(database) == 2
    with pytest.raises(NotFoundError, match="no sweep 9"):
        finish_sweep(database, 9, "completed")
    with pytest.raises(StoreError, match="'done' is not how something ends"):
        finish_sweep(database, sweep_id, "done")


def test_the_life_of_a_notebook_run(database):
    run = NewNotebookRun(notebook="a.ipynb", notebook_sha256="a" * 64, parameters={"fast": np.int64(3)})
    run_id = create_notebook_run(database, run)
    start_notebook_run(database, run_id)
    with pytest.raises(StoreError, match=f"notebook run {run_id} is running"):
        start_notebook_run(database, run_id)
    finish_notebook_run(database, run_id, "completed", output_path="out/a.ipynb", html_path="out/a.html")
    [row] = notebook_runs_table(database).to_dict("records")
    assert (row["status"], row["html_path"], row["parameters"]) == ("completed", "out/a.html", {"fast": 3})
    assert row["created_at"] <= row["started_at"] <= row["completed_at"]
    with pytest.raises(StoreError, match=f"notebook run {run_id} is completed"):
        finish_notebook_run(database, run_id, "failed", "late")
