"""The one place where Python values become JSON values: no NaN, no infinity, nothing that a database refuses."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set, ValuesView
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import singledispatch
from pathlib import PurePath
from typing import Any
from uuid import UUID

import numpy as np

from research_kit.errors import StoreError


class JsonDict(dict[str, Any]):
    """A dict that ``to_json`` made already: it is written as it is, not converted again."""


def to_json(value: Any) -> Any:
    """Return a value made of None, bool, int, float, str, list and dict only.

    NaN and infinity become None, numpy scalars and arrays Python numbers and lists, times ISO 8601 text in UTC
    (``NaT`` None), a ``Decimal`` a float, an ``Enum`` its value, a path its text, a pydantic model its fields. Text
    keeps every character that a database can hold; NUL and lone surrogates become U+FFFD. Keys become text.

    Raises
    ------
    StoreError
        The value, or one inside it, has no JSON form, or it contains itself.

    Examples
    --------
    >>> import numpy as np
    >>> to_json({"fast": np.int64(10), "sharpe": float("nan"), "at": np.datetime64("2024-01-02")})
    {'fast': 10, 'sharpe': None, 'at': '2024-01-02'}
    """
    try:
        return _convert(value)
    except RecursionError:
        raise StoreError("A value that contains itself cannot be stored as JSON; give plain lists and dicts.") from None


def dump_json(value: Any) -> str:
    """Return a value as JSON text, through ``to_json``.

    >>> dump_json({"a": float("inf")})
    '{"a": null}'
    """
    return json.dumps(to_json(value), allow_nan=False, ensure_ascii=False)


def load_json(text: str) -> Any:
    """Return what JSON text holds; the ``NaN`` and ``Infinity`` that other programs write are read as None.

    >>> load_json('{"a": NaN}')
    {'a': None}
    """
    return json.loads(text, parse_constant=lambda _: None)


def clean_text(text: str) -> str:
    """Return text without the two things that databases refuse: NUL and lone surrogates become U+FFFD.

    >>> clean_text("a" + chr(0) + "b") == "a" + chr(0xFFFD) + "b"
    True
    """
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _convert(value: Any) -> Any:
    common = _COMMON.get(type(value))  # a sweep records ten thousand trials: most values are one of these
    return common(value) if common is not None else _convert_other(value)


@singledispatch
def _convert_other(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)  # a pydantic model: options, a strategy
    if callable(dump):
        return _convert(dump(mode="json"))
    if isinstance(value, Mapping):
        return _from_mapping(value)
    to_list = getattr(value, "tolist", None)  # a pandas Series or Index
    if callable(to_list):
        return _convert(to_list())
    if isinstance(value, Sequence | Set | ValuesView):  # not any iterable: a DataFrame yields only its column names
        return [_convert(item) for item in value]
    if type(value).__name__ == "NAType":
        return None
    raise StoreError(f"A {type(value).__name__} has no JSON form; store numbers, text, times, lists or dicts.")


def _register(*types: type, to: Callable[[Any], Any]) -> None:
    for kind in types:
        _convert_other.register(kind)(to)


def _from_float(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _from_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    converted = {_key(key): _convert(item) for key, item in value.items()}
    if len(converted) < len(value):
        raise StoreError(f"Two keys of a mapping are the same text in JSON; the keys are {list(value)!r:.200}.")
    return converted


def _key(key: Any) -> str:
    text = _convert(key)
    return text if isinstance(text, str) else json.dumps(text)


def _from_datetime(value: datetime) -> str | None:
    if type(value).__name__ == "NaTType":  # pandas' NaT is a datetime without a time
        return None
    return value.isoformat() if value.tzinfo is None else value.astimezone(UTC).isoformat()


def _from_numpy_time(value: np.datetime64) -> str | None:
    return None if np.isnat(value) else str(value)


def _from_numpy_span(value: np.timedelta64) -> float | None:
    return None if np.isnat(value) else float(value / np.timedelta64(1, "s"))


def _from_items(value: Iterable[Any]) -> list[Any]:
    return [_convert(item) for item in value]


def _from_array(value: np.ndarray[Any, Any]) -> Any:
    kind = value.dtype.kind
    if kind in "biu" or (kind == "f" and np.isfinite(value).all()):
        return value.tolist()
    if kind == "M" and not np.isnat(value).any():
        return np.datetime_as_string(value).tolist()
    return _convert(value.tolist() if kind in "fU" else list(value))


def _from_set(value: Iterable[Any]) -> list[Any]:
    return sorted((_convert(item) for item in value), key=json.dumps)  # the same set, the same text


def _from_bytes(value: bytes) -> Any:
    raise StoreError("Bytes have no JSON form; store them as text, or in a file.")


_register(bool, np.bool_, to=bool)
_register(type(None), to=lambda value: value)
_register(int, np.integer, to=int)
_register(float, np.floating, to=_from_float)
_register(Decimal, to=lambda value: _from_float(float(value)) if value.is_finite() else None)
_register(str, to=lambda value: clean_text(str.__str__(value)))  # of a member of a text Enum: its value
_register(dict, to=_from_mapping)
_register(list, tuple, to=_from_items)
_register(np.ndarray, to=_from_array)
_register(set, frozenset, to=_from_set)
_register(datetime, to=_from_datetime)
_register(date, to=lambda value: value.isoformat())
_register(timedelta, to=lambda value: value.total_seconds())
_register(np.datetime64, to=_from_numpy_time)
_register(np.timedelta64, to=_from_numpy_span)
_register(Enum, to=lambda value: _convert(value.value))
_register(PurePath, UUID, to=lambda value: clean_text(str(value)))
_register(bytes, bytearray, memoryview, to=_from_bytes)

_COMMON: dict[type, Callable[[Any], Any]] = {
    type(None): lambda value: value,
    bool: lambda value: value,
    int: lambda value: value,
    float: _from_float,
    str: clean_text,
    dict: _from_mapping,
    list: _from_items,
    JsonDict: lambda value: value,
}
