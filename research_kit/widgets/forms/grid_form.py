"""What is searched: for each parameter a value, a list or a range, and how many sets come of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

import ipywidgets as w

from research_kit.engine.options import EngineOptions
from research_kit.errors import ParameterError, ResearchKitError, did_you_mean
from research_kit.runs.searches.asking import COUNTED, Between, count_sets
from research_kit.strategy.base import Strategy
from research_kit.widgets.forms.axis_text import HELP, Axis, axis_count, axis_text, axis_words, read_axis
from research_kit.widgets.forms.fields import MISSING, FieldSpec, field_specs
from research_kit.widgets.parts.part import Note, Part, alert, hint

SUGGESTED = 8  # values of an axis that is suggested
_STYLE = {"description_width": "var(--rkw-label)"}
ADD = "an option of the engine …"


class AxisRow:
    """The text of one axis, with what it means or what is wrong with it."""

    def __init__(self, spec: FieldSpec) -> None:
        self.spec = spec
        holder = "must be given" if spec.default is MISSING else ""
        self.input = w.Text(
            description=spec.label,
            tooltip=f"{spec.name}. {spec.help} {HELP}",
            style=_STYLE,
            placeholder=holder,
            continuous_update=False,
            layout={"width": "auto"},
        )
        self.note = Note()
        self.error = ""
        self.view = w.VBox([self.input, self.note]).add_class("rkw-field")
        self.reset()

    def reset(self) -> None:
        """Show the default, fixed."""
        self.input.value = "" if self.spec.default is MISSING else axis_text(self.spec.default)

    def read(self) -> Axis:
        """Return the values, and show what they are; what is wrong is shown and raised."""
        try:
            axis = read_axis(self.input.value, self.spec)
        except ParameterError as error:
            self.complain(str(error))
            raise
        self.complain("", axis_words(axis))
        return axis

    def complain(self, error: str, words: str = "") -> None:
        """Show what is wrong, or else what is asked for."""
        self.error = error
        self.note.show(alert(error) or hint(f"{words}. {self.spec.help}" if words else self.spec.help))
        (self.view.add_class if error else self.view.remove_class)("rkw-invalid")

    @property
    def is_default(self) -> bool:
        """Whether it is fixed at its default."""
        return self.spec.default is not MISSING and self.input.value.strip() == axis_text(self.spec.default)


class GridForm(Part):
    """An editor of what is searched: ``grid`` is what ``ws.sweep`` takes, ``where`` the condition, ``count`` the sets.

    Examples
    --------
    >>> from research_kit.strategy.library import SmaCross
    >>> form = GridForm(SmaCross)
    >>> form.set({"fast": range(5, 50, 5), "slow": [20, 50, 100]}, where="fast < slow")
    >>> form.count, form.grid["slow"]
    (21, [20, 50, 100])
    """

    def __init__(self, strategy: type[Strategy]) -> None:
        super().__init__()
        self.strategy = strategy
        self.rows = {spec.name: AxisRow(spec) for spec in field_specs(strategy)}
        self._options = {spec.name: spec for spec in field_specs(EngineOptions)}
        self.condition = w.Text(
            description="Only where",
            placeholder="such as fast < slow",
            tooltip="A comparison of parameters; sets for which it does not hold are not run",
            style=_STYLE,
            continuous_update=False,
            layout={"width": "auto"},
        )
        free = [name for name in self._options if name not in strategy.model_fields]
        self.add = w.Dropdown(options=[ADD, *free], description="Also search", style=_STYLE, layout={"width": "auto"})
        self.suggest_button = w.Button(description="Suggest", icon="magic", tooltip="Ranges around the defaults")
        self.reset_button = w.Button(description="Reset", icon="undo", tooltip="Everything fixed at its default")
        self.says = Note()
        self._axes = w.VBox()
        self._build()
        self.check()

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={row.input.value}" for name, row in self.rows.items())
        return f"GridForm({self.strategy.__name__}: {shown})"

    @property
    def grid(self) -> dict[str, Any]:
        """What is searched, by name; what is fixed at its default is left out.

        Raises
        ------
        ParameterError
            Something that was typed means nothing; it is shown, too.
        """
        found, problems = {}, []
        for name, row in self.rows.items():
            try:
                axis = row.read()
            except ParameterError as error:
                problems.append(str(error))
            else:
                if not row.is_default:
                    found[name] = axis
        if problems:
            raise ParameterError(" ".join(problems))
        return found

    @property
    def where(self) -> str | None:
        """The condition, None for no condition."""
        return self.condition.value.strip() or None

    @property
    def varied(self) -> list[str]:
        """The names that have several values, those with the most first."""
        counts = {name: axis_count(axis) for name, axis in self.grid.items()}
        several = {name: math.inf if count is None else count for name, count in counts.items() if count != 1}
        return sorted(several, key=lambda name: -several[name])

    @property
    def count(self) -> int | None:
        """How many sets there are; None where a range has no steps, from which sets are drawn.

        Raises
        ------
        ResearchKitError
            Something means nothing, or no set fulfils the condition.
        """
        return count_sets(self.strategy, self.grid, self.where)

    def set(self, grid: Mapping[str, Any], where: str | None = None) -> None:
        """Show what is to be searched; what is not named is fixed at its default."""
        for name in grid:
            if name not in self.rows and name not in self._options:
                known = [*self.rows, *self._options]
                raise ParameterError(f"There is nothing to search under {name!r}. {did_you_mean(name, known)}")
        with self._unheard():
            for row in self.rows.values():
                row.reset()
            for name, values in grid.items():
                self._row(name).input.value = axis_text(values)
            self.condition.value = where or ""
        self.check()

    def suggest(self) -> None:
        """Propose a range around the default of each number that is not searched yet."""
        found = {name: axis for name, row in self.rows.items() if (axis := _suggestion(row)) is not None}
        with self._unheard():
            for name, axis in found.items():
                self.rows[name].input.value = axis_text(axis)
        self.check()

    def reset(self) -> None:
        """Fix everything at its default."""
        self.set({})

    def check(self) -> None:
        """Show what is wrong with what is typed, or else how many sets it asks for."""
        try:
            self.says.show(f'<div role="status" data-testid="sets"><b>{escape(self._words())}</b></div>')
        except ResearchKitError as error:
            beside = any(row.error for row in self.rows.values())
            self.says.show("" if beside else alert(str(error)))
        self._changed()

    def _words(self) -> str:
        count, where = self.count, self.where
        if count is None:
            return "A range without steps: choose the random search, or give it steps."
        most = "at most " if where and count > COUNTED else ""
        return f"{most}{count:,} set{'s' if count != 1 else ''}" + ("" if count > 1 else ": nothing varies yet.")

    def _build(self) -> None:
        self._axes.children = tuple(row.view for row in self.rows.values())
        head = w.HBox([w.HTML("<h4>What is searched</h4>"), w.HBox([self.suggest_button, self.reset_button])])
        for button in (self.suggest_button, self.reset_button):
            button.add_class("rkw-reset")
        explained = Note(hint(HELP))
        parts = [head.add_class("rkw-head"), explained, self._axes, self.add, self.condition, self.says, self.note]
        self.body = w.VBox(parts)
        for row in self.rows.values():
            self._on_value(row.input, self.check)
        self._on_value(self.condition, self.check)
        self._on_value(self.add, self._add)
        self._on_click(self.suggest_button, self.suggest)
        self._on_click(self.reset_button, self.reset)

    def _row(self, name: str) -> AxisRow:
        """Return the row of a name; that of an engine option is made when it is first asked for."""
        if name not in self.rows:
            row = self.rows[name] = AxisRow(self._options[name])
            self._axes.children += (row.view,)
            self._on_value(row.input, self.check)
        return self.rows[name]

    def _add(self) -> None:
        if self.add.value != ADD:
            self._row(self.add.value)
            self.add.value = ADD
            self.check()


def _suggestion(row: AxisRow) -> Between | None:
    """Return half to twice the default of a number, within its bounds, in round steps; None where that is no range."""
    spec, default = row.spec, row.spec.default
    is_number = isinstance(default, int | float) and not isinstance(default, bool)
    if not row.is_default or not is_number or default <= 0:
        return None
    low, high = default / 2, default * 2
    if spec.span is not None:
        low, high = max(low, spec.span.low), min(high, spec.span.high)
    step = _round_step((high - low) / (SUGGESTED - 1), whole=isinstance(default, int))
    start, end = math.ceil(low / step - 1e-9) * step, math.floor(high / step + 1e-9) * step
    if not start < end:
        return None
    if isinstance(default, int):
        return Between(int(start), int(end), int(step))
    return Between(float(f"{start:.12g}"), float(f"{end:.12g}"), float(f"{step:.12g}"))


def _round_step(size: float, *, whole: bool) -> float:
    """Return the step of 1, 2 or 5 times a power of ten that is nearest to a size; at least 1 where it is whole."""
    if whole and size <= 1:
        return 1
    power = 10.0 ** math.floor(math.log10(size))
    return min((step * power for step in (1, 2, 5, 10)), key=lambda step: abs(math.log(step / size)))
