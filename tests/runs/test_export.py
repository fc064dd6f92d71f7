"""A run that travels: exported whole or not at all, verified elsewhere, and read as what it is: untrusted."""

import json
import os
from hashlib import sha256

import numpy as np
import pytest
import sqlalchemy as sa

import research_kit as rk
from research_kit.errors import StoreError
from research_kit.runs.trust.parcel import FILES, MANIFEST

RULE = """
import research_kit as rk
from .helpers import above

class Rule(rk.Strategy):
    '''Long above an average.'''
    length: int = rk.Param(20, ge=2)

    def signals(self, bars):
        return rk.Signals.target(above(bars.close, self.length))
"""
HELPERS = "import research_kit as rk\n\ndef above(close, n):\n    return close > rk.indicators.sma(close, n)\n"


@pytest.fixture
def run(ws):
    (ws.folder / "strategies" / "rule.py").write_text(RULE)
    (ws.folder / "strategies" / "helpers.py").write_text(HELPERS)
    return ws.run("rule", "walk", {"length": 15}, stop_loss=0.002, close_at_end=False)


@pytest.fixture
def folder(run, tmp_path):
    return run.export(tmp_path / "sent")


@pytest.fixture
def elsewhere(tmp_path):
    with rk.open_workspace(tmp_path / "elsewhere") as workspace:
        yield workspace


def rewrite(folder, name, change):
    """Change a file, and the manifest with it, as one who forges an export would."""
    path, manifest = folder / name, json.loads((folder / MANIFEST).read_text())
    content = change(path.read_bytes())
    path.write_bytes(content)
    manifest["files"][name] = {"size": len(content), "sha256": sha256(content).hexdigest()}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def edit(folder, change):
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def rows(ws):
    with ws.database.read() as session:
        tables = ("datasets", "strategies", "backtest_jobs", "backtests", "trades", "trials", "verdicts")
        return {name: session.execute(sa.text(f"SELECT COUNT(*) FROM {name}")).scalar_one() for name in tables}


def test_an_export_is_a_folder_of_plain_files(run, folder):
    assert {path.name for path in folder.iterdir()} == {MANIFEST, *FILES}
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["spec"]["parameters"] == {"length": 15}
    assert (folder / "source.txt").read_text() == run.source
    assert "above" in run.source
    lock = (folder / "versions.txt").read_text()
    assert f"numpy=={np.__version__}\n" in lock
    assert "# python 3." in lock
    assert "import-run THIS_FOLDER --trust" in (folder / "README.md").read_text()
    equity = np.frombuffer((folder / "equity.bin").read_bytes(), "<f8")
    np.testing.assert_array_equal(equity, run.equity.to_numpy())


def test_another_machine_verifies_it(run, folder, elsewhere):
    there = elsewhere.import_run(folder, trust=True)
    found = elsewhere.verify(there.id)
    assert found.outcome == "verified"
    assert there.spec["spec_hash"] == run.spec["spec_hash"]
    assert dict(there.summary) == dict(run.summary)
    assert there.summary.reasons == run.summary.reasons
    np.testing.assert_array_equal(there.equity.to_numpy(), run.equity.to_numpy())
    assert there.trades.drop(columns=[]).equals(run.trades)
    assert rows(elsewhere)["verdicts"] == 2
    assert there.trials == 1
    assert there.dataset.name.startswith("walk (imported ")
    assert "rule" not in set(elsewhere.strategies()["name"])
    assert there.backtest.results["ambiguous_bars"] == run.backtest.results["ambiguous_bars"]


def test_without_consent_the_source_is_shown_and_not_run(folder, elsewhere):
    rewrite(folder, "source.txt", lambda text: text)
    there = elsewhere.import_run(folder)
    assert "def above" in there.source
    found = there.verify()
    assert found.outcome == "untrusted"
    assert "Read it" in found.summary
    assert rows(elsewhere)["verdicts"] == 0
    assert elsewhere.load_run(there.id).verify(trust=True).is_verified
    assert elsewhere.load_run(there.id).verify().outcome == "untrusted"


