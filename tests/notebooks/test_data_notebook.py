"""The notebook on data as papermill runs it: what it teaches is what happens."""

from pathlib import Path

import papermill
import pytest
from jupyter_client.manager import AsyncKernelManager

import research_kit as rk

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "02_data.ipynb"

pytestmark = pytest.mark.slow


class IpcKernelManager(AsyncKernelManager):
    transport = "ipc"  # no port that somebody else may take


def test_what_it_says_is_what_happens(tmp_path):
    papermill.execute_notebook(
        NOTEBOOK,
        tmp_path / "out.ipynb",
        parameters={"workspace": str(tmp_path / "workspace")},
        kernel_name="python3",
        kernel_manager_class=IpcKernelManager,
        progress_bar=False,
        cwd=tmp_path,
    )
    with rk.open_workspace(tmp_path / "workspace") as ws:
        original, repaired = ws.dataset(1), ws.dataset("EURUSD")
        report = original.quality
        assert original.timezone == "Europe/Berlin"
        assert (report["spikes"].count, report["duplicate_exact"].count, report["missing_price"].count) == (1, 3, 1)
        assert report.missing_bars == 91
        assert repaired.lineage["operation"] == "repair"
        assert int(ws.bars(repaired).synthetic.sum()) == 92
        assert ws.dataset("EURUSD 1d").rows == 20
        assert ws.holdout("EURUSD").touched == 3
    assert (tmp_path / "out.ipynb").stat().st_size < 1_000_000
