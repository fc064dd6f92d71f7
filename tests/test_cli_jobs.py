"""Jobs in the terminal: submit, wait, list, cancel, work."""

import json

import pytest
from jobs.conftest import STRATEGIES, stop_worker
from typer.testing import CliRunner

import research_kit as rk
from research_kit.cli import app
from research_kit.errors import ParameterError


@pytest.fixture
def desk(tmp_path, make_bars):
    with rk.open_workspace(tmp_path / "desk") as workspace:
        (workspace.folder / "strategies" / "of_tests.py").write_text(STRATEGIES, encoding="utf-8")
        workspace.import_dataset(make_bars(500).frame, name="walk", symbol="WALK")
        yield workspace
        stop_worker(workspace)


def call(desk, *words):
    return CliRunner().invoke(app, ["-w", str(desk.folder), *words])


def test_a_job_is_submitted_waited_for_and_listed(desk):
    done = call(desk, "submit", "steady", "walk", "-p", "length=9", "-o", "commission=0.002", "--wait", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output) == {"job_id": 1, "state": "completed", "error": None}
    failed = call(desk, "submit", "trouble", "walk", "--wait")
    assert failed.exit_code == 1
    assert failed.output.strip() == "job 2: failed. ValueError: no good"
    shown = call(desk, "jobs").output
    assert "ValueError: no good" in shown
    assert "Where it happened" not in shown
    listed = json.loads(call(desk, "jobs", "--json").output)
    assert "Where it happened" in listed[0]["error_message"]
    assert [(row["id"], row["status"], row["strategy"]) for row in listed] == [
        (2, "failed", "trouble"),
        (1, "completed", "steady"),
    ]


def test_a_job_that_waits_is_cancelled(desk, monkeypatch):
    monkeypatch.setattr("research_kit.workspace.research.ensure_worker", lambda home: None)
    assert call(desk, "submit", "steady", "walk").output.strip() == "job 1: pending"
    assert call(desk, "jobs", "cancel", "1").output.strip() == "job 1: cancelled"


def test_a_worker_in_the_terminal_runs_what_waits(desk, monkeypatch):
    monkeypatch.setattr("research_kit.workspace.research.ensure_worker", lambda home: None)
    call(desk, "submit", "steady", "walk")
    done = call(desk, "worker", "--idle", "0.2", "--slots", "1")
    assert done.exit_code == 0, done.output
    assert desk.job(1).state == "completed"


def test_what_is_wrong_is_recorded_nowhere(desk):
    done = call(desk, "submit", "steady", "walk", "-p", "lenght=9")
    assert isinstance(done.exception, ParameterError)
    assert len(desk.jobs()) == 0
