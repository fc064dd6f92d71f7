"""The templates run by hand as well as on the figures of a report; and what is large makes no large report."""

import numpy as np
import pytest

import research_kit as rk
from research_kit.report.execution import execute_notebook
from research_kit.report.notebooks import template

DAY = 86_400_000_000_000

pytestmark = pytest.mark.slow


class Often(rk.Strategy):
    """In and out every few bars."""

    every: int = rk.Param(5, ge=1)

    def signals(self, bars):
        return rk.Signals.target(np.arange(len(bars)) // self.every % 2 == 0)


@pytest.fixture
def searched(ws, make_bars):
    """Return a workspace with two runs and a sweep."""
    ws.import_dataset(make_bars(320, seed=18, sigma=0.01, step_ns=DAY).frame, name="walk", symbol="W")
    for slow in (10, 20):
        ws.run("sma_cross", "walk", {"fast": 3, "slow": slow})
    ws.sweep("sma_cross", "walk", {"fast": [3, 5], "slow": [10, 20]}, progress=False)
    return ws


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("sweep", {"sweep_id": 1}, "4 sets of fast, slow"),
        ("compare", {"first": 1, "second": 2}, "Not the same"),
        (
            "walk_forward",
            {"dataset": "walk", "grid": {"fast": [3], "slow": [10, 20]}, "train": "120d", "test": "50d"},
            "4 folds",
        ),
    ],
)
def test_a_template_runs_by_hand(searched, tmp_path, name, parameters, words):
    output = tmp_path / "executed.ipynb"
    execute_notebook(template(name), output, {"workspace": str(searched.folder)} | parameters, cwd=tmp_path)
    assert words in output.read_text("utf-8")


def test_half_a_million_bars_and_fifty_thousand_trades_stay_under_six_megabytes(ws, make_bars):
    ws.import_dataset(make_bars(500_000, sigma=2e-4).frame, name="large", symbol="L")
    run = ws.run(Often, "large", commission=0.00001)
    assert len(run.trades) == 50_000
    assert run.report().stat().st_size < 6_000_000
