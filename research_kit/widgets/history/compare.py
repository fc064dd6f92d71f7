"""Several runs over one another and side by side."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np

from research_kit.errors import OptionError
from research_kit.runs.run import Run
from research_kit.widgets.history.compare_tables import context_html, differences_html, metrics_side_by_side
from research_kit.widgets.parts.background import Background
from research_kit.widgets.parts.chart import Chart
from research_kit.widgets.parts.part import Note, Part, alert, hint
from research_kit.widgets.parts.words import told

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from research_kit.widgets.parts.shelf import Shelf

LEAST, MOST = 2, 6  # runs


@dataclass(frozen=True, eq=False, kw_only=True)
class Compared:
    """What a comparison shows, made before any of it is shown."""

    figure: go.Figure
    heading: str
    metrics: str
    differences: str
    parting: str


class CompareView(Part):
    """Two to six runs: equity over one another, metrics side by side, what differs in what was run, where two part.

    Parameters
    ----------
    ws
        The workspace; runs may then be named by their ids.

    Attributes
    ----------
    runs
        The runs that are compared, none before the first.
    """

    def __init__(self, ws: Shelf | None = None) -> None:
        super().__init__()
        self.ws = ws
        self.runs: tuple[Run, ...] = ()
        self.chart = Chart()
        self.heading, self.metrics, self.differences, self.parting = Note(), Note(), Note(), Note()
        texts = [self.metrics, self.differences, self.parting]
        self.body = w.VBox([self.heading, self.chart.view, *texts, self.note]).add_class("rkw-result")
        self.heading.show(hint("Choose two to six runs to compare."))
        self._work = Background("compare")

    def __repr__(self) -> str:
        return f"CompareView({', '.join(f'run {run.id}' for run in self.runs) or 'nothing'})"

    def show(self, *runs: Run | int) -> None:
        """Compare these runs, or runs of these ids, in the place of those before; the tables come in the background.

        Raises
        ------
        OptionError
            They are fewer than two, more than six, or one is given twice.
        """
        chosen = tuple(self._run(run) for run in runs)
        if not LEAST <= len(chosen) <= MOST or len({run.id for run in chosen}) < len(chosen):
            given = ", ".join(str(run.id) for run in chosen) or "none"
            raise OptionError(f"{LEAST} to {MOST} different runs can be compared; given: {given}.")
        self.runs = chosen
        self.note.show("")
        self.heading.show(hint(f"Comparing {', '.join(f'run {run.id}' for run in chosen)} …"))
        self._work.start(lambda: compared(chosen), self._fill, self._failed)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until everything is shown, at most so many seconds; return whether it is."""
        return self._work.wait(timeout)

    def static(self) -> str:
        return self.heading.value + self.metrics.value + self.differences.value + self.parting.value

    def close(self) -> None:
        self._work.forget()
        self.chart.show(None)
        super().close()

    def _run(self, run: Run | int) -> Run:
        if isinstance(run, Run):
            return run
        if self.ws is None:
            raise OptionError(f"Run {run} cannot be found without a workspace: CompareView(ws).")
        return self.ws.load_run(run)

    def _fill(self, found: Compared) -> None:
        self.heading.show(found.heading)
        self.chart.show(found.figure, name=f"compare-{'-'.join(str(run.id) for run in self.runs)}")
        self.metrics.show(found.metrics)
        self.differences.show(found.differences)
        self.parting.show(found.parting)
        self._changed()

    def _failed(self, error: BaseException) -> None:
        self.heading.show("")
        words = told(error)
        self.note.show(alert(f"They could not be compared. {words}"))


def compared(runs: tuple[Run, ...]) -> Compared:
    """Return what the comparison of runs shows; of more than two, each is held against the first."""
    from research_kit.charts.comparison import overlay, overlay_figure
    from research_kit.charts.curves import Curve
    from research_kit.runs.trust.comparing import compare

    names = [f"Run {run.id}" for run in runs]
    pairs = [compare(runs[0], other) for other in runs[1:]]
    two = pairs[0] if len(pairs) == 1 else None
    order = None if two is None else two.first_order
    curves = [
        Curve(
            name=name,
            time=run.bars.time,
            equity=np.asarray(run.equity),
            initial_cash=float(run.options["initial_cash"]),
        )
        for name, run in zip(names, runs, strict=True)
    ]
    return Compared(
        figure=overlay_figure(overlay(curves, None if order is None else order.time)),
        heading=_heading(runs),
        metrics=metrics_side_by_side(names, [run.summary for run in runs]),
        differences=differences_html(names, differences_of([pair.spec_differences for pair in pairs])),
        parting="" if two is None else _parting(two),
    )


def differences_of(pairs: list[dict[str, tuple[Any, Any]]]) -> dict[str, list[Any]]:
    """Return what differs between the first of several and each other one: by name, a value for each.

    >>> differences_of([{"fast": (5, 10)}, {"slow": (20, 50)}])
    {'fast': [5, 10, 5], 'slow': [20, 20, 50]}
    """
    firsts = {name: first for pair in pairs for name, (first, _) in pair.items()}
    return {
        name: [first, *(pair[name][1] if name in pair else first for pair in pairs)] for name, first in firsts.items()
    }


def _heading(runs: tuple[Run, ...]) -> str:
    items = "".join(f"<li><b>Run {run.id}</b>: {escape(run.title)}</li>" for run in runs)
    return f'<h3 class="rkw-title">{len(runs)} runs compared</h3><ul class="rkw-list">{items}</ul>'


def _parting(pair: Any) -> str:
    """Return where two runs part: in words, the bars around, and how their sources differ."""
    order = pair.first_order
    words = "No order differs." if order is None else f"The first order that differs: {order}"
    diff = pair.source_diff
    source = f'<details class="rkw-more"><summary>Source</summary><pre>{escape(diff)}</pre></details>' if diff else ""
    return f'<div class="rkw-headline">{escape(words)}</div>{context_html(pair.context)}{source}'
