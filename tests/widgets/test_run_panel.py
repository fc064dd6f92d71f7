"""A run goes on elsewhere: the notebook stays free, every end is shown, and one that was left is found again."""

import os
import time

import pytest
from waiting import eventually

import research_kit as rk
from research_kit.errors import OptionError
from research_kit.store import jobs
from research_kit.widgets.work.errands import HereErrand, JobErrand, Request
from research_kit.widgets.work.run_panel import RunPanel

LONG = 60


class Asked:
    """What the panel is asked to run, and what it told."""

    def __init__(self, ws, strategies):
        self.ws, self.here = ws, strategies
        self.key, self.parameters, self.options = "sma_cross", {}, {}
        self.runs, self.stops, self.starts = [], [], []

    def __call__(self):
        kind = self.here.get(self.key) or self.ws.registry.resolve(self.key)
        return Request(kind, 1, "Calm", self.parameters, self.options)


@pytest.fixture
def asked(ws, strategies):
    return Asked(ws, strategies)


@pytest.fixture
def panel(ws, asked):
    panel = RunPanel(
        ws,
        asked,
        on_start=lambda: asked.starts.append(1),
        on_run=asked.runs.append,
        on_stop=lambda: asked.stops.append(1),
    )
    yield panel
    panel.cancel()
    assert panel.wait(LONG)
    panel.close()


def test_a_run_in_another_process_is_watched_to_its_end(panel, asked, ws):
    asked.parameters, asked.options = {"fast": 5}, {"commission": 0.003}
    panel.run_button.click()
    assert panel.state == "running"
    assert (panel.run_button.disabled, panel.cancel_button.disabled) == (True, False)
    assert panel.progress.layout.visibility == "visible"
    assert not panel.wait(0.01)
    panel.run()  # nothing happens while one runs
    assert panel.wait(LONG)
    assert (panel.state, len(asked.runs), len(asked.starts), asked.stops) == ("completed", 1, 1, [])
    run = panel.last_run
    assert (run.parameters["fast"], run.options["commission"]) == (5, 0.003)
    assert isinstance(panel.errand, JobErrand)
    assert run.job.worker_id.split(":")[1] != str(os.getpid())
    assert (panel.run_button.disabled, panel.cancel_button.disabled) == (False, True)


def test_a_loop_without_end_is_cancelled_and_its_process_is_gone(panel, asked, ws):
    asked.key = "loops"
    panel.run()
    eventually(lambda: "making signals" in panel.words.lower(), 60)
    began = time.monotonic()
    panel.cancel_button.click()
    assert time.monotonic() - began < 1.0  # the click itself waits for nothing
    assert panel.wait(15)
    assert panel.state == "cancelled"
    assert 'role="status"' in panel.status.value
    assert ws.jobs()["status"].iloc[0] == "cancelled"
    assert asked.stops == [1]


def test_what_a_strategy_raises_elsewhere_is_shown_with_its_cause_and_its_place(panel, asked):
    asked.key = "raises"
    panel.run()
    assert panel.wait(LONG)
    assert panel.state == "failed"
    shown = panel.status.value
    assert "ValueError: &lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "of_tests.py, line" in shown
    assert "because of KeyError: &#x27;&lt;b&gt;missing&lt;/b&gt;&#x27;" in shown
    assert "<script" not in shown
    assert "<b>" not in shown
    assert "research_kit/" not in shown  # no path of the machine, and no step of ours
    assert panel.last_run is None


@pytest.mark.parametrize(
    ("way", "words"),
    [("error", "ZeroDivisionError: &lt;script&gt;"), ("exit", "SystemExit: 3"), ("unreadable", "UnreadableError")],
)
def test_a_class_that_no_other_process_finds_runs_here_and_says_so(panel, asked, way, words):
    asked.key, asked.parameters = "breaks", {"way": way}
    panel.run()
    assert panel.wait(LONG)
    assert isinstance(panel.errand, HereErrand)
    assert "in this kernel" in panel.errand.where
    assert panel.state == "failed"
    assert words in panel.status.value
    assert "conftest.py, line" in panel.status.value  # where it happened
    assert not panel.run_button.disabled


@pytest.mark.parametrize("key", ["endless", "endless_orders"])
def test_a_loop_without_end_in_this_kernel_is_interrupted(panel, asked, ws, key):
    asked.key = key
    panel.run()
    eventually(lambda: ws.jobs()["status"].iloc[0] == "running", 10)
    panel.cancel()
    assert panel.wait(10)
    assert panel.state == "cancelled"
    assert ws.jobs()["status"].iloc[0] == "cancelled"


