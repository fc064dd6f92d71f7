"""A workspace with one dataset, on each kind of database."""

import pytest

import research_kit as rk


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ws(request, tmp_path, make_bars):
    """Return a workspace that holds the dataset 'walk': 3,000 minutes of a random walk."""
    database = request.getfixturevalue("postgres").emptied() if request.param == "postgres" else None
    with rk.open_workspace(tmp_path / "work space #1", database) as workspace:
        workspace.import_dataset(make_bars(3_000).frame, name="walk", symbol="WALK")
        yield workspace
