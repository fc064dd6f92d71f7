"""A batch: what it leaves, how notebooks fail, and that only what is not completed is run again."""

import os
import signal
import threading
import zipfile

import nbformat
import numpy as np
import pytest
from notebook_files import texts, write_notebook
from waiting import eventually, is_gone

import research_kit as rk
from research_kit.errors import NotFoundError, ReportError, StoreError
from research_kit.processes.lock import hold
from research_kit.report.batches.batch import Batch
from research_kit.store.batches import batch_rows, create_notebook_run, start_notebook_run
from research_kit.store.records import NewNotebookRun

WORK = """
import os, signal, sys, time
from pathlib import Path
print("begun", how, flush=True)
if how == "raise": raise ValueError("<b>no</b>")
if how == "exit": os._exit(3)
if how == "kill": os.kill(os.getpid(), signal.SIGKILL)
if how == "wait": time.sleep(600)
if how == "crash": import ctypes; ctypes.string_at(0)
if how == "memory": bytearray(8 << 30)
if how == "leave": sys.exit("bye")
if how == "flaky" and not Path(flag).exists(): Path(flag).touch(); raise OSError("once")
Path("left.txt").write_text(how) if how == "fine" else None
"""
HOWS = ("fine", "plain", "raise", "exit", "kill", "wait", "memory", "leave")
PARAMETERS = 'how: str = "fine"\nflag: str = ""'

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Return a batch in which notebooks end in every way, and its workspace."""
    folder = tmp_path_factory.mktemp("mixed")
    source = write_notebook(folder / "work.ipynb", WORK, "print('done')", parameters=PARAMETERS)
    seen = []
    with rk.open_workspace(folder / "ws {x}") as ws:
        limits = {"time_limit": 6.0, "memory_limit": 1 << 30, "workers": 2}
        batch = ws.run_notebooks(source, grid={"how": HOWS}, name="mixed", progress=seen.append, **limits)
        yield ws, batch, seen


def row_of(mixed, how):
    return mixed[1].rows[HOWS.index(how)].run


def test_each_is_a_row_with_how_it_ended(mixed):
    ws, batch, seen = mixed
    states = ["completed", "completed", *["failed"] * 6]
    assert list(batch.table["status"]) == states
    assert not batch.ok
    assert repr(batch) == "Batch('mixed', 2 completed, 6 failed)"
    assert (seen[-1].done, seen[-1].failed, seen[-1].total) == (8, 6, 8)
    for row in batch.rows:
        assert row.run.batch == "mixed"
        assert row.run.attempt == 1
        assert row.run.actual_duration > 0
        assert len(row.run.inputs_hash) == len(row.run.notebook_sha256) == 64
        assert row.run.worker_id.split(":")[1] == str(os.getpid())
        assert row.run.lease_token is None
    assert ws.batches().iloc[0][["name", "notebooks", "completed", "failed"]].tolist() == ["mixed", 8, 2, 6]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("raise", "Cell 3 failed: ValueError: <b>no</b>"),
        ("exit", "Its kernel ended with exit code 3 before the notebook was done."),
        ("kill", "Its kernel was killed by SIGKILL."),
        ("wait", "It took longer than its time limit of 6 seconds."),
        ("memory", "Cell 3 failed: MemoryError"),
        ("leave", "Cell 3 failed: SystemExit: bye"),
    ],
)
def test_a_failure_has_its_reason_in_the_row_the_notebook_and_the_page(mixed, how, words):
    ws, _, _ = mixed
    row = row_of(mixed, how)
    assert row.error.startswith(words)
    output = ws.folder / row.output_path
    told = texts(output)
    assert told[0] == f"begun {how}" or how in ("exit", "kill")  # what was printed last may die with its kernel
    assert "done" not in told
    [error] = [
        one
        for cell in nbformat.read(output, as_version=4).cells
        for one in cell.get("outputs", ())
        if one.output_type == "error"
    ]
    assert error.evalue in row.error
    page = (ws.folder / row.html_path).read_text(encoding="utf-8")
    assert "This report is not complete." in page
    assert "<b>no</b>" not in page


def test_the_cells_after_a_dead_kernel_are_not_called_completed(mixed):
    book = nbformat.read(mixed[0].folder / row_of(mixed, "kill").output_path, as_version=4)
    states = [cell.metadata.papermill.status for cell in book.cells if cell.cell_type == "code"]
    assert states == ["completed", "completed", "failed", "pending"]


def test_what_a_notebook_writes_is_kept_with_the_batch(mixed):
    _, batch, _ = mixed
    assert (batch.folder / "files" / "001" / "left.txt").read_text() == "fine"
    assert [path.name for path in (batch.folder / "files").iterdir()] == ["001"]


def test_the_folder_tells_nothing_of_the_machine_and_holds_no_leftovers(mixed):
    ws, batch, _ = mixed
    assert str(ws.folder) not in (batch.folder / "notebooks" / "001.ipynb").read_text(encoding="utf-8")
    assert not list(batch.folder.rglob("*.tmp"))
    assert not list(batch.folder.rglob(".*"))


def test_the_folder_is_one_file_to_be_sent(mixed, tmp_path):
    _, batch, _ = mixed
    with zipfile.ZipFile(batch.zip(tmp_path / "sent.zip")) as sent:
        names = set(sent.namelist())
    assert {"mixed/index.html", "mixed/notebooks/001.ipynb", "mixed/html/008.html", "mixed/files/001/left.txt"} <= names


def test_a_batch_is_found_by_its_name(mixed):
    ws, _, _ = mixed
    assert ws.load_batch("mixed").counts["failed"] == 6
    with pytest.raises(NotFoundError, match=r"no batch 'mixd'\. Did you mean 'mixed'"):
        ws.load_batch("mixd")


def test_only_what_is_not_completed_runs_again(ws, notebook, tmp_path):
    source = notebook(WORK, parameters=PARAMETERS)
    flag = tmp_path / "flag"
    sets = [{"how": "plain"}, {"how": "flaky", "flag": str(flag)}]
    first = ws.run_notebooks(source, sets, name="b", workers=2)
    assert list(first.table["status"]) == ["completed", "failed"]
    before = [row.run.id for row in first.rows]

    resumed = ws.load_batch("b").resume(workers=1)
    assert list(resumed.table["status"]) == ["completed", "completed"]
    after = [row.run.id for row in resumed.rows]
    assert after == [before[0], before[1] + 1]

    grown = ws.run_notebooks(source, [{"how": "fine"}, *sets[::-1]], name="b")
    assert list(grown.table["how"]) == ["plain", "flaky", "fine"]
    grown_ids = [row.run.id for row in grown.rows]
    assert grown_ids[:2] == after

    (ws.folder / grown.rows[0].run.html_path).unlink()
    write_notebook(source, "print(how)", parameters=PARAMETERS + " ")
    assert ws.load_batch("b").resume().ok  # another notebook: all of them
    assert min(row.run.id for row in ws.load_batch("b").rows) > max(grown_ids)


def test_one_that_failed_is_begun_again_as_often_as_it_may(ws, notebook, tmp_path):
    source = notebook(WORK, parameters=PARAMETERS)
    sets = [{"how": "flaky", "flag": str(tmp_path / "flag")}, {"how": "raise"}]
    batch = ws.run_notebooks(source, sets, name="b", retries=2, workers=2)
    assert [(row.run.status, row.run.attempt) for row in batch.rows] == [("completed", 2), ("failed", 3)]
    assert batch.rows[0].run.error is None


def test_after_a_failure_nothing_more_is_begun_where_that_is_asked_for(ws, notebook):
    batch = ws.run_notebooks(
        notebook(WORK, parameters=PARAMETERS),
        [{"how": "raise"}, *({"how": "plain", "flag": str(number)} for number in range(4))],
        workers=1,
        stop_on_error=True,
    )
    counts = batch.counts
    assert counts == {"failed": 1, "cancelled": 4}
    assert "Another notebook failed before." in set(batch.table["error"])
    assert batch.resume(workers=2).counts == {"completed": 4, "failed": 1}


def test_the_backtest_of_a_notebook_is_found_by_its_run(market):
    source = "research"
    grid = {"dataset": ["walk", "other"], "strategy": ["sma_cross"]}
    parameters = {"strategy_parameters": {"fast": 5, "slow": 20}}
    batch = market.run_notebooks(source, parameters, grid=grid, name="found", workers=2)
    assert batch.ok, batch.table["error"].tolist()
    table = batch.table
    assert list(table["dataset"]) == ["walk", "other"]
    for row, line in zip(batch.rows, table.to_dict("records"), strict=True):
        run = market.load_run(line["run_id"])
        assert row.run.backtest_job_id == run.job.id
        assert run.dataset.name == line["dataset"]
        assert line["sharpe_ratio"] == run.metrics["sharpe_ratio"]
        assert line["total_trades"] == run.metrics["total_trades"]
    page = batch.index.read_text(encoding="utf-8")
    assert page.count('class="spark') == 2
    assert 'href="html/001.html"' in page
    assert "Sharpe ratio" in page
    assert "Plotly.react" in (batch.folder / "html" / "001.html").read_text(encoding="utf-8")


def test_a_new_version_of_the_data_is_another_input(market, make_bars):
    def run():
        return (
            market.run_notebooks("research", {"dataset": "walk", "strategy": "buy_and_hold"}, name="v").rows[0].run.id
        )

    first = run()
    assert run() == first
    market.import_dataset(make_bars(500, seed=9).frame, name="walk", symbol="WALK")
    assert run() > first


def test_a_changed_strategy_is_another_input(market):
    path = market.folder / "strategies" / "mine.py"
    text = '"""Mine."""\nimport research_kit as rk\n\n\nclass Mine(rk.Strategy):\n    """Long."""\n\n'
    text += "    def signals(self, bars: rk.Bars) -> rk.Signals:\n        return rk.Signals.target(bars.close > 0)\n"

    def run():
        [row] = market.run_notebooks("research", {"dataset": "other", "strategy": "mine"}, name="mine").rows
        assert row.run.status == "completed", row.run.error
        return row.run.id

    path.write_text(text)
    first = run()
    path.write_text(text.replace("> 0", "> 1"))
    assert run() > first


def test_a_module_beside_the_notebook_can_be_imported(ws, notebook):
    source = notebook("from helper import answer\nprint(answer)")
    (source.parent / "helper.py").write_text("answer = 42\n")
    batch = ws.run_notebooks(source, name="helped")
    assert texts(batch.folder / "notebooks" / "001.ipynb") == ["42"]


def test_a_batch_is_run_by_one_process(ws, notebook):
    source = notebook("1")
    held = hold(ws.folder / "reports" / "batches" / ".b.lock")
    with pytest.raises(ReportError, match="'b' is run by another process"):
        ws.run_notebooks(source, name="b")
    held.release()
    run = NewNotebookRun(notebook="x", notebook_sha256="a" * 64, batch="b", position=1, inputs_hash="b" * 64)
    start_notebook_run(ws.database, create_notebook_run(ws.database, run), "elsewhere:1:2.0")
    with pytest.raises(StoreError, match=r"run by another process \(elsewhere:1:2.0\)"):
        ws.run_notebooks(source, name="b")


def test_a_batch_is_cancelled_from_anywhere(ws, notebook):
    source = notebook("import time, os\nprint(os.getpid(), flush=True)\ntime.sleep(600)", parameters="n: int = 0")
    ended = []
    thread = threading.Thread(target=lambda: ended.append(run_in(ws, source)))
    thread.start()
    other = Batch(ws, "b")
    eventually(lambda: other.counts["running"] == 2)
    pids = kernels_of_this_process()
    assert other.cancel() >= 2
    thread.join(15)
    assert not thread.is_alive()
    assert ended[0].counts == {"cancelled": 6}
    eventually(lambda: all(is_gone(pid) for pid in pids))
    assert len(pids) >= 2


def run_in(ws, source):
    return ws.run_notebooks(source, grid={"n": range(6)}, name="b", workers=2)


def kernels_of_this_process():
    import psutil

    found = []
    for child in psutil.Process().children(recursive=True):  # workers of other tests may be among them
        try:
            if child.ppid() != os.getpid() and "ipykernel.kernelapp" in child.cmdline():
                found.append(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found


@pytest.fixture
def _hears_interrupts():
    """Let this process hear SIGINT: one that was started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_hears_interrupts")