def test_what_is_being_written_is_not_interrupted(ws, strategies):
    """Between two steps, when the bars are opened and rows are written, a run ends by itself."""
    errand, told = HereErrand(ws, Request(strategies["endless"], 1, "Calm", {}, {}), "it is of a cell"), []

    def tell(standing):
        told.append(standing.step)
        errand.cancel()
        for _ in range(100_000):  # an interrupt would come here
            pass
        told.append("told")

    assert errand.carry_out(tell).state == "cancelled"
    assert told == ["opening the bars", "told"]
    assert ws.jobs()["status"].iloc[0] == "cancelled"


@pytest.mark.parametrize("way", ["error", "exit"])
def test_the_end_of_the_strategy_s_own_code_is_not_interrupted(ws, strategies, monkeypatch, way):
    """Its error is being written when Cancel is pressed: it is written whole."""
    errand = HereErrand(ws, Request(strategies["breaks"], 1, "Calm", {"way": way}, {}), "it is of a cell")
    written = jobs.fail_job

    def slowly(*arguments):
        errand.cancel()
        for _ in range(100_000):  # an interrupt would come here
            pass
        return written(*arguments)

    monkeypatch.setattr(jobs, "fail_job", slowly)
    assert errand.carry_out(lambda standing: None).state == "failed"
    assert ws.jobs()["status"].iloc[0] == "failed"


def test_what_is_written_after_long_signals_is_not_interrupted(ws, strategies, monkeypatch):
    monkeypatch.setattr("research_kit.runs.recording.REPORT_EVERY", 0.0)
    errand = HereErrand(ws, Request(ws.registry.resolve("sma_cross"), 1, "Calm", {}, {}), "it is of a test")
    report, steps = jobs.report_progress, []

    def slowly(*arguments):
        steps.append(arguments[-1])
        if steps[-1] == "filling orders":
            errand.cancel()
            for _ in range(100_000):
                pass
        done = report(*arguments)
        steps.append("written")
        return done

    monkeypatch.setattr(jobs, "report_progress", slowly)
    assert errand.carry_out(lambda standing: None).state == "cancelled"
    assert steps[-2:] == ["filling orders", "written"]
    assert ws.jobs()["status"].iloc[0] == "cancelled"


def test_a_run_that_is_left_goes_on_and_is_found_again(panel, asked, ws):
    asked.key = "loops"
    panel.run()
    job = panel.errand.job
    panel.leave_button.click()
    assert panel.wait(5)
    assert (panel.state, asked.stops) == ("ready", [1])
    assert f"job {job.id}" in panel.words
    assert job.state in ("pending", "running")
    other = RunPanel(ws, asked)  # as in the notebook that is opened again
    assert other.find()
    assert other.errand.job.id == job.id
    eventually(lambda: "another process" in other.words, 10)
    other.cancel()
    assert other.wait(15)
    assert (other.state, job.state) == ("cancelled", "cancelled")
    assert not other.find()
    other.close()


def test_a_run_that_completed_while_nobody_looked_is_shown_by_who_follows_it(panel, asked, ws):
    job = ws.submit("sma_cross", "Calm", {"fast": 6})
    assert job.wait(LONG) == "completed"
    panel.follow(job.id)
    assert panel.wait(LONG)
    assert asked.runs[0].parameters["fast"] == 6


def test_runs_of_notebooks_and_batches_are_not_taken_for_submitted_ones(panel, ws):
    ws.run("sma_cross", "Calm", {"fast": 7})
    assert not panel.find()


def test_what_cannot_be_asked_for_starts_nothing(panel, asked, ws):
    def refuse():
        raise OptionError("Choose <something>.")

    before = len(ws.jobs())
    panel.ask = refuse
    panel.run_button.click()
    assert panel.state == "failed"
    assert "Not started. Choose &lt;something&gt;." in panel.status.value
    assert len(ws.jobs()) == before


def test_an_error_of_who_shows_the_run_is_said_and_the_run_is_kept(ws, asked):
    def show(run):
        raise RuntimeError("no <ink>")

    panel = RunPanel(ws, asked, on_run=show)
    asked.parameters = {"fast": 8}
    panel.run()
    assert panel.wait(LONG)
    assert panel.state == "failed"
    assert "The run is recorded, but it cannot be shown. RuntimeError: no &lt;ink&gt;" in panel.status.value
    assert panel.last_run.parameters["fast"] == 8
    assert not panel.run_button.disabled
    panel.close()


def test_an_unexpected_error_in_the_click_is_shown_in_the_note(panel, asked):
    panel.ask = lambda: 1 / 0
    panel.run_button.click()
    assert "ZeroDivisionError" in panel.note.value
    assert panel.state == "ready"


def test_it_is_given_under_its_name():
    assert rk.widgets.RunPanel is RunPanel
