"""The first notebook as papermill runs it: with other parameters, from another folder, small when it is done."""

from pathlib import Path

import pytest

import research_kit as rk

FOLDER = Path(__file__).parents[2] / "notebooks"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def notebook(execute):
    return execute("01_first_backtest", fast=15, slow=60)


def test_its_parameters_reach_the_run_and_every_run_is_recorded(notebook):
    with rk.open_workspace(notebook.workspace) as ws:
        runs = ws.backtests().set_index("strategy_name")
        assert set(runs.index) == {"trend_follower", "buy_and_hold", "momentum"}
        assert runs.loc["trend_follower", "strategy_params"] == {"fast": 15, "slow": 60}
        assert ws.dataset("S&P 500 daily").rows_count == 5031


def test_its_chart_is_a_plain_figure_and_no_widget_bundle_is_kept(notebook):
    assert len(notebook.figures) == 1
    assert notebook.path.stat().st_size < 2_000_000  # one FigureWidget alone would be 5 MB
    texts = [output["data"]["text/plain"] for output in notebook.outputs if "text/plain" in output.get("data", {})]
    assert "Dashboard(dataset='S&P 500 daily', strategy='trend_follower', ready)" in texts


def test_nothing_is_left_beside_the_notebook(notebook):
    files = [path for path in FOLDER.rglob("*") if path.is_file() and ".ipynb_checkpoints" not in path.parts]
    assert [path for path in files if path.suffix != ".ipynb"] == []
