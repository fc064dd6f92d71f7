"""A whole workspace verified in processes of their own: those that die or hang lose only the run that they were at."""

import pytest
import sqlalchemy as sa

import research_kit as rk
from research_kit.runs.trust.verifying_all import verify_all

FILE = """
import os
import sys
import time
import research_kit as rk

class Mild(rk.Strategy):
    '''Does no harm.'''
    length: int = rk.Param(5, ge=1)

    def signals(self, bars):
        return rk.Signals.target(bars.close > rk.indicators.sma(bars.close, self.length))

class Deadly(Mild):
    '''Kills its process where a file is.'''
    def signals(self, bars):
        if os.path.exists({mark!r}):
            os.kill(os.getpid(), 9)
        return super().signals(bars)

class Endless(Mild):
    '''Hangs where a file is.'''
    def signals(self, bars):
        while os.path.exists({mark!r}):
            time.sleep(0.05)
        return super().signals(bars)

class Leaving(Mild):
    '''Wants to leave where a file is.'''
    def signals(self, bars):
        if os.path.exists({mark!r}):
            sys.exit(3)
        return super().signals(bars)
"""


@pytest.fixture
def mark(ws, tmp_path):
    """Return the file whose presence makes the strategies of the workspace do harm."""
    path = tmp_path / "mark"
    (ws.folder / "strategies" / "harm.py").write_text(FILE.format(mark=str(path)))
    return path


def verdicts(ws):
    with ws.database.read() as session:
        rows = session.execute(sa.text("SELECT backtest_id, outcome FROM verdicts ORDER BY backtest_id")).all()
    return [tuple(row) for row in rows]


@pytest.mark.slow
def test_every_run_is_verified_in_parallel(ws, mark):
    for length in range(1, 8):
        ws.run("mild", "walk", {"length": length})
    ws.run("buy_and_hold", "walk")
    with ws.database.write() as session:
        session.execute(sa.text("UPDATE trades SET pnl = pnl + 1 WHERE backtest_job_id = 3"))
    seen = []
    table = ws.verify_all(workers=2, on_each=seen.append)
    assert table["run"].tolist() == list(range(1, 9))
    assert table["outcome"].tolist() == ["verified"] * 2 + ["differs"] + ["verified"] * 5
    assert table.loc[2, "causes"] == "record"
    assert sorted(one.run_id for one in seen) == list(range(1, 9))
    assert verdicts(ws) == list(zip(table["run"], table["outcome"], strict=True))
    assert ws.load_run(3).verification.cause_names == ["record"]
    assert ws.load_run(1).verification.is_verified


@pytest.mark.slow
def test_what_dies_or_hangs_costs_its_own_run_only(ws, mark):
    for name in ("mild", "deadly", "endless", "leaving", "mild", "buy_and_hold"):
        ws.run(name, "walk")
    mark.touch()
    found = verify_all(ws, workers=1, time_limit=8.0)
    assert [one.outcome for one in found] == ["verified", "failed", "failed", "failed", "verified", "verified"]
    assert "killed by SIGKILL" in found[1].summary
    assert "more than 8 seconds" in found[2].summary
    assert "SystemExit" in found[3].summary
    assert verdicts(ws) == [(one.run_id, one.outcome) for one in found]


def test_few_runs_are_verified_here(ws):
    assert ws.verify_all().empty
    ws.run("buy_and_hold", "walk")
    assert ws.verify_all()["outcome"].tolist() == ["verified"]


def test_a_run_of_another_program_is_no_reason_to_stop(ws):
    ws.run("buy_and_hold", "walk")
    with ws.database.write() as session:
        session.execute(sa.text("UPDATE backtest_jobs SET spec = NULL"))
    [found] = verify_all(ws)
    assert (found.outcome, found.cause_names) == ("failed", ["record"])
    assert rk.errors is not None
