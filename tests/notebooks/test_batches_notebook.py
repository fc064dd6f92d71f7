"""The notebook on batches as papermill runs it: a batch inside a batch's own kind of process."""

from pathlib import Path

import pytest

import research_kit as rk
from research_kit.report.execution import execute_notebook

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "07_batches.ipynb"

pytestmark = pytest.mark.slow


def test_what_it_says_is_what_happens(tmp_path):
    parameters = {"workspace": str(tmp_path / "workspace"), "workers": 2}
    execute_notebook(NOTEBOOK, tmp_path / "out.ipynb", parameters, cwd=tmp_path)
    with rk.open_workspace(tmp_path / "workspace") as ws:
        batch = ws.load_batch("first batch")
        assert batch.counts == {"completed": 6}
        assert batch.table["sharpe_ratio"].notna().all()
        assert batch.folder.with_name("first batch.zip").is_file()
        assert "Did you mean 'commission'" in (tmp_path / "out.ipynb").read_text(encoding="utf-8")
    assert (tmp_path / "out.ipynb").stat().st_size < 1_000_000
