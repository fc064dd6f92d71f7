"""The controls that narrow a list of runs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.store.wanted import Choices, filter_choices
from research_kit.widgets.parts.part import Part

if TYPE_CHECKING:
    from research_kit.runs.history import Which
    from research_kit.widgets.parts.shelf import Shelf

ANY = "any"
_TIP = "Metrics compared with numbers, such as: sharpe_ratio > 1 and max_drawdown_percent > -20"


class RunFilters(Part):
    """Strategy, dataset, tag, words, metrics, days and pins; ``which`` is what ``ws.backtests`` is asked with."""

    def __init__(self, ws: Shelf) -> None:
        super().__init__()
        self.ws = ws
        self.text = _field(w.Text, "Search", placeholder="name, note, tag …", continuous_update=False)
        self.strategy = _field(w.Dropdown, "Strategy", options=[ANY])
        self.dataset = _field(w.Dropdown, "Dataset", options=[ANY])
        self.tag = _field(w.Dropdown, "Tag", options=[ANY])
        self.where = _field(w.Text, "Metrics", placeholder="sharpe_ratio > 1", continuous_update=False, tooltip=_TIP)
        self.since = _field(w.DatePicker, "From", tooltip="First day on which it was recorded, UTC")
        self.until = _field(w.DatePicker, "to", tooltip="Last day on which it was recorded, UTC")
        self.pinned = w.Checkbox(description="Pinned only", indent=False, layout={"width": "auto"})
        self.clear_button = w.Button(description="Clear", tooltip="Take all filters away").add_class("rkw-small")
        self.fields = (
            self.text,
            self.strategy,
            self.dataset,
            self.tag,
            self.where,
            self.since,
            self.until,
            self.pinned,
        )
        days = w.HBox([self.since, self.until]).add_class("rkw-days")
        first = [self.text, self.strategy, self.dataset, self.tag, self.where]
        self.body = w.HBox([*first, days, self.pinned, self.clear_button]).add_class("rkw-filters")
        for field in self.fields:
            self._on_value(field, self._changed)
        self._on_click(self.clear_button, self.clear)
        self.refresh()

    def __repr__(self) -> str:
        return f"RunFilters({', '.join(f'{name}={value!r}' for name, value in self.which.items() if value)})"

    @property
    def which(self) -> Which:
        """What is asked for, by the names of ``ws.backtests``."""
        until = self.until.value
        return {
            "strategy": _chosen(self.strategy),
            "dataset": _chosen(self.dataset),
            "tag": _chosen(self.tag),
            "text": self.text.value,
            "where": self.where.value,
            "since": self.since.value,
            "until": None if until is None else until + timedelta(days=1),
            "pinned": True if self.pinned.value else None,
        }

    @property
    def is_narrow(self) -> bool:
        """Whether anything is asked for."""
        return any(self.which.values())

    def refresh(self) -> None:
        """Read again what there is to choose from, and keep what is chosen."""
        found: Choices = filter_choices(self.ws.database)
        names = (("strategy", found.strategies), ("dataset", found.datasets), ("tag", found.tags))
        with self._unheard():
            for name, options in names:
                field = getattr(self, name)
                before = field.value
                field.options = [ANY, *options]
                field.value = before if before in field.options else ANY

    def clear(self) -> None:
        """Take all filters away."""
        with self._unheard():
            for field in (self.strategy, self.dataset, self.tag):
                field.value = ANY
            self.text.value = self.where.value = ""
            self.since.value = self.until.value = None
            self.pinned.value = False
        self._changed()


def _chosen(field: w.Dropdown) -> str | None:
    return None if field.value == ANY else str(field.value)


def _field(kind: type[Any], label: str, **given: Any) -> Any:
    return kind(description=label, style={"description_width": "auto"}, layout={"width": "auto"}, **given)