def test_a_source_that_would_do_harm_is_not_run_by_an_import(run, tmp_path, elsewhere):
    mark = tmp_path / "harm"
    evil = f"open({str(mark)!r}, 'w').close()\n" + run.source
    folder = run.export(tmp_path / "evil")
    rewrite(folder, "source.txt", lambda _: evil.encode())
    edit(folder, lambda manifest: manifest["spec"].update(strategy_sha256=sha256(evil.encode()).hexdigest()))
    with pytest.raises(StoreError, match="its own hash"):
        elsewhere.import_run(folder)
    spec = json.loads((folder / MANIFEST).read_text())["spec"]
    from research_kit.runs.spec import RunSpec

    edit(folder, lambda manifest: manifest.update(spec_hash=RunSpec(**spec).spec_hash))
    there = elsewhere.import_run(folder)
    there.verify()
    elsewhere.verify_all()
    elsewhere.strategies()
    assert len(there.equity) == 3_000
    assert not mark.exists()


def test_an_export_without_data_needs_the_same_bars_here(run, tmp_path, elsewhere, make_bars):
    folder = run.export(tmp_path / "sent", data=False)
    assert not (folder / "bars.bin").exists()
    with pytest.raises(StoreError, match="no dataset here has them"):
        elsewhere.import_run(folder, trust=True)
    assert rows(elsewhere)["backtests"] == 0
    elsewhere.import_dataset(make_bars(3_000).frame, name="the same", symbol="WALK")
    there = elsewhere.import_run(folder, trust=True)
    assert there.dataset.name == "the same"
    assert there.verify().is_verified


@pytest.mark.parametrize("name", ["source.txt", "bars.bin", "equity.bin", "trades.json"])
def test_a_file_that_was_changed_is_refused_and_nothing_is_kept(folder, elsewhere, name):
    before = rows(elsewhere)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(StoreError, match=f"{name} is not the file that was exported"):
        elsewhere.import_run(folder)
    assert rows(elsewhere) == before


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("source.txt", lambda text: text + b"\n", "not the source of the specification"),
        ("source.txt", lambda text: b"\xff" + text, "not the source of the specification"),
        ("bars.bin", lambda bars: bars[:-8], "rows and columns"),
        ("bars.bin", lambda bars: bars[:-8] + np.float64(1e9).tobytes(), "sha256 differs"),
        ("bars.bin", lambda bars: np.full(len(bars) // 8, np.nan).tobytes(), "cannot be imported"),
        ("equity.bin", lambda equity: equity[:-8] + np.float64(1e9).tobytes(), "sha256 differs"),
        ("equity.bin", lambda equity: equity[:-8], "sha256 differs"),
        ("trades.json", lambda text: text.replace(b"long", b"shot"), "cannot be imported|one of its words"),
        ("trades.json", lambda text: text.replace(b"0", b"1", 1), "sha256 differs|cannot"),
        ("trades.json", lambda _: b"[" * 100_000, "cannot be read"),
        ("trades.json", lambda _: b'{"side": "long"}', "by column"),
        ("trades.json", lambda _: b'{"__class__": []}', "by column"),
        ("trades.json", lambda _: b'{"side": [{"a": 1}]}', "a value in side"),
        ("trades.json", lambda _: b"not json", "cannot be read"),
    ],
)
def test_a_forged_file_is_refused_too(folder, elsewhere, name, change, words):
    before = rows(elsewhere)
    rewrite(folder, name, change)
    with pytest.raises(StoreError, match=words):
        elsewhere.import_run(folder)
    assert rows(elsewhere) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda manifest: manifest["spec"]["options"].update(commission=0.5), "its own hash"),
        (lambda manifest: manifest["spec"]["parameters"].update(length=3), "its own hash"),
        (lambda manifest: manifest["spec"].pop("seed"), "not complete"),
        (lambda manifest: manifest["spec"].update(imported={"trusted": True}), "holds what none has"),
        (lambda manifest: manifest["spec"].update(submitted="a" * 64), "holds what none has"),
        (lambda manifest: manifest["spec"].update(options="x"), "another kind"),
        (lambda manifest: manifest["spec"].update(seed="0"), "another kind"),
        (lambda manifest: manifest.update(format="other"), "cannot be read"),
        (lambda manifest: manifest.update(extra=1), "has no entry 'extra'"),
        (lambda manifest: manifest["strategy"].update(class_name="os.system('x')"), "cannot be read"),
        (lambda manifest: manifest["strategy"].update(origin="evil"), "cannot be read"),
        (lambda manifest: manifest["result"]["metrics"].update(sharpe_ratio="9"), "cannot be read"),
        (lambda manifest: manifest["bars"].update(rows=10**18), "rows and columns"),
        (
            lambda manifest: manifest["files"].update({"../x": {"size": 1, "sha256": "a" * 64}}),
            "missing, but listed",
        ),
        (lambda manifest: manifest["files"].pop("equity.bin"), "not listed in"),
    ],
)
def test_a_forged_manifest_is_refused(folder, elsewhere, change, words):
    before = rows(elsewhere)
    edit(folder, change)
    with pytest.raises(StoreError, match=words):
        elsewhere.import_run(folder)
    assert rows(elsewhere) == before


