"""Batches in a terminal: what is printed, and the exit codes."""

import json
import re
from pathlib import Path

import pytest
from notebook_files import write_notebook

from research_kit.cli.batch import read_batch
from research_kit.errors import NotFoundError, OptionError

PAGE = Path(__file__).parents[1] / "docs" / "batches.md"


@pytest.fixture
def kit(tmp_path, monkeypatch, run_command):
    """Return a function that runs research-kit in this process, beside a notebook that fails for a negative number."""
    write_notebook(tmp_path / "work.ipynb", "assert n >= 0, 'negative'\nprint(n)", parameters="n: int = 0  # -9 to 9")
    monkeypatch.chdir(tmp_path)

    return run_command


@pytest.mark.slow
def test_the_exit_code_tells_whether_all_completed(kit, tmp_path):
    (tmp_path / "good.yml").write_text("notebook: work.ipynb\ngrid: {n: [1, 2]}\nworkers: 2\n")
    done = kit("batch", "good.yml")
    assert done.returncode == 0, done.stderr
    assert "2 completed" in done.stdout
    assert done.stdout.strip().endswith("ws/reports/batches/good/index.html")
    assert (tmp_path / "ws/reports/batches/good/html/002.html").is_file()

    (tmp_path / "bad.yml").write_text("notebook: work.ipynb\nparameters: [{n: 1}, {n: -1}]\n")
    done = kit("batch", "bad.yml", "--json", "--retries", "1", "--zip")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["counts"] == {"completed": 1, "failed": 1}
    assert "AssertionError: negative" in told["runs"][1]["error"]
    assert told["zip"].endswith("bad.zip")
    assert "Traceback" not in done.stderr

    assert [line["name"] for line in json.loads(kit("batches", "--json").stdout)] == ["bad", "good"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("notebook: work.ipynb\ngrid: {m: [1]}\n", "no parameter 'm'"),
        ("notebook: work.ipynb\ngrid: {n: [1, 10]}\n", "n is -9 to 9; 10 is not"),
        ("notebook: work.ipynb\nparameters: {n: '1'}\n", "whole number"),
        ("notebook: nothing.ipynb\n", "no notebook 'nothing.ipynb'"),
        ("grid: {n: [1]}\n", "does not say which notebook"),
        ("notebook: work.ipynb\nworker: 2\n", "Did you mean 'workers'"),
        ("notebook: work.ipynb\nname: ../x\n", "cannot be the name of a batch"),
        ("[1, 2]\n", "must say what is run by name"),
    ],
)
def test_a_specification_that_is_wrong_starts_nothing(kit, tmp_path, text, words):
    (tmp_path / "spec.yml").write_text(text)
    done = kit("batch", "spec.yml")
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert json.loads(kit("batches", "--json").stdout) == []


def test_wrong_usage_is_exit_code_2(kit):
    assert kit("batch").returncode == 2
    assert kit("batch", "x.yml", "--workers", "0").returncode == 2


def test_a_specification_is_read(tmp_path):
    path = tmp_path / "night.yml"
    path.write_text("notebook: research\nparameters: {dataset: SPY}\nmemory_limit: 2\ntime_limit:\n")
    assert read_batch(path) == {
        "name": "night",
        "notebook": "research",
        "parameters": {"dataset": "SPY"},
        "memory_limit": 2 * 2**20,
    }


def test_the_specification_of_the_page_is_one(tmp_path):
    text = re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)[1]
    (tmp_path / "costs.yml").write_text(text)
    asked = read_batch(tmp_path / "costs.yml")
    assert (asked["name"], asked["notebook"], asked["memory_limit"]) == ("costs", "research", 2 << 30)
    assert asked["grid"]["commission"] == [0.0005, 0.001]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("workers: two", "workers must be a whole number"),
        ("workers: true", "workers must be a whole number"),
        ("grid: [1]", "grid must be lists of values by name"),
        ("parameters: 3", "parameters must be values by name"),
        ("stop_on_error: 1", "stop_on_error must be true or false"),
        ("name: 3", "name must be text"),
        ("time_limit: soon", "time_limit must be seconds"),
    ],
)
def test_each_part_must_be_what_it_is(tmp_path, text, words):
    (tmp_path / "spec.yml").write_text(f"notebook: a.ipynb\n{text}\n")
    with pytest.raises(OptionError, match=words):
        read_batch(tmp_path / "spec.yml")


def test_a_specification_that_is_not_there(tmp_path):
    with pytest.raises(NotFoundError, match="no file"):
        read_batch(tmp_path / "spec.yml")
