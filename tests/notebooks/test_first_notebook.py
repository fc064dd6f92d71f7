"""The first notebook as papermill runs it: with other parameters, from another folder, small when it is done."""

from pathlib import Path

import nbformat
import papermill
import pytest
from jupyter_client.manager import AsyncKernelManager

import research_kit as rk

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01_first_backtest.ipynb"
PLOTLY = "application/vnd.plotly.v1+json"

pytestmark = pytest.mark.slow


class IpcKernelManager(AsyncKernelManager):
    transport = "ipc"  # no port that somebody else may take


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Return the notebook as papermill leaves it, the state of widgets kept, and its workspace."""
    folder = tmp_path_factory.mktemp("n")
    papermill.execute_notebook(
        NOTEBOOK,
        folder / "out.ipynb",
        parameters={"workspace": str(folder / "workspace"), "fast": 15, "slow": 60},
        kernel_name="python3",
        kernel_manager_class=IpcKernelManager,
        progress_bar=False,
        cwd=folder,
    )
    return folder / "out.ipynb", folder / "workspace"


def test_its_parameters_reach_the_run_and_every_run_is_recorded(executed):
    with rk.open_workspace(executed[1]) as ws:
        runs = ws.backtests().set_index("strategy_name")
        assert set(runs.index) == {"trend_follower", "buy_and_hold", "momentum"}
        assert runs.loc["trend_follower", "strategy_params"] == {"fast": 15, "slow": 60}
        assert ws.dataset("S&P 500 daily").rows_count == 5031


def test_its_chart_is_a_plain_figure_and_no_widget_bundle_is_kept(executed):
    notebook = nbformat.read(executed[0], as_version=4)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum(PLOTLY in output.get("data", {}) for output in outputs) == 1
    assert executed[0].stat().st_size < 2_000_000  # one FigureWidget alone would be 5 MB
    texts = [output["data"]["text/plain"] for output in outputs if "text/plain" in output.get("data", {})]
    assert "Dashboard(dataset='S&P 500 daily', strategy='trend_follower', ready)" in texts


def test_nothing_is_left_beside_the_notebook(executed):
    files = [path for path in NOTEBOOK.parent.rglob("*") if path.is_file() and ".ipynb_checkpoints" not in path.parts]
    assert [path for path in files if path.suffix != ".ipynb"] == []