def test_what_is_no_plain_file_is_refused(folder, elsewhere, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("do not read")
    (folder / "source.txt").unlink()
    (folder / "source.txt").symlink_to(secret)
    with pytest.raises(StoreError, match=r"'source\.txt' is no plain file"):
        elsewhere.import_run(folder)
    (folder / "source.txt").unlink()
    os.mkfifo(folder / "source.txt")
    with pytest.raises(StoreError, match="no plain file"):
        elsewhere.import_run(folder)
    (folder / "source.txt").unlink()
    (folder / "source.txt").mkdir()
    with pytest.raises(StoreError, match="no plain file"):
        elsewhere.import_run(folder)


@pytest.mark.parametrize("name", ["model.pkl", "setup.py", "source.txt~", "__pycache__"])
def test_a_file_that_no_export_has_is_refused(folder, elsewhere, name):
    (folder / name).write_bytes(b"\x80\x04.")
    with pytest.raises(StoreError, match="is no file of an export"):
        elsewhere.import_run(folder)


def test_a_folder_that_is_a_link_or_nothing_is_refused(folder, elsewhere, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    for path in (tmp_path / "link", tmp_path / "nothing", folder / MANIFEST):
        with pytest.raises(StoreError, match="no folder that can be read"):
            elsewhere.import_run(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match=r"no exported run: it has no run\.json"):
        elsewhere.import_run(tmp_path / "empty")


def test_nothing_is_overwritten_and_an_export_is_whole_or_nothing(run, folder, tmp_path, monkeypatch):
    with pytest.raises(StoreError, match="there already"):
        run.export(folder)

    def full(path, content):
        raise StoreError("The disk is full.")

    monkeypatch.setattr("research_kit.runs.trust.exporting.write_atomic", full)
    with pytest.raises(StoreError, match="full"):
        run.export(tmp_path / "half")
    assert not [path for path in tmp_path.iterdir() if "half" in path.name]


def test_a_run_that_was_edited_is_not_exported(run, ws, tmp_path):
    with ws.database.write() as session:
        session.execute(sa.text("UPDATE strategies SET source = 'x' WHERE id = :id"), {"id": run.job.strategy_id})
    with pytest.raises(StoreError, match="not stored as it was"):
        ws.load_run(run.id).export(tmp_path / "sent")
    assert not (tmp_path / "sent").exists()


def test_an_export_imported_at_home_is_the_same_trial(run, folder, ws):
    before = rows(ws)
    again = ws.import_run(folder)
    after = rows(ws)
    assert again.dataset.id == run.dataset.id
    assert again.job.strategy_id == run.job.strategy_id
    assert after["trials"] == before["trials"]
    assert after["backtests"] == before["backtests"] + 1
    assert again.verify().is_verified  # the source of its hash is a strategy of this workspace: trusted already
