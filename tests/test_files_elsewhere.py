"""A workspace whose bars and curves are on storage elsewhere: found again, looked at, copied, told in a terminal."""

import json
import sys

import fsspec
import pytest

import research_kit as rk
from research_kit.cli import main
from research_kit.errors import ArtifactMissingError, OptionError, StoreError

pytestmark = pytest.mark.faults


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RESEARCH_KIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def far(tmp_path):
    return f"file://{tmp_path}/far"


@pytest.fixture
def kit(tmp_path, monkeypatch, capsys):
    """Return a function that runs research-kit in this process: exit code, output, errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["research-kit", "-w", str(tmp_path / "ws"), *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


def arrows(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.arrow"))


def test_bars_and_curves_go_there_and_are_found_again(tmp_path, far, make_bars):
    with rk.open_workspace(tmp_path / "ws", files=far) as ws:
        row = ws.import_dataset(make_bars(500).frame, name="walk", symbol="WALK")
        run = ws.run("sma_cross", "walk", {"fast": 5, "slow": 20})
        assert repr(ws) == f"Workspace({str(ws.folder)!r}, {ws.database.url_safe!r}, files={far!r})"
    assert arrows(tmp_path / "far") == sorted([row.file_path, run.backtest.equity_path])
    assert arrows(tmp_path / "ws") == []
    with rk.open_workspace(tmp_path / "ws") as ws:
        assert ws.files.place.where == far
        assert ws.load_run(run.id).equity.tolist() == run.equity.tolist()
        assert ws.run("sma_cross", "walk", {"fast": 5, "slow": 20}).summary == run.summary
        job = ws.submit("sma_cross", "walk", {"fast": 6, "slow": 20})  # a forked process of a worker
        assert job.wait(120) == "completed"
        assert len(job.result().equity) == 500


def test_the_environment_says_where_when_nothing_was_kept(tmp_path, far, monkeypatch):
    monkeypatch.setenv("RESEARCH_KIT_FILES", far)
    with rk.open_workspace(tmp_path / "a") as ws:
        assert ws.files.place.where == far
    assert not (tmp_path / "a" / "settings.json").exists()
    with rk.open_workspace(tmp_path / "b", files=str(tmp_path / "b")) as ws:
        assert not ws.files.elsewhere
    with rk.open_workspace(tmp_path / "b") as ws:
        assert not ws.files.elsewhere  # what it was told stays


def test_another_folder_needs_no_cache(tmp_path, make_bars, cache):
    with rk.open_workspace(tmp_path / "ws", files=str(tmp_path / "shared")) as ws:
        row = ws.import_dataset(make_bars(50).frame, name="walk", symbol="WALK")
        assert arrows(tmp_path / "shared") == [row.file_path]
    assert not cache.exists()


def test_a_lost_file_is_found_by_every_verb_that_opens_it(tmp_path, far, make_bars, kit):
    with rk.open_workspace(tmp_path / "ws", files=far) as ws:
        row = ws.import_dataset(make_bars(50).frame, name="walk", symbol="WALK")
        (tmp_path / "far" / row.file_path).unlink()
        ws.bars("walk")  # the copy is good
        ws.files.place.forget(row.file_path)
        for verb in (ws.bars, lambda name: ws.run("sma_cross", name), lambda name: ws.resample(name, "5m")):
            with pytest.raises(ArtifactMissingError, match=r"^The bars file file://.* is missing\. Import the dataset"):
                verb("walk")
    code, out, _ = kit("files", "check")
    assert (code, out) == (1, f"The bars file {far}/{row.file_path} is missing.\n")


def test_an_address_with_a_password_is_not_kept(tmp_path, kit):
    with pytest.raises(OptionError, match="has a user, password or query in it"):
        rk.open_workspace(tmp_path / "ws", files="ftp://me:hunter2@host/files")
    assert not (tmp_path / "ws" / "settings.json").exists()
    code, _, err = kit("--files", "s3://bucket/x?key=hunter2", "datasets")
    assert code == 1
    assert "hunter2" not in err


def test_settings_that_cannot_be_read_are_said(tmp_path):
    rk.open_workspace(tmp_path / "ws").close()
    (tmp_path / "ws" / "settings.json").write_text("{")
    with pytest.raises(StoreError, match=r"settings\.json cannot be read: .* Mend it, or remove it"):
        rk.open_workspace(tmp_path / "ws")


def test_the_command_line_copies_and_checks_files_on_s3(tmp_path, bucket, make_bars, kit):
    make_bars(200).frame.to_csv(tmp_path / "walk.csv")
    assert kit("import", str(tmp_path / "walk.csv"), "--name", "walk", "--symbol", "WALK", "--timezone", "UTC")[0] == 0
    assert kit("run", "sma_cross", "walk", "-p", "fast=5", "-p", "slow=20")[0] == 0
    assert kit("files", "check", "--read")[1] == "nothing is wrong\n"
    code, out, err = kit("files", "copy", f"{bucket}/team", "--json")
    assert (code, err, json.loads(out)["files"], json.loads(out)["problems"]) == (0, "", 2, [])
    assert kit("files", "copy", f"{bucket}/team")[1].endswith(f"are at {bucket}/team\n")  # all there already
    assert kit("--files", f"{bucket}/team", "files", "check", "--read")[1] == "nothing is wrong\n"
    assert kit("run", "sma_cross", "walk", "-p", "fast=6", "-p", "slow=20")[0] == 0  # it was kept
    storage, root = fsspec.core.url_to_fs(f"{bucket}/team")
    assert len(storage.find(root)) == 3
    [bars] = storage.find(f"{root}/data")
    storage.pipe_file(bars, storage.cat_file(bars)[:-1] + b"x")
    with rk.open_workspace(tmp_path / "ws") as ws:
        ws.files.place.forget(ws.dataset("walk").file_path)
        assert "SECRET" not in (tmp_path / "ws" / "settings.json").read_text()
    assert kit("files", "check") == (0, "nothing is wrong\n", "")  # there, and of the right size
    code, out, _ = kit("files", "check", "--read")
    assert code == 1
    assert "does not hold what was stored there" in out
    code, out, _ = kit("files", "copy", str(tmp_path / "back"))
    assert code == 1
    assert "2 files with" in out


def test_copying_a_database_leaves_files_where_they_are(tmp_path, far, make_bars):
    with rk.open_workspace(tmp_path / "ws", files=far) as ws:
        ws.import_dataset(make_bars(50).frame, name="walk", symbol="WALK")
        ws.database.copy_to(f"sqlite:///{tmp_path / 'copy.db'}")
        ws.database.backup(tmp_path / "backup.db")
    for name in ("copy", "backup"):
        with rk.open_workspace(tmp_path / name, f"sqlite:///{tmp_path / name}.db", far) as ws:
            assert len(ws.bars("walk")) == 50
