"""What is typed for one axis of a search: a value, a list, or a range."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from research_kit.errors import OptionError, ParameterError, did_you_mean
from research_kit.runs.searches.asking import Between, between
from research_kit.widgets.forms.fields import FieldSpec, as_text

HELP = "One value, a list (5, 10, 20), or a range with both ends: 5:50 in steps of 1, 5:50:5, log 0.001:1."
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"(log\s+)?({_NUMBER})\s*:\s*({_NUMBER})(?:\s*:\s*({_NUMBER}))?")
_WORDS = {"yes": True, "true": True, "no": False, "false": False}

Axis = list[Any] | Between


def read_axis(text: str, spec: FieldSpec) -> Axis:
    """Return the values that a text asks for.

    Raises
    ------
    ParameterError
        It is empty, or holds what is no value of this parameter.

    Examples
    --------
    >>> spec = FieldSpec(name="fast", kind="number")
    >>> read_axis("5, 10, 20", spec), read_axis("7", spec), read_axis("5:50:5", spec).count
    ([5, 10, 20], [7], 10)
    """
    words = text.strip()
    if not words and not spec.optional:
        raise ParameterError(f"{spec.name} needs a value, a list or a range.")
    if spec.kind == "number" and (found := _RANGE.fullmatch(words)):
        return _range(spec, *found.groups())
    if spec.kind in ("json", "list", "nested"):
        return _read_json(words, spec)
    return list(dict.fromkeys(_read_value(part.strip(), spec) for part in words.split(",")))


def axis_count(axis: Axis) -> int | None:
    """Return how many values an axis has; None for a range without steps, from which a random search draws."""
    return axis.count if isinstance(axis, Between) else len(axis)


def axis_words(axis: Axis) -> str:
    """Return what an axis holds, in words.

    >>> axis_words(between(5, 50, 5)), axis_words([5]), axis_words([5, 10])
    ('10 values, 5 to 50', 'fixed', '2 values')
    """
    if isinstance(axis, Between):
        many = "drawn at random" if axis.count is None else f"{axis.count:,} values"
        return f"{many}, {axis.low:g} to {axis.high:g}"
    return "fixed" if len(axis) == 1 else f"{len(axis):,} values"


def axis_text(values: Any) -> str:
    """Return the text that ``read_axis`` reads as these values: what code gives, as it is typed.

    >>> axis_text(range(5, 50, 5)), axis_text([0.1, None]), axis_text(between(0.1, 0.3, 0.1)), axis_text(True)
    ('5:45:5', '0.1, none', '0.1:0.3:0.1', 'yes')
    """
    if isinstance(values, range) and len(values) > 1 and values.step > 0:
        return f"{values[0]}:{values[-1]}" + (f":{values.step}" if values.step > 1 else "")
    if isinstance(values, Between):
        step = "" if values.step is None else f":{as_text(values.step)}"
        return f"{'log ' if values.log else ''}{as_text(values.low)}:{as_text(values.high)}{step}"
    if isinstance(values, Sequence | range) and not isinstance(values, str):
        if any(isinstance(value, Sequence) and not isinstance(value, str) for value in values):
            return json.dumps(list(values))
        return ", ".join(map(_value_text, values))
    return _value_text(values)


def _value_text(value: Any) -> str:
    if value is None:
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else as_text(value)


def _range(spec: FieldSpec, log: str | None, low: str, high: str, step: str | None) -> Between:
    try:
        return between(_number(low), _number(high), None if step is None else _number(step), log=log is not None)
    except OptionError as error:
        raise ParameterError(f"{spec.name}: {error}") from None


def _read_value(text: str, spec: FieldSpec) -> Any:
    if spec.optional and text.lower() in ("", "none"):
        return None
    if spec.kind == "number":
        try:
            return _number(text)
        except ValueError:
            raise ParameterError(f"{spec.name}: {text!r} is no number. {HELP}") from None
    if spec.kind in ("switch", "choice"):
        return _choice(text, spec)
    return text


def _choice(text: str, spec: FieldSpec) -> Any:
    offered: Mapping[str, Any] = _WORDS if spec.kind == "switch" else {**spec.labels(), **_booleans(spec)}
    for word in (text, text.lower()):
        if word in offered:
            return offered[word]
    raise ParameterError(f"{spec.name}: {text!r} is not one of its values. {did_you_mean(text, offered)}")


def _booleans(spec: FieldSpec) -> Mapping[str, bool]:
    return _WORDS if True in spec.choices and False in spec.choices else {}


def _read_json(text: str, spec: FieldSpec) -> list[Any]:
    """Return a list of values that are lists themselves: JSON, each of them a tuple from then on."""
    try:
        found = json.loads(text)
    except ValueError:
        raise ParameterError(f"{spec.name} takes JSON: a list of its values, such as [[1, 2], [3, 4]].") from None
    values = found if isinstance(found, list) and any(isinstance(value, list | dict) for value in found) else [found]
    return [tuple(value) if isinstance(value, list) else value for value in values]


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)
