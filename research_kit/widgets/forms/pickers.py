"""Choosing one thing of many: what all pickers share, and the picker of strategies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.errors import NotFoundError, did_you_mean
from research_kit.strategy.base import Strategy
from research_kit.widgets.forms.fields import MISSING, FieldSpec, as_text, field_specs
from research_kit.widgets.parts.part import Note, Part, alert, hint

if TYPE_CHECKING:
    from research_kit.widgets.parts.bench import Bench


class Picker(Part, ABC):
    """A list to choose one thing from; ``value`` is what is chosen, None for nothing.

    The list may offer a part of what there is; what is chosen stays chosen when it is not offered.
    """

    label: str
    plural: str
    nothing: str

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.list = self._make_list()
        self.refresh_button = w.Button(icon="refresh", tooltip=f"Look for new {self.plural}").add_class("rkw-refresh")
        self.details = Note()
        self.row = w.HBox([self.list, self.refresh_button]).add_class("rkw-row")
        self.body = w.VBox([self.row, self.details, self.note]).add_class("rkw-field")
        self._value: Any = None
        self._told, self._is_new = None, True
        self._on_click(self.refresh_button, self.refresh)
        self._on_value(self.list, self._picked)
        self.refresh()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name_of(self._value) or 'nothing chosen'})"

    @property
    def value(self) -> Any:
        """What is chosen: the id of a dataset, the name of a strategy; None for nothing."""
        return self._value

    @value.setter
    def value(self, key: Any) -> None:
        self._read()  # it may be new
        found = self._find(key)
        if found is not None and not self._is_known(found):
            near = did_you_mean(str(key), {self._name_of(item) for item in self._known()})
            raise NotFoundError(f"There is no {self.label.lower()} {key!r}. {near}")
        self._value = found
        self._offer()
        self._tell()

    def refresh(self) -> None:
        """Read the list again and keep what is chosen; the first time, choose the first."""
        self._read()
        known = self._known()
        if not self._is_known(self._value):
            self._value = known[0] if self._is_new and known else None
        self._is_new = self._is_new and not known
        self._offer()
        self._tell()

    def static(self) -> str:
        """Return what is chosen, and what is known of it."""
        return f"<p><b>{self.label}</b> {escape(self._name_of(self._value) or 'nothing chosen')}</p>{self._describe()}"

    def _make_list(self) -> w.Widget:
        return w.Dropdown(
            description=self.label,
            style={"description_width": "var(--rkw-label)"},
            layout={"width": "auto", "flex": "1"},
        )

    def _picked(self) -> None:
        if self.list.value is not None:
            self._value = self.list.value
            self._tell()

    def _offer(self) -> None:
        """Put into the list what it is to offer, and mark what is chosen where it is among that."""
        options = self._options()
        with self._unheard():
            if tuple(options) != tuple(self.list.options):
                self.list.options = options  # a list chooses the first now, and tells its observers
            self.list.value = self._value if self._value in [item for _, item in options] else None

    def _tell(self) -> None:
        self.details.show(self._describe())
        if self._token() != self._told:
            self._told = self._token()
            self._changed()

    def _token(self) -> Any:
        """Return what handlers are told about when it changes."""
        return self._value

    def _find(self, key: Any) -> Any:
        """Return the value that a user means."""
        return key

    def _describe(self) -> str:
        """Return what is known about what is chosen, as HTML."""
        if not self._known():
            return hint(self.nothing)
        return hint(f"Choose a {self.label.lower()}.") if self._value is None else ""

    def _is_known(self, value: Any) -> bool:
        return value in self._known()

    def _name_of(self, value: Any) -> str:
        return "" if value is None else str(value)

    @abstractmethod
    def _known(self) -> list[Any]:
        """Return everything that may be chosen."""

    @abstractmethod
    def _options(self) -> list[tuple[str, Any]]:
        """Return what the list offers: label and value."""

    @abstractmethod
    def _read(self) -> None:
        """Read again what there is."""


class StrategyPicker(Picker):
    """The strategies that can be used, sorted; ``value`` is the name of the one that is chosen.

    Parameters
    ----------
    bench
        The workspace.
    further
        Strategy classes that have no file, such as those of a notebook's cells; they come first, and before others of
        the same name.
    with_parameters
        Whether the parameters of the one that is chosen are listed below; a form says more.
    """

    label, plural = "Strategy", "strategies"
    nothing = "There are no strategies."

    def __init__(self, bench: Bench, further: Iterable[type[Strategy]] = (), *, with_parameters: bool = True) -> None:
        self._further = {strategy.name: strategy for strategy in further}
        self._classes: dict[str, type[Strategy]] = {}
        self._with_parameters = with_parameters
        self.broken = Note()
        super().__init__(bench)
        self.body.children += (self.broken,)

    @property
    def strategy(self) -> type[Strategy] | None:
        """The class of the strategy that is chosen."""
        return self._classes.get(self._value)

    def _known(self) -> list[Any]:
        return list(self._classes)

    def _options(self) -> list[tuple[str, Any]]:
        return [(name, name) for name in self._classes]

    def _read(self) -> None:
        registry = self.bench.registry
        self._classes = self._further | {k: v for k, v in registry.classes().items() if k not in self._further}
        self.broken.show("".join(alert(f"{name} cannot be used: {error}") for name, error in registry.broken().items()))

    def _token(self) -> Any:
        return self.strategy  # a file that was edited gives another class of the same name

    def _describe(self) -> str:
        if self.strategy is None:
            return super()._describe()
        return hint(self.strategy.description()) + (_parameters(self.strategy) if self._with_parameters else "")


def _parameters(strategy: type[Strategy]) -> str:
    """Return the parameters as a list: name, default, meaning."""
    specs = field_specs(strategy)
    if not specs:
        return hint("It has no parameters.")
    rows = "".join(f"<dt>{escape(spec.name)}</dt><dd>{escape(_fact(spec))}</dd>" for spec in specs)
    return f'<dl class="rkw-parameters">{rows}</dl>'


def _fact(spec: FieldSpec) -> str:
    default = "must be given" if spec.default is MISSING else as_text(spec.default) or "none"
    return f"{default}{' – ' if spec.help else ''}{spec.help}"
