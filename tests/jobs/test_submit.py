"""Backtests that another process runs: the same results, and every way in which one can end."""

import signal
from time import monotonic

import pandas as pd
import psutil
import pytest
from jobs.conftest import arrived, go_on, nothing_left, worker_of
from waiting import eventually, is_gone

import research_kit as rk
from research_kit.errors import JobError, OptionError, StrategyError

pytestmark = pytest.mark.faults

FAILURES = {
    "raises": "ValueError: no good",
    "raises_much": "ValueError: xxxxx",
    "raises_markup": "ValueError: <script>alert(1)</script>",
    "raises_unspeakably": "UnspeakableError: (its message could not be read)",
    "exits": "SystemExit: 3",
    "leaves": "Its process ended with exit code 7 before it was done.",
    "crashes": "Its process was killed by SIGSEGV. It printed last: Fatal Python error: Segmentation fault",
    "wrong": "SignalError: ",
}


def test_a_job_leaves_what_a_run_leaves(ws):
    job = ws.submit("steady", "walk", {"length": 30}, commission=0.002)
    there = job.result(120)
    here = ws.run("steady", "walk", {"length": 30}, commission=0.002)
    assert there.summary == here.summary
    pd.testing.assert_frame_equal(there.trades, here.trades)
    pd.testing.assert_series_equal(there.equity, here.equity)
    assert there.spec["spec_hash"] == here.spec["spec_hash"]
    assert (job.state, job.progress, job.error) == ("completed", 1.0, None)
    assert repr(job) == f"Job({job.id}, steady, completed, 100%)"


@pytest.mark.parametrize("how", FAILURES)
def test_every_failure_has_its_reason(how, ws):
    job = ws.submit("trouble", "walk", {"how": how})
    assert job.wait(120) == "failed"
    assert job.error.startswith(FAILURES[how])
    assert len(job.error) <= 10_000
    assert nothing_left(ws, job.id)
    trial = ws.trials(strategy="trouble").query("error == @job.row.error_message")
    assert list(trial["state"]) == ["failed"]
    with pytest.raises(JobError, match=f"Job {job.id} failed."):
        job.result(1)


def test_the_line_of_a_crash_is_told(ws):
    job = ws.submit("trouble", "walk", {"how": "crashes"})
    job.wait(120)
    assert 'of_tests.py", line' in job.error


@pytest.mark.parametrize("how", ["loops", "sleeps", "spawns"])
def test_cancel_ends_everything_within_five_seconds(how, ws):
    job = ws.submit("trouble", "walk", {"how": how})
    pids = arrived(ws, how)
    began = monotonic()
    assert job.cancel() == "cancelled"
    assert monotonic() - began < 5.0
    eventually(lambda: all(map(is_gone, pids)), timeout=5.0)
    assert nothing_left(ws, job.id)
    with pytest.raises(JobError, match="was cancelled"):
        job.result(1)


def test_a_time_limit_is_kept_and_named(ws):
    job = ws.submit("trouble", "walk", {"how": "loops"}, time_limit=0.5)
    assert job.wait(60) == "failed"
    assert job.error == "It took longer than its time limit of 0.5 seconds."


@pytest.mark.skipif(not psutil.LINUX, reason="a limit of data is Linux's")
def test_a_memory_limit_is_kept_and_named(ws):
    job = ws.submit("trouble", "walk", {"how": "eats"}, memory_limit=1 << 30)
    assert job.wait(60) == "failed"
    assert job.error.startswith("It needed more memory than its limit of 1,024 MiB. MemoryError: ")
    assert ws.submit("steady", "walk", memory_limit=1 << 30).wait(60) == "completed"


def test_a_process_that_died_is_begun_again_where_that_was_asked(ws):
    job = ws.submit("dies_once", "walk", retries=1)
    run = job.result(120)
    assert job.row.attempt == 2
    assert len(ws.backtests().query("job_id == @job.id")) == 1
    assert run.metrics["total_trades"] == 1
    (ws.folder / "strategies" / "died.once").unlink()


def test_without_retries_it_failed(ws):
    job = ws.submit("dies_once", "walk")
    assert job.wait(120) == "failed"
    assert job.error.startswith("Its process was killed by SIGKILL.")
    assert job.error.endswith("It was attempt 1 of 1.")
    (ws.folder / "strategies" / "died.once").unlink()


