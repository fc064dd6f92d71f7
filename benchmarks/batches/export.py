"""W7, pages: an executed notebook with one chart as HTML, by this project's export or by nbconvert's."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

import measuring
import nbconvert
import nbformat
import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from measuring import emit, first_run, warm_runs
from workloads import FIRST_NS, MINUTE_NS, SIZES, generate

from research_kit.charts.backtests.backtest import BacktestSeries, equity_figure
from research_kit.report.export import export_html

PLOTLY = "application/vnd.plotly.v1+json"


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("points", choices=SIZES)
    parser.add_argument("--budget", type=float, default=1.0, help="seconds of warm runs")
    arguments = parser.parse_args()
    points = SIZES[arguments.points]
    price, times = generate(points)[3], (FIRST_NS + MINUTE_NS * np.arange(points)).astype("datetime64[ns]")
    export = WAYS[measuring.engine()](times, price)
    page, record = first_run(export)
    sizes = {"html_mb": len(page.encode()) / 1e6, "draws": "Plotly.newPlot" in page or "plotly" in page}
    emit(record | sizes | warm_runs(export, arguments.budget), "nbconvert", "plotly")


def _line(times: Any, price: Any) -> go.Figure:
    return go.Figure(go.Scatter(x=times, y=price, mode="lines"))


def _as_output(figure: go.Figure) -> dict[str, Any]:
    """Return the figure as a kernel sends it."""
    data: dict[str, Any] = json.loads(figure.to_json())
    return data


def _ours(times: Any, price: Any) -> Callable[[], str]:
    return lambda: export_html(_notebook({PLOTLY: _as_output(_line(times, price))}), title="A line")


def _our_chart(times: Any, price: Any) -> Callable[[], str]:
    series = BacktestSeries(time=times, equity=price, initial_cash=100.0, close=price)
    return lambda: export_html(_notebook({PLOTLY: _as_output(equity_figure(series))}), title="A line")


def _nbconvert(times: Any, price: Any) -> Callable[[], str]:
    def export() -> str:
        html = pio.to_html(_line(times, price), include_plotlyjs=True, full_html=False)
        page, _ = nbconvert.HTMLExporter().from_notebook_node(_notebook({"text/html": html}))
        return str(page)

    return export


def _notebook(data: dict[str, Any]) -> Any:
    output = nbformat.v4.new_output("display_data", data=data)
    cell = nbformat.v4.new_code_cell("figure.show()", outputs=[output], id="chart")
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("Report", id="text"), cell])


WAYS = {"ours": _ours, "our chart": _our_chart, "nbconvert": _nbconvert}

if __name__ == "__main__":
    main()
