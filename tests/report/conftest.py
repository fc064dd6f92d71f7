"""Executed notebooks made by hand, and a browser without a network."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from nbformat import NotebookNode, v4

import research_kit as rk
from research_kit.charts.backtests.backtest import BacktestSeries, backtest_figure, drawdown_figure, equity_figure


def make_notebook(*cells: Any) -> NotebookNode:
    """Return a notebook: a text is a markdown cell, a list the outputs of a code cell, a node itself."""
    made = []
    for number, cell in enumerate(cells):
        if isinstance(cell, str):
            made.append(v4.new_markdown_cell(cell, id=f"cell-{number}"))
        elif isinstance(cell, list):
            made.append(v4.new_code_cell("secret = 1", outputs=cell, id=f"cell-{number}"))
        else:
            made.append(cell)
    return v4.new_notebook(cells=made)


def make_output(**data: Any) -> NotebookNode:
    """Return an output by short names: html, markdown, png, svg, js, text, widget, or figure."""
    names = {
        "html": "text/html",
        "markdown": "text/markdown",
        "png": "image/png",
        "svg": "image/svg+xml",
        "js": "application/javascript",
        "text": "text/plain",
        "widget": "application/vnd.jupyter.widget-view+json",
        "figure": "application/vnd.plotly.v1+json",
    }
    if "figure" in data and not isinstance(data["figure"], dict):
        data["figure"] = json.loads(data["figure"].to_json())
    return v4.new_output("display_data", {names[name]: value for name, value in data.items()})


def make_series(n: int = 400, title: str = "") -> BacktestSeries:
    walk = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, n)))
    time = np.datetime64("2022-01-01", "ns") + np.arange(n) * np.timedelta64(1, "D")
    return BacktestSeries(time=time, equity=walk * 100, initial_cash=1e4, close=walk, benchmark=walk * 90, title=title)


@pytest.fixture
def notebook() -> Callable[..., NotebookNode]:
    """Return the maker of notebooks."""
    return make_notebook


@pytest.fixture
def output() -> Callable[..., NotebookNode]:
    """Return the maker of outputs."""
    return make_output


@pytest.fixture
def series() -> Callable[..., BacktestSeries]:
    """Return the maker of series."""
    return make_series


@pytest.fixture
def three_charts() -> NotebookNode:
    """Return an executed notebook with three figures, a table and a text."""
    figures = [make(make_series()) for make in (backtest_figure, equity_figure, drawdown_figure)]
    table = "<table class='dataframe'><tr><th>a</th><td>1</td></tr></table>"
    return make_notebook("## Charts", *[[make_output(figure=figure)] for figure in figures], [make_output(html=table)])


@pytest.fixture
def ws(tmp_path) -> Iterator[rk.Workspace]:
    """Return an empty workspace."""
    with rk.open_workspace(tmp_path / "ws") as opened:
        yield opened
