"""What a notebook keeps of a live view: plain HTML beside it, brought up to date, in a real kernel and in exports."""

import nbformat
import pytest
from jobs.conftest import stop_worker
from nbclient import NotebookClient
from nbconvert import HTMLExporter

import research_kit as rk

WIDGET = "application/vnd.jupyter.widget-view+json"
SHOW = """
import os
import research_kit as rk
ws = rk.open_workspace(os.environ["RESEARCH_KIT_WORKSPACE"])
dashboard = rk.widgets.Dashboard(ws, dataset="Calm", strategy="sma_cross", parameters={"fast": 7})
dashboard
"""
RUN = """
dashboard.run()
assert dashboard.wait(120)
"""


@pytest.fixture
def executed(ws, monkeypatch, tmp_path):
    """Return the notebook that shows the dashboard in one cell and runs a backtest in the next, executed."""
    monkeypatch.setenv("RESEARCH_KIT_WORKSPACE", str(ws.folder))
    cells = [nbformat.v4.new_code_cell(source) for source in (SHOW, RUN)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=300, kernel_name="python3", store_widget_state=False).execute()
    yield notebook
    stop_worker(ws)


@pytest.mark.slow
def test_the_copy_beside_the_view_shows_the_run_that_came_later(executed, ws):
    live, copy = executed.cells[0].outputs
    assert WIDGET in live["data"]
    assert WIDGET not in copy["data"]
    html = copy["data"]["text/html"]
    run = ws.load_run(int(ws.backtests()["id"].iloc[0]))
    assert run.parameters["fast"] == 7
    assert f"Run {run.id}: {run.title}" in html
    assert "<b>Dataset</b> Calm" in html
    assert "<svg" in html
    assert "<script" not in html
    assert len(html) < 20_000
    assert len(nbformat.writes(executed)) < 40_000  # no state of widgets, no JavaScript

    page, _ = HTMLExporter(template_name="basic").from_notebook_node(executed)
    assert page.count(f"Run {run.id}: {run.title}") == 1
    assert "Dashboard(dataset=" not in page  # not also as text


def test_a_part_gives_its_copy_with_its_bundle(strategies):
    form = rk.widgets.ParameterForm(strategies["every_kind"])
    form.set({"text": "<b>bold</b>"})
    bundle = form._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "&lt;b&gt;bold&lt;/b&gt;" in data["text/html"]
    assert "<b>bold" not in data["text/html"]
    form.close()


def test_what_is_not_displayed_publishes_nothing(strategies, capsys):
    form = rk.widgets.ParameterForm(strategies["every_kind"])
    form.set({"count": 4})
    form.close()
    assert not form.kept.is_displayed
    assert capsys.readouterr() == ("", "")
