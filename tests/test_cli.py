"""The command line: what it prints, how it fails, and its exit codes."""

import json
import subprocess
import sys

import pytest

from research_kit.cli import main
from research_kit.errors import NotFoundError


@pytest.fixture
def kit(tmp_path, make_bars, monkeypatch, run_command):
    """Return a function that runs research-kit in this process, on a workspace with one CSV file beside it."""
    make_bars(500).frame.to_csv(tmp_path / "walk.csv")
    monkeypatch.chdir(tmp_path)

    return run_command


@pytest.fixture
def filled(kit):
    """Return the same after an import."""
    done = kit("import", "walk.csv", "--name", "walk", "--symbol", "WALK")
    assert done.returncode == 0, done.stderr
    assert "500 bars of 1min" in done.stdout
    return kit


def test_the_whole_way_in_a_terminal(filled):
    assert "walk" in filled("datasets").stdout
    assert {row["name"] for row in json.loads(filled("strategies", "--json").stdout)} >= {"sma_cross", "buy_and_hold"}
    ran = json.loads(filled("run", "sma_cross", "walk", "-p", "fast=5", "-o", "commission=0", "--json").stdout)
    assert ran["spec"]["parameters"]["fast"] == 5
    assert ran["spec"]["options"]["commission"] == 0
    assert ran["metrics"]["total_commission"] == 0
    listed = json.loads(filled("backtests", "--json").stdout)
    assert [row["id"] for row in listed] == [ran["id"]]
    assert json.loads(filled("jobs", "--json").stdout)[0]["status"] == "completed"


def test_a_dataset_may_be_named_by_its_id(filled):
    assert filled("run", "buy_and_hold", "1").stdout.startswith("run 1: buy_and_hold")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "sma_cros", "walk"), "Did you mean 'sma_cross'?"),
        (("run", "sma_cross", "wolk"), "Did you mean 'walk'?"),
        (("run", "sma_cross", "walk", "-p", "fast"), "not NAME=VALUE"),
        (("run", "os:system", "walk"), "may not be loaded"),
        (("import", "missing.csv"), "missing.csv"),
        (("report", "77"), "77"),
    ],
)
def test_a_failure_is_one_sentence_and_exit_code_1(filled, arguments, words):
    done = filled(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("research-kit: ")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_debug_shows_where_it_failed(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["research-kit", "-w", str(tmp_path), "--debug", "run", "sma_cros", "walk"])
    with pytest.raises(NotFoundError):
        main()


def test_wrong_usage_is_exit_code_2(kit):
    assert kit("rum").returncode == 2
    assert kit("run").returncode == 2


def test_the_database_is_looked_after(filled, tmp_path):
    assert "newest schema" in filled("db", "upgrade").stdout
    assert filled("db", "check").stdout.strip() == "nothing is wrong"
    copy = tmp_path / "copy.db"
    assert filled("db", "backup", str(copy)).stdout.strip() == str(copy)
    assert copy.stat().st_size > 0
    again = filled("db", "backup", str(copy))
    assert again.returncode == 1
    assert "overwrites nothing" in again.stderr


def test_init_copies_the_course_and_keeps_what_was_changed(kit, tmp_path):
    assert kit("init").returncode == 0
    notebook = tmp_path / "ws" / "notebooks" / "01_first_backtest.ipynb"
    notebook.write_text("mine")
    assert (tmp_path / "ws" / "notebooks" / "templates" / "backtest.ipynb").is_file()
    assert "0 notebooks" in kit("init").stdout
    assert notebook.read_text() == "mine"


def test_the_workspace_comes_from_the_environment(filled, tmp_path, monkeypatch):
    monkeypatch.setenv("RESEARCH_KIT_WORKSPACE", str(tmp_path / "ws"))
    command = [sys.executable, "-m", "research_kit", "datasets", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert json.loads(done.stdout)[0]["name"] == "walk"
