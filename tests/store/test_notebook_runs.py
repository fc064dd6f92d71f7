"""Runs of notebooks: each runs once, and stays as it ended."""

import numpy as np
import pytest
import sqlalchemy as sa

from research_kit.errors import StoreError
from research_kit.store.batches import (
    batch_rows,
    batches_table,
    cancel_waiting_notebooks,
    check_batch_free,
    create_notebook_run,
    create_notebook_runs,
    finish_notebook_run,
    is_batch_cancelled,
    keep_notebooks_alive,
    note_backtest,
    request_batch_cancel,
    retry_notebook_run,
    settle_notebook_runs,
    start_notebook_run,
)
from research_kit.store.jobs import claim_job, complete_job, create_job
from research_kit.store.listings import notebook_runs_table
from research_kit.store.records import JobOutcome, NewNotebookRun


def new_runs(count, batch="b"):
    return [
        NewNotebookRun(notebook="a.ipynb", notebook_sha256="a" * 64, parameters={"n": n}, batch=batch, position=n)
        for n in range(1, count + 1)
    ]


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


def states(database):
    return [row.run.status for row in batch_rows(database, "b")]


def test_only_its_runner_changes_a_run(database):
    run_id = create_notebook_run(database, new_runs(1)[0])
    token = start_notebook_run(database, run_id, "here:1:2.0")
    with pytest.raises(StoreError, match="worked on by another process"):
        finish_notebook_run(database, run_id, "completed", token="another")
    with pytest.raises(StoreError, match="worked on by another process"):
        retry_notebook_run(database, run_id, "another", "x")
    retry_notebook_run(database, run_id, token, ValueError("once"))
    finish_notebook_run(database, run_id, "completed", token=token)
    [row] = batch_rows(database, "b")
    assert (row.run.attempt, row.run.error, row.run.lease_token) == (2, None, None)
    assert row.run.actual_duration >= 0


def test_all_runs_of_a_batch_are_recorded_or_none(database):
    with pytest.raises(StoreError):
        create_notebook_runs(database, [*new_runs(2), NewNotebookRun(notebook="x" * 501, notebook_sha256="a")])
    assert notebook_runs_table(database).empty


def test_the_newest_run_of_a_place_counts(database):
    first = create_notebook_runs(database, new_runs(2))
    for run_id in first:
        finish_notebook_run(database, run_id, "failed", "x")
    create_notebook_runs(database, new_runs(1))
    create_notebook_runs(database, new_runs(1, batch="other"))
    assert states(database) == ["pending", "failed"]
    table = batches_table(database).set_index("name")
    assert table.loc["b", ["notebooks", "pending", "failed", "completed"]].tolist() == [2, 1, 1, 0]
    assert table.loc["other", "notebooks"] == 1


def test_no_batches_are_an_empty_table(database):
    assert batches_table(database).empty


def test_a_backtest_is_noted_by_the_notebook_that_recorded_it(database, make):
    run_id = create_notebook_run(database, new_runs(1)[0])
    token = start_notebook_run(database, run_id)
    job_id = create_job(database, make.job())
    assert not note_backtest(database, run_id, "another", job_id)
    assert note_backtest(database, run_id, token, job_id)
    lease = claim_job(database, job_id, "w")
    backtest_id = complete_job(database, job_id, lease, JobOutcome(metrics={"sharpe_ratio": 1.5, "total_trades": 3}))
    [row] = batch_rows(database, "b")
    assert (row.run.backtest_job_id, row.backtest_id) == (job_id, backtest_id)
    assert (row.metrics["sharpe_ratio"], row.metrics["win_rate"]) == (1.5, None)
    finish_notebook_run(database, run_id, "completed", token=token)
    assert not note_backtest(database, run_id, token, job_id)


def test_a_batch_is_cancelled_what_waits_at_once(database):
    ids = create_notebook_runs(database, new_runs(3))
    start_notebook_run(database, ids[0])
    assert not is_batch_cancelled(database, "b", ids)
    assert request_batch_cancel(database, "b") == 1
    assert states(database) == ["running", "cancelled", "cancelled"]
    assert is_batch_cancelled(database, "b", ids[:1])
    assert not is_batch_cancelled(database, "b", [])
    assert request_batch_cancel(database, "none") == 0


def test_what_was_not_begun_is_cancelled(database):
    ids = create_notebook_runs(database, new_runs(3))
    start_notebook_run(database, ids[0])
    cancel_waiting_notebooks(database, ids, "It was not begun.")
    assert states(database) == ["running", "cancelled", "cancelled"]
    assert batch_rows(database, "b")[1].run.error == "It was not begun."


def test_runs_whose_runner_is_over_or_silent_are_failed(database):
    ids = create_notebook_runs(database, new_runs(3))
    tokens = {ids[n]: start_notebook_run(database, ids[n], f"w{n}") for n in range(2)}
    with pytest.raises(StoreError, match=r"run by another process \(w\d\)"):
        check_batch_free(database, "b")
    assert settle_notebook_runs(database, lambda worker: False, 60) == []
    assert settle_notebook_runs(database, lambda worker: worker == "w0", 60) == ids[:1]
    keep_notebooks_alive(database, tokens)
    assert settle_notebook_runs(database, lambda worker: False, 60) == []
    with database.write() as session:
        session.execute(sa.text("UPDATE notebook_runs SET heartbeat_at = '2020-01-01 00:00:00.000000'"))
    assert settle_notebook_runs(database, lambda worker: False, 60) == ids[1:2]
    assert states(database) == ["failed", "failed", "pending"]
    errors = [row.run.error for row in batch_rows(database, "b")]
    assert errors[:2] == [
        "The process that ran it (w0) died.",
        "The process that ran it gave no sign of life for 60 seconds.",
    ]
    check_batch_free(database, "b")
