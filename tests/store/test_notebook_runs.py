"""Runs of notebooks: each runs once, and stays as it ended."""

import numpy as np
import pytest

from research_kit.errors import StoreError
from research_kit.store.batches import create_notebook_run, finish_notebook_run, start_notebook_run
from research_kit.store.listings import notebook_runs_table
from research_kit.store.records import NewNotebookRun


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
