"""What the verbs of this room are given, and the checks that a row passes before any transaction begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from functools import cache
from secrets import token_hex
from typing import Any
from unicodedata import category

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from research_kit.errors import OptionError, StoreError, did_you_mean
from research_kit.store.files import StoredFile
from research_kit.store.json_values import clean_text, to_json
from research_kit.store.tables import (
    METRIC_COLUMNS,
    STRATEGY_ORIGINS,
    SWEEP_KINDS,
    TRIAL_KINDS,
    TRIAL_STATES,
    columns_of,
)

ERROR_LENGTH = 20_000  # characters of a message that are kept
HASH_LENGTH = 64

TradeColumn = Sequence[Any] | NDArray[Any]

NAME_LENGTH: int = columns_of("datasets").c["name"].type.length  # type: ignore[attr-defined]
_HIDDEN = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of characters, line and paragraph separators


@dataclass(frozen=True, kw_only=True)
class NewDataset:
    """A version of a dataset to be remembered; the fields are the columns of ``datasets``.

    ``parents`` are the ids of what it was made from, the first of them becomes ``parent_id``; without any, the version
    before it under its name is its parent. ``lineage`` says how it was made; None for an import.
    ``origin`` says which vendor it was fetched from. ``data_until`` is when
    its data ends; the end of the last bar when not given.
    """

    name: str
    file_path: str
    sha256: str
    file_size: int
    rows_count: int
    columns: Sequence[str]
    timeframe: str
    session: str = "24/7"
    filename: str = ""
    start_date: datetime | None = None
    end_date: datetime | None = None
    missing_data_pct: float | None = None
    data_quality_score: float | None = None
    has_gaps: bool | None = None
    timezone: str = "UTC"
    symbol: str = ""
    exchange: str = ""
    data_source: str = ""
    quality_checks: Mapping[str, Any] = field(default_factory=dict)
    source_sha256: str | None = None
    import_options: Mapping[str, Any] = field(default_factory=dict)
    parents: Sequence[int] = ()
    lineage: Mapping[str, Any] | None = None
    origin: Mapping[str, Any] | None = None
    data_until: datetime | None = None

    def __post_init__(self) -> None:
        check_dataset_name(self.name)


@dataclass(frozen=True, kw_only=True)
class NewStrategy:
    """A strategy's source to be remembered; the fields are the columns of ``strategies``."""

    name: str
    source: str
    source_sha256: str
    origin: str = "workspace"
    module_path: str = ""
    class_name: str = ""
    description: str = ""
    parameters_schema: Mapping[str, Any] = field(default_factory=dict)
    default_parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_word("origin", self.origin, STRATEGY_ORIGINS)


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A backtest to be run; the fields are the columns of ``backtest_jobs``, ``spec`` is all that identifies it."""

    strategy: str
    spec: Mapping[str, Any]
    spec_hash: str
    strategy_params: Mapping[str, Any] = field(default_factory=dict)
    engine_options: Mapping[str, Any] = field(default_factory=dict)
    dataset_path: str = ""
    dataset_id: int | None = None
    strategy_id: int | None = None
    dataset_sha256: str | None = None
    strategy_sha256: str | None = None
    engine_version: str = ""
    seed: int = 0
    total_steps: int | None = None
    estimated_duration: float | None = None
    max_attempts: int = 1


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One thing that was tried: the same ``spec_hash`` is the same trial.

    ``daily_returns`` are fractions, one a day from ``first_day``; ``mean`` to ``kurtosis`` (raw) are of these.
    """

    spec_hash: str
    kind: str
    strategy_name: str
    state: str = "completed"
    dataset_id: int | None = None
    dataset_sha256: str | None = None
    strategy_sha256: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    backtest_job_id: int | None = None
    sweep_id: int | None = None
    daily_returns: NDArray[np.floating[Any]] | None = None
    first_day: date | None = None
    mean: float | None = None
    std: float | None = None
    skew: float | None = None
    kurtosis: float | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    engine_version: str | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        check_word("kind", self.kind, TRIAL_KINDS)
        check_word("state", self.state, TRIAL_STATES)
        returns = self.daily_returns
        if returns is not None and not (returns.ndim == 1 and np.isfinite(returns).all()):
            raise StoreError("The daily returns of a trial must be one row of finite numbers.")


