"""History and Compare as tabs of the dashboard: the views of recorded runs, and ways from one to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets as w

from research_kit.errors import OptionError
from research_kit.widgets.history.compare import CompareView
from research_kit.widgets.history.history import History
from research_kit.widgets.history.run_list import RunList
from research_kit.widgets.parts.part import Part

if TYPE_CHECKING:
    from research_kit.runs.run import Run
    from research_kit.widgets.parts.shelf import Shelf


class HistoryTab(Part):
    """The recorded runs; the one that is opened can be taken to Explore."""

    def __init__(self, ws: Shelf, use: Callable[[Run], None]) -> None:
        super().__init__()
        self._ws, self._use = ws, use
        self.history = History(ws)
        self.use_button = w.Button(
            description="Use in Explore", icon="arrow-left", tooltip="Fill the forms of Explore from the opened run"
        )
        self.body = w.VBox([w.HBox([self.use_button]).add_class("rkw-choices"), self.note, self.history.body])
        self._on_click(self.use_button, self.use)
        self.history.on_change(self._changed)

    def __repr__(self) -> str:
        return f"HistoryTab({self.history!r})"

    def use(self) -> None:
        """Take the run that is opened to Explore."""
        current = self.history.runs.current
        if current is None:
            raise OptionError("Open a run first: click on its row, or press Enter there.")
        self._use(self._ws.load_run(current))

    def refresh(self) -> None:
        """Read the runs again."""
        self.history.refresh()

    def static(self) -> str:
        """Return the runs that are listed."""
        return self.history.static()

    def close(self) -> None:
        """Free the widgets."""
        self._keep()
        self.history.close()
        super().close()


class CompareTab(Part):
    """A list to tick runs in, and what they have in common and not below it."""

    def __init__(self, ws: Shelf) -> None:
        super().__init__()
        self.runs = RunList(ws, choosable=True)
        self.compared = CompareView(ws)
        self.compare_button = w.Button(
            description="Compare", icon="columns", button_style="primary", tooltip="Compare the runs that are ticked"
        ).add_class("rkw-run")
        buttons = w.HBox([self.compare_button]).add_class("rkw-buttons")
        self.body = w.VBox([self.runs.body, buttons, self.note, self.compared.body])
        self._on_click(self.compare_button, lambda: self.show(self.runs.chosen))
        self.compared.on_change(self._changed)

    def __repr__(self) -> str:
        return f"CompareTab({self.compared!r})"

    def show(self, runs: list[int]) -> None:
        """Compare runs by their ids, and tick them."""
        self.compared.show(*runs)
        self.runs.chosen = runs

    def refresh(self) -> None:
        """Read the runs again."""
        self.runs.refresh()

    def static(self) -> str:
        """Return the comparison."""
        return self.compared.static()

    def close(self) -> None:
        """Free the widgets."""
        self._keep()
        self.runs.close()
        self.compared.close()
        super().close()
