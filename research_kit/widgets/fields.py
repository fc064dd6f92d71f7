"""One input for one field of a model: what is typed is what is validated, an empty optional field is None."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import ipywidgets as w
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from research_kit.errors import ParameterError
from research_kit.widgets.part import Note, alert, hint

Kind = Literal["switch", "choice", "number", "text", "json"]
MISSING: Any = object()
_KINDS: dict[str, Kind] = {"boolean": "switch", "integer": "number", "number": "number", "string": "text"}
_LABEL = {"description_width": "var(--rkw-label)"}


@dataclass(frozen=True, kw_only=True)
class FieldSpec:
    """What an input must offer for a field; ``default`` is a JSON value, or MISSING."""

    name: str
    kind: Kind
    default: Any = MISSING
    optional: bool = False
    choices: tuple[Any, ...] = ()
    help: str = ""

    def labels(self) -> dict[str, Any]:
        """Return what a list shows, and what it means: a Dropdown cannot tell None from nothing chosen."""
        plain = [_choice_label(choice) for choice in self.choices]
        return {
            label if plain.count(label) == 1 else repr(choice): choice
            for label, choice in zip(plain, self.choices, strict=True)
        }


def field_specs(model: type[BaseModel], names: Sequence[str] | None = None) -> list[FieldSpec]:
    """Return what the form of a model offers, from its JSON schema, for these fields or for all.

    >>> from research_kit.strategy.library import SmaCross
    >>> [(spec.name, spec.kind, spec.help) for spec in field_specs(SmaCross, ["fast"])]
    [('fast', 'number', 'Bars in the fast average; 2 to 200.')]
    """
    schema = model.model_json_schema(by_alias=False)
    definitions = schema.get("$defs", {})
    return [
        _spec(name, schema["properties"][name], definitions, model.model_fields[name])
        for name in (model.model_fields if names is None else names)
    ]


class Field:
    """An input with its label, its help, and the error that belongs to it."""

    def __init__(self, spec: FieldSpec) -> None:
        self.spec = spec
        self.input = _make_input(spec)
        self.note = Note(hint(spec.help))
        self.view = w.VBox([self.input, self.note]).add_class("rkw-field")
        self.error = ""
        self.reset()

    def read(self) -> Any:
        """Return what is typed or chosen, as the model is to validate it."""
        given = self.input.value
        if self.spec.kind == "switch":
            return given
        if self.spec.kind == "choice":
            return self.spec.labels().get(given)
        if self.spec.optional and not given.strip():
            return None
        return _READERS[self.spec.kind](given)

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
            It is not one of the choices.
        """
        shown = to_jsonable_python(value, fallback=str)
        if self.spec.kind in ("switch", "choice"):
            self.input.value = self._choice(shown)
        else:
            self.input.value = _as_text(shown)

    def reset(self) -> None:
        """Show the default; a field without one is empty."""
        if self.spec.default is not MISSING:
            self.write(self.spec.default)
        else:
            self.input.value = {"switch": False, "choice": None}.get(self.spec.kind, "")

    def complain(self, error: str) -> None:
        """Show an error beside the input; "" takes it away."""
        self.error = error
        self.note.show(alert(error) + hint(self.spec.help))
        (self.view.add_class if error else self.view.remove_class)("rkw-invalid")

    def _choice(self, value: Any) -> Any:
        """Return what the widget of a switch or a list calls this value."""
        offered = {False: False, True: True} if self.spec.kind == "switch" else self.spec.labels()
        for key, choice in offered.items():
            if type(value) is type(choice) and value == choice:
                return key
        raise ParameterError(
            f"{self.spec.name}={value!r} is not one of {', '.join(repr(choice) for choice in offered.values())}."
        )


def _spec(name: str, schema: Mapping[str, Any], definitions: Mapping[str, Any], info: FieldInfo) -> FieldSpec:
    variants = list(_variants(schema, definitions))
    plain = [variant for variant in variants if variant.get("type") != "null"]
    optional = len(plain) < len(variants)
    choices = _choices(plain)
    kinds = {_KINDS.get(variant.get("type", ""), "json") for variant in plain}
    kind: Kind = "choice" if choices else kinds.pop() if len(kinds) == 1 else "json"
    if kind == "switch" and optional:
        kind, choices = "choice", (True, False)
    if kind == "choice" and optional:
        choices = (None, *choices)
    return FieldSpec(
        name=name,
        kind=kind,
        default=_default(info),
        optional=optional,
        choices=choices,
        help=_help(schema.get("description", ""), plain, optional and not choices),
    )


def _variants(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the alternatives of a schema, references followed."""
    if "$ref" in schema:
        yield from _variants(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    elif "anyOf" in schema or "oneOf" in schema:
        for variant in schema.get("anyOf") or schema["oneOf"]:
            yield from _variants(variant, definitions)
    else:
        yield schema


def _choices(variants: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    lists = [variant.get("enum", [variant["const"]] if "const" in variant else None) for variant in variants]
    return () if not lists or None in lists else tuple(choice for choices in lists for choice in choices or ())


def _default(info: FieldInfo) -> Any:
    if info.is_required():
        return MISSING
    return to_jsonable_python(info.get_default(call_default_factory=True, validated_data={}), fallback=str)


def _help(description: str, variants: Sequence[Mapping[str, Any]], may_be_empty: bool) -> str:
    bounds = _bounds(variants[0]) if len(variants) == 1 else ""
    parts = [part for part in (description.rstrip("."), bounds, "empty for none" if may_be_empty else "") if part]
    return f"{'; '.join(parts)}." if parts else ""


def _bounds(schema: Mapping[str, Any]) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"{_as_text(low)} to {_as_text(high)}"
    words = {"at least": low, "above": above, "at most": high, "below": below}
    return ", ".join(f"{word} {_as_text(bound)}" for word, bound in words.items() if bound is not None)


def _make_input(spec: FieldSpec) -> w.Widget:
    label = spec.name.replace("_", " ").strip().capitalize() or spec.name
    common = {"description": label, "style": _LABEL, "tooltip": spec.name, "layout": {"width": "auto"}}
    if spec.kind == "switch":
        return w.Checkbox(**common)
    if spec.kind == "choice":
        return w.Dropdown(options=list(spec.labels()), **common)
    # A plain text box: the number boxes of ipywidgets clamp, round, and keep the old value when they are emptied.
    return w.Text(continuous_update=False, placeholder="none" if spec.optional else "", **common)


def _choice_label(choice: Any) -> str:
    if choice is None:
        return "none"
    return ("yes" if choice else "no") if isinstance(choice, bool) else str(choice)


def _read_number(text: str) -> int | float | str:
    """Return the number that was typed, or the text itself for the model to refuse."""
    for reader in (int, float):
        try:
            return reader(text)
        except ValueError:
            pass
    return text.strip()


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


_READERS: dict[str, Callable[[str], Any]] = {"number": _read_number, "text": str, "json": _read_json}


def _as_text(value: Any) -> str:
    """Return a JSON value as it is typed.

    >>> _as_text(30.0), _as_text(0.001), _as_text(None), _as_text([1, 2])
    ('30', '0.001', '', '[1, 2]')
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, float) and math.isfinite(value):
        return repr(value).removesuffix(".0")
    return json.dumps(value)