@dataclass(frozen=True, kw_only=True)
class JobOutcome:
    """What a job leaves when it completes.

    ``trades`` holds a sequence for each column of ``trades``, all of one length (times as datetime64, int64
    nanoseconds UTC or aware times); ``metrics`` a number or None by name, ``reasons`` why one is None; ``results``
    and ``result_data`` what the schema keeps of equity, trades and metrics, ``equity`` the file of the full curve,
    ``orders_sha256`` the hash of its orders.
    """

    trades: Mapping[str, TradeColumn] = field(default_factory=dict)
    metrics: Mapping[str, float | int | None] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    result_data: Mapping[str, Any] = field(default_factory=dict)
    equity: StoredFile | None = None
    orders_sha256: str | None = None
    trial: TrialRecord | None = None


@dataclass(frozen=True, kw_only=True)
class NewSweep:
    """A search over parameter sets, or a walk-forward; the fields are the columns of ``sweeps``.

    ``sets_hash`` is a sha256 of all that identifies it (strategy, data, options and every set): the same sweep asked
    again has the same. ``settings`` holds what else describes it, such as the windows of a walk-forward.
    """

    strategy_name: str
    method: str
    sets_hash: str
    kind: str = "sweep"
    strategy_sha256: str | None = None
    strategy_class: str = ""
    dataset_id: int | None = None
    dataset_sha256: str | None = None
    objective: str = ""
    grid: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        check_word("kind", self.kind, SWEEP_KINDS)


@dataclass(frozen=True)
class Lease:
    """Who works on a sweep, and the token that proves it: a new one for each lease."""

    worker_id: str
    token: str = field(default_factory=lambda: token_hex(16))


@dataclass(frozen=True, kw_only=True)
class NewNotebookRun:
    """A notebook to be run with parameters; the fields are the columns of ``notebook_runs``."""

    notebook: str
    notebook_sha256: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    batch: str | None = None
    position: int | None = None
    inputs_hash: str | None = None


def check_dataset_name(name: str) -> str:
    """Return a name that a dataset may have: any text that can be seen, at most 200 characters long.

    A name is never part of a path: files are named by their content.

    Raises
    ------
    OptionError
        It is empty, too long, no text, or holds a line break or another character that no screen shows.

    Examples
    --------
    >>> check_dataset_name("../../SPY <daily>")
    '../../SPY <daily>'
    """
    if not isinstance(name, str) or not name.strip():
        raise OptionError(f"A dataset needs a name that can be seen; {name!r} is none. Give one, such as 'SPY daily'.")
    if len(name) > NAME_LENGTH:
        raise OptionError(
            f"A dataset's name has at most {NAME_LENGTH} characters; {name[:30] + '…'!r} has {len(name):,}. Shorten it."
        )
    hidden = hidden_sign(name)
    if hidden is not None:
        raise OptionError(
            f"A dataset's name cannot hold {hidden!r}, which no screen shows: {name!r}. Give one without it."
        )
    return name


def hidden_sign(text: str) -> str | None:
    """Return the first character that no screen shows, None where there is none.

    >>> hidden_sign("a" + chr(10)) == chr(10), hidden_sign("a b")
    (True, None)
    """
    return next((sign for sign in text if category(sign) in _HIDDEN), None)


def check_word(name: str, word: str, allowed: Sequence[str]) -> None:
    """Raise ``StoreError`` with the nearest match where a word is not one of those allowed."""
    if word not in allowed:
        raise StoreError(f"{name}={word!r} is not one of its words. {did_you_mean(word, allowed)}")


def checked_hashes(hashes: Sequence[str]) -> list[str]:
    """Return spec hashes that a column can take, or raise ``StoreError``."""
    for mark in hashes:
        if not (isinstance(mark, str) and len(mark) <= HASH_LENGTH and mark.isalnum() and mark.isascii()):
            raise StoreError(f"A spec hash has at most {HASH_LENGTH} letters and digits; {mark!r:.100} is none.")
    return list(hashes)


