"""Values of the backend as text, and back: with their kind, also those that JSON has no form for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

READ: Mapping[str, Callable[[str], Any]] = {
    "bytes": bytes.fromhex,
    "time": datetime.fromisoformat,
    "number": Decimal,
    "text": str,
}


def dump_original(value: Any) -> str:
    """Return a value as one line of text.

    >>> dump_original(float("nan")), dump_original("weird"), dump_original(b"x")
    ('NaN', '"weird"', '{"bytes": "78"}')
    """
    return json.dumps(value, default=_described)


def load_original(text: str) -> Any:
    """Return the value that ``dump_original`` was given.

    >>> load_original('{"bytes": "78"}'), load_original("1.7")
    (b'x', 1.7)
    """
    value = json.loads(text)
    if not isinstance(value, dict):
        return value
    [(kind, words)] = value.items()
    return READ[kind](words)


def _described(value: Any) -> dict[str, str]:
    if isinstance(value, bytes | memoryview):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, Decimal):
        return {"number": str(value)}
    return {"text": str(value)}