def test_progress_comes_from_the_database(ws):
    job = ws.submit("steady", "walk", {"waits_for": "go"})
    arrived(ws, "go")
    with rk.open_workspace(ws.folder, ws.database.url) as other:
        seen = other.job(job.id)
        assert seen.state == "running"
        assert seen.step == "making signals"
        assert 0.0 <= seen.progress < 1.0
        assert seen.row.worker_id == job.row.worker_id
        go_on(ws, "go")
        assert seen.result(60).metrics["total_trades"] > 0
    (ws.folder / "strategies" / "go").unlink()


def test_a_pending_job_is_cancelled_at_once(own_ws, monkeypatch):
    monkeypatch.setattr("research_kit.workspace.research.ensure_worker", lambda home: None)
    job = own_ws.submit("steady", "walk")
    assert job.state == "pending"
    assert job.cancel() == "cancelled"


def test_a_result_that_takes_too_long_goes_on(ws):
    job = ws.submit("steady", "walk", {"waits_for": "late"})
    arrived(ws, "late")
    with pytest.raises(TimeoutError, match=rf"Job {job.id} is running after 0.2 seconds; it goes on."):
        job.result(0.2)
    go_on(ws, "late")
    job.result(60)
    (ws.folder / "strategies" / "late").unlink()


def test_a_source_that_was_edited_is_not_run(own_ws, monkeypatch):
    monkeypatch.setattr("research_kit.workspace.research.ensure_worker", lambda home: None)
    job = own_ws.submit("steady", "walk")
    file = own_ws.folder / "strategies" / "of_tests.py"
    file.write_text(file.read_text() + "\n# edited\n")
    monkeypatch.undo()
    assert own_ws.job(job.id).wait(120) == "failed"
    assert job.error == "JobError: The source of steady was edited after the job was submitted. Submit it again."


def test_how_long_it_will_take_is_learnt(own_ws):
    first = own_ws.submit("steady", "walk")
    assert first.expected_seconds is None
    first.result(120)
    second = own_ws.submit("steady", "walk", {"length": 5})
    assert second.expected_seconds == first.row.actual_duration
    second.result(120)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"time_limit": 0}, "time_limit must be a number above 0, or None for no limit; given was 0."),
        ({"memory_limit": -1}, "memory_limit must be a number above 0, or None for no limit; given was -1."),
        ({"retries": 1.5}, "retries is a whole number from 0 to 100; given was 1.5."),
    ],
)
def test_limits_are_checked_before_anything_is_recorded(limits, sentence, ws):
    before = len(ws.jobs())
    with pytest.raises(OptionError) as caught:
        ws.submit("steady", "walk", **limits)
    assert str(caught.value) == sentence
    assert len(ws.jobs()) == before


class OfThisModule(rk.Strategy):
    """Of a module that the workspace was not told to trust."""

    def signals(self, bars):
        return rk.Signals.target(bars.close > 0)


def test_what_no_worker_would_load_is_refused_here(ws):
    class Local(OfThisModule):
        """Defined inside a function."""

    before = len(ws.jobs())
    with pytest.raises(StrategyError, match="may not be loaded"):
        ws.submit(OfThisModule, "walk")
    with pytest.raises(StrategyError, match="Local is defined inside a function"):
        ws.submit(Local, "walk")
    assert len(ws.jobs()) == before


def test_one_worker_serves_a_workspace_and_ends_when_it_is_told(own_ws):
    first, second = own_ws.submit("steady", "walk"), own_ws.submit("steady", "walk", {"length": 9})
    first.result(120)
    second.result(120)
    assert first.row.worker_id == second.row.worker_id
    worker = worker_of(own_ws)
    assert own_ws.work(1, idle=0.0) is False
    children = worker.children(recursive=True)
    worker.send_signal(signal.SIGTERM)
    worker.wait(20)
    eventually(lambda: all(is_gone(child.pid) for child in children))
    third = own_ws.submit("steady", "walk", {"length": 11})
    assert third.wait(120) == "completed"
    assert third.row.worker_id != first.row.worker_id
