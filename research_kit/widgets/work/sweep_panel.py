"""Search: say what is varied, see how many sets that is, run them, watch the map fill, take the best."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.errors import OptionError, ResearchKitError
from research_kit.metrics.registry import METRICS
from research_kit.runs.searches.asking import METHODS
from research_kit.runs.searches.sweep import Sweep
from research_kit.strategy.base import Strategy
from research_kit.widgets.forms.dataset_picker import DatasetPicker
from research_kit.widgets.forms.engine_form import EngineForm
from research_kit.widgets.forms.grid_form import GridForm
from research_kit.widgets.forms.pickers import StrategyPicker
from research_kit.widgets.parts.part import hint
from research_kit.widgets.results.static_run import facts_html
from research_kit.widgets.results.sweep_view import SweepView
from research_kit.widgets.work.runner import Runner, left_words
from research_kit.widgets.work.sweep_errand import SweepEnding, SweepErrand, SweepRequest

if TYPE_CHECKING:
    from research_kit.runs.searches.asking import SweepProgress
    from research_kit.widgets.parts.bench import Bench

LIVE_EVERY = 1.0  # seconds between two looks at what is recorded of a search that runs
SHARE = 0.2  # of its time a search may be disturbed by being looked at
_STYLE = {"description_width": "var(--rkw-label)"}
_METHOD_WORDS = {"grid": "every set", "random": "sets drawn at random", "optuna": "optuna chooses"}


class SweepPanel(Runner):
    """Choose a dataset and a strategy, say which parameters vary, run every set, see where the good ones lie.

    What is run is recorded set by set: a search that was cancelled, or whose kernel died, goes on where it was when it
    is asked for again.

    Parameters
    ----------
    ws
        The workspace, from ``rk.open_workspace``.
    dataset, strategy, grid, where
        What is chosen and filled in at first, as ``ws.sweep`` takes it.
    strategies
        Further strategy classes to offer, such as those that a cell of the notebook defines.

    Attributes
    ----------
    grid
        The editor of what is searched, for the strategy that is chosen.
    last_sweep
        The newest search that ended here, also one that was cancelled.
    """

    def __init__(
        self,
        ws: Bench,
        *,
        dataset: int | str | None = None,
        strategy: str | type[Strategy] | None = None,
        grid: Mapping[str, Any] | None = None,
        where: str | None = None,
        strategies: Iterable[type[Strategy]] = (),
    ) -> None:
        button = w.Button(
            description="Run search", icon="search", button_style="primary", tooltip="Run every set and record it"
        )
        super().__init__(button, "End the search and keep what is done")
        self.bench = ws
        self.last_sweep: Sweep | None = None
        self.datasets = DatasetPicker(ws)
        further = [*strategies, *([strategy] if isinstance(strategy, type) else [])]
        self.strategies = StrategyPicker(ws, further, with_parameters=False)
        self.options = EngineForm()
        self.view_of = SweepView()
        self._grids: dict[type[Strategy], GridForm] = {}
        self._errand: SweepErrand | None = None
        self._showing = threading.Lock()
        self._build()
        self.view_of.on_change(self._changed)
        if dataset is not None:
            self.datasets.value = dataset
        if strategy is not None:
            self.strategies.value = strategy if isinstance(strategy, str) else strategy.name
        self._show_grid()
        self.strategies.on_change(self._show_grid)
        if grid:
            self.grid.set(grid, where)

    def __repr__(self) -> str:
        return f"SweepPanel(dataset={self.datasets.name!r}, strategy={self.strategies.value!r}, {self.state})"

    @property
    def grid(self) -> GridForm:
        """The editor for the strategy that is chosen; what was typed for another strategy is kept for it."""
        strategy = self.strategies.strategy
        if strategy is None:
            raise OptionError("Choose a strategy.")
        if strategy not in self._grids:
            self._grids[strategy] = GridForm(strategy)
            self._grids[strategy].on_change(self._changed)
        return self._grids[strategy]

    def run(self) -> None:
        """Start the search, in the background; ``wait`` waits for it. Nothing happens while one runs."""
        with self._starting:
            if self.state == "running":
                return
            try:
                errand = SweepErrand(self.bench, self._request())
            except ResearchKitError as error:
                self._show_state("failed", f"Not started. {error}", alarm=True)
                return
            self._start(errand)

    def cancel(self) -> None:
        """Ask for the end of the search; the sets that were run are kept."""
        if self._errand is not None and self.state == "running":
            self.cancel_button.disabled = True
            self._show_state("running", "Cancelling: what is done is kept …")
            self._errand.cancel()

    def refresh(self) -> None:
        """Read the datasets and strategies again."""
        self.datasets.refresh()
        self.strategies.refresh()

    def static(self) -> str:
        """Return what is searched, and what was found."""
        facts = {"Dataset": self.datasets.name or "none", "Strategy": str(self.strategies.value or "none")}
        if self.strategies.strategy:
            facts |= {row.spec.label: row.input.value for row in self.grid.rows.values()}
            facts |= {"Only where": self.grid.where} if self.grid.where else {}
        words = f'<p class="rkw-faint">{escape(self.words)}</p>'
        return f"{facts_html(facts)}{words}{self.view_of.static()}"

    def close(self) -> None:
        """Stop listening, and free the widgets; a search that runs goes on and is recorded."""
        self._keep()
        for part in (self.datasets, self.strategies, self.options, self.view_of, *self._grids.values()):
            part.close()
        super().close()

    def _build(self) -> None:
        full = {"width": "auto"}
        methods = [(_METHOD_WORDS[name], name) for name in METHODS]
        self.method = w.Dropdown(options=methods, description="Method", style=_STYLE, layout=full)
        self.sets = w.Text(value="1000", description="How many", style=_STYLE, layout=full, continuous_update=False)
        titles = [(about.title, name) for name, about in METRICS.items()]
        self.objective = w.Dropdown(
            options=titles, value="sharpe_ratio", description="Best by", style=_STYLE, layout=full
        )
        self.lowest = w.Checkbox(description="the lowest value is the best", style=_STYLE, layout=full)
        self._place = w.VBox()
        how = w.VBox([self.method, self.sets, self.objective, self.lowest]).add_class("rkw-field")
        choose = [self.datasets.body, self.strategies.body, self._place, how, self.options.body]
        side = w.VBox([*choose, *self.bar, self.note]).add_class("rkw-side")
        self.body = w.HBox([side, self.view_of.body]).add_class("rkw-dashboard")
        self._on_value(self.method, self._show_method)
        self._show_method()

    def _show_method(self) -> None:
        self.sets.layout.display = "none" if self.method.value == "grid" else None

    def _show_grid(self) -> None:
        chosen = self.strategies.strategy is not None
        self._place.children = (self.grid.body if chosen else w.HTML(hint("Choose a strategy.")),)
        self._changed()

    def _request(self) -> SweepRequest:
        dataset, strategy = self.datasets.value, self.strategies.strategy
        if dataset is None or strategy is None:
            raise OptionError("Choose a dataset and a strategy first.")
        how: dict[str, Any] = {**self.options.changed, "method": self.method.value, "objective": self._objective()}
        if self.method.value != "optuna":
            how["where"] = self.grid.where
        if self.method.value != "grid":
            how["sets"] = _whole(self.sets.value)
        grid = self.grid.grid
        for name in how.keys() & grid.keys():
            raise OptionError(f"{name} is searched, and set among the engine's options, too; do one of them.")
        if self.method.value == "grid":
            _ = self.grid.count  # a condition that nothing fulfils is refused before anything begins
        return SweepRequest(strategy, dataset, self.datasets.name or "", grid, how)

    def _objective(self) -> str:
        return f"-{self.objective.value}" if self.lowest.value else str(self.objective.value)

    def _start(self, errand: SweepErrand) -> None:
        self._errand = errand
        self.view_of.clear("The map fills as the sets are done.")
        self._begin(f"Searching {errand.request.title} …")
        over = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(errand, over), name="research-kit-sweep", daemon=True)
        watcher = threading.Thread(target=self._look, args=(errand, over), name="research-kit-look", daemon=True)
        self._thread.start()
        watcher.start()

    def _work(self, errand: SweepErrand, over: threading.Event) -> None:
        """Run in the background: every end, good or bad, leaves the button free and a message."""
        started = time.perf_counter()
        try:
            ending = errand.carry_out(self._tell)
        finally:
            over.set()
            self._free()
        self._guard(lambda: self._end(ending, time.perf_counter() - started))

    def _look(self, errand: SweepErrand, over: threading.Event) -> None:
        """Show what is recorded by now, again and again; a search with very many sets is looked at less often."""
        pause = LIVE_EVERY
        while not over.wait(pause):
            began = time.monotonic()
            self._guard(lambda: self._show_so_far(errand, over))
            pause = max(LIVE_EVERY, (time.monotonic() - began) / SHARE)

    def _show_so_far(self, errand: SweepErrand, over: threading.Event) -> None:
        shown, found = self.view_of.sweep, errand.so_far()
        with self._showing:
            if found is not None and not over.is_set() and (shown is None or len(found) > len(shown)):
                self.view_of.show(found, final=False)

    def _end(self, ending: SweepEnding, took: float) -> None:
        count = 0 if ending.sweep is None else len(ending.sweep)
        if ending.state == "failed":
            self._show_state("failed", f"Failed. {ending.words}", alarm=True, details=ending.place)
        elif ending.state == "cancelled":
            again = "Run again goes on where it was."
            self._show_state("cancelled", f"Cancelled after {took:.1f} s; {count:,} sets are kept. {again}")
        else:
            self._show_state("completed", f"{count:,} sets in {took:.1f} s.")
        if ending.sweep is not None:
            self.last_sweep = ending.sweep
            with self._showing:
                self.view_of.show(ending.sweep)
        self._changed()

    def _tell(self, news: SweepProgress) -> None:
        words = f"{news.done:,} of {news.total:,} sets{left_words(news.seconds_left)}"
        self._advance(news.done / max(news.total, 1), words)


def _whole(text: str) -> int:
    try:
        return int(text.replace(",", "").replace("_", ""))
    except ValueError:
        raise OptionError(f"How many sets is a whole number; {text!r} is none.") from None