def row_of(table: str, record: Any) -> dict[str, Any]:
    """Return the fields of a record that are columns of a table, checked."""
    return checked_row(table, {name: getattr(record, name) for name in _shared_names(table, record.__class__)})


def checked_row(table: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that the columns of a table can take.

    Raises
    ------
    StoreError
        A text is too long, a number is not whole or not a number, a time has no zone, or what is needed is missing.
    """
    checks = _column_checks(table)
    return {name: checks[name](value) for name, value in values.items()}


def metrics_row(metrics: Mapping[str, float | int | None], reasons: Mapping[str, str]) -> dict[str, Any]:
    """Return the row of ``backtest_metrics``: metrics without a column of their own go to ``extra``."""
    for name, value in metrics.items():
        if value is not None and not isinstance(to_json(value), int | float):
            raise StoreError(f"The metric {name!r} is {value!r}; a metric is a finite number, or None with a reason.")
    own = {name: metrics.get(name) for name in METRIC_COLUMNS}
    extra = {name: value for name, value in metrics.items() if name not in METRIC_COLUMNS}
    return checked_row("backtest_metrics", {**own, "extra": to_json(extra), "reasons": to_json(reasons)})


def short_text(text: object, limit: int) -> str:
    """Return text cut to a length, with an ellipsis where something was cut.

    >>> short_text("a long message", 7)
    'a long…'
    """
    clean = clean_text(str(text))
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


@cache
def _column_checks(table: str) -> dict[str, Callable[[Any], Any]]:
    """Return for each column of a table the function that checks a value for it."""
    return {column.name: _column_check(column) for column in columns_of(table).columns}


def _column_check(column: sa.Column[Any]) -> Callable[[Any], Any]:
    kind = column.type.impl_instance if isinstance(column.type, sa.types.TypeDecorator) else column.type
    check = next((check for wanted, check in _CHECKS if isinstance(kind, wanted)), None)

    def checked(value: Any) -> Any:
        if value is not None:
            return value if check is None else check(column.name, kind, value)
        if column.nullable:
            return None
        raise StoreError(f"{column.table.name}.{column.name} is needed and was not given.")

    return checked


def _text(name: str, kind: Any, value: Any) -> str:
    text = to_json(value)
    if not isinstance(text, str):
        raise StoreError(f"{name} is text; {value!r} is not.")
    if kind.length is not None and len(text) > kind.length:
        raise StoreError(f"{name} has {len(text)} characters, at most {kind.length} are allowed: {text[:40]!r}…")
    return text


def _whole(name: str, _: Any, value: Any) -> int:
    number = to_json(value)
    if not isinstance(number, int | float) or number != int(number):
        raise StoreError(f"{name} is a whole number; {value!r} is not.")
    return int(number)


def _number(name: str, _: Any, value: Any) -> float | None:
    number = to_json(value)
    if number is not None and not isinstance(number, int | float):
        raise StoreError(f"{name} is a number; {value!r} is not.")
    return number


def _time(name: str, _: Any, value: Any) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise StoreError(f"{name} needs a time with its zone, such as datetime.now(UTC); {value!r} has none.")
    to_python = getattr(value, "to_pydatetime", None)  # a pandas Timestamp; its nanoseconds have no column
    return (to_python(warn=False) if to_python else value).astimezone(UTC)


_CHECKS: tuple[tuple[type, Callable[[str, Any, Any], Any]], ...] = (
    (sa.String, _text),  # Text as well
    (sa.Boolean, lambda *given: bool(given[2])),
    (sa.Integer, _whole),
    (sa.Float, _number),
    (sa.DateTime, _time),
    (sa.JSON, lambda *given: to_json(given[2])),
)


@cache
def _shared_names(table: str, record: type) -> tuple[str, ...]:
    names = {column.name for column in columns_of(table).columns}
    return tuple(item.name for item in fields(record) if item.name in names)
