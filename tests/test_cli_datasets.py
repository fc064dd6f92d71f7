"""The commands that look at a dataset and make others from it."""

import json

import pytest
from typer.testing import CliRunner

import research_kit as rk
from research_kit.cli import app
from research_kit.errors import ArtifactMissingError, NotFoundError, OptionError


@pytest.fixture
def folder(tmp_path, make_bars):
    """Return the folder of a workspace with the dataset 'walk': 3,000 minutes without ten."""
    with rk.open_workspace(tmp_path / "ws") as ws:
        frame = make_bars(3_000).frame
        ws.import_dataset(frame.drop(frame.index[100:110]), name="walk", session="24/7")
    return tmp_path / "ws"


@pytest.fixture
def kit(folder):
    """Return a function that runs a command, raises its error, and returns what it prints."""

    def run(*arguments):
        return CliRunner().invoke(app, ["-w", str(folder), *arguments], catch_exceptions=False).output

    return run


def test_quality_prints_the_report(kit):
    said = kit("quality", "walk")
    assert said.startswith("Quality ")
    assert "10 bars missing" in said
    assert json.loads(kit("quality", "1", "--json"))["missing_bars"] == 10


def test_quality_draws_one_offline_file(kit, tmp_path):
    target = tmp_path / "plots" / "walk.html"
    assert kit("quality", "walk", "--plot", str(target)).strip().endswith(str(target))
    page = target.read_text(encoding="utf-8")
    assert "plotly.js v" in page
    assert "cdn.plot.ly" not in page.split("<script", 2)[0]
    assert not [path for path in target.parent.iterdir() if path != target]


def test_quality_reads_the_bars_and_finds_what_was_edited(kit, folder):
    [file] = (folder / "data").iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ArtifactMissingError):
        kit("quality", "walk")


def test_datasets_are_made_and_said(kit):
    assert kit("resample", "walk", "1h").startswith("dataset 2: walk 1h, 50 bars of 1h, 2024-01-01 00:00 to")
    assert "walk to 2024-01-02, 1,430 bars" in kit("slice", "walk", "--end", "2024-01-02")
    assert "late, 1,560 bars" in kit("slice", "1", "--start", "2024-01-02", "--name", "late")
    assert "whole, 2,990 bars" in kit("merge", "late", "3", "--name", "whole")
    names = [(row["name"], row["version"]) for row in json.loads(kit("datasets", "--json"))]
    assert names == [("whole", 1), ("late", 1), ("walk to 2024-01-02", 1), ("walk 1h", 1), ("walk", 1)]
    with pytest.raises(OptionError, match="at least two"):
        kit("merge", "walk")
    assert CliRunner().invoke(app, ["merge", "a", "b", "--overlap", "frist"]).exit_code == 2
    with pytest.raises(NotFoundError, match="Did you mean 'walk'"):
        kit("resample", "wolk", "1h")


def test_a_holdout_is_locked_and_every_run_says_so(kit):
    assert kit("holdout", "walk") == "none is locked\n"
    assert "holdout" not in kit("run", "buy_and_hold", "walk")
    assert kit("holdout", "walk", "2024-01-02") == "holdout from 2024-01-02: 1 run has seen it\n"
    assert kit("run", "sma_cross", "walk").endswith("holdout from 2024-01-02: 2 runs have seen it\n")
    ran = json.loads(kit("run", "sma_cross", "walk", "--json"))
    assert ran["holdout"] == "holdout from 2024-01-02: 2 runs have seen it"
    with pytest.raises(OptionError, match="force=True"):
        kit("holdout", "walk", "2024-01-02 12:00")
    moved = kit("holdout", "walk", "2024-01-02 12:00", "--force")
    assert moved.startswith("holdout from 2024-01-02 12:00 (at first from 2024-01-02)")
