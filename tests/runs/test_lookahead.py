"""Look-ahead checks that are remembered, asked for or made in the background of a first run."""

import os
import subprocess
import sys
from textwrap import dedent
from time import perf_counter

import pytest
from checks.leaks import NextClose, Sma
from waiting import eventually

import research_kit as rk
from research_kit.runs.trust import background
from research_kit.runs.trust.background import ensure_checker, notes_of
from research_kit.runs.trust.lookahead import check_waiting
from research_kit.store.listings import verdicts_table
from research_kit.store.verdicts import find_verdict

LEAK = """
import numpy as np
import research_kit as rk

class Seer(rk.Strategy):
    '''Long before a rise.'''
    share: float = 1.0

    def signals(self, bars):
        return rk.Signals.target(self.share * np.append(bars.close[1:] > bars.close[:-1], False))
"""


@pytest.fixture
def seer(ws):
    (ws.folder / "strategies" / "seer.py").write_text(LEAK)
    return "seer"


@pytest.fixture
def checked_by_hand(ws, monkeypatch):
    """Return a workspace whose first runs leave a note, and no process is started for it."""
    monkeypatch.setattr(background, "ensure_checker", lambda home: None)
    ws.background_checks = True
    return ws


def notes(ws):
    return sorted(path.name for path in notes_of(ws).glob("*"))


def test_a_check_is_kept_and_shown_by_the_runs_of_its_source(ws, seer):
    run = ws.run(seer, "walk")
    assert run.lookahead is None
    verdict = ws.check_lookahead(seer, "walk")
    assert verdict.outcome == "failed"
    assert run.lookahead == verdict
    other = ws.run(seer, "walk", {"share": 0.5})
    assert other.lookahead.outcome == "failed"
    assert "checked with other parameters: seer(share=1.0)" in other.lookahead.notes[-1]
    own = ws.check_lookahead(seer, "walk", {"share": 0.5})
    assert other.lookahead == own
    table = verdicts_table(ws.database)
    assert table["outcome"].tolist() == ["failed", "failed"]
    assert table["summary"].tolist()[1] == str(verdict)


def test_another_source_or_dataset_knows_nothing_of_it(ws, seer, make_bars):
    ws.check_lookahead(seer, "walk")
    ws.import_dataset(make_bars(200, seed=3).frame, name="other", symbol="OTHER")
    assert ws.run(seer, "other").lookahead is None
    (ws.folder / "strategies" / "seer.py").write_text(LEAK.replace("bars.close[1:] >", "bars.open[1:] >"))
    assert ws.run(seer, "walk").lookahead is None


def test_a_run_is_checked_as_it_was(ws, seer):
    run = ws.run(seer, "walk", {"share": 0.25})
    (ws.folder / "strategies" / "seer.py").write_text("")
    verdict = ws.load_run(run.id).check_lookahead(trust=True)
    assert verdict.outcome == "failed"
    assert verdict.strategy == "seer(share=0.25)"
    row = find_verdict(ws.database, "lookahead", backtest_id=run.id)
    assert (row.spec_hash, row.parameters) == (run.job.spec_hash, {"share": 0.25})
    assert ws.load_run(run.id).lookahead == verdict


def test_a_first_run_leaves_a_note_and_later_ones_do_not(checked_by_hand):
    ws = checked_by_hand
    run = ws.run("sma_cross", "walk", {"fast": 5, "slow": 9})
    ws.run("sma_cross", "walk", {"fast": 6, "slow": 9})
    assert notes(ws) == [f"{run.id}.note"]
    assert check_waiting(ws) == 1
    assert notes(ws) == []
    assert run.lookahead.outcome == "passed"
    assert run.lookahead.checked == 3_000
    with rk.open_workspace(ws.folder, ws.database.url) as again:
        again.background_checks = True
        again.run("sma_cross", "walk", {"fast": 7, "slow": 9})
        assert notes(again) == []


def test_a_class_of_a_notebook_is_checked_too(checked_by_hand, monkeypatch):
    monkeypatch.setattr("research_kit.runs.strategies.portable_source", lambda kind: dedent(LEAK))

    class Seer(rk.Strategy):
        """Not in a file, as far as others can see."""

        def signals(self, bars):
            return rk.Signals.target(bars.close > 1.0)

    Seer.__module__ = "__main__"
    run = checked_by_hand.run(Sma, "walk")
    with background_of(checked_by_hand, run, Seer()) as note:
        assert len(note) == 64
        assert (checked_by_hand.folder / "strategies" / "_submitted" / f"{note}.py").exists()


