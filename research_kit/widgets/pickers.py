"""Choosing a dataset and a strategy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.errors import NotFoundError, did_you_mean
from research_kit.strategy.base import Strategy
from research_kit.widgets.part import Note, Part, alert, hint

if TYPE_CHECKING:
    from research_kit.widgets.bench import Bench


class Picker(Part):
    """A list to choose one thing from; ``value`` is what is chosen, None for nothing."""

    label: str
    plural: str
    nothing: str

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.list = w.Dropdown(
            description=self.label,
            style={"description_width": "var(--rkw-label)"},
            layout={"width": "auto", "flex": "1"},
        )
        self.refresh_button = w.Button(icon="refresh", tooltip=f"Look for new {self.plural}").add_class("rkw-refresh")
        self.details = Note()
        row = w.HBox([self.list, self.refresh_button]).add_class("rkw-row")
        self.body = w.VBox([row, self.details, self.note]).add_class("rkw-field")
        self._handlers: list[Callable[[], None]] = []
        self._reading, self._told = False, None
        self._on_click(self.refresh_button, self.refresh)
        self._on_value(self.list, self._tell)
        self.refresh()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.list.label or 'nothing chosen'})"

    @property
    def value(self) -> Any:
        """What is chosen: the id of a dataset, the name of a strategy; None for nothing."""
        return self.list.value

    @value.setter
    def value(self, key: Any) -> None:
        found, known = self._find(key), [item for _, item in self.list.options]
        if found is not None and found not in known:
            names = [label.partition(" · ")[0] for label, _ in self.list.options]
            raise NotFoundError(f"There is no {self.label.lower()} {key!r}. {did_you_mean(str(key), names)}")
        self.list.value = found

    def refresh(self) -> None:
        """Read the list again and keep what is chosen; the first time, choose the first."""
        options, before, first_time = self._read(), self.list.value, not self.list.options
        self._reading = True
        try:
            self.list.options = options  # a Dropdown chooses the first now, and tells its observers
            known = [item for _, item in options]
            self.list.value = before if before in known else known[0] if first_time and known else None
        finally:
            self._reading = False
        self._tell()

    def on_change(self, handler: Callable[[], None]) -> None:
        """Call a handler whenever something else is chosen; an error in it is shown here."""
        self._handlers.append(handler)

    def close(self) -> None:
        self._handlers.clear()
        super().close()

    def _tell(self) -> None:
        if self._reading:
            return
        self.details.show(hint(self._describe()))
        if self._token() != self._told:
            self._told = self._token()
            for handler in self._handlers:
                handler()

    def _token(self) -> Any:
        """Return what handlers are told about when it changes."""
        return self.value

    def _find(self, key: Any) -> Any:
        """Return the value that a user means."""
        return key

    def _describe(self) -> str:
        """Return what is known about what is chosen."""
        if not self.list.options:
            return self.nothing
        return f"Choose a {self.label.lower()}." if self.value is None else ""

    def _read(self) -> list[tuple[str, Any]]:
        """Return what may be chosen: label and value."""
        raise NotImplementedError


class DatasetPicker(Picker):
    """The datasets of a workspace, newest first; ``value`` is the id of the chosen one, and may be set to a name."""

    label, plural = "Dataset", "datasets"
    nothing = "There are no datasets yet: import one with ws.import_dataset(...), then press the arrow to look again."

    @property
    def name(self) -> str | None:
        """The name of the dataset that is chosen."""
        return self._names.get(self.value)

    def _find(self, key: Any) -> Any:
        """Return the id that a name means (of its newest version); an id is itself."""
        return next((item for item, name in self._names.items() if name == key), key)

    def _describe(self) -> str:
        return self._facts.get(self.value) or super()._describe()

    def _read(self) -> list[tuple[str, Any]]:
        rows = self.bench.datasets().to_dict("records")
        self._names: dict[Any, str] = {row["id"]: str(row["name"]) for row in rows}
        self._facts = {row["id"]: _dataset_facts(row) for row in rows}
        labels = [_dataset_label(row) for row in rows]
        twice = {label for label, count in Counter(labels).items() if count > 1}
        return [
            (f"{label} · id {row['id']}" if label in twice else label, row["id"])
            for label, row in zip(labels, rows, strict=True)
        ]


class StrategyPicker(Picker):
    """The strategies that can be used, sorted; ``value`` is the name of the one that is chosen.

    Parameters
    ----------
    bench
        The workspace.
    further
        Strategy classes that have no file, such as those of a notebook's cells; they come first, and before others of
        the same name.
    """

    label, plural = "Strategy", "strategies"
    nothing = "There are no strategies."

    def __init__(self, bench: Bench, further: Iterable[type[Strategy]] = ()) -> None:
        self._further = {strategy.name: strategy for strategy in further}
        self._classes: dict[str, type[Strategy]] = {}
        self.broken = Note()
        super().__init__(bench)
        self.body.children += (self.broken,)

    @property
    def strategy(self) -> type[Strategy] | None:
        """The class of the strategy that is chosen."""
        return self._classes.get(self.value)

    def _read(self) -> list[tuple[str, Any]]:
        registry = self.bench.registry
        self._classes = self._further | {k: v for k, v in registry.classes().items() if k not in self._further}
        self.broken.show("".join(alert(f"{name} cannot be used: {error}") for name, error in registry.broken().items()))
        return [(name, name) for name in self._classes]

    def _token(self) -> Any:
        return self.strategy  # a file that was edited gives another class of the same name

    def _describe(self) -> str:
        return self.strategy.description() if self.strategy else super()._describe()


def _dataset_label(row: Mapping[Any, Any]) -> str:
    """Return name, symbol, timeframe, bars and quality, as far as they are known."""
    return " · ".join([str(row["name"]), *_short_facts(row)])


def _dataset_facts(row: Mapping[Any, Any]) -> str:
    """Return what the list may have no room for: all but the name, and the span."""
    start, end = row["start_date"], row["end_date"]
    span = f"\n{start:%Y-%m-%d} to {end:%Y-%m-%d}" if _is_known(start) and _is_known(end) else ""
    return " · ".join(_short_facts(row)) + span


def _short_facts(row: Mapping[Any, Any]) -> list[str]:
    bars, score = row["rows_count"], row["data_quality_score"]
    facts = [str(row[name]) for name in ("symbol", "timeframe") if _is_known(row[name])]
    facts += [f"{bars:,.0f} bars"] if _is_known(bars) else []
    return facts + ([f"quality {score:.4g}"] if _is_known(score) else [])


def _is_known(value: Any) -> bool:
    return value is not None and value == value and value != ""  # noqa: PLR0124 - NaN is not itself
