"""The notebook on jobs and clusters as papermill runs it: each job ended as it says."""

import pytest
from jobs.conftest import stop_worker

import research_kit as rk

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def notebook(execute):
    pytest.importorskip("distributed", reason="dask is not installed")
    return execute("08_scale_out")


@pytest.fixture(scope="module")
def ws(notebook):
    with rk.open_workspace(notebook.workspace) as opened:
        yield opened
        stop_worker(opened)


def test_every_job_ended_as_it_says(ws):
    jobs = ws.jobs().sort_values("id")
    assert jobs["status"].tolist() == ["completed"] * 5 + ["failed", "cancelled"] + ["completed"] * 3
    failed = jobs.query("status == 'failed'")["error_message"].item()
    assert failed == "It took longer than its time limit of 1 seconds."


def test_a_cells_class_ran_in_another_process(ws):
    (file,) = (ws.folder / "strategies" / "_submitted").glob("*.py")
    assert "class Patient(rk.Strategy):" in file.read_text("utf-8")


def test_the_search_of_the_cluster_is_that_of_one_process(ws, notebook):
    assert len(ws.sweeps()) == 1
    assert "(True, 180, True)" in notebook.shown
    assert len(ws.trials("S&P 500 daily", "sma_cross")) == 180  # the job of the beginning is one of them


def test_the_same_search_reads_bars_from_storage_through_a_cache(ws, notebook):
    assert "(True, True)" in notebook.shown
    (stored,) = (ws.folder / "storage" / "data").iterdir()
    copies = (notebook.path.parent / "cache").rglob("data/*.arrow")
    assert [copy.name for copy in copies] == [stored.name]
    assert not list((ws.folder / "shared" / "data").iterdir())


def test_no_process_of_the_cluster_is_left(notebook):
    import psutil

    left = [process for process in psutil.process_iter(["cmdline"]) if "distributed" in str(process.info["cmdline"])]
    assert [process for process in left if process.create_time() > notebook.path.parent.stat().st_ctime] == []
