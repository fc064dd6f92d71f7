"""The dashboard: everything that a researcher sees of a workspace, in tabs that are made ahead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.errors import OptionError, did_you_mean
from research_kit.strategy.base import Strategy
from research_kit.widgets.data_tab import DataTab
from research_kit.widgets.explore import Explore
from research_kit.widgets.parts.background import Background
from research_kit.widgets.parts.part import Part, close_tree, hint, in_voila
from research_kit.widgets.parts.turn import TURN
from research_kit.widgets.tabs import CompareTab, HistoryTab
from research_kit.widgets.work.sweep_panel import SweepPanel

if TYPE_CHECKING:
    from research_kit.runs.run import Run
    from research_kit.widgets.forms.dataset_picker import DatasetPicker
    from research_kit.widgets.forms.engine_form import EngineForm
    from research_kit.widgets.forms.form import ParameterForm
    from research_kit.widgets.forms.pickers import StrategyPicker
    from research_kit.widgets.parts.bench import Laboratory
    from research_kit.widgets.results.run_view import RunView
    from research_kit.widgets.work.runner import State

TABS = ("Explore", "Search", "History", "Compare", "Data")
PAUSE = 0.5  # seconds in which the browser draws what is there, before another tab is made ahead


class Dashboard(Part):
    """Explore, search, look back, compare, and look after the data, each in its tab; the notebook stays free meanwhile.

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
    explore
        The first tab; its controls are at hand here, too: ``datasets``, ``strategies``, ``parameters``, ``options``,
        ``run_button``, ``progress``, ``status``, ``result``.
    last_run
        The newest run that completed here, as ``ws.run`` returns it; None before the first.
    state
        ``"ready"``, ``"running"``, ``"completed"``, ``"failed"`` or ``"cancelled"``.
    """

    def __init__(
        self,
        ws: Laboratory,
        *,
        dataset: int | str | None = None,
        strategy: str | type[Strategy] | None = None,
        parameters: Mapping[str, Any] | None = None,
        strategies: Iterable[type[Strategy]] = (),
    ) -> None:
        super().__init__()
        self.bench = ws
        further = list(strategies)
        self.explore = Explore(ws, dataset=dataset, strategy=strategy, parameters=parameters, strategies=further)
        self._further = [*further, *([strategy] if isinstance(strategy, type) else [])]
        self._parts: dict[str, Part] = {"Explore": self.explore}
        self._asked = {"Explore"}
        self._ahead, self._closed = Background("tabs"), threading.Event()
        held = {name: self.explore.body if name == "Explore" else w.HTML(hint("Opening …")) for name in TABS}
        self._places = {name: w.VBox([one]).add_class("rkw-tab") for name, one in held.items()}
        self.tabs = w.Tab(children=list(self._places.values()), titles=TABS).add_class("rkw-tabs")
        self.body = w.VBox([self.tabs, self.note])
        self._undo.append(self.tabs.unobserve_all)
        self.tabs.observe(lambda _: self._guard(self._open), names="selected_index")
        self.explore.on_change(self._keep)

    def __repr__(self) -> str:
        chosen = f"dataset={self.datasets.name!r}, strategy={self.strategies.value!r}"
        return f"Dashboard({chosen}, {self.state})"

    @property
    def tab(self) -> str:
        """The tab that is open; it may be set."""
        return TABS[self.tabs.selected_index or 0]

    @tab.setter
    def tab(self, name: str) -> None:
        if name not in TABS:
            raise OptionError(f"There is no tab {name!r}. {did_you_mean(str(name), TABS)}")
        self.tabs.selected_index = TABS.index(name)

    def part(self, name: str) -> Part:
        """Return what a tab holds, made if that was not done yet; at first it has what is chosen in Explore."""
        with TURN:
            made = self._made(name)
            if name not in self._asked:
                self._asked.add(name)
                try:
                    self._follow(made)
                finally:
                    self._reveal(name)
                if isinstance(made, DataTab) and not made.is_shown:
                    made.show()
            return made

    def use(self, run: Run) -> None:
        """Fill the forms of Explore with what a run was made with, show it there, and open that tab."""
        self.explore.use(run)
        self.explore.show(run)
        self.tab = "Explore"

    @property
    def datasets(self) -> DatasetPicker:
        """The picker of datasets."""
        return self.explore.datasets

    @property
    def strategies(self) -> StrategyPicker:
        """The picker of strategies."""
        return self.explore.strategies

    @property
    def parameters(self) -> ParameterForm:
        """The form of the strategy that is chosen."""
        return self.explore.parameters

    @property
    def options(self) -> EngineForm:
        """The form of the engine's options."""
        return self.explore.options

    @property
    def result(self) -> RunView:
        """The view of the last run."""
        return self.explore.result

    @property
    def run_button(self) -> w.Button:
        """The button that starts a run."""
        return self.explore.panel.run_button

    @property
    def cancel_button(self) -> w.Button:
        """The button that ends it."""
        return self.explore.panel.cancel_button

    @property
    def progress(self) -> w.FloatProgress:
        """How far the run is."""
        return self.explore.panel.progress

    @property
    def status(self) -> w.HTML:
        """What the run is doing, or how it ended."""
        return self.explore.panel.status

    @property
    def state(self) -> State:
        """How the run in Explore stands."""
        return self.explore.panel.state

    @property
    def last_run(self) -> Run | None:
        """The newest run that completed here."""
        return self.explore.panel.last_run

    def run(self) -> None:
        """Start a run of what is chosen, in the background; ``wait`` waits for it. Nothing happens while one runs."""
        self.explore.panel.run()

    def cancel(self) -> None:
        """Ask for the end of the run."""
        self.explore.panel.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended, at most ``timeout`` seconds; return whether it has."""
        return self.explore.panel.wait(timeout)

    def static(self) -> str:
        """Return what the open tab shows."""
        return self._parts.get(self.tab, self.explore).static()

    def close(self) -> None:
        """Stop listening, and free the widgets here and in the browser; a run that was started is still recorded."""
        self._keep()
        self._closed.set()
        with TURN:
            for part in self._parts.values():
                part.close()
        super().close()

    def _ipython_display_(self, **kwargs: Any) -> None:
        self.explore.prepare()
        super()._ipython_display_(**kwargs)
        if not in_voila():  # there, a widget that is made while the page loads is lost
            self._ahead.start(self._make_ahead, lambda _: None, lambda _: None)  # what failed fails where it is seen

    def _make_ahead(self) -> None:
        """Make the other tabs while nobody waits for them, so that they open at once."""
        for name in TABS:
            self._closed.wait(PAUSE)
            with TURN:
                if self._closed.is_set():
                    return
                self._made(name)

    def _made(self, name: str) -> Part:
        """Return what a tab holds; who asks has the turn, as one that is being made ahead may be asked for."""
        if name not in self._parts:
            made = self._makers()[name]()
            made.on_change(self._keep)
            if isinstance(made, HistoryTab):
                made.history.on_compare(self._compare)
            made.body.layout.display = "none"  # until it has what is chosen in Explore
            self._places[name].children += (made.body,)
            self._parts[name] = made
        return self._parts[name]

    def _follow(self, made: Part) -> None:
        if isinstance(made, SweepPanel | DataTab):
            made.datasets.value = self.datasets.value
        if isinstance(made, SweepPanel):
            made.strategies.value = self.strategies.value

    def _reveal(self, name: str) -> None:
        """Show a tab in the place of the words that it is being opened."""
        waiting, body = self._places[name].children
        body.layout.display = None
        self._places[name].children = (body,)
        close_tree(waiting)

    def _open(self) -> None:
        """Fill a tab that is opened for the first time, and bring one that was there up to date."""
        name, is_new = self.tab, self.tab not in self._parts
        part = self.part(name)
        if not is_new and callable(refresh := getattr(part, "refresh", None)):
            refresh()
        self._keep()

    def _makers(self) -> dict[str, Callable[[], Part]]:
        return {
            "Search": self._make_search,
            "Data": self._make_data,
            "History": partial(HistoryTab, self.bench, self.use),
            "Compare": partial(CompareTab, self.bench),
        }

    def _make_search(self) -> Part:
        panel = SweepPanel(self.bench, strategies=self._further)
        panel.view_of.on_use(partial(self._take_set, panel))
        return panel

    def _make_data(self) -> Part:
        tab = DataTab(self.bench, shown=False)  # a chart that is drawn while it is hidden is drawn twice
        tab.importing.on_change(self.datasets.refresh)
        return tab

    def _compare(self, runs: list[int]) -> None:
        """Show a comparison in its tab."""
        tab = self.part("Compare")
        if isinstance(tab, CompareTab):
            tab.show(runs)
        self.tab = "Compare"

    def _take_set(self, panel: SweepPanel, chosen: Mapping[str, Any]) -> None:
        """Fill the forms of Explore with a set of a search, and open that tab."""
        self.datasets.value, self.strategies.value = panel.datasets.value, panel.strategies.value
        options = panel.options.value
        self.parameters.fill({name: value for name, value in chosen.items() if name not in options})
        self.options.fill({**options, **{name: value for name, value in chosen.items() if name in options}})
        self.tab = "Explore"