def test_an_interrupt_leaves_no_process_and_says_so(ws, notebook):
    hard = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(600)"
    source = notebook(hard, parameters="n: int = 0")
    seen = []

    def interrupt():
        eventually(lambda: Batch(ws, "b").counts["running"] == 2)
        seen.extend(kernels_of_this_process())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_in(ws, source)
    thread.join()
    assert Batch(ws, "b").counts == {"cancelled": 6}
    eventually(lambda: all(is_gone(pid) for pid in seen))
    assert len(seen) >= 2
    assert "cancelled" in Batch(ws, "b").index.read_text(encoding="utf-8")


def test_rows_of_a_runner_that_died_are_failed_when_anyone_looks(ws):
    run = NewNotebookRun(notebook="x", notebook_sha256="a" * 64, batch="b", position=1, inputs_hash="b" * 64)
    from research_kit.processes.identity import machine

    start_notebook_run(ws.database, create_notebook_run(ws.database, run), f"{machine()}:4194000:1.0")
    [row] = ws.load_batch("b").rows
    assert row.run.status == "failed"
    assert "The process that ran it" in row.run.error


def test_the_interactive_use_of_a_notebook_is_noted_nowhere(market, monkeypatch):
    for value in ("", "x", "1:", "999:abc", "1:abc"):
        monkeypatch.setenv("RESEARCH_KIT_NOTEBOOK_RUN", value)
        run = market.run("buy_and_hold", "other")
        assert np.isfinite(run.metrics["total_return"])
    jobs = {row.run.backtest_job_id for name in market.batches()["name"] for row in batch_rows(market.database, name)}
    assert run.job.id not in jobs
