"""What becomes of a value that our columns refuse: the nearest one that they take, and why it was changed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa

from research_kit.store.json_values import clean_text, dump_json

INT_LIMIT = 2**31 - 1  # of PostgreSQL's INTEGER, to which a database may be copied
SYNONYMS = {
    "canceled": "cancelled",
    "done": "completed",
    "success": "completed",
    "finished": "completed",
    "error": "failed",
    "queued": "pending",
    "buy": "long",
    "sell": "short",
}
EPOCHS = ((1e8, 1e11, 1.0), (1e11, 1e14, 1e3), (1e14, 1e17, 1e6))  # seconds, milliseconds, microseconds since 1970


class Mended(NamedTuple):
    """A value that a column takes (None where there is none), and why it is another one; no reason, no change."""

    value: Any
    reason: str = ""


@dataclass(frozen=True)
class Rule:
    """What a column takes, read from its type and its checks."""

    mend: Callable[[Any, Rule], Mended]
    required: bool
    length: int | None = None
    low: float = -math.inf
    high: float = math.inf
    words: tuple[str, ...] = ()

    def apply(self, values: Sequence[Any]) -> tuple[list[Any], dict[int, str]]:
        """Return the values of many rows as a column takes them, and the reasons by place in the list."""
        if self._fits(values):
            return list(values), {}
        if set(map(type, values)) <= {str, type(None)}:  # the same words and times come again and again
            known = {text: self.mend(text, self) for text in set(values) if text is not None}
            done = [_of_nothing(self) if value is None else known[value] for value in values]
        else:
            done = [_of_nothing(self) if value is None else self.mend(value, self) for value in values]
        return [one.value for one in done], {i: one.reason for i, one in enumerate(done) if one.reason}

    def _fits(self, values: Sequence[Any]) -> bool:
        """Return whether all are surely fine: most columns are, and need no look at each value."""
        kinds = set(map(type, values)) - (set() if self.required else {type(None)})
        there = values if self.required else [value for value in values if value is not None]
        if not there:
            return not kinds
        if kinds == {float} and self.mend is mend_number:
            return math.isfinite(sum(there)) and min(there) >= self.low and max(there) <= self.high
        if kinds == {int} and self.mend is mend_integer:
            return bool(min(there) >= self.low and max(there) <= self.high)
        return kinds == {str} and bool(self.words) and set(there) <= set(self.words)


def rule_of(column: sa.Column[Any]) -> Rule:
    """Return the rule of a column of our tables.

    >>> from research_kit.store.tables import columns_of
    >>> rule = rule_of(columns_of("backtest_jobs").c.progress)
    >>> rule.apply([0.5, None, 1.7, float("nan")])[0]
    [0.5, None, 1.0, None]
    """
    kind = column.type.impl_instance if isinstance(column.type, sa.types.TypeDecorator) else column.type
    required, limits = not column.nullable, _limits(column)
    if isinstance(kind, sa.Integer):
        high = 2**63 - 1 if isinstance(_on_postgres(column), sa.BigInteger) else INT_LIMIT
        return Rule(mend_integer, required, **({"low": -high - 1, "high": high} | limits))
    if column.name == "result_data":
        return Rule(mend_result, required)
    if isinstance(kind, sa.String):
        return Rule(mend_word if limits else mend_text, required, length=kind.length, **limits)
    for type_, mend in ((sa.Float, mend_number), (sa.Boolean, mend_switch), (sa.DateTime, mend_time)):
        if isinstance(kind, type_):
            return Rule(mend, required, **limits)
    return Rule(mend_list if column.name == "columns" else mend_object, required)


def mend_number(value: Any, rule: Rule) -> Mended:
    try:
        number = float(value) if isinstance(value, int | float | Decimal | str) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        return Mended(None, "is no finite number")
    if rule.low <= number <= rule.high:
        return Mended(number, "is text" if isinstance(value, str) else "")
    words = f"is not between {rule.low:g} and {rule.high:g}" if math.isfinite(rule.high) else "is negative"
    if not rule.required:
        return Mended(None, words)
    return Mended(min(number, rule.high) if number > rule.low else _least(number, rule), words)


def mend_integer(value: Any, rule: Rule) -> Mended:
    number = mend_number(value, Rule(mend_number, rule.required))
    if number.value is None or number.value != int(number.value):
        return Mended(None, number.reason or "is no whole number")
    whole = value if isinstance(value, int) else int(number.value)
    if rule.low <= whole <= rule.high:
        return Mended(int(whole), number.reason)
    words = "is negative" if rule.low == 0 > whole else "is too large"
    return Mended(0 if rule.required and rule.low == 0 > whole else None, words)


def mend_text(value: Any, rule: Rule) -> Mended:
    text = value if isinstance(value, str) else _decoded(value)
    reason = "" if text is value else "is no text"
    clean = clean_text(text)
    if clean != text:
        text, reason = clean, "has characters that no database takes"
    if rule.length is not None and len(text) > rule.length:
        return Mended(text[: rule.length], f"is longer than {rule.length} characters")
    return Mended(text, reason)


def mend_word(value: Any, rule: Rule) -> Mended:
    if value in rule.words:
        return Mended(value)
    word = _decoded(value).strip().lower()
    return Mended(word if word in rule.words else SYNONYMS.get(word), f"is not one of {', '.join(rule.words)}")


def mend_switch(value: Any, _: Rule) -> Mended:
    if value in (0, 1, True, False):
        return Mended(bool(value))
    word = _decoded(value).strip().lower()
    if word in ("true", "yes", "t", "1", "false", "no", "f", "0"):
        return Mended(word in ("true", "yes", "t", "1"), "is text")
    return (
        Mended(True, "is not 0 or 1") if isinstance(value, int | float) else Mended(None, "is neither true nor false")
    )


def mend_time(value: Any, _: Rule) -> Mended:
    """Naive times are UTC, as the backend's page says: the same moment is no change."""
    if isinstance(value, datetime):
        return Mended(value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))
    if isinstance(value, int | float):
        scale = next((scale for low, high, scale in EPOCHS if low <= value < high), None)
        known = "" if scale is None else written(datetime.fromtimestamp(value / scale, UTC))
        return Mended(known or None, "is a number" if known else "is no time")
    try:
        moment = datetime.fromisoformat(value.strip())
        if moment.tzinfo is None:
            return Mended(value if _as_we_write(value) else written(moment))
        return Mended(written(moment), "has an offset")
    except (ValueError, OverflowError, AttributeError):
        return Mended(None, "is no time")


