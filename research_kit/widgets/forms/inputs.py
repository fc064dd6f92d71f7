"""One input for one field of a model: what is typed is what is validated, an empty optional field is None."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from typing import Any

import ipywidgets as w
from pydantic_core import to_jsonable_python

from research_kit.errors import ParameterError, did_you_mean
from research_kit.widgets.forms.fields import MISSING, FieldSpec, Span, as_text
from research_kit.widgets.parts.part import Note, alert, hint

_LABEL = {"description_width": "var(--rkw-label)"}
_HOLDERS = {"date": "YYYY-MM-DD", "moment": "YYYY-MM-DD hh:mm"}


def make_field(spec: FieldSpec, *, sliders: bool = True) -> Field | NestedField:
    """Return the input for a field, with a slider beside it where the field is bounded on both sides."""
    return NestedField(spec, sliders=sliders) if spec.kind == "nested" else Field(spec, slider=sliders)


class Field:
    """An input with its label, its help, and the error that belongs to it; ``slider`` moves with it, or is None."""

    def __init__(self, spec: FieldSpec, *, slider: bool = True) -> None:
        self.spec = spec
        self.input = _make_input(spec)
        self.slider = _make_slider(spec, spec.span) if slider and spec.span else None
        self.note = Note(hint(spec.help))
        row = [self.input, self.slider] if self.slider else [self.input]
        self.view: w.VBox = w.VBox([w.HBox(row).add_class("rkw-input"), self.note]).add_class("rkw-field")
        self.error = ""
        self._moving = False
        if self.slider:
            self.slider.observe(self._from_slider, names="value")
            self.input.observe(self._to_slider, names="value")
        self.reset()

    @property
    def inputs(self) -> Iterator[w.Widget]:
        """The widgets whose value is what is set."""
        yield self.input

    def read(self) -> Any:
        """Return what is typed or chosen, as the model is to validate it."""
        given = self.input.value
        if self.spec.kind == "switch":
            return given
        if self.spec.kind == "choice":
            return self.spec.labels().get(given)
        if self.spec.kind in ("date", "time"):
            return (None if self.spec.optional else "") if given is None else given.isoformat()
        if self.spec.optional and not given.strip():
            return None
        return read_text(given, self.spec)

    @property
    def shown(self) -> str:
        """The value in words."""
        given = self.input.value
        return {True: "yes", False: "no", None: "–", "": "none" if self.spec.optional else "–"}.get(given, str(given))

    def write(self, value: Any) -> None:
        """Show a value.

        Raises
        ------
        ParameterError
            It is not one of the choices, or no date.
        """
        shown = to_jsonable_python(value, fallback=str)
        if self.spec.kind in ("switch", "choice"):
            self.input.value = self._choice(shown)
        elif self.spec.kind in ("date", "time"):
            self.input.value = self._moment(shown)
        else:
            self.input.value = as_text(shown)

    def reset(self) -> None:
        """Show the default; a field without one is empty."""
        if self.spec.default is not MISSING:
            self.write(self.spec.default)
        else:
            empty = {"switch": False, "choice": None, "date": None, "time": None}
            self.input.value = empty.get(self.spec.kind, "")

    def complain(self, error: str) -> None:
        """Show an error beside the input; "" takes it away."""
        self.error = error
        self.note.show(alert(error) + hint(self.spec.help))
        (self.view.add_class if error else self.view.remove_class)("rkw-invalid")

    def spread(self, complaints: Mapping[str, str]) -> None:
        """Show what is complained of here; the keys are paths from here, "" for the field itself."""
        self.complain(next(iter(complaints.values()), ""))

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong, by path."""
        return {self.spec.name: self.error} if self.error else {}

    def _choice(self, value: Any) -> Any:
        """Return what the widget of a switch or a list calls this value."""
        offered = {False: False, True: True} if self.spec.kind == "switch" else self.spec.labels()
        for key, choice in offered.items():
            if type(value) is type(choice) and value == choice:
                return key
        raise ParameterError(
            f"{self.spec.name}={value!r} is not one of {', '.join(repr(choice) for choice in offered.values())}."
        )

    def _moment(self, value: Any) -> date | time | None:
        kind: type[date] | type[time] = date if self.spec.kind == "date" else time
        try:
            return None if value in (None, "") else kind.fromisoformat(value)
        except (TypeError, ValueError):
            raise ParameterError(f"{self.spec.name}={value!r} is no {self.spec.kind}.") from None

    def _from_slider(self, change: Any) -> None:
        if not self._moving:
            self.input.value = as_text(float(f"{change['new']:.12g}"))

    def _to_slider(self, _: Any) -> None:
        """Put the slider where the number is; it stops at its ends, and the number stays what was typed."""
        number, span = self.read(), self.spec.span
        if self.slider and span and isinstance(number, int | float) and not isinstance(number, bool):
            self._moving = True
            try:
                self.slider.value = min(max(number, span.low), span.high)
            finally:
                self._moving = False


