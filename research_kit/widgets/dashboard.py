"""The dashboard: choose a dataset and a strategy, set the parameters, run, look."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import ipywidgets as w

from research_kit.engine.options import EngineOptions
from research_kit.errors import OptionError, ResearchKitError, error_text
from research_kit.strategy.base import Strategy
from research_kit.widgets.form import ModelForm, ParameterForm
from research_kit.widgets.part import LONGEST_ERROR, Part, hint
from research_kit.widgets.pickers import DatasetPicker, StrategyPicker
from research_kit.widgets.results import RunView

if TYPE_CHECKING:
    from research_kit.runs.run import Run
    from research_kit.widgets.bench import Bench

State = Literal["ready", "running", "completed", "failed"]
OPTIONS = ("commission", "slippage", "fill", "size", "stop_loss", "take_profit")
_PACKAGE = Path(__file__).parents[1]
OFTEN = 0.1  # seconds between two updates of the progress bar


@dataclass(frozen=True)
class Request:
    """What was asked for when Run was pressed."""

    strategy: type[Strategy]
    dataset: int
    dataset_name: str
    parameters: Mapping[str, Any]
    options: Mapping[str, Any]


class Dashboard(Part):
    """Choose a dataset and a strategy, fill in the form, press Run, see the result; the notebook stays free meanwhile.

    Parameters
    ----------
    ws
        The workspace, from ``rk.open_workspace``.
    dataset, strategy, parameters
        What is chosen and filled in at first: a name or an id, a name or a class, values by name.
    strategies
        Further strategy classes to offer, such as those that a cell of the notebook defines.

    Attributes
    ----------
    datasets, strategies, parameters, options
        The controls: two pickers and two forms.
    last_run
        The newest run that completed, as ``ws.run`` returns it; None before the first.
    state
        ``"ready"``, ``"running"``, ``"completed"`` or ``"failed"``.
    """

    def __init__(
        self,
        ws: Bench,
        *,
        dataset: int | str | None = None,
        strategy: str | type[Strategy] | None = None,
        parameters: Mapping[str, Any] | None = None,
        strategies: Iterable[type[Strategy]] = (),
    ) -> None:
        super().__init__()
        self.bench = ws
        self.state: State = "ready"
        self.last_run: Run | None = None
        further = [*strategies, *([strategy] if isinstance(strategy, type) else [])]
        self.datasets = DatasetPicker(ws)
        self.strategies = StrategyPicker(ws, further)
        self.options = ModelForm(EngineOptions, OPTIONS, title="Costs, fills and exits", foldable=True)
        self.result = RunView()
        self._forms: dict[type[Strategy], ParameterForm] = {}
        self._thread: threading.Thread | None = None
        self._shown_at = 0.0
        self._build()
        if dataset is not None:
            self.datasets.value = dataset
        if strategy is not None:
            self.strategies.value = strategy if isinstance(strategy, str) else strategy.name
        self._show_form()
        self.strategies.on_change(self._show_form)
        self._on_click(self.run_button, self.run)
        if parameters:
            self.parameters.set(parameters)

    def __repr__(self) -> str:
        return f"Dashboard(dataset={self.datasets.name!r}, strategy={self.strategies.value!r}, {self.state})"

    @property
    def parameters(self) -> ParameterForm:
        """The form of the strategy that is chosen; what was typed for another strategy is kept for it."""
        strategy = self.strategies.strategy
        if strategy is None:
            raise OptionError("Choose a strategy.")
        if strategy not in self._forms:
            self._forms[strategy] = ParameterForm(strategy)
        return self._forms[strategy]

    def run(self) -> None:
        """Start a run of what is chosen, in the background; ``wait`` waits for it. Nothing happens while one runs."""
        if self.state == "running":
            return
        try:
            request = self._request()
        except ResearchKitError as error:
            self._show_state("failed", f"Not started. {error}", alarm=True)
            return
        self._start(request)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended, at most ``timeout`` seconds; return whether it has."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def close(self) -> None:
        """Stop listening, and free the widgets here and in the browser; a run that was started is still recorded."""
        for part in (self.datasets, self.strategies, self.options, self.result, *self._forms.values()):
            part.close()
        super().close()

    def _build(self) -> None:
        self.run_button = w.Button(
            description="Run backtest", icon="play", button_style="primary", tooltip="Run, record and show a backtest"
        ).add_class("rkw-run")
        self.progress = w.FloatProgress(min=0.0, max=1.0, layout={"width": "auto", "visibility": "hidden"})
        self.progress.add_class("rkw-progress")
        self.status = w.HTML()
        self._place = w.VBox()
        choose = [self.datasets.body, self.strategies.body, self._place, self.options.body]
        side = w.VBox([*choose, self.run_button, self.progress, self.status, self.note])
        self.body = w.HBox([side, self.result.body]).add_class("rkw-dashboard")
        self._show_state("ready", "Ready.")

    def _show_form(self) -> None:
        chosen = self.strategies.strategy is not None
        self._place.children = (self.parameters.body if chosen else w.HTML(hint("Choose a strategy.")),)

    def _request(self) -> Request:
        """Return what is asked for, or raise; both forms show their errors."""
        dataset, strategy = self.datasets.value, self.strategies.strategy
        if dataset is None or strategy is None:
            raise OptionError("Choose a dataset and a strategy first.")
        values, problems = [], []
        for form in (self.parameters, self.options):  # both, so that all that is wrong is shown at once
            try:
                values.append(form.value)
            except OptionError as error:
                problems.append(str(error))
        if problems:
            raise OptionError(" ".join(problems))
        return Request(strategy, dataset, self.datasets.name or "", *values)

    def _start(self, request: Request) -> None:
        self.run_button.disabled = True
        self.progress.value, self.progress.layout.visibility = 0.0, "visible"
        self.result.fade(True)
        self._show_state("running", f"Running {request.strategy.name} on {request.dataset_name} …")
        self._thread = threading.Thread(target=self._work, args=(request,), name="research-kit-run", daemon=True)
        self._thread.start()

    def _work(self, request: Request) -> None:
        """Run in the background: every end, good or bad, leaves the button free and a message."""
        started = time.perf_counter()
        try:
            run = self.bench.run(
                request.strategy, request.dataset, request.parameters, progress=self._show_progress, **request.options
            )
            self.last_run = run
            self.result.show(run)
            took = time.perf_counter() - started
            tell = partial(self._show_state, "completed", f"Run {run.id} completed in {took:.1f} s.")
        except BaseException as error:
            tell = partial(self._show_error, error)
        finally:
            self.progress.layout.visibility = "hidden"
            self.run_button.disabled = False
        tell()

    def _show_progress(self, done: float, step: str) -> None:
        now = time.monotonic()
        if now - self._shown_at >= OFTEN or done in (0.0, 1.0):
            self._shown_at = now
            self.progress.value = done
            self._show_state("running", f"{step.capitalize()} … {done:.0%}")

    def _show_error(self, error: BaseException) -> None:
        words = str(error) if isinstance(error, ResearchKitError) else error_text(error, LONGEST_ERROR)
        cause = error.__cause__
        lines = [f"Failed. {words}"]
        lines += [f"Because of {error_text(cause, LONGEST_ERROR)}"] if cause is not None else []
        lines += [str(note) for note in getattr(error, "__notes__", [])]
        self._show_state("failed", "\n".join(lines), alarm=True, details=trace_of(error))

    def _show_state(self, state: State, words: str, *, alarm: bool = False, details: str = "") -> None:
        self.state = state
        look, role = ("rkw-alert", "alert") if alarm else ("rkw-hint", "status")
        folded = f"<details><summary>Where it happened</summary><pre>{escape(details)}</pre></details>"
        self.status.value = (
            f'<div class="rkw-status {look}" role="{role}" data-testid="status" data-state="{state}">{escape(words)}'
            f"{folded if details else ''}</div>"
        )


def trace_of(error: BaseException) -> str:
    """Return where an error came from; the steps of this package that lead to the strategy are left out."""
    told = traceback.TracebackException.from_exception(error)
    frames = list(dropwhile(lambda frame: Path(frame.filename).is_relative_to(_PACKAGE), told.stack))
    told.stack = traceback.StackSummary.from_list(frames or told.stack)
    return "".join(told.format())[-10 * LONGEST_ERROR :]