def mend_object(value: Any, _: Rule) -> Mended:
    return _mend_json(value, dict, "object")


def mend_list(value: Any, _: Rule) -> Mended:
    return _mend_json(value, list, "list")


def mend_result(value: Any, rule: Rule) -> Mended:
    """Mend a text that should be JSON; one that is not stays as it is."""
    text, reason = mend_text(value, rule)
    if _has_constants(text):
        try:
            return Mended(dump_json(json.loads(text, parse_constant=lambda _: None)), "holds NaN or infinity")
        except ValueError:
            pass
    return Mended(text, reason)


def written(moment: datetime) -> str:
    """Return a time as our tables hold it in SQLite."""
    plain = moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    return plain.isoformat(" ", "microseconds")


def _mend_json(value: Any, kind: type, word: str) -> Mended:
    text = value if isinstance(value, str) else _decoded(value)
    odd: list[str] = []
    try:
        found = json.loads(text, parse_constant=odd.append)
        if isinstance(found, str):  # written as JSON twice
            odd.append(found)
            found = json.loads(found, parse_constant=odd.append)
    except ValueError:
        return Mended(None, "is no JSON")
    if found is not None and not isinstance(found, kind):
        return Mended(None, f"is JSON, but no {word}")
    return Mended(dump_json(found), "holds NaN or infinity, or is text in text") if odd else Mended(text)


def _of_nothing(rule: Rule) -> Mended:
    return Mended(None, "is missing" if rule.required else "")


def _least(number: float, rule: Rule) -> float:
    """Return what a required number below its limit becomes: without its sign, or the limit of a fraction."""
    return abs(number) if math.isinf(rule.high) else rule.low


def _decoded(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _as_we_write(text: str) -> bool:
    return len(text) == len("2024-01-02 03:04:05.000000") and text[10] == " " and text[19] == "."


def _has_constants(text: str) -> bool:
    return "NaN" in text or "Infinity" in text


def _on_postgres(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    return column.type._variant_mapping.get("postgresql", column.type)


def _limits(column: sa.Column[Any]) -> dict[str, Any]:
    """Return what the checks of a table say of a column."""
    checks = [str(c.sqltext) for c in column.table.constraints if isinstance(c, sa.CheckConstraint)]
    mine = [text.removeprefix(f"{column.name} ") for text in checks if text.startswith(f"{column.name} ")]
    limits: dict[str, Any] = {}
    for text in mine:
        if text.startswith("IN "):
            limits["words"] = tuple(re.findall(r"'(\w+)'", text))
        elif text == "BETWEEN 0 AND 1":
            limits |= {"low": 0.0, "high": 1.0}
        else:
            limits["low"] = float(text.removeprefix(">= "))
    return limits
