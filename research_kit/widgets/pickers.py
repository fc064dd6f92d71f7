"""Choosing a dataset and a strategy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.errors import NotFoundError, OptionError, did_you_mean
from research_kit.strategy.base import Strategy
from research_kit.widgets.part import Note, Part, alert, hint

if TYPE_CHECKING:
    from research_kit.widgets.bench import Bench


class Picker(Part):
    """A list to choose one thing from; ``value`` is what is chosen, None for nothing."""

    label: str
    nothing: str

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.list = w.Dropdown(
            description=self.label, style={"description_width": "var(--rk-label)"}, layout={"width": "auto", "flex": "1"}
        )
        self.refresh_button = w.Button(icon="refresh", tooltip=f"Look for new {self.label.lower()}s").add_class(
            "rk-refresh"
        )
        self.details = Note()
        row = w.HBox([self.list, self.refresh_button]).add_class("rk-row")
        self.body = w.VBox([row, self.details, self.note]).add_class("rk-field")
        self._on_click(self.refresh_button, self.refresh)
        self._on_value(self.list, self._describe)
        self.refresh()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.list.label or 'nothing chosen'})"

    @property
    def value(self) -> Any:
        """What is chosen: the id of a dataset, the name of a strategy; None for nothing."""
        return self.list.value

    @value.setter
    def value(self, key: Any) -> None:
        known = {item: label for label, item in self.list.options}
        if key is not None and key not in known:
            raise NotFoundError(f"There is no {self.label.lower()} {key!r}. {did_you_mean(str(key), map(str, known))}")
        self.list.value = key

    def refresh(self) -> None:
        """Read the list again and keep what is chosen; choose the first where nothing was listed before."""
        options, before, first_time = self._read(), self.list.value, not self.list.options
        self.list.options = options  # this chooses nothing
        known = [item for _, item in options]
        self.list.value = before if before in known else known[0] if first_time and known else None
        self._describe()

    def on_change(self, handler: Callable[[], None]) -> None:
        """Call a handler whenever something else is chosen; an error in it is shown here."""
        self._on_value(self.list, handler)

    def _read(self) -> list[tuple[str, Any]]:
        """Return what may be chosen: label and value."""
        raise NotImplementedError

    def _describe(self) -> None:
        """Show what is known about what is chosen."""
        if not self.list.options:
            self.details.show(hint(self.nothing))
        elif self.list.value is None:
            self.details.show(hint(f"Choose a {self.label.lower()}."))
        else:
            self.details.show("")