def background_of(ws, run, strategy):
    """Yield what the note of a run says."""
    from contextlib import nullcontext

    ws.looked.clear()
    ws.kept.pop(type(strategy), None)
    background.begin_check(ws, run, strategy)
    return nullcontext((notes_of(ws) / f"{run.id}.note").read_text())


def test_what_cannot_be_checked_is_told_and_not_tried_again(checked_by_hand, seer):
    ws = checked_by_hand
    run = ws.run(seer, "walk")
    for path in (ws.folder / "strategies").glob("*.py"):
        path.unlink()
    with ws.database.write() as session:
        session.connection().exec_driver_sql("UPDATE strategies SET source = 'broken' WHERE name = 'seer'")
    with rk.open_workspace(ws.folder, ws.database.url) as other:
        assert check_waiting(other) == 1
        found = other.load_run(run.id).lookahead
        assert found.outcome == "inconclusive"
        assert "could not be checked in the background: StrategyError" in str(found)
        assert check_waiting(other) == 0


def test_a_note_of_a_run_that_is_gone_disturbs_nobody(checked_by_hand):
    run = checked_by_hand.run("sma_cross", "walk")
    (notes_of(checked_by_hand) / "99.note").write_text("")
    assert check_waiting(checked_by_hand) == 2
    assert run.lookahead is not None


def test_trouble_with_checks_never_disturbs_a_run(ws, monkeypatch):
    def fail(*_):
        raise OSError("no process for you")

    monkeypatch.setattr(background, "ensure_checker", fail)
    ws.background_checks = True
    assert ws.run("sma_cross", "walk").id == 1


def test_checks_are_switched_off(ws, tmp_path, monkeypatch):
    assert not ws.background_checks  # as the environment of the tests says
    ws.run("sma_cross", "walk")
    assert notes(ws) == []
    monkeypatch.delenv(background.SWITCH)
    with rk.open_workspace(tmp_path / "on") as other:
        assert other.background_checks
    monkeypatch.setenv(background.SWITCH, "off")
    with rk.open_workspace(tmp_path / "off") as other:
        assert not other.background_checks


def test_a_process_of_its_own_checks_while_this_one_goes_on(ws):
    ws.background_checks = True
    run = ws.run("sma_cross", "walk", {"fast": 5, "slow": 9})
    began = perf_counter()
    ensure_checker(ws)  # one is there: nothing happens
    assert perf_counter() - began < 2
    found = eventually(lambda: run.lookahead, timeout=120)
    assert found.outcome == "passed"
    assert (ws.folder / "logs" / "checks.log").read_text() == ""


SCRIPT = """
import time
import numpy as np
import research_kit as rk

class Slow(rk.Strategy):
    '''Takes its time.'''
    def signals(self, bars):
        time.sleep(0.05)
        return rk.Signals.target(bars.close > 100)

ws = rk.open_workspace("WS")
prices = dict.fromkeys(("open", "high", "low", "close"), 100 + np.sin(np.arange(900.0)))
frame = rk.Bars(np.arange(900) * 60_000_000_000, prices).frame
ws.import_dataset(frame, name="walk", symbol="WALK")
print(ws.run(Slow, "walk").id)
"""


def test_nothing_waits_for_a_check_at_the_end(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT.replace("WS", str(tmp_path / "ws")))
    environment = os.environ | {background.SWITCH: "1"}
    began = perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "error", "script.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    took = perf_counter() - began
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "1", "")
    with rk.open_workspace(tmp_path / "ws") as ws:
        run = ws.load_run(1)
        found = eventually(lambda: run.lookahead, timeout=200)
        assert found.strategy == "slow()"
        assert found.outcome in ("passed", "inconclusive")
        assert took < 60
        assert took < found.seconds + 45


def test_a_leak_is_found_in_the_background_of_an_instance(checked_by_hand):
    run = checked_by_hand.run(NextClose(), "walk")
    assert check_waiting(checked_by_hand) == 1
    assert run.lookahead.outcome == "failed"
