"""A form made from a pydantic model: an input for each field, and each of its complaints where it belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w
from pydantic import BaseModel, ValidationError

from research_kit.errors import OptionError, ParameterError, did_you_mean
from research_kit.strategy.base import Strategy
from research_kit.widgets.forms.fields import field_specs
from research_kit.widgets.forms.inputs import make_field
from research_kit.widgets.parts.part import Note, Part, alert, hint

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS = {  # where pydantic's own words speak of parsing and strings
    "missing": "A value is needed.",
    "int_parsing": "This is not a whole number.",
    "int_from_float": "This is not a whole number.",
    "float_parsing": "This is not a number.",
    "finite_number": "This is not a finite number.",
    "date_from_datetime_parsing": "This is not a date, such as 2024-01-31.",
    "datetime_from_date_parsing": "This is not a time, such as 2024-01-31 09:30.",
    "time_parsing": "This is not a time of day, such as 09:30.",
}


class ModelForm(Part):
    """Inputs for the fields of a pydantic model, or for some of them.

    Parameters
    ----------
    model
        Its JSON schema makes the inputs, it alone says what is valid, and its defaults fill the form.
    names
        The fields to show; all when not given. The others keep their defaults.
    title
        What stands above the inputs.
    foldable
        Whether the form begins folded: one line with its values, which opens by itself where something is wrong.
    sliders
        Whether a number that is bounded on both sides has a slider beside its box.
    error
        What ``value`` raises.

    Attributes
    ----------
    fields
        The inputs by name; ``fields["fast"].input`` is the widget.
    general
        Errors that belong to no single field, such as "fast must be below slow"; ``below`` shows them.
    """

    def __init__(
        self,
        model: type[BaseModel],
        names: Sequence[str] | None = None,
        *,
        title: str,
        foldable: bool = False,
        sliders: bool = True,
        error: type[OptionError] = OptionError,
    ) -> None:
        super().__init__()
        self.model = model
        self.fields = {spec.name: make_field(spec, sliders=sliders) for spec in field_specs(model, names)}
        self.general = ""
        self._error = error
        self.below = Note()
        self.reset_button = w.Button(description="Reset", tooltip=f"{title}: back to the defaults", icon="undo")
        self.fold_button = w.Button(description=title).add_class("rkw-fold") if foldable else None
        head = [self.fold_button or w.HTML(f"<h4>{escape(title)}</h4>"), self.reset_button.add_class("rkw-reset")]
        self._inputs = w.VBox([*self._rows(), self.below])
        self._summary = Note()
        self.body = w.VBox([w.HBox(head).add_class("rkw-head"), self._summary, self._inputs, self.note])
        self.fold(foldable)
        if self.fold_button:
            self._on_click(self.fold_button, lambda: self.fold(not self.folded))
        self._on_click(self.reset_button, self.reset)
        for field in self.fields.values():
            for widget in field.inputs:
                self._on_value(widget, self.check)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={field.read()!r}" for name, field in self.fields.items())
        return f"{type(self).__name__}({self.model.__name__}: {shown})"

    @property
    def value(self) -> dict[str, Any]:
        """The values by name, validated.

        Raises
        ------
        OptionError
            Something is not valid; the form shows what, and the error says it too.
        """
        made, complaints = self._make()
        self._show(complaints)
        if made is None:
            raise self._error(" ".join(self._sentence(where, words) for where, words in complaints))
        return {name: getattr(made, name) for name in self.fields}

    @property
    def errors(self) -> dict[str, str]:
        """What the fields complain of now, by name; ``general`` has the rest."""
        return {path: words for field in self.fields.values() for path, words in field.errors.items()}

    @property
    def shown(self) -> dict[str, str]:
        """What is set, in words, by the label of its field."""
        return {field.spec.label: field.shown for name, field in self.fields.items() if self._applies(name)}

    @property
    def said(self) -> dict[str, str]:
        """What the folded form says of itself, by label."""
        return self.shown

    def check(self) -> None:
        """Show what is wrong with the present values, each complaint beside its field."""
        self._show(self._make()[1])
        self._changed()

    @property
    def folded(self) -> bool:
        """Whether the inputs are hidden behind one line that says their values."""
        return bool(self._inputs.layout.display == "none")

    def fold(self, folded: bool) -> None:
        """Hide the inputs, or show them."""
        self._inputs.layout.display = "none" if folded else None
        if self.fold_button:
            self.fold_button.icon = "caret-right" if folded else "caret-down"
            self.fold_button.tooltip = "Show what can be set" if folded else "Hide what can be set"
        self._summarise()

    def set(self, values: Mapping[str, Any]) -> None:
        """Show these values; the other fields stay as they are.

        Raises
        ------
        OptionError
            A name is unknown, or a value is not one of the choices.
        """
        for name in values:
            if name not in self.fields:
                raise self._error(f"There is no field {name!r}. {did_you_mean(name, self.fields)}")
        with self._at_once():
            for name, value in values.items():
                self.fields[name].write(value)

    def fill(self, past: Mapping[str, Any]) -> list[str]:
        """Show the values of a past run as far as this form has them, and return what it does not take, one line each.

        What the past run did not have keeps its default.
        """
        left_out = [f"{name}={value!r} is unknown here" for name, value in past.items() if name not in self.fields]
        with self._at_once():
            for name, field in self.fields.items():
                field.reset()
                try:
                    if name in past:
                        field.write(past[name])
                except OptionError as error:
                    left_out.append(str(error).rstrip("."))
        return left_out

    def reset(self) -> None:
        """Put back the defaults."""
        with self._at_once():
            for field in self.fields.values():
                field.reset()

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """Validate once after several changes, not between them."""
        try:
            with self._unheard():
                yield
        finally:
            self.check()

    def _make(self) -> tuple[BaseModel | None, list[tuple[str, str]]]:
        """Return the model, or None and the complaints: the field ("" for all together), and the words."""
        try:
            return self.model(**{name: field.read() for name, field in self.fields.items() if self._applies(name)}), []
        except (ValidationError, OptionError) as error:
            return None, self._complaints(error)

    def _rows(self) -> list[w.Widget]:
        """Return the inputs as they stand below one another."""
        none = Note("" if self.fields else hint("There is nothing to set."))
        return [*(field.view for field in self.fields.values()), none]

    def _applies(self, name: str) -> bool:
        """Return whether a field says anything, as the others are set; one that does not has its default."""
        return True

    def _sentence(self, where: str, words: str) -> str:
        given = f"={self.fields[where].read()!r}" if where in self.fields else ""
        return f"{where}{given}: {words}" if where else words

    def _show(self, complaints: Sequence[tuple[str, str]]) -> None:
        own: dict[str, dict[str, str]] = {}
        for where, words in complaints:
            name, _, path = where.partition(".")
            own.setdefault(name, {}).setdefault(path, words)
        for name, field in self.fields.items():
            field.spread(own.get(name, {}))
        rest = [
            self._sentence(where, words) for where, words in complaints if where.partition(".")[0] not in self.fields
        ]
        self.general = " ".join(rest)
        self.below.show(alert(self.general))
        if complaints and self.folded:
            self.fold(False)
        self._summarise()

    def _summarise(self) -> None:
        said = (f"{label} {value}" for label, value in self.said.items())
        self._summary.show(hint(" · ".join(said)) if self.folded else "")

    def _complaints(self, error: ValidationError | OptionError) -> list[tuple[str, str]]:
        """Return what is wrong, the first complaint of each field; our models have pydantic's error as their context.

        Inside of a nested model a field is named by its path.
        """
        report = error if isinstance(error, ValidationError) else error.__context__
        if not isinstance(report, ValidationError):
            return [("", str(error))]
        found: list[tuple[str, str]] = []
        for problem in report.errors(include_url=False):
            parts = [str(part) for part in problem["loc"]]
            is_nested = bool(parts) and parts[0] in self.fields and self.fields[parts[0]].spec.kind == "nested"
            where = ".".join(parts if is_nested else parts[:1])
            if not where or where not in dict(found):
                found.append((where, _words(problem)))
        return found


class ParameterForm(ModelForm):
    """The parameters of a strategy as a form.

    Examples
    --------
    >>> from research_kit.strategy.library import SmaCross
    >>> form = ParameterForm(SmaCross)
    >>> form.set({"fast": 5})
    >>> form.value
    {'fast': 5, 'slow': 30, 'short': False}
    >>> form.set({"fast": 1})
    >>> form.errors
    {'fast': 'Input should be greater than or equal to 2.'}
    """

    def __init__(self, strategy: type[Strategy]) -> None:
        super().__init__(strategy, title="Parameters", error=ParameterError)


def _words(problem: Mapping[str, Any]) -> str:
    if problem["input"] == "" and (problem["type"] in _WORDS or problem["type"].endswith("_parsing")):
        return _WORDS["missing"]
    words = _WORDS.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    return words if words.endswith((".", "!", "?")) else f"{words}."
