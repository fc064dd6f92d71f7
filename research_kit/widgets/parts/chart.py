"""A place for one chart at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import ipywidgets as w

from research_kit.charts.template import CONFIG

if TYPE_CHECKING:
    import plotly.graph_objects as go

PLOTLY = "application/vnd.plotly.v1+json"


class Chart:
    """One chart at a time; ``figure`` is the one that is shown, None for none.

    The figure travels as data, and JupyterLab draws it. A FigureWidget would send plotly.js with each new chart (5 MB,
    which the browser never frees, not even when the widget is closed), and after a reload of the page it would show the
    data that it was made with.
    """

    def __init__(self) -> None:
        self.figure: go.Figure | None = None
        self.view = w.Output().add_class("rkw-chart")

    def show(self, figure: go.Figure | None, *, name: str = "chart") -> None:
        """Show a finished figure in the place of the one before; ``name`` is that of its picture when it is saved."""
        self.figure = figure
        # Where nothing around it has a height, plotly.js may shrink a chart to nothing when the page is resized.
        self.view.layout.height = None if figure is None else f"{figure.layout.height or 450}px"
        if figure is None:
            self.view.outputs = ()
            return
        config = CONFIG | {"toImageButtonOptions": {"filename": name}}
        data = {PLOTLY: json.loads(figure.to_json()) | {"config": config}, "text/plain": f"The chart of {name}."}
        self.view.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)
