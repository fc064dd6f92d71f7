"""Trials: each spec once, never forgotten."""

import threading
from datetime import date

import numpy as np
import pytest
from store.conftest import list_trials

from research_kit.errors import StoreError
from research_kit.store.trials import count_trials, record_trials


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
