"""Choose a dataset and a strategy, set the parameters, run, look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.errors import OptionError, ResearchKitError
from research_kit.runs.jobs.submitting import ensure_worker
from research_kit.strategy.base import Strategy
from research_kit.widgets.forms.dataset_picker import DatasetPicker
from research_kit.widgets.forms.engine_form import EngineForm
from research_kit.widgets.forms.form import ParameterForm
from research_kit.widgets.forms.past_runs import PastRuns
from research_kit.widgets.forms.pickers import StrategyPicker
from research_kit.widgets.parts.part import Part, hint
from research_kit.widgets.results.run_view import RunView
from research_kit.widgets.results.static_run import facts_html, run_html
from research_kit.widgets.work.errands import Request
from research_kit.widgets.work.run_panel import RunPanel

if TYPE_CHECKING:
    from research_kit.runs.run import Run
    from research_kit.widgets.parts.bench import Bench


class Explore(Part):
    """Choose a dataset and a strategy, fill in the form, press Run, see the result; the notebook stays free meanwhile.

    Parameters are those of ``Dashboard``.

    Attributes
    ----------
    datasets, strategies, parameters, options
        The controls: two pickers and two forms.
    panel
        Run, progress, Cancel.
    past
        The list of past runs of the strategy, from which the forms can be filled.
    result
        The view of the last run.
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
        further = [*strategies, *([strategy] if isinstance(strategy, type) else [])]
        self.datasets = DatasetPicker(ws)
        self.strategies = StrategyPicker(ws, further, with_parameters=False)
        self.options = EngineForm()
        self.past = PastRuns(ws, self.use)
        self.result = RunView()
        self.panel = RunPanel(
            ws, self._request, on_start=self._started, on_run=self._show_run, on_stop=self.past.refresh
        )
        self._forms: dict[type[Strategy], ParameterForm] = {}
        self._shown: Run | None = None
        self._place = w.VBox()
        self._build()
        if dataset is not None:
            self.datasets.value = dataset
        if strategy is not None:
            self.strategies.value = strategy if isinstance(strategy, str) else strategy.name
        self._show_form()
        self.strategies.on_change(self._show_form)
        for part in (self.datasets, self.options, self.panel):
            part.on_change(self._changed)
        if parameters:
            self.parameters.set(parameters)

    def __repr__(self) -> str:
        return f"Explore(dataset={self.datasets.name!r}, strategy={self.strategies.value!r}, {self.panel.state})"

    @property
    def parameters(self) -> ParameterForm:
        """The form of the strategy that is chosen; what was typed for another strategy is kept for it."""
        strategy = self.strategies.strategy
        if strategy is None:
            raise OptionError("Choose a strategy.")
        if strategy not in self._forms:
            self._forms[strategy] = ParameterForm(strategy)
            self._forms[strategy].on_change(self._changed)
        return self._forms[strategy]

    def use(self, run: Run) -> None:
        """Choose what a run was made with: strategy, parameters, options, and the dataset where it is there.

        What cannot be set is said in the note.
        """
        left_out: list[str] = []
        name = str(run.backtest.strategy_name)
        if name != self.strategies.value:
            self.strategies.value = name
        try:
            self.datasets.value = run.dataset.id
        except ResearchKitError as error:
            left_out.append(str(error).rstrip("."))
        left_out += self.parameters.fill(run.parameters)
        left_out += self.options.fill({key: value for key, value in run.options.items() if key in self.options.fields})
        self.note.show(hint(f"Not taken over: {'; '.join(left_out)}.") if left_out else "")

    def show(self, run: Run) -> None:
        """Show a run that was made before."""
        self.result.show(run)
        self._shown = run
        self._changed()

    def prepare(self) -> None:
        """Have a worker ready before it is needed, and find a run that goes on; what fails is said when it matters."""
        self._guard(self._prepare)

    def static(self) -> str:
        """Return what is chosen, and the last result."""
        facts = {"Dataset": self.datasets.name or "none", "Strategy": str(self.strategies.value or "none")}
        forms = [self.parameters] if self.strategies.strategy else []
        facts |= {label: value for form in forms for label, value in form.shown.items()}
        facts |= self.options.said
        result = run_html(self._shown) if self._shown is not None else ""
        return f'{facts_html(facts)}{self.panel.static()}{result}<p class="rkw-faint">{_HOW}</p>'

    def close(self) -> None:
        """Stop listening, and free the widgets here and in the browser; a run that was started is still recorded."""
        self._keep()
        parts = (self.datasets, self.strategies, self.options, self.past, self.panel, self.result)
        for part in (*parts, *self._forms.values()):
            part.close()
        super().close()

    def _build(self) -> None:
        choose = [self.datasets.body, self.strategies.body, self._place, self.past.body, self.options.body]
        side = w.VBox([*choose, self.panel.body, self.note]).add_class("rkw-side")
        self.body = w.HBox([side, self.result.body]).add_class("rkw-dashboard")

    def _prepare(self) -> None:
        if not self.panel.find():
            ensure_worker(self.bench)

    def _show_form(self) -> None:
        strategy = self.strategies.strategy
        self._place.children = (self.parameters.body if strategy else w.HTML(hint("Choose a strategy.")),)
        self.past.choose(strategy.name if strategy else None)
        self._changed()

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

    def _started(self) -> None:
        self.result.fade(True)

    def _show_run(self, run: Run) -> None:
        self.show(run)
        self.past.refresh()


_HOW = escape("A copy of what the dashboard showed; run the cell to have it back.")
