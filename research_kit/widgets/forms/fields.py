"""What a form must offer for each field of a model, read from the model's JSON schema."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

Kind = Literal["switch", "choice", "number", "text", "date", "time", "moment", "list", "json", "nested"]
MISSING: Any = object()
_KINDS: dict[str, Kind] = {
    "boolean": "switch",
    "integer": "number",
    "number": "number",
    "string": "text",
    "array": "list",
}
_FORMATS: dict[str, Kind] = {"date": "date", "time": "time", "date-time": "moment"}
_STEPS = 100  # a slider for fractions has at least so many


@dataclass(frozen=True)
class Span:
    """What a slider runs over: both ends belong to it."""

    low: float
    high: float
    step: float

    @property
    def is_whole(self) -> bool:
        return isinstance(self.step, int)


@dataclass(frozen=True, kw_only=True)
class FieldSpec:
    """What an input must offer for a field; ``default`` is a JSON value, or MISSING.

    ``span`` is there where a number is bounded on both sides, ``parts`` are the fields of a nested model, and
    ``item`` says what a list holds.
    """

    name: str
    kind: Kind
    default: Any = MISSING
    optional: bool = False
    choices: tuple[Any, ...] = ()
    help: str = ""
    span: Span | None = None
    parts: tuple[FieldSpec, ...] = ()
    item: Kind = "json"

    @property
    def label(self) -> str:
        """The name in words."""
        return self.name.replace("_", " ").strip().capitalize() or self.name

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


def as_text(value: Any) -> str:
    """Return a JSON value as it is typed.

    >>> as_text(30.0), as_text(0.001), as_text(None), as_text([1, 2])
    ('30', '0.001', '', '[1, 2]')
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, float) and math.isfinite(value):
        return repr(value).removesuffix(".0")
    return json.dumps(value)


def _spec(name: str, schema: Mapping[str, Any], definitions: Mapping[str, Any], info: FieldInfo) -> FieldSpec:
    variants = list(_variants(schema, definitions))
    plain = [variant for variant in variants if variant.get("type") != "null"]
    optional = len(plain) < len(variants)
    choices = _choices(plain)
    nested = _nested(info.annotation) if len(plain) == 1 and "properties" in plain[0] else None
    kinds = {_kind(variant) for variant in plain}
    kind: Kind = "nested" if nested else "choice" if choices else kinds.pop() if len(kinds) == 1 else "json"
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
        help=_help(schema.get("description", ""), plain, kind, optional and not choices),
        span=_span(plain[0]) if kind == "number" and len(plain) == 1 else None,
        parts=tuple(field_specs(nested)) if nested else (),
        item=_item(plain[0], definitions) if kind == "list" else "json",
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


def _kind(variant: Mapping[str, Any]) -> Kind:
    return _FORMATS.get(variant.get("format", "")) or _KINDS.get(variant.get("type", ""), "json")


def _item(variant: Mapping[str, Any], definitions: Mapping[str, Any]) -> Kind:
    """Return of what kind the items of a list are; "json" where they are of several."""
    kinds = {_kind(item) for item in _variants(variant.get("items", {}), definitions)}
    return kinds.pop() if len(kinds) == 1 else "json"


def _nested(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation names, also inside of ``Optional`` and ``Annotated``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _nested(part))), None)


def _choices(variants: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    lists = [variant.get("enum", [variant["const"]] if "const" in variant else None) for variant in variants]
    return () if not lists or None in lists else tuple(choice for choices in lists for choice in choices or ())


def _default(info: FieldInfo) -> Any:
    if info.is_required():
        return MISSING
    return to_jsonable_python(info.get_default(call_default_factory=True, validated_data={}), fallback=str)


def _help(description: str, variants: Sequence[Mapping[str, Any]], kind: Kind, may_be_empty: bool) -> str:
    ways = {"list": "several, with commas", "moment": "such as 2024-01-31 09:30+00:00"}
    bounds = _bounds(variants[0]) if len(variants) == 1 else ""
    empty = "empty for none" if may_be_empty and kind != "nested" else ""
    parts = [part for part in (description.rstrip("."), bounds, ways.get(kind, ""), empty) if part]
    return f"{'; '.join(parts)}." if parts else ""


def _bounds(schema: Mapping[str, Any]) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"{as_text(low)} to {as_text(high)}"
    words = {"at least": low, "above": above, "at most": high, "below": below}
    return ", ".join(f"{word} {as_text(bound)}" for word, bound in words.items() if bound is not None)


def _span(schema: Mapping[str, Any]) -> Span | None:
    """Return what a slider runs over; None where a side is open to infinity, or there is nothing between."""
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    start, end = (above if low is None else low), (below if high is None else high)
    if start is None or end is None or not start < end:
        return None
    if schema.get("type") == "integer":
        span = Span(int(start) + (low is None), int(end) - (high is None), 1)
    else:
        step = 10.0 ** math.floor(math.log10((end - start) / _STEPS))
        span = Span(start + step * (low is None), end - step * (high is None), step)
    return span if span.low < span.high else None


def _choice_label(choice: Any) -> str:
    if choice is None:
        return "none"
    return ("yes" if choice else "no") if isinstance(choice, bool) else str(choice)