class NestedField:
    """The fields of a model inside of the model; where it may be None, a switch says whether it is there."""

    def __init__(self, spec: FieldSpec, *, sliders: bool = True) -> None:
        self.spec = spec
        self.error = ""
        self.fields: dict[str, Field | NestedField] = {
            part.name: make_field(part, sliders=sliders) for part in spec.parts
        }
        self.switch = w.Checkbox(description=spec.label, style=_LABEL, tooltip=spec.name, layout={"width": "auto"})
        head = self.switch if spec.optional else w.Label(spec.label).add_class("rkw-nested-title")
        self.note = Note(hint(spec.help))
        self._inner = w.VBox([field.view for field in self.fields.values()]).add_class("rkw-nested")
        self.view: w.VBox = w.VBox([head, self.note, self._inner]).add_class("rkw-field")
        self.switch.observe(lambda _: self._fold(), names="value")
        self.reset()

    @property
    def inputs(self) -> Iterator[w.Widget]:
        """The widgets whose values are what is set."""
        yield self.switch
        for field in self.fields.values():
            yield from field.inputs

    def read(self) -> dict[str, Any] | None:
        """Return the values by name, None where it is switched off."""
        return {name: field.read() for name, field in self.fields.items()} if self.switch.value else None

    @property
    def shown(self) -> str:
        """The values in words."""
        inner = ", ".join(f"{field.spec.label.lower()} {field.shown}" for field in self.fields.values())
        return inner if self.switch.value else "none"

    def write(self, value: Any) -> None:
        """Show the values of a model, a mapping, or None.

        Raises
        ------
        ParameterError
            A name is unknown, or a value is not one of the choices.
        """
        given = to_jsonable_python(value, fallback=str)
        if given is not None and not isinstance(given, Mapping):
            raise ParameterError(f"{self.spec.name}={value!r} is no set of values by name.")
        for name in given or {}:
            if name not in self.fields:
                near = did_you_mean(name, self.fields)
                raise ParameterError(f"{self.spec.name} has no field {name!r}. {near}")
        self.switch.value = given is not None or not self.spec.optional
        for name, one in (given or {}).items():
            self.fields[name].write(one)
        self._fold()

    def reset(self) -> None:
        """Show the defaults."""
        for field in self.fields.values():
            field.reset()
        self.write({} if self.spec.default is MISSING else self.spec.default)

    def spread(self, complaints: Mapping[str, str]) -> None:
        """Show each complaint beside the field that it belongs to; the keys are paths from here."""
        self.error = " ".join(words for path, words in complaints.items() if path.partition(".")[0] not in self.fields)
        self.note.show(alert(self.error) + hint(self.spec.help))
        for name, field in self.fields.items():
            field.spread(
                {path.partition(".")[2]: words for path, words in complaints.items() if path.partition(".")[0] == name}
            )

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong, by path."""
        own = {self.spec.name: self.error} if self.error else {}
        inner = (field.errors for field in self.fields.values())
        return own | {f"{self.spec.name}.{path}": words for found in inner for path, words in found.items()}

    def _fold(self) -> None:
        self._inner.layout.display = None if self.switch.value else "none"


def read_text(text: str, spec: FieldSpec) -> Any:
    """Return what a text means for a field; the text itself where it means nothing, for the model to refuse."""
    reader = _READERS.get(spec.kind)
    return text if reader is None else reader(text, spec)


def _read_number(text: str, _: FieldSpec | None = None) -> int | float | str:
    for reader in (int, float):
        try:
            return reader(text)
        except ValueError:
            pass
    return text.strip()


def _read_json(text: str, _: FieldSpec | None = None) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read_moment(text: str, _: FieldSpec | None = None) -> str:
    return text.strip()


def _read_list(text: str, spec: FieldSpec) -> Any:
    """Return a list, written as JSON or with commas between its items."""
    if (found := _read_json(text)) != text and isinstance(found, list):
        return found
    if text.lstrip().startswith("["):
        return text
    items = [item.strip() for item in text.split(",")] if text.strip() else []
    readers: dict[str, Callable[[str], Any]] = {"number": _read_number, "json": _read_json, "switch": _read_json}
    return [readers.get(spec.item, str)(item) for item in items]


_READERS: dict[str, Callable[[str, FieldSpec], Any]] = {
    "number": _read_number,
    "moment": _read_moment,
    "list": _read_list,
    "json": _read_json,
}


def _make_input(spec: FieldSpec) -> w.Widget:
    common = {"description": spec.label, "style": _LABEL, "tooltip": spec.name, "layout": {"width": "auto"}}
    if spec.kind == "switch":
        return w.Checkbox(**common)
    if spec.kind == "choice":
        return w.Dropdown(options=list(spec.labels()), **common)
    if spec.kind == "date":
        return w.DatePicker(**common)
    if spec.kind == "time":
        return w.TimePicker(step=1, **common)
    # A plain text box: the number boxes of ipywidgets clamp, round, and keep the old value when they are emptied.
    holder = "none" if spec.optional else _HOLDERS.get(spec.kind, "")
    return w.Text(continuous_update=False, placeholder=holder, **common)


def _make_slider(spec: FieldSpec, span: Span) -> w.Widget:
    kind = w.IntSlider if span.is_whole else w.FloatSlider
    slider = kind(
        value=span.low,
        min=span.low,
        max=span.high,
        step=span.step,
        readout=False,
        tooltip=f"{spec.label}: {as_text(span.low)} to {as_text(span.high)}",
        layout={"width": "auto"},
    )
    return slider.add_class("rkw-slider")
