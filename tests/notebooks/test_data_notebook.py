"""The notebook on data as papermill runs it: what it teaches is what happens."""

import pytest

import research_kit as rk

pytestmark = pytest.mark.slow


def test_what_it_says_is_what_happens(execute):
    notebook = execute("02_data")
    with rk.open_workspace(notebook.workspace) as ws:
        original, repaired = ws.dataset(1), ws.dataset("EURUSD")
        report = original.quality
        assert original.timezone == "Europe/Berlin"
        assert (report["spikes"].count, report["duplicate_exact"].count, report["missing_price"].count) == (1, 3, 1)
        assert report.missing_bars == 91
        assert repaired.lineage["operation"] == "repair"
        assert int(ws.bars(repaired).synthetic.sum()) == 92
        assert ws.dataset("EURUSD 1d").rows == 20
        assert ws.holdout("EURUSD").touched == 3
    assert notebook.path.stat().st_size < 1_000_000
