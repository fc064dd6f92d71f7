"""The commands that prove: verify, compare, band, export and import-run, what they print and their exit codes."""

import json

import pytest

import research_kit as rk


@pytest.fixture
def kit(tmp_path, make_bars, monkeypatch, run_command):
    """Return a function that runs research-kit in this process, on a workspace with two runs."""
    monkeypatch.chdir(tmp_path)
    with rk.open_workspace(tmp_path / "ws") as ws:
        ws.import_dataset(make_bars(500).frame, name="walk", symbol="WALK")
        for fast in (5, 6):
            ws.run("sma_cross", "walk", {"fast": fast, "slow": 20})
    return run_command


def change_trades(tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "ws" / "research.db") as connection:
        connection.execute("UPDATE trades SET pnl = pnl + 1 WHERE backtest_job_id = 2")
    connection.close()


def test_verify_says_so_and_fails_where_it_differs(kit, tmp_path):
    done = kit("verify", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Run 1 (sma_cross(fast=5, slow=20, short=False) on walk) verified: orders, trades")
    change_trades(tmp_path)
    done = kit("verify", "2", "--json")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert (said["outcome"], said["causes"][0]["cause"]) == ("differs", "record")


def test_verify_all_prints_a_table_and_the_causes(kit, tmp_path):
    assert kit("verify", "--all").stdout.endswith("2 of 2 runs verified\n")
    change_trades(tmp_path)
    done = kit("verify", "--all")
    assert done.returncode == 1
    assert "record" in done.stdout
    assert done.stdout.endswith("1 of 2 runs verified\n")
    assert [one["outcome"] for one in json.loads(kit("verify", "--all", "--json").stdout)] == ["verified", "differs"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("verify",), 2, "Give the id of one run, or --all"),
        (("verify", "1", "--all"), 2, "Give the id of one run, or --all"),
        (("verify", "7"), 1, "There is no backtest 7"),
        (("compare", "1", "7"), 1, "There is no backtest 7"),
        (("export", "1", "ws"), 1, "there already"),
        (("import-run", "nothing"), 1, "no folder that can be read"),
    ],
)
def test_a_failure_is_one_sentence(kit, arguments, code, words):
    done = kit(*arguments)
    assert done.returncode == code
    assert done.stdout == ""
    assert words in " ".join(done.stderr.replace("│", " ").split())


def test_compare_shows_what_differs(kit):
    done = kit("compare", "1", "2")
    assert done.returncode == 0, done.stderr
    assert "parameters.fast" in done.stdout
    assert "part at order" in done.stdout
    assert "Sharpe ratio" in done.stdout
    said = json.loads(kit("compare", "1", "2", "--json").stdout)
    assert said["spec"] == {"parameters.fast": [5, 6]}
    assert kit("compare", "1", "1").stdout.startswith("Comparison(run 1 and run 1: the same was run; same orders")


def test_band_shows_the_range(kit):
    done = kit("band", "1")
    assert done.returncode == 0, done.stderr
    assert "sharpe_ratio" in done.stdout
    assert "0 bars reached both" in done.stdout
    assert len(json.loads(kit("band", "1", "--json").stdout)["arms"]) == 12


def test_source_is_what_was_stored(kit):
    assert "class SmaCross(Strategy):" in kit("source", "1").stdout


def test_a_run_travels_and_is_verified_with_one_command(kit, tmp_path):
    done = kit("export", "1", "sent")
    assert done.stdout.strip() == str(tmp_path / "sent")
    there = kit("import-run", "sent", "--trust", workspace="there")
    assert there.returncode == 0, there.stderr
    assert "run 1: sma_cross(fast=5, slow=20, short=False) on walk (imported" in there.stdout
    assert "verified: orders, trades and equity are the same" in there.stdout


def test_an_import_shows_the_source_and_runs_nothing_unasked(kit, tmp_path):
    (tmp_path / "ws" / "strategies" / "mine.py").write_text(
        "import research_kit as rk\n\nclass Mine(rk.Strategy):\n    '''Mine.'''\n\n"
        "    def signals(self, bars):\n        return rk.Signals.target(bars.close > 0)\n"
    )
    assert kit("run", "mine", "walk").returncode == 0
    assert kit("export", "3").stdout.strip().endswith("run-3")
    done = kit("import-run", str(tmp_path / "ws" / "exports" / "run-3"), workspace="there")
    assert done.returncode == 0, done.stderr
    assert "class Mine(rk.Strategy):" in done.stdout
    assert done.stdout.endswith("Nothing of it was run. If you trust it: research-kit verify 1 --trust\n")
    refused = kit("verify", "1", workspace="there")
    assert refused.returncode == 1
    assert "not run" in refused.stdout
    assert kit("verify", "1", "--trust", workspace="there").returncode == 0
    assert kit("export", "1", "again", "--without-data", workspace="there").returncode == 0
    assert not (tmp_path / "again" / "bars.bin").exists()
